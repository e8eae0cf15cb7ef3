"""The state of a training as bytes, from which it goes on exactly as one that was never interrupted."""

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from mtl_nas.errors import MtlNasError
from mtl_nas.training.checks import Check

VERSION = 2  # of the bytes; those of another version cannot be read

StateDict = Mapping[str, Any]


class CheckpointError(MtlNasError):
    """Bytes are no checkpoint of this version."""


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a member of a fit needs to go on.

    Attributes:
        step: Training steps done.
        checks: All checks so far.
        network: State of the network in training.
        best_weights: State of the network at the best check.
        objective: State of the objective, such as learned weights of losses.
        aggregation: What the aggregation of gradients carries from step to step, if anything.
        optimizer: State of the optimizer.
        sparse_tables: State of embedding tables that are updated sparsely; empty without any.
        random_state: State of torch's generator on the CPU.
        gpu_random_state: State of the generator on the GPU that trains, if one does.
    """

    step: int
    checks: tuple[Check, ...]
    network: StateDict
    best_weights: Mapping[str, Tensor]
    objective: StateDict
    aggregation: Tensor | None
    optimizer: StateDict
    sparse_tables: StateDict
    random_state: Tensor
    gpu_random_state: Tensor | None

    def to_bytes(self) -> bytes:
        """Return bytes that ``from_bytes`` reads without executing anything."""
        buffer = io.BytesIO()
        checks = [asdict(check) for check in self.checks]
        torch.save({**vars(self), "checks": checks, "version": VERSION}, buffer)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, saved: bytes) -> "Checkpoint":
        """Read what ``to_bytes`` gave; tensors are on the CPU.

        Raises:
            CheckpointError: If the bytes are damaged or of another version.
        """
        try:
            fields = torch.load(io.BytesIO(saved), map_location="cpu", weights_only=True)
        except Exception as problem:  # torch raises errors of many types, and none of its own
            raise CheckpointError(f"the state of a training cannot be read: {type(problem).__name__}") from None
        version = fields.pop("version", 1) if isinstance(fields, dict) else None
        if version != VERSION:
            raise CheckpointError(f"the state of a training has version {version}, this program reads {VERSION}")
        checks = tuple(Check(**check) for check in fields.pop("checks"))
        return cls(checks=checks, **fields)
