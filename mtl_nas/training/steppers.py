"""Steps of the optimizer on the batches of one member, plain or, on a GPU, by a CUDA graph."""

import math

import torch
from torch import Tensor

from mtl_nas.training.losses import BatchTargets
from mtl_nas.training.member import Member
from mtl_nas.training.stepping.cuda_graph import Batch, GraphedStep


class PlainStepper:
    """One member, trained step by step."""

    def __init__(self, member: Member) -> None:
        self.member = member

    def run(self, stop: int) -> None:
        """Train up to a step."""
        member = self.member
        total = torch.zeros((), device=member.device)
        while member.step < stop:
            inputs, targets = member.batches.batch(member.step)
            rate = member.rate(member.step)
            member.optimizer.set_rate(rate)
            total += self._step({**inputs, **targets.tensors()})
            if member.sparse:
                member.sparse.step(member.step + 1, rate)
            member.backward.after_step(inputs, targets)
            member.step += 1
            if member.step % member.steps_per_epoch == 0:
                member.objective.epoch_ended()
        if not math.isfinite(total.item()):
            member.diverged("the loss")

    def finish(self) -> None:
        """Do nothing, as the member holds the optimizer state."""

    def _step(self, batch: Batch) -> Tensor:
        """Update the weights by a batch; return the loss before, in a tensor that the next call may overwrite."""
        self.member.optimizer.clear_gradients()
        loss = self.member.backward.fill(batch, BatchTargets.among(batch))
        self.member.optimizer.step()
        return loss


class GraphStepper(PlainStepper):
    """One member whose steps a CUDA graph replays."""

    def __init__(self, member: Member) -> None:
        super().__init__(member)
        self.graph = GraphedStep()

    def _step(self, batch: Batch) -> Tensor:
        return self.graph(batch, super()._step, self._changing)

    def _changing(self) -> list[Tensor]:
        """Return the tensors that a step changes."""
        modules = (self.member.network, self.member.objective)
        optimizer = [tensor for state in self.member.optimizer.state.values() for tensor in state.values()]
        return [*(tensor for module in modules for tensor in module.state_dict().values()), *optimizer]
