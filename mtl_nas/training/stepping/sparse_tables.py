"""Embedding tables of which a step touches the rows of its batch alone.

A dense gradient of a table of ten million rows takes longer than the rest of a step. Here the batch's rows are copied
out, the network reads the copy, and AdamW moves these rows. What the dense step does to a row that no batch has is done
all the same, later: when the row is read again, and before a table is read whole, its moments and its weight
decay are brought up to date, and its momentum moves it on. That is nine tenths of what one sight of a row moves it, so
a lazy Adam without it (torch's SparseAdam) trains rare rows at a tenth of the rate.

What is kept of a row lies side by side: its weights, its moments, its step. A row that no cache holds is then one place
to go to and not four, which halves what a step takes that tables of a few rows would not.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from mtl_nas.composition import stacking
from mtl_nas.design import Losses, Training
from mtl_nas.model import Network, TableStage
from mtl_nas.training.balancing.shared_parameters import last_shared
from mtl_nas.training.stepping.adamw import BETAS, EPSILON, move
from mtl_nas.training.stepping.host_memory import zeros

MOST_DECAY = 1 - 1e-6  # of a step: its logarithm must be finite
BLOCK = 2**18  # rows that are brought up to date at once
COUNTS = {torch.float32: torch.int32, torch.float64: torch.int64}  # whole numbers of the size of a weight
Features = Mapping[str, Tensor]


class Part(NamedTuple):
    """The rows of a batch (U,), the copy of them and their first and second moments, (N, U, d) each."""

    rows: Tensor
    here: Tensor
    first: Tensor
    second: Tensor


class LargeTable(nn.Module):
    """A table (N, R, d) with the state of its rows; ``name`` is that of the parameter.

    ``kept`` (R, 3 * N * d + 1) has of each row the weights, which the table becomes a view of, the first and the second
    moments, and the step to which it is up to date, as a whole number in the bits of a weight.
    """

    kept: Tensor

    def __init__(self, name: str, stage: TableStage[Any]) -> None:
        super().__init__()
        self.name, self._stage = name, (stage,)  # in a tuple, as the network owns it
        members, rows, width = self.table.shape
        self.register_buffer("kept", zeros(rows, 3 * members * width + 1, self.table))
        weights = self._split(self.kept)[0]
        self.table.data = weights.copy_(self.table.detach())
        self._part: Part | None = None

    @property
    def table(self) -> nn.Parameter:
        """The table itself."""
        return self._stage[0].table

    @property
    def seen(self) -> Tensor:
        """(R,): the step to which a row is up to date; 0: no batch had it."""
        return _steps(self.kept)

    def read(self, features: Features, clock: "Clock", *, moved: bool) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Features whose ids are places in a copy of the batch's rows, and what stands in for the network's own.

        ``moved``: the next step moves these rows.
        """
        rows, changed, buffers = self._stage[0].rows_read(features)
        part = self._brought_up(rows.long(), clock)
        if moved:
            self._part = part
            part.here.requires_grad_()
        prefix = self.name.removesuffix("table")
        return dict(changed), {**{prefix + name: buffer for name, buffer in buffers.items()}, self.name: part.here}

    @torch.no_grad()
    def step(self, clock: "Clock") -> None:
        """Move the rows that were read, in the step that the clock stands at."""
        part, self._part = self._part, None
        if part is None or part.here.grad is None:
            return
        before = torch.full((), float(clock.now - 1), device=part.here.device)
        rate, decay = clock.rate, clock.weight_decay
        move([part.here], [part.here.grad], [part.first], [part.second], [before], rate=rate, weight_decay=decay)
        self._put(part, clock)

    @torch.no_grad()
    def settle(self, clock: "Clock") -> None:
        """Bring every row up to date, a block at a time; those that no batch had have no moments, and only decay."""
        decayed, seen = clock.decayed_since_settled(), self.seen
        for start in range(0, len(seen), BLOCK):
            block = seen[start : start + BLOCK]
            if clock.weight_decay:
                self.table[:, start : start + BLOCK].mul_(torch.where(block == 0, decayed, 1.0).unsqueeze(1))
            rows = block.nonzero().squeeze(1) + start
            if len(rows):
                self._put(self._brought_up(rows, clock), clock)

    @torch.no_grad()
    def _brought_up(self, rows: Tensor, clock: "Clock") -> Part:
        found = self.kept.index_select(0, rows)
        here, first, second = self._split(found)
        return Part(rows, *clock.brought_up(here, first, second, _steps(found)))

    def _put(self, part: Part, clock: "Clock") -> None:
        now = torch.full((len(part.rows), 1), clock.now, dtype=COUNTS[self.kept.dtype], device=self.kept.device)
        parts = [one.transpose(0, 1).flatten(1) for one in (part.here, part.first, part.second)]
        self.kept.index_copy_(0, part.rows, torch.cat([*parts, now.view(self.kept.dtype)], dim=1))

    def _split(self, kept: Tensor) -> list[Tensor]:
        """(U, 3 * N * d + 1) -> weights, first and second moments, (N, U, d) each, as views."""
        members, _, width = self.table.shape
        return [one.view(-1, members, width).transpose(0, 1) for one in kept[:, :-1].chunk(3, dim=1)]


def _steps(kept: Tensor) -> Tensor:
    return kept[:, -1].view(COUNTS[kept.dtype])


class Clock(nn.Module):
    """The steps so far, and what they do to rows that they do not see."""

    rates: Tensor
    decays: Tensor
    faded: Tensor
    biases: Tensor

    def __init__(self, steps: int, weight_decay: float, device: torch.device) -> None:
        super().__init__()
        self.weight_decay, self.now, self.settled = weight_decay, 0, 0
        self.rate = 0.0  # of the step
        self.register_buffer("rates", torch.zeros(steps + 1, device=device))  # of each step, from 1
        # the logarithm of what weight decay has left after each step
        self.register_buffer("decays", torch.zeros(steps + 1, dtype=torch.float64, device=device))
        missed = torch.arange(steps + 1, dtype=torch.float64, device=device)
        ratio = BETAS[0] / math.sqrt(BETAS[1])
        series = ratio * (1 - ratio**missed) / (1 - ratio)
        faded = torch.stack([BETAS[0] ** missed, BETAS[1] ** missed, series], dim=1)
        self.register_buffer("faded", faded, persistent=False)  # what that many missed steps do to moments and rows
        begun = missed.clamp(min=1) + 1
        biases = torch.stack([1 / (1 - BETAS[0] ** begun), 1 / (1 - BETAS[1] ** begun)], dim=1)
        self.register_buffer("biases", biases, persistent=False)  # of moments, by their last step

    def get_extra_state(self) -> dict[str, int]:
        """What no tensor holds."""
        return {"now": self.now, "settled": self.settled}

    def set_extra_state(self, state: dict[str, int]) -> None:
        """Go on from there."""
        self.now, self.settled = state["now"], state["settled"]

    def tick(self, number: int, rate: float) -> None:
        """The step of that number begins to move weights."""
        self.now, self.rate, self.rates[number] = number, rate, rate
        self.decays[number] = self.decays[number - 1] + math.log1p(-min(rate * self.weight_decay, MOST_DECAY))

    @torch.no_grad()
    def brought_up(self, here: Tensor, first: Tensor, second: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rows and moments (N, U, d) that are up to date to steps (U,), as the dense step would have them now.

        A moment that decays moves its row by a geometric series, which rates and bias corrections of its first steps
        stand for: nine tenths of it are over after twenty steps.
        """
        faded = self.faded.index_select(0, self.now - seen).to(here.dtype)  # (U, 3)
        biases = self.biases.index_select(0, seen).to(here.dtype)  # (U, 2)
        rate = self.rates.index_select(0, seen).to(here.dtype).unsqueeze(1) * biases[:, :1]
        spread = (second * biases[:, 1:]).sqrt_().add_(EPSILON)
        # no row stands before the last settling
        decayed = self.decays[self.now] - self.decays.index_select(0, seen.clamp(min=self.settled))
        kept = decayed.to(here.dtype).exp_().unsqueeze(1)
        moved = torch.addcdiv(here * kept, first * (rate * faded[:, 2:]), spread, value=-1)
        found = moved, first * faded[:, :1], second * faded[:, 1:2]
        return found[0].contiguous(), found[1].contiguous(), found[2].contiguous()

    def decayed_since_settled(self) -> float:
        """What weight decay leaves of a row that no batch had since every row was up to date."""
        return math.exp(self.decays[self.now] - self.decays[self.settled])


class LargeTables(nn.Module):
    """All of a network's; ``state_dict`` is what going on needs beside the tables."""

    def __init__(self, network: Network, training: Training, steps: int, *, rows: int) -> None:
        super().__init__()
        self.found = nn.ModuleList(
            LargeTable(f"stages.{place}.table", stage)
            for place, stage in enumerate(network.stages)
            if isinstance(stage, TableStage) and stage.table.shape[1] >= rows
        )
        self.clock = Clock(steps, training.weight_decay, next(network.parameters()).device)

    @property
    def tables(self) -> list[LargeTable]:
        """Those that are large."""
        return [cast(LargeTable, table) for table in self.found]

    def owns(self, parameter: nn.Parameter) -> bool:
        """It is moved here, not by the optimizer."""
        return any(parameter is table.table for table in self.tables)

    def read(self, features: Features) -> tuple[Features, dict[str, Tensor]]:
        """For the batch of a step: features, and weights that stand in for the network's own."""
        return self._read(features, moved=True)

    def at_present(self, features: Features) -> tuple[Features, dict[str, Tensor]]:
        """The same for a batch that is only looked at."""
        return self._read(features, moved=False)

    def step(self, number: int, rate: float) -> None:
        """The step of that number, from 1, at a learning rate."""
        self.clock.tick(number, rate)
        for table in self.tables:
            table.step(self.clock)

    def settle(self) -> None:
        """Bring every row up to date, before somebody reads whole tables."""
        for table in self.tables:
            table.settle(self.clock)
        self.clock.settled = self.clock.now

    def _read(self, features: Features, *, moved: bool) -> tuple[Features, dict[str, Tensor]]:
        weights: dict[str, Tensor] = {}
        for table in self.tables:
            changed, replaced = table.read(features, self.clock, moved=moved)
            features, weights = {**features, **changed}, {**weights, **replaced}
        return features, weights


def large_tables(network: Network, losses: Losses, training: Training, steps: int) -> LargeTables | None:
    """Those of a network; None without any, and where something else has to see the gradient of a whole table."""
    if training.meta is not None or (losses.aggregation != "none" and losses.aggregate_embeddings):
        return None
    found = LargeTables(network, training, steps, rows=stacking.SPARSE_UPDATE_ROWS)
    last = last_shared(network.reaching(), network.architecture.tasks) if losses.weighting == "gradnorm" else None
    return None if not found.tables or (last and found.owns(last.parameter)) else found
