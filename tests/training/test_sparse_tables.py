"""Row-wise steps on sparse embedding tables: AdamW on the rows that a batch has."""

import numpy as np
import pandas as pd
import pytest
import torch
from members import advance, restored
from torch.testing import assert_close

import mtl_nas as mn
from mtl_nas.composition import stacking
from mtl_nas.design import Losses, Meta, Training
from mtl_nas.model.prediction import predict
from mtl_nas.scoring import score_tasks
from mtl_nas.training import Fit, FitData, Member
from mtl_nas.training.adamw import adamw_step
from mtl_nas.training.stepping.step_history import StepHistory

ROWS = 240


def table(seed: int = 0) -> mn.Dataset:
    draw = np.random.default_rng(seed)
    user, number = draw.integers(0, 12, ROWS), draw.normal(size=ROWS)
    history = [list(map(str, draw.integers(0, 9, draw.integers(0, 5)))) for _ in range(ROWS)]
    click = (draw.random(ROWS) < 1 / (1 + np.exp(-(user - 6) / 2 - number))).astype(int)
    frame = pd.DataFrame({"user": user.astype(str), "number": number, "history": history, "click": click})
    frame["late"] = (draw.random(ROWS) < 0.2 + 0.5 * click).astype(int)
    kinds = {name: {"kind": "binary"} for name in ("click", "late")}
    sequences = {"history": {"items": "history"}}
    kinds_of_columns = {"user": "category", "number": "number"}
    split = {"stratified": False}  # the rows for which the bounds of these tests were found
    return mn.load_dataset(frame, tasks=kinds, sequences=sequences, columns=kinds_of_columns, split=split)


DATA = table()
HISTORIES = [{}, {"kind": "gru", "hidden": 4}]


def design(numbers: str = "bucket", tables: str = "shared", **histories: object) -> mn.Design:
    return mn.Design.model_validate(
        {
            "inputs": {"embedding": 3, "numbers": numbers, "buckets": 8, "tables": tables, "histories": histories},
            "levels": [{"shared": 2, "expert": {"hidden": [5]}}],
            "tower": {"hidden": [4]},
        }
    )


def new_member(
    made: mn.Design, *, batch: int, epochs: int = 2, losses: Losses | None = None, **training: object
) -> Member:
    asked = Training.model_validate({"epochs": epochs, "batch_size": batch, "learning_rate": 0.01, **training})
    graph = mn.compose(made, DATA.schema)
    return Member(graph, losses or made.losses, asked, FitData.of(DATA))


@pytest.fixture
def sparse_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table counts as sparse."""
    monkeypatch.setattr(stacking, "SPARSE_UPDATE_ROWS", 1)


def tables(member: Member) -> list[torch.Tensor]:
    """As they are at present."""
    if member.sparse:
        member.sparse.settle()
    return [weight.detach().clone() for weight in member.network.tables()]


@pytest.mark.parametrize("histories", HISTORIES)
@pytest.mark.parametrize("numbers", ["bucket", "piecewise", "standard"])
@pytest.mark.parametrize("shared", ["shared", "task"])
def test_where_every_step_sees_every_row_it_is_the_dense_step(
    numbers: str, shared: str, histories: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, options = design(numbers, shared, **histories), {"batch": ROWS, "epochs": 4, "weight_decay": 0.1}
    dense = new_member(made, **options)
    advance(dense)
    monkeypatch.setattr(stacking, "SPARSE_UPDATE_ROWS", 1)
    rows = new_member(made, **options)
    advance(rows)
    seen = [table.last_steps > 0 for table in rows.sparse.tables]
    for member, other, there in zip(tables(dense), tables(rows), seen, strict=True):
        assert_close(member[:, there], other[:, there], rtol=1e-4, atol=1e-6)
    assert_close(dense.best.score, rows.best.score, rtol=1e-4, atol=1e-5)


def test_a_step_touches_no_row_that_its_batch_does_not_have(sparse_updates: None) -> None:
    member = new_member(design(), batch=4)
    sparse = member.sparse
    assert sparse is not None
    before, (inputs, targets) = tables(member)[0], member.batches.batch(0)
    member.backward.fill(inputs, targets)
    sparse.step(1, 0.01)
    moved = (tables(member)[0] != before).any(dim=-1)[0].nonzero().flatten()
    assert set(moved.tolist()) <= set(inputs["ids"].unique().tolist())
    assert len(moved)


@pytest.mark.parametrize("schedule", ["constant", "linear"])
def test_rows_that_batches_miss_end_where_the_dense_step_takes_them(
    schedule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"batch": 4, "epochs": 2, "weight_decay": 0.1, "learning_rate": 1e-3, "schedule": schedule}
    dense = new_member(design(), **options)
    start = tables(dense)[0]
    Fit(dense).run(60)
    monkeypatch.setattr(stacking, "SPARSE_UPDATE_ROWS", 1)
    rows = new_member(design(), **options)
    Fit(rows).run(60)
    way, other = tables(dense)[0] - start, tables(rows)[0] - start
    assert float((way - other).norm() / way.norm()) < 0.15


@pytest.mark.parametrize(("read", "within"), [(5, 0.05), (20, 0.01), (100, 0.005)])
@pytest.mark.parametrize("missed", [1, 3, 10, 40])
def test_steps_that_a_row_missed_move_it_as_dense_steps_do(read: int, within: float, missed: int) -> None:
    """The earlier a row was read, the faster bias corrections change while it is missed."""
    history = StepHistory(200, 0.1, torch.device("cpu"))
    for step in range(1, read + missed + 1):
        history.begin(step, 1e-3)
    row = [torch.full((1, 1, 1), value) for value in (0.3, 0.1, 0.01)]
    dense = [tensor.clone() for tensor in row]
    moved, exp_avg, exp_avg_sq = history.catch_up(*row, torch.tensor([read], dtype=torch.int32))
    for step in range(read, read + missed):
        before = torch.tensor(float(step))
        options = {"rate": 1e-3, "weight_decay": 0.1, "factors": [1.0]}
        adamw_step(dense[:1], [torch.zeros(1, 1, 1)], dense[1:2], dense[2:], [before], **options)
    assert_close(moved - 0.3, dense[0] - 0.3, rtol=within, atol=0.0)
    assert_close(exp_avg, dense[1])
    assert_close(exp_avg_sq, dense[2])


@pytest.mark.parametrize("stops", [(5,), (2, 3, 5)])
def test_weight_decay_of_rows_that_are_not_seen_is_made_up_for(stops: tuple[int, ...], sparse_updates: None) -> None:
    member = new_member(design(), batch=4, epochs=1, weight_decay=1.0, schedule="linear")
    start = tables(member)[0]
    for stop in stops:
        Fit(member).run(stop)
        member.sparse.settle()  # type: ignore[union-attr]
    unseen = torch.ones(start.shape[1], dtype=torch.bool)
    for step in range(5):
        unseen[member.batches.batch(step)[0]["ids"].unique().long()] = False
    rates = [0.01 * (1 - step / member.steps) for step in range(5)]
    assert_close(tables(member)[0][:, unseen], start[:, unseen] * float(np.prod([1 - rate for rate in rates])))
    assert unseen.any()


def test_rows_brought_up_to_date_after_every_step_are_nearly_the_dense_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"batch": 4, "epochs": 1, "weight_decay": 0.5, "schedule": "linear"}
    dense = new_member(design(), **options)
    start = tables(dense)[0]
    Fit(dense).run(30)
    monkeypatch.setattr(stacking, "SPARSE_UPDATE_ROWS", 1)
    rows = new_member(design(), **options)
    for stop in range(1, 31):
        Fit(rows).run(stop)
        rows.sparse.settle()  # type: ignore[union-attr]
    way, other = tables(dense)[0] - start, tables(rows)[0] - start
    assert float((way - other).norm() / way.norm()) < 0.05


def test_rows_that_are_looked_at_before_all_are_up_to_date_are_as_after(sparse_updates: None) -> None:
    member = new_member(design(**HISTORIES[1]), batch=2, weight_decay=0.5)
    Fit(member).run(9)
    sparse = member.sparse
    assert sparse is not None
    before = predict(member.network, member.tuning_inputs, DATA.schema, read=sparse.for_prediction)
    stale = predict(member.network, member.tuning_inputs, DATA.schema)
    sparse.settle()
    after = predict(member.network, member.tuning_inputs, DATA.schema)
    for task, values in after.items():
        assert_close(before[task], values, rtol=1e-6, atol=1e-7)
        assert np.abs(stale[task] - values).max() > 1e-5


def test_the_weights_of_the_best_check_are_those_that_it_looked_at(sparse_updates: None) -> None:
    member = new_member(design(), batch=4, epochs=3, weight_decay=0.5)
    best = advance(member)
    predictions = predict(member.best_network(), member.tuning_inputs, DATA.schema)
    assert score_tasks(predictions, member.data.tuning, DATA.schema) == best.scores


def test_the_best_network_has_tables_of_its_own_in_one_piece(sparse_updates: None) -> None:
    member = new_member(design(tables="task"), batch=16)
    advance(member)
    tables = member.best_network().tables()
    assert max(table.shape[0] for table in tables) > 1
    assert all(table.is_contiguous() for table in tables)
    assert not member.network.tables()[0].is_contiguous()


def test_a_saved_fit_goes_on_as_one_that_was_not_broken_off(sparse_updates: None) -> None:
    made = design("piecewise", **HISTORIES[1])
    whole, first, second = (new_member(made, batch=16, weight_decay=0.1) for _ in range(3))
    advance(whole, 0.5), advance(whole, 1.0)
    advance(first, 0.5)
    restored(second, first.checkpoint().to_bytes())
    advance(second, 1.0)
    assert [check.score for check in second.checks] == [check.score for check in whole.checks]
    for member, other in zip(tables(whole), tables(second), strict=True):
        assert torch.equal(member, other)


def test_scores_are_those_of_the_dense_step_to_seed_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    def score() -> float:
        member = new_member(design(), batch=16, epochs=6)
        return advance(member).scores["click"]["auc"] or 0.0

    dense = score()
    monkeypatch.setattr(stacking, "SPARSE_UPDATE_ROWS", 1)
    assert abs(score() - dense) < 0.05


def test_half_precision_reads_large_tables_too(sparse_updates: None) -> None:
    member = new_member(design(**HISTORIES[1]), batch=16, precision="bfloat16")
    assert advance(member).score > 0.5
    assert member.network.tables()[0].dtype == torch.float32


@pytest.mark.parametrize(
    ("losses", "training"),
    [
        (Losses(), {"meta": Meta()}),
        (Losses(aggregation="pcgrad", aggregate_embeddings=True), {}),
    ],
)
def test_what_needs_the_gradient_of_whole_tables_gets_it(
    losses: Losses, training: dict[str, object], sparse_updates: None
) -> None:
    assert new_member(design(), batch=16, losses=losses, **training).sparse is None
