"""The comparison of the best designs on fresh seeds: which designs, on how many seeds, within which share of the work.

What is taken away is a trained network. Whether one design is better than another is a question of its own, which takes
trainings that nothing has selected: those of the search itself decided what was trained further.
"""

from mtl_nas.record import Chosen, NetworkName, Trial
from mtl_nas.study.jobs import seed_of
from mtl_nas.study.objectives import BASELINE
from mtl_nas.study.schedule.best_network import best_of, final_values, network_values
from mtl_nas.study.schedule.budget import comparison_trainings
from mtl_nas.study.schedule.finalists import choose_finalists
from mtl_nas.study.search_state import SearchState

FIRST = 3  # designs that come first: that of the best network, the baseline, and the best preset
MOST_SEEDS = 5  # of a design that cannot be told apart from the best one


def choose_designs(state: SearchState) -> Chosen:
    """The designs to compare, their seeds, and a bound on the trainings."""
    compare = state.settings.compare
    if compare == "full":
        return choose_finalists(state)
    designs, trainings = designs_by_need(state), comparison_trainings(state)
    if compare == "none" or trainings < 2 or len(designs) < 2:
        return Chosen(numbers=(), seeds=(), trainings=0)
    count = 2 if trainings == 2 else max(FIRST, trainings // 2)
    seeds = max(MOST_SEEDS, state.settings.seeds)
    return Chosen(
        numbers=tuple(designs[:count]),
        seeds=tuple(seed_of(state.settings.seed, "finalist", index) for index in range(seeds)),
        trainings=trainings,
    )


def designs_by_need(state: SearchState) -> list[int]:
    """Trials to compare: that of the best network, the baseline, the best preset, and then the other finalists.

    Where a preset is the best, the best searched design takes the place of the preset.
    """
    numbers = choose_finalists(state).numbers
    values = final_values(state)
    winner = [state.trials[best_of(values).number].original] if values else list(numbers[:1])
    trials = [state.trials[number] for number in (*winner, *numbers)]
    baseline = [trial for trial in trials if trial.preset == BASELINE]
    of_preset = bool(winner) and state.trials[winner[0]].preset is not None
    rivals = [trial for trial in trials[1:] if (trial.preset is None) == of_preset and trial.preset != BASELINE]
    rival = state.furthest_first(rivals)[:1]
    return list(dict.fromkeys(trial.number for trial in (*trials[:1], *baseline, *rival, *trials)))


def own_network(state: SearchState, trial: Trial) -> NetworkName | None:
    """The network of a trial that the search itself trained to the end; None if there is none."""
    fresh = set(trial.finalist)
    return next((name for name in state.networks_of(trial) if name.rung is None and name.seed not in fresh), None)


def compared_networks(state: SearchState) -> list[NetworkName]:
    """The networks whose test scores are compared: those on fresh seeds, or if there are none one of each design.

    Where the time ended before any network was trained to the end, they are those of the highest rung.
    """
    seeds = () if state.chosen is None else state.chosen.seeds
    order = {seed: place for place, seed in enumerate(seeds)}  # not that in which workers were done
    fresh = [
        NetworkName(trial.number, seed)
        for trial in state.finalists
        for seed in sorted(trial.finalist, key=lambda seed: order.get(seed, len(order)))
    ]
    if fresh:
        return fresh
    own = [own_network(state, state.trials[number]) for number in designs_by_need(state)]
    trained = [name for name in own if name is not None]
    return trained or [name for name in network_values(state) if name.rung == state.highest_rung]
