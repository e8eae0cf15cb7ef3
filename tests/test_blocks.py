"""Widths, trained numbers and multiply-adds of every kind of node, counted by hand."""

import re
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from mtl_nas.blocks import (
    BLOCKS,
    Block,
    Concat,
    Embedding,
    Expert,
    Gate,
    Product,
    Sequence,
    Tower,
    Transfer,
    Vocabulary,
)

COLUMNS = {
    "categories": (Vocabulary(name="city", size=10), Vocabulary(name="kind", size=3)),
    "numbers": ("age", "price"),
}
COUNTED: list[tuple[Any, tuple[int, ...], int, int, int]] = [  # block, inputs -> units, parameters, operations
    (Embedding(**COLUMNS, width=4, encoding="standard"), (), 10, 13 * 4, 0),
    (Embedding(**COLUMNS, width=4, encoding="quantile", missing=("age",)), (), 11, 13 * 4, 0),
    (Embedding(**COLUMNS, width=4, encoding="bucket", buckets=8), (), 16, (13 + 2 * 9) * 4, 0),
    (Embedding(**COLUMNS, width=4, encoding="bucket", buckets=8, missing=("age",)), (), 16, (13 + 2 * 9) * 4, 0),
    (Embedding(**COLUMNS, width=4, encoding="piecewise", buckets=8), (), 16, (13 + 2 * 10) * 4, 2 * 2 * 4),
    (Embedding(numbers=("age",), encoding="standard"), (), 1, 0, 0),
    (Sequence(name="history", sizes=(5, 3), length=7, width=4), (), 8, 8 * 4, 2 * 7 * 4),
    (Concat(), (3, 4, 5), 12, 0, 0),
    (Expert(hidden=(4,)), (5,), 4, 5 * 4 + 4, 5 * 4),
    (Expert(hidden=(4, 3)), (5,), 3, 5 * 4 + 4 + 4 * 3 + 3, 5 * 4 + 4 * 3),
    (Expert(hidden=(4, 3), norm="layer"), (5,), 3, 5 * 4 + 4 + 4 * 3 + 3 + 2 * 7, 5 * 4 + 4 * 3),
    (Expert(hidden=(4,), norm="batch", dropout=0.5), (5,), 4, 5 * 4 + 4 + 2 * 4, 5 * 4),
    (Gate(), (5, 4, 4, 4), 4, 5 * 3, 5 * 3 + 3 * 4),
    (Gate(bias=True), (5, 4, 4, 4), 4, 5 * 3 + 3, 5 * 3 + 3 * 4),
    (Gate(hidden=(2,)), (5, 4, 4, 4), 4, 5 * 2 + 2 + 2 * 3, 5 * 2 + 2 * 3 + 3 * 4),
    (Gate(kind="mean"), (4, 4, 4), 4, 0, 3 * 4),
    (Transfer(), (4, 4), 4, 4 * 4 + 4, 4 * 4 + 2 * 3 * 4 * 4 + 2 * 2 * 4),
    (Transfer(share=False), (4, 4), 4, 4 * 4 + 4 + 3 * 4 * 4, 4 * 4 + 2 * 3 * 4 * 4 + 2 * 2 * 4),
    (Transfer(share=False, bias=True), (4, 4, 4), 4, 2 * 20 + 3 * 20, 2 * 16 + 3 * 3 * 16 + 2 * 3 * 4),
    (Tower(), (5,), 1, 6, 5),
    (Tower(hidden=(4,), outputs=3), (5,), 3, 5 * 4 + 4 + 4 * 3 + 3, 5 * 4 + 4 * 3),
    (Tower(hidden=(4,), norm="batch"), (5,), 1, 5 * 4 + 4 + 8 + 4 + 1, 5 * 4 + 4),
    (Product(), (1, 1, 1), 1, 0, 3),
]


@pytest.mark.parametrize(("block", "inputs", "units", "parameters", "operations"), COUNTED)
def test_a_block_counts_what_it_is(
    block: Any, inputs: tuple[int, ...], units: int, parameters: int, operations: int
) -> None:
    assert block.units(inputs) == units
    assert block.parameters(inputs) == parameters
    assert block.operations(inputs) == operations


def test_every_kind_is_counted_and_registered() -> None:
    assert {case[0].block for case in COUNTED} == set(BLOCKS)
    assert all(kind.model_fields["block"].default == name for name, kind in BLOCKS.items())


@pytest.mark.parametrize("block", [case[0] for case in COUNTED])
def test_a_block_round_trips_through_json(block: Any) -> None:
    parser: TypeAdapter[Any] = TypeAdapter(Block)
    assert parser.validate_json(parser.dump_json(block)) == block


def test_shared_maps_are_counted_apart() -> None:
    assert Transfer().shared_parameters((4, 4)) == 3 * 16
    assert Transfer(bias=True).shared_parameters((4, 4)) == 3 * (16 + 4)
    assert Transfer(share=False).shared_parameters((4, 4)) == 0


def test_the_published_comparison_of_sizes_comes_out() -> None:
    """MMoE paper: a bottom of 113 with towers of 8 has 13,108 weights, 8 experts of 16 have 13,056 (gates apart)."""
    towers = 2 * Expert(hidden=(8,)).operations((113,))
    assert Expert(hidden=(113,)).operations((100,)) + towers == 13_108
    assert 8 * Expert(hidden=(16,)).operations((100,)) + 2 * Expert(hidden=(8,)).operations((16,)) == 13_056


@pytest.mark.parametrize(
    ("block", "inputs", "message"),
    [
        (Gate(), (5, 64, 32), "a gate mixes experts of one width, got [64, 32]"),
        (Gate(kind="mean"), (64, 32), "a gate mixes experts of one width, got [64, 32]"),
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
        (Expert, {"hidden": ()}),
        (Expert, {"hidden": (0,)}),
        (Expert, {"dropout": 1.0}),
        (Expert, {"activation": "swish"}),
        (Gate, {"temperature": 0.0}),
        (Gate, {"kind": "max"}),
        (Embedding, {"buckets": 9}),
        (Embedding, {"width": 0}),
        (Tower, {"outputs": 0}),
        (Tower, {"depth": 2}),
    ],
)
def test_options_out_of_range_are_refused(kind: type, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind(**options)


def test_blocks_are_immutable_values() -> None:
    assert Expert(hidden=(4,)) == Expert(hidden=(4,))
    assert hash(Expert(hidden=(4,))) == hash(Expert(hidden=(4,)))
    with pytest.raises(ValidationError):
        Expert().hidden = (3,)
