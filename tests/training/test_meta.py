"""Meta-learning over tasks: closed forms on least squares, and what it comes to on real networks."""

import math

import pytest
import torch
from fit_fixtures import DATA, new_member, noisy
from members import advance
from numpy_reference import schema_of
from slowly import slow
from torch.func import functional_call

from mtl_nas.composition import compose
from mtl_nas.design import Design, Losses, Meta, Training
from mtl_nas.errors import DesignError
from mtl_nas.presets import preset
from mtl_nas.training.functional_forward import Forward
from mtl_nas.training.losses import BatchTargets
from mtl_nas.training.meta import InnerLoop
from mtl_nas.training.objective import Objective

WIDTH = 3


class Linear(torch.nn.Module):
    """features -> one number at the head's node: x theta."""

    def __init__(self, node: str) -> None:
        super().__init__()
        self.node = node
        drawn = torch.randn(WIDTH, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        self.theta = torch.nn.Parameter(drawn)

    def forward(self, features, dtype=None):
        return {self.node: features["x"] @ self.theta}

    def parameters_of(self, scope: str) -> list[str]:
        return ["theta"] if scope == "all" else []


def least_squares(meta: Meta, rows: int = 8):
    """Network, objective, inner loop and a batch: of mean (x theta - y)^2."""
    schema = schema_of("dwell~")
    architecture = compose(Design(), schema)
    objective = Objective(Losses(), architecture, schema).double()
    network = Linear(objective.nodes[0])
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(rows, WIDTH, dtype=torch.float64, generator=generator)
    y = torch.randn(rows, 1, dtype=torch.float64, generator=generator)
    inner_loop = InnerLoop(meta, Forward(network, objective.nodes, half_precision=False), objective)
    return network, objective, inner_loop, {"x": x}, BatchTargets(y, torch.ones_like(y))


def gradient_of(objective: Objective, inner_loop: InnerLoop, network, features, targets) -> torch.Tensor:
    logits, query = inner_loop(features, targets)
    (gradient,) = torch.autograd.grad(objective.terms(logits, query)[0].sum(), network.theta)
    return gradient


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("rows", [8, 9])
def test_the_outer_gradient_has_its_closed_form(order, steps, rows):
    """Each inner step multiplies the gradient at the adapted weights by I - a H; the first order leaves that out."""
    rate = 0.05
    network, objective, inner_loop, features, targets = least_squares(
        Meta(order=order, inner_rate=rate, steps=steps), rows=rows
    )
    half = rows // 2
    (x, y), (query, answer) = ((features["x"][part], targets.labels[part]) for part in (slice(half), slice(half, None)))
    curve = 2 * x.T @ x / half
    theta, factor = network.theta.detach(), torch.eye(WIDTH, dtype=torch.float64)
    for _ in range(steps):
        theta = theta - rate * 2 * x.T @ (x @ theta - y) / half
        factor = (factor - rate * curve @ factor) if order == 2 else factor
    wanted = factor @ (2 * query.T @ (query @ theta - answer) / len(query))
    torch.testing.assert_close(
        gradient_of(objective, inner_loop, network, features, targets), wanted, rtol=1e-10, atol=1e-12
    )


def test_the_orders_agree_as_the_inner_rate_goes_to_zero():
    gaps = []
    for rate in (1e-2, 1e-4, 1e-6):
        gradients = []
        for order in (1, 2):
            network, *rest = least_squares(Meta(order=order, inner_rate=rate))
            gradients.append(gradient_of(rest[0], rest[1], network, *rest[2:]))
        gaps.append((gradients[0] - gradients[1]).abs().max().item())
    assert gaps[0] > 1e-3
    assert gaps[1:] == pytest.approx([gaps[0] / 100, gaps[0] / 10_000], rel=0.1)


def gradients(meta: Meta | None, rows: slice, *, design: Design, empty: tuple[str, slice] | None = None):
    """Gradients by name after one batch, and the fit; ``empty``: a task without labels in some rows of the batch."""
    training = Training(epochs=1, batch_size=64, precision="float64", meta=meta)
    member = new_member(design, training)
    features = {name: column[rows] for name, column in member.batches.inputs.items()}
    targets = BatchTargets(member.batches.targets.labels[rows], member.batches.targets.valid[rows].clone())
    if empty is not None:
        task = [task.name for task in member.objective.tasks].index(empty[0])
        targets.valid[empty[1], task] = 0.0
    member.network.train()
    loss = member.backward.fill(features, targets)
    zero = torch.zeros(())
    return {
        name: zero.expand_as(value) if value.grad is None else value.grad
        for name, value in member.network.named_parameters()
    }, (member, loss)


@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
@pytest.mark.parametrize("order", [1, 2])
def test_an_inner_rate_of_zero_is_a_plain_step_on_the_query_half(order, norm):
    design = noisy(norm, 0.0)
    actual, (_, loss) = gradients(Meta(order=order, inner_rate=0.0), slice(0, 40), design=design)
    plain, (_, again) = gradients(None, slice(20, 40), design=design)
    torch.testing.assert_close(loss, again)
    for name in plain:
        torch.testing.assert_close(actual[name], plain[name].to(actual[name]), rtol=1e-10, atol=1e-13)


def test_a_batch_of_one_row_is_a_plain_step():
    actual, _ = gradients(Meta(), slice(0, 1), design=noisy("layer", 0.0))
    plain, _ = gradients(None, slice(0, 1), design=noisy("layer", 0.0))
    assert all(torch.equal(actual[name], plain[name]) for name in plain)


@pytest.mark.parametrize("half", [slice(0, 20), slice(20, 40)])
def test_a_task_without_a_row_in_one_half_is_out_of_the_step(half):
    design, meta = noisy("layer", 0.0), Meta(inner_rate=0.1)
    design = design.model_copy(update={"losses": Losses()})
    actual, (_, loss) = gradients(meta, slice(0, 40), design=design, empty=("price", half))
    out, (_, wanted) = gradients(meta, slice(0, 40), design=design, empty=("price", slice(None)))
    torch.testing.assert_close(loss, wanted)
    assert math.isfinite(loss)
    for name in out:
        torch.testing.assert_close(actual[name], out[name], rtol=1e-10, atol=1e-13)


def test_running_statistics_follow_the_support_half_at_the_weights_that_predict():
    design = noisy("batch", 0.0)
    _, (member, _) = gradients(Meta(inner_rate=0.5, steps=2), slice(0, 40), design=design)
    other = new_member(design, Training(epochs=1, batch_size=64, precision="float64"))
    other.network.train()
    other.network({name: column[:20] for name, column in other.batches.inputs.items()})
    wanted = dict(other.network.named_buffers())
    statistics = [name for name in wanted if "running" in name]
    assert statistics
    assert all(torch.equal(dict(member.network.named_buffers())[name], wanted[name]) for name in statistics)


METAHEAC = preset("metaheac", DATA.schema, experts=2, critics=2, hidden=(4,), gate=(4,), embedding=4)


@pytest.mark.parametrize("scope", ["all", "task_embedding", "critics"])
def test_a_task_adapts_the_weights_of_its_scope_alone(scope):
    rate = 0.5
    member = new_member(METAHEAC, Training(epochs=1, precision="float64", meta=Meta(scope=scope, inner_rate=rate)))
    names = member.network.parameters_of(scope)
    own = dict(member.network.named_parameters())
    assert (len(names) == len(own)) == (scope == "all")
    features = {name: column[:40] for name, column in member.batches.inputs.items()}
    first, second = ({name: column[part] for name, column in features.items()} for part in (slice(20), slice(20, 40)))
    targets = member.batches.targets.at(torch.arange(40))
    logits, _ = member.backward.inner_loop(features, targets)
    support = BatchTargets(targets.labels[:20], targets.valid[:20])
    for task, node in enumerate(member.objective.nodes):
        outputs = member.network(first)
        loss = member.objective.task_losses([outputs[name] for name in member.objective.nodes], support)[0][task]
        steps = torch.autograd.grad(loss, [own[name] for name in names], allow_unused=True)
        moved = {name: own[name] - rate * step for name, step in zip(names, steps, strict=True) if step is not None}
        assert moved
        wanted = functional_call(member.network, moved, (second,))[node]
        torch.testing.assert_close(logits[task], wanted, rtol=1e-10, atol=1e-12)


def test_a_scope_that_the_design_has_not_is_refused_in_one_line():
    for scope, what in (("critics", "critics"), ("task_embedding", "task embedding")):
        wanted = f"^training.meta.scope {scope} adapts nothing: the design has no {what}; say scope: all$"
        with pytest.raises(DesignError, match=wanted):
            new_member(noisy(), Training(meta=Meta(scope=scope)))


@pytest.mark.parametrize(
    ("losses", "order"),
    [
        (Losses(), 1),
        slow(Losses(), 2),
        *(
            slow(losses, order)
            for losses in (Losses(weighting="famo"), Losses(aggregation="mgda", weighting="gradnorm"))
            for order in (1, 2)
        ),
    ],
)
def test_meta_learning_goes_with_every_weighting_and_direction_and_learns(losses, order):
    design = METAHEAC.model_copy(update={"losses": losses})
    if losses.aggregation != "none":
        pytest.importorskip("torchjd", reason="extra [gradients]")
    training = Training(epochs=4, batch_size=64, learning_rate=0.01, meta=Meta(order=order, inner_rate=0.05))
    member = new_member(design, training)
    advance(member)
    assert member.best.scores["click"]["auc"] > 0.7
