"""Losses against plain numpy, with labels missing here and there; values and gradients in float64."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy_reference as reference
import pytest
import torch
from numpy_losses import mean_loss
from numpy_reference import schema_of

from mtl_nas.architecture import Architecture
from mtl_nas.composition import compose
from mtl_nas.data import Schema, Task
from mtl_nas.design import Design, Losses
from mtl_nas.training.losses import BatchTargets, task_losses
from mtl_nas.training.objective import Objective, calibrator

NAN = math.nan
CLASSES = ("a", "b", "c", "d")
TASKS = (
    Task(name="click", kind="binary", classes=("0", "1")),
    Task(name="stars", kind="multiclass", classes=("a", "b", "c")),
    Task(name="dwell", kind="regression", loss="mse", center=2.0, scale=3.0),
    Task(name="depth", kind="regression", loss="mae"),
    Task(name="price", kind="regression", loss="huber", center=-1.0, scale=0.5),
    Task(name="like", kind="binary", loss="focal", classes=("0", "1")),
    Task(name="grade", kind="ordinal", classes=CLASSES),
    Task(name="late", kind="regression", loss="quantile", quantile=0.9, center=1.0, scale=2.0),
    Task(name="visits", kind="count", scale=2.5),
    Task(name="spent", kind="regression", loss="ziln", scale=4.0),
    Task(name="paid", kind="regression", loss="tweedie", scale=1.5),
)
FUNNEL = schema_of("click", "buy<click", "pay<buy")


def drawn(rows: int, missing: float) -> tuple[list[np.ndarray], np.ndarray]:
    """Outputs (B, K) and labels (B, T) of every task, a share of the labels missing."""
    random = np.random.default_rng(4)
    outputs = [random.normal(0.0, 2.0, (rows, task.outputs)) for task in TASKS]
    labels = np.stack([label(random, rows, task) for task in TASKS], axis=1)
    labels[random.uniform(size=labels.shape) < missing] = NAN
    for output, task in zip(outputs, TASKS, strict=True):
        if task.kind == "ordinal":
            output[:] = np.sort(output, axis=1)[:, ::-1]
    return outputs, labels


def label(random: np.random.Generator, rows: int, task: Task) -> np.ndarray:
    if task.classes:
        return random.integers(0, len(task.classes), rows).astype(float)
    if task.kind == "count":
        return random.poisson(2.0, rows).astype(float)
    numbers = random.normal(0.0, 3.0, rows)
    return np.maximum(numbers, 0.0) if task.loss in ("ziln", "tweedie") else numbers


def tensor(array: Any) -> torch.Tensor:
    return torch.as_tensor(np.asarray(array), dtype=torch.float64)


@pytest.mark.parametrize("missing", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("rows", [1, 9])
def test_losses_and_gradients_agree_with_numpy(rows: int, missing: float) -> None:
    outputs, labels = drawn(rows, missing)
    inputs = [tensor(output).requires_grad_() for output in outputs]
    losses, present = task_losses(inputs, BatchTargets.of(tensor(labels), TASKS), TASKS)
    assert present.tolist() == (~np.isnan(labels)).any(axis=0).tolist()
    losses.sum().backward()
    for index, task in enumerate(TASKS):
        value = mean_loss(outputs[index], labels[:, index], task)
        np.testing.assert_allclose(losses[index].item(), value, rtol=1e-12)
        gradients = reference.gradient(
            lambda output, index=index, task=task: mean_loss(output, labels[:, index], task), outputs[index]
        )
        np.testing.assert_allclose(inputs[index].grad.numpy(), gradients, rtol=1e-10, atol=1e-14)


def test_a_task_without_a_label_costs_nothing_and_pulls_nothing() -> None:
    outputs, labels = drawn(5, 0.0)
    labels[:, 1] = NAN
    inputs = [tensor(output).requires_grad_() for output in outputs]
    losses, present = task_losses(inputs, BatchTargets.of(tensor(labels), TASKS), TASKS)
    losses.sum().backward()
    assert losses[1].item() == 0.0
    assert present.tolist() == [index != 1 for index in range(len(TASKS))]
    assert not inputs[1].grad.any()
    assert inputs[0].grad.all()


def test_missing_rows_are_as_good_as_absent() -> None:
    outputs, labels = drawn(9, 0.0)
    labels[4:] = NAN
    whole, _ = task_losses([tensor(output) for output in outputs], BatchTargets.of(tensor(labels), TASKS), TASKS)
    part, _ = task_losses([tensor(output[:4]) for output in outputs], BatchTargets.of(tensor(labels[:4]), TASKS), TASKS)
    torch.testing.assert_close(whole, part, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("missing", [0.0, 0.4, 1.0])
def test_rows_count_as_much_as_they_weigh(missing: float) -> None:
    outputs, labels = drawn(9, missing)
    weights = np.random.default_rng(5).uniform(0.1, 9.0, 9)
    inputs = [tensor(output).requires_grad_() for output in outputs]
    actual, present = task_losses(inputs, BatchTargets.of(tensor(labels), TASKS, weights=tensor(weights)), TASKS)
    actual.sum().backward()
    assert present.tolist() == (~np.isnan(labels)).any(axis=0).tolist()
    for index, task in enumerate(TASKS):
        value = mean_loss(outputs[index], labels[:, index], task, weights)
        np.testing.assert_allclose(actual[index].item(), value, rtol=1e-12)
        gradients = reference.gradient(
            lambda output, index=index, task=task: mean_loss(output, labels[:, index], task, weights), outputs[index]
        )
        np.testing.assert_allclose(inputs[index].grad.numpy(), gradients, rtol=1e-10, atol=1e-14)


def test_equal_weights_change_nothing_and_whole_ones_repeat_rows() -> None:
    outputs, labels = drawn(6, 0.2)
    tensors = [tensor(output) for output in outputs]
    plain, _ = task_losses(tensors, BatchTargets.of(tensor(labels), TASKS), TASKS)
    alike, _ = task_losses(tensors, BatchTargets.of(tensor(labels), TASKS, weights=tensor([1e-9] * 6)), TASKS)
    torch.testing.assert_close(alike, plain, rtol=1e-12, atol=0.0)
    counts = [1, 3, 1, 2, 1, 4]
    weighed, _ = task_losses(tensors, BatchTargets.of(tensor(labels), TASKS, weights=tensor(counts)), TASKS)
    repeated = [tensor(np.repeat(output, counts, axis=0)) for output in outputs]
    again, _ = task_losses(repeated, BatchTargets.of(tensor(np.repeat(labels, counts, axis=0)), TASKS), TASKS)
    torch.testing.assert_close(weighed, again, rtol=1e-12, atol=0.0)


def test_a_batch_takes_its_own_weights() -> None:
    _, labels = drawn(6, 0.0)
    targets = BatchTargets.of(tensor(labels), TASKS, weights=tensor([1, 2, 3, 4, 5, 6])).at(torch.tensor([4, 0]))
    assert targets.weights.tolist() == [5, 1]
    assert BatchTargets.of(tensor(labels), TASKS).at(torch.tensor([4, 0])).weights is None


def test_positive_rows_may_count_more() -> None:
    """As ``pos_weight`` of torch: a factor on the loss, and no part of the mean's denominator."""
    outputs, labels = drawn(9, 0.2)
    tensors = [tensor(output) for output in outputs]
    chosen = {"click": 10.0, "like": 0.1}
    actual, _ = task_losses(tensors, BatchTargets.of(tensor(labels), TASKS), TASKS, positive_weights=chosen)
    for index, task in enumerate(TASKS):
        value = mean_loss(outputs[index], labels[:, index], task, positive=chosen.get(task.name, 1.0))
        np.testing.assert_allclose(actual[index].item(), value, rtol=1e-12)
    labelled = ~np.isnan(labels[:, 0])
    torch.testing.assert_close(
        actual[0],
        torch.nn.functional.binary_cross_entropy_with_logits(
            tensors[0][labelled, 0], tensor(labels[labelled, 0]), pos_weight=tensor(10.0)
        ),
    )


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.loss)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_far_outputs_have_finite_losses_and_gradients(task: Task, dtype: torch.dtype) -> None:
    high = 30.0 if task.kind == "count" else 80.0  # an exponential of what it is a log of
    far = torch.linspace(high, -high, task.outputs, dtype=dtype).expand(2, -1)
    labels = torch.tensor([[0.0], [1.0]], dtype=dtype)
    for output in (far, far.flip(0) + high, far - high, torch.zeros_like(far)):
        asked = output.clone().requires_grad_()
        losses, _ = task_losses([asked], BatchTargets.of(labels, [task]), [task])
        losses.sum().backward()
        assert torch.isfinite(losses).all()
        assert torch.isfinite(asked.grad).all()


def test_an_unlikely_class_has_an_exact_loss() -> None:
    """Where the difference of two probabilities is zero in double precision: log(1 - e^-50) and two logs of 1."""
    task = Task(name="grade", kind="ordinal", classes=("a", "b", "c"))
    output = tensor([[60.0, 10.0], [60.0, 50.0], [-40.0, -90.0]]).requires_grad_()
    labels = tensor([[0], [1], [2]])
    losses = torch.stack(
        [task_losses([output[[row]]], BatchTargets.of(labels[[row]], [task]), [task])[0] for row in range(3)]
    )
    right = [60.0, 50.0 - math.log(-math.expm1(-10.0)), 90.0]
    np.testing.assert_allclose(losses[:, 0].tolist(), right, rtol=1e-12)


def test_each_loss_is_least_at_what_it_estimates() -> None:
    """The mean of counts, the quantile, the moments of log-amounts, the mean of amounts, the shares of classes."""
    random = np.random.default_rng(0)
    counts, numbers = random.poisson(3.0, (1001, 1)).astype(float), random.normal(0, 1, (1001, 1))
    amounts = np.where(random.random((1001, 1)) < 0.3, random.lognormal(1.0, 0.7, (1001, 1)), 0.0)
    grades = random.choice(3, (1001, 1), p=[0.2, 0.5, 0.3]).astype(float)
    logs = np.log(amounts[amounts > 0])
    cases = [
        (Task(name="n", kind="count"), counts, [math.log(counts.mean())]),
        (
            Task(name="q", kind="regression", loss="quantile", quantile=0.9),
            numbers,
            [np.quantile(numbers, 0.9, method="inverted_cdf")],
        ),
        (
            Task(name="s", kind="regression", loss="ziln"),
            amounts,
            [logit((amounts > 0).mean()), logs.mean(), math.log(math.expm1(logs.std()))],
        ),
        (Task(name="p", kind="regression", loss="tweedie"), amounts, [math.log(amounts.mean())]),
        (
            Task(name="g", kind="ordinal", classes=("a", "b", "c")),
            grades,
            [logit((grades > 0).mean()), logit((grades > 1).mean())],
        ),
    ]
    for task, labels, best in cases:
        targets = BatchTargets.of(tensor(labels), [task])

        def loss(outputs: Any, targets: Any = targets, task: Task = task) -> float:
            return task_losses([tensor(outputs).expand(1001, -1)], targets, [task])[0].item()

        for index in range(task.outputs):
            for step in (-1e-3, 1e-3):
                other = [*best]
                other[index] += step
                assert loss([best]) < loss([other])


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


@pytest.mark.parametrize("logit", [-800.0, -40.0, 0.0, 40.0, 800.0])
def test_extreme_logits_have_finite_losses(logit: float) -> None:
    task = TASKS[:1]
    for label in (0.0, 1.0):
        output = tensor([[logit]]).requires_grad_()
        losses, _ = task_losses([output], BatchTargets.of(tensor([[label]]), task), task)
        losses.sum().backward()
        np.testing.assert_allclose(
            losses.item(), reference.binary_loss(np.array([logit]), np.array([label])), rtol=1e-12, atol=1e-15
        )
        assert torch.isfinite(output.grad).all()


@pytest.mark.parametrize(
    ("probabilities", "penalty"), [((0.2, 0.5), 0.3), ((0.5, 0.2), 0.0), ((0.5, 0.6, 0.7), 0.2), ((0.4, 0.4), 0.0)]
)
def test_the_calibrator_has_its_closed_form(probabilities: tuple[float, ...], penalty: float) -> None:
    """Sum over pairs, mean over rows; gradient 1/N on the later, -1/N on the earlier if violated, 0 at ties."""
    rows = 4
    values = [tensor([probability] * rows).requires_grad_() for probability in probabilities]
    pairs = list(pairwise(values))
    actual = sum(calibrator(earlier, later, torch.ones(rows, dtype=torch.float64)) for earlier, later in pairs)
    assert actual.item() == pytest.approx(penalty, abs=1e-15)
    names = "abc"[: len(probabilities)]
    named = {name: np.full(rows, probability) for name, probability in zip(names, probabilities, strict=True)}
    labels = dict.fromkeys(names, np.zeros(rows))
    again = reference.calibrator(named, list(pairwise(names)), labels)
    assert float(again) == pytest.approx(penalty, abs=1e-15)
    actual.backward()
    steps = [0.0] * len(probabilities)
    for index, (earlier, later) in enumerate(pairwise(probabilities)):
        violated = later > earlier
        steps[index] -= violated / rows
        steps[index + 1] += violated / rows
    assert [value.grad.tolist() for value in values] == [[step] * rows for step in steps]


def test_the_calibrator_counts_rows_that_are_valid_in_both_tasks() -> None:
    earlier, later = tensor([0.1, 0.1, 0.1, 0.1]), tensor([0.5, 0.3, 0.9, 0.9])
    assert calibrator(earlier, later, tensor([1, 1, 0, 0])).item() == pytest.approx(0.3)
    assert calibrator(earlier, later, tensor([0, 0, 0, 0])).item() == 0.0


def objective(losses: Losses, schema: Schema, architecture: Architecture | None = None) -> Objective:
    graph = architecture or compose(Design(losses=losses), schema)
    return Objective(losses, graph, schema).double()


def funnel(architecture: Architecture) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Logits by node, nested labels with holes."""
    random = np.random.default_rng(6)
    logits = {head.node: random.normal(0.0, 2.0, (8, 1)) for head in architecture.heads}
    labels = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 0], [1, NAN, NAN], [NAN, 0, 0], [1, 1, NAN], [0, 0, 0]])
    return logits, labels


def total(
    losses: Losses, logits: dict[str, np.ndarray], labels: np.ndarray, scales: dict[str, float] | None = None
) -> float:
    """What the objective is by the book, on a funnel whose heads are end-to-end."""
    names = FUNNEL.task_names
    column = {name: labels[:, index] for index, name in enumerate(names)}
    each = {name: reference.binary_loss(logits[name][:, 0], column[name]) * losses.weight_of(name) for name in names}
    weighted = sum(each.values()) if scales is None else reference.uncertainty_sum(each, scales)
    probabilities = {name: reference.sigmoid(logits[name][:, 0]) for name in names}
    return float(weighted + losses.calibrator * reference.calibrator(probabilities, FUNNEL.nested_pairs, column))


@pytest.mark.parametrize("calibrated", [0.0, 0.3])
@pytest.mark.parametrize("weights", [{}, {"buy": 10.0, "pay": 0.0}])
def test_the_objective_is_the_weighed_sum_and_the_penalty(weights: dict[str, float], calibrated: float) -> None:
    losses = Losses(weights=weights, calibrator=calibrated)
    architecture = compose(Design(), FUNNEL)
    logits, labels = funnel(architecture)
    actual = objective(losses, FUNNEL)(
        {name: tensor(value) for name, value in logits.items()}, BatchTargets.of(tensor(labels), FUNNEL.tasks)
    )
    named = {head.task: logits[head.node] for head in architecture.heads}
    np.testing.assert_allclose(actual.item(), total(losses, named, labels), rtol=1e-12)


def test_learned_weights_follow_kendall_and_an_absent_task_does_not_drift() -> None:
    architecture = compose(Design(), FUNNEL)
    logits, labels = funnel(architecture)
    summed = objective(Losses(weighting="uncertainty"), FUNNEL)
    with torch.no_grad():
        summed.weighting.log_variances.copy_(tensor([0.3, -0.5, 1.1]))
    inputs = {name: tensor(value) for name, value in logits.items()}
    named = {head.task: logits[head.node] for head in architecture.heads}
    scales = dict(zip(FUNNEL.task_names, (0.3, -0.5, 1.1), strict=True))
    actual = summed(inputs, BatchTargets.of(tensor(labels), FUNNEL.tasks))
    np.testing.assert_allclose(actual.item(), total(Losses(), named, labels, scales), rtol=1e-12)
    labels[:, 1] = NAN
    summed(inputs, BatchTargets.of(tensor(labels), FUNNEL.tasks)).backward()
    assert summed.weighting.log_variances.grad[1] == 0.0
    assert summed.weighting.log_variances.grad[[0, 2]].all()


def test_esmm_trains_end_to_end_probabilities_in_log_space() -> None:
    """Cross-entropy of the product's logit is the published loss; the conditional head has none of its own."""
    schema = schema_of("click", "buy<click")
    architecture = compose(Design(funnel="product"), schema)
    random = np.random.default_rng(2)
    click, conversion = random.normal(0.0, 3.0, (2, 8))
    labels = np.array([[1, 1], [1, 0], [0, 0], [0, 0], [1, 1], [0, 0], [1, 0], [1, 1]], dtype=float)
    product = reference.product_logit([click, conversion])
    outputs = {"tower/click": click, "tower/buy": conversion, "product/buy": product}
    inputs = {name: tensor(value[:, None]) for name, value in outputs.items()}
    actual = Objective(Losses(), architecture, schema).double()(inputs, BatchTargets.of(tensor(labels), schema.tasks))
    book = reference.binary_loss(click, labels[:, 0]) + reference.esmm_loss(click, conversion, labels[:, 1])
    np.testing.assert_allclose(actual.item(), book, rtol=1e-12)


def test_heads_in_another_order_meet_their_own_labels() -> None:
    """Labels come in the schema's order; an architecture may list its heads in any."""
    composed = compose(Design(), FUNNEL)
    turned = Architecture(nodes=composed.nodes, heads=composed.heads[::-1])
    logits, labels = funnel(composed)
    inputs = {name: tensor(value) for name, value in logits.items()}
    for losses in (Losses(), Losses(weights={"buy": 3.0}, calibrator=0.5)):
        objectives = [objective(losses, FUNNEL, architecture) for architecture in (composed, turned)]
        values = []
        for summed in objectives:
            columns = [FUNNEL.tasks.index(task) for task in summed.tasks]
            values.append(summed(inputs, BatchTargets.of(tensor(labels[:, columns]), summed.tasks)))
        torch.testing.assert_close(values[0], values[1], rtol=1e-12, atol=0.0)
