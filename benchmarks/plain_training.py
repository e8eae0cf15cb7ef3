"""Options of a training that averages no weights and is not ended early, as trainings were when most was measured."""

from typing import Any

PLAIN: dict[str, Any] = {"average": 0.0, "patience": None, "most_epochs": 40}
