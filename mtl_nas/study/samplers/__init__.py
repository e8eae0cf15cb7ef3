"""What proposes: random draws, Optuna's TPE; evolution, local search and NSGA-II over decisions."""

from mtl_nas.study.samplers.observations import Drawn, History, Sampler, Seen, best_first, history
from mtl_nas.study.samplers.registry import SAMPLERS, automatic, propose

__all__ = ["SAMPLERS", "Drawn", "History", "Sampler", "Seen", "automatic", "best_first", "history", "propose"]
