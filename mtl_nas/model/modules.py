"""The registry: one batched implementation for each kind of block."""

from torch import nn

from mtl_nas import blocks
from mtl_nas.model.experts import ExpertStage, TowerStage
from mtl_nas.model.gates import GateStage
from mtl_nas.model.inputs import ConcatStage, EmbeddingStage, SequenceStage
from mtl_nas.model.transfers import ProductStage, TransferStage

MODULES: dict[type, type[nn.Module]] = {
    blocks.Embedding: EmbeddingStage,
    blocks.Sequence: SequenceStage,
    blocks.Concat: ConcatStage,
    blocks.Expert: ExpertStage,
    blocks.Gate: GateStage,
    blocks.Transfer: TransferStage,
    blocks.Tower: TowerStage,
    blocks.Product: ProductStage,
}
