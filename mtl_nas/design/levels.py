"""Levels: rows of experts, and what mixes them for those above."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from mtl_nas.blocks import Expert, Gate, Route, Stitch, Units
from mtl_nas.values import Value

Count = Annotated[int, Field(ge=0, le=64)]


class Weighing(Value):
    """What a gate asks and how it weighs.

    query: the owner's ``state`` below (PLE), the ``features`` (MMoE), ``joint``: the owner's and the shared state added
    (STEM), or ``fields``: the mean of the fields' embeddings beside a learned embedding of the task (MetaHeac). Owners
    whose experts have inputs of their own ask by the features instead of a state. tied: one network for the gates of
    all tasks.
    """

    kind: Literal["softmax", "top_k", "sigmoid", "static"] = "softmax"
    top: Annotated[int, Field(ge=1)] = 2  # of top_k
    query: Literal["state", "features", "joint", "fields"] = "state"
    tied: bool = False
    hidden: tuple[Units, ...] = ()
    bias: bool = False
    temperature: Annotated[float, Field(gt=0.0)] = 1.0

    def block_over(self, experts: int) -> Gate:
        """The node that such a gate over so many experts is; options that change nothing stand at their defaults."""
        if self.kind == "static":
            return Gate(kind="static")
        kind = "softmax" if self.kind == "top_k" and self.top >= experts else self.kind
        options: dict[str, Any] = {"top": self.top} if kind == "top_k" else {}
        return Gate(kind=kind, hidden=self.hidden, bias=self.bias, temperature=self.temperature, **options)


class Gating(Weighing):
    """Where a level's gates stand, which experts they see, what they ask, and how they weigh.

    placement: a gate a ``task``; a gate for each ``expert`` of the level above (ML-MMoE), a task at the last level; one
    a ``family`` of tasks (HoME); one gate for ``all`` tasks; or ``none`` (the mean of what a task sees). sees: a task's
    gate mixes its ``own`` experts, its family's and the shared ones (CGC), or those of ``all`` tasks. shared_sees: the
    gates of shared and family states see every expert below them (PLE), or the ``shared`` ones alone.
    stop_gradient: a task's gate reads other tasks' experts without training them (STEM). residual: the owner's own
    experts are added, by learned weights (``linear``, AdaTT) or by a gate over them (``gate``, HoME).
    """

    by: Literal["gates"] = "gates"
    placement: Literal["task", "expert", "family", "all", "none"] = "task"
    sees: Literal["own", "all"] = "own"
    shared_sees: Literal["all", "shared"] = "all"
    stop_gradient: bool = False
    residual: Literal["none", "linear", "gate"] = "none"

    def block_over(self, experts: int) -> Gate:
        """The node that each gate of the level is."""
        return Gate(kind="mean") if self.placement == "none" else super().block_over(experts)


class Stitching(Value):
    """Cross-stitch units (Misra et al., 2016): each task's next state is a learned sum of all tasks' states.

    Shared experts and those of a family, where a level above has any, read the mean of the tasks' states.
    """

    by: Literal["stitch"] = "stitch"
    channelwise: bool = False  # a number a unit instead of one a pair of tasks

    @property
    def block(self) -> Stitch:
        """The node of each task."""
        return Stitch(channelwise=self.channelwise)


class Routing(Value):
    """Sub-network routing (SNR, Ma et al., 2019): all that is above, experts or towers, reads every expert.

    Training opens or closes each connection; ``transform`` gives each a matrix (SNR-Trans).
    """

    by: Literal["routing"] = "routing"
    transform: bool = True
    penalty: Annotated[float, Field(ge=0.0)] = 0.0  # on the expected number of open connections

    @property
    def block(self) -> Route:
        """The node of each reader."""
        return Route(transform=self.transform, penalty=self.penalty)


def _by(tree: Any) -> str:
    return str(tree.get("by", "gates") if isinstance(tree, Mapping) else getattr(tree, "by", ""))


Mixing = Annotated[
    Annotated[Gating, Tag("gates")] | Annotated[Stitching, Tag("stitch")] | Annotated[Routing, Tag("routing")],
    Discriminator(
        _by, custom_error_type="mixing", custom_error_message="a level is mixed by: gates, by: stitch or by: routing"
    ),
]


class Level(Value):
    """One row of experts and what mixes them (Ma et al., 2018; Tang et al., 2020)."""

    shared: Count = 0
    specific: Count | Mapping[str, Count] = 0  # experts of each task alone
    family: Count = 0  # experts of each family of tasks
    expert: Expert = Expert()
    mixing: Mixing = Gating()

    @model_validator(mode="after")
    def _has_experts(self) -> "Level":
        own = [self.specific] if isinstance(self.specific, int) else list(self.specific.values())
        if self.shared == 0 and self.family == 0 and not any(own):
            raise ValueError("a level needs an expert for every task, got shared=0 and specific=0; raise one of them")
        if isinstance(self.mixing, Stitching) and (self.shared, self.family, set(own)) != (0, 0, {1}):
            raise ValueError(
                f"a stitch joins one expert of each task, got shared={self.shared}, family={self.family}, "
                f"specific={self.specific}; say specific=1 and no other"
            )
        return self

    def specific_of(self, task: str) -> int:
        """How many experts that task has for itself."""
        return self.specific if isinstance(self.specific, int) else self.specific.get(task, 0)
