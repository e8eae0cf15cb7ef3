"""The registry: one batched implementation for each kind of block."""

from torch import nn

from mtl_nas import blocks
from mtl_nas.model.experts import ExpertStage, TowerStage
from mtl_nas.model.gates import GateStage
from mtl_nas.model.histories import HistoryStage
from mtl_nas.model.inputs import EmbeddingStage, FieldMeanStage, TaskEmbeddingStage
from mtl_nas.model.mixing import ConcatStage, RouteStage, StitchStage, StopStage, SumStage
from mtl_nas.model.transfers import ProductStage, ThresholdsStage, TransferStage

MODULES: dict[type, type[nn.Module]] = {
    blocks.Embedding: EmbeddingStage,
    blocks.FieldMean: FieldMeanStage,
    blocks.TaskEmbedding: TaskEmbeddingStage,
    blocks.History: HistoryStage,
    blocks.Concat: ConcatStage,
    blocks.Sum: SumStage,
    blocks.Stop: StopStage,
    blocks.Stitch: StitchStage,
    blocks.Route: RouteStage,
    blocks.Expert: ExpertStage,
    blocks.Gate: GateStage,
    blocks.Transfer: TransferStage,
    blocks.Tower: TowerStage,
    blocks.Thresholds: ThresholdsStage,
    blocks.Product: ProductStage,
}
