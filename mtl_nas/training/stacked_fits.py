"""Several fits of one shape as one: a further leading axis of every weight, one kernel for all members.

Seeds of a design have the same shape, and so have trials that differ in rates and loss weights alone. On a GPU a step
of a small network waits for launches, not for arithmetic, so members together take little longer than one. Each member
keeps its own weights, batches, moments, rates and loss weights; its checks and what it saves are those of its own fit.
Masks of dropout are drawn for all at once, so with dropout a member ends where another seed might have taken it alone.
"""

import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from mtl_nas.composition.stacking import has_stackable_blocks, one_backward_pass
from mtl_nas.training.fit import Check, DivergedError, Fit
from mtl_nas.training.losses import Targets
from mtl_nas.training.stepping import cuda_graph
from mtl_nas.training.stepping.adamw import move
from mtl_nas.training.stepping.cuda_graph import Batch, Graphed

SCHEDULE = ("rates", "before")
Outcome = Check | DivergedError


def fusible(fits: Sequence[Fit]) -> bool:
    """They have one shape and one loss, which one backward pass serves, and blocks that work on stacked weights."""
    first = fits[0]
    return all(_simple(fit) and _kind(fit) == _kind(first) for fit in fits)


def advance_together(fits: Sequence[Fit], share: float = 1.0) -> list[Outcome]:
    """Train all to that share of the work; the best check of each, or why it has none: what diverges harms no other."""
    group, first = _Group(fits), fits[0]
    problems: dict[int, DivergedError] = {}
    goal = first.step_at(share)
    while first.step < goal:
        group.run(min(goal, (first.step // first.steps_per_epoch + 1) * first.steps_per_epoch))
        for place, fit in enumerate(fits):
            if place not in problems:
                try:
                    fit.check()
                except DivergedError as problem:
                    problems[place] = problem
    group.give_moments()
    return [problems.get(place) or fit.advance(share) for place, fit in enumerate(fits)]


def _kind(fit: Fit) -> tuple[object, ...]:
    asked = fit.objective.losses.common, fit.training.common
    return fit.network.architecture.key, *asked, fit.step, fit.steps, fit.train_rows, fit.device


def _simple(fit: Fit) -> bool:
    return one_backward_pass(fit.objective.losses, fit.training) and has_stackable_blocks(fit.network.architecture)


class _Group:
    """The stacked weights, running moments and Adam's moments of the members; what is there already is taken over."""

    def __init__(self, fits: Sequence[Fit]) -> None:
        self.fits, first = fits, fits[0]
        self.weights, self.buffers = stack_module_state([fit.network for fit in fits])
        self.own, self.kept = stack_module_state([fit.objective for fit in fits])
        owned = _same(fits)
        self.leaves = [*self.weights.values(), *self.own.values()]
        self.first, self.second = (
            [
                torch.stack([_moment(fit, weight, name) for fit, weight in zip(fits, same, strict=True)])
                for same in owned
            ]
            for name in ("exp_avg", "exp_avg_sq")
        )
        self._graph = Graphed() if first.device.type in cuda_graph.GRAPHED else None

    def run(self, stop: int) -> None:
        """Train every member to that step, and give it its weights."""
        first, before, start = self.fits[0], self.fits[0].rows, time.perf_counter()
        for fit in self.fits:
            fit.network.train()
        schedule = self._schedule(range(first.step, stop))
        for numbers in zip(*schedule.values(), strict=True):
            batches = [
                {**inputs, **found.tensors()} for inputs, found in (fit.feed.batch(fit.step) for fit in self.fits)
            ]
            batch = {**dict(zip(schedule, numbers, strict=True)), **_stacked(batches)}
            if self._graph is None:
                self._moved(batch)
            else:
                self._graph(batch, self._moved, self._changing)
            for fit in self.fits:
                fit.step += 1
        self._give_weights()
        if self.leaves[0].is_cuda:
            torch.cuda.synchronize(first.device)
        seconds = (time.perf_counter() - start) / len(self.fits)  # of each: together they are as fast as that
        for fit in self.fits:
            fit.laps.append((fit.rows - before, seconds))

    def _schedule(self, steps: range) -> dict[str, Tensor]:
        """Of each step: the learning rates of the members (S,), the number of steps that each leaf has had before.

        Made at once: a number that goes to a GPU by itself stops the host until it is there.
        """
        device = self.leaves[0].device
        exact = torch.float32 if device.type == "cuda" else torch.float64  # what the optimizer takes there
        rates = [[fit.rate(step) for fit in self.fits] for step in steps]
        before = torch.arange(steps.start, steps.stop, dtype=torch.float32, device=device)
        return {
            "rates": torch.tensor(rates, dtype=exact, device=device),
            "before": before.unsqueeze(1).repeat(1, len(self.leaves)),
        }

    def _moved(self, batch: Batch) -> Tensor:
        features = {name: batch[name] for name in batch if name not in SCHEDULE}
        losses = vmap(self._loss, randomness="different")(
            self.weights, self.buffers, self.own, self.kept, features
        )  # (S,)
        total = losses.sum()
        self._step(torch.autograd.grad(total, self.leaves, allow_unused=True), batch)
        return total.detach()

    def _loss(
        self,
        weights: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        own: Mapping[str, Tensor],
        kept: Mapping[str, Tensor],
        batch: Batch,
    ) -> Tensor:
        first = self.fits[0]
        logits = first.forward.stateless(weights, buffers, batch)
        outputs = dict(zip(first.objective.nodes, logits, strict=True))
        total: Tensor = functional_call(first.objective, {**own, **kept}, (outputs, Targets.among(batch)))
        return total

    @torch.no_grad()
    def _step(self, slopes: Sequence[Tensor | None], schedule: Batch) -> None:
        """AdamW on the slice of each member, at its own rates."""
        moved = [
            (leaf, slope.contiguous(), first, second)  # one kernel goes over all of them as they lie in memory
            for leaf, slope, first, second in zip(self.leaves, slopes, self.first, self.second, strict=True)
            if slope is not None
        ]
        for place, fit in enumerate(self.fits):
            weights, slices, first, second = ([one[place] for one in stacks] for stacks in zip(*moved, strict=True))
            before = schedule["before"][: len(moved)].clone().unbind()
            rate, decay = schedule["rates"][place], fit.training.weight_decay
            move(weights, slices, first, second, before, rate=rate, weight_decay=decay)

    def _changing(self) -> list[Tensor]:
        """What a step moves."""
        return [*self.leaves, *self.buffers.values(), *self.kept.values(), *self.first, *self.second]

    @torch.no_grad()
    def _give_weights(self) -> None:
        for place, fit in enumerate(self.fits):
            for module, stacks in ((fit.network, (self.weights, self.buffers)), (fit.objective, (self.own, self.kept))):
                tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
                for name, stack in {**stacks[0], **stacks[1]}.items():
                    tensors[name].copy_(stack[place])

    def give_moments(self) -> None:
        """To each member, which may go on alone from here."""
        for same, first, second in zip(_same(self.fits), self.first, self.second, strict=True):
            for place, (fit, weight) in enumerate(zip(self.fits, same, strict=True)):
                state = fit.stepper.optimizer.state[weight]
                state["step"] = torch.full((), float(fit.step), device=weight.device)
                state["exp_avg"], state["exp_avg_sq"] = first[place].clone(), second[place].clone()
        for fit in self.fits:
            fit.stepper.moments_replaced()


def _stacked(batches: Sequence[Batch]) -> dict[str, Tensor]:
    return {name: torch.stack([batch[name] for batch in batches]) for name in batches[0]}


def _same(fits: Sequence[Fit]) -> list[tuple[Tensor, ...]]:
    """The weight of each member, for all weights."""
    return list(zip(*([*fit.network.parameters(), *fit.objective.parameters()] for fit in fits), strict=True))


def _moment(fit: Fit, weight: Tensor, name: str) -> Tensor:
    known = fit.stepper.optimizer.state[weight].get(name)
    return torch.zeros_like(weight) if known is None else known
