"""Several members with weights of equal shapes as one: weights get a leading axis, and one kernel serves all members.

Members may be seeds of a design, or trials that differ only in rates and loss weights. On a GPU, kernel launches and
not arithmetic limit a step of a small network, so that members together take little longer than one. Each member has
its own weights, batches, optimizer state, rates, loss weights, checks and checkpoint. Dropout masks are drawn for all
members at once, so that with dropout a member differs from one that is trained alone, as it would with another seed.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from mtl_nas.composition import has_stackable_blocks, one_backward_pass
from mtl_nas.training.adamw import adamw_step, optimizer_state, set_optimizer_state
from mtl_nas.training.losses import BatchTargets
from mtl_nas.training.member import Member
from mtl_nas.training.stepping import cuda_graph
from mtl_nas.training.stepping.cuda_graph import Batch, GraphedStep

RATES, STEPS_BEFORE = "rates", "steps_before"  # entries of a batch beside inputs and targets
Tensors = Mapping[str, Tensor]


def stackable(members: Sequence[Member]) -> bool:
    """Return whether members have weights of equal shapes, and losses whose sum needs one backward pass."""
    return all(_works_stacked(member) and _shape(member) == _shape(members[0]) for member in members)


def _works_stacked(member: Member) -> bool:
    plain = one_backward_pass(member.objective.losses, member.training)
    return plain and has_stackable_blocks(member.network.architecture)


def _shape(member: Member) -> tuple[object, ...]:
    common = member.objective.losses.common, member.training.common
    return member.network.architecture.key, *common, member.step, member.steps, member.train_rows, member.device


class StackedStepper:
    """Trains members on their stacked weights, buffers and optimizer states, from where each member is."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        self.weights, self.buffers = stack_module_state([member.network for member in members])
        self.loss_weights, self.loss_buffers = stack_module_state([member.objective for member in members])
        self.leaves = [*self.weights.values(), *self.loss_weights.values()]
        states = [optimizer_state(member.optimizer, member.parameters) for member in members]
        self.exp_avgs = [torch.stack(tensors) for tensors in zip(*(exp_avgs for exp_avgs, _ in states), strict=True)]
        self.exp_avg_sqs = [torch.stack(tensors) for tensors in zip(*(squares for _, squares in states), strict=True)]
        self._factors = members[0].optimizer.factors(members[0].parameters)
        self._graph = GraphedStep() if members[0].device.type in cuda_graph.DEVICES else None

    def run(self, stop: int) -> None:
        """Train every member up to a step, and write its weights back."""
        first = self.members[0]
        schedule = self._schedule(range(first.step, stop))
        for numbers in zip(*schedule.values(), strict=True):
            pairs = [member.batches.batch(member.step) for member in self.members]
            stacked = _stacked([{**inputs, **targets.tensors()} for inputs, targets in pairs])
            batch = {**dict(zip(schedule, numbers, strict=True)), **stacked}
            if self._graph is None:
                self._step(batch)
            else:
                self._graph(batch, self._step, self._changing)
            for member in self.members:
                member.step += 1
        self._write_back_weights()
        if self.leaves[0].is_cuda:
            torch.cuda.synchronize(first.device)

    def finish(self) -> None:
        """Write the optimizer state back to the members."""
        for index, member in enumerate(self.members):
            exp_avgs, exp_avg_sqs = (
                [stack[index].clone() for stack in stacks] for stacks in (self.exp_avgs, self.exp_avg_sqs)
            )
            set_optimizer_state(member.optimizer, member.parameters, exp_avgs, exp_avg_sqs, step=member.step)

    def _schedule(self, steps: range) -> dict[str, Tensor]:
        """Return, per step, the learning rates of the members (S,) and the number of steps that each leaf has had.

        They are copied to a GPU at once, as the host waits for each copy.
        """
        device = self.leaves[0].device
        exact = torch.float32 if device.type == "cuda" else torch.float64  # the type of rates in torch's optimizer
        rates = [[member.rate(step) for member in self.members] for step in steps]
        before = torch.arange(steps.start, steps.stop, dtype=torch.float32, device=device)
        return {
            RATES: torch.tensor(rates, dtype=exact, device=device),
            STEPS_BEFORE: before.unsqueeze(1).repeat(1, len(self.leaves)),
        }

    def _step(self, batch: Batch) -> Tensor:
        """Update the weights of all members; return the sum of their losses."""
        tensors = {name: tensor for name, tensor in batch.items() if name not in (RATES, STEPS_BEFORE)}
        losses = vmap(self._loss, randomness="different")(
            self.weights, self.buffers, self.loss_weights, self.loss_buffers, tensors
        )  # (S,)
        total = losses.sum()
        self._update(torch.autograd.grad(total, self.leaves, allow_unused=True), batch)
        return total.detach()

    def _loss(
        self, weights: Tensors, buffers: Tensors, loss_weights: Tensors, loss_buffers: Tensors, batch: Batch
    ) -> Tensor:
        first = self.members[0]
        logits = first.backward.forward.stateless(weights, buffers, batch)
        outputs = dict(zip(first.objective.nodes, logits, strict=True))
        arguments = (outputs, BatchTargets.among(batch))
        loss: Tensor = functional_call(first.objective, {**loss_weights, **loss_buffers}, arguments)
        return loss

    @torch.no_grad()
    def _update(self, stacked_gradients: Sequence[Tensor | None], schedule: Batch) -> None:
        """Step AdamW on the slice of each member, at its own rate."""
        trained = [
            (leaf, gradient.contiguous(), exp_avg, exp_avg_sq)  # the kernel needs equal strides
            for leaf, gradient, exp_avg, exp_avg_sq in zip(
                self.leaves, stacked_gradients, self.exp_avgs, self.exp_avg_sqs, strict=True
            )
            if gradient is not None
        ]
        factors = [
            factor for factor, gradient in zip(self._factors, stacked_gradients, strict=True) if gradient is not None
        ]
        for index, member in enumerate(self.members):
            weights, gradients, exp_avgs, exp_avg_sqs = (
                [stack[index] for stack in stacks] for stacks in zip(*trained, strict=True)
            )
            before = schedule[STEPS_BEFORE][: len(trained)].clone().unbind()
            adamw_step(
                weights,
                gradients,
                exp_avgs,
                exp_avg_sqs,
                before,
                rate=schedule[RATES][index],
                weight_decay=member.training.weight_decay,
                factors=factors,
            )

    def _changing(self) -> list[Tensor]:
        """Return the tensors that a step changes."""
        return [
            *self.leaves,
            *self.buffers.values(),
            *self.loss_buffers.values(),
            *self.exp_avgs,
            *self.exp_avg_sqs,
        ]

    @torch.no_grad()
    def _write_back_weights(self) -> None:
        for index, member in enumerate(self.members):
            for module, stacks in (
                (member.network, {**self.weights, **self.buffers}),
                (member.objective, {**self.loss_weights, **self.loss_buffers}),
            ):
                tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
                for name, stack in stacks.items():
                    tensors[name].copy_(stack[index])


def _stacked(batches: Sequence[Batch]) -> dict[str, Tensor]:
    return {name: torch.stack([batch[name] for batch in batches]) for name in batches[0]}
