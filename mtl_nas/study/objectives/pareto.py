"""Order among designs with several objectives: non-dominated fronts, in each the least crowded first.

As in NSGA-II (Deb et al., 2002). Values are maximised.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = Sequence[tuple[float, ...]]


def fronts(values: Values) -> list[list[int]]:
    """Indices by front: no member of a front is dominated by a member of the same or a later front.

    >>> fronts([(1, 3), (3, 1), (1, 1), (2, 2), (0, 0)])
    [[0, 1, 3], [2], [4]]
    """
    if not values:
        return []
    points = np.array(values, dtype=float)  # (N, M)
    dominates = np.logical_and(  # (N, N)
        (points[:, None] >= points[None]).all(axis=2), (points[:, None] > points[None]).any(axis=2)
    )
    front_indices, remaining = list[list[int]](), np.arange(len(points))
    while len(remaining):
        free = ~dominates[np.ix_(remaining, remaining)].any(axis=0)
        front_indices.append([int(index) for index in remaining[free]])
        remaining = remaining[~free]
    return front_indices


def crowding(values: Values) -> NDArray[np.float64]:
    """Distance (N,) between each point's neighbours, summed over the objectives; infinite at the ends of a front."""
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
    """Indices, the best first: by value if there is one objective, otherwise by front and then by crowding."""
    if not values:
        return []
    if len(values[0]) == 1:
        return sorted(range(len(values)), key=lambda index: (-values[index][0], index))
    order: list[int] = []
    for front in fronts(values):
        distance = crowding([values[index] for index in front])
        least_crowded = sorted(range(len(front)), key=lambda member: (-distance[member], front[member]))
        order += [front[member] for member in least_crowded]
    return order
