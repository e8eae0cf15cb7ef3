"""The training loop: it pauses at shares of the work, and checks at the end of each epoch."""

import time

from mtl_nas.training.checks import Outcome
from mtl_nas.training.member import Member
from mtl_nas.training.stacked_stepper import StackedStepper
from mtl_nas.training.steppers import GraphStepper, PlainStepper


class Fit:
    """Training of one member, or of several as one.

    Several members must be ``stackable``: their weights have equal shapes. On a GPU they take little longer than one.
    """

    def __init__(self, *members: Member) -> None:
        self.members = members
        self.stepper = _stepper(members)

    @property
    def step(self) -> int:
        """Steps done, which are equal for all members."""
        return self.members[0].step

    def advance(self, share: float = 1.0) -> list[Outcome]:
        """Train until a share of the work is done; a later call with a larger share continues.

        Returns:
            The best check of each member so far. A member that diverged has a DivergedError instead, and harms no
            other member.
        """
        first = self.members[0]
        goal = first.step_at(share)
        while self.step < goal and not all(member.stopped for member in self.members):
            epoch_end = (self.step // first.steps_per_epoch + 1) * first.steps_per_epoch
            self.run(min(goal, epoch_end))
            for member in self.members:
                member.check()
        self.stepper.finish()
        for member in self.members:
            if member.best is None:
                member.check()
        return [member.outcome for member in self.members]

    def run(self, stop: int) -> None:
        """Train up to a step, without a check."""
        for member in self.members:
            member.network.train()
        start, rows = time.perf_counter(), self.members[0].rows
        self.stepper.run(stop)
        seconds = (time.perf_counter() - start) / len(self.members)  # each member's share of the time
        for member in self.members:
            member.laps.append((member.rows - rows, seconds))


def _stepper(members: tuple[Member, ...]) -> PlainStepper | StackedStepper:
    if len(members) > 1:
        return StackedStepper(members)
    return GraphStepper(members[0]) if members[0].replayable else PlainStepper(members[0])
