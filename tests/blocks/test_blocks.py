"""Widths, trained numbers and multiply-adds of every kind of node, counted by hand."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from mtl_nas.blocks import (
    Block,
    Concat,
    Embedding,
    Expert,
    FieldMean,
    Gate,
    History,
    MemberExpert,
    MemberInput,
    MemberTower,
    Product,
    Route,
    Scaling,
    Stitch,
    Stop,
    Sum,
    TaskEmbedding,
    Thresholds,
    Tower,
    Transfer,
    Vocabulary,
)

COLUMNS = {
    "categories": (Vocabulary(name="city", size=10), Vocabulary(name="kind", size=3)),
    "numbers": ("age", "price"),
}
HISTORY: dict[str, Any] = {"name": "history", "sizes": (5, 3), "length": 7, "width": 4}
GATED: dict[str, Any] = {"kind": "property_gated_lstm", "properties": 1, "hidden": 6}
WEIGHED: dict[str, Any] = {"attention": "softmax", "attention_hidden": (3,)}
SIGMOID: dict[str, Any] = {"attention": "sigmoid", "attention_hidden": ()}
COUNTED: list[tuple[Any, tuple[int, ...], int, int, int]] = [  # block, inputs -> units, parameters, macs
    (Embedding(**COLUMNS, width=4, encoding="standard"), (), 10, 13 * 4, 0),
    (Embedding(**COLUMNS, width=4, encoding="quantile", missing=("age",)), (), 11, 13 * 4, 0),
    (Embedding(**COLUMNS, width=4, encoding="bucket", buckets=8), (), 16, (13 + 2 * 9) * 4, 0),
    (Embedding(**COLUMNS, width=4, encoding="bucket", buckets=8, missing=("age",)), (), 16, (13 + 2 * 9) * 4, 0),
    (Embedding(**COLUMNS, width=4, encoding="piecewise", buckets=8), (), 16, (13 + 2 * 10) * 4, 2 * 2 * 4),
    (Embedding(numbers=("age",), encoding="standard"), (), 1, 0, 0),
    (FieldMean(fields=3, width=4), (12,), 4, 0, 3 * 4),
    (FieldMean(fields=3, width=4), (14,), 4 + 2, 0, 3 * 4),  # two numbers enter as they are
    (Scaling(), (14,), 14, 14, 14),
    (TaskEmbedding(width=4), (), 4, 4, 0),
    (History(**HISTORY), (), 8, 8 * 4, 2 * 7 * 4),
    (History(**HISTORY, kind="gru", hidden=6), (), 6, 32 + 3 * 6 * (8 + 6) + 2 * 3 * 6, 7 * 3 * 6 * (8 + 6)),
    (History(**HISTORY, kind="lstm", hidden=6), (), 6, 32 + 4 * 6 * (8 + 6) + 4 * 6, 7 * 4 * 6 * (8 + 6)),
    (History(**HISTORY, **GATED), (), 6, 32 + 3 * 6 * 14 + 6 * 10 + 24, 7 * (3 * 6 * 14 + 6 * 10)),  # c reads no p
    (History(**HISTORY, **WEIGHED), (), 8, 32 + 8 * 3 + 3 + 3, 7 * (8 * 3 + 3) + 7 * 8),
    (History(**HISTORY, **WEIGHED, context=True), (5,), 8, 32 + 13 * 3 + 3 + 3, 7 * (13 * 3 + 3) + 7 * 8),
    (History(**HISTORY, **SIGMOID), (), 8, 32 + 8 + 1, 7 * 8 + 7 * 8),  # its last map has a bias
    (
        History(**HISTORY, **{**WEIGHED, "kind": "gru", "hidden": 6}, context=True),
        (5,),
        6,
        32 + 3 * 6 * 14 + 36 + 11 * 3 + 3 + 3,
        7 * 3 * 6 * 14 + 7 * (11 * 3 + 3) + 7 * 6,
    ),
    (Concat(), (3, 4, 5), 12, 0, 0),
    (Sum(), (4, 4, 4), 4, 0, 3 * 4),
    (Stop(), (4,), 4, 0, 0),
    (Expert(hidden=(4,)), (5,), 4, 5 * 4 + 4, 5 * 4),
    (Expert(hidden=(4, 3)), (5,), 3, 5 * 4 + 4 + 4 * 3 + 3, 5 * 4 + 4 * 3),
    (Expert(hidden=(4, 3), norm="layer"), (5,), 3, 5 * 4 + 4 + 4 * 3 + 3 + 2 * 7, 5 * 4 + 4 * 3),
    (Expert(hidden=(4,), norm="batch", dropout=0.5), (5,), 4, 5 * 4 + 4 + 2 * 4, 5 * 4),
    (Expert(hidden=(5, 4), residual=True), (5,), 4, 5 * 5 + 5 + 5 * 4 + 4, 5 * 5 + 5 * 4),
    (Expert(hidden=()), (5,), 5, 0, 0),
    (Expert(hidden=(), cross=2), (5,), 5, 2 * (25 + 5), 2 * (25 + 5)),
    (Expert(hidden=(4,), feature_gate=2), (5,), 4, 2 * 5 * 2 + 5 * 4 + 4, 2 * 5 * 2 + 5 + 5 * 4),
    (Expert(hidden=(4,), cross=1, feature_gate=3), (5,), 4, 30 + 30 + 24, 30 + 5 + 30 + 20),
    (Gate(), (5, 4, 4, 4), 4, 5 * 3, 5 * 3 + 3 * 4),
    (Gate(kind="top_k", top=1), (5, 4, 4, 4), 4, 5 * 3, 5 * 3 + 3 * 4),
    (Gate(kind="sigmoid", bias=True), (5, 4), 4, 5 + 1, 5 + 4),
    (Gate(kind="static"), (4, 4, 4), 4, 3, 3 * 4),
    (Gate(kind="linear"), (4, 4, 4), 4, 3, 3 * 4),
    (Gate(mixes="probability"), (5, 1, 1, 1), 1, 5 * 3, 5 * 3 + 3),
    (Gate(mixes="classes", hidden=(2,)), (5, 4, 4), 4, 5 * 2 + 2 + 2 * 2, 5 * 2 + 2 * 2 + 2 * 4),
    (Gate(bias=True), (5, 4, 4, 4), 4, 5 * 3 + 3, 5 * 3 + 3 * 4),
    (Gate(hidden=(2,)), (5, 4, 4, 4), 4, 5 * 2 + 2 + 2 * 3, 5 * 2 + 2 * 3 + 3 * 4),
    (Gate(kind="mean"), (4, 4, 4), 4, 0, 3 * 4),
    (Stitch(), (4, 4, 4), 4, 3, 3 * 4),
    (Stitch(channelwise=True), (4, 4, 4), 4, 3 * 4, 3 * 4),
    (Route(), (4, 4, 4), 4, 3 + 3 * 16, 3 * 16 + 3 * 4),
    (Route(transform=False, penalty=0.1), (4, 4, 4), 4, 3, 3 * 4),
    (Transfer(), (4, 4), 4, 4 * 4 + 4, 4 * 4 + 2 * 3 * 4 * 4 + 2 * 2 * 4),
    (Transfer(share=False), (4, 4), 4, 4 * 4 + 4 + 3 * 4 * 4, 4 * 4 + 2 * 3 * 4 * 4 + 2 * 2 * 4),
    (Transfer(share=False, bias=True), (4, 4, 4), 4, 2 * 20 + 3 * 20, 2 * 16 + 3 * 3 * 16 + 2 * 3 * 4),
    (Tower(), (5,), 1, 6, 5),
    (Tower(hidden=(4,), outputs=3), (5,), 3, 5 * 4 + 4 + 4 * 3 + 3, 5 * 4 + 4 * 3),
    (Tower(hidden=(4,), norm="batch"), (5,), 1, 5 * 4 + 4 + 8 + 4 + 1, 5 * 4 + 4),
    (Tower(hidden=(5,), residual=True), (5,), 1, 5 * 5 + 5 + 5 + 1, 5 * 5 + 5),
    (MemberInput(members=3, columns=((4, 2), (1, 1))), (9,), 9, 3 * 9, 9),
    (MemberExpert(members=3, hidden=(4,)), (5,), 4, 5 * 4 + 3 * (5 + 4 + 4), 5 + 5 * 4 + 4),
    (MemberExpert(members=3, hidden=(4,), adapters="inner"), (5,), 4, 5 * 4 + 3 * (4 + 4), 5 * 4 + 4),
    (
        MemberExpert(members=3, hidden=(4, 3), cross=1, norm="layer", adapters="inner"),
        (5,),
        3,
        30 + 5 * 4 + 4 * 3 + 2 * 7 + 3 * (4 + 4 + 4 + 3 + 3),
        30 + 5 * 4 + 4 * 3 + (4 + 4 + 3),
    ),
    (MemberTower(members=3), (5,), 1, 3 * 6, 5),
    (MemberTower(members=3, hidden=(4,), outputs=2), (5,), 2, 20 + 3 * 13 + 3 * 10, 5 + 20 + 4 + 8),
    (MemberTower(members=3, hidden=(4,), outputs=2, adapters="none"), (5,), 2, 24 + 3 * 10, 20 + 8),
    (Thresholds(outputs=4), (1,), 4, 4, 4),
    (Product(), (1, 1, 1), 1, 0, 3),
]


@pytest.mark.parametrize(("block", "inputs", "units", "parameters", "macs"), COUNTED)
def test_a_block_counts_what_it_is(block: Any, inputs: tuple[int, ...], units: int, parameters: int, macs: int) -> None:
    assert block.units(inputs) == units
    assert block.parameters(inputs) == parameters
    assert block.macs(inputs) == macs


def test_every_kind_is_counted_and_registered() -> None:
    assert {case[0].block for case in COUNTED} == set(Block.kinds)
    assert all(kind.model_fields["block"].default == name for name, kind in Block.kinds.items())


@pytest.mark.parametrize("block", [case[0] for case in COUNTED])
def test_a_block_round_trips_through_json(block: Any) -> None:
    assert Block.of(block.model_dump(mode="json")) == block
    assert type(block).model_validate_json(block.model_dump_json()) == block


@pytest.mark.parametrize(("name", "hint"), [("gat", "; did you mean 'gate'?"), (None, ""), ("zzz", "")])
def test_an_unknown_kind_is_named(name: str | None, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"unknown block {name!r}{hint}")):
        Block.of({"block": name})


@pytest.mark.parametrize(
    ("block", "copies", "message"),
    [
        (Sum(), (1, 3), "a node reads inputs with equally many rows for a row of the table, got [1, 3]"),
        (
            MemberInput(members=2, columns=((4, 1),)),
            (2,),
            "a member input reads a state that members share, got one of 2 members",
        ),
        (MemberTower(members=2), (3,), "layers of 2 members read a state of as many, got one of 3"),
        (MemberExpert(members=2), (1,), "layers of 2 members read a state of as many, got one of 1"),
    ],
)
def test_numbers_of_members_that_do_not_fit_are_named(block: Any, copies: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        block.copies(copies)


def test_shared_maps_are_counted_apart() -> None:
    assert Transfer().shared_parameters((4, 4)) == 3 * 16
    assert Transfer(bias=True).shared_parameters((4, 4)) == 3 * (16 + 4)
    assert Transfer(share=False).shared_parameters((4, 4)) == 0


def test_the_published_comparison_of_sizes_comes_out() -> None:
    """MMoE paper: a bottom of 113 with towers of 8 has 13,108 weights, 8 experts of 16 have 13,056 (gates apart)."""
    towers = 2 * Expert(hidden=(8,)).macs((113,))
    assert Expert(hidden=(113,)).macs((100,)) + towers == 13_108
    assert 8 * Expert(hidden=(16,)).macs((100,)) + 2 * Expert(hidden=(8,)).macs((16,)) == 13_056


@pytest.mark.parametrize(
    ("block", "inputs", "message"),
    [
        (Gate(), (5, 64, 32), "a gate mixes experts of one width, got [64, 32]"),
        (Gate(kind="mean"), (64, 32), "a gate mixes experts of one width, got [64, 32]"),
        (Gate(kind="linear"), (64, 32), "a gate mixes experts of one width, got [64, 32]"),
        (Sum(), (8, 4), "a sum adds states of one width, got [8, 4]"),
        (Stitch(), (8, 4), "a stitch joins states of one width, got [8, 4]"),
        (Route(), (8, 4), "a route joins states of one width, got [8, 4]"),
        (Thresholds(outputs=2), (3,), "thresholds split one score, got widths [3]"),
        (
            MemberInput(members=2, columns=((4, 2),)),
            (9,),
            "the columns of a member input are as wide as its state, got 8 and 9",
        ),
        (Transfer(), (8, 4), "a transfer joins states of one width, got [8, 4]"),
        (Product(), (1, 3), "a product multiplies single probabilities, got widths [1, 3]"),
    ],
)
def test_widths_that_do_not_fit_are_named(block: Any, inputs: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        block.units(inputs)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Expert, {"hidden": (0,)}),
        (Expert, {"cross": -1}),
        (Expert, {"cross": 9}),
        (Expert, {"feature_gate": -1}),
        (Expert, {"dropout": 1.0}),
        (Expert, {"activation": "swish"}),
        (Gate, {"temperature": 0.0}),
        (Gate, {"kind": "max"}),
        (Gate, {"top": 0}),
        (Gate, {"mixes": "logits"}),
        (History, {**HISTORY, "kind": "transformer"}),
        (History, {**HISTORY, "attention": "linear"}),
        (History, {**HISTORY, "properties": -1}),
        (Route, {"beta": 0.0}),
        (Route, {"gamma": 0.0}),
        (Route, {"zeta": 1.0}),
        (Route, {"penalty": -1.0}),
        (Stitch, {"channelwise": "by unit"}),
        (FieldMean, {"fields": 0, "width": 4}),
        (TaskEmbedding, {"width": 0}),
        (Thresholds, {}),
        (Embedding, {"buckets": 9}),
        (Embedding, {"width": 0}),
        (Tower, {"outputs": 0}),
        (Tower, {"depth": 2}),
    ],
)
def test_options_out_of_range_are_refused(kind: type, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind(**options)


@pytest.mark.parametrize(
    ("block", "computes"),
    [
        (Expert(), True),
        (Expert(hidden=()), False),
        (Expert(hidden=(), activation="gelu", norm="batch", dropout=0.5, residual=True), False),
        (Expert(hidden=(), cross=1), True),
        (Expert(hidden=(), feature_gate=1), True),
    ],
)
def test_an_expert_without_any_layer_is_the_identity(block: Expert, computes: bool) -> None:
    assert block.computes == computes


@pytest.mark.parametrize(
    ("block", "reads"),
    [
        *((Gate(kind=kind), True) for kind in ("softmax", "top_k", "sigmoid")),
        *((Gate(kind=kind), False) for kind in ("static", "linear", "mean")),
        (History(**HISTORY, **WEIGHED, context=True), True),
        (History(**HISTORY, **WEIGHED), False),
        (History(**HISTORY, context=True), False),  # without attention nothing is weighed by it
    ],
)
def test_a_query_or_a_context_is_the_first_input_under_some_options(block: Any, reads: bool) -> None:
    assert (block.roles[:1] in [("query",), ("context",)]) == reads


def test_blocks_are_immutable_values() -> None:
    assert Expert(hidden=(4,)) == Expert(hidden=(4,))
    assert hash(Expert(hidden=(4,))) == hash(Expert(hidden=(4,)))
    with pytest.raises(ValidationError):
        Expert().hidden = (3,)
