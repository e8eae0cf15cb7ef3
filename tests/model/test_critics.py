"""Critics in place of towers, mixed as the kind of task asks for; thresholds of ordered classes."""

from typing import Any

import pytest
from numpy_reference import schema_of
from pydantic import ValidationError

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Expert, Gate, Layers, Thresholds, Tower
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Critics, Design, GateOptions, Level, Transfers

PAIR, THREE = schema_of("click", "buy"), schema_of("click", "buy", "pay")
KINDS = schema_of("click", "stars*3", "grade/4", "dwell~", "spent$", "likes#")
PLAIN = GateOptions(query="features")
ROW = Level(specific=1, expert=Expert(hidden=(4,)))


def criticised(schema: Schema, *levels: Level, links: Any = "none", **critics: Any) -> Architecture:
    """Two critics under gates that ask the features, unless ``critics`` says otherwise."""
    options = {"count": 2, "gate": PLAIN, **critics}
    return compose(Design(levels=levels, transfers=Transfers(links=links), critics=Critics(**options)), schema)


def test_every_task_has_the_same_critics_over_its_own_state_and_no_tower() -> None:
    architecture = criticised(PAIR, ROW)
    assert not any(node.name.startswith("tower/") for node in architecture.nodes)
    for task in ("click", "buy"):
        for index in (0, 1):
            critic = architecture.node(f"critic/{task}/{index}")
            assert (critic.block, critic.tied) == (Tower(), f"critic/{index}")
            assert critic.inputs == (f"level0/expert/{task}/0",)
        assert architecture.node(f"critics/gate/{task}").inputs[1:] == (f"critic/{task}/0", f"critic/{task}/1")
    assert [head.node for head in architecture.heads] == ["critics/gate/click", "critics/gate/buy"]


def test_a_set_of_critics_counts_once() -> None:
    pair = criticised(PAIR, ROW)
    features = pair.widths["embedding"]
    assert pair.parameters == 2 * ((features * 4 + 4) + features * 2) + 2 * (4 + 1) + pair.node(
        "embedding"
    ).block.parameters(())
    assert pair.macs == 2 * (features * 4 + (features * 2 + 2) + 2 * 4)


def test_critics_may_have_hidden_layers_and_options() -> None:
    critic = Layers(hidden=(3,), activation="gelu", norm="layer", dropout=0.1, residual=True)
    actual = criticised(PAIR, ROW, critic=critic).node("critic/buy/1").block
    assert actual == Tower(hidden=(3,), activation="gelu", norm="layer", dropout=0.1, residual=True)


@pytest.mark.parametrize(
    ("task", "mixes", "outputs"),
    [
        ("click", "probability", 1),
        ("stars", "classes", 3),
        ("grade", "state", 1),
        ("dwell", "state", 1),
        ("spent", "state", 3),
        ("likes", "rate", 1),
    ],
)
def test_predictions_are_mixed_as_the_kind_of_task_asks(task: str, mixes: Any, outputs: int) -> None:
    architecture = criticised(KINDS, ROW)
    assert architecture.node(f"critics/gate/{task}").block == Gate(mixes=mixes)
    assert architecture.node(f"critic/{task}/0").block == Tower(outputs=outputs)


def test_tasks_whose_predictions_are_mixed_alike_can_share_a_gate() -> None:
    schema = schema_of("click", "buy", "stars*3", "moods*3", "likes#", "dwell~", "spent$")
    architecture = criticised(schema, ROW, gate=GateOptions(query="features", tied=True))
    tied = {name: architecture.node(f"critics/gate/{name}").tied for name in schema.task_names}
    alone = dict.fromkeys(("likes", "dwell", "spent"), "")  # nobody else is mixed so
    pairs = {"click": "critics/gate/probability", "buy": "critics/gate/probability"}
    assert tied == {**pairs, **dict.fromkeys(("stars", "moods"), "critics/gate/multiclass/3/classes"), **alone}


@pytest.mark.parametrize(
    "schema",
    [schema_of("stars*3", "spent$"), schema_of("click", "dwell~", "likes#", "grade/4"), schema_of("dwell~", "spent$")],
)
def test_tasks_of_other_kinds_have_other_critics(schema: Schema) -> None:
    """Numbers as many as three classes are no classes, and a number is no chance."""
    architecture = criticised(schema, ROW, gate=GateOptions(query="features", tied=True))
    assert not any(node.tied for node in architecture.nodes)


def test_classes_of_other_number_have_other_critics() -> None:
    architecture = criticised(schema_of("stars*3", "moods*5"), ROW)
    assert not any(node.tied for node in architecture.nodes)


def test_one_critic_needs_no_gate() -> None:
    architecture = criticised(PAIR, ROW, count=1, gate=GateOptions(query="fields", kind="sigmoid", tied=True))
    assert [head.node for head in architecture.heads] == ["critic/click/0", "critic/buy/0"]
    assert {node.tied for node in architecture.nodes} == {"", "critic/0"}
    assert not any(isinstance(node.block, Gate) for node in architecture.nodes)


def test_critics_of_one_task_are_tied_to_nobody() -> None:
    architecture = criticised(schema_of("click"), ROW, gate=GateOptions(tied=True))
    assert not any(node.tied for node in architecture.nodes)


@pytest.mark.parametrize(
    ("gate", "block"),
    [
        (GateOptions(kind="top_k", top=1), Gate(kind="top_k", top=1, mixes="probability")),
        (GateOptions(kind="top_k", top=2), Gate(mixes="probability")),
        (GateOptions(kind="sigmoid", hidden=(3,)), Gate(kind="sigmoid", hidden=(3,), mixes="probability")),
        (GateOptions(kind="static", hidden=(3,)), Gate(kind="static", mixes="probability")),
    ],
)
def test_critics_are_weighed_as_experts_are(gate: GateOptions, block: Gate) -> None:
    architecture = criticised(PAIR, ROW, gate=gate)
    assert architecture.node("critics/gate/buy").block == block
    assert len(architecture.node("critics/gate/buy").inputs) == 2 + block.has_query


def test_critics_stand_on_transferred_states() -> None:
    architecture = criticised(THREE, ROW, links="chain", gate=GateOptions(query="state"))
    assert architecture.node("critic/pay/1").inputs == ("transfer/pay",)
    assert architecture.node("critics/gate/pay").inputs[0] == "transfer/pay"
    assert architecture.node("critic/click/1").inputs == ("level0/expert/click/0",)


def test_mixed_probabilities_are_factors_of_a_funnel() -> None:
    schema = schema_of("click", "buy<click")
    architecture = compose(Design(critics=Critics(count=2), funnel="product"), schema)
    assert architecture.node("product/buy").inputs == ("critics/gate/click", "critics/gate/buy")


@pytest.mark.parametrize(("classes", "outputs"), [(2, 1), (4, 3)])
@pytest.mark.parametrize("critics", [None, Critics(count=2, gate=PLAIN), Critics(count=1)])
def test_ordered_classes_are_thresholds_on_one_score(classes: int, outputs: int, critics: Critics | None) -> None:
    schema = schema_of("click", f"grade/{classes}")
    architecture = compose(Design(critics=critics), schema)
    node = architecture.node("thresholds/grade")
    below = "tower/grade" if critics is None else "critics/gate/grade" if critics.count > 1 else "critic/grade/0"
    assert (node.block, node.inputs) == (Thresholds(outputs=outputs), (below,))
    assert architecture.widths[below] == 1
    head = next(head for head in architecture.heads if head.task == "grade")
    assert (head.node, head.kind) == ("thresholds/grade", "ordinal")


def test_other_kinds_have_no_thresholds() -> None:
    architecture = compose(Design(), schema_of("click", "stars*3", "dwell~", "spent$", "likes#"))
    assert not any(isinstance(node.block, Thresholds) for node in architecture.nodes)
    assert [architecture.widths[head.node] for head in architecture.heads] == [1, 3, 1, 3, 1]


@pytest.mark.parametrize(
    "options", [{"count": 0}, {"count": 65}, {"gate": {"kind": "mean"}}, {"gate": {"sees": "all"}}]
)
def test_options_that_critics_have_not_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Critics(**options)
