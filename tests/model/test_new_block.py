"""A kind of block that is defined here alone works everywhere: graphs, keys, files, drawings, networks, diagnosis."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from numpy_reference import schema_of
from torch import Tensor, nn

from mtl_nas.architecture import Architecture, Head, Node, differences, refuse_mismatch
from mtl_nas.architecture.drawing import mermaid, svg, text
from mtl_nas.blocks import Block, Colour, Embedding, Expert, Tower, Vocabulary
from mtl_nas.composition import has_stackable_blocks
from mtl_nas.data import Rows
from mtl_nas.design import Losses
from mtl_nas.diagnosis import diagnose
from mtl_nas.errors import ArchitectureError
from mtl_nas.exports import load_architecture
from mtl_nas.model import Activations, MixingWeights, Stage, StageModule, build

SCHEMA = schema_of("click", numbers=0, categories=(3,))
TABLE = Embedding(categories=(Vocabulary(name=SCHEMA.categories[0].name, size=SCHEMA.categories[0].size),), width=2)


@pytest.fixture
def blend(monkeypatch: pytest.MonkeyPatch) -> type[Block]:
    """A block that mixes states by learned weights, and its stage; both are forgotten after the test."""
    monkeypatch.setattr(Block, "kinds", dict(Block.kinds))
    monkeypatch.setattr(StageModule, "kinds", dict(StageModule.kinds))

    class Blend(Block):
        block: Literal["blend"] = "blend"
        power: int = 1
        reads: ClassVar[tuple[str, ...]] = ("state",)
        variadic: ClassVar[bool] = True
        colour: ClassVar[Colour] = Colour.MIXING

        def units(self, widths: Sequence[int]) -> int:
            return widths[0]

        def parameters(self, widths: Sequence[int]) -> int:
            return len(widths)

        def macs(self, widths: Sequence[int]) -> int:
            return sum(widths)

        def label(self, widths: Sequence[int]) -> str:
            return f"blend of {len(widths)}"

    class BlendStage(StageModule[Blend]):
        def __init__(self, stage: Stage) -> None:
            super().__init__(stage)
            self.blend_weight = nn.Parameter(torch.empty(len(stage.nodes), len(stage.widths)))

        def forward(self, activations: Activations) -> Tensor:
            shares = self.blend_weight**self.block.power
            return torch.einsum("snbh,ns->nbh", torch.stack(self.all_inputs(activations)), shares)

        def mixing_weights(self, activations: Activations) -> MixingWeights:
            return MixingWeights("blend", self.stage.inputs, self.blend_weight.unsqueeze(1))

    return Blend


def graph(blend: type[Block], **options: Any) -> Architecture:
    experts = [Node(name=f"expert/{index}", block=Expert(hidden=(3,)), inputs=("in",)) for index in range(2)]
    return Architecture(
        nodes=(
            Node(name="in", block=TABLE),
            *experts,
            Node(name="blend", block=blend(**options), inputs=tuple(node.name for node in experts)),
            Node(name="out", block=Tower(), inputs=("blend",)),
        ),
        heads=(Head(task="click", node="out", kind="binary"),),
    )


def test_a_graph_counts_it_and_knows_it_by_key(blend: type[Block]) -> None:
    plain = graph(blend)
    network = build(plain)
    assert plain.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert plain.macs == 2 * (2 * 3) + 2 * 3 + 3
    assert plain.key == graph(blend).key != graph(blend, power=2).key
    assert plain.reaching["expert/1"] == {"click"}
    assert has_stackable_blocks(plain)
    refuse_mismatch(plain, SCHEMA)


def test_files_hold_it(blend: type[Block], tmp_path: Any) -> None:
    squared = graph(blend, power=2)
    assert Architecture.model_validate_json(squared.model_dump_json()) == squared
    (tmp_path / "architecture.json").write_text(squared.model_dump_json().replace('"power"', '"powr"'))
    with pytest.raises(ArchitectureError, match=r"unknown key 'nodes.3.block.powr'; did you mean 'power'"):
        load_architecture(tmp_path / "architecture.json")


def test_drawings_show_it(blend: type[Block]) -> None:
    drawn = graph(blend)
    assert "blend of 2" in text(drawn)
    assert f"fill:{Colour.MIXING}" in mermaid(drawn)
    ElementTree.fromstring(svg(drawn))
    assert differences(drawn, graph(blend, power=2))[0] == "~ blend: power 1 -> 2"


def test_a_network_runs_it(blend: type[Block]) -> None:
    network = build(graph(blend, power=2), dtype=torch.float64)
    activations = network.activations({"ids": torch.tensor([[1], [2]], dtype=torch.int32)})
    first, second = (activations.node(f"expert/{index}") for index in range(2))
    shares = network.weights()["blend/blend_weight"] ** 2
    torch.testing.assert_close(activations.node("blend"), shares[0] * first + shares[1] * second)


def test_a_diagnosis_shows_what_it_mixes(blend: type[Block]) -> None:
    rows = Rows(np.ones((8, 1), np.int32), np.zeros((8, 0), np.float32), {}, np.ones((8, 1), np.float32))
    (mixture,) = diagnose(build(graph(blend)), rows, SCHEMA, losses=Losses()).mixtures
    assert (mixture.kind, mixture.tasks, list(mixture.weights)) == ("blend", ("click",), ["expert/0", "expert/1"])


def test_an_option_that_a_block_got_later_leaves_old_keys_alone(blend: type[Block]) -> None:
    old = graph(blend).key
    blend.later_fields = ("power",)
    assert graph(blend).key != old  # the key of version 0.1.0 would have known no power
    assert "power" not in graph(blend).to_networkx().nodes["blend"]["block"]
    assert graph(blend, power=2).to_networkx().nodes["blend"]["block"]["power"] == 2
    assert graph(blend, power=2).key != graph(blend).key


def test_a_block_without_a_stage_says_what_to_define(blend: type[Block]) -> None:
    del StageModule.kinds[blend]
    with pytest.raises(NotImplementedError, match=r"no stage computes the block 'blend'; define StageModule\[Blend\]"):
        build(graph(blend))
