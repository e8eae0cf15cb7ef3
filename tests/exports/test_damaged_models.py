"""Model folders and ensembles that are damaged, or made to harm: one line, before memory is taken."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import mtl_nas as mn
from mtl_nas.errors import ExportError, MtlNasError

FILES = Path(__file__).parents[1] / "fixtures" / "0.1.0"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FILES / "model", tmp_path / "model"))


@pytest.fixture
def ensemble(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FILES / "run" / "ensemble", tmp_path / "ensemble"))


def changed(path: Path, change: Callable[[Any], object]) -> None:
    tree = json.loads(path.read_text())
    change(tree)
    path.write_text(json.dumps(tree))


def set_first(weights: dict[str, torch.Tensor], value: float) -> None:
    next(iter(weights.values())).view(-1)[0] = value


def as_type(weights: dict[str, torch.Tensor], dtype: torch.dtype) -> None:
    name = next(iter(weights))
    weights[name] = weights[name].to(dtype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weights: set_first(weights, float("nan")), "holds NaN or infinity"),
        (lambda weights: set_first(weights, float("inf")), "holds NaN or infinity"),
        (lambda weights: as_type(weights, torch.int8), "is int8, expected float32 or float64"),
        (lambda weights: as_type(weights, torch.float16), "is float16, expected float32 or float64"),
        (lambda weights: weights.pop(next(iter(weights))), "needs 3,"),
    ],
)
def test_weights_that_are_no_numbers_are_refused(
    model: Path, change: Callable[[dict[str, torch.Tensor]], object], message: str
) -> None:
    path = model / "model.safetensors"
    weights = {name: weight.clone() for name, weight in load_file(path).items()}
    change(weights)
    save_file(weights, path)
    with pytest.raises(ExportError, match=r"model\.safetensors.*" + (message if "needs" not in message else "needs")):
        mn.load_model(model)


def test_an_architecture_of_gigabytes_is_refused_by_the_size_of_its_weights(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtl_nas.exports.model_folder.build", lambda *_, **__: pytest.fail("memory was taken"))
    changed(
        model / "architecture.json",
        lambda tree: [
            node["block"].update(hidden=[65536, 65536]) for node in tree["nodes"] if node["block"]["block"] == "tower"
        ],
    )
    with pytest.raises(ExportError, match=r"holds [\d,]+ numbers, and architecture.json needs [\d,]{10,} weights"):
        mn.load_model(model)


def test_a_graph_that_is_larger_than_the_memory_is_not_built() -> None:
    schema = mn.load_dataset("synthetic-mmoe").schema
    tower = {"hidden": [65536] * 64}
    design = mn.Design.model_validate({"tower": tower, "levels": [{"shared": 64, "expert": tower}]})
    with pytest.raises(MtlNasError, match=r"weights of this architecture take [\d,.]+ GB, and this machine has"):
        mn.build(mn.compose(design, schema))


def number(tree: Any) -> dict[str, Any]:
    return dict(tree["numbers"][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree["numbers"][0]["quantiles"].reverse(), "numbers.0.quantiles: quantiles do not fall, got"),
        (lambda tree: tree["numbers"][0].update(quantiles=[]), "quantiles are 2 or more, got 0"),
        (lambda tree: tree["numbers"][0].update(deviation=-1), "numbers.0.deviation: input should be greater"),
        (lambda tree: tree["numbers"][0].update(mean=10**400), "a number is below 2^1023"),
        (lambda tree: tree["tasks"][-1].update(scale=0), "tasks.3.scale: input should be greater than 0, got 0"),
        (lambda tree: tree["tasks"].append(tree["tasks"][0]), "tasks differ from one another, got 'click' twice"),
        (lambda tree: tree["numbers"].append(tree["numbers"][0]), "columns differ from one another"),
        (lambda tree: tree["categories"][0].update(levels=["a", "a"]), "levels differ from one another, got 'a' twice"),
        (lambda tree: tree["sequences"][0].update(length=10**9), "sequences.0.length: input should be less than"),
        (lambda tree: tree["sequences"][0].update(items=9), "items are at most the 1 columns, got 9"),
    ],
)
def test_a_schema_with_impossible_statistics_is_refused(
    model: Path, change: Callable[[Any], object], message: str
) -> None:
    changed(model / "schema.json", change)
    with pytest.raises(MtlNasError, match=r"schema\.json: ") as refused:
        mn.load_model(model)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree.update({"../../model": tree.pop("model0")}), "a model is in a folder model0, model1, ..."),
        (lambda tree: tree.update({"/etc": tree.pop("model0")}), "beside this file, got '/etc'"),
        (lambda tree: tree.update(model0=3), "ensemble.json: model0: "),
        (lambda tree: tree["model0"].update(share="much"), "model0: share: input should be a valid number"),
        (lambda tree: tree["model0"].update(share=-0.1), "model0: share: input should be greater than 0"),
        (lambda tree: tree["model0"].update(share=float("nan")), "model0: share: input should be"),
        (lambda tree: tree.pop("model0"), "the shares of the models sum to 1, got"),
        (lambda tree: tree.clear(), "expected a name and a share per folder of a model"),
        (lambda tree: tree.update(model7=tree.pop("model0")), "no model folder"),
    ],
)
def test_an_ensemble_names_folders_of_its_own_alone(
    ensemble: Path, change: Callable[[Any], object], message: str
) -> None:
    changed(ensemble / "ensemble.json", change)
    with pytest.raises(ExportError) as refused:
        mn.load_model(ensemble)
    assert message in str(refused.value)


@pytest.mark.parametrize("name", ["architecture.json", "schema.json", "model.safetensors"])
@pytest.mark.parametrize("content", [b"", b"[" * 9000, b"[1, 2]", b"null", b'{"nodes": 3}', b"\xff\xfe", b"9" * 5000])
def test_a_file_of_a_model_with_any_content_is_refused_in_one_line(model: Path, name: str, content: bytes) -> None:
    (model / name).write_bytes(content)
    with pytest.raises(MtlNasError) as refused:
        mn.load_model(model)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
