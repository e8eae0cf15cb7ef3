"""The network that ``best/`` holds: the best on the choosing rows among those that are stored, at any time."""

from collections.abc import Mapping

from mtl_nas.record import NetworkName, Selected
from mtl_nas.study.objectives import within
from mtl_nas.study.search_state import SearchState


def network_values(state: SearchState) -> dict[NetworkName, float]:
    """The value of each stored network within the limits; of all networks if none is."""
    values: dict[NetworkName, float] = {}
    beyond: dict[NetworkName, float] = {}
    for trial in state.trained:
        group = values if within(state.settings.limits, trial) else beyond
        for name, result in state.networks_of(trial).items():
            group[name] = state.network_value(trial, result)
    return values or beyond


def final_values(state: SearchState) -> dict[NetworkName, float]:
    """The values among which the search chooses at its end: of networks trained to the end, or of all without any."""
    values = network_values(state)
    return {name: value for name, value in values.items() if name.rung is None} or values


def best_of(values: Mapping[NetworkName, float]) -> NetworkName:
    """The network of the highest value; of equal ones the first trial's, and that which was trained longer."""

    def order(name: NetworkName) -> tuple[float, int, bool, int, int]:
        return values[name], -name.number, name.rung is None, name.rung or 0, -name.seed

    return max(values, key=order)


def better_network(state: SearchState) -> Selected | None:
    """The event that replaces the network of ``best/``, if a better one is stored and the search goes on."""
    if state.best is not None or not (values := network_values(state)):
        return None
    best, selected = best_of(values), state.selected
    before = None if selected is None else NetworkName(selected.number, selected.seed, selected.rung)
    if best == before:
        return None
    return Selected(
        number=best.number,
        seed=best.seed,
        rung=best.rung,
        score=values[best],
        gain=None if before is None or before not in values else values[best] - values[before],
        networks=len(values),
    )
