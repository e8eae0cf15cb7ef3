"""The exported ONNX file says what the torch model says, and needs nothing of this library."""

import importlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch

import mtl_nas as mn
from mtl_nas.blocks import NumberEncoding
from mtl_nas.composition import compose
from mtl_nas.data import Category, Number, Schema, Task, load_dataset
from mtl_nas.design import Design, Inputs, Level
from mtl_nas.errors import ExportError
from mtl_nas.exports import Model
from mtl_nas.exports.onnx import OPSET, write_onnx
from mtl_nas.exports.onnx_inputs import preprocessing
from mtl_nas.exports.raw_rows import raw_rows
from mtl_nas.model import Network, build

needs_onnx = pytest.mark.skipif(not all(map(find_spec, ("onnxruntime", "onnxscript"))), reason="extra [onnx]")


def table(rows: int = 400) -> pd.DataFrame:
    random = np.random.RandomState(0)
    click = random.randint(0, 2, rows)
    return pd.DataFrame(
        {
            "color": random.choice(["red", "green", None], rows),
            "size": np.where(random.uniform(size=rows) < 0.1, np.nan, random.standard_normal(rows)),
            "top": np.minimum(random.exponential(size=rows), 1.0),  # many ties at the upper end
            "few": random.choice([0.0, 0.5, 2.5], rows),
            "seen": [random.randint(0, 9, random.randint(0, 6)).tolist() for _ in range(rows)],
            "click": click,
            "buy": click * random.randint(0, 2, rows),
            "stars": random.choice(["one", "two", "three"], rows),
            "price": 1e6 + random.standard_normal(rows),  # far from zero: single precision would not do
        }
    )


TASKS = {"click": None, "buy": {"after": "click"}, "stars": None, "price": None}
DATA = load_dataset(table(), TASKS)


def drawn(design: Design, schema: Schema) -> Model:
    network = build(compose(design, schema), seed=1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1)  # rows that start at zero say something too
    return Model(network, schema)


def parts(model: Model) -> tuple[Network, Schema]:
    return model.network, model.schema


def answers(folder, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Predictions of the file alone: each column as text, as doubles, or as texts that are filled up."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    given = {}
    for entry in session.get_inputs():
        values = frame[entry.name]
        if entry.type == "tensor(double)":
            given[entry.name] = values.to_numpy(float)
        elif len(entry.shape) == 1:
            given[entry.name] = values.fillna("").to_numpy(object)
        else:
            longest = max(map(len, values))
            given[entry.name] = np.array(
                [[*map(str, items), *[""] * (longest - len(items))] for items in values], object
            )
    outputs = [entry.name for entry in session.get_outputs()]
    return dict(zip(outputs, session.run(None, given), strict=True))


ENCODINGS = get_args(NumberEncoding)
TOGETHER = [ENCODINGS[start : start + 3] for start in range(0, len(ENCODINGS), 3)]  # a column has at most three
DESIGNS = {
    **{
        " + ".join(numbers): Design(inputs=Inputs(numbers=numbers, buckets=8), levels=(Level(shared=2),))
        for numbers in TOGETHER
    },
    "ple": mn.preset("ple", DATA.schema, hidden=(8,)),
    "aitm": mn.preset("aitm", DATA.schema, hidden=(8,)),
    "esmm": mn.preset("esmm", DATA.schema, hidden=(8,)),
    "tables of each task": mn.preset("single_task", DATA.schema, hidden=(8,)),
}


@pytest.mark.slow
@needs_onnx
@pytest.mark.parametrize("name", DESIGNS)
def test_the_file_agrees_with_the_model_for_any_batch(name, tmp_path):
    model = drawn(DESIGNS[name], DATA.schema)
    assert write_onnx(tmp_path, *parts(model)) <= 1e-5
    frame = table().drop(columns=["click", "buy", "stars", "price"])
    for count in (1, 300):
        outputs = answers(tmp_path, frame.head(count))
        right = model.predict(frame.head(count))
        for head in ("click", "buy", *(["buy|click"] if name == "esmm" else [])):
            np.testing.assert_allclose(outputs[head], right[head], atol=1e-5)
        np.testing.assert_allclose(
            outputs["stars"], right[[f"stars={one}" for one in ("one", "three", "two")]], atol=1e-5
        )
        np.testing.assert_allclose(outputs["price"], right["price"], atol=1e-5, rtol=1e-10)  # about a million
        assert set(outputs) == {"click", "buy", "stars", "price", *(["buy|click"] if name == "esmm" else [])}


CLICK = Task(name="click", kind="binary", classes=("0", "1"))
PLAIN = {
    "categories alone": Schema(categories=(Category(name="a", levels=("p", None)),), tasks=(CLICK,)),
    "sequences alone": DATA.schema.model_copy(update={"categories": (), "numbers": (), "tasks": (CLICK,)}),
    "a constant number": Schema(
        numbers=(Number(name="x", mean=5, deviation=0, quantiles=(5.0,) * 257, missing=True),), tasks=(CLICK,)
    ),
}


@pytest.mark.slow
@needs_onnx
@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("categories alone", ("standard",)),
        ("sequences alone", ("standard",)),
        *(("a constant number", tuple(each for each in numbers if each != "target")) for numbers in TOGETHER),
    ],
)
def test_a_schema_may_lack_a_kind_of_column(name, numbers, tmp_path):
    model = drawn(Design(inputs=Inputs(numbers=numbers)), PLAIN[name])
    assert write_onnx(tmp_path, *parts(model)) <= 1e-5
    for count in (1, 300):
        assert answers(tmp_path, raw_rows(PLAIN[name], count))["click"].shape == (count,)


@pytest.mark.slow
@needs_onnx
def test_the_file_says_what_it_reads(tmp_path):
    write_onnx(tmp_path, *parts(drawn(DESIGNS["esmm"], DATA.schema)))
    described = json.loads((tmp_path / "inputs.json").read_text())
    assert described["inputs"]["color"] == {"type": "string", "shape": ["rows"], "holds": "text; '' where missing"}
    assert list(described["inputs"]) == ["color", "size", "top", "few", "seen"]
    assert list(described["outputs"]) == ["click", "buy", "buy|click", "stars", "price"]
    assert described["classes"] == {"stars": ["one", "three", "two"]}
    assert described["opsets"]["ai.onnx"] == OPSET
    assert set(described["written_by"]) == {"mtl_nas", "torch", "onnx", "onnxruntime"}


@pytest.mark.slow
@needs_onnx
def test_a_prediction_with_the_name_of_a_column_is_refused(tmp_path):
    column = Category(name="click", levels=("p", None))
    model = drawn(Design(), Schema(categories=(column,), tasks=(CLICK,)))
    with pytest.raises(
        ExportError, match="^'click' is a column that the model reads and a prediction, .* onnx-encoded$"
    ):
        write_onnx(tmp_path, *parts(model))
    assert write_onnx(tmp_path, *parts(model), raw=False) <= 1e-5


@pytest.mark.slow
@needs_onnx
def test_the_description_says_how_to_make_the_inputs(tmp_path):
    assert write_onnx(tmp_path, *parts(drawn(DESIGNS["ple"], DATA.schema)), raw=False) <= 1e-5
    description = json.loads((tmp_path / "preprocessing.json").read_text())
    assert description["categories"] == [{"column": "color", "levels": ["green", "red", None]}]
    assert description["numbers"] == ["size", "top", "few", "length(seen)"]
    assert description["order"] == ["categories", "numbers", "sequence0"]
    assert set(description["inputs"]) == set(description["order"])
    assert description["classes"] == {"stars": ["one", "three", "two"]}
    assert description["sequences"][0][0]["column"] == "seen"


def test_the_description_says_how_parts_of_a_time_are_made():
    frame = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=200, freq="5h"), "click": [0, 1] * 100})
    zone = "Europe/Berlin"
    schema = mn.load_dataset(frame, ["click"], columns={"at": {"time": ["hour", "trend"], "zone": zone}}).schema
    description = preprocessing(schema, [], [])
    levels = list(map(str, range(24)))
    assert description["categories"] == [
        {"column": "at", "name": "hour(at)", "part": "hour", "zone": zone, "unit": "s", "levels": levels}
    ]
    assert description["times"] == {"at": "seconds since 1970-01-01 UTC; s if it is a number"}
    assert "a category with a part" in description["inputs"]["categories"]


@pytest.mark.parametrize("module", ["onnxruntime", "onnxscript"])
def test_a_missing_extra_is_one_line(module, tmp_path, monkeypatch):
    importing = importlib.import_module

    def refused(name: str) -> object:
        if name == module:
            raise ImportError(name)
        return importing(name)

    monkeypatch.setattr(importlib, "import_module", refused)
    with pytest.raises(ExportError, match=rf"^ONNX export needs {module}: pip install 'mtl_nas\[onnx\]'$"):
        write_onnx(tmp_path / "model", *parts(drawn(Design(), PLAIN["categories alone"])))
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
@needs_onnx
def test_the_file_names_no_folder_and_no_source_file_of_the_machine_that_wrote_it(tmp_path):
    write_onnx(tmp_path, *parts(drawn(DESIGNS["ple"], DATA.schema)))
    content = (tmp_path / "model.onnx").read_bytes()
    for text in (str(Path(mn.__file__).parent), str(Path(torch.__file__).parent), "onnx_module", "stack_trace"):
        assert text.encode() not in content


@pytest.mark.slow
@needs_onnx
def test_a_file_that_differs_is_not_kept(tmp_path, monkeypatch):
    model = drawn(Design(), PLAIN["categories alone"])
    monkeypatch.setattr("mtl_nas.exports.onnx.TOLERANCE", -1.0)
    with pytest.raises(ExportError, match="the ONNX model differs by .* from the torch model, more than"):
        write_onnx(tmp_path, *parts(model))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@needs_onnx
def test_exporting_says_nothing(tmp_path, capfd):
    write_onnx(tmp_path, *parts(drawn(DESIGNS["esmm"], DATA.schema)))
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
