"""Functions of arrays, real or complex: an imaginary part carries a derivative through each.

Kinks follow torch: relu has derivative 0 at 0, clipped values have none outside the bounds, ``stop`` keeps the value
and drops the derivative.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, combinations
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Array]


def sigmoid(x: Array) -> Array:
    half = np.tanh(x / 2)
    return (1 + half) / 2


def relu(x: Array) -> Array:
    return np.where(x.real > 0, x, 0)


def gelu(x: Array) -> Array:
    """``x`` times the normal distribution function, whose derivative is the density."""
    below = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in x.real.ravel()]).reshape(x.shape)
    if np.iscomplexobj(x):
        below = below + 1j * x.imag * np.exp(-(x.real**2) / 2) / math.sqrt(2 * math.pi)
    return x * below


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": relu,
    "gelu": gelu,
    "silu": lambda x: x * sigmoid(x),
    "tanh": np.tanh,
    "identity": lambda x: x,
}


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def stop(x: Array) -> Array:
    return x.real


def softplus(x: Array) -> Array:
    """``log(1 + e^x)``."""
    return relu(x) + np.log1p(np.exp(np.where(x.real > 0, -x, x)))


def product_logit(logits: Sequence[Array]) -> Array:
    """The logit of ``prod sigmoid(a_i)``: its odds are one over ``sum over non-empty subsets S of exp(-sum_S a)``."""
    subsets = chain.from_iterable(combinations(logits, size) for size in range(1, len(logits) + 1))
    terms = np.stack([-sum(subset[1:], subset[0]) for subset in subsets])
    largest = terms.real.max(axis=0)
    return -(largest + np.log(np.exp(terms - largest).sum(axis=0)))


def logit(part: Array, rest: Array) -> Array:
    """Log odds of shares of a whole, given both."""
    return np.log(part) - np.log(rest)


def clipped(x: Array) -> Array:
    """Between 0 and 1."""
    return np.where(x.real < 0, 0, np.where(x.real > 1, 1, x))
