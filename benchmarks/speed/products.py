"""The rate of this machine's matrix products, and the operations of a training step to hold against it."""

import torch

from benchmarks.speed.sizes import Measured, Sizes
from mtl_nas.architecture import Architecture

SQUARE = 1_024
SINGLE, HALF = torch.float32, torch.bfloat16
TYPES = {"float32": (SINGLE,), "bfloat16": (HALF,), "auto": (SINGLE, HALF)}  # that a precision may compute in
DEFINITION = (
    "operations of a training step: 2 (a multiplication, an addition) x 3 (forward, gradients of weights, gradients of "
    "inputs) x the graph's multiply-adds per row x rows"
)


def step_operations(architecture: Architecture, batch: int) -> int:
    """Floating-point operations of one training step, as ``DEFINITION`` says."""
    return 2 * 3 * architecture.macs * batch


def rate(sizes: Sizes, measured: Measured) -> list[float]:
    """Operations a second of the best of the products: a large square, and our first layer's shape."""
    torch.set_num_threads(measured.threads)
    asked = [(shape, dtype) for shape in shapes(sizes, measured.batch) for dtype in TYPES[measured.precision]]
    return list(map(max, zip(*(shape_rates(*one, measured) for one in asked), strict=True)))


def shapes(sizes: Sizes, batch: int) -> list[tuple[int, int, int]]:
    """(rows, in, out): a square, and what all experts of a first level read."""
    first = sizes.fields * sizes.embedding
    experts = sizes.experts if sizes.model == "mmoe" else sizes.shared + sizes.tasks * sizes.specific
    return [(SQUARE, SQUARE, SQUARE), (batch, first, experts * sizes.hidden[0])]


def shape_rates(shape: tuple[int, int, int], dtype: torch.dtype, measured: Measured) -> list[float]:
    """Operations a second of torch.mm in a few stretches, the first left out."""
    rows, width, out = shape
    one = torch.randn(rows, width, device=measured.device).to(dtype)
    other = torch.randn(width, out, device=measured.device).to(dtype)
    into = torch.empty(rows, out, dtype=dtype, device=measured.device)
    rates, clock = [], measured.clock
    at_once = 1 if measured.device == "cpu" else 100  # or a GPU would wait for its host
    for _ in range(6):
        start, count = clock(), 0
        while clock() - start < measured.seconds / 12:
            for _ in range(at_once):
                torch.mm(one, other, out=into)
            count += at_once
            if measured.device != "cpu":
                torch.cuda.synchronize()
        rates.append(2 * rows * width * out * count / (clock() - start))
    return rates[1:]
