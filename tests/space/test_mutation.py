"""Steps from decisions to decisions: what changes, what stays, and that each leads to a proposal."""

import random
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy_reference import schema_of
from study_fixtures import FUNNEL, PLAIN, space

from mtl_nas.data import Schema
from mtl_nas.space import Choice, Decisions, Float, Int, Random, Replay, SearchSpace, load_space
from mtl_nas.space.mutation import crossover, mutate, perturb

MADE = space()
SCHEMAS = {
    "plain": PLAIN,
    "funnel": FUNNEL,
    "three": schema_of("click", "like", "buy<click", numbers=1, categories=(4, 6)),
    "one": schema_of("click"),
}


@pytest.fixture(scope="module", params=SCHEMAS)
def everything(request: pytest.FixtureRequest) -> SearchSpace:
    schema: Schema = SCHEMAS[request.param]
    return load_space("everything").for_schema(schema)


def drawn(made: SearchSpace, seed: int) -> Decisions:
    return made.draw(Random(seed))[1]


def subtree(path: str) -> str:
    """A level, the number of levels, the transfers, ...: or all of training."""
    parts = path.removesuffix("?").split(".")
    if parts[0] == "training":
        return "training"
    return ".".join(parts[:3] if parts[1] == "levels" else parts[:2])


def test_a_mutation_changes_something_and_leads_to_a_proposal(everything: SearchSpace) -> None:
    for seed in range(15):
        before = drawn(everything, seed)
        for changes in (1, 3):
            after = mutate(everything, before, random.Random(seed), changes=changes)
            assert after != before
            assert everything.draw(Replay(after))[1] == after


def test_a_crossover_leads_to_a_proposal_and_takes_whole_sub_trees_of_one_parent(everything: SearchSpace) -> None:
    for seed in range(15):
        first, second = drawn(everything, seed), drawn(everything, seed + 100)
        child = crossover(everything, first, second, random.Random(seed))
        assert everything.draw(Replay(child))[1] == child
        for tree in {subtree(path) for path in child}:
            part = {path: value for path, value in child.items() if subtree(path) == tree}
            assert any(
                all(part[path] == parent[path] for path in part.keys() & parent.keys()) for parent in (first, second)
            )


def test_crossovers_have_parts_of_both_parents() -> None:
    first, second = drawn(MADE, 1), drawn(MADE, 2)
    parents = set()
    for seed in range(20):
        child = crossover(MADE, first, second, random.Random(seed))
        for path in ("training.learning_rate", "design.inputs.embedding"):
            parents |= {
                (path, name) for name, parent in (("first", first), ("second", second)) if child[path] == parent[path]
            }
    assert len(parents) >= 3
    assert crossover(MADE, first, first, random.Random(0)) == first


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 4))
def test_mutations_and_crossovers_lead_to_proposals_in_a_space_with_a_hole_of_every_kind(
    first_seed: int, second_seed: int, changes: int
) -> None:
    first, second = drawn(MADE, first_seed), drawn(MADE, second_seed)
    for after in (
        mutate(MADE, first, random.Random(second_seed), changes=changes),
        crossover(MADE, first, second, random.Random(second_seed)),
    ):
        assert MADE.draw(Replay(after))[1] == after


def test_a_mutation_of_one_decision_keeps_all_others_whose_holes_remain() -> None:
    for seed in range(40):
        before = drawn(MADE, seed)
        after = mutate(MADE, before, random.Random(seed))
        changed = [path for path in before.keys() & after.keys() if before[path] != after[path]]
        differing = [
            path for path in changed if len(MADE.domains()[path]) > 1
        ]  # another branch has another domain here
        assert len(changed) - len(differing) <= 1
        if not changed:
            assert before.keys() != after.keys()


def test_more_changes_change_more() -> None:
    def changed(changes: int) -> int:
        total = 0
        for seed in range(30):
            before = drawn(MADE, seed)
            after = mutate(MADE, before, random.Random(seed), changes=changes)
            total += sum(before.get(path) != after.get(path) for path in before.keys() | after.keys())
        return total

    assert changed(4) > 1.5 * changed(1)


def test_equal_seeds_change_decisions_equally() -> None:
    first, second = drawn(MADE, 1), drawn(MADE, 2)
    for change in (lambda rng: mutate(MADE, first, rng), lambda rng: crossover(MADE, first, second, rng)):
        assert change(random.Random(5)) == change(random.Random(5))
        assert len({str(sorted(change(random.Random(seed)).items())) for seed in range(10)}) > 1


def test_earlier_decisions_are_left_as_they_were() -> None:
    first, second = drawn(MADE, 1), drawn(MADE, 2)
    copies = dict(first), dict(second)
    mutate(MADE, first, random.Random(0), changes=3)
    crossover(MADE, first, second, random.Random(0))
    assert (first, second) == copies


def test_a_space_without_a_second_proposal_gives_back_the_first() -> None:
    tree = {"design": {"levels": [{"shared": {"int": [2, 2]}}]}}
    single = space(tree, name="single")
    before = drawn(single, 0)
    assert mutate(single, before, random.Random(0)) == before
    assert crossover(single, before, before, random.Random(0)) == before


# One hole


def steps(domain: Int | Float | Choice, value: float, number: int = 400) -> list[float]:
    rng = random.Random(7)
    return [perturb(domain, value, rng) for _ in range(number)]


@pytest.mark.parametrize("value", [1, 4, 9])
def test_a_step_on_whole_numbers_is_another_one_and_near_more_often_than_not(value: int) -> None:
    reached = steps(Int(1, 9), value)
    assert value not in reached
    assert set(reached) <= set(range(1, 10))
    assert all(type(step) is int for step in reached)
    near = sum(abs(step - value) == 1 for step in reached)
    assert near > 0.5 * len(reached)
    assert len(set(reached)) == 8


def test_a_step_on_a_choice_is_any_other_option() -> None:
    assert set(steps(Choice(("a", "b", "c", "d")), 2)) == {0, 1, 3}


@pytest.mark.parametrize("domain", [Float(0.0, 1.0), Float(1e-4, 1e-2, log=True)])
def test_a_step_on_a_range_stays_in_it_and_is_near_half_of_the_time(domain: Float) -> None:
    middle = domain.start
    reached = steps(domain, middle)
    assert all(domain.low <= step <= domain.high for step in reached)
    width = 0.2 if not domain.log else None
    near = sum(
        abs(step - middle) <= width if width else middle / 10**0.4 <= step <= middle * 10**0.4 for step in reached
    )  # a fifth of the range each way
    assert 0.55 * len(reached) < near < 0.8 * len(reached)  # .5 * .82 + .5 * .4


def test_a_step_from_the_edge_of_a_range_moves_sooner_or_later() -> None:
    for edge in (0.0, 1.0):
        assert len(set(steps(Float(0.0, 1.0), edge, 50))) > 20


def test_a_hole_of_one_value_keeps_it() -> None:
    assert steps(Choice(("a",)), 0, 3) == [0, 0, 0]
    assert steps(Int(3, 3), 3, 3) == [3, 3, 3]


def test_mutations_reach_the_whole_of_a_small_space() -> None:
    tree = {"design": {"levels": [{"shared": {"int": [1, 3]}}], "tower": {"hidden": {"choice": [[], [8]]}}}}
    made, rng = space(tree, name="small"), random.Random(0)
    decisions = drawn(made, 0)
    seen = {tuple(sorted(decisions.items()))}
    for turn in count():
        decisions = mutate(made, decisions, rng)
        seen.add(tuple(sorted(decisions.items())))
        if len(seen) == made.size():
            break
        assert turn < 200
