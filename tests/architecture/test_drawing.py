"""Pictures of an architecture: they fit, they are well-formed, they show every node and head."""

import re
from xml.etree import ElementTree

import pytest
from numpy_reference import schema_of

from mtl_nas.architecture import Architecture, Head, Node
from mtl_nas.architecture.boxes import boxes
from mtl_nas.architecture.drawing import mermaid, svg, text
from mtl_nas.blocks import Concat, Embedding, Expert, Layers, Tower, Vocabulary
from mtl_nas.composition import compose
from mtl_nas.data import Task
from mtl_nas.design import Critics, Design, Gating, Histories, Inputs, Level, Routing, Stitching, Transfers
from mtl_nas.presets import PRESETS, compatible_presets, preset

RICH = {"categories": (3, 4), "histories": ((4, 5),)}
FUNNEL = schema_of("click@use", "buy<click@money", "pay<buy@money", **RICH)
ODD = ('say "hi" <b>&amp;</b>', "купить|сейчас 🛒 [/x]", "a task whose name is longer than any line of a terminal " * 2)
STRANGE = FUNNEL.model_copy(
    update={
        "tasks": tuple(Task(name=name, kind="binary", classes=("0", "1")) for name in (*ODD, "bell \x07 and\nnewline"))
    }
)
GRAPHS = {
    **{name: compose(design, FUNNEL) for name, design in compatible_presets(FUNNEL).designs.items()},
    "strange names": compose(preset("ple", STRANGE), STRANGE),
    "tables of each task": compose(preset("single_task", STRANGE), STRANGE),
    "critics over transfers": compose(
        Design(
            levels=(Level(specific=1),),
            transfers=Transfers(links="chain"),
            critics=Critics(count=9, critic=Layers(hidden=(64, 32))),
        ),
        FUNNEL,
    ),
    "stitched, then routed, then added": compose(
        Design(
            inputs=Inputs(tables="task", histories=Histories(kind="gru", attention="sigmoid")),
            levels=(
                Level(specific=1, expert=Expert(hidden=(8,)), mixing=Stitching(channelwise=True)),
                Level(shared=3, family=2, expert=Expert(hidden=(8,), cross=2, feature_gate=4), mixing=Routing()),
                Level(specific=2, mixing=Gating(sees="all", stop_gradient=True, residual="linear", tied=True)),
            ),
        ),
        FUNNEL,
    ),
    "many options": compose(
        Design(
            inputs=Inputs(numbers="piecewise", embedding=16),
            levels=(
                Level(
                    shared=8,
                    specific=4,
                    expert=Expert(hidden=(512, 256, 128), norm="layer", dropout=0.25, activation="gelu"),
                    mixing=Gating(hidden=(64, 32)),
                ),
            )
            * 2,
            tower=Tower(hidden=(64, 32), norm="batch"),
        ),
        FUNNEL,
    ),
}


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("name", GRAPHS)
def test_text_fits_the_terminal(name, width):
    lines = text(GRAPHS[name], width).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[-1].endswith("multiply-adds per row")


@pytest.mark.parametrize("name", GRAPHS)
def test_text_shows_every_box_and_every_head(name):
    shown = re.sub(r"\s+", "", text(GRAPHS[name]))
    for box in boxes(GRAPHS[name]):
        assert re.sub(r"\s+", "", box.name) in shown
        for head in box.heads:
            assert "=>" + re.sub(r"\s+", "", head) in shown


def test_every_preset_is_drawn():
    assert set(PRESETS) <= set(GRAPHS)


@pytest.mark.parametrize(
    ("name", "node", "words"),
    [
        ("dupn", "sequence/h0", "property-gated lstm of a sequence, softmax attention, 32 wide"),
        ("cross_stitch", "level0/stitch/buy", "stitch of 3"),
        ("snr", "level1/route/buy", "routes from 4, transformed"),
        ("adatt", "level0/residual/buy", "linear over 2"),
        ("adatt", "level0/sum/buy", "sum of 2"),
        ("stem", "stop/level0/expert/buy/0", "no gradient"),
        ("home", "level1/expert/buy/0", "expert 64, feature gate 8, silu, batch norm"),
        ("metaheac", "fields", "mean of 7 fields"),
        ("metaheac", "task_embedding/buy", "task embedding 8"),
        ("metaheac", "level0/gate/buy", "softmax over 8, hidden 64, tied"),
        ("metaheac", "critic/buy/0", "tower 1, tied"),
        ("metaheac", "critics/gate/buy", "softmax over 5 probabilities, hidden 64, tied"),
        ("critics over transfers", "transfer/buy", "transfer from 1, self score"),
        ("stitched, then routed, then added", "level1/family/use/0", "2 experts 8, 2 cross, feature gate 4"),
        ("stitched, then routed, then added", "sequence/h0/buy", "gru of a sequence, sigmoid attention, 32 wide"),
    ],
)
def test_a_box_says_what_it_computes(name, node, words):
    labels = {member.name: box.label for box in boxes(GRAPHS[name]) for member in box.nodes}
    assert labels[node] == words


def test_a_box_above_no_other_reads_columns_a_history_or_nothing():
    shown = text(GRAPHS["metaheac"], 200).splitlines()
    reads = {line.split()[0]: line.partition("<- ")[2] for line in shown[:-1]}
    assert reads["embedding"] == "columns"
    assert reads["sequence/h0"] == "a history"
    assert reads["task_embedding/buy"] == "nothing"


def test_text_of_a_small_graph_is_a_line_a_box():
    schema = schema_of("click", "buy", **RICH)
    lines = text(compose(preset("mmoe", schema, "paper"), schema)).splitlines()
    assert any(re.fullmatch(r"level0/expert/0\.\.7 +8 experts 16 +<- features", line) for line in lines)
    index = next(index for index, line in enumerate(lines) if re.fullmatch(r"tower/buy +tower 8-1", line))
    assert lines[index + 1] == "    <- level0/gate/buy  => buy"


@pytest.mark.parametrize("name", GRAPHS)
def test_svg_is_xml_that_draws_every_box(name):
    root = ElementTree.fromstring(svg(GRAPHS[name]))
    space = "{http://www.w3.org/2000/svg}"
    drawn = boxes(GRAPHS[name])
    assert root.tag == f"{space}svg"
    stacked = sum(len(box.nodes) > 1 for box in drawn)
    assert len(root.findall(f"{space}rect")) == 1 + len(drawn) + stacked
    assert len(root.findall(f"{space}path")) == sum(len(box.sources) for box in drawn)
    width, height = float(root.get("width")), float(root.get("height"))
    for box in root.findall(f"{space}rect")[1:]:
        assert float(box.get("x")) >= 0
        assert float(box.get("x")) + float(box.get("width")) <= width
        assert float(box.get("y")) + float(box.get("height")) <= height


def test_svg_shows_names_as_they_are():
    shown = "".join(ElementTree.fromstring(svg(GRAPHS["strange names"])).itertext())
    assert ODD[0] in shown
    assert "🛒" in shown
    assert "\x07" not in shown


@pytest.mark.parametrize("name", GRAPHS)
def test_mermaid_is_one_statement_a_line(name):
    lines = mermaid(GRAPHS[name]).splitlines()
    label = r'[^"<>&|\[\]{}\n]*'
    statement = (
        rf'  (n\d+\["{label}<br/>{label}"\]|style n\d+ fill:#\w{{6}},stroke:#555,color:#222|n\d+ --> n\d+'
        rf'|h\w+\(\["{label}"\]\)|n\d+ --> h\w+)'
    )
    assert lines[0] == "flowchart TD"
    wrong = [line for line in lines[1:] if not re.fullmatch(statement, line)]
    assert wrong == []
    drawn = boxes(GRAPHS[name])
    assert sum(" --> n" in line for line in lines) == sum(len(box.sources) for box in drawn)
    assert sum('(["' in line for line in lines) == sum(len(box.heads) for box in drawn)
    ids = [line.split("[")[0].strip() for line in lines if '["' in line]
    assert len(set(ids)) == len(ids)


def test_mermaid_escapes_what_would_end_a_label():
    drawn = mermaid(GRAPHS["strange names"])
    assert "say #34;hi#34; #60;b#62;#38;amp#59;#60;/b#62;" in drawn
    assert "купить#124;сейчас" in drawn


def test_alike_experts_are_one_box():
    schema = schema_of("click", "buy")
    boxes_by_name = {box.name: box for box in boxes(compose(preset("mmoe", schema, experts=5), schema))}
    assert len(boxes_by_name["level0/expert/0..4"].nodes) == 5
    assert {"level0/gate/click", "level0/gate/buy", "tower/click", "tower/buy"} <= set(boxes_by_name)


def test_experts_of_different_tasks_are_different_boxes():
    schema = schema_of("click", "buy")
    names = [box.name for box in boxes(compose(preset("cgc", schema, shared=2, specific=3), schema))]
    experts = [name for name in names if "expert" in name]
    assert experts == ["level0/expert/0..1", "level0/expert/click/0..2", "level0/expert/buy/0..2"]


def test_boxes_read_earlier_boxes_only():
    for graph in GRAPHS.values():
        for position, box in enumerate(boxes(graph)):
            assert all(index < position for index in box.sources)
            assert all(boxes(graph)[index].depth < box.depth for index in box.sources)


def test_a_node_that_reads_one_node_twice_is_drawn():
    graph = Architecture(
        nodes=(
            Node(name="in", block=Embedding(categories=(Vocabulary(name="a", size=3),), width=2)),
            Node(name="twice", block=Concat(), inputs=("in", "in")),
            Node(name="out", block=Tower(), inputs=("twice",)),
        ),
        heads=(Head(task="click", node="out", kind="binary"),),
    )
    assert "side by side, 4 wide" in text(graph)
    ElementTree.fromstring(svg(graph))
    assert mermaid(graph).startswith("flowchart TD\n")
