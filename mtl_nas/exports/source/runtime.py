"""What every source file holds beside the functions of its architecture."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtl_nas.exports.source.reading import Columns, Tree, read_columns

FOLDER = Path(__file__).parent
ROWS = 4096  # per forward pass
Network = Callable[..., dict[str, Tensor]]


class Weights(nn.Module):
    """The tensors of one node: trained weights as parameters, others as buffers."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and tensor.dtype != torch.float64:
                self.register_parameter(name, nn.Parameter(tensor))
            else:
                self.register_buffer(name, tensor)


class Model(nn.Module):
    """The trained model: columns of plain values in, predictions out."""

    def __init__(self, tensors: Mapping[str, Tensor], columns: Tree) -> None:
        """``tensors``: by ``<node>/<name>``, as in ``weights.npz``; ``columns``: the content of ``columns.json``."""
        super().__init__()
        by_node: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            node, _, part = name.rpartition("/")
            by_node.setdefault(node, {})[part] = tensor
        self.weights = nn.ModuleList(map(Weights, by_node.values()))
        self.nodes = list(by_node)
        self.columns = columns

    def forward(self, categories: Tensor, numbers: Tensor, *histories: Tensor) -> dict[str, Tensor]:
        """Encoded rows -> predictions by task: ids (B, C), numbers (B, M), ids (B, columns, length) of histories."""
        w = dict(zip(self.nodes, self.weights, strict=True))
        totals: dict[str, Tensor] = {}
        for network, share in NETWORKS:
            for name, values in network(w, categories, numbers, *histories).items():
                totals[name] = totals[name] + share * values.double() if name in totals else share * values.double()
        return {name: values for name, values in totals.items() if name in PREDICTED}

    @torch.no_grad()
    def predict(self, table: Columns) -> dict[str, NDArray[np.float64]]:
        """Columns by name, each a list or an array of its values -> predictions (B,) or (B, classes) by task."""
        read = read_columns(table, self.columns)
        inputs = [torch.from_numpy(array) for array in (*read[:2], *read[2])]
        parts = []
        for start in range(0, max(len(inputs[0]), 1), ROWS):
            parts.append(self(*(tensor[start : start + ROWS] for tensor in inputs)))
        return {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}


def load(folder: Path = FOLDER) -> Model:
    """The model with the weights that lie beside this file."""
    with np.load(folder / "weights.npz", allow_pickle=False) as file:
        tensors = {name: torch.from_numpy(file[name]) for name in file.files}
    return Model(tensors, json.loads((folder / "columns.json").read_text(encoding="utf-8"))).eval()


NETWORKS: Sequence[tuple[Network, float]] = ()  # and the share of each in the mean
PREDICTED: Sequence[str] = ()  # tasks
