"""Encodings of numbers by group: what decides the group, and what a design says of each."""

import numpy as np
import pytest
from pydantic import ValidationError

from mtl_nas.blocks import Embedding
from mtl_nas.composition import compose
from mtl_nas.composition.number_groups import encodings_of_numbers, group_of
from mtl_nas.data import Number, Schema, Task
from mtl_nas.data.columns.histogram import histogram
from mtl_nas.data.columns.statistics import number_column
from mtl_nas.design import Design, Inputs, NumberGroups
from mtl_nas.errors import MtlNasError
from mtl_nas.values import parse

RANDOM = np.random.default_rng(0)
VALUES = {
    "smooth": RANDOM.normal(size=2000),
    "spiky": np.where(RANDOM.random(2000) < 0.5, 0.0, RANDOM.normal(size=2000)),
    "heavy": RANDOM.exponential(size=2000) ** 4,
    "years": RANDOM.integers(17, 90, 2000),
    "discrete": RANDOM.integers(0, 16, 2000),
    "ranks": RANDOM.choice(5, 400, p=[0.5, 0.2, 0.1, 0.1, 0.1]),
}
GROUPS = {"smooth": "smooth", "spiky": "spiky", "heavy": "heavy", "years": "smooth", "discrete": "discrete"} | {
    "ranks": "smooth"
}


def number_of(name: str, *, fitted: bool = True) -> Number:
    values = VALUES[name].astype(np.float32)
    number = number_column(name, values)
    return number.model_copy(update={"histogram": histogram(values.astype(np.float64))}) if fitted else number


SCHEMA = Schema(numbers=tuple(map(number_of, VALUES)), tasks=(Task(name="click", kind="binary", classes=("0", "1")),))


def embedding(numbers: object, schema: Schema = SCHEMA, **inputs: object) -> Embedding:
    block = compose(Design(inputs=Inputs(numbers=numbers, **inputs)), schema).nodes[0].block
    assert isinstance(block, Embedding)
    return block


@pytest.mark.parametrize("name", VALUES)
def test_a_number_is_discrete_spiky_heavy_or_smooth(name):
    assert group_of(number_of(name)) == GROUPS[name]


@pytest.mark.parametrize("name", [name for name in VALUES if name != "discrete"])
def test_without_a_histogram_quantiles_decide(name):
    assert group_of(number_of(name, fitted=False)) == GROUPS[name]


def test_a_design_says_encodings_of_each_group():
    groups = {"spiky": "histogram", "heavy": ["quantile", "bucket"], "smooth": "robust", "discrete": "piecewise"}
    block = embedding(groups)
    assert block.encodings == (
        ("robust",),
        ("histogram",),
        ("quantile", "bucket"),
        ("robust",),
        ("piecewise",),
        ("robust",),
    )
    assert block.units([]) == 8 * 3 + 4


def test_auto_is_the_groups_at_their_defaults():
    assert encodings_of_numbers("auto", SCHEMA) == encodings_of_numbers(NumberGroups(), SCHEMA)
    assert embedding("auto") == embedding({})
    assert len(set(embedding("auto").encodings)) > 1


def test_auto_on_a_schema_that_fits_nothing_is_the_default_of_then():
    assert embedding("auto", SCHEMA.without_fits) == embedding("bucket", SCHEMA.without_fits)


def test_equal_graphs_have_equal_blocks_however_they_are_said():
    assert embedding("bucket") == embedding(["bucket"])
    assert embedding("bucket") == embedding(dict.fromkeys(NumberGroups.model_fields, "bucket"))
    assert embedding("standard") == embedding("standard", buckets=64, embedding=16, frequency=2.0)
    assert embedding("bucket") == embedding("bucket", frequency=2.0)
    assert embedding("periodic") == embedding("periodic", buckets=64)
    assert embedding("periodic") != embedding("periodic", frequency=2.0)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ("buckets", "inputs: numbers: input should be 'auto', 'standard', .*, got 'buckets'"),
        ([], r"inputs: numbers: tuple should have at least 1 item after validation, not 0, got \[\]"),
        (["bucket", "bucket"], "inputs: numbers: an encoding stands once in a list, got 'bucket' twice"),
        ({"spikey": "bucket"}, "inputs: unknown key 'numbers.spikey'; did you mean 'spiky'"),
        ({"spiky": "bukket"}, "inputs: numbers.spiky: input should be 'standard', .*, got 'bukket'"),
    ],
)
def test_what_is_no_encoding_is_named(numbers, message):
    with pytest.raises(MtlNasError, match=message):
        parse(Inputs, {"numbers": numbers}, "inputs")


def test_inputs_survive_json():
    for numbers in ("auto", "bucket", ("histogram", "robust"), {"spiky": ["bucket", "robust"]}):
        inputs = Inputs(numbers=numbers)
        assert Inputs.model_validate_json(inputs.model_dump_json()) == inputs
    with pytest.raises(ValidationError):
        Inputs(numbers=3)
