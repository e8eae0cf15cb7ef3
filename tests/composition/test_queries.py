"""What gates ask: a state, the features, two states added, or the mean of the fields beside a task's embedding."""

from typing import Any

import pytest
from numpy_reference import schema_of

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Concat, FieldMean, Sum, TaskEmbedding
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Critics, Design, GateOptions, Gating, Inputs, Level, Stitching

PAIR = schema_of("click", "buy")
COLUMNS = schema_of("click", "buy", numbers=2, categories=(4, 3))
HISTORIES = schema_of("click", "buy", numbers=2, categories=(4,), histories=((5, 3), (6,)))


def composed(schema: Schema, inputs: Inputs | None = None, levels: int = 1, **gating: Any) -> Architecture:
    """Levels of a shared expert and one of each task, all gates alike."""
    level = Level(shared=1, specific=1, mixing=Gating(**gating))
    return compose(Design(inputs=inputs or Inputs(), levels=(level,) * levels), schema)


def query(architecture: Architecture, gate: str) -> str:
    return architecture.node(gate).inputs[0]


@pytest.mark.parametrize(("tables", "expected"), [("shared", "embedding"), ("task", "embedding/buy")])
def test_features_are_the_query_at_every_level(tables: Any, expected: str) -> None:
    architecture = composed(PAIR, Inputs(tables=tables), levels=3, query="features")
    assert [query(architecture, f"level{depth}/gate/buy") for depth in range(3)] == [expected] * 3
    assert [query(architecture, f"level{depth}/gate") for depth in range(2)] == ["embedding"] * 2


def test_a_state_is_that_of_the_owner_below() -> None:
    architecture = composed(PAIR, levels=3, query="state")
    assert [query(architecture, f"level{depth}/gate/buy") for depth in range(3)] == [
        "embedding",
        "level0/gate/buy",
        "level1/gate/buy",
    ]
    assert query(architecture, "level1/gate") == "level0/gate"


def test_a_joint_query_adds_the_owner_s_and_the_shared_state() -> None:
    architecture = composed(PAIR, Inputs(tables="task"), levels=2, query="joint")
    first, second = (architecture.node(f"level{depth}/joint/buy") for depth in (0, 1))
    assert first.block == second.block == Sum()
    assert first.inputs == ("embedding/buy", "embedding")
    assert second.inputs == ("level0/gate/buy", "level0/gate")
    assert query(architecture, "level1/gate/buy") == second.name
    assert query(architecture, "level0/gate") == "embedding"  # the shared state alone


def test_families_ask_jointly_too() -> None:
    schema = schema_of("click@use", "like@use", "buy")
    row = Level(shared=1, family=1, mixing=Gating(placement="family", query="joint"))
    architecture = compose(Design(levels=(row, row)), schema)
    assert architecture.node("level1/joint/family/use").inputs == ("level0/family/use/gate", "level0/gate")
    assert query(architecture, "level1/family/use/gate") == "level1/joint/family/use"


def test_a_residual_gate_asks_what_its_gate_asks() -> None:
    architecture = composed(PAIR, Inputs(tables="task"), query="joint", residual="gate")
    assert query(architecture, "level0/residual/buy") == query(architecture, "level0/gate/buy") == "level0/joint/buy"


def test_fields_are_their_mean_beside_the_task_s_embedding() -> None:
    architecture = composed(COLUMNS, Inputs(embedding=6), query="fields")
    queries = architecture.node(query(architecture, "level0/gate/buy"))
    assert (queries.name, queries.block) == ("query/buy", Concat())
    assert queries.inputs == ("fields", "task_embedding/buy")
    assert architecture.node("fields").block == FieldMean(fields=4, width=6)
    assert architecture.node("fields").inputs == ("embedding",)
    assert architecture.node("task_embedding/buy").block == TaskEmbedding(width=6)
    assert architecture.widths["query/buy"] == 6 + 6


def test_numbers_that_enter_as_they_are_stand_beside_the_mean() -> None:
    architecture = composed(COLUMNS, Inputs(numbers="standard", embedding=6), query="fields")
    assert architecture.node("fields").block == FieldMean(fields=2, width=6)
    assert architecture.widths["fields"] == 6 + 2


def test_one_field_is_its_own_mean() -> None:
    architecture = composed(schema_of("click", numbers=0, categories=(4,)), query="fields")
    assert architecture.node("query/click").inputs == ("embedding", "task_embedding/click")


def test_histories_are_asked_beside_the_fields() -> None:
    architecture = composed(HISTORIES, query="fields")
    histories = ("sequence/h0", "sequence/h1")
    assert architecture.node("query/buy").inputs == ("fields", *histories, "task_embedding/buy")
    alone = composed(schema_of("click", numbers=0, histories=((5,),)), query="fields")
    assert alone.node("query/click").inputs == ("sequence/h0", "task_embedding/click")


def test_with_tables_of_each_task_its_own_fields_are_asked() -> None:
    architecture = composed(HISTORIES, Inputs(tables="task"), levels=2, query="fields")
    own = ("fields/buy", "sequence/h0/buy", "sequence/h1/buy", "task_embedding/buy")
    assert architecture.node("query/buy").inputs == own
    assert architecture.node("fields/buy").inputs == ("embedding/buy",)
    assert architecture.node("query").inputs == ("fields", "sequence/h0", "sequence/h1")
    assert query(architecture, "level0/gate") == "query"


def test_numbers_without_tables_are_asked_whoever_owns_the_tables() -> None:
    each = composed(PAIR, Inputs(numbers="standard"), query="fields")
    assert each.node("query/buy").inputs == ("embedding", "task_embedding/buy")
    assert composed(PAIR, Inputs(numbers="standard", tables="task"), query="fields").key == each.key


def test_who_is_no_task_has_no_embedding_of_one() -> None:
    architecture = composed(COLUMNS, levels=2, query="fields")
    assert query(architecture, "level0/gate") == "fields"
    everyone = composed(COLUMNS, query="fields", placement="all")
    assert query(everyone, "level0/gate") == "fields"
    assert not any(isinstance(node.block, TaskEmbedding) for node in everyone.nodes)


def test_a_task_has_one_embedding_for_all_gates_that_ask_it() -> None:
    design = Design(
        levels=(Level(shared=2, mixing=Gating(query="fields")),) * 2, critics=Critics(gate=GateOptions(query="fields"))
    )
    architecture = compose(design, COLUMNS)
    assert sum(isinstance(node.block, TaskEmbedding) for node in architecture.nodes) == 2
    gates = ("level0/gate/buy", "level1/gate/buy", "critics/gate/buy")
    queries = {query(architecture, name) for name in gates if name in architecture.widths}
    assert queries == {"query/buy"}


@pytest.mark.parametrize("word", ["static", "mean"])
def test_gates_without_a_query_leave_no_node_for_it(word: str) -> None:
    options: dict[str, Any] = {"kind": "static"} if word == "static" else {"placement": "none"}
    for queries in ("joint", "fields"):
        assert composed(COLUMNS, query=queries, **options).key == composed(COLUMNS, **options).key


@pytest.mark.parametrize(
    ("query_", "levels", "expected"),
    [
        ("state", (), "embedding"),
        ("joint", (), "joint/buy"),
        ("state", (Level(shared=2),), "level0/gate/buy"),
        ("joint", (Level(shared=2),), "level0/gate/buy"),  # nothing above reads a shared state
        ("joint", (Level(shared=2, mixing=Gating(placement="all")),), "joint/buy"),
        ("joint", (Level(specific=1, mixing=Stitching()),), "level0/stitch/buy"),
        ("features", (Level(shared=2),), "embedding"),
    ],
)
def test_critics_read_the_query_of_their_gate(query_: Any, levels: Any, expected: str) -> None:
    architecture = compose(Design(levels=levels, critics=Critics(count=2, gate=GateOptions(query=query_))), PAIR)
    assert query(architecture, "critics/gate/buy") == expected
