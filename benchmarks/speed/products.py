"""The rate of this machine's matrix products, and the operations of a training step to hold against it."""

import torch

from benchmarks.speed.sizes import Measured, Sizes
from mtl_nas.architecture import Architecture

SQUARE = 1_024
HALVED = ("bfloat16", "auto")  # precisions that may compute in bfloat16
DEFINITION = (
    "operations of a training step: 2 (a multiplication, an addition) x 3 (forward, gradients of weights, gradients of "
    "inputs) x the graph's multiply-adds a row x rows"
)


def step_operations(architecture: Architecture, batch: int) -> int:
    """Floating-point operations of one training step, as ``DEFINITION`` says."""
    return 2 * 3 * architecture.operations * batch


def rate(sizes: Sizes, measured: Measured) -> list[float]:
    """Operations a second of the better of two products: a large square, and our first layer's shape."""
    torch.set_num_threads(measured.threads)
    square, first = (shape_rates(shape, measured) for shape in shapes(sizes, measured.batch))
    return list(map(max, square, first))


def shapes(sizes: Sizes, batch: int) -> list[tuple[int, int, int]]:
    """(rows, in, out): a square, and what all experts of a first level read."""
    first = sizes.fields * sizes.embedding
    experts = sizes.experts if sizes.model == "mmoe" else sizes.shared + sizes.tasks * sizes.specific
    return [(SQUARE, SQUARE, SQUARE), (batch, first, experts * sizes.hidden[0])]


def shape_rates(shape: tuple[int, int, int], measured: Measured) -> list[float]:
    """Operations a second of torch.mm in a few stretches, the first left out."""
    rows, width, out = shape
    dtype = torch.bfloat16 if measured.precision in HALVED else torch.float32
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
