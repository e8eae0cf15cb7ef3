"""The training loop: what a seed fixes, what a rung changes, what is kept, what is refused."""

import math

import numpy as np
import pytest
import torch
from fit_fixtures import DATA, TRAINING, assert_equal, new_member, noisy
from members import advance, restored
from slowly import slow

import mtl_nas as mn
from mtl_nas.composition import compose
from mtl_nas.data import Rows
from mtl_nas.design import Losses, Meta, Training
from mtl_nas.errors import DesignError, MtlNasError
from mtl_nas.training import DivergedError
from mtl_nas.training.balancing.aggregation import refuse_missing
from mtl_nas.training.objective import WEIGHTINGS
from mtl_nas.training.schedule import rate_factor


@pytest.mark.parametrize("precision", ["float32", slow("float64"), slow("bfloat16")])
@pytest.mark.parametrize("norm", ["batch", slow("none"), slow("layer")])
def test_a_fit_that_is_saved_and_loaded_goes_on_as_if_nothing_had_been(precision, norm):
    options = {"precision": precision, "schedule": "cosine", "warmup": 0.1}
    if norm != "batch":
        options |= {"weight_decay": 0.1, "average": 0.7}
    training = TRAINING.model_copy(update=options)
    rungs = (1 / 9, 1 / 3, 1.0)
    whole = new_member(noisy(norm), training)
    for share in rungs:
        advance(whole, share)
    saved = None
    for share in rungs:
        torch.rand(3)  # what others draw between the rungs changes nothing
        part = restored(new_member(noisy(norm), training), saved)
        advance(part, share)
        saved = part.checkpoint().to_bytes()
    assert_equal(part, whole)


WAYS = {
    **{name: Losses(weighting=name) for name in WEIGHTINGS},
    "decay": Losses(decay={"price": 0.9}),
    **{name: Losses(aggregation=name) for name in ("pcgrad", "graddrop", "gradvac", "nash_mtl")},
    "both": Losses(aggregation="upgrad", weighting="gradnorm", calibrator=0.3),
}


QUICK = ("dwa", "gradvac")
JOINT = [(name, None) if name in QUICK else slow(name, None) for name in WAYS]
ADAPTED = [
    slow("static", Meta(inner_rate=0.05)),
    *(slow(name, Meta(order=1, inner_rate=0.05)) for name in ("famo", "both")),
]


def case_name(value):
    return "meta" if isinstance(value, Meta) else value


@pytest.mark.parametrize(("name", "meta"), JOINT + ADAPTED, ids=case_name)
def test_what_weighs_losses_and_turns_gradients_survives_breaks_in_the_middle_of_epochs(name, meta):
    """``gradvac`` and ``nash_mtl`` carry more than random numbers; DWA and decay count epochs and steps."""
    try:
        refuse_missing(WAYS[name].aggregation)
    except DesignError as missing:
        pytest.skip(str(missing))
    design = noisy("layer").model_copy(update={"losses": WAYS[name]})
    training = TRAINING.model_copy(update={"epochs": 4, "batch_size": 200, "meta": meta})
    rungs = (7 / 16, 15 / 16, 1.0)
    whole = new_member(design, training)
    for share in rungs:
        advance(whole, share)
    saved = None
    for share in rungs:
        torch.rand(3)
        part = restored(new_member(design, training), saved)
        advance(part, share)
        saved = part.checkpoint().to_bytes()
    assert_equal(part, whole)
    states = part.objective.state_dict(), whole.objective.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_fit_goes_on_after_its_best_network_was_read():
    training = Training(epochs=15, batch_size=64, learning_rate=0.05)
    whole, read = (new_member(noisy(dropout=0.0), training) for _ in range(2))
    for member in (whole, read):
        advance(member, 0.9)
    best = read.best_network()
    assert not {id(weight) for weight in best.parameters()} & {id(weight) for weight in read.network.parameters()}
    assert read.best.step < read.step  # so that the best weights are not those in training
    for member in (whole, read):
        advance(member)
    assert_equal(read, whole)


def test_patience_is_counted_across_a_break():
    training = Training(epochs=40, batch_size=128, learning_rate=0.02, patience=2)
    whole = new_member(noisy(dropout=0.0), training)
    advance(whole)
    assert whole.stopped
    assert whole.step < whole.steps
    assert len(whole.checks) - 1 - whole.checks.index(whole.best) == 2
    part = new_member(noisy(dropout=0.0), training)
    advance(part, whole.step / whole.steps - 0.5 / whole.steps)
    later = restored(new_member(noisy(dropout=0.0), training), part.checkpoint().to_bytes())
    advance(later)
    assert later.stopped
    done = later.step
    advance(later)
    assert later.step == done


def test_the_same_seed_gives_the_same_result_and_another_seed_another():
    design = noisy()
    results = [mn.evaluate(design, DATA, TRAINING.model_copy(update={"seed": seed})) for seed in (0, 0, 1)]
    assert results[0].scores == results[1].scores
    assert results[0].checks == results[1].checks
    assert all((results[0].predictions[name] == results[1].predictions[name]).all() for name in results[0].predictions)
    assert results[0].scores != results[2].scores


def test_what_was_drawn_before_changes_nothing():
    member = mn.evaluate(noisy(), DATA, TRAINING)
    torch.rand(7)
    assert mn.evaluate(noisy(), DATA, TRAINING).scores == member.scores


def test_rungs_are_nested_shares_of_the_work():
    member = new_member()
    assert member.train_rows == 800
    assert (member.steps_per_epoch, member.steps) == (13, 26)
    advance(member, 1 / 9)
    assert (member.step, member.rows) == (3, 3 * 64)
    advance(member, 1 / 3)
    assert (member.step, member.rows) == (9, 9 * 64)
    advance(member)
    assert (member.step, member.rows) == (26, 2 * 800)
    assert [check.step for check in member.checks] == [3, 9, 13, 26]
    assert [check.rows for check in member.checks] == [192, 576, 800, 1600]
    advance(member, 1 / 3)
    assert member.step == 26


def test_a_share_of_a_pass_is_a_training_too():
    short = mn.evaluate(noisy(), DATA, Training(epochs=0.5, batch_size=64))
    assert short.rows == 6 * 64
    whole = mn.evaluate(noisy(), DATA, Training(epochs=0.001, batch_size=5000))
    assert whole.rows == 800


def test_the_best_check_is_kept_not_the_last_one():
    training = Training(epochs=15, batch_size=64, learning_rate=0.05)
    result = mn.evaluate(noisy(dropout=0.0), DATA, training, split="tuning")
    best = max(check.score for check in result.checks)
    assert result.score == pytest.approx(best, abs=1e-12)
    assert result.checks[-1].score < best


def test_a_rung_scores_the_best_so_far():
    member = new_member(noisy(dropout=0.0), Training(epochs=12, batch_size=64, learning_rate=0.05))
    scores = [advance(member, share).score for share in (0.2, 0.5, 1.0)]
    assert scores == sorted(scores)
    assert scores[-1] == max(check.score for check in member.checks)


@pytest.mark.parametrize("rate", [1e6, 1e30])
def test_a_training_that_diverges_says_so(rate):
    with pytest.raises(MtlNasError, match="no longer finite after .* rows; lower the learning rate") as problem:
        mn.evaluate(noisy("none", 0.0), DATA, Training(epochs=5, batch_size=64, learning_rate=rate))
    assert isinstance(problem.value, DivergedError)


def test_a_batch_without_a_valid_label_is_no_error():
    rows = DATA.rows("train")
    labels = rows.labels.copy()
    labels[:, 1:] = np.nan
    labels[:, 0] = np.where(np.arange(len(labels)) % 50 == 0, labels[:, 0], np.nan)
    sparse = Rows(rows.categories, rows.numbers, rows.sequences, labels)
    for weighting in ("static", "uncertainty"):
        design = noisy().model_copy(update={"losses": Losses(weighting=weighting)})
        member = new_member(design, TRAINING.model_copy(update={"batch_size": 8, "epochs": 0.5}), sparse)
        advance(member)
        assert all(parameter.isfinite().all() for parameter in member.network.parameters())
        if weighting == "uncertainty":
            assert member.objective.weighting.log_variances[1:].tolist() == [0, 0, 0]


def test_a_batch_of_one_row_is_no_error():
    odd = DATA.rows("train").take(slice(0, 65))  # the last batch of an epoch has one row
    member = new_member(train=odd)
    advance(member)
    assert math.isfinite(member.best.score)


@pytest.mark.parametrize("precision", ["float64", "bfloat16"])
def test_other_precisions_come_to_similar_scores(precision):
    plain = mn.evaluate(noisy(dropout=0.0), DATA, TRAINING)
    other = mn.evaluate(noisy(dropout=0.0), DATA, TRAINING.model_copy(update={"precision": precision}))
    weight = next(other.model.network.parameters())
    assert weight.dtype == (torch.float64 if precision == "float64" else torch.float32)
    assert other.score == pytest.approx(plain.score, abs=0.05)
    assert all(values.dtype == np.float64 for values in other.predictions.values())


def test_a_design_learns_what_is_there():
    result = mn.evaluate(noisy(dropout=0.0), DATA, Training(epochs=12, batch_size=64, learning_rate=0.01))
    assert result.scores["click"]["auc"] > 0.75
    assert result.scores["stars"]["auc"] > 0.8
    assert result.scores["price"]["r2"] > 0.7
    assert result.parameters == compose(noisy(), DATA.schema).parameters
    assert result.rows_per_second > 0
    assert result.seconds > 0


def test_weights_of_losses_decide_what_is_learned():
    alone = Losses(weights={"click": 0.0, "buy": 0.0, "stars": 0.0})
    training = Training(epochs=8, batch_size=64, learning_rate=0.01)
    actual = mn.evaluate(noisy(dropout=0.0), DATA, training, losses=alone).checks[-1].scores
    assert actual["price"]["r2"] > 0.7
    assert actual["stars"]["log_loss"] > 1.0  # three classes, never trained


def test_an_architecture_with_losses_trains_as_its_design():
    design = noisy()
    graph = compose(design, DATA.schema)
    assert mn.evaluate(graph, DATA, TRAINING, losses=design.losses).scores == mn.evaluate(design, DATA, TRAINING).scores
    assert mn.evaluate(graph, DATA, TRAINING).scores != mn.evaluate(design, DATA, TRAINING).scores


RATES = {
    "constant": [1, 1, 1],
    "linear": [1, 0.5, 0.1],
    "cosine": [1, 0.5, 0.5 * (1 + math.cos(0.9 * math.pi))],
}


@pytest.mark.parametrize("schedule", RATES)
def test_schedules_lead_from_the_full_rate_towards_none(schedule):
    actual = [rate_factor(Training(schedule=schedule), progress) for progress in (0, 0.5, 0.9)]
    assert actual == pytest.approx(RATES[schedule])


@pytest.mark.parametrize("schedule", RATES)
def test_warm_up_rises_and_meets_the_schedule(schedule):
    training = Training(schedule=schedule, warmup=0.2)
    rising = [rate_factor(training, progress) for progress in (0, 0.1, 0.2)]
    assert 0 < rising[0] < 0.01
    assert rising[1] == pytest.approx(0.5, abs=0.01)
    assert rising[2] == 1
    assert rate_factor(training, 0.6) == pytest.approx(RATES[schedule][1])


def test_the_rate_of_a_step_is_that_of_its_share_of_the_work():
    member = new_member(training=TRAINING.model_copy(update={"schedule": "linear"}))
    advance(member, 0.5)
    assert member.optimizer.rate == pytest.approx(0.01 * (1 - 12 / 26))


def test_weight_decay_shrinks_weights():
    sizes = []
    for decay in (0.0, 1.0):
        member = new_member(noisy(dropout=0.0), TRAINING.model_copy(update={"weight_decay": decay}))
        advance(member)
        sizes.append(sum(float(parameter.detach().square().sum()) for parameter in member.network.parameters()))
    assert sizes[1] < sizes[0]


def test_missing_labels_are_masked():
    member = new_member()
    assert member.objective.tasks == list(DATA.schema.tasks)
    labels = DATA.rows("train").labels
    assert member.batches.targets.valid.sum(dim=0).tolist() == (~np.isnan(labels)).sum(axis=0).tolist()
