"""Directions from disagreeing gradients: published values, who is shared, who is left out."""

from importlib.util import find_spec
from typing import get_args

import numpy as np
import pytest
import torch
from fit_fixtures import new_member, noisy
from numpy_reference import schema_of

from mtl_nas.blocks import Expert
from mtl_nas.composition import compose
from mtl_nas.design import Design, Level, Losses
from mtl_nas.design.losses import Aggregation
from mtl_nas.errors import DesignError
from mtl_nas.model import build
from mtl_nas.training.balancing import aggregation
from mtl_nas.training.balancing.aggregation import NEEDED, GradientAggregation, aggregator
from mtl_nas.training.balancing.shared_parameters import SharedParameter, shared

if find_spec("torchjd") is None:  # not importorskip: torchjd takes a second to import
    pytest.skip("extra [gradients]", allow_module_level=True)
NAMES = [name for name in get_args(Aggregation) if name != "none" and all(map(find_spec, NEEDED.get(name, ())))]
pytestmark = pytest.mark.filterwarnings("ignore:You are solving a parameterized problem that is not DPP")
BOTH, ALL = torch.tensor([True, True]), torch.tensor([True, True, True])
GOLDEN = {  # of J = [[-4, 1, 1], [6, 1, 1]]; the second and third component are equal
    "upgrad": (0.2929, 1.9004),
    "dualproj": (0.5563, 1.1109),
    "mgda": (0.0, 1.0),
    "pcgrad": (0.5848, 3.8012),
    "gradvac": (0.5848, 3.8012),
    "cagrad": (0.1835, 1.2041),
    "nash_mtl": (0.0542, 0.7061),
    "aligned_mtl": (0.2133, 0.9673),
    "imtl_g": (0.0767, 1.0),
    "config": (0.1588, 2.0706),
    "fairgrad": (0.0766, 0.9985),
}


def parameter(*shape: int) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64))


def rows(*values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.oracle
@pytest.mark.parametrize("name", [name for name in GOLDEN if name in NAMES])
def test_aggregators_have_their_published_values(name):
    torch.manual_seed(0)
    weight = parameter(3)
    jacobian = rows([-4, 1, 1], [6, 1, 1])
    GradientAggregation(name, 2, [SharedParameter(weight, None)]).fill(jacobian @ weight, BOTH)
    first, second = GOLDEN[name]
    assert weight.grad.tolist() == pytest.approx([first, second, second], abs=1e-4)


def test_gradient_sign_dropout_keeps_one_sign_and_follows_the_seed():
    jacobian = rows([-4, 1, 1], [6, 1, 2])
    drawn = []
    for seed in range(20):
        torch.manual_seed(seed)
        drawn.append(aggregator("graddrop", 2)(jacobian).tolist())
        torch.manual_seed(seed)
        assert aggregator("graddrop", 2)(jacobian).tolist() == drawn[-1]
    assert {one[0] for one in drawn} == {-4.0, 6.0}
    assert all(one[1:] == [2.0, 3.0] for one in drawn)


@pytest.mark.parametrize("name", NAMES)
def test_private_weights_tables_and_penalties_get_the_plain_sum(name):
    torch.manual_seed(0)
    weight, private, table = parameter(3), parameter(2), parameter(2, 2)
    terms = rows([-4, 1, 1], [6, 1, 1]) @ weight + 3 * private + 5 * table.sum()
    penalty = 7 * private.sum() + 11 * weight[0] + 13 * table.sum()
    GradientAggregation(name, 2, [SharedParameter(weight, None)]).fill(terms, BOTH, [penalty])
    assert private.grad.tolist() == [10.0, 10.0]
    assert table.grad.tolist() == [[23.0, 23.0], [23.0, 23.0]]
    torch.manual_seed(0)
    wanted = aggregator(name, 2)(rows([-4, 1, 1], [6, 1, 1])) + rows([11, 0, 0])[0]
    assert weight.grad.tolist() == pytest.approx(wanted.tolist(), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_private_members_of_a_stack_neither_count_nor_change(name):
    """Members 0 and 2 are shared; member 1 belongs to the first task and has a gradient a thousand times larger."""
    stack, alone = parameter(3, 2), parameter(4)
    jacobian = rows([-4, 1, 1, 2], [6, 1, 1, 0])
    members = torch.tensor([0, 2])
    torch.manual_seed(0)
    own = torch.stack([4000 * stack[1, 0] - 4000 * stack[1, 1], 0 * stack[1, 0]])
    stacked = GradientAggregation(name, 2, [SharedParameter(stack, members)])
    stacked.fill(jacobian @ stack[members].flatten() + own, BOTH)
    torch.manual_seed(0)
    GradientAggregation(name, 2, [SharedParameter(alone, None)]).fill(jacobian @ alone, BOTH)
    torch.testing.assert_close(stack.grad[members].flatten(), alone.grad, rtol=1e-9, atol=1e-12)
    assert stack.grad[1].tolist() == [4000.0, -4000.0]


@pytest.mark.parametrize("zero", ["absent", "present"])
@pytest.mark.parametrize("name", NAMES)
def test_a_row_of_zeros_is_dropped(name, zero):
    """As if the task did not exist; an aggregator that remembers all tasks lets such a step be the plain sum."""
    jacobian = rows([-4, 1, 1], [0, 0, 0], [6, 1, 1])
    present = torch.tensor([True, zero == "present", True])
    weight = parameter(3)
    torch.manual_seed(0)
    GradientAggregation(name, 3, [SharedParameter(weight, None)]).fill(jacobian @ weight, present)
    torch.manual_seed(0)
    remembers = name in ("nash_mtl", "gradvac")
    wanted = jacobian.sum(dim=0) if remembers else aggregator(name, 2)(jacobian[[0, 2]])
    assert weight.grad.tolist() == pytest.approx(wanted.tolist(), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("present", [[True, False], [False, False]])
def test_one_task_or_none_is_the_plain_sum(name, present):
    weight = parameter(3)
    terms = rows([-4, 1, 1], [6, 1, 1]) @ weight * torch.tensor(present)
    GradientAggregation(name, 2, [SharedParameter(weight, None)]).fill(terms, torch.tensor(present))
    assert weight.grad.tolist() == ([-4.0, 1.0, 1.0] if present[0] else [0.0, 0.0, 0.0])


@pytest.mark.parametrize("name", NAMES)
def test_tasks_that_agree_are_no_error_nor_are_endless_gradients(name):
    for jacobian in (rows([1, 2], [1, 2], [1, 2]), rows([1e-9, 0], [-1e-9, 1e-12], [0, 1e3]), rows([np.inf, 1])):
        weight = parameter(2)
        terms = jacobian.expand(3, 2) @ (weight + 1e-3)
        GradientAggregation(name, 3, [SharedParameter(weight, None)]).fill(terms, ALL)
        assert weight.grad.isfinite().all() or jacobian.isinf().any()


def network(*, specific: int = 1):
    schema = schema_of("click", "buy")
    level = Level(shared=2, specific=specific, expert=Expert(hidden=(3,)))
    return build(compose(Design(levels=(level, level)), schema), seed=1)


def test_what_is_shared_is_what_two_tasks_reach_in_the_graph():
    """In PLE, specific experts below the last level are shared, by the gate of the shared state."""
    net = network()
    shared_by_id = {id(one.parameter): one for one in shared(net.reaching(), net.tables())}
    assert not any(id(table) in shared_by_id for table in net.tables())
    assert {id(table) for table in net.tables()} < {id(one.parameter) for one in shared(net.reaching())}
    several = {node for node, tasks in net.architecture.reaching.items() if len(tasks) > 1}
    assert {"level0/expert/click/0", "level0/gate", "level1/expert/0"} <= several
    assert not {"level1/expert/click/0", "level0/gate/click", "tower/click"} & several
    mixed = 0
    for node, tensor, index in net.uses():
        one = shared_by_id.get(id(tensor))
        is_shared = one is not None and (one.members is None or index in one.members)
        assert is_shared == (node in several and not any(tensor is table for table in net.tables()))
        mixed += one is not None and one.members is not None
    assert mixed  # the experts of the last level: shared and specific ones in one stack


@pytest.mark.parametrize("embeddings", [False, True])
def test_a_step_equals_the_aggregated_jacobian_of_the_whole_network(embeddings):
    """Every task's gradient by every parameter, from separate backward passes; tables and last experts keep the sum."""
    losses = Losses(aggregation="upgrad", aggregate_embeddings=embeddings, weights={"price": 0.5})
    member = new_member(noisy(dropout=0.0).model_copy(update={"losses": losses}))
    backward, batch = member.backward, torch.arange(40)
    features = {name: column[batch] for name, column in member.batches.inputs.items()}
    targets = member.batches.targets.at(batch)

    def terms() -> torch.Tensor:
        return backward.objective.terms(backward.forward(features), targets)[0]

    parameters = list(member.network.parameters())
    by_task = [torch.autograd.grad(terms()[task], parameters, allow_unused=True) for task in range(4)]
    whole = [
        [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)]
        for gradients in by_task
    ]
    reached = {id(parameter): [len(names) > 1 for names in tasks] for parameter, tasks in member.network.reaching()}
    if not embeddings:
        reached |= {id(table): [False] * len(table) for table in member.network.tables()}
    masks = [torch.tensor(reached[id(p)]).view(-1, *[1] * (p.ndim - 1)).expand_as(p) for p in parameters]
    jacobian = torch.stack([torch.cat([g[mask] for g, mask in zip(one, masks, strict=True)]) for one in whole])
    direction, start = aggregator("upgrad", 4)(jacobian), 0
    backward.fill(features, targets)
    for parameter, mask, *gradients in zip(parameters, masks, *whole, strict=True):
        wanted = sum(gradients)
        wanted[mask] = direction[start : (start := start + int(mask.sum()))]
        torch.testing.assert_close(parameter.grad, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("name", "package"), [("pcgrad", "torchjd"), ("cagrad", "cvxpy"), ("nash_mtl", "ecos")])
def test_a_missing_package_is_said_in_one_line_when_the_aggregator_is_made(name, package, monkeypatch):
    monkeypatch.setattr(aggregation, "find_spec", lambda one: None if one == package else object())
    wanted = rf"^losses.aggregation: {name} needs {package}: pip install 'mtl_nas\[gradients\]'$"
    with pytest.raises(DesignError, match=wanted):
        aggregator(name, 2)
    aggregation.refuse_missing("none")
