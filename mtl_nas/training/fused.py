"""Several fits of one shape as one: a further leading axis of every weight, one kernel for all members.

Seeds of a design have the same shape, and so have trials that differ in rates alone. On a GPU a step of a small network
waits for launches, not for arithmetic, so members together take little longer than one. Each member keeps its own
weights, batches, moments, learning rate and weight decay; its checks and what it saves are those of its own fit.
"""

import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call, stack_module_state, vmap

from mtl_nas.blocks import Sequence as SequenceBlock
from mtl_nas.training.fit import Check, DivergedError, Fit
from mtl_nas.training.losses import Targets

OWN = {"seed", "learning_rate", "weight_decay", "schedule", "warmup"}  # of a training, that members may differ in
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam, as in a fit
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
        group.run(min(goal, (first.step // first.steps_a_pass + 1) * first.steps_a_pass))
        for place, fit in enumerate(fits):
            if place not in problems:
                try:
                    fit.check()
                except DivergedError as problem:
                    problems[place] = problem
    return [problems.get(place) or fit.advance(share) for place, fit in enumerate(fits)]


def _kind(fit: Fit) -> tuple[object, ...]:
    training = fit.training.model_dump(exclude=OWN)
    return fit.network.architecture.key, fit.objective.losses, training, fit.step, fit.train_rows, fit.device


def _simple(fit: Fit) -> bool:
    losses, training = fit.objective.losses, fit.training
    plain = losses.aggregation == "none" and losses.weighting in ("static", "uncertainty") and not losses.decay
    blocks = [node.block for node in fit.network.architecture.nodes]
    recurrent = any(isinstance(block, SequenceBlock) and block.kind != "mean" for block in blocks)
    plain = plain and fit.network.penalty() is None and not recurrent
    return plain and training.meta is None and training.patience is None and fit.large is None


class _Group:
    """The stacked weights, running moments and Adam's moments of the members; what is there already is taken over."""

    def __init__(self, fits: Sequence[Fit]) -> None:
        self.fits = fits
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

    def run(self, stop: int) -> None:
        """Train every member to that step, and give it its weights and moments."""
        first, before, start = self.fits[0], self.fits[0].rows, time.perf_counter()
        for fit in self.fits:
            fit.network.train()
        while first.step < stop:
            batches = [fit.feed.batch(fit.step) for fit in self.fits]
            features = {name: torch.stack([inputs[name] for inputs, _ in batches]) for name in batches[0][0]}
            found = [targets for _, targets in batches]
            labels = torch.stack([targets.labels for targets in found])
            valid = torch.stack([targets.valid for targets in found])
            rows = [targets.weights for targets in found if targets.weights is not None]
            counted = torch.stack(rows) if rows else torch.ones_like(valid[..., 0])
            losses = vmap(self._loss, randomness="different")(
                self.weights, self.buffers, self.own, self.kept, features, labels, valid, counted
            )  # (S,)
            slopes = torch.autograd.grad(losses.sum(), self.leaves, allow_unused=True)
            self._step(slopes, first.step + 1)
            for fit in self.fits:
                fit.step += 1
        self._give()
        if self.leaves[0].is_cuda:
            torch.cuda.synchronize()
        seconds = (time.perf_counter() - start) / len(self.fits)  # of each: together they are as fast as that
        for fit in self.fits:
            fit.laps.append((fit.rows - before, seconds))

    def _loss(
        self,
        weights: Mapping[str, Tensor],
        buffers: Mapping[str, Tensor],
        own: Mapping[str, Tensor],
        kept: Mapping[str, Tensor],
        features: Mapping[str, Tensor],
        labels: Tensor,
        valid: Tensor,
        counted: Tensor,
    ) -> Tensor:
        first = self.fits[0]
        logits = first.forward.stateless(weights, buffers, features)
        outputs = dict(zip(first.objective.nodes, logits, strict=True))
        total: Tensor = functional_call(first.objective, {**own, **kept}, (outputs, Targets(labels, valid, counted)))
        return total

    @torch.no_grad()
    def _step(self, slopes: Sequence[Tensor | None], number: int) -> None:
        """AdamW, the rates of each member on its own slice."""
        like = self.leaves[0]
        rates = torch.tensor([fit.rate() for fit in self.fits], dtype=like.dtype, device=like.device)
        decays = torch.tensor([fit.training.weight_decay for fit in self.fits], dtype=like.dtype, device=like.device)
        for leaf, slope, first, second in zip(self.leaves, slopes, self.first, self.second, strict=True):
            if slope is None:
                continue
            shape = (-1, *[1] * (leaf.ndim - 1))
            rate, decay = rates.view(shape), decays.view(shape)
            first.lerp_(slope, 1 - BETAS[0])
            second.lerp_(slope.square(), 1 - BETAS[1])
            spread = (second / (1 - BETAS[1] ** number)).sqrt_().add_(EPSILON)
            leaf.mul_(1 - rate * decay).sub_(rate / (1 - BETAS[0] ** number) * first / spread)

    @torch.no_grad()
    def _give(self) -> None:
        for place, fit in enumerate(self.fits):
            for module, stacks in ((fit.network, (self.weights, self.buffers)), (fit.objective, (self.own, self.kept))):
                tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
                for name, stack in {**stacks[0], **stacks[1]}.items():
                    tensors[name].copy_(stack[place])
        for same, first, second in zip(_same(self.fits), self.first, self.second, strict=True):
            for place, (fit, weight) in enumerate(zip(self.fits, same, strict=True)):
                state = fit.optimizer.state[weight]
                state["step"] = torch.tensor(float(fit.step), device=weight.device)
                state["exp_avg"], state["exp_avg_sq"] = first[place].clone(), second[place].clone()


def _same(fits: Sequence[Fit]) -> list[tuple[Tensor, ...]]:
    """The weight of each member, for all weights."""
    return list(zip(*([*fit.network.parameters(), *fit.objective.parameters()] for fit in fits), strict=True))


def _moment(fit: Fit, weight: Tensor, name: str) -> Tensor:
    known = fit.optimizer.state[weight].get(name)
    return torch.zeros_like(weight) if known is None else known
