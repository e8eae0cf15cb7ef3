"""One measurement in a process of its own: ``python -m benchmarks.speed.once '<a call as JSON>'`` prints JSON."""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from statistics import median

from benchmarks.speed.sizes import Measured, Sizes, read

SIDES = {  # side -> the module and its function, imported where it is measured
    "ours": ("ours", "rate"),
    "torch-rechub": ("rechub", "rate"),
    "torch-rechub, step alone": ("rechub", "step_rate"),
    "deepctr-torch": ("deepctr", "rate"),
    "deepctr-torch, step alone": ("deepctr", "step_rate"),
    "matrix products": ("products", "rate"),
}


def side(name: str) -> Callable[[Sizes, Measured], list[float]]:
    """The function that measures that side."""
    module, function = SIDES[name]
    return getattr(import_module(f"benchmarks.speed.{module}"), function)


def main() -> None:
    call = read(json.loads(sys.argv[1]))
    rates = side(call.side)(call.sizes, call.measured)
    print(json.dumps({"rate": median(rates), "epochs": len(rates)}))


if __name__ == "__main__":
    main()
