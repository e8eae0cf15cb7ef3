"""One design, some seeds: what a Result holds, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch

import mtl_nas as mn
from mtl_nas.composition import compose
from mtl_nas.data import load_dataset
from mtl_nas.design import Design, Level, Training
from mtl_nas.errors import ArchitectureError, DataError, DesignError, MtlNasError
from mtl_nas.evaluation import evaluate_seeds, predict_and_score, predict_held_out
from mtl_nas.scoring import mean_score, score_task, score_tasks
from mtl_nas.training import Fit


def table(rows: int = 600) -> pd.DataFrame:
    random = np.random.RandomState(0)
    size = random.standard_normal(rows)
    click = (size + random.standard_normal(rows) > 0).astype(int)
    return pd.DataFrame(
        {
            "size": size,
            "color": random.choice(["red", "green"], rows),
            "click": click,
            "buy": click * random.randint(0, 2, rows),
            "stars": random.choice(["a", "b", "c"], rows),
            "price": 5 + size + random.standard_normal(rows),
        }
    )


DATA = load_dataset(table(), {"click": None, "buy": {"after": "click"}, "stars": None, "price": None})
TRAINING = Training(epochs=1, batch_size=64)
SMALL = mn.preset("esmm", DATA.schema, hidden=(4,), embedding=2)


def test_a_result_scores_every_head_of_the_split():
    result = mn.evaluate(SMALL, DATA, TRAINING)
    assert set(result.scores) == {"click", "buy", "buy|click", "stars", "price"}
    assert set(result.scores["stars"]) == {"auc", "log_loss", "accuracy"}
    assert set(result.scores["price"]) == {"rmse", "mae", "r2"}
    assert result.score == mean_score(result.scores, DATA.schema)
    assert {name: len(values) for name, values in result.predictions.items()} == dict.fromkeys(result.scores, 60)
    assert result.predictions["stars"].shape == (60, 3)
    assert result.parameters == compose(SMALL, DATA.schema).parameters
    assert result.rows == len(DATA.rows("train"))


@pytest.mark.parametrize(("split", "rows"), [("validation", 60), ("tuning", 30), ("choosing", 30), ("test", 60)])
def test_splits_are_scored_on_request(split, rows):
    result = mn.evaluate(SMALL, DATA, TRAINING, split=split)
    assert len(result.predictions["click"]) == rows
    assert result.scores == predict_and_score(result.model.network, DATA.rows(split), DATA.schema)[1]
    with pytest.raises(DataError, match=r"no split 'validatoin': .*did you mean 'validation'\?"):
        mn.evaluate(SMALL, DATA, TRAINING, split="validatoin")


def test_the_test_split_is_opened_by_the_final_stage_alone():
    with pytest.raises(DataError, match="the test split is opened once"):
        mn.evaluate(SMALL, DATA.for_search(), TRAINING, split="test")


def test_a_conditional_head_is_scored_where_its_condition_holds():
    rows = DATA.rows("validation")
    guess = np.random.default_rng(0).random(len(rows))
    result = score_tasks({"buy|click": guess}, rows, DATA.schema)["buy|click"]
    clicked = rows.labels[:, 0] == 1
    assert result == score_task(DATA.schema.task("buy"), guess[clicked], rows.labels[clicked, 1])


def test_the_mean_score_leaves_out_what_is_not_defined():
    assert mean_score({"click": {"auc": 0.8}, "buy": {"auc": None}}, DATA.schema) == 0.8
    assert mean_score({"click": {"auc": None}}, DATA.schema) == 0.0
    assert mean_score({"click": {"auc": 0.5}, "buy|click": {"auc": 1.0}, "price": {"r2": -0.5}}, DATA.schema) == 0.0


def test_a_design_that_does_not_fit_says_why():
    level = Level(specific={"clik": 1})
    with pytest.raises(DesignError, match=r"names task 'clik', which the data does not have; did you mean 'click'\?"):
        mn.evaluate(Design(levels=(level,)), DATA, TRAINING)
    with pytest.raises(DesignError, match="leaves task 'buy' without an expert"):
        mn.evaluate(Design(levels=(Level(specific={"click": 1}),)), DATA, TRAINING)


def other(**changes) -> mn.Dataset:
    frame = table().assign(**changes)
    tasks = {name: None for name in ("click", "buy", "stars", "price") if name in frame}
    return load_dataset(frame, tasks)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (other(extra=np.linspace(0, 1, 600)), "node 'embedding' was made for other columns .* such as 'extra'"),
        (other(color=["red", "green", "blue"] * 200), "node 'embedding' has 3 ids for column 'color', the data has 4"),
        (other(stars=["a", "b"] * 300), "the head of 'stars' is multiclass of width 3, the task is binary of 1"),
        (
            other(size=table()["size"].where(table()["size"] < 1)),
            "made for other columns than the data has, or in another",
        ),
        (other(seen=[[1, 2]] * 600), None),
    ],
)
def test_an_architecture_made_for_other_data_is_refused(data, message):
    graph = compose(mn.preset("mmoe", DATA.schema, hidden=(4,)), DATA.schema)
    if message is None:  # a sequence that the graph does not read is left unread
        assert mn.evaluate(graph, data, TRAINING).scores
        return
    with pytest.raises(ArchitectureError, match=message):
        mn.evaluate(graph, data, TRAINING)


def test_an_architecture_may_predict_some_of_the_tasks():
    part = DATA.schema.model_copy(update={"tasks": DATA.schema.tasks[:1]})
    result = mn.evaluate(compose(mn.preset("mmoe", part, hidden=(4,)), part), DATA, TRAINING)
    assert set(result.scores) == {"click"}


@pytest.mark.parametrize("device", ["cpu", "cpu:0"], ids=["one by one", "as one"])
def test_each_seed_has_the_result_that_it_has_alone(device):
    result = evaluate_seeds(SMALL, DATA, TRAINING, [5, 3], split="test", device=device)
    for seed, one in zip((5, 3), result, strict=True):
        alone = mn.evaluate(SMALL, DATA, TRAINING.model_copy(update={"seed": seed}), split="test")
        for task, expected in alone.predictions.items():  # scores jump where predictions nearly tie
            np.testing.assert_allclose(one.predictions[task], expected, atol=1e-5)
        assert (one.rows, len(one.checks)) == (alone.rows, len(alone.checks))
        assert one.seconds > 0
    assert result[0].score != result[1].score


def test_seeds_that_a_gpu_has_no_room_for_at_once_are_trained_one_after_the_other(monkeypatch):
    advance = Fit.advance

    def full(fit):
        if len(fit.members) > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return advance(fit)

    monkeypatch.setattr(Fit, "advance", full)
    result = evaluate_seeds(SMALL, DATA, TRAINING, [5, 3], split="test", device="cpu:0")
    alone = [mn.evaluate(SMALL, DATA, TRAINING.model_copy(update={"seed": seed}), split="test") for seed in (5, 3)]
    assert [one.score for one in result] == [one.score for one in alone]


@pytest.mark.parametrize("device", ["cuda", "gpu"])
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_here_is_refused(device):
    with pytest.raises(MtlNasError, match=f"no device '{device}' here; say 'cpu', or 'cuda' where torch sees a GPU"):
        mn.evaluate(SMALL, DATA, TRAINING, device=device)


def test_with_folds_a_score_is_the_mean_over_held_out_rows_and_the_model_is_the_mean_of_its_networks():
    tasks = {"click": None, "buy": {"after": "click"}, "stars": None, "price": None}
    data = load_dataset(table(), tasks, split={"folds": 3})
    results = {split: mn.evaluate(SMALL, data, TRAINING, split=split) for split in ("validation", "tuning", "test")}
    alone = [mn.evaluate(SMALL, fold, TRAINING) for fold in data.folds]
    assert results["validation"].score == pytest.approx(np.mean([each.score for each in alone]))
    assert results["tuning"].rows == sum(each.rows for each in alone)
    for each, fold in zip(alone, data.held_out("validation"), strict=True):
        for head, values in each.predictions.items():
            assert np.array_equal(results["validation"].predictions[head][fold], values)

    tested = results["test"]
    assert len(tested.model.members) == 3
    assert tested.parameters == compose(SMALL, data.schema).parameters
    predicted = tested.model.predict(data.frame("test"))
    assert np.abs(predicted["buy|click"].to_numpy() - tested.predictions["buy|click"]).max() < 1e-12
    networks = [member.network for member in tested.model.members]
    together = predict_held_out(networks, data, "test")
    assert tested.scores == score_tasks(together, data.rows("test"), data.schema)


def test_one_seed_of_several_is_the_same_with_folds():
    data = load_dataset(table(), {"click": None}, split={"folds": 2}, ignore=["buy", "stars", "price"])
    design = mn.preset("shared_bottom", data.schema, hidden=(4,), embedding=2)
    both = evaluate_seeds(design, data, TRAINING, [0, 1])
    assert both[1].scores == mn.evaluate(design, data, TRAINING.model_copy(update={"seed": 1})).scores
