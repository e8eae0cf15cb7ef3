"""The source file of a model predicts what the model does, without this library, and is formatted and linted."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import torch
from numpy_reference import schema_of
from small_designs import TWO, gated, hidden_layers, level, linked, schemas, small, stacked

import mtl_nas as mn
from mtl_nas.blocks import HistoryAttention, HistoryKind, NumberEncoding
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design, Histories, Inputs, Losses, Members
from mtl_nas.errors import ExportError
from mtl_nas.exports import Member, Model
from mtl_nas.exports.raw_rows import raw_rows
from mtl_nas.exports.source import export, write_source
from mtl_nas.model import Network, build

RICH = schema_of("click", "stars*3", "dwell~", categories=(4, 3), numbers=3, histories=((5, 3), (4,)), missing=True)
THRESHOLDS = {"quantiles": tuple(map(float, range(257))), "thresholds": (40.0, 90.0)}
RICH = RICH.model_copy(update={"numbers": tuple(number.model_copy(update=THRESHOLDS) for number in RICH.numbers)})
ENCODINGS = get_args(NumberEncoding)
FUNNEL = schema_of("click", "buy<click", "pay<buy")
CASES: dict[str, tuple[Design, Schema]] = {
    **{name: (small(name, schemas(name)[-1]), schemas(name)[-1]) for name in mn.preset_names()},
    **{
        "numbers " + " ".join(ENCODINGS[i : i + 3]): (Design(inputs=Inputs(numbers=ENCODINGS[i : i + 3])), RICH)
        for i in range(0, len(ENCODINGS), 3)
    },
    **{
        f"histories {kind} {attention}": (
            Design(inputs=Inputs(histories=Histories(kind=kind, attention=attention, hidden=3))),
            RICH,
        )
        for kind in get_args(HistoryKind)
        for attention in get_args(HistoryAttention)
    },
    **{f"gate {kind}": (gated(kind=kind), TWO) for kind in ("top_k", "sigmoid", "static", "softmax")},
    **{f"norm {norm}": (hidden_layers(norm=norm), TWO) for norm in ("batch", "layer")},
    "links": (linked(share=False, bias=True, score="cross"), TWO),
    "funnel": (stacked(level(), funnel="product", losses=Losses(negatives=0.3)), FUNNEL),
    "every kind": (stacked(level()), schema_of("likes#", "stars/4", "spent$", "class*3", "dwell~")),
    "members": (stacked(level(), members=Members(count=3)), schema_of("likes#", "click")),
    "tables": (Design(inputs=Inputs(tables="task", scale=True)), RICH),
}


def drawn(design: Design, schema: Schema, seed: int = 1) -> Network:
    network = build(compose(design, schema), seed=seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed)))
    return network


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.mark.parametrize("name", CASES)
def test_the_file_predicts_what_the_model_does(name: str, folder: Path) -> None:
    """It is run and compared when it is written."""
    design, schema = CASES[name]
    assert write_source(folder / name, [Member("model", 1.0, drawn(design, schema))], schema) <= 1e-6


def test_files_are_formatted_and_linted(folder: Path) -> None:
    if not any(folder.iterdir()):
        write_source(folder / "links", [Member("model", 1.0, drawn(*CASES["links"]))], TWO)
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--line-length", "120", str(folder)]
    subprocess.run([*ruff, "format", "--check", *options], check=True)
    subprocess.run([*ruff, "check", "--select", "E,F,I,UP,B,SIM,C4,RET", "--quiet", *options], check=True)


HOSTILE = 'it\'s """\\N{BULLET} <b>\n'
FRAME = pd.DataFrame(
    {
        "color ;import os": ["red", "green", None, "blue"] * 100,
        "1st": np.random.RandomState(0).choice([-1, 0.5, 2.5, 7.25], 400),
        "at": pd.date_range("2024-01-01", periods=400, freq="5h").as_unit("s").astype("int64"),
        "seen": [["a", "b"][: index % 3] for index in range(400)],
        HOSTILE: np.random.RandomState(1).choice(["yes", HOSTILE], 400),
        "price": 1e6 + np.random.RandomState(2).standard_normal(400),
    }
)
COLUMNS = {"at": {"time": ["hour", "weekday", "week", "trend"], "zone": "Europe/Oslo"}, "1st": "number"}


def test_an_ensemble_predicts_where_this_library_cannot_be_imported(tmp_path: Path) -> None:
    schema = mn.load_dataset(FRAME, [HOSTILE, "price"], columns=COLUMNS, missing={"1st": [-1]}).schema
    members = [
        Member(name, share, drawn(small(name, schema), schema, seed))
        for seed, (name, share) in enumerate((("ple", 0.25), ("mmoe", 0.75)))
    ]
    model = Model(members, schema)
    model.export(tmp_path, format="source")
    rows = FRAME.drop(columns=[HOSTILE, "price"]).head(7)
    code = (
        "import json, sys; sys.modules['mtl_nas'] = None; sys.path.insert(0, '.'); import model; "
        "predictions = model.load().predict(json.load(sys.stdin)); "
        "json.dump({name: values.tolist() for name, values in predictions.items()}, sys.stdout)"
    )
    given = json.dumps({name: rows[name].tolist() for name in rows})
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, input=given, capture_output=True, text=True, check=True
    )
    predictions, right = json.loads(done.stdout), model.predict(rows)
    np.testing.assert_allclose(predictions[HOSTILE], right[HOSTILE], atol=1e-6)
    np.testing.assert_allclose(predictions["price"], right["price"], atol=1e-5)  # of a million


def test_each_node_is_a_line_and_equal_nodes_share_a_function(tmp_path: Path) -> None:
    network = drawn(small("mmoe", TWO), TWO)
    write_source(tmp_path, [Member("model", 1.0, network)], TWO)
    text = (tmp_path / "model.py").read_text()
    lines = text.partition("def network(")[2].partition("return {")[0].splitlines()
    calls = [line.strip().split(" = ")[0] for line in lines if "_layer" in line]
    assert len(calls) == len(network.architecture.nodes)
    assert text.count("def expert_layer") == 1
    assert sum("= expert_layer(" in line for line in lines) == 3
    for node in network.architecture.nodes:
        name = node.name.replace("/", "_")
        width = network.architecture.widths[node.name]
        assert re.search(rf"{name} = \w+_layer\(.*  # \(B, {width}\)|# \(B, {width}\)\n    {name} = ", text), name


def test_the_file_reads_an_empty_table_and_names_columns_that_are_not_there(tmp_path: Path) -> None:
    write_source(tmp_path, [Member("model", 1.0, drawn(Design(), RICH))], RICH)
    namespace = {"__name__": "model", "__file__": str(tmp_path / "model.py")}
    exec((tmp_path / "model.py").read_text(), namespace)
    model = namespace["load"]()
    names = list(raw_rows(RICH, 1))
    predictions = model.predict({name: [] for name in names})
    assert {name: values.shape for name, values in predictions.items()} == {
        "click": (0,),
        "stars": (0, 3),
        "dwell": (0,),
    }
    with pytest.raises(KeyError, match=f"the table lacks the columns {names[0]}"):
        model.predict({name: [] for name in names[1:]})


def test_a_file_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(ExportError, match="^the source file differs by .* take format torch-export$"):
        write_source(tmp_path, [Member("model", 1.0, drawn(small("mmoe", TWO), TWO))], TWO)
    assert list(tmp_path.iterdir()) == []
