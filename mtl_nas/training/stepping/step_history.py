"""The steps of a training so far, and their effect on rows that were in no batch since."""

import math

import torch
from torch import Tensor, nn

from mtl_nas.training.adamw import BETAS, EPSILON

MOST_DECAY = 1 - 1e-6  # upper bound of one step's weight decay, so that the logarithm of the remainder is finite


class StepHistory(nn.Module):
    """Rates and weight decay of all steps, from which rows are brought up to date; its state is part of a checkpoint.

    ``settled`` is the last step at which every row was up to date.
    """

    rates: Tensor
    log_decays: Tensor
    fading: Tensor
    centres: Tensor
    bias_corrections: Tensor

    def __init__(self, steps: int, weight_decay: float, device: torch.device) -> None:
        super().__init__()
        self.weight_decay, self.step, self.settled = weight_decay, 0, 0
        self.rate = 0.0  # rate of the current step
        self.register_buffer("rates", torch.zeros(steps + 1, device=device))  # rate of each step, from 1
        # logarithm of the share of a weight that remains under weight decay after each step
        self.register_buffer("log_decays", torch.zeros(steps + 1, dtype=torch.float64, device=device))
        missed = torch.arange(steps + 1, dtype=torch.float64, device=device)
        ratio = BETAS[0] / math.sqrt(BETAS[1])
        series = ratio * (1 - ratio**missed) / (1 - ratio)
        fading = torch.stack([BETAS[0] ** missed, BETAS[1] ** missed, series], dim=1)
        self.register_buffer("fading", fading, persistent=False)  # factors of a row's state by number of missed steps
        effects = ratio ** (missed + 1)  # of a gradient on each of the missed steps
        centres = ((missed + 1) * effects).cumsum(0) / effects.cumsum(0)
        # mean missed step, weighted by the effects, by number of missed steps from 1
        self.register_buffer("centres", centres.round().long(), persistent=False)
        begun = torch.arange(1, steps + 3, dtype=torch.float64, device=device)
        corrections = torch.stack([1 / (1 - BETAS[0] ** begun), 1 / (1 - BETAS[1] ** begun)], dim=1)
        self.register_buffer("bias_corrections", corrections, persistent=False)  # by step, from 1

    def get_extra_state(self) -> dict[str, int]:
        return {"step": self.step, "settled": self.settled}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.step, self.settled = state["step"], state["settled"]

    def begin(self, step: int, rate: float) -> None:
        """Record the start of a step, counted from 1, and its learning rate."""
        self.step, self.rate, self.rates[step] = step, rate, rate
        decay = math.log1p(-min(rate * self.weight_decay, MOST_DECAY))
        self.log_decays[step] = self.log_decays[step - 1] + decay

    @torch.no_grad()
    def catch_up(
        self, weights: Tensor, exp_avgs: Tensor, exp_avg_sqs: Tensor, last_steps: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return rows and their optimizer state (N, U, d) as dense steps since their last steps (U,) would leave them.

        The running mean of a row's gradients decays while no batch reads the row, and changes it by a geometric series.
        Rate and bias corrections of its mean step are used for all of it, as 20 to 30 steps make up nine tenths.
        """
        dtype = weights.dtype
        missed = self.step - last_steps
        fading = self.fading.index_select(0, missed).to(dtype)  # (U, 3)
        centres = last_steps + self.centres.index_select(0, (missed - 1).clamp(min=0))
        corrections = self.bias_corrections.index_select(0, centres - 1).to(dtype)  # (U, 2)
        centre_rates = self.rates.index_select(0, centres.clamp(max=self.step))
        rates = centre_rates.to(dtype).unsqueeze(1) * corrections[:, :1]
        spread = (exp_avg_sqs * corrections[:, 1:]).sqrt_().add_(EPSILON)
        # at the last settling, every row was up to date
        log_decays = self.log_decays[self.step] - self.log_decays.index_select(0, last_steps.clamp(min=self.settled))
        decays = log_decays.to(dtype).exp_().unsqueeze(1)
        moved = torch.addcdiv(weights * decays, exp_avgs * (rates * fading[:, 2:]), spread, value=-1)
        state = exp_avgs * fading[:, :1], exp_avg_sqs * fading[:, 1:2]
        return moved.contiguous(), state[0].contiguous(), state[1].contiguous()

    def decay_since_settled(self) -> float:
        """Return the share that weight decay leaves of a row that no batch has read since the last settling."""
        return math.exp(self.log_decays[self.step] - self.log_decays[self.settled])
