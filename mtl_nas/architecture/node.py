"""The nodes and heads of a graph."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import SerializeAsAny, SerializerFunctionWrapHandler, field_validator, model_serializer

from mtl_nas.blocks import Block
from mtl_nas.data import KindName
from mtl_nas.values import Value

NodeRole = Literal["", "task_embedding", "critics"]


class Node(Value):
    """A named block of the graph; ``inputs`` are names of earlier nodes, in the order of the block's roles.

    Nodes with one label ``tied`` share one set of weights. ``role`` marks the parts of a model that meta-learning can
    adapt alone; it plays no part in the graph's key.
    """

    name: str
    block: SerializeAsAny[Block]
    inputs: tuple[str, ...] = ()
    tied: str = ""
    role: NodeRole = ""

    @field_validator("block", mode="before")
    @classmethod
    def _of_its_kind(cls, block: Any) -> Any:
        return Block.of(block) if isinstance(block, Mapping) else block

    @model_serializer(mode="wrap")
    def _without_empty_role(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        tree: dict[str, Any] = dump(self)
        return tree if self.role else {key: value for key, value in tree.items() if key != "role"}

    @property
    def input_roles(self) -> tuple[str, ...]:
        """The role of each input; the last role of the block is that of all further inputs."""
        roles = self.block.roles
        return tuple(roles[min(index, len(roles) - 1)] for index in range(len(self.inputs)))


class Head(Value):
    """The node that holds a task's prediction as natural parameters, one logit for a binary task.

    ``given`` names the event on which a probability is conditioned in a funnel; such a head is exported and evaluated,
    and has no loss. ``negatives`` is the share of the rows without the funnel's first event that training reads;
    predictions are corrected for it.
    """

    task: str
    node: str
    kind: KindName
    given: str | None = None
    negatives: float = 1.0

    @property
    def name(self) -> str:
        """``buy``, or ``buy|click`` for a conditional probability."""
        return self.task if self.given is None else f"{self.task}|{self.given}"
