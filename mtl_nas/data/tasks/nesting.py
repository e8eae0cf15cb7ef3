"""Whether an event happens only where another one does, and not by chance."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

CHANCE = 1e-5  # probability of as few exceptions among independent events, above which nestedness may be chance


def chance_of_nesting(event: NDArray[np.bool_], condition: NDArray[np.bool_]) -> float:
    """The probability that so few of the rows of an event lie outside a condition, if the two were independent.

    Args:
        event: (N,) rows in which the event happens.
        condition: (N,) rows that the event should need.

    Example:
        >>> rows = np.arange(1000)
        >>> round(chance_of_nesting(rows < 6, rows % 2 == 0), 3)  # three of six rows
        0.656
        >>> chance_of_nesting(rows < 100, rows < 300) < 1e-50
        True
    """
    happened = int(event.sum())
    if not happened:
        return 1.0
    exceptions = int((event & ~condition).sum())
    return float(bdtr(exceptions, happened, float((~condition).mean())))
