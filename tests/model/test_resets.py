"""Every weight of every kind of block is drawn or set when a network is built."""

import pytest
import torch
from small_designs import PRESET_CASES, TWO, gated, small

from mtl_nas.blocks import Block
from mtl_nas.composition import compose
from mtl_nas.design import Design, Inputs, Members
from mtl_nas.model import build

GRAPHS = [
    *(compose(small(name, schema), schema) for name, schema in PRESET_CASES),
    *(compose(gated(kind=kind), TWO) for kind in ("top_k", "sigmoid", "static")),
    compose(Design(inputs=Inputs(scale=True)), TWO),
    compose(gated(kind="softmax").model_copy(update={"members": Members(count=2)}), TWO),
]


def test_the_graphs_hold_every_kind_of_block() -> None:
    assert {node.block.block for graph in GRAPHS for node in graph.nodes} == Block.kinds.keys()


def test_no_weight_is_left_as_its_memory_was(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda *size, **options: empty(*size, **options).fill_(torch.nan))
    for graph in GRAPHS:
        left = [name for name, parameter in build(graph).named_parameters() if not parameter.isfinite().all()]
        assert left == [], f"reset leaves {left} of blocks {sorted({node.block.block for node in graph.nodes})}"
