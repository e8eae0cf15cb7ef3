"""Take one speed measurement in a process of its own.

``python -m benchmarks.speed.measure_once '<a measurement as JSON>'`` prints the median rate and the number of epochs as
JSON; ``alternating`` runs it.
"""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from statistics import median

from benchmarks.speed.measurement import Measurement, Settings, Sizes

SIDES = {  # side -> module and function, imported in the measuring process alone
    "ours": ("ours", "rates"),
    "torch-rechub": ("rechub", "trainer_rates"),
    "torch-rechub, step alone": ("rechub", "step_rates"),
    "deepctr-torch": ("deepctr", "fit_rates"),
    "deepctr-torch, step alone": ("deepctr", "step_rates"),
    "matrix products": ("matrix_products", "rates"),
}


def side_function(side: str) -> Callable[[Sizes, Settings], list[float]]:
    """Import and return the function that measures a side."""
    module, function = SIDES[side]
    return getattr(import_module(f"benchmarks.speed.{module}"), function)


def main() -> None:
    measurement = Measurement.from_json(json.loads(sys.argv[1]))
    rates = side_function(measurement.side)(measurement.sizes, measurement.settings)
    print(json.dumps({"rate": median(rates), "epochs": len(rates)}))


if __name__ == "__main__":
    main()
