"""Training of networks in one: losses per member, masks and weights, balancing, checkpoints, stacks, adaptation."""

import numpy as np
import pytest
import torch
from fit_fixtures import DATA, TRAINING, assert_equal, new_member, noisy
from members import advance, restored
from numpy_reference import schema_of
from slowly import slow
from small_designs import PRESET_CASES, level, small, stacked
from stacked_fixtures import design as stacked_design
from stacked_fixtures import new_member as stackable_member
from torch.testing import assert_close

from mtl_nas.composition import compose, stacking
from mtl_nas.data import Rows, Schema
from mtl_nas.design import Design, Losses, Members, Meta, Training
from mtl_nas.diagnosis import diagnose
from mtl_nas.exports.onnx_inputs import random_rows
from mtl_nas.model import build, input_tensors, predict_rows
from mtl_nas.training import BatchTargets, Fit, FitData, Member, stackable
from mtl_nas.training.balancing.shared_parameters import last_shared
from mtl_nas.training.objective import Objective

COUNT = 3
OPTIONS = {
    "row weights": Losses(),
    "uncertainty": Losses(weighting="uncertainty"),
    "positive weights, calibrator": Losses(positive_weights={"click": 3.0}, calibrator=0.7),
}


def with_members(design: Design, form: str = "full") -> Design:
    return design.model_copy(update={"members": Members.model_validate({"count": COUNT, "form": form})})


def drawn_rows(schema: Schema, count: int, *, weighted: bool = False) -> Rows:
    """Rows with labels of every task, a fifth of them missing."""
    random, rows = np.random.default_rng(0), random_rows(schema, count)
    labels = np.stack([random.integers(0, max(len(task.classes), 2), count) for task in schema.tasks], axis=1)
    labels = np.where(random.random(labels.shape) < 0.2, np.nan, labels).astype(np.float32)
    weights = random.uniform(0.5, 2.0, count).astype(np.float32) if weighted else None
    numbers = random.normal(size=rows.numbers.shape).astype(np.float32)
    return Rows(rows.categories, numbers, rows.sequences, labels, weights)


@pytest.mark.parametrize("name", OPTIONS)
def test_the_loss_is_the_mean_of_those_of_the_members(name: str) -> None:
    """Of each task, before and after its weight; not the loss of the mean prediction."""
    schema, losses = schema_of("click", "buy<click", "price~"), OPTIONS[name]
    one, several = (compose(design, schema) for design in (stacked(level()), with_members(stacked(level()))))
    rows = drawn_rows(schema, 40, weighted=name == "row weights")
    network = build(several, seed=1, dtype=torch.float64).eval()
    with torch.no_grad():
        outputs = network(input_tensors(rows, schema, several))
    targets = BatchTargets.of_rows(rows, schema, one.tasks, device=torch.device("cpu"), dtype=torch.float64)
    assert not targets.valid.all()
    single = Objective(losses, one, schema).double()
    each = [
        single({node: values[40 * member : 40 * member + 40] for node, values in outputs.items()}, targets).detach()
        for member in range(COUNT)
    ]
    assert len({round(float(loss), 6) for loss in each}) == COUNT
    assert_close(Objective(losses, several, schema).double()(outputs, targets), sum(each) / COUNT, rtol=1e-12, atol=0)


@pytest.mark.parametrize("form", ["full", "mini"])
@pytest.mark.parametrize(
    ("name", "schema"), [pytest.param(*case, id=f"{case[0]}-{len(case[1].tasks)}") for case in PRESET_CASES[::3]]
)
def test_every_preset_with_members_trains(name: str, schema: Schema, form: str) -> None:
    """Every weight that differs between members moves, and checks score their mean prediction."""
    design = with_members(small(name, schema), form)
    data = FitData(schema, drawn_rows(schema, 60), drawn_rows(schema, 40))
    member = Member(compose(design, schema), design.losses, Training(epochs=2, batch_size=25), data)
    before = {key: value.clone() for key, value in member.network.weights().items()}
    assert np.isfinite(advance(member).score)
    for key, value in member.network.weights().items():
        if "factors" in key or key.startswith("tower"):
            assert not torch.equal(value, before[key]), key


@pytest.mark.parametrize("form", ["full", "mini"])
def test_a_training_with_members_goes_on_from_a_checkpoint(form: str) -> None:
    design = with_members(noisy(), form)
    whole = new_member(design)
    advance(whole, 0.4)
    advance(whole)
    begun = new_member(design)
    advance(begun, 0.4)
    saved = begun.checkpoint().to_bytes()
    again = restored(new_member(design), saved)
    advance(again)
    assert_equal(again, whole)


@pytest.mark.parametrize("form", ["full", "mini"])
def test_stacked_trainings_with_members_come_to_what_they_come_to_alone(form: str) -> None:
    design = with_members(stacked_design(), form)
    together = [stackable_member(design, seed=seed, learning_rate=0.01 / (1 + seed)) for seed in range(2)]
    assert stackable(together)
    Fit(*together).advance()
    for seed, member in enumerate(together):
        alone = stackable_member(design, seed=seed, learning_rate=0.01 / (1 + seed))
        advance(alone)
        for name, weight in alone.network.weights().items():
            assert_close(member.network.weights()[name], weight, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("losses", "meta"),
    [
        (Losses(weighting="gradnorm"), None),
        (Losses(weighting="famo"), None),
        (Losses(weighting="dwa"), None),
        slow(Losses(weighting="gls"), None),
        (Losses(aggregation="pcgrad"), None),
        (Losses(aggregation="upgrad", aggregate_embeddings=True), None),
        (Losses(calibrator=0.5), Meta(scope="all", order=1)),
        (Losses(), Meta(scope="all", order=2)),
        (Losses(negatives=0.5), None),
    ],
)
def test_members_go_with_every_way_to_train(losses: Losses, meta: Meta | None) -> None:
    design = with_members(Design(levels=(level(),), losses=losses))
    schema = schema_of("click", "buy<click", categories=(4,), numbers=2)
    data = FitData(schema, drawn_rows(schema, 60), drawn_rows(schema, 40))
    training = Training(epochs=2, batch_size=25, meta=meta)
    assert np.isfinite(advance(Member(compose(design, schema), losses, training, data)).score)


def test_the_last_shared_weights_are_matrices_with_members_too() -> None:
    network = build(compose(with_members(stacked(level(specific=0))), schema_of("a", "b")))
    last = last_shared(network.reaching(), ("a", "b"))
    assert last is not None
    assert any(last.parameter is value for name, value in network.named_parameters() if name.endswith(".weight0"))


@pytest.mark.parametrize("form", ["full", "mini"])
def test_rows_of_large_tables_are_updated_alone_with_members_too(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    design = with_members(stacked_design(), form)
    dense = stackable_member(design)
    advance(dense)
    monkeypatch.setattr(stacking, "SPARSE_UPDATE_ROWS", 1)
    sparse = stackable_member(design)
    assert sparse.sparse is not None
    assert_close(advance(sparse).score, advance(stackable_member(design)).score, rtol=0, atol=0)
    assert abs(advance(sparse).score - advance(dense).score) < 0.1


def test_half_precision_and_members() -> None:
    member = new_member(with_members(noisy()), TRAINING.model_copy(update={"precision": "bfloat16"}))
    assert abs(advance(member).score - advance(new_member(with_members(noisy()))).score) < 0.1


def test_a_network_with_members_is_diagnosed() -> None:
    schema = schema_of("click", "buy")
    network = build(compose(with_members(stacked(level())), schema))
    diagnosis = diagnose(network, drawn_rows(schema, 50), schema)
    assert [len(mixture.weights) for mixture in diagnosis.mixtures] == [3, 3]
    assert diagnosis.gradients[0].cosine is not None
    assert {part.node for part in diagnosis.activity} >= {"level0/expert/0", "level0/expert/1"}


def test_rows_are_predicted_alike_in_parts_and_whole() -> None:
    """The rows of a part are computed for all members at once."""
    network = new_member(with_members(noisy())).network
    whole = predict_rows(network, DATA.rows("test"), DATA.schema)
    part = predict_rows(network, DATA.rows("test").take(slice(0, 7)), DATA.schema)
    none = predict_rows(network, DATA.rows("test").take(slice(0, 0)), DATA.schema)
    for name, values in part.items():
        np.testing.assert_allclose(values, whole[name][:7], rtol=1e-5)
        assert none[name].shape == (0, *values.shape[1:])
