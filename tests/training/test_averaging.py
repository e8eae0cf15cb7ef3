"""The mean of weights over the ends of epochs, which is scored and earlier in place of the weights."""

import io

import pytest
import torch
from fit_fixtures import DATA, TRAINING, assert_equal, new_member, noisy
from members import advance, restored
from torch.testing import assert_close

import mtl_nas as mn
from mtl_nas.composition import stacking
from mtl_nas.presets import compatible_presets
from mtl_nas.training import Checkpoint, Fit, Member
from mtl_nas.training.averaging import WeightAverage

AVERAGED = TRAINING.model_copy(update={"average": 0.6, "epochs": 7.0})
PRESETS = compatible_presets(DATA.schema).designs


def ends_of_epochs(member: Member) -> list[dict[str, torch.Tensor]]:
    """Train to the end; the weights at the end of each epoch."""
    fit, ends = Fit(member), []
    for epoch in range(1, 8):
        fit.advance(epoch / 7)
        ends.append({name: value.clone() for name, value in member.network.state_dict().items()})
    return ends


def test_the_newest_weights_count_four_times_at_first_and_by_the_memory_later() -> None:
    member = new_member(training=AVERAGED)
    assert member.average is not None
    expected: dict[str, torch.Tensor] = {}
    for count, weights in enumerate(ends_of_epochs(member), start=1):
        share = max(0.4, 4 / (count + 3))
        expected = {name: (1 - share) * expected.get(name, 0 * new) + share * new for name, new in weights.items()}
    for name, mean in member.average.network.state_dict().items():
        assert_close(mean, expected[name])


def test_the_mean_is_what_is_scored_and_kept() -> None:
    plain = new_member(training=AVERAGED.model_copy(update={"average": 0.0}))
    advance(plain)
    member = new_member(training=AVERAGED)
    advance(member)
    assert member.checks[0].score == plain.checks[0].score  # the mean of one
    assert member.checks[-1].score != plain.checks[-1].score
    for name, weight in plain.network.state_dict().items():
        assert torch.equal(member.network.state_dict()[name], weight)  # training itself is the same
    fresh = new_member(training=AVERAGED)
    scores = []
    for epoch in range(1, 8):
        advance(fresh, epoch / 7)
        scores.append(fresh.checks[-1].score)
        if fresh.best is fresh.checks[-1]:
            assert fresh.average is not None
            earlier = {name: value.clone() for name, value in fresh.average.network.state_dict().items()}
    assert scores == [check.score for check in member.checks]
    assert all(torch.equal(value, earlier[name]) for name, value in member.best_network().state_dict().items())


def test_breaks_in_the_middle_of_epochs_change_no_mean() -> None:
    whole, broken = new_member(training=AVERAGED), None
    advance(whole)
    saved = None
    for share in (0.05, 0.2, 0.45, 1.0):
        broken = restored(new_member(training=AVERAGED), saved)
        advance(broken, share)
        saved = broken.checkpoint().to_bytes()
    assert broken is not None
    assert broken.best.score == whole.best.score
    broken.checks, broken.best = whole.checks, whole.best  # the breaks have checks of their own
    assert_equal(broken, whole)


def test_before_the_end_of_the_first_epoch_the_weights_are_scored() -> None:
    member = new_member(training=AVERAGED)
    advance(member, 0.05)
    assert member.average is not None
    assert (member.average.count, len(member.checks)) == (0, 1)


@pytest.mark.parametrize("name", PRESETS)
def test_the_weights_of_every_preset_have_a_mean(name: str) -> None:
    network = mn.build(mn.compose(PRESETS[name], DATA.schema), seed=1)
    average = WeightAverage(network, 0.5)
    average.add(network.state_dict())
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in average.network.state_dict().items())


def test_the_mean_of_a_large_table_is_that_of_dense_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = {"batch_size": len(DATA.rows("train")), "weight_decay": 0.1}
    training, design = AVERAGED.model_copy(update=batch), noisy("none", dropout=0.0)
    dense = new_member(design, training)
    advance(dense)
    monkeypatch.setattr(stacking, "SPARSE_UPDATE_ROWS", 1)
    sparse = new_member(design, training)
    advance(sparse)
    assert sparse.sparse
    for name, value in sparse.best_network().state_dict().items():
        assert_close(value, dense.best_network().state_dict()[name], rtol=1e-3, atol=1e-5)


def test_a_state_that_was_saved_before_there_was_a_mean_is_read() -> None:
    plain = TRAINING.model_copy(update={"average": 0.0})
    member = new_member(training=plain)
    advance(member, 0.5)
    fields = torch.load(io.BytesIO(member.checkpoint().to_bytes()), weights_only=True)
    assert fields.pop("average") == {}
    buffer = io.BytesIO()
    torch.save(fields, buffer)
    assert Checkpoint.from_bytes(buffer.getvalue()).average == {}
    whole = new_member(training=plain)
    advance(whole, 0.5)
    advance(whole)
    later = restored(new_member(training=plain), buffer.getvalue())
    advance(later)
    assert_equal(later, whole)
