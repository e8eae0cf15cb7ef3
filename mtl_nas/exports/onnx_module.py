"""The torch module that an ONNX file holds: encoded categories and raw numbers in, predictions out."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mtl_nas.data import Schema
from mtl_nas.exports.ensemble_folder import Member, common_heads
from mtl_nas.model import InputEncoder, Network, predictions


class RawModel(nn.Module):
    """The encoding of columns as in training, followed by a network.

    Inputs: categories (B, C) int64, numbers (B, M) float32 with NaN for missing values, sequences (B, columns, length)
    int64. Outputs: predictions per head.
    """

    def __init__(self, network: Network, schema: Schema) -> None:
        super().__init__()
        self.network, self.schema = network, schema
        self.encoder = InputEncoder(schema, network.architecture)

    def forward(self, categories: Tensor, numbers: Tensor, *sequences: Tensor) -> tuple[Tensor, ...]:
        """Predictions in the order of the heads."""
        names = (f"sequence/{sequence.name}" for sequence in self.schema.sequences)
        inputs = {**dict(zip(names, sequences, strict=True)), **self.encoder(categories, numbers)}
        outputs = self.network(inputs)
        from_origin = predictions(outputs, self.network.architecture, self.schema)
        origins = [self.schema.task_of(head)[0].origin for head in from_origin]
        return tuple(
            values + values.new_tensor(origin) if origin else values
            for values, origin in zip(from_origin.values(), origins, strict=True)
        )


class RawEnsemble(nn.Module):
    """The mean of networks by their shares, of the heads that all of them have; inputs as those of ``RawModel``."""

    def __init__(self, members: Sequence[Member], schema: Schema) -> None:
        super().__init__()
        self.models = nn.ModuleList(RawModel(member.network, schema) for member in members)
        self.shares = [member.share for member in members]
        self.heads = common_heads(members)
        self.positions = [
            [[head.name for head in member.network.architecture.heads].index(name) for name in self.heads]
            for member in members
        ]

    def forward(self, categories: Tensor, numbers: Tensor, *sequences: Tensor) -> tuple[Tensor, ...]:
        """Predictions in the order of the common heads."""
        outputs = [model(categories, numbers, *sequences) for model in self.models]
        means = []
        for index in range(len(self.heads)):
            parts = zip(self.shares, outputs, self.positions, strict=True)
            means.append(torch.stack([share * output[position[index]] for share, output, position in parts]).sum(dim=0))
        return tuple(means)


def raw_module(members: Sequence[Member], schema: Schema) -> nn.Module:
    """The module of one network, or of the mean of several."""
    return RawModel(members[0].network, schema) if len(members) == 1 else RawEnsemble(members, schema)
