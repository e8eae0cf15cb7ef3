"""The state of a training as bytes, from which it continues exactly as an uninterrupted one."""

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from mtl_nas.errors import MtlNasError
from mtl_nas.training.checks import Check

VERSION = 2  # bytes of another version cannot be read

StateDict = Mapping[str, Any]


class CheckpointError(MtlNasError):
    """Bytes are no checkpoint of this version."""


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a member of a fit needs to continue.

    Attributes:
        step: Training steps done.
        checks: All checks so far.
        network: State of the network in training.
        best_weights: State of the network at the best check.
        backward: State of the backward pass, such as learned weights of losses.
        optimizer: State of the optimizer.
        average: State of the average of weights; empty if the training takes none.
        random_states: States of torch's generators: on the CPU, and on the GPU that trains, if one does.
    """

    step: int
    checks: tuple[Check, ...]
    network: StateDict
    best_weights: Mapping[str, Tensor]
    backward: StateDict
    optimizer: StateDict
    random_states: tuple[Tensor, Tensor | None]
    average: Mapping[str, Tensor] = field(default_factory=dict)  # absent in states of version 0.1.0

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
        except MemoryError:
            raise
        except Exception as problem:  # torch has no error of its own for damaged bytes, and raises many types
            raise CheckpointError(f"the state of a training cannot be read: {type(problem).__name__}") from None
        version = fields.pop("version", 1) if isinstance(fields, dict) else None
        if version != VERSION:
            raise CheckpointError(f"the state of a training has version {version}, this program reads {VERSION}")
        checks = tuple(Check(**check) for check in fields.pop("checks"))
        return cls(checks=checks, **fields)
