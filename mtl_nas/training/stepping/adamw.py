"""Adam (Kingma and Ba, 2015), the same wherever weights are moved."""

from collections.abc import Sequence

from torch import Tensor
from torch.optim.adamw import adamw

BETAS = (0.9, 0.999)  # what a step leaves of the first and the second moment
EPSILON = 1e-8


def move(
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    before: Sequence[Tensor],
    *,
    rate: float | Tensor,
    weight_decay: float,
) -> None:
    """A step of AdamW (Loshchilov and Hutter, 2019) in one kernel; tensors of an index lie in memory alike.

    ``before``: the steps that each has had, () each, which are counted on.
    """
    adamw(
        list(weights),
        list(gradients),
        list(first),
        list(second),
        [],
        list(before),
        fused=True,
        amsgrad=False,
        maximize=False,
        beta1=BETAS[0],
        beta2=BETAS[1],
        lr=rate,
        weight_decay=weight_decay,
        eps=EPSILON,
    )
