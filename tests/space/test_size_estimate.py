"""The size of a space: counted where it is small, bounded or estimated where it is not."""

import pytest

from mtl_nas.cli.space_report import size_lines
from mtl_nas.composition import compose
from mtl_nas.data import load_dataset
from mtl_nas.errors import SpaceError
from mtl_nas.space import Enumerate, load_space, read_space
from mtl_nas.space.size_estimate import estimate_size

SMALL = {
    "design": {
        "levels": {
            "repeat": [0, 2],
            "of": {"shared": {"int": [1, 2]}, "specific": {"int": [0, 1]}, "mixing": {"placement": "task"}},
        }
    },
    "training": {"learning_rate": {"float": [1e-3, 1e-2], "log": True}, "batch_size": {"choice": [64, 128]}},
}


@pytest.fixture(scope="module")
def schema():
    return load_dataset("synthetic-mmoe").schema


def keys(space, schema):
    space = space.for_schema(schema)
    return {compose(space.resolve(decider).design, schema).key for decider in Enumerate.all()}


def test_a_small_space_is_counted(schema) -> None:
    space = read_space(SMALL, "small")
    size = estimate_size(space, schema, draws=20)
    designs = read_space({"design": SMALL["design"]}, "designs")
    assert size.exact
    assert size.architectures == len(keys(designs, schema))
    assert size.combinations == 2 * (1 + 4 + 16)  # training choices count, learning rates once


def test_equal_graphs_count_once(schema) -> None:
    level = {"shared": 1, "specific": 0, "mixing": {"placement": {"choice": ["none", "task"]}}}
    space = read_space({"design": {"levels": [level]}}, "one expert")
    size = estimate_size(space, schema, draws=20)
    assert size.combinations == 2
    assert size.architectures == len(keys(space, schema)) <= 2


def test_a_large_space_is_bounded_from_below_and_says_so(schema) -> None:
    size = estimate_size(load_space("everything"), schema, draws=60)
    assert size.certainty == "more than"
    assert 60 < size.architectures < size.combinations
    assert f"more than {size.architectures:,} different graphs" in size_lines(size)[0]


def test_draws_that_give_no_graph_are_counted_with_their_reason(schema) -> None:
    links = {"choice": ["none", [["y1", "y2"], ["y2", "y1"]]]}  # the second makes a cycle
    space = read_space({"design": {"levels": [], "transfers": {"links": links}}}, "cycles")
    size = estimate_size(space, schema, draws=100)
    assert 0.3 < size.invalid < 0.7
    assert "run in a circle" in next(iter(size.reasons))
    assert "of draws give no graph, mostly: " in size_lines(size)[1]


def test_the_same_seed_draws_alike_and_no_draws_are_refused(schema) -> None:
    space = load_space("ple")
    assert estimate_size(space, schema, draws=30) == estimate_size(space, schema, draws=30)
    with pytest.raises(SpaceError, match="draws >= 1"):
        estimate_size(space, schema, draws=0)
