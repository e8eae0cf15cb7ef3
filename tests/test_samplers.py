"""What proposes: a pure function of the record, told the same as Optuna's own trials would tell."""

import random
from collections import Counter
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from study_fixtures import FUNNEL, SPACE, chance, drawn, proposed, scored, space, standing_of

from mtl_nas.record import Fact, Standing
from mtl_nas.record.facts import Failed, Promoted, Stopped
from mtl_nas.space import Choice, Float, Int, Random, Replay, SearchSpace, load_space
from mtl_nas.space.holes import SWITCH
from mtl_nas.study.samplers import STARTUP, TOLD, Names, distribution, propose, study_of

MADE = space()
GATE = "design.levels.0.mixing.hidden"


def told(count: int, made: SearchSpace = MADE) -> list[Fact]:
    """So many trials, each scored at the last rung."""
    lines: list[Fact] = []
    for number in range(count):
        lines += [drawn(made, number, Random(number)), scored(number, 0, 0.5 + 0.1 * chance("score", number))]
    return lines


def ask(standing: Standing, *, sampler: str = "tpe", seed: int = 0, attempt: int = 0) -> tuple[Any, ...]:
    return propose(MADE, standing, sampler=sampler, seed=seed, attempt=attempt)


def a_seed_that_asks_tpe(standing: Standing) -> int:
    return next(seed for seed in range(50) if ask(standing, seed=seed)[2] == "tpe")


# Proposals


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_proposal_is_a_function_of_the_standing_the_seed_and_the_attempt(sampler: str) -> None:
    for count in (0, 5, 20):
        for seed in range(4):
            first = ask(standing_of(*told(count)), sampler=sampler, seed=seed)
            random.seed(count)  # nobody's business
            optuna.create_study().ask()
            assert ask(standing_of(*told(count)), sampler=sampler, seed=seed) == first


def test_seed_attempt_and_number_of_trials_each_change_the_proposal() -> None:
    standing = standing_of(*told(20))
    seed = a_seed_that_asks_tpe(standing)
    others = [
        ask(standing, seed=seed),
        ask(standing, seed=seed + 1),
        ask(standing, seed=seed, attempt=1),
        ask(standing_of(*told(21)), seed=seed),
    ]
    assert len({other[0].model_dump_json() for other in others}) == 4


def test_a_score_that_is_told_changes_what_tpe_proposes() -> None:
    lines = told(20)
    seed = a_seed_that_asks_tpe(standing_of(*lines))
    worse = [scored(line.number, 0, 1 - line.score) if line.fact == "scored" else line for line in lines]
    assert ask(standing_of(*lines), seed=seed) != ask(standing_of(*worse), seed=seed)


def test_a_proposal_comes_with_the_decisions_that_spell_it() -> None:
    for seed in range(12):
        proposal, decisions, _ = ask(standing_of(*told(20)), seed=seed)
        assert MADE.resolve(Replay(decisions)) == proposal


def test_tpe_proposes_from_enough_told_trials_on_and_leaves_a_share_to_chance() -> None:
    origins = {count: Counter(ask(standing_of(*told(count)), seed=seed)[2] for seed in range(60)) for count in (9, 10)}
    assert origins[STARTUP - 1] == {"random": 60}
    assert 10 <= origins[STARTUP]["random"] <= 30
    assert origins[STARTUP]["tpe"] == 60 - origins[STARTUP]["random"]


def test_further_attempts_and_the_random_sampler_never_ask_tpe() -> None:
    standing = standing_of(*told(20))
    seed = a_seed_that_asks_tpe(standing)
    assert ask(standing, seed=seed, attempt=1)[2] == "random"
    assert ask(standing, seed=seed, sampler="random")[2] == "random"


def test_trials_without_a_score_or_outside_the_space_are_not_told() -> None:
    lines = told(9)
    unknown = [
        proposed(9, decisions=None),
        scored(9, 0, 0.9),
        drawn(MADE, 10, Random(10)),
        Failed(number=10, rung=0, failure="diverged", reason=""),
        drawn(MADE, 11, Random(11)),
    ]
    assert {ask(standing_of(*lines, *unknown), seed=seed)[2] for seed in range(20)} == {"random"}
    assert len(study_of(MADE, standing_of(*lines, *unknown)).trials) == 9


def test_tpe_finds_what_is_better() -> None:
    lines: list[Fact] = []
    for number in range(40):
        line = drawn(MADE, number, Random(number))
        experts = sum(level.shared for level in line.proposal.design.levels)
        lines += [line, scored(number, 0, 0.5 + 0.02 * experts)]
    found = [ask(standing_of(*lines), seed=seed) for seed in range(45)]
    experts_of = {
        origin: [sum(level.shared for level in proposal.design.levels) for proposal, _, by in found if by == origin]
        for origin in ("tpe", "random")
    }
    means = {origin: sum(values) / len(values) for origin, values in experts_of.items()}
    assert means["tpe"] > means["random"] + 1.5


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
    found = study_of(MADE, standing_of(*lines)).trials
    assert [trial.number for trial in found] == [0, 1, 2, 3]
    assert [trial.state for trial in found] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.COMPLETE,
        TrialState.PRUNED,  # it repeats one that was stopped
    ]
    assert [trial.value for trial in found] == [0.6, 0.2, 0.3, 0.2]
    assert [trial.intermediate_values for trial in found] == [{0: 0.5, 1: 0.6}, {0: 0.2}, {0: 0.3}, {0: 0.2}]
    assert [trial.user_attrs["origin"] for trial in found] == ["preset:ple", "tpe", "random", "random"]
    assert found[0].user_attrs["number"] == 0
    assert found[0].user_attrs["key"] == "a0"


def test_the_study_maximises_and_its_plots_find_what_they_need() -> None:
    study = study_of(MADE, standing_of(*told(12)))
    assert study.direction.name == "MAXIMIZE"
    best = max((line for line in told(12) if line.fact == "scored"), key=lambda line: line.score)
    assert study.best_trial.number == best.number
    assert optuna.importance.get_param_importances(study, params=["design.inputs.embedding", "training.learning_rate"])


def test_a_rebuilt_trial_has_every_decision_as_a_parameter_and_no_other() -> None:
    lines = told(20)
    for line, trial in zip(lines[::2], study_of(MADE, standing_of(*lines)).trials, strict=True):
        assert len(trial.params) == len(line.decisions)  # type: ignore[arg-type, union-attr]
        assert {name.split("#")[0] for name in trial.params} == set(line.decisions)  # type: ignore[arg-type, union-attr]


def test_of_very_many_trials_the_best_and_the_latest_are_told() -> None:
    count = TOLD + 60
    lines = told(count)
    numbers = [trial.user_attrs["number"] for trial in study_of(MADE, standing_of(*lines)).trials]
    assert numbers == sorted(numbers)
    assert set(range(count - TOLD // 2, count)) <= set(numbers)
    scores = {line.number: line.score for line in lines if line.fact == "scored"}
    assert set(sorted(scores, key=lambda number: -scores[number])[: TOLD // 2]) <= set(numbers)
    assert len(numbers) <= TOLD


# Names and distributions


def test_a_hole_is_told_to_optuna_by_its_kind() -> None:
    assert distribution(Int(1, 5)) == IntDistribution(1, 5)
    assert distribution(Float(0.1, 0.5)) == FloatDistribution(0.1, 0.5)
    assert distribution(Float(1e-4, 1e-2, log=True)) == FloatDistribution(1e-4, 1e-2, log=True)
    assert distribution(Choice(([8], [16, 8], {"a": 1}))) == CategoricalDistribution(("0", "1", "2"))
    assert distribution(SWITCH) == CategoricalDistribution(("0", "1"))


def test_one_path_that_branches_ask_differently_has_a_name_for_each() -> None:
    domains = MADE.domains()[GATE]
    assert [len(domain.options) for domain in domains if isinstance(domain, Choice)] == [2, 3]
    names = Names(MADE)
    assert [names.of(GATE, domain) for domain in domains] == [f"{GATE}#0", f"{GATE}#1"]
    assert names.of("training.learning_rate", MADE.domains()["training.learning_rate"][0]) == "training.learning_rate"


def test_branches_that_ask_differently_at_one_path_do_not_clash_in_optuna() -> None:
    lines: list[Fact] = []
    for number in range(30):  # both branches, among complete trials and pruned ones
        lines += [drawn(MADE, number, Random(number)), scored(number, 0, chance(number))]
        lines += [Stopped(number=number, rung=0, reason="")] if number % 3 else []
    standing = standing_of(*lines)
    seen = {name for trial in study_of(MADE, standing).trials for name in trial.params}
    assert {f"{GATE}#0", f"{GATE}#1"} <= seen
    assert {ask(standing, seed=seed)[2] for seed in range(20)} == {"tpe", "random"}


@pytest.mark.parametrize("name", ["everything", "aitm", "ple"])
def test_every_built_in_space_can_be_told_and_asked(name: str) -> None:
    made = load_space(name).for_schema(FUNNEL)
    standing = standing_of(*told(15, made))
    origins = set()
    for seed in range(8):
        proposal, decisions, origin = propose(made, standing, sampler="tpe", seed=seed, attempt=0)
        origins.add(origin)
        assert made.encode(proposal) is not None
        assert made.resolve(Replay(decisions)) == proposal
    assert "tpe" in origins


def test_a_task_with_an_unusual_name_has_parameters_too() -> None:
    from numpy_reference import schema_of

    tree = {**SPACE, "design": {**SPACE["design"], "losses": {"weights": {"each_task": {"float": [0.1, 10.0]}}}}}
    made = space(tree, schema=schema_of("prix d'été", "点击 #1"), name="unusual")
    assert {"design.losses.weights.prix d'été", "design.losses.weights.点击 #1"} <= set(made.domains())
    standing = standing_of(*told(15, made))
    assert propose(made, standing, sampler="tpe", seed=0, attempt=0)[0].design.losses.weights
