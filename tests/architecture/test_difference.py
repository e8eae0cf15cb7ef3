"""What differs between two graphs, in words."""

import pytest
from numpy_reference import schema_of

from mtl_nas.architecture.difference import differences
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design, Gating
from mtl_nas.presets import compatible_presets, preset

SCHEMA = schema_of("click@use", "buy<click@use", categories=(3, 4), histories=((4, 5),))


def lines(first: Design, other: Design, schema: Schema = SCHEMA) -> list[str]:
    return differences(compose(first, schema), compose(other, schema))


def mmoe(**sizes) -> Design:
    return preset("mmoe", SCHEMA, "paper", **sizes)


def test_equal_graphs_do_not_differ():
    assert lines(mmoe(), mmoe()) == ["the graphs are the same"]
    assert lines(mmoe(experts=1), preset("shared_bottom", SCHEMA, hidden=(16,), tower=(8,))) == [
        "the graphs are the same"
    ]


def test_a_change_of_a_size_is_one_line_and_the_price():
    actual = lines(mmoe(tower=(8,)), mmoe(tower=(16,)))
    assert actual[:2] == ["~ tower/click: tower 8-1 -> tower 16-1", "~ tower/buy: tower 8-1 -> tower 16-1"]
    assert len(actual) == 3
    before, after = (compose(mmoe(tower=tower), SCHEMA).parameters for tower in ((8,), (16,)))
    assert actual[2] == f"{after - before:+,} parameters ({before:,} to {after:,})"


def test_more_experts_are_one_line():
    assert "~ level0/expert/0: 4 experts 16 -> 8 experts 16" in lines(mmoe(experts=4), mmoe(experts=8))


def test_what_only_one_graph_has_is_marked():
    actual = lines(mmoe(), preset("shared_bottom", SCHEMA, hidden=(16,), tower=(8,)))
    assert "- level0/gate/click: softmax over 8" in actual
    assert "~ level0/expert/0: 8 experts 16 -> expert 16" in actual
    back = lines(preset("shared_bottom", SCHEMA, hidden=(16,), tower=(8,)), mmoe())
    assert "+ level0/gate/click: softmax over 8" in back


def test_what_a_node_reads_is_told():
    actual = lines(preset("aitm", SCHEMA), preset("single_task", SCHEMA, hidden=(128, 64, 32), tower=(), embedding=5))
    assert any(line.startswith("- transfer/buy: transfer from 1") for line in actual)
    assert any("no longer reads transfer/buy" in line for line in actual)


def test_options_that_no_drawing_shows_are_told():
    hot = mmoe().model_copy(
        update={
            "levels": (
                mmoe()
                .levels[0]
                .model_copy(update={"mixing": mmoe().levels[0].mixing.model_copy(update={"temperature": 2.0})}),
            )
        }
    )
    assert "~ level0/gate/click: temperature 1.0 -> 2.0" in lines(mmoe(), hot)


def test_weights_that_are_shared_or_not_are_told():
    design = mmoe()
    tied = design.model_copy(
        update={"levels": (design.levels[0].model_copy(update={"mixing": Gating(tied=True)}),)},
    )
    assert lines(design, tied)[:2] == [
        f"~ level0/gate/{task}: softmax over 8 -> softmax over 8, tied" for task in ("click", "buy")
    ]


def test_a_share_of_negatives_is_told():
    design = mmoe()
    thinned = design.model_copy(update={"losses": design.losses.model_copy(update={"negatives": 0.25})})
    assert lines(design, thinned)[:2] == [f"~ head of {task}: negatives 1.0 -> 0.25" for task in ("click", "buy")]
    assert lines(thinned, thinned) == ["the graphs are the same"]


GRAPHS = {name: compose(preset(name, SCHEMA), SCHEMA) for name in compatible_presets(SCHEMA).designs}


@pytest.mark.parametrize("name", GRAPHS)
def test_any_two_presets_can_be_told_apart(name):
    for other, graph in GRAPHS.items():
        actual = differences(GRAPHS[name], graph)
        assert (actual == ["the graphs are the same"]) == (name == other)
        assert all(line[:2] in ("- ", "+ ", "~ ") for line in actual[:-1])
        assert not any(line.endswith(": ") for line in actual)
