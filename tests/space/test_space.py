"""Spaces as sets of proposals: drawing, replaying, counting, enumerating and encoding agree."""

import itertools
from collections import Counter
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy_reference import schema_of

from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design, Level, Proposal, Training
from mtl_nas.errors import SpaceError
from mtl_nas.presets import PRESETS, compatible_presets, preset
from mtl_nas.space import (
    Choice,
    Defaults,
    EachTask,
    Enumerate,
    Float,
    Int,
    Maybe,
    Random,
    Repeat,
    Replay,
    SearchSpace,
    Subset,
    load_space,
    space_names,
)
from mtl_nas.space.deciders import Corner, Decider
from mtl_nas.space.filling import HoleFiller
from mtl_nas.space.matching import Location, matching, settled
from mtl_nas.space.traversal import count_combinations, domains_in

PLAIN = schema_of("income", "married", numbers=2, categories=(5,))
FUNNEL = schema_of("click", "buy<click", numbers=2, categories=(5,))
STEPS = schema_of("click", "buy<click", "pay<buy")
FORKS = schema_of("a", "b", "c<b", "d<a")
ALONE = schema_of("click")
ACCENTS = schema_of("größe", "prix d'été", "点击")
BEHAVIOUR = schema_of("click@feedback", "buy<click@feedback", "stars*3", categories=(5,), histories=((6, 3),))
SCHEMAS = {
    "behaviour": BEHAVIOUR,
    "plain": PLAIN,
    "funnel": FUNNEL,
    "steps": STEPS,
    "forks": FORKS,
    "alone": ALONE,
    "accents": ACCENTS,
}
DRAWS = 40


@cache
def space_for(name: str, schema: str) -> SearchSpace:
    return load_space(name).for_schema(SCHEMAS[schema])


def every_built_in(function: Any) -> Any:
    return pytest.mark.parametrize("name", space_names())(pytest.mark.parametrize("schema", SCHEMAS)(function))


# Proposals of the built-in spaces


@every_built_in
def test_a_draw_is_found_again_in_its_space(name: str, schema: str) -> None:
    space = space_for(name, schema)
    for decider in (Defaults(), Corner(high=False), Corner(high=True), *map(Random, range(DRAWS))):
        proposal, decisions = space.draw(decider)
        encoded = space.encode(proposal)
        assert encoded is not None
        assert space.resolve(Replay(encoded)) == proposal == space.resolve(Replay(decisions))
        assert space.contains(proposal.design)


@every_built_in
def test_every_decision_is_at_a_hole_that_the_space_knows(name: str, schema: str) -> None:
    space = space_for(name, schema)
    domains = space.domains()
    for seed in range(DRAWS):
        for path, decision in space.draw(Random(seed))[1].items():
            assert any(domain.allows(decision) for domain in domains[path])


@every_built_in
def test_a_draw_composes_or_says_what_it_lacks(name: str, schema: str) -> None:
    space = space_for(name, schema)
    for seed in range(DRAWS // 4):
        assert compose(space.resolve(Random(seed)).design, SCHEMAS[schema]).parameters > 0


@pytest.mark.parametrize("name", space_names())
def test_a_proposal_survives_json_and_is_still_in_its_space(name: str) -> None:
    space = space_for(name, "steps")
    for seed in range(DRAWS):
        proposal = space.resolve(Random(seed))
        again = Proposal.model_validate_json(proposal.model_dump_json())
        assert again == proposal
        assert space.contains(again)


def test_a_proposal_that_differs_anywhere_is_not_in_the_space() -> None:
    space = space_for("everything", "funnel")
    proposal = space.default()
    design, training = proposal.design, proposal.training
    others = (
        proposal.model_copy(update={"training": training.model_copy(update={"seed": 1})}),
        proposal.model_copy(update={"training": training.model_copy(update={"learning_rate": 0.5})}),
        proposal.model_copy(update={"training": training.model_copy(update={"batch_size": 1000})}),
        proposal.model_copy(update={"design": design.model_copy(update={"levels": design.levels * 4})}),
        design.model_copy(update={"levels": (Level(shared=9),)}),
        design.model_copy(update={"inputs": design.inputs.model_copy(update={"embedding": 7})}),
    )
    assert space.contains(proposal)
    assert [space.contains(other) for other in others] == [False] * len(others)
    assert space.encode(others[0]) is None


def test_what_a_space_does_not_mention_stands_at_its_default() -> None:
    space = SearchSpace("few", {"design": {"tower": {"hidden": Choice(([8], [16]))}}})
    assert space.contains(Design(tower={"hidden": (8,)}))  # type: ignore[arg-type]
    assert not space.contains(Design(tower={"hidden": (8,), "dropout": 0.1}))  # type: ignore[arg-type]
    assert not space.contains(Proposal(design=Design(tower={"hidden": (8,)}), training=Training(epochs=3)))  # type: ignore[arg-type]


def test_the_default_is_what_the_defaults_decide() -> None:
    space = load_space("mmoe")
    assert space.default() == space.resolve(Defaults())


def test_choices_that_look_alike_are_told_apart_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    level = Choice(tuple({"shared": 2, **options} for options in ({}, {"specific": 1}, {"specific": 2})))
    space = SearchSpace("alike", {"design": {"levels": [level] * 6}})
    proposal, decisions = space.draw(Corner(high=True))
    draws: list[Decider] = []
    draw_one = SearchSpace.draw
    monkeypatch.setattr(SearchSpace, "draw", lambda self, decider: draws.append(decider) or draw_one(self, decider))
    assert space.encode(proposal) == decisions
    assert len(draws) == 2 * 6 + 1  # two options look alike at each level: 2**6 combinations


# Presets


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_preset_that_fits_is_a_point_of_everything(schema: str) -> None:
    space = space_for("everything", schema)
    designs, absent = compatible_presets(SCHEMAS[schema])
    assert set(designs) | set(absent) == set(PRESETS)
    assert ("aitm" in designs) == SCHEMAS[schema].has_funnel
    for name, design in designs.items():
        proposal = Proposal(design=design, training=space.default().training)
        decisions = space.encode(proposal)
        assert decisions is not None, name
        assert space.resolve(Replay(decisions)) == proposal


@pytest.mark.parametrize("name", [name for name in space_names() if name in PRESETS])
@pytest.mark.parametrize("schema", [BEHAVIOUR, FUNNEL, STEPS], ids=["behaviour", "funnel", "steps"])
def test_a_space_named_after_a_preset_holds_it(name: str, schema: Schema) -> None:
    if name not in compatible_presets(schema).designs:
        pytest.skip("the preset does not fit")
    assert load_space(name).for_schema(schema).contains(preset(name, schema))


# Sizes, by hand


SIZED: dict[str, tuple[Any, int]] = {
    "no hole": ({"a": [1, 2]}, 1),
    "a float counts once": (Float(0.0, 1.0), 1),
    "a range": (Int(2, 5), 4),
    "independent holes": ({"a": Int(1, 3), "b": [Int(1, 2), Choice("xy")]}, 12),
    "a choice adds up": (Choice((1, Int(1, 3), {"a": Int(1, 2), "b": Int(1, 2)})), 8),
    "a repeat of a pair": (Repeat(0, 3, Choice("xy")), 1 + 2 + 4 + 8),
    "nothing or three": (Maybe(Int(1, 3)), 4),
    "two for each of two tasks": (EachTask(Choice("xy")), 4),
    "all subsets": (Subset(("x", "y", "z")), 8),
    "two or more of three": (Subset(("x", "y", "z"), min=2), 4),
    "pairs of two tasks": (Subset("task_pairs"), 2),
}


@pytest.mark.parametrize("name", SIZED)
def test_the_size_of_a_small_space_is_what_counting_by_hand_gives(name: str) -> None:
    tree, size = SIZED[name]
    assert count_combinations(tree, ("click", "buy")) == size
    assert len(everything_in(tree)) == size


def test_the_size_of_a_space_depends_on_its_tasks() -> None:
    space = SearchSpace("links", {"design": {"transfers": {"links": Subset("task_pairs")}}})
    assert [space.for_schema(schema).size() for schema in (ALONE, FUNNEL, STEPS)] == [1, 2, 8]
    assert space.for_schema(STEPS).tasks == ("click", "buy", "pay")


def test_enumerating_a_space_meets_every_proposal_once() -> None:
    levels = Repeat(0, 2, Choice(({"shared": Int(1, 2)}, {"specific": 1, "mixing": {"bias": Choice((False, True))}})))
    tree = {"design": {"levels": levels}, "training": {"learning_rate": Float(1e-4, 1e-2, log=True)}}
    space = SearchSpace("small", tree)
    proposals = [space.resolve(decider) for decider in Enumerate.all()]
    assert len(proposals) == space.size() == 1 + 4 + 16
    assert len({proposal.model_dump_json() for proposal in proposals}) == len(proposals)
    assert {proposal.training.learning_rate for proposal in proposals} == {space.default().training.learning_rate}
    assert all(space.contains(proposal) for proposal in proposals)


# Any tree with holes


SCALARS = st.sampled_from([None, False, True, 0, 3, 0.5, "relu", "größe"])
KEYS = st.sampled_from(["a", "b", "hidden", "ß"])


def holes(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    mappings = st.dictionaries(KEYS, inner, max_size=3)
    repeats = st.tuples(st.integers(0, 1), st.integers(0, 1), inner)
    return st.one_of(
        mappings,
        st.lists(inner, max_size=2),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: Choice(tuple(options))),
        repeats.map(lambda parts: Repeat(parts[0], sum(parts[:2]), parts[2])),
        inner.map(Maybe),
        mappings.map(EachTask),
    )


LEAVES = st.one_of(
    SCALARS,
    st.tuples(st.integers(-2, 2), st.integers(0, 2)).map(lambda ends: Int(ends[0], sum(ends))),
    st.sampled_from([Float(0.0, 1.0), Float(1e-3, 1.0, log=True, default=0.1)]),
    st.sampled_from([Subset(("x", "y", "z"), min=1), Subset("task_pairs"), Subset((1, [2, 3]))]),
)
TREES = st.recursive(LEAVES, holes, max_leaves=6).filter(lambda tree: count_combinations(tree, ("click", "buy")) <= 200)
TASKS = ("click", "buy")


def draw(tree: Any, decider: Decider) -> tuple[Any, dict[str, int | float]]:
    return HoleFiller(tree, TASKS)(decider)


def everything_in(tree: Any) -> list[Any]:
    fill = HoleFiller(tree, TASKS)
    return [fill(decider)[0] for decider in Enumerate.all()]


def part_at(value: Any, location: Location) -> Any:
    for part in location:
        value = value[part]
    return value


def encoded(tree: Any, value: Any) -> dict[str, int | float] | None:
    """The first decisions that lead to the value."""

    def is_equal(decisions: Any, location: Location) -> bool:
        return part_at(draw(tree, Replay(decisions, Defaults()))[0], location) == part_at(value, location)

    match = matching(tree, value, TASKS)
    return None if match is None else settled(match, is_equal)


@settings(max_examples=150, deadline=None)
@given(TREES, st.integers(0, 1000))
def test_whatever_the_tree_a_draw_is_replayed_and_encoded(tree: Any, seed: int) -> None:
    value, decisions = draw(tree, Random(seed))
    assert draw(tree, Replay(decisions))[0] == value
    found = encoded(tree, value)
    assert found is not None
    assert draw(tree, Replay(found, Defaults()))[0] == value


@settings(max_examples=150, deadline=None)
@given(TREES, st.integers(0, 1000))
def test_whatever_the_tree_what_is_encoded_is_the_first_combination_that_is_equal(tree: Any, seed: int) -> None:
    combinations = [draw(tree, decider) for decider in Enumerate.all()]
    value = combinations[seed % len(combinations)][0]
    found = encoded(tree, value)
    assert found is not None
    decisions = draw(tree, Replay(found, Defaults()))[1]
    assert decisions == next(decisions for plain, decisions in combinations if plain == value)


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_whatever_the_tree_enumerating_counts_it(tree: Any) -> None:
    assert len(everything_in(tree)) == count_combinations(tree, TASKS)


@settings(max_examples=150, deadline=None)
@given(TREES, st.integers(0, 1000))
def test_whatever_the_tree_every_decision_has_its_hole(tree: Any, seed: int) -> None:
    domains: dict[str, list[Any]] = {}
    for path, domain in domains_in(tree, "", TASKS):
        domains.setdefault(path, []).append(domain)
    for path, decision in draw(tree, Random(seed))[1].items():
        assert any(domain.allows(decision) for domain in domains[path])


# Refusals


def test_a_space_of_which_a_proposal_is_impossible_is_refused_when_it_is_defined() -> None:
    level = {"shared": Int(0, 2, default=1), "specific": 0}
    with pytest.raises(SpaceError) as problem:
        SearchSpace("bare", {"design": {"levels": [level]}})
    assert str(problem.value) == (
        "space 'bare': design.levels.0: a level needs an expert for every task, got shared=0 and specific=0; "
        "raise one of them"
    )


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"design": {"tower": {"hiden": [8]}}}, "unknown key 'design.tower.hiden'; did you mean 'hidden'?"),
        ({"training": {"batch_size": 0}}, "training.batch_size: input should be greater than or equal to 1, got 0"),
        (
            {"training": {"schedule": Choice(("linear", "cosin"))}},
            "training.schedule: input should be 'constant', 'linear' or 'cosine', got 'cosin'",
        ),
    ],
)
def test_a_wrong_tree_is_refused_with_its_path(tree: Any, message: str) -> None:
    with pytest.raises(SpaceError) as problem:
        SearchSpace("wrong", tree)
    assert str(problem.value) == f"space 'wrong': {message}"


def test_a_decider_that_leaves_the_range_is_refused() -> None:
    class Wild:
        def choose(self, path: str, domain: Any) -> int:
            return 99

    with pytest.raises(SpaceError, match=r"^'training\.batch_size' cannot be 99$"):
        SearchSpace("one", {"training": {"batch_size": Int(1, 9)}}).resolve(Wild())


def test_a_hole_on_a_branch_not_taken_is_never_visited() -> None:
    visited: list[str] = []

    class Recorded(Defaults):
        def choose(self, path: str, domain: Any) -> Any:
            visited.append(path)
            return super().choose(path, domain)

    draw(Choice(({"a": Int(1, 2)}, {"b": Int(1, 2), "c": Repeat(0, 3, Int(0, 1))})), Recorded())
    assert visited == ["", "a"]
    draw(Maybe({"a": Int(1, 2)}), Recorded())
    assert visited[2:] == ["?"]


def test_random_draws_of_a_subset_keep_its_minimum_and_its_order() -> None:
    hole = Subset(("x", "y", "z"), min=2)
    seen = Counter(tuple(draw(hole, Random(seed))[0]) for seed in range(200))
    assert set(seen) == {pick for size in (2, 3) for pick in itertools.combinations("xyz", size)}
