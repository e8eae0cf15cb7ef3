"""The torch module that an ONNX file holds: encoded categories and raw numbers in, predictions out."""

from torch import Tensor, nn

from mtl_nas.data import Schema
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
