"""The rate of this machine's matrix products, and the floating-point operations of a training step to compare with it.

Not a command: ``measure_once`` imports it. Operations of a training step are 2 (a multiplication, an addition) x 3
(forward, gradients of weights, gradients of inputs) x the graph's multiply-adds per row x rows.
"""

import torch

from benchmarks.speed.measurement import Settings, Sizes
from mtl_nas.architecture import Architecture

SQUARE = 1_024  # rows and columns of the square product
OPERATIONS_PER_MAC = 2 * 3  # floating-point operations of training per multiply-add of the graph
SINGLE, HALF = torch.float32, torch.bfloat16
DTYPES = {"float32": (SINGLE,), "bfloat16": (HALF,), "auto": (SINGLE, HALF)}  # those that a precision may compute in


def step_operations(architecture: Architecture, batch: int) -> int:
    """Floating-point operations of one training step."""
    return OPERATIONS_PER_MAC * architecture.macs * batch


def rates(sizes: Sizes, settings: Settings) -> list[float]:
    """Operations per second of the fastest product: a large square or the shape of our first layer."""
    torch.set_num_threads(settings.threads)
    products = [(shape, dtype) for shape in shapes(sizes, settings.batch) for dtype in DTYPES[settings.precision]]
    return list(map(max, zip(*(product_rates(shape, dtype, settings) for shape, dtype in products), strict=True)))


def shapes(sizes: Sizes, batch: int) -> list[tuple[int, int, int]]:
    """Shapes (rows, in, out): a square, and the product that all experts of a first level share."""
    first = sizes.fields * sizes.embedding
    experts = sizes.experts if sizes.model == "mmoe" else sizes.shared + sizes.tasks * sizes.specific
    return [(SQUARE, SQUARE, SQUARE), (batch, first, experts * sizes.hidden[0])]


def product_rates(shape: tuple[int, int, int], dtype: torch.dtype, settings: Settings) -> list[float]:
    """Operations per second of ``torch.mm`` in five periods after one of warm-up."""
    rows, width, out = shape
    left = torch.randn(rows, width, device=settings.device).to(dtype)
    right = torch.randn(width, out, device=settings.device).to(dtype)
    result = torch.empty(rows, out, dtype=dtype, device=settings.device)
    period_rates, clock = [], settings.clock
    burst = 1 if settings.device == "cpu" else 100  # products between two synchronisations, which a GPU waits for
    for _ in range(6):
        start, count = clock(), 0
        while clock() - start < settings.seconds / 12:
            for _ in range(burst):
                torch.mm(left, right, out=result)
            count += burst
            if settings.device != "cpu":
                torch.cuda.synchronize()
        period_rates.append(2 * rows * width * out * count / (clock() - start))
    return period_rates[1:]
