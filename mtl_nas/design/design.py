"""A design, its transfers and critics, and the proposal that a trial evaluates."""

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from mtl_nas.blocks import Layers, Tower, Transfer
from mtl_nas.design.inputs import Inputs
from mtl_nas.design.levels import GateOptions, Level
from mtl_nas.design.losses import Losses
from mtl_nas.design.training import Training
from mtl_nas.values import CompatibleValue, Value


class Transfers(Value):
    """Links along which a task's state reaches another task before its tower, and the block of a link."""

    links: Literal["none", "chain"] | tuple[tuple[str, str], ...] = Field(
        "none", description="pairs [from, to] of tasks without a circle; chain links each task to the next declared"
    )
    transfer: Transfer = Field(Transfer(), description="the block that computes a task's state from its links")


class Critics(Value):
    """Critics in place of towers: heads that all tasks share, mixed by one gate per task (MetaHeac, Zhu et al., 2021).

    A binary prediction is ``sum_c b_c sigmoid(critic_c(state))`` with the gate's weights ``b``. Likewise, a gate mixes
    the probabilities of classes, the rates of counts and the values of regressions.
    """

    count: int = Field(5, ge=1, le=64, description="number of critics")
    critic: Layers = Field(Layers(), description="hidden layers of each critic")
    gate: GateOptions = Field(
        GateOptions(query="fields", tied=True, hidden=(64,)), description="the gate that mixes a task's critics"
    )


class Members(Value):
    """Several networks in one, TabM (Gorishniy et al., 2025): they share matrices and have factors of their own.

    The members' losses are averaged, not their predictions; a prediction is the mean of the members' predictions.
    """

    count: int = Field(
        1,
        ge=1,
        le=64,
        description="number of networks in one, whose predictions are averaged; members: 8 says it alone",
    )
    form: Literal["full", "mini"] = Field(
        "full",
        description="own factors before and after each hidden layer, and own biases; or own factors of the inputs only",
    )


class Design(CompatibleValue):
    """Inputs, levels from the bottom up, transfers, towers or critics, how funnel probabilities are read, losses."""

    later_fields: ClassVar[tuple[str, ...]] = ("members",)
    inputs: Inputs = Field(Inputs(), description="how columns become a state")
    levels: tuple[Level, ...] = Field((), description="rows of experts from the bottom up")
    transfers: Transfers = Field(Transfers(), description="links along which one task informs another")
    tower: Tower = Field(Tower(), description="the network of each task above the last level")
    critics: Critics | None = Field(None, description="heads that all tasks share, in place of towers")
    funnel: Literal["direct", "product"] = Field(
        "direct", description="heads give end-to-end probabilities, or conditional ones that multiply along the funnel"
    )
    losses: Losses = Field(Losses(), description="how the losses of the tasks become one training step")
    members: Members = Field(Members(), description="several networks in one, whose predictions are averaged")

    @field_validator("members", mode="before")
    @classmethod
    def _of_a_count(cls, members: Any) -> Any:
        """``members: 8`` is short for ``members: {count: 8}``."""
        return {"count": members} if isinstance(members, int) and not isinstance(members, bool) else members


class Proposal(Value):
    """A design and the training that a trial evaluates it by."""

    design: Design = Field(Design(), description="where tasks share and where they part")
    training: Training = Field(Training(), description="how the model is trained")

    @property
    def common(self) -> "Proposal":
        """The proposal without seed, learning rates and sizes of loss weights: equal if both fit in one stack."""
        design = self.design.model_copy(update={"losses": self.design.losses.common})
        return Proposal(design=design, training=self.training.common)
