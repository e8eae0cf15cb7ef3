"""Loss weightings against their formulas and against torchjd's; a task without a valid row is out of the step."""

import math

import numpy as np
import pytest
import torch
from numpy_reference import schema_of

from mtl_nas.composition import compose
from mtl_nas.data import Schema, Task
from mtl_nas.design import Design, Losses
from mtl_nas.errors import DesignError
from mtl_nas.training.balancing.shared_parameters import SharedParameter, last_shared
from mtl_nas.training.losses import BatchTargets
from mtl_nas.training.objective import WEIGHTINGS, Objective

FUNNEL = schema_of("click", "buy<click", "pay<buy")
EVERY = torch.tensor([True, True, True])
WITHOUT = torch.tensor([True, False, True])


def numbers(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def last(width: int = 2) -> SharedParameter:
    return SharedParameter(torch.nn.Parameter(torch.ones(1, width, 2, dtype=torch.float64)), None)


def weighting(name: str, tasks: int, shared: SharedParameter | None = None):
    return WEIGHTINGS[name](tasks, shared).double()


def losses_of(shared: SharedParameter, gradients: torch.Tensor) -> torch.Tensor:
    """Losses (T,) whose gradient by the shared weights has the norms ``gradients``."""
    return gradients * shared.parameter.flatten()[0]


def state(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_an_absent_task_pulls_nothing_and_its_state_stays(name):
    torch.manual_seed(0)
    shared = last()
    module = weighting(name, 3, shared)
    for factor in (1.0, 0.7, 0.9):  # with all tasks there, so that there is a state
        module(losses_of(shared, factor * numbers(0.5, 2.0, 3.0)), EVERY).sum().backward()
        module.after_step(lambda: numbers(0.4, 1.8, 2.9))
        module.epoch_ended()
    before = state(module)
    losses = losses_of(shared, numbers(0.5, 0.0, 3.0))
    module.zero_grad()
    terms = module(losses, WITHOUT)
    (gradients,) = torch.autograd.grad(terms.sum(), losses, retain_graph=True)
    terms.sum().backward()
    assert terms[1] == 0.0
    assert terms.isfinite().all()
    assert gradients.isfinite().all()
    assert gradients[[0, 2]].all()
    assert name == "static" or gradients[1] == 0.0
    assert all(parameter.grad is None or parameter.grad[1] == 0.0 for parameter in module.parameters())
    module.after_step(lambda: numbers(0.4, 0.0, 2.9))
    module.epoch_ended()
    after = state(module)
    assert all(torch.equal(after[key][1], before[key][1]) for key in before if after[key].ndim)


@pytest.mark.parametrize("name", ["uncertainty", "dwa", "gls", "rlw", "gradnorm", "famo"])
def test_with_a_task_absent_the_others_are_weighed_as_if_it_did_not_exist(name):
    shared = last()
    three, two = weighting(name, 3, shared), weighting(name, 2, shared)
    for step in range(5):
        values = numbers(0.5, 0.0, 3.0) * numbers(0.9, 1.0, 0.8) ** step
        torch.manual_seed(step)
        actual = three(losses_of(shared, values), WITHOUT)
        if name == "rlw":
            torch.manual_seed(step)
            drawn = torch.randn(3)[[0, 2]].double()
            wanted = torch.softmax(drawn, 0) * values[[0, 2]]
        else:
            wanted = two(losses_of(shared, values[[0, 2]]), EVERY[:2])
        torch.testing.assert_close(actual[[0, 2]], wanted, rtol=1e-12, atol=0.0)
        if name != "gradnorm":  # which keeps the sum of all weights
            three.after_step(lambda values=values: 0.9 * values)
            two.after_step(lambda values=values: 0.9 * values[[0, 2]])
        three.epoch_ended()
        two.epoch_ended()


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_no_task_at_all_is_zero_without_gradient(name):
    shared = last()
    terms = weighting(name, 3, shared)(losses_of(shared, numbers(0.0, 0.0, 0.0)), ~EVERY)
    assert terms.tolist() == [0.0, 0.0, 0.0]
    terms.sum().backward()
    assert not shared.parameter.grad.any()


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_loss_of_zero_has_a_finite_term_and_gradient(name):
    shared = last()
    module = weighting(name, 3, shared)
    for _ in range(3):
        terms = module(losses_of(shared, numbers(0.0, 1.0, 2.0)), EVERY)
        terms.sum().backward()
        module.after_step(lambda: numbers(0.0, 0.5, 1.0))
        module.epoch_ended()
    assert terms.isfinite().all()
    assert shared.parameter.grad.isfinite().all()
    assert all(value.isfinite().all() for key, value in module.state_dict().items() if key != "older")


def test_geometric_mean_has_its_value_and_gradients():
    losses = numbers(0.5, 2.0, 8.0).requires_grad_()
    terms = weighting("gls", 3)(losses, EVERY)
    terms.sum().backward()
    mean = 8.0 ** (1 / 3)
    assert terms.sum().item() == pytest.approx(mean, abs=1e-12)
    assert losses.grad.tolist() == pytest.approx([mean / 3 / value for value in (0.5, 2.0, 8.0)], abs=1e-12)


def test_random_weights_sum_to_one_and_follow_the_seed():
    module = weighting("rlw", 3)
    torch.manual_seed(5)
    terms = [module(numbers(1.0, 1.0, 1.0), EVERY) for _ in range(2)]
    torch.manual_seed(5)
    assert torch.equal(module(numbers(1.0, 1.0, 1.0), EVERY), terms[0])
    assert not torch.equal(*terms)
    assert [term.sum().item() for term in terms] == pytest.approx([1.0, 1.0], abs=1e-12)


def test_dynamic_average_compares_the_last_two_epochs():
    module = weighting("dwa", 2)
    everyone = EVERY[:2]
    for losses in ([(4.0, 1.0), (2.0, 1.0)], [(1.5, 1.5), (1.5, 0.5)]):  # means (3, 1), then (1.5, 1)
        for values in losses:
            assert module(numbers(*values), everyone).tolist() == list(values)  # two epochs of equal weights
        module.epoch_ended()
    ratios = np.exp(np.array([0.5, 1.0]) / 2)
    weights = 2 * ratios / ratios.sum()
    assert module(numbers(1.0, 3.0), everyone).tolist() == pytest.approx([weights[0], 3 * weights[1]], abs=1e-12)


def test_gradnorm_moves_weights_towards_like_norms_and_keeps_their_sum():
    """Slopes 3 and 1, first losses 3 and 1; then 1.5 and 1: task 1 learns more slowly, so its target is higher."""
    shared = last()
    module = weighting("gradnorm", 2, shared)
    module(losses_of(shared, numbers(3.0, 1.0)), EVERY[:2])
    terms = module(losses_of(shared, numbers(1.5, 1.0)), EVERY[:2])
    mean, rates = 1.25, np.array([0.5, 1.0]) / 0.75
    goals = mean * rates**1.5
    gaps = np.abs(np.array([1.5, 1.0]) - goals)
    assert terms.tolist() == pytest.approx([1.5 + gaps[0], 1.0 + gaps[1]], abs=1e-12)
    terms.sum().backward()
    assert module.weights.grad.tolist() == pytest.approx([1.5, -1.0], abs=1e-12)  # |w G - goal| by w: its sign times G
    assert shared.parameter.grad.flatten()[0].item() == pytest.approx(2.5)  # the gaps do not train the network
    with torch.no_grad():
        module.weights.copy_(numbers(0.5, -2.0))
    module.after_step(lambda: numbers(0.0, 0.0))
    assert module.weights.sum().item() == pytest.approx(2.0)
    assert (module.weights > 0).all()


def test_gradnorm_without_weights_that_all_tasks_share_weighs_alike():
    assert weighting("gradnorm", 3)(numbers(1.0, 2.0, 3.0), EVERY).tolist() == [1.0, 2.0, 3.0]


def test_the_last_shared_weights_are_those_that_every_task_reaches():
    table, expert, bias, gate = (torch.nn.Parameter(torch.ones(2, 3, 4)) for _ in range(4))
    bias = torch.nn.Parameter(torch.ones(2, 3))
    both, one, other = frozenset("ab"), frozenset("a"), frozenset("b")
    reaching = [(table, (both, both)), (expert, (one, both)), (bias, (both, both)), (gate, (one, other))]
    actual = last_shared(reaching, "ab")
    assert actual.parameter is expert
    assert actual.members.tolist() == [1]
    assert actual.size == 12
    assert last_shared(reaching, "abc") is None


def torchjd_scalarization():
    return pytest.importorskip("torchjd.scalarization")


@pytest.mark.oracle
def test_dynamic_average_agrees_with_torchjd():
    oracle, ours = torchjd_scalarization().DWA(), weighting("dwa", 3)
    drawn = torch.rand(4, 5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for epoch in drawn:
        for losses in epoch:
            torch.testing.assert_close(ours(losses, EVERY).sum(), oracle(losses), rtol=1e-12, atol=0.0)
        ours.epoch_ended()
        oracle.step()


@pytest.mark.oracle
def test_famo_agrees_with_torchjd():
    oracle, ours = torchjd_scalarization().FAMO(3).double(), weighting("famo", 3)
    drawn = torch.rand(20, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for before, after in drawn:
        inputs = [before.clone().requires_grad_() for _ in range(2)]
        ours(inputs[0], EVERY).sum().backward()
        oracle(inputs[1]).backward()
        torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=1e-9, atol=0.0)
        ours.after_step(lambda after=after: after)
        oracle.update(after)
        torch.testing.assert_close(ours.logits, oracle._w.detach(), rtol=1e-9, atol=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize(("name", "other"), [("gls", "GeometricMean"), ("uncertainty", "UW")])
def test_geometric_mean_and_uncertainty_agree_with_torchjd(name, other):
    kind = getattr(torchjd_scalarization(), other)
    oracle = (kind(3) if name == "uncertainty" else kind()).double()
    for seed in range(5):
        drawn = torch.rand(3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        values, gradients = [], []
        for one in (lambda losses: weighting(name, 3)(losses, EVERY).sum(), oracle):
            losses = drawn.clone().requires_grad_()
            values.append(one(losses))
            gradients.append(torch.autograd.grad(values[-1], losses)[0])
        torch.testing.assert_close(*values, rtol=1e-7, atol=0.0)
        torch.testing.assert_close(*gradients, rtol=1e-7, atol=0.0)


def objective(losses: Losses, schema: Schema = FUNNEL) -> Objective:
    return Objective(losses, compose(Design(), schema), schema).double()


def batch(labels: list[list[float]], logit: float = 0.0) -> tuple[dict[str, torch.Tensor], object]:
    outputs = {f"tower/{name}": torch.full((len(labels), 1), logit).double() for name in FUNNEL.task_names}
    return outputs, BatchTargets.of(torch.tensor(labels, dtype=torch.float64), FUNNEL.tasks)


def test_decay_multiplies_a_weight_at_every_step():
    module = objective(Losses(weights={"buy": 2.0}, decay={"buy": 0.5, "pay": 2.0}))
    outputs, actual = batch([[1, 0, 0], [0, 0, 0]])
    bits = math.log(2.0)  # of each loss at a logit of 0
    for step in range(4):
        wanted = bits * (1.0 + 2.0 * 0.5**step + 2.0**step)
        assert module(outputs, actual).item() == pytest.approx(wanted, abs=1e-12)
        module.after_step(lambda: ([], actual))
    again = objective(Losses(weights={"buy": 2.0}, decay={"buy": 0.5, "pay": 2.0}))
    again.load_state_dict(module.state_dict())
    assert again(outputs, actual).item() == pytest.approx(bits * (1.0 + 2.0 / 16 + 16.0), abs=1e-12)


@pytest.mark.parametrize("name", ["gls", "famo", "uncertainty", "dwa"])
def test_a_task_of_weight_zero_is_none(name):
    outputs, actual = batch([[1, 0, 0], [0, 0, 0]])
    module = objective(Losses(weighting=name, weights={"pay": 0.0}))
    terms, present = module.terms([outputs[node] for node in module.nodes], actual)
    assert present.tolist() == [True, True, False]
    assert terms[2] == 0.0
    assert terms[:2].all()


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_static_weights_multiply_the_losses_first(name):
    labels = [[1, 0, 0], [0, 0, 0]]
    torch.manual_seed(0)
    plain = objective(Losses(weighting=name))
    weighed = objective(Losses(weighting=name, weights={"buy": 3.0}))
    outputs, actual = batch(labels)
    logits = [outputs[node] for node in plain.nodes]
    losses, present = plain.task_losses(logits, actual)
    torch.manual_seed(0)
    wanted = plain.weighting(losses * numbers(1.0, 3.0, 1.0), present)
    torch.manual_seed(0)
    torch.testing.assert_close(weighed.terms(logits, actual)[0], wanted)


def test_positive_rows_count_what_they_are_said_to():
    outputs, actual = batch([[1, 0, 0], [0, 0, 0]])
    plain, heavy = objective(Losses()), objective(Losses(positive_weights={"click": 5.0}))
    bits = math.log(2.0)
    assert plain(outputs, actual).item() == pytest.approx(3 * bits)
    assert heavy(outputs, actual).item() == pytest.approx(2 * bits + 3 * bits)  # (5 + 1) / 2 of the one bit


REFUSED = [
    (
        Losses(weights={"bye": 1.0}),
        "losses.weights names task 'bye', which the data does not have; did you mean 'buy'?",
    ),
    (Losses(decay={"see": 0.9}), "losses.decay names task 'see', which the data does not have"),
    (Losses(positive_weights={"watch": 9}), "positive_weights is for binary tasks, got task 'watch', which is count"),
    (Losses(weighting="gls"), "losses.weighting: gls needs losses above zero, and poisson of task 'watch' may fall"),
    (Losses(weighting="famo"), "losses.weighting: famo needs losses above zero"),
]


@pytest.mark.parametrize(("losses", "message"), REFUSED)
def test_options_that_fit_no_task_are_refused_in_one_line(losses, message):
    tasks = (Task(name="buy", kind="binary", classes=("0", "1")), Task(name="watch", kind="count"))
    schema = FUNNEL.model_copy(update={"tasks": tasks})
    with pytest.raises(DesignError, match=message.replace("?", r"\?")) as caught:
        Objective(losses, compose(Design(), schema), schema)
    assert "\n" not in str(caught.value)
