"""New tasks from old models: which parts are carried over, what each mode moves, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy_reference import schema_of

import mtl_nas as mn
from mtl_nas.adaptation.freezing import frozen_members
from mtl_nas.adaptation.graph_transfer import transfer_graph, transferred_weights
from mtl_nas.composition import compose, stacking
from mtl_nas.data import Task
from mtl_nas.design import Members
from mtl_nas.errors import MtlNasError
from mtl_nas.exports import Model
from mtl_nas.model import build
from mtl_nas.presets import compatible_presets

SCHEMA = schema_of("click@use", "buy<click@use", "pay<buy@money", categories=(5,), histories=((6, 3),))
NEW = Task(name="share", kind="binary", classes=("0", "1"))
SMALL = mn.Training(epochs=2, batch_size=64, learning_rate=3e-3)


def table(rows: int, *, seed: int) -> pd.DataFrame:
    """Three events of which ``share`` follows ``click``'s preference."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": random.normal(size=rows), "z": random.normal(size=rows)})
    frame["city"] = random.choice(["a", "b", "c"], rows)
    drawn = frame["x"] + (frame["city"] == "a") + random.logistic(scale=0.3, size=rows)
    frame["click"] = (drawn > 0.5).astype(int)
    frame["buy"] = ((drawn > 1.0) & (random.random(rows) < 0.7)).astype(int)
    frame["share"] = ((drawn + random.logistic(scale=0.3, size=rows)) > 0.8).astype(int)
    return frame


@pytest.fixture(scope="module")
def model() -> Model:
    data = mn.load_dataset(table(3_000, seed=0).drop(columns="share"), tasks={"click": {}, "buy": {}})
    design = mn.preset("shared_bottom", data.schema, hidden=(16,), tower=(8,))
    return mn.evaluate(design, data, SMALL).model


@pytest.mark.parametrize("name", sorted(compatible_presets(SCHEMA).designs))
def test_every_hand_design_grows_a_task_that_keeps_the_shared_weights(name: str) -> None:
    old = build(compose(compatible_presets(SCHEMA).designs[name], SCHEMA), seed=1)
    transfer = transfer_graph(old.architecture, "buy", NEW)
    new = build(transfer.architecture, seed=2)
    new.set_weights(transferred_weights(transfer, old.architecture, old.weights(), new.weights()))
    assert transfer.architecture.tasks == ("share",)
    before, after = old.weights(), new.weights()
    shared = [key for key in after if key.rpartition("/")[0] in transfer.shared]
    assert all(torch.equal(after[key], before[key]) for key in shared if key in before)
    assert shared or name == "single_task"


@pytest.mark.parametrize("kind", ["multiclass", "ordinal", "regression"])
def test_a_task_of_another_kind_has_a_head_of_its_own(kind: str) -> None:
    old = compose(compatible_presets(SCHEMA).designs["mmoe"], SCHEMA)
    task = Task(name="stars", kind=kind, classes=("a", "b", "c") if kind != "regression" else ())
    grown = transfer_graph(old, "click", task).architecture
    assert grown.widths[grown.heads[0].node] == task.outputs


@pytest.mark.parametrize("name", ["shared_bottom", "cgc", "stem"])
@pytest.mark.parametrize("rows", [1, 1_000_000])  # from which a table is large
def test_frozen_parts_do_not_move(name: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacking, "SPARSE_UPDATE_ROWS", rows)
    data = mn.load_dataset(table(300, seed=0).drop(columns="share"), tasks={"click": {}, "buy": {}})
    old = Model(build(compose(mn.preset(name, data.schema), data.schema), seed=1), data.schema)
    training = SMALL.model_copy(update={"weight_decay": 0.5})
    adapted = old.adapt(table(300, seed=1), "share", mode="frozen", training=training, seeds=1).model.network
    before, after = old.network.weights(), adapted.weights()
    grown = transfer_graph(old.architecture, "click", NEW)
    assert grown.shared
    shared = {key for key in after if key.rpartition("/")[0] in grown.shared}
    assert all(torch.equal(after[key], before[key]) for key in shared)
    own = {key: key.replace("/share/", "/click/") for key in after.keys() - shared}
    assert any(not torch.equal(after[key], before[old]) for key, old in own.items() if old in before)
    partly = [members for _, members in frozen_members(adapted, grown.shared) if members.any() and not members.all()]
    assert bool(partly) == (name != "shared_bottom")


def test_few_rows_of_a_related_task_gain_from_the_model(model: Model) -> None:
    adaptation = model.adapt(table(300, seed=2), "share", training=SMALL, seeds=2)
    assert adaptation.gain.difference > 0
    assert (adaptation.like, adaptation.metric, adaptation.rows) == ("click", "auc", 240)
    scores = adaptation.model.predict(table(10, seed=3))
    assert list(scores.columns) == ["share"]


@pytest.mark.parametrize("scope", ["all"])
def test_inner_steps_start_from_the_model(model: Model, scope: str) -> None:
    still = mn.Meta(inner_rate=0.0, steps=1, scope=scope)
    adapted = model.adapt(table(300, seed=4), "share", mode="inner", inner=still, seeds=1).model.network
    before, after = model.network.weights(), adapted.weights()
    assert all(torch.equal(after[key], before[key]) for key in after if key in before)


@pytest.mark.parametrize("mode", ["frozen", "finetuned", "inner"])
def test_networks_in_one_learn_a_new_task_as_one_does(mode: str) -> None:
    data = mn.load_dataset(table(300, seed=0).drop(columns="share"), tasks={"click": {}, "buy": {}})
    members = Members(count=3)
    design = mn.preset("shared_bottom", data.schema, hidden=(8,)).model_copy(update={"members": members})
    old = Model(build(compose(design, data.schema), seed=1), data.schema)
    adapted = old.adapt(table(300, seed=1), "share", mode=mode, training=SMALL, seeds=1).model.network
    assert adapted.architecture.members == 3
    before, after = old.network.weights(), adapted.weights()
    factors = "members/embedding/factors"
    assert torch.equal(before[factors], after[factors]) == (mode == "frozen")


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("share", {"mode": "froze"}, "no mode 'froze'; modes: frozen, finetuned, inner; did you mean 'frozen'?"),
        ("click", {}, "the model predicts a task 'click' already; give the new one another name"),
        ("gift", {}, "the table has no column 'gift' with labels of the new task; did you mean 'city'?"),
        ("share", {"like": "klick"}, "no task 'klick'; tasks: click, buy; did you mean 'click'?"),
    ],
)
def test_what_cannot_be_adapted_says_why(model: Model, task: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(MtlNasError) as problem:
        model.adapt(table(300, seed=5), task, training=SMALL, seeds=1, **options)
    assert str(problem.value) == message
