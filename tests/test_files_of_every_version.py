"""Files that each version wrote are read, predict to the last digit and go on; those of this version, too."""

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from slowly import slow

import mtl_nas as mn
from mtl_nas.composition import compose
from mtl_nas.presets import compatible_presets
from mtl_nas.space import load_space

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = sorted(path.parent.name for path in FIXTURES.glob("*/visits.csv"))
THIS = "this version"
LAST_DIGIT = 2e-6  # relative; of the single precision in which networks predict
needs_onnxruntime = pytest.mark.skipif(find_spec("onnxruntime") is None, reason="extra [onnx]")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that this version writes."""
    folder = tmp_path_factory.mktemp("fixtures") / "files"
    script = "import sys; from pathlib import Path; import write; write.write(Path(sys.argv[1]), 'this')"
    subprocess.run([sys.executable, "-c", script, str(folder)], cwd=FIXTURES, check=True, capture_output=True)
    return folder


@pytest.fixture(params=[*VERSIONS, slow(THIS, id="this")])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the files of a version, with its own folder where ``/data`` stands."""
    source = request.getfixturevalue("written") if request.param == THIS else FIXTURES / request.param
    folder = tmp_path / "files"
    shutil.copytree(source, folder)
    for path in (folder / "run" / "search.yaml", folder / "encoded" / "dataset.json"):
        path.write_text(path.read_text().replace("/data/", f"{folder}/"))
    return folder


def assert_predicts(predictions: pd.DataFrame, file: Path) -> None:
    expected = pd.read_csv(file)
    assert list(predictions) == list(expected)
    np.testing.assert_allclose(predictions.to_numpy(), expected.to_numpy(), rtol=LAST_DIGIT)


def test_there_are_files_of_the_first_version() -> None:
    assert VERSIONS[0] == "0.1.0"


@pytest.mark.parametrize(
    ("model", "predictions"),
    [
        ("model", "predictions.csv"),
        ("onnx-model", "predictions.csv"),
        ("run/best", "predictions.csv"),
    ],
)
def test_models_predict_alike(files: Path, model: str, predictions: str) -> None:
    assert_predicts(mn.load_model(files / model).predict(pd.read_csv(files / "visits.csv")), files / predictions)


def test_the_model_beside_the_best_predicts_alike(files: Path) -> None:
    (name,) = [name for name in ("ensemble", "single") if (files / "run" / name).exists()]
    model = mn.load_model(files / "run" / name)
    assert_predicts(model.predict(pd.read_csv(files / "visits.csv")), files / f"{name}-predictions.csv")


@needs_onnxruntime
def test_an_onnx_file_predicts_alike_by_its_preprocessing_alone(files: Path) -> None:
    import onnxruntime

    described = json.loads((files / "onnx-model" / "preprocessing.json").read_text())
    rows = pd.read_csv(files / "visits.csv", dtype={"city": str, "visits": str})
    session = onnxruntime.InferenceSession(files / "onnx-model" / "model.onnx")
    outputs = session.run(list(described["outputs"]), inputs_of(described, rows))
    expected, compared = pd.read_csv(files / "predictions.csv"), []
    for name, values in zip(described["outputs"].values(), outputs, strict=True):
        columns = [column for column in expected if column == name or column.startswith(f"{name}=")]
        if len(columns) == 1 and np.ndim(values) == 1:
            np.testing.assert_allclose(values, expected[columns[0]], rtol=1e-4, atol=1e-5)
            compared.append(name)
    assert {"click", "buy"} <= set(compared)


def inputs_of(described: dict[str, Any], rows: pd.DataFrame) -> dict[str, Any]:
    """The inputs of the network, made as preprocessing.json says."""
    seen = [str(text).split() if isinstance(text, str) else [] for text in rows["seen"]]
    categories = [
        [column["levels"].index(value) + 1 if value in column["levels"] else 0 for value in rows[column["column"]]]
        for column in described["categories"]
    ]
    numbers = [
        [len(items) for items in seen] if name.startswith("length(") else rows[name] for name in described["numbers"]
    ]
    (sequence,) = described["sequences"]
    levels, length = sequence[0]["levels"], 3
    positions = [[2 + levels.index(item) if item in levels else 1 for item in items[-length:]] for items in seen]
    return {
        "categories": np.array(categories, np.int64).T,
        "numbers": np.array(numbers, np.float32).T,
        "sequence0": np.array([[each + [0] * (length - len(each))] for each in positions], np.int64),
    }


def test_an_encoded_table_is_the_table_that_it_was(files: Path) -> None:
    data = mn.load_dataset(str(files / "encoded"))
    keys = json.loads((files / "keys.json").read_text())
    assert data.fingerprint == keys.get("fingerprint", keys.get("fingerprints", {}).get("visits"))


@pytest.mark.slow
def test_a_run_is_opened_compared_and_exported(files: Path, tmp_path: Path) -> None:
    run = mn.load_run(files / "run")
    data = mn.load_dataset(str(files / "encoded"))
    assert run.finished
    assert [row.name for row in mn.compare([run], data).rows]
    mn.export(run, tmp_path / "model")
    model = mn.load_model(tmp_path / "model")
    assert list(model.predict(pd.read_csv(files / "visits.csv"))) == list(pd.read_csv(files / "predictions.csv"))


def test_spaces_and_presets_have_the_keys_that_they_had(files: Path) -> None:
    keys = json.loads((files / "keys.json").read_text())
    if "presets" not in keys:
        pytest.skip("the keys of 0.1.0 are held by tests/test_files_of_older_versions.py")
    schema = mn.load_dataset(str(files / "encoded")).schema
    designs = compatible_presets(schema).designs
    assert {name: compose(designs[name], schema).key for name in keys["presets"]} == keys["presets"]
    for name, key in keys["spaces"].items():
        default = load_space(str(files / "spaces" / f"{name}.yaml")).for_schema(schema).default()
        assert compose(default.design, schema).key == key
