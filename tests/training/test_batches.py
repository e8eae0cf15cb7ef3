"""Where batches come from: the order of rows, what breaks leave unchanged, and that streaming changes no score."""

import numpy as np
import pytest
import torch
from fit_fixtures import TRAINING, assert_equal, noisy, table
from members import advance, restored

import mtl_nas as mn
from mtl_nas.composition import compose
from mtl_nas.data import joined, load_dataset
from mtl_nas.design import Inputs, Losses
from mtl_nas.evaluation import predict_and_score
from mtl_nas.training import FitData, Member, batches
from mtl_nas.training.batches import ResidentBatches, RowTensors, StreamedBatches, make_batches

TASKS = {"click": None, "buy": {"after": "click"}, "stars": None, "price": None}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded")
    table(1500).assign(pull=np.linspace(1, 2, 1500)).to_parquet(folder / "t.parquet")
    return mn.encode_table(folder / "t.parquet", folder / "e", TASKS, weight="pull")


@pytest.fixture
def small(monkeypatch):
    """Blocks of some batches, runs of some rows, everything that is stored streamed."""
    monkeypatch.setattr(batches, "RESIDENT_BYTES", 0)
    monkeypatch.setattr(batches, "BLOCK_ROWS", 300)
    monkeypatch.setattr(batches, "RUN_ROWS", 32)


def tensors(data: mn.Dataset) -> RowTensors:
    return RowTensors(data.schema, compose(noisy(), data.schema), device=torch.device("cpu"), dtype=torch.float32)


def new_member(data: mn.Dataset, *, training=TRAINING, losses=None, in_memory=False) -> Member:
    train = joined([data.rows("train")]) if in_memory else data.rows("train")
    design = noisy().model_copy(update={"losses": losses or noisy().losses})
    graph = compose(design, data.schema)
    return Member(graph, design.losses, training, FitData(data.schema, train, data.rows("tuning")))


def test_resident_batches_are_a_permutation_of_the_seed_and_the_epoch(data):
    rows = joined([data.rows("train")])
    source = make_batches(rows, tensors(data), batch_size=64, seed=3)
    assert isinstance(source, ResidentBatches)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed((3 << 20) + 1))
    inputs, targets = source.batch(19 + 2)  # the third of the second epoch
    assert torch.equal(inputs["ids"], torch.from_numpy(tensors(data).inputs(rows)["ids"].numpy())[order[128:192]])
    assert torch.equal(targets.weights, torch.tensor(rows.weights)[order[128:192]])


def test_stored_rows_that_are_small_train_bit_for_bit_as_in_memory(data):
    pair = []
    for in_memory in (False, True):
        pair.append(new_member(data, in_memory=in_memory))
        advance(pair[-1])
    assert isinstance(pair[0].batches, ResidentBatches)
    assert_equal(*pair)


def test_tensors_are_shared_by_members_of_one_architecture_device_and_precision(data):
    rows, graph = FitData.of(data), compose(noisy(), data.schema)
    wide = compose(noisy().model_copy(update={"inputs": Inputs(embedding=5)}), data.schema)
    cpu = torch.device("cpu")
    first = rows.tensors(graph, device=cpu, dtype=torch.float32)
    assert rows.tensors(graph, device=cpu, dtype=torch.float32) is first
    assert first.resident(rows.train)[1].labels.dtype == torch.float32
    double = rows.tensors(graph, device=cpu, dtype=torch.float64)
    assert double.resident(rows.train)[1].labels.dtype == torch.float64
    assert rows.tensors(wide, device=cpu, dtype=torch.float64) is not double


@pytest.mark.parametrize("batch_size", [64, 50, 7, 700, 5000])
@pytest.mark.parametrize("thinned", [False, True])
def test_a_streamed_epoch_visits_each_row_once(data, small, batch_size, thinned):
    rows = data.rows("train")
    chosen = np.flatnonzero(np.arange(len(rows)) % 3 > 0) if thinned else None
    source = make_batches(rows, tensors(data), batch_size=batch_size, seed=0, row_indices=chosen)
    assert isinstance(source, StreamedBatches)
    weights = rows.weights if chosen is None else rows.weights[chosen]  # no two are equal
    steps = -(-len(weights) // batch_size)
    epochs = []
    for number in range(2):
        batches = [source.batch(number * steps + step)[1].weights for step in range(steps)]
        assert [len(batch) for batch in batches[:-1]] == [batch_size] * (steps - 1)
        epochs.append(torch.cat(batches).numpy())
        assert np.array_equal(np.sort(epochs[-1]), np.sort(weights))
    assert not np.array_equal(*epochs)
    if 7 < batch_size < len(weights):
        assert 0.2 < np.abs(np.diff(epochs[0])).mean() * 3 < 1.2  # neighbours in a batch are none in the table


def test_inputs_and_labels_of_a_streamed_batch_belong_together(data, small):
    rows = data.rows("train")
    whole, source = tensors(data).inputs(rows), make_batches(rows, tensors(data), batch_size=50, seed=0)
    inputs, targets = source.batch(8)
    indices = [int(np.flatnonzero(rows.weights == weight)[0]) for weight in targets.weights.numpy()]
    assert all(torch.equal(inputs[name], column[indices]) for name, column in whole.items())
    assert torch.equal(targets.labels, tensors(data).targets(rows).labels[indices])


def test_a_batch_depends_on_nothing_but_the_seed_and_the_step(data, small):
    member, other, seeded = (
        make_batches(data.rows("train"), tensors(data), batch_size=50, seed=seed) for seed in (0, 0, 1)
    )
    for step in (3, 40, 11):
        member.batch(step)
    assert torch.equal(member.batch(9)[0]["ids"], other.batch(9)[0]["ids"])
    assert not torch.equal(member.batch(9)[0]["ids"], seeded.batch(9)[0]["ids"])


@pytest.mark.parametrize("negatives", [1.0, 0.5])
def test_a_streamed_fit_that_breaks_inside_a_block_goes_on_bit_for_bit(tmp_path, small, negatives):
    table(1500).to_parquet(tmp_path / "t.parquet")
    tasks = {"click": None, "buy": {"after": "click"}}
    data = mn.encode_table(tmp_path / "t.parquet", tmp_path / "e", tasks, ignore=["stars", "price"])
    losses = Losses(negatives=negatives)
    whole = new_member(data, losses=losses)
    assert isinstance(whole.batches, StreamedBatches)
    shares = (8 / whole.steps, 23 / whole.steps, 1.0)
    saved = None
    for share in shares:
        advance(whole, share)
        part = restored(new_member(data, losses=losses), saved)
        advance(part, share)
        saved = part.checkpoint().to_bytes()
    assert_equal(part, whole)
    assert (whole.train_rows == 1200) == (negatives == 1.0)


def test_predictions_of_stored_rows_are_those_in_memory(data, monkeypatch):
    monkeypatch.setattr("mtl_nas.model.prediction.STORED_ROWS", 64)
    network = new_member(data).network
    rows = data.rows("validation")
    stored, in_memory = (
        predict_and_score(network, rows, data.schema),
        predict_and_score(network, joined([rows]), data.schema),
    )
    assert stored[1].keys() == in_memory[1].keys()
    assert all(np.allclose(stored[0][name], in_memory[0][name], atol=1e-6) for name in in_memory[0])


@pytest.mark.slow
def test_scores_of_streamed_and_resident_rows_agree_to_the_noise_of_seeds(tmp_path, small):
    """Of a table in the order of a label's score, which is the worst for blocks of neighbours."""
    frame = table(4000).sort_values("size")
    frame.to_parquet(tmp_path / "t.parquet")
    split = {"stratified": False}
    data = mn.encode_table(tmp_path / "t.parquet", tmp_path / "e", TASKS, split=split)
    assert load_dataset(tmp_path / "t.parquet", TASKS, split=split).fingerprint == data.fingerprint
    scores: dict[bool, list[float]] = {}
    for in_memory in (False, True):
        for seed in range(3):
            training = TRAINING.model_copy(update={"epochs": 4, "seed": seed})
            member = new_member(data, training=training, in_memory=in_memory)
            scores.setdefault(in_memory, []).append(advance(member).score)
    noise = np.std(list(scores.values()), axis=1, ddof=1).max()
    assert abs(np.mean(scores[False]) - np.mean(scores[True])) < max(2 * noise, 0.01)
