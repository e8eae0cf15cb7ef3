"""Levels: rows of experts, and their mixing for the level or the towers above."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from mtl_nas.blocks import Expert, Gate, Route, Stitch, Units
from mtl_nas.values import Value

Count = Annotated[int, Field(ge=0, le=64)]


class GateOptions(Value):
    """Options of a gate: its query, and the kind of its weights.

    A gate, like a state, has an owner: a task, a family of tasks, or all tasks together (the shared one).

    query: the owner's ``state`` below (PLE), the ``features`` (MMoE), ``joint``: the owner's and the shared state added
    (STEM), or ``fields``: the mean of the fields' embeddings beside a learned embedding of the task (MetaHeac). Above
    gates that are placed per expert, an owner has several states, and its gate reads the features instead.
    """

    kind: Literal["softmax", "top_k", "sigmoid", "static"] = Field(
        "softmax", description="kind of the weights of experts"
    )
    top: int = Field(2, ge=1, description="number of experts with a weight under top_k")
    query: Literal["state", "features", "joint", "fields"] = Field("state", description="what the gate reads")
    tied: bool = Field(False, description="one network for the gates of all tasks")
    hidden: tuple[Units, ...] = Field((), description="hidden layers of the gate")
    bias: bool = Field(False, description="a bias in the last layer of the gate")
    temperature: float = Field(1.0, gt=0.0, description="divides the logits of the gate")

    def block_over(self, experts: int) -> Gate:
        """The block of a gate over a number of experts; options without effect have their defaults."""
        if self.kind == "static":
            return Gate(kind="static")
        kind = "softmax" if self.kind == "top_k" and self.top >= experts else self.kind
        options: dict[str, Any] = {"top": self.top} if kind == "top_k" else {}
        return Gate(kind=kind, hidden=self.hidden, bias=self.bias, temperature=self.temperature, **options)


class Gating(GateOptions):
    """Options of the gates of a level: their placement, the experts that they see, their weights.

    placement: a gate per ``task``; a gate per ``expert`` of the level above, and per task at the last level (ML-MMoE);
    one per ``family`` of tasks (HoME); one gate for ``all`` tasks; or ``none`` (the mean of what a task sees). sees:
    the gate of a task mixes its ``own`` experts, its family's and the shared ones (CGC), or those of ``all`` tasks.
    shared_sees: the gates of shared and family states see every expert below them (PLE), or only the ``shared`` ones.
    residual: the owner's own experts are added, by learned weights (``linear``, AdaTT) or by a gate over them
    (``gate``, HoME).
    """

    by: Literal["gates"] = "gates"
    placement: Literal["task", "expert", "family", "all", "none"] = Field("task", description="what has a gate each")
    sees: Literal["own", "all"] = Field("own", description="the experts that the gate of a task mixes")
    shared_sees: Literal["all", "shared"] = Field("all", description="those of the gates of shared and family states")
    stop_gradient: bool = Field(False, description="experts of other tasks are read and not trained (STEM)")
    residual: Literal["none", "linear", "gate"] = Field("none", description="how own experts are added beside the gate")

    def block_over(self, experts: int) -> Gate:
        """The block of a gate over a number of experts."""
        return Gate(kind="mean") if self.placement == "none" else super().block_over(experts)


class Stitching(Value):
    """Cross-stitch units (Misra et al., 2016): each task's next state is a learned sum of all tasks' states.

    Shared experts and those of a family, where a level above has any, read the mean of the tasks' states.
    """

    by: Literal["stitch"] = "stitch"
    channelwise: bool = Field(False, description="a learned weight per unit instead of one per pair of tasks")

    @property
    def block(self) -> Stitch:
        """The block of each task's node."""
        return Stitch(channelwise=self.channelwise)


class Routing(Value):
    """Sub-network routing (SNR, Ma et al., 2019): every expert or tower above reads every expert of the level.

    Training opens or closes each connection.
    """

    by: Literal["routing"] = "routing"
    transform: bool = Field(True, description="a matrix per connection (SNR-Trans), or none (SNR-Aver)")
    penalty: float = Field(0.0, ge=0.0, description="added to the loss per expected open connection")

    @property
    def block(self) -> Route:
        """The block of each reader's node."""
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
    """One row of experts and their mixing (Ma et al., 2018; Tang et al., 2020)."""

    shared: Count = Field(0, description="experts that read the shared state")
    specific: Count | Mapping[str, Count] = Field(0, description="experts that read the state of one task")
    family: Count = Field(0, description="experts that read the state of one family of tasks")
    expert: Expert = Field(Expert(), description="the network of each expert")
    mixing: Mixing = Field(Gating(), description="how experts become the states above the level")

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
        """The number of the task's own experts."""
        return self.specific if isinstance(self.specific, int) else self.specific.get(task, 0)
