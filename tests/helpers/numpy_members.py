"""Networks in one in plain numpy: each member with matrices of its own, made of the shared ones and its factors."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy_pieces import Array, Arrays


def by_member(x: Array, members: int) -> list[Array]:
    """The rows of each member, which follow one another."""
    rows = len(x) // members
    return [x[member * rows : (member + 1) * rows] for member in range(members)]


def member_input(x: Array, block: Any, weights: Arrays, node: str) -> Array:
    return np.concatenate([x * own for own in weights[f"{node}/factors"].reshape(block.members, -1)])


def hidden_map(x: Array, block: Any, weights: Arrays, node: str, index: int) -> Array:
    """``x (diag(s) W diag(r))' + b`` of each member."""
    weight = weights[f"{node}/weight{index}"]
    outputs = []
    for member, rows in enumerate(by_member(x, block.members)):

        def own(word: str, member: int = member) -> Array:
            return weights[f"{node}/{word}{index}"].reshape(block.members, -1)[member]

        scaled = own("out_factors")[:, None] * weight
        if block.adapters == "all" or index:
            scaled = scaled * own("in_factors")
        outputs.append(rows @ scaled.T + own("bias"))
    return np.concatenate(outputs)


def last_map(x: Array, block: Any, weights: Arrays, node: str) -> Array:
    """The linear map above the hidden layers of a tower, of each member."""
    last = len(block.hidden)
    weight, bias = weights[f"{node}/weight{last}"], weights[f"{node}/bias{last}"].reshape(block.members, -1)
    maps = zip(by_member(x, block.members), weight, bias, strict=True)
    return np.concatenate([rows @ own.T + shift for rows, own, shift in maps])


def member_shapes(block: Any, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What a node has beside, or in place of, the weights of an expert or a tower."""
    for index, (fan_in, units) in enumerate(pairwise((width, *block.hidden))):
        if block.adapters == "none":
            continue
        if block.adapters == "all" or index:
            yield f"in_factors{index}", (block.members * fan_in,)
        yield from ((f"{word}{index}", (block.members * units,)) for word in ("out_factors", "bias"))
    if block.block == "member_tower":
        last = len(block.hidden)
        yield f"weight{last}", (block.members, block.outputs, (width, *block.hidden)[-1])
        yield f"bias{last}", (block.members * block.outputs,)
