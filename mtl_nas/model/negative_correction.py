"""Correction of probabilities for rows without the funnel's first event that training left out."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from mtl_nas.architecture import Head
from mtl_nas.composition import funnel_root
from mtl_nas.data import Schema


def corrected(probabilities: Mapping[str, Tensor], heads: Sequence[Head], schema: Schema) -> dict[str, Tensor]:
    """Probabilities (N,) by head, among the rows that training read -> the same among all rows.

    If training read a share w of the rows without the first event r, ``p_t = p'_t w / (1 - p'_r + w p'_r)`` for every
    task t; for r itself that shifts the logit by log w. Conditional probabilities (``buy|click``) do not change.
    """
    shares = {head.task: head.negatives for head in heads if head.given is None and head.negatives != 1.0}
    if not shares:
        return dict(probabilities)
    root = probabilities[funnel_root(schema)]
    return {
        name: value * shares[name] / (1.0 - root + shares[name] * root) if name in shares else value
        for name, value in probabilities.items()
    }
