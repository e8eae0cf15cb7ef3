"""Health after a run: planted effects, decisions without one, ranges that end too early."""

import random

import pytest
from study_fixtures import proposed, scored, state_of

from mtl_nas.cli.space_report import _report_lines
from mtl_nas.data import load_dataset
from mtl_nas.metrics import holm, welch
from mtl_nas.record import Failed
from mtl_nas.space import Random, read_space
from mtl_nas.study.space_report import report
from mtl_nas.study.space_report.decisions import filled_holes

TREE = {
    "design": {
        "levels": [{"shared": {"int": [1, 8]}, "specific": 0, "mixing": {"placement": "task"}}],
        "tower": {"hidden": {"choice": [[], [8], [16]]}},
    },
    "training": {
        "learning_rate": {"float": [1e-4, 1e-1], "log": True},
        "schedule": {"choice": ["linear", "constant"]},
    },
}
SHARED, RATE, SCHEDULE = "design.levels.0.shared", "training.learning_rate", "training.schedule"


@pytest.fixture(scope="module")
def space():
    return read_space(TREE, "planted").for_schema(load_dataset("synthetic-mmoe").schema)


def trials(space, count, score, noise=0.01, seed=0):
    """Random draws, scored by their decisions."""
    chance = random.Random(seed)
    lines = []
    for number in range(count):
        decider = Random(f"{seed} {number}")
        decisions = {}

        class Kept:
            def choose(self, path, domain, *, decider=decider, decisions=decisions):
                decisions[path] = decider.choose(path, domain)
                return decisions[path]

        space.decide(Kept())
        lines += [proposed(number, decisions=decisions, origin="random")]
        lines += [scored(number, 0, score(decisions) + chance.gauss(0, noise))]
    return lines


def test_a_planted_effect_leads_and_what_does_nothing_is_not_seen(space) -> None:
    space_report = report(space, state_of(*trials(space, 60, lambda made: 0.1 * made[SCHEDULE])))
    leading = space_report.effects[0]
    assert (leading.path, leading.groups[0].label, leading.groups[-1].label) == (SCHEDULE, "constant", "linear")
    assert leading.measurable
    assert leading.difference == pytest.approx(0.1, abs=0.02)
    assert [one.path for one in space_report.effects if one.measurable] == [SCHEDULE]


def test_noise_alone_shows_an_effect_in_few_of_many_runs(space) -> None:
    shown = [
        any(one.measurable for one in report(space, state_of(*trials(space, 40, lambda _: 0.5, seed=seed))).effects)
        for seed in range(20)
    ]
    assert sum(shown) <= 4  # 5 % of the runs are expected


def test_most_of_the_best_at_an_end_is_an_edge_to_widen(space) -> None:
    space_report = report(space, state_of(*trials(space, 200, lambda made: 0.1 * made[SHARED], noise=0.02)))
    assert [(edge.path, edge.end) for edge in space_report.edges] == [(SHARED, "high")]
    assert space_report.edges[0].sentence.endswith("best designs at 8, the high end of 1..8")


def test_an_optimum_inside_a_range_is_no_edge(space) -> None:
    space_report = report(space, state_of(*trials(space, 200, lambda made: -abs(made[SHARED] - 4), noise=0.02)))
    assert not [edge for edge in space_report.edges if edge.path == SHARED]


def test_of_few_trials_nothing_is_report_lines(space) -> None:
    space_report = report(space, state_of(*trials(space, 19, lambda made: float(made[SCHEDULE]))))
    assert (space_report.effects, space_report.edges, list(_report_lines(space_report))) == ((), (), [])


def test_failures_and_duplicates_are_counted(space) -> None:
    lines = trials(space, 3, lambda _: 0.5)
    lines += [proposed(3), Failed(number=3, rung=0, failure="diverged", reason="the loss became infinite")]
    lines += [proposed(4, duplicate_of=0)]
    space_report = report(space, state_of(*lines))
    assert (space_report.failures, space_report.duplicates, space_report.proposals) == ({"diverged": 1}, 1, 5)


def test_lines_name_the_effect_and_the_edge(space) -> None:
    lines = list(_report_lines(report(space, state_of(*trials(space, 200, lambda made: 0.1 * made[SHARED])))))
    assert any(line.startswith(f"  matters      {SHARED}: above ") for line in lines)
    assert any(line.startswith(f"  widen this   {SHARED}: ") for line in lines)
    assert len(lines) <= 7


def test_trials_outside_the_space_met_no_hole(space) -> None:
    assert filled_holes(space, {}) == {}


def test_welch_of_two_groups_is_the_t_test_and_equal_groups_are_chance() -> None:
    from scipy.stats import ttest_ind

    one, other = [0.1, 0.5, 0.3, 0.8], [0.9, 1.4, 0.7]
    assert welch([one, other]) == pytest.approx(ttest_ind(one, other, equal_var=False).pvalue)
    assert welch([[1.0, 1.0], [1.0, 1.0]]) == 1.0
    assert holm([0.01, 0.04, 0.03]) == [0.03, 0.06, 0.06]
