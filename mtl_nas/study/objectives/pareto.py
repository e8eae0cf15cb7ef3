"""Order among designs with several objectives: non-dominated fronts, in each the least crowded first.

As in NSGA-II (Deb et al., 2002). Values are maximised.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = Sequence[tuple[float, ...]]


def fronts(values: Values) -> list[list[int]]:
    """Places by front: no member of one is dominated by a member of the same or a later front.

    >>> fronts([(1, 3), (3, 1), (1, 1), (2, 2), (0, 0)])
    [[0, 1, 3], [2], [4]]
    """
    if not values:
        return []
    left = np.array(values, dtype=float)  # (N, M)
    better = np.logical_and(  # (N, N)
        (left[:, None] >= left[None]).all(axis=2), (left[:, None] > left[None]).any(axis=2)
    )
    found, remaining = list[list[int]](), np.arange(len(left))
    while len(remaining):
        free = ~better[np.ix_(remaining, remaining)].any(axis=0)
        found.append([int(place) for place in remaining[free]])
        remaining = remaining[~free]
    return found


def crowding(values: Values) -> NDArray[np.float64]:
    """Distance of each point's neighbours, summed over the objectives; the ends of a front are at infinity."""
    points = np.array(values, dtype=float)  # (N, M)
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        width = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if width > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / width
    return distance


def ranked(values: Values) -> list[int]:
    """Places, the best first: by value where there is one objective, else by front and room around."""
    if not values:
        return []
    if len(values[0]) == 1:
        return sorted(range(len(values)), key=lambda place: (-values[place][0], place))
    found: list[int] = []
    for front in fronts(values):
        room = crowding([values[place] for place in front])
        found += [front[index] for index in sorted(range(len(front)), key=lambda index: (-room[index], front[index]))]
    return found
