"""Spaces in YAML: how holes are written, what is refused and where, and that writing and reading agree."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy_reference import schema_of

from mtl_nas.errors import SpaceError
from mtl_nas.space import (
    Choice,
    EachTask,
    Float,
    Int,
    Maybe,
    Random,
    Repeat,
    SearchSpace,
    Subset,
    load_space,
    plain_tree,
    read_space,
    space_descriptions,
    space_names,
)
from mtl_nas.space.notation import read_holes, write_holes

PAIR, FUNNEL = schema_of("click", "buy"), schema_of("click", "buy<click")
FOLDER = Path(__file__).parents[2] / "search_spaces"

EVERY_HOLE = """
about: a hole of each kind
design:
  levels:
    repeat: [1, 2]
    default: 2
    of:
      shared: {int: [1, 4], default: 2}
      specific: {maybe_not: 0}
  transfers:
    links: {choice: [none, {subset: task_pairs, min: 1}]}
  losses:
    weights: {each_task: {float: [0.1, 10], log: true, default: 1}}
training:
  patience: {maybe: {int: [1, 3]}}
  learning_rate: {float: [1.0e-4, 1.0e-2], log: true}
""".replace("{maybe_not: 0}", "0")


def refusal(text: str) -> str:
    with pytest.raises(SpaceError) as problem:
        read_space(yaml.safe_load(text), "mine")
    return str(problem.value)


def test_every_hole_is_written_with_a_plain_key() -> None:
    space = read_space(yaml.safe_load(EVERY_HOLE), "all")
    level = {"shared": Int(1, 4, default=2), "specific": 0}
    assert space.tree == {
        "design": {
            "levels": Repeat(1, 2, level, default=2),
            "transfers": {"links": Choice(("none", Subset("task_pairs", min=1)))},
            "losses": {"weights": EachTask(Float(0.1, 10.0, log=True, default=1))},
        },
        "training": {"patience": Maybe(Int(1, 3)), "learning_rate": Float(1e-4, 1e-2, log=True)},
    }
    assert (space.name, space.tasks) == ("all", ())


def test_a_subset_of_a_list_keeps_its_items() -> None:
    space = read_space({"design": {"transfers": {"links": {"subset": [["a", "b"], ["b", "c"]], "min": 1}}}}, "links")
    assert space.tree["design"]["transfers"]["links"] == Subset((["a", "b"], ["b", "c"]), min=1)


@pytest.mark.parametrize("text", ["1e-4", "1E-4", "1.e-4", "0.1e-3", "1/10000"])
def test_a_number_that_yaml_reads_as_text_is_a_number(text: str) -> None:
    hole = f"training: {{learning_rate: {{float: [{text}, 1e-2], default: {text}}}}}"
    assert read_space(yaml.safe_load(hole), "x").tree["training"]["learning_rate"] == Float(1e-4, 1e-2, default=1e-4)
    constant = read_space(yaml.safe_load(f"training: {{learning_rate: {text}}}"), "x")
    assert constant.default().training.learning_rate == 1e-4
    option = read_space(yaml.safe_load(f"training: {{weight_decay: {{choice: [0.0, {text}]}}}}"), "x")
    assert option.tree["training"]["weight_decay"] == Choice((0.0, 1e-4))


def test_a_draw_of_numbers_in_text_is_found_again() -> None:
    space = read_space(yaml.safe_load("training: {epochs: 1/3, weight_decay: {choice: [1e-4, 1e-3]}}"), "x")
    assert space.default().training.epochs == pytest.approx(1 / 3)
    assert space.contains(space.default())
    assert space.contains(space.resolve(Random(1)))


def test_words_with_a_slash_or_an_e_stay_words() -> None:
    tree = yaml.safe_load('design: {losses: {weights: {"1/2": 1.0, "1e5": 2.0, "e5": 3.0}}}')
    assert dict(read_space(tree, "x").default().design.losses.weights) == {"1/2": 1.0, "1e5": 2.0, "e5": 3.0}


# Files


@pytest.mark.parametrize("name", ["everything", "aitm"])
def test_the_calibrator_is_searched_in_funnels_alone(name: str) -> None:
    hole = "design.losses.calibrator"
    sizes = [len(load_space(name).for_schema(schema).domains()[hole][0].options) for schema in (FUNNEL, PAIR)]
    assert sizes == [2, 1]


def test_the_built_in_spaces_are_the_files_of_their_folder() -> None:
    assert space_names() == tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))
    assert "everything" in space_names()


def test_every_built_in_space_is_described_in_full_sentences() -> None:
    descriptions = space_descriptions()
    assert tuple(descriptions) == space_names()
    assert all(text[0].isupper() and text.endswith(".") and "\n" not in text for text in descriptions.values())


@pytest.mark.parametrize("name", space_names())
def test_a_built_in_space_is_the_same_by_name_and_by_path(name: str) -> None:
    assert load_space(name) == load_space(FOLDER / f"{name}.yaml") == load_space(str(FOLDER / f"{name}.yaml"))
    assert yaml.safe_load((FOLDER / f"{name}.yaml").read_text())["about"]


@pytest.mark.parametrize("name", space_names())
def test_a_built_in_space_is_read_back_as_it_is_written(name: str) -> None:
    space = load_space(name)
    assert read_space(plain_tree(space), name) == space
    again = yaml.safe_load(yaml.safe_dump(plain_tree(space), sort_keys=False, allow_unicode=True))
    assert read_space(again, name) == space
    assert list(read_space(again, name).domains()) == list(space.domains())  # the order of decisions, too


def test_a_space_of_every_hole_is_read_back_as_it_is_written() -> None:
    space = read_space(yaml.safe_load(EVERY_HOLE), "all")
    assert read_space(yaml.safe_load(yaml.safe_dump(plain_tree(space))), "all") == space
    bound = space.for_schema(FUNNEL)
    assert plain_tree(bound) == plain_tree(space)


NUMBERS = st.floats(1e-6, 1e6)
TREES = st.recursive(
    st.one_of(
        st.sampled_from(["relu", 3, 0.5, True, None]),
        st.tuples(st.integers(-5, 5), st.integers(0, 5)).map(lambda ends: Int(ends[0], sum(ends), default=ends[0])),
        st.tuples(NUMBERS, NUMBERS, st.booleans()).map(lambda parts: Float(min(parts[:2]), max(parts[:2]), parts[2])),
        st.sampled_from([Subset("task_pairs"), Subset((["a", "b"], "c"), min=1)]),
    ),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["a", "b", "größe"]), inner, max_size=3),
        st.lists(inner, max_size=2),
        st.lists(inner, min_size=1, max_size=3).map(lambda options: Choice(tuple(options))),
        st.tuples(st.integers(0, 2), inner).map(lambda parts: Repeat(parts[0], 3, parts[1], default=3)),
        inner.map(Maybe),
        inner.map(EachTask),
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_any_tree_is_read_back_as_it_is_written(tree: Any) -> None:
    text = yaml.safe_dump({"tree": write_holes(tree)}, allow_unicode=True)
    assert read_holes(yaml.safe_load(text), "") == {"tree": tree}


# Refusals


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "space 'mine': a space is a mapping with design and training, got list"),
        ("desing: {}", "space 'mine': unknown key 'desing'; did you mean 'design'?; known: about, design, training"),
        (
            "design: {tower: {hiden: [8]}}",
            "space 'mine': unknown key 'design.tower.hiden'; did you mean 'hidden'?",
        ),
        (
            "training: {batch_size: {int: [1, 9], step: 2}}",
            "space 'mine': training.batch_size: unknown key 'step' in a hole of kind int; known beside int: default",
        ),
        (
            "training: {batch_size: {int: [1, 9], defalt: 2}}",
            "space 'mine': training.batch_size: unknown key 'defalt' in a hole of kind int; did you mean 'default'?",
        ),
        (
            "training: {batch_size: {choice: [1, 9], default: 9}}",
            "space 'mine': training.batch_size: unknown key 'default' in a hole of kind choice",
        ),
        (
            "training: {batch_size: {int: [1, 9], choice: [1, 2]}}",
            "space 'mine': training.batch_size: a hole is of one kind, got int and choice",
        ),
        (
            "training: {batch_size: {int: [9, 1]}}",
            "space 'mine': training.batch_size: an int needs low <= high, got low=9, high=1",
        ),
        ("training: {batch_size: {int: 9}}", "space 'mine': training.batch_size: an int is written [low, high], got 9"),
        (
            "training: {batch_size: {int: [1, many]}}",
            "space 'mine': training.batch_size: an int runs between numbers, got [1, 'many']",
        ),
        (
            "training: {batch_size: {int: [1, 9], default: few}}",
            "space 'mine': training.batch_size: the default of an int is a whole number in its range [1, 9], got 'few'",
        ),
        (
            "training: {learning_rate: {float: [0, 1], log: true}}",
            "space 'mine': training.learning_rate: a float with log needs low > 0, got low=0.0",
        ),
        (
            "training: {batch_size: {choice: 512}}",
            "space 'mine': training.batch_size: a choice is a list of options, got 512",
        ),
        (
            "training: {batch_size: {choice: []}}",
            "space 'mine': training.batch_size: a choice needs an option, got none",
        ),
        (
            "design: {levels: {repeat: [0, 2]}}",
            "space 'mine': design.levels: a repeat needs 'of', what is repeated",
        ),
        (
            "design: {levels: {repeat: [0, 2], of: {shared: {int: [4, 1]}}}}",
            "space 'mine': design.levels.*.shared: an int needs low <= high, got low=4, high=1",
        ),
        (
            "design: {transfers: {links: {subset: 3}}}",
            "space 'mine': design.transfers.links: a subset takes a list or task_pairs, got 3",
        ),
        (
            "design: {transfers: {links: {subset: pairs}}}",
            "space 'mine': design.transfers.links: a subset takes a list or task_pairs, got 'pairs'",
        ),
        (
            "design: {transfers: {links: {subset: [[a, b]], min: one}}}",
            "space 'mine': design.transfers.links: a subset needs 0 <= min <= the number of items, got min='one' of 1",
        ),
        (
            "training: {learning_rate: {float: [1.0e-4, 1.0e-2], log: yes please}}",
            "space 'mine': training.learning_rate: log is true or false, got 'yes please'",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_the_way_out(text: str, message: str) -> None:
    assert refusal(text) == message


def test_an_unknown_space_names_those_there_are() -> None:
    with pytest.raises(SpaceError) as problem:
        load_space("everthing")
    names = ", ".join(space_names())
    assert str(problem.value) == (
        f"no search space 'everthing'; built in: {names}; or give a .yaml file; did you mean 'everything'?"
    )


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpaceError) as problem:
        load_space(tmp_path / "none.yaml")
    assert str(problem.value) == f"no file '{tmp_path / 'none.yaml'}'"
    path = tmp_path / "broken.yaml"
    path.write_text("design: {tower: [}")
    with pytest.raises(SpaceError, match=r"broken\.yaml: not YAML: line 1: "):
        load_space(path)


def test_a_file_is_named_after_its_stem_and_a_tree_is_called_space(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text("training: {batch_size: {choice: [64, 128]}}", encoding="utf-8")
    assert load_space(path).name == "mine"
    assert load_space({"training": {"epochs": 1}}).name == "space"
    assert isinstance(load_space({}), SearchSpace)


def test_a_built_in_space_is_checked_once_and_fitted_to_a_table_once() -> None:
    assert load_space("mmoe") is load_space("mmoe")
    assert load_space("mmoe").for_schema(PAIR) is load_space("mmoe").for_schema(schema_of("click", "buy"))
    assert load_space("mmoe").for_schema(PAIR) is not load_space("mmoe").for_schema(FUNNEL)


def test_a_space_that_was_drawn_from_travels_to_another_process() -> None:
    space = load_space("mmoe").for_schema(PAIR)
    proposal = space.resolve(Random(0))
    travelled = pickle.loads(pickle.dumps(space))
    assert travelled == space
    assert travelled.resolve(Random(0)) == proposal
