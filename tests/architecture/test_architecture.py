"""The graph as a value: what it refuses, what it counts, how it is written down."""

import json

import networkx as nx
import numpy as np
import pytest
from numpy_reference import schema_of, shapes
from pydantic import ValidationError

from mtl_nas.architecture import Architecture, Head, Node
from mtl_nas.blocks import (
    Block,
    Concat,
    Embedding,
    Expert,
    Gate,
    History,
    Product,
    Route,
    Stitch,
    Sum,
    TaskEmbedding,
    Thresholds,
    Tower,
    Transfer,
)
from mtl_nas.composition import compose
from mtl_nas.design import Design, Gating, Inputs, Level, Losses, Transfers
from mtl_nas.errors import ArchitectureError, MtlNasError
from mtl_nas.presets import PRESETS, preset

FUNNEL = schema_of("click", "buy<click", "pay<buy")
FIT_ALL = schema_of("click@use", "buy<click@money", "pay<buy@money", categories=(4,), histories=((5, 3),))
TABLE = Node(name="embedding", block=Embedding(numbers=("age", "price"), encoding="standard"))
HEAD = Head(task="click", node="tower/click", kind="binary")
TOWER = ("tower/click", Tower(), "embedding")


def graph(*nodes: tuple[str | Block, ...], heads: tuple[Head, ...] = (HEAD,)) -> Architecture:
    """(name, block, input, ...) each, above one embedding of width 2."""
    rows = (Node(name=name, block=block, inputs=inputs) for name, block, *inputs in nodes)
    return Architecture(nodes=(TABLE, *rows), heads=heads)


@pytest.mark.parametrize(
    ("nodes", "heads", "message"),
    [
        (
            [("tower/click", Tower(), "level0/gate")],
            (HEAD,),
            "node 'tower/click' reads 'level0/gate', which no earlier node computes",
        ),
        (
            [("tower/click", Tower(), "embeding")],
            (HEAD,),
            "node 'tower/click' reads 'embeding', which no earlier node computes; did you mean 'embedding'?",
        ),
        (
            [("a", Expert(), "b"), ("b", Expert(), "a"), ("tower/click", Tower(), "b")],
            (HEAD,),
            "node 'a' reads 'b', which comes later or is itself: a cycle",
        ),
        (
            [("a", Expert(), "a"), ("tower/click", Tower(), "a")],
            (HEAD,),
            "node 'a' reads 'a', which comes later or is itself: a cycle",
        ),
        ([TOWER, TOWER], (HEAD,), "2 nodes are named 'tower/click'; names must differ"),
        (
            [("tower/click", Tower())],
            (HEAD,),
            "node 'tower/click' (tower) reads 1 (state), got 0",
        ),
        (
            [("e", Expert(), "embedding", "embedding"), TOWER],
            (HEAD,),
            "node 'e' (expert) reads 1 (state), got 2",
        ),
        (
            [("g", Gate(), "embedding"), TOWER],
            (HEAD,),
            "node 'g' (gate) reads at least 2 (query, expert), got 1",
        ),
        (
            [("m", Gate(kind="mean")), TOWER],
            (HEAD,),
            "node 'm' (gate) reads at least 1 (expert), got 0",
        ),
        ([("c", Concat()), TOWER], (HEAD,), "node 'c' (concat) reads at least 1 (part), got 0"),
        (
            [("t", Transfer(), "embedding"), TOWER],
            (HEAD,),
            "node 't' (transfer) reads at least 2 (own, source), got 1",
        ),
        (
            [("s", History(name="h", sizes=(3,), length=2), "embedding"), TOWER],
            (HEAD,),
            "node 's' (sequence) reads no input, got 1",
        ),
        (
            [("s", History(name="h", sizes=(3,), length=2, attention="softmax", context=True)), TOWER],
            (HEAD,),
            "node 's' (sequence) reads 1 (context), got 0",
        ),
        (
            [("s", Stitch(), "embedding"), TOWER],
            (HEAD,),
            "node 's' (stitch) reads at least 2 (own, other), got 1",
        ),
        ([("r", Route()), TOWER], (HEAD,), "node 'r' (route) reads at least 1 (source), got 0"),
        ([("v", TaskEmbedding(), "embedding"), TOWER], (HEAD,), "node 'v' (task_embedding) reads no input, got 1"),
        (
            [("t", Thresholds(outputs=2), "embedding"), TOWER],
            (HEAD,),
            "node 't': thresholds split one score, got widths [2]",
        ),
        (
            [("a", Expert(hidden=(4,)), "embedding"), ("s", Sum(), "a", "embedding"), TOWER],
            (HEAD,),
            "node 's': a sum adds states of one width, got [4, 2]",
        ),
        (
            [("a", Expert(hidden=(4,)), "embedding"), ("s", Route(), "a", "embedding"), TOWER],
            (HEAD,),
            "node 's': a route joins states of one width, got [4, 2]",
        ),
        (
            [
                ("a", Expert(hidden=(4,)), "embedding"),
                ("b", Expert(hidden=(3,)), "embedding"),
                ("g", Gate(), "a", "a", "b"),
            ],
            (HEAD,),
            "node 'g': a gate mixes experts of one width, got [4, 3]",
        ),
        (
            [("t", Tower(outputs=2), "embedding"), ("p", Product(), "t", "t")],
            (HEAD,),
            "node 'p': a product multiplies single probabilities, got widths [2, 2]",
        ),
        (
            [TOWER, ("tower/spent", Tower(), "embedding"), ("p", Product(), "tower/click", "tower/spent")],
            (Head(task="click", node="p", kind="binary"), Head(task="spent", node="tower/spent", kind="regression")),
            "product 'p' takes 'tower/spent' for a binary prediction, but the head of 'spent' reads it as regression; "
            "use it for binary tasks only",
        ),
        (
            [TOWER, ("p", Product(), "tower/click")],
            (Head(task="likes", node="p", kind="count"),),
            "product 'p' takes 'p' for a binary prediction, but the head of 'likes' reads it as count; "
            "use it for binary tasks only",
        ),
        ([TOWER], (), "an architecture needs a head; it has none"),
        (
            [TOWER],
            (Head(task="click", node="tower/clik", kind="binary"),),
            "the head of 'click' reads 'tower/clik', which no node computes; did you mean 'tower/click'?",
        ),
        (
            [TOWER],
            (Head(task="stars", node="tower/click", kind="multiclass"),),
            "the head of 'stars' is multiclass and needs one number per class, got width 1",
        ),
        (
            [("tower/click", Tower(outputs=3), "embedding")],
            (HEAD,),
            "the head of 'click' is binary and needs one number, got width 3",
        ),
        (
            [TOWER],
            (HEAD, Head(task="click", node="tower/click", kind="binary")),
            "task 'click' has 2 heads; a task is predicted at one node",
        ),
    ],
)
def test_a_broken_graph_says_what_is_wrong(
    nodes: list[tuple[str | Block, ...]], heads: tuple[Head, ...], message: str
) -> None:
    with pytest.raises(ArchitectureError) as problem:
        graph(*nodes, heads=heads)
    assert str(problem.value) == message


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ((Expert(hidden=(3,)), "embedding"), (Expert(hidden=(4,)), "embedding")),
        ((Expert(hidden=(3,)), "embedding"), (Expert(hidden=(3,)), "wide")),
        ((Gate(bias=True), "embedding", "wide"), (Gate(bias=True), "wide", "wide")),
    ],
)
def test_only_like_nodes_share_weights(first: tuple[Block, ...], other: tuple[Block, ...]) -> None:
    named = (("a", *first), ("b", *other))
    both = tuple(Node(name=name, block=block, inputs=inputs, tied="set") for name, block, *inputs in named)
    wide = Node(name="wide", block=Expert(hidden=(5,)), inputs=("embedding",))
    rest = (Node(name="join", block=Concat(), inputs=("a", "b")), Node(name="out", block=Tower(), inputs=("join",)))
    with pytest.raises(ArchitectureError) as problem:
        Architecture(nodes=(TABLE, wide, *both, *rest), heads=(Head(task="click", node="out", kind="binary"),))
    assert str(problem.value) == "nodes 'a' and 'b' share the weights 'set', but differ in block or widths"


def test_a_set_of_weights_counts_once() -> None:
    """Two experts of three over two inputs: nine numbers instead of eighteen, computed twice."""

    def pair(tied: str) -> Architecture:
        experts = (Node(name=name, block=Expert(hidden=(3,)), inputs=("embedding",), tied=tied) for name in ("a", "b"))
        rest = (Node(name="join", block=Concat(), inputs=("a", "b")), Node(name="out", block=Tower(), inputs=("join",)))
        head = Head(task="click", node="out", kind="binary")
        return Architecture(nodes=(TABLE, *experts, *rest), heads=(head,))

    assert (pair("").parameters, pair("set").parameters) == (18 + 7, 9 + 7)
    assert pair("").macs == pair("set").macs == 12 + 6
    assert pair("").key != pair("set").key


def test_the_share_of_negatives_is_part_of_a_head() -> None:
    plain, thinned = (graph(TOWER, heads=(HEAD.model_copy(update={"negatives": share}),)) for share in (1.0, 0.1))
    assert plain.key == graph(TOWER).key != thinned.key
    composed = compose(Design(losses=Losses(negatives=0.1)), FUNNEL)
    assert [head.negatives for head in composed.heads] == [0.1] * 3


def test_a_broken_file_says_the_same() -> None:
    tree = json.loads(graph(TOWER).model_dump_json())
    tree["nodes"][1]["inputs"] = ["nowhere"]
    with pytest.raises(MtlNasError, match="'tower/click' reads 'nowhere', which no earlier node computes"):
        Architecture.model_validate(tree)


def test_an_unknown_version_is_refused() -> None:
    tree = json.loads(graph(TOWER).model_dump_json())
    with pytest.raises(ValidationError):
        Architecture.model_validate({**tree, "version": 2})


@pytest.mark.parametrize("name", PRESETS)
def test_an_architecture_round_trips_through_json(name: str) -> None:
    architecture = compose(preset(name, FIT_ALL), FIT_ALL)
    again = Architecture.model_validate_json(architecture.model_dump_json())
    assert again == architecture
    assert again.key == architecture.key
    assert (again.parameters, again.macs) == (architecture.parameters, architecture.macs)


def test_numbers_are_counted_by_hand_on_a_small_graph() -> None:
    """Two inputs, two experts of three, a gate, a tower with one hidden layer of two."""
    experts = (("a", Expert(hidden=(3,)), "embedding"), ("b", Expert(hidden=(3,)), "embedding"))
    actual = graph(*experts, ("g", Gate(), "embedding", "a", "b"), ("tower/click", Tower(hidden=(2,)), "g"))
    assert actual.widths == {"embedding": 2, "a": 3, "b": 3, "g": 3, "tower/click": 1}
    assert actual.parameters == 2 * (2 * 3 + 3) + 2 * 2 + (3 * 2 + 2 + 2 + 1)
    assert actual.macs == 2 * (2 * 3) + (2 * 2 + 2 * 3) + (3 * 2 + 2)


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_parameters_are_the_sum_of_all_weights(norm: str, share: bool) -> None:
    design = Design(
        inputs=Inputs(numbers="piecewise", buckets=8, tables="task"),
        levels=(
            Level(shared=2, specific={"buy": 2}, expert=Expert(hidden=(5, 4), norm=norm), mixing=Gating(hidden=(3,))),
        ),
        transfers=Transfers(links="chain", transfer=Transfer(share=share, bias=True)),
        tower=Tower(hidden=(3,), norm=norm),
    )
    architecture = compose(design, schema_of("click", "buy", "pay", categories=(4,), histories=((5, 3),)))
    counted = {name: int(np.prod(shape)) for name, shape in shapes(architecture).items() if "running_" not in name}
    assert architecture.parameters == sum(counted.values())


def test_tasks_follow_their_heads_and_conditional_heads_are_no_tasks() -> None:
    architecture = compose(preset("esmm", FUNNEL), FUNNEL)
    assert architecture.tasks == ("click", "buy", "pay")
    assert [(head.task, head.given) for head in architecture.heads if head.given] == [("buy", "click"), ("pay", "buy")]


def test_who_reaches_a_node_tells_what_is_shared() -> None:
    architecture = compose(preset("cgc", FUNNEL), FUNNEL)
    assert architecture.reaching["embedding"] == {"click", "buy", "pay"}
    assert architecture.reaching["level0/expert/0"] == {"click", "buy", "pay"}
    assert architecture.reaching["level0/expert/buy/0"] == {"buy"}
    chained = compose(preset("aitm", FUNNEL), FUNNEL)
    assert chained.reaching["level0/expert/click/0"] == {"click", "buy", "pay"}
    assert chained.reaching["level0/expert/pay/0"] == {"pay"}
    products = compose(preset("esmm", FUNNEL), FUNNEL)
    assert products.reaching["tower/buy"] == {"buy", "pay"}


def test_a_networkx_view_keeps_roles_and_repeated_reads() -> None:
    twice = graph(("g", Gate(), "embedding", "embedding", "embedding"), ("tower/click", Tower(), "g"))
    view = twice.to_networkx()
    assert nx.is_directed_acyclic_graph(view)
    assert sorted(data["role"] for _, _, data in view.in_edges("g", data=True)) == ["expert", "expert", "query"]
    assert view.nodes["tower/click"]["heads"] == [("click", "binary", "")]


@pytest.mark.parametrize(
    ("block", "count", "roles"),
    [
        (Gate(), 3, ("query", "expert", "expert")),
        (Gate(kind="mean"), 2, ("expert", "expert")),
        (Transfer(), 3, ("own", "source", "source")),
        (Concat(), 2, ("part", "part")),
        (Tower(), 1, ("state",)),
        (Product(), 2, ("factor", "factor")),
        (Gate(kind="static"), 2, ("expert", "expert")),
        (Gate(kind="sigmoid", mixes="probability"), 2, ("query", "expert")),
        (Stitch(), 3, ("own", "other", "other")),
        (Route(), 2, ("source", "source")),
        (Sum(), 2, ("term", "term")),
        (History(name="h", sizes=(3,), length=2, attention="softmax", context=True), 1, ("context",)),
        (Thresholds(outputs=2), 1, ("score",)),
        (Embedding(), 0, ()),
    ],
)
def test_an_input_has_a_role(block: Block, count: int, roles: tuple[str, ...]) -> None:
    assert Node(name="node", block=block, inputs=("x",) * count).input_roles == roles


def test_a_node_is_found_by_name() -> None:
    assert graph(TOWER).node("embedding") == TABLE


def metaheac() -> Architecture:
    schema = schema_of("click", "buy")
    return compose(preset("metaheac", schema), schema)


def test_roles_mark_task_embeddings_and_critics() -> None:
    roles = {node.name.partition("/")[0]: node.role for node in metaheac().nodes if node.role}
    assert roles == {"task_embedding": "task_embedding", "critic": "critics", "critics": "critics"}


def test_a_file_without_roles_is_read_with_the_roles_that_names_told() -> None:
    tree = metaheac().model_dump(mode="json")
    for node in tree["nodes"]:
        node.pop("role", None)
    assert Architecture.model_validate(tree) == metaheac()


def test_roles_are_no_part_of_a_key_and_of_most_files() -> None:
    nodes = tuple(node.model_copy(update={"role": ""}) for node in metaheac().nodes)
    without = Architecture(nodes=nodes, heads=metaheac().heads)
    assert without.key == metaheac().key
    assert not any("role" in node for node in without.model_dump(mode="json")["nodes"])


def test_an_unknown_node_is_an_error_that_names_the_nearest():
    architecture = compose(Design(), FUNNEL)
    assert architecture.node("tower/buy").name == "tower/buy"
    with pytest.raises(
        ArchitectureError, match=r"no node 'tower/bye' in this architecture; did you mean 'tower/buy'\?"
    ):
        architecture.node("tower/bye")
