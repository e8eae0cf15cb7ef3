"""What proposes: a pure function of the record, from the same observations as Optuna's own trials."""

import random
from collections import Counter
from collections.abc import Sequence

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from study_fixtures import FUNNEL, SPACE, chance, drawn, proposed, scored, space, state_of

from mtl_nas.record import Event, Failed, Promoted, Stopped
from mtl_nas.settings import Aim
from mtl_nas.space import SWITCH, Choice, Float, Int, Random, Replay, SearchSpace, load_space
from mtl_nas.study.objectives.objective import Objective
from mtl_nas.study.samplers import (
    SAMPLERS,
    Observation,
    Observations,
    Suggestion,
    best_first,
    suggest,
    suitable_sampler,
)
from mtl_nas.study.samplers.optuna_study import MOST_TRIALS, HoleNames, distribution, optuna_study
from mtl_nas.study.samplers.suggesting import LOCAL_ATTEMPTS, STARTUP
from mtl_nas.study.samplers.tpe import tpe_sampler
from mtl_nas.study.search_state import SearchState

MADE = space()
GATE = "design.levels.0.mixing.hidden"
MEAN, BOTH = Objective(), Objective(("mean", "parameters"))


def observed(count: int, made: SearchSpace = MADE) -> list[Event]:
    """So many trials, each scored at the last rung."""
    lines: list[Event] = []
    for number in range(count):
        lines += [drawn(made, number, Random(number)), scored(number, 0, 0.5 + 0.1 * chance("score", number))]
    return lines


def mixed_history(made: SearchSpace = MADE) -> list[Event]:
    """Trials of which some were stopped, repeat others on a new seed or unseen, failed, or are outside the space."""
    lines: list[Event] = []
    for number in range(24):
        again = number - 5 if number % 6 == 5 else number
        copied = {"duplicate_of": again, "replicate": number % 12 // 6} if again != number else {}
        lines.append(drawn(made, number, Random(again), proposal_key=f"p{again}", parameters=100 + again, **copied))
        if copied and not copied["replicate"]:
            continue
        if number % 8 == 3:
            lines.append(Failed(number=number, rung=0, failure="diverged", reason="not finite"))
            continue
        lines.append(scored(number, 0, 0.5 + 0.1 * chance("low", number)))
        if number % 3:
            lines.append(Stopped(number=number, rung=0, reason="below cut"))
        else:
            lines += [Promoted(number=number, rung=1, reason=""), scored(number, 1, 0.6 + 0.1 * chance("high", number))]
    return [*lines, proposed(24, decisions=None), scored(24, 0, 0.9)]


def ask(state: SearchState, *, sampler: str = "tpe", seed: int = 0, attempt: int = 0) -> Suggestion:
    seen, ordinal = Observations().of(state), len(state.trials)
    return suggest(MADE, seen, sampler=sampler, seed=seed, ordinal=ordinal, attempt=attempt)


def a_seed_that_asks_tpe(state: SearchState) -> int:
    return next(seed for seed in range(50) if ask(state, seed=seed).origin == "tpe")


def experts(suggestion: Suggestion) -> int:
    return sum(level.shared for level in suggestion.proposal.design.levels)


# Every sampler


@pytest.mark.parametrize("aims", [("mean",), ("mean", "parameters")], ids=["one", "two"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_sampler_proposes_decisions_that_resolve_whatever_was_seen_and_the_same_twice(
    sampler: str, aims: tuple[Aim, ...]
) -> None:
    for lines in (observed(1), observed(12), mixed_history()):
        for seed in range(6):
            suggestion = SAMPLERS[sampler].sampler(MADE, seen_of(lines, Objective(aims)), seed)
            assert MADE.draw(Replay(suggestion.decisions)) == (suggestion.proposal, suggestion.decisions)
            random.seed(seed)  # nobody's business
            optuna.create_study().ask()
            assert SAMPLERS[sampler].sampler(MADE, seen_of(lines, Objective(aims)), seed) == suggestion


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_a_sampler_saw_is_left_as_it_was(sampler: str) -> None:
    seen = seen_of(mixed_history())
    before = repr(seen)
    SAMPLERS[sampler].sampler(MADE, seen, 3)
    assert repr(seen) == before


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_parents_are_trials_that_were_seen(sampler: str) -> None:
    seen = seen_of(mixed_history())
    numbers = {one.number for one in seen}
    for seed in range(10):
        suggestion = SAMPLERS[sampler].sampler(MADE, seen, seed)
        assert set(suggestion.parents) <= numbers
        assert bool(suggestion.parents) == (sampler not in ("tpe", "random"))


def with_experts(count: int, *, two: bool) -> list[Observation]:
    """More experts are better; a second value that says nothing, where two are wanted."""
    seen = []
    for number in range(count):
        proposal, decisions = MADE.draw(Random(number))
        score = 0.5 + 0.02 * sum(level.shared for level in proposal.design.levels)
        values = (score, score / 2) if two else (score,)
        seen.append(Observation(number, "random", decisions, {1: values}, stopped=False, key=f"p{number}"))
    return seen


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "random"])
def test_a_sampler_finds_what_is_better(sampler: str, two: bool) -> None:
    seen = with_experts(40, two=two)
    means = {
        name: sum(experts(SAMPLERS[name].sampler(MADE, seen, seed)) for seed in range(30)) / 30
        for name in (sampler, "random")
    }
    assert means[sampler] > means["random"] + 1.5


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "random"])
def test_a_value_that_is_seen_changes_what_is_proposed(sampler: str) -> None:
    lines = observed(20)
    worse = [scored(line.number, 0, 1 - line.score) if line.event == "scored" else line for line in lines]
    one, other = (seen_of(observed_lines) for observed_lines in (lines, worse))
    assert any(
        SAMPLERS[sampler].sampler(MADE, one, seed) != SAMPLERS[sampler].sampler(MADE, other, seed) for seed in range(5)
    )


# Proposals


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_proposal_is_a_function_of_the_state_the_seed_and_the_attempt(sampler: str) -> None:
    for count in (0, 5, 20):
        for seed in range(4):
            first = ask(state_of(*observed(count)), sampler=sampler, seed=seed)
            random.seed(count)  # nobody's business
            optuna.create_study().ask()
            assert ask(state_of(*observed(count)), sampler=sampler, seed=seed) == first


def test_half_of_the_steps_of_evolution_change_the_training_alone() -> None:
    seen, alone = seen_of(observed(40)), 0
    by_number = {one.number: one.decisions for one in seen}
    for seed in range(200):
        suggestion = SAMPLERS["evolution"].sampler(MADE, seen, seed)
        if len(suggestion.parents) != 1:
            continue
        before = by_number[suggestion.parents[0]]
        changed = {
            path for path in {*before, *suggestion.decisions} if before.get(path) != suggestion.decisions.get(path)
        }
        alone += all(path.startswith("training.") for path in changed)
    assert 60 <= alone <= 140


def test_the_encoding_of_numbers_is_among_the_first_things_that_change() -> None:
    everything = load_space("everything").for_schema(FUNNEL)
    decided = {number: everything.draw(Random(number)) for number in range(3)}
    lines: list[Event] = []
    for number, (_, decisions) in decided.items():
        lines += [proposed(number, decisions=decisions), scored(number, 0, 0.5 + 0.1 * number)]
    seen, alone, numbers = Observations().of(state_of(*lines)), 0, set()
    for seed in range(40):
        suggestion = suggest(everything, seen, sampler="evolution", seed=seed, ordinal=3)
        numbers.add(suggestion.proposal.design.inputs.model_dump_json(include={"numbers"}))
        if suggestion.origin == "mutation":
            before = everything.resolve(Replay(decided[suggestion.parents[0]][1]))
            assert suggestion.proposal.training == before.training
            assert suggestion.proposal.design.model_copy(update={"inputs": before.design.inputs}) == before.design
            alone += 1
    assert 10 <= alone <= 30
    assert len(numbers) > 6


def test_half_of_the_mutations_of_designs_change_how_columns_are_read() -> None:
    everything = load_space("everything").for_schema(FUNNEL)
    decided = {number: everything.draw(Random(number))[1] for number in range(20)}
    lines: list[Event] = []
    for number, decisions in decided.items():
        lines += [proposed(number, decisions=decisions), scored(number, 0, 0.5 + 0.1 * chance("score", number))]
    seen, inputs, designs = Observations().of(state_of(*lines)), 0, 0
    for seed in range(200):
        suggestion = SAMPLERS["evolution"].sampler(everything, seen, seed)
        if len(suggestion.parents) == 1:
            before, after = decided[suggestion.parents[0]], suggestion.decisions
            changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
            designs += any(path.startswith("design.") for path in changed)
            inputs += all(path.startswith("design.inputs.") for path in changed)
    assert 0.35 * designs <= inputs <= 0.75 * designs


def test_seed_attempt_and_number_of_trials_each_change_the_proposal() -> None:
    state = state_of(*observed(20))
    seed = a_seed_that_asks_tpe(state)
    others = [
        ask(state, seed=seed),
        ask(state, seed=seed + 1),
        ask(state, seed=seed, attempt=1),
        ask(state_of(*observed(21)), seed=seed),
    ]
    assert len({other.proposal.model_dump_json() for other in others}) == 4


def test_an_observed_score_changes_what_tpe_proposes() -> None:
    lines = observed(20)
    seed = a_seed_that_asks_tpe(state_of(*lines))
    worse = [scored(line.number, 0, 1 - line.score) if line.event == "scored" else line for line in lines]
    assert ask(state_of(*lines), seed=seed) != ask(state_of(*worse), seed=seed)


def test_a_proposal_comes_with_the_decisions_that_spell_it() -> None:
    for seed in range(12):
        suggestion = ask(state_of(*observed(20)), seed=seed)
        assert MADE.resolve(Replay(suggestion.decisions)) == suggestion.proposal


def test_tpe_proposes_from_enough_observed_trials_on_and_leaves_a_share_to_chance() -> None:
    origins = {
        count: Counter(ask(state_of(*observed(count)), seed=seed).origin for seed in range(60)) for count in (9, 10)
    }
    assert origins[STARTUP - 1] == {"random": 60}
    assert 5 <= origins[STARTUP]["random"] <= 25  # one in four
    assert origins[STARTUP]["tpe"] == 60 - origins[STARTUP]["random"]


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "random"])
def test_further_attempts_look_around_the_best_and_in_the_end_anywhere(sampler: str) -> None:
    state = state_of(*observed(20))
    around = Counter(ask(state, sampler=sampler, attempt=attempt).origin for attempt in range(1, LOCAL_ATTEMPTS + 1))
    assert set(around) == {"mutation", "random"}
    assert around["mutation"] > around["random"]
    anywhere = {
        ask(state, sampler=sampler, attempt=attempt).origin for attempt in range(LOCAL_ATTEMPTS + 1, LOCAL_ATTEMPTS + 9)
    }
    assert anywhere == {"random"}


def test_the_random_sampler_never_looks_at_what_was_seen() -> None:
    state = state_of(*observed(20))
    assert {ask(state, sampler="random", attempt=attempt).origin for attempt in range(20)} == {"random"}


@pytest.mark.parametrize(
    ("budget", "aims", "sampler", "why"),
    [
        ({"trainings": 8.0}, ("mean",), "random", "the work of 8 full trainings is too little to learn from"),
        ({"trainings": 20.0}, ("mean",), "evolution", "one objective, the work of 20 full trainings"),
        ({"trainings": 100.0}, ("mean",), "evolution", "one objective, the work of 100 full trainings"),
        ({"trainings": 100.0}, ("mean", "parameters"), "nsga2", "several objectives"),
    ],
)
def test_the_automatic_sampler_is_chosen_by_work_and_objectives_and_says_why(
    budget: dict[str, float], aims: tuple[Aim, ...], sampler: str, why: str
) -> None:
    assert suitable_sampler(state_of(objective=Objective(aims), **budget)) == (sampler, why)


# What is seen


def seen_of(lines: Sequence[Event], objective: Objective = MEAN) -> list[Observation]:
    return Observations().of(state_of(*lines, objective=objective))


def test_trials_without_a_score_or_outside_the_space_are_not_observed() -> None:
    lines = observed(9)
    unknown = [
        proposed(9, decisions=None),
        scored(9, 0, 0.9),
        drawn(MADE, 10, Random(10)),
        Failed(number=10, rung=0, failure="diverged", reason=""),
        drawn(MADE, 11, Random(11)),
    ]
    assert {ask(state_of(*lines, *unknown), seed=seed).origin for seed in range(20)} == {"random"}
    assert [one.number for one in seen_of([*lines, *unknown])] == list(range(9))


def test_values_are_those_of_every_objective_at_every_rung() -> None:
    lines = [drawn(MADE, 0, Random(0), parameters=70), scored(0, 0, 0.5), scored(0, 1, 0.6)]
    (one,) = seen_of(lines, BOTH)
    assert one.values == {0: (0.5, -70.0), 1: (0.6, -70.0)}
    assert (one.rung, one.last) == (1, (0.6, -70.0))


def test_replicates_are_averaged_and_a_duplicate_has_the_values_of_what_it_repeats() -> None:
    lines = [
        drawn(MADE, 0, Random(0)),
        drawn(MADE, 1, Random(0), proposal_key="p0", duplicate_of=0, replicate=1),
        drawn(MADE, 2, Random(0), proposal_key="p0", duplicate_of=0),
        scored(0, 0, 0.4),
        scored(1, 0, 0.6),
    ]
    assert [one.values for one in seen_of(lines)] == [{0: (0.5,)}] * 3


def test_the_best_come_first_each_proposal_once_and_the_highest_rung_before_all() -> None:
    seen = seen_of(mixed_history())
    ranking = best_first(seen)
    assert sorted(one.key for one in ranking) == sorted({one.key for one in seen})
    assert [one.rung for one in ranking] == sorted((one.rung for one in ranking), reverse=True)
    for rung in (0, 1):
        values = [one.last for one in ranking if one.rung == rung]
        assert values == sorted(values, reverse=True)


# The study


def test_the_study_holds_the_trials_in_their_order_with_their_best_scores() -> None:
    lines = [
        drawn(MADE, 0, Random(0), origin="preset:ple"),
        drawn(MADE, 1, Random(1), origin="tpe"),
        drawn(MADE, 2, Random(2)),
        drawn(MADE, 3, Random(1), duplicate_of=1),
        scored(1, 0, 0.2),
        scored(0, 0, 0.5),
        scored(2, 0, 0.3),
        Stopped(number=1, rung=0, reason="below cut"),
        Promoted(number=0, rung=1, reason="within cut"),
        Promoted(number=2, rung=1, reason="within cut"),
        scored(0, 1, 0.6),
        Failed(number=2, rung=1, failure="memory", reason="out of memory"),
    ]
    frozen = optuna_study(MADE, seen_of(lines), tpe_sampler(0)).trials
    assert [trial.number for trial in frozen] == [0, 1, 2, 3]
    assert [trial.state for trial in frozen] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.COMPLETE,
        TrialState.PRUNED,  # it repeats one that was stopped
    ]
    assert [trial.value for trial in frozen] == [0.6, 0.2, 0.3, 0.2]
    assert [trial.intermediate_values for trial in frozen] == [{0: 0.5, 1: 0.6}, {0: 0.2}, {0: 0.3}, {0: 0.2}]
    assert [trial.user_attrs["origin"] for trial in frozen] == ["preset:ple", "tpe", "random", "random"]
    assert frozen[0].user_attrs["number"] == 0
    assert frozen[0].user_attrs["key"] == "p0"


def test_the_study_maximises_and_its_plots_find_what_they_need() -> None:
    study = optuna_study(MADE, seen_of(observed(12)), tpe_sampler(0))
    assert study.direction.name == "MAXIMIZE"
    best = max((line for line in observed(12) if line.event == "scored"), key=lambda line: line.score)
    assert study.best_trial.number == best.number
    assert optuna.importance.get_param_importances(study, params=["design.inputs.embedding", "training.learning_rate"])


def test_a_rebuilt_trial_has_every_decision_as_a_parameter_and_no_other() -> None:
    lines = observed(20)
    for line, trial in zip(lines[::2], optuna_study(MADE, seen_of(lines), tpe_sampler(0)).trials, strict=True):
        assert len(trial.params) == len(line.decisions)  # type: ignore[arg-type, union-attr]
        assert {name.split("#")[0] for name in trial.params} == set(line.decisions)  # type: ignore[arg-type, union-attr]


def test_of_very_many_trials_the_best_and_the_latest_are_in_the_study() -> None:
    count = MOST_TRIALS + 60
    lines = observed(count)
    numbers = [trial.user_attrs["number"] for trial in optuna_study(MADE, seen_of(lines), tpe_sampler(0)).trials]
    assert numbers == sorted(numbers)
    assert set(range(count - MOST_TRIALS // 2, count)) <= set(numbers)
    scores = {line.number: line.score for line in lines if line.event == "scored"}
    assert set(sorted(scores, key=lambda number: -scores[number])[: MOST_TRIALS // 2]) <= set(numbers)
    assert len(numbers) <= MOST_TRIALS


# HoleNames and distributions


def test_a_hole_is_described_to_optuna_by_its_kind() -> None:
    assert distribution(Int(1, 5)) == IntDistribution(1, 5)
    assert distribution(Float(0.1, 0.5)) == FloatDistribution(0.1, 0.5)
    assert distribution(Float(1e-4, 1e-2, log=True)) == FloatDistribution(1e-4, 1e-2, log=True)
    assert distribution(Choice(([8], [16, 8], {"a": 1}))) == CategoricalDistribution(("0", "1", "2"))
    assert distribution(SWITCH) == CategoricalDistribution(("0", "1"))


def test_one_path_that_branches_fill_differently_has_a_name_for_each() -> None:
    domains = MADE.domains()[GATE]
    assert [len(domain.options) for domain in domains if isinstance(domain, Choice)] == [2, 3]
    names = HoleNames(MADE)
    assert [names.of(GATE, domain) for domain in domains] == [f"{GATE}#0", f"{GATE}#1"]
    assert names.of("training.learning_rate", MADE.domains()["training.learning_rate"][0]) == "training.learning_rate"


def test_branches_that_ask_differently_at_one_path_do_not_clash_in_optuna() -> None:
    lines: list[Event] = []
    for number in range(30):  # both branches, among complete trials and pruned ones
        lines += [drawn(MADE, number, Random(number)), scored(number, 0, chance(number))]
        lines += [Stopped(number=number, rung=0, reason="")] if number % 3 else []
    state = state_of(*lines)
    seen = {name for trial in optuna_study(MADE, seen_of(lines), tpe_sampler(0)).trials for name in trial.params}
    assert {f"{GATE}#0", f"{GATE}#1"} <= seen
    assert {ask(state, seed=seed).origin for seed in range(20)} == {"tpe", "random"}


@pytest.mark.parametrize("name", ["everything", "aitm", "ple"])
def test_every_built_in_space_can_be_observed_and_sampled(name: str) -> None:
    made = load_space(name).for_schema(FUNNEL)
    seen = seen_of(observed(15, made))
    for sampler in SAMPLERS:
        origins = set()
        for seed in range(4):
            suggestion = suggest(made, seen, sampler=sampler, seed=seed, ordinal=15)
            origins.add(suggestion.origin)
            assert made.encode(suggestion.proposal) is not None
            assert made.resolve(Replay(suggestion.decisions)) == suggestion.proposal
        assert sampler == "random" or origins - {"random"}


def test_a_task_with_an_unusual_name_has_parameters_too() -> None:
    from numpy_reference import schema_of

    tree = {**SPACE, "design": {**SPACE["design"], "losses": {"weights": {"each_task": {"float": [0.1, 10.0]}}}}}
    made = space(tree, schema=schema_of("prix d'été", "点击 #1"), name="unusual")
    assert {"design.losses.weights.prix d'été", "design.losses.weights.点击 #1"} <= set(made.domains())
    seen = seen_of(observed(15, made))
    assert suggest(made, seen, sampler="tpe", seed=0, ordinal=15).proposal.design.losses.weights
