"""Architectures, models and rows that do not fit: one line that names what differs, and exit code 2."""

import json
from pathlib import Path
from typing import TextIO

import pandas as pd
import pytest
from shop import FRAME, TREE, changed, csv, written

import mtl_nas as mn
from mtl_nas.data import load_dataset


def architecture(**changes: object) -> dict:
    nodes = [
        {"name": "embedding", "block": {"block": "embedding", "categories": [{"name": "color", "size": 4}]}},
        {"name": "a", "block": {"block": "expert"}, "inputs": ["embedding"]},
        {"name": "tower/click", "block": {"block": "tower"}, "inputs": ["a"]},
    ]
    return {"nodes": nodes, "heads": [{"task": "click", "node": "tower/click", "kind": "binary"}], **changes}


def with_inputs(index: int, *inputs: str, **block: object) -> dict:
    tree = architecture()
    tree["nodes"][index]["inputs"] = list(inputs)
    tree["nodes"][index]["block"].update(block)
    return tree


def spent_in_a_product() -> dict:
    tree = architecture()
    tree["nodes"] += [
        {"name": "tower/spent", "block": {"block": "tower"}, "inputs": ["a"]},
        {"name": "p", "block": {"block": "product"}, "inputs": ["tower/click", "tower/spent"]},
    ]
    tree["heads"][0]["node"] = "p"
    tree["heads"].append({"task": "spent", "node": "tower/spent", "kind": "regression"})
    return tree


ARCHITECTURES = [
    (with_inputs(1, "tower/click"), "node 'a' reads 'tower/click', which comes later or is itself: a cycle"),
    (with_inputs(1, "a"), "node 'a' reads 'a', which comes later or is itself: a cycle"),
    (with_inputs(2, "b"), "node 'tower/click' reads 'b', which no earlier node computes"),
    (with_inputs(1, "embeding"), "which no earlier node computes; did you mean 'embedding'?"),
    (with_inputs(2, "embedding"), "node 'a' leads to no head; connect it or take it out"),
    (architecture(heads=[]), "an architecture needs a head; it has none"),
    (
        architecture(heads=[{"task": "click", "node": "x", "kind": "binary"}]),
        "the head of 'click' reads 'x', which no node",
    ),
    (architecture(nods=[]), "unknown key 'nods'; did you mean 'nodes'?"),
    (architecture(version=2), "version: input should be 1, got 2"),
    (with_inputs(1, "embedding", block="expertt"), "'expertt'"),
    (with_inputs(1, "embedding", hiden=[4]), "unknown key 'nodes.1.block.hiden'; did you mean 'hidden'?"),
    (
        spent_in_a_product(),
        "product 'p' takes 'tower/spent' for a binary prediction, but the head of 'spent' reads it as regression",
    ),
    ({"heads": []}, "'nodes' is missing"),
    ([1, 2], "got [1, 2]"),
]


@pytest.mark.parametrize(("tree", "message"), ARCHITECTURES)
def test_an_architecture_file_that_is_wrong_names_the_node(here, refused, tree, message):
    Path("graph.json").write_text(json.dumps(tree))
    for command in (("show", "graph.json"), ("compare", "graph.json", "--data", "search.yaml")):
        line = refused(*command)
        assert line.startswith("graph.json: ")
        assert message in line
        assert len(line) < 300


def test_a_file_that_is_no_json_is_named(here, refused):
    Path("graph.json").write_text('{"nodes": [')
    assert refused("show", "graph.json").startswith("graph.json: not JSON: line 1: ")
    assert refused("show", "none.json") == "no file 'none.json'"


def test_what_cannot_be_shown_or_compared_has_a_nearest_preset(here, refused):
    line = refused("show", "mmoee")
    assert line.startswith(
        "nothing to show at 'mmoee'; give a run, a model folder, an architecture file, a space, or a"
    )
    assert line.endswith("did you mean 'mmoe'?")
    line = refused("compare", "plee", "--data", "search.yaml")
    assert line.startswith("nothing to compare at 'plee'; ")
    assert line.endswith("did you mean 'ple'?")


def test_compare_needs_data(here, refused):
    line = refused("compare", "mmoe", "ple")
    assert line == "compare needs data to train and score on: give --data, or a run whose data is on disk"
    assert "no task is declared" in refused("compare", "mmoe", "--data", "shop.csv")


def test_compare_on_other_data_names_what_differs(here, refused):
    data = load_dataset("search.yaml")
    graph = mn.compose(mn.preset("mmoe", data.schema), data.schema)
    Path("graph.json").write_text(graph.model_dump_json())
    other = written(TREE | {"data": {"table": csv(color=FRAME["color"] + "ish", more=FRAME["price"])}}, "other.yaml")
    assert "node 'embedding' was made for other columns than the data has" in refused(
        "compare", "graph.json", "--data", other
    )


def test_a_preset_that_does_not_fit_says_why(here, refused):
    tasks = {"click": None, "price": None}
    assert refused("compare", "esmm", "--data", changed(tasks=tasks)) == (
        "esmm needs a funnel, and no task is declared 'after' another"
    )


def test_formats_are_named(here, refused):
    assert (
        refused("show", "mmoe", "--format", "sgv")
        == "no format 'sgv'; formats: text, mermaid, svg; did you mean 'svg'?"
    )
    assert refused("show", "mmoe", "--to", "mmoe.pdf") == (
        "'mmoe.pdf' ends in '.pdf'; drawings are written as .svg, .mmd, .md, .txt"
    )
    assert refused("export", "run", "--to", "out", "--format", "tensorflow") == (
        "no format 'tensorflow'; formats: torch, onnx, onnx-encoded, source, torch-export"
    )


def test_rows_without_the_columns_of_a_model_are_refused(model, here, refused):
    FRAME.drop(columns="color").to_csv("rows.csv", index=False)
    assert refused("predict", model, "rows.csv", "--to", "out.csv") == "the table lacks 1 column: 'color'"
    FRAME.rename(columns={"color": "colour", "size": "sise"}).to_csv("rows.csv", index=False)
    assert refused("predict", model, "rows.csv", "--to", "out.csv") == "the table lacks 2 columns: 'color', 'size'"
    assert not Path("out.csv").exists()


def test_text_among_the_numbers_names_its_row(model, here, refused):
    line = refused("predict", model, csv(size=["x", *FRAME["size"][1:]]), "--to", "out.csv")
    assert line == "column 'size' is a number, but row 1 holds 'x'"


def test_a_full_disk_leaves_the_file_that_was_there(model, here, refused, monkeypatch):
    Path("out.csv").write_text("old\n")

    def full(frame: pd.DataFrame, file: TextIO, **options: object) -> None:
        file.write("half of the ro")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    assert refused("predict", model, "shop.csv", "--to", "out.csv") == (
        "no space is left on the disk; nothing that was there is lost: make room and repeat the command"
    )
    assert Path("out.csv").read_text() == "old\n"
    assert not list(here.glob("*.part"))


def test_a_search_file_that_cannot_be_written_does_not_block_the_next_try(here, typed, monkeypatch):
    def full(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert typed("init", "shop.csv", "--tasks", "click", "--to", "s.yaml")[0] == 2
    assert not Path("s.yaml").exists()
    assert typed("init", "shop.csv", "--tasks", "click", "--to", "s.yaml")[0] == 0


def test_predictions_are_written_in_known_formats(model, here, refused):
    for name in ("out.xlsx", "out"):
        line = refused("predict", model, "shop.csv", "--to", name)
        assert line == f"'{name}' ends in '{Path(name).suffix}'; scores are written as .csv, .tsv or .parquet"
    assert "'shop.csv" in refused("predict", model, "shop.csv", "--to", "shop.csv/out.csv")


def test_a_folder_that_is_no_model_is_named(run, model, here, refused):
    assert refused("predict", "nowhere", "shop.csv", "--to", "out.csv") == "no model folder 'nowhere'"
    assert refused("predict", run, "shop.csv", "--to", "out.csv") == (
        "'run' is no model folder: it has no architecture.json"
    )
    model.rename(run / "best")
    assert refused("predict", run, "shop.csv", "--to", "out.csv") == (
        "'run' is no model folder: it has no architecture.json; the model of this run is in run/best"
    )


def test_a_model_folder_that_is_broken_says_which_file(model, here, refused):
    command = ("predict", model, "shop.csv", "--to", "out.csv")
    weights = (model / "model.safetensors").read_bytes()
    for broken in (b"", b"\x00" * 100, weights[: len(weights) // 2], b"no tensors at all, just words" * 9):
        (model / "model.safetensors").write_bytes(broken)
        assert refused(*command).startswith("model/model.safetensors: cannot be read: ")
        assert refused("export", model, "--to", "out").startswith("model/model.safetensors: cannot be read: ")
    (model / "model.safetensors").write_bytes(weights)
    schema = json.loads((model / "schema.json").read_text())
    (model / "schema.json").write_text(json.dumps(schema | {"version": 9}))
    assert refused(*command) == "model/schema.json: version: input should be 1, got 9"
    schema["categories"][0]["levels"].append("violet")
    (model / "schema.json").write_text(json.dumps(schema))
    assert refused(*command) == (
        "model/architecture.json and schema.json do not belong together: "
        "node 'embedding' has 4 ids for column 'color', the data has 5"
    )
    (model / "schema.json").unlink()
    assert refused(*command) == "'model' is no model folder: it has no schema.json"


def test_exports_go_to_a_folder_and_a_model_has_no_trials(model, here, refused):
    assert refused("export", model, "--to", "shop.csv") == "'shop.csv' is a file; give a folder to write to"
    assert refused("export", model, "--to", "out", "--trial", 3) == (
        "'model' is one model and has no trials; give the run folder to export trial 3"
    )
