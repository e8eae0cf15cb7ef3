"""Files that older versions wrote are read, and predict and decide as they did."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mtl_nas as mn
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Training
from mtl_nas.presets import compatible_presets
from mtl_nas.record import RunFolder
from mtl_nas.record.older_versions import TRAINING, current_event
from mtl_nas.space import Replay, load_space
from mtl_nas.study.proposer import proposal_key

FILES = Path(__file__).parent / "fixtures" / "0.1.0"
KEYS: dict[str, Any] = json.loads((FILES / "keys.json").read_text())
PRESETS_CORRECTED_SINCE = ("metaheac",)  # its gates have the biases of the authors' code


def copied(name: str, folder: Path) -> Path:
    """A file or folder of 0.1.0, with the folder of the table where ``/data`` stands in it."""
    shutil.copy(FILES / "visits.csv", folder)
    source, copy = FILES / name, folder / name
    shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)
    for path in [copy / "search.yaml", copy / "dataset.json"]:
        if path.exists():
            path.write_text(path.read_text().replace("/data/", f"{folder}/"))
    return copy


def assert_predicts(predictions: pd.DataFrame, file: str) -> None:
    expected = pd.read_csv(FILES / file)
    assert list(predictions) == list(expected)
    np.testing.assert_allclose(predictions.to_numpy(), expected.to_numpy(), rtol=2e-6)


@pytest.mark.parametrize("name", KEYS["schemas"])
def test_keys_of_presets_are_unchanged(name: str) -> None:
    schema = Schema.model_validate(KEYS["schemas"][name]["schema"])
    assert schema.model_dump(mode="json") == KEYS["schemas"][name]["schema"]
    designs, _ = compatible_presets(schema, "paper")
    keys = {preset: compose(design, schema).key for preset, design in designs.items()}
    unchanged = {preset: key for preset, key in keys.items() if preset not in PRESETS_CORRECTED_SINCE}
    expected = KEYS["schemas"][name]["keys"]
    assert unchanged == {preset: key for preset, key in expected.items() if preset not in PRESETS_CORRECTED_SINCE}
    assert keys.keys() >= expected.keys(), "later versions may add presets"


def test_fingerprints_of_data_are_unchanged(tmp_path: Path) -> None:
    for name in ("search.yaml", "space.yaml"):
        shutil.copy(FILES / name, tmp_path)
    shutil.copy(FILES / "visits.csv", tmp_path)
    file = tmp_path / "search.yaml"
    file.write_text(file.read_text().replace("table: visits.csv", "table: visits.csv\n  split: {stratified: false}"))
    assert mn.load_dataset(str(file)).fingerprint == KEYS["fingerprints"]["visits"]


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.4.0", reason="older exponentials differ in the last digit")
def test_the_fingerprint_of_a_made_table_is_unchanged() -> None:
    assert mn.load_dataset("synthetic-funnel").fingerprint == KEYS["fingerprints"]["synthetic-funnel"]


@pytest.mark.parametrize("path", sorted((FILES / "spaces").glob("*.yaml")), ids=lambda path: path.stem)
def test_spaces_have_the_same_default_but_for_defaults_of_training(path: Path) -> None:
    expected = json.loads((FILES / "space-defaults.json").read_text())[path.stem]
    for name, recorded in expected.items():
        schema = Schema.model_validate(KEYS["schemas"][name]["schema"])
        default = load_space(str(path)).for_schema(schema).default()
        graph = compose(default.design, schema)
        assert (graph.key, graph.parameters, graph.macs) == (
            recorded["architecture"],
            recorded["parameters"],
            recorded["operations"],
        )
        training = Training.model_validate({**TRAINING, **default.training.model_dump(exclude_unset=True)})
        as_it_was = default.model_copy(update={"training": training})
        assert proposal_key(graph.key, as_it_was) == recorded["proposal"]


def test_a_space_with_passes_is_read_with_a_note() -> None:
    with pytest.warns(FutureWarning, match=r"'passes' is now 'epochs'"):
        space = load_space(str(FILES / "space.yaml"))
    assert [path for path in space.domains() if path.startswith("training")] == [
        "training.epochs",
        "training.learning_rate",
    ]
    proposal = space.default()
    assert (proposal.training.epochs, space.contains(proposal)) == (2, True)


def test_a_training_with_passes_is_read_with_a_note() -> None:
    with pytest.warns(FutureWarning, match=r"'passes' is now 'epochs'"):
        assert mn.Training.model_validate({"passes": 3}) == mn.Training(epochs=3)


@pytest.mark.parametrize("name", ["model", "onnx-model", "run/best"])
def test_a_model_predicts_as_it_did(name: str) -> None:
    model = mn.load_model(FILES / name)
    assert_predicts(model.predict(pd.read_csv(FILES / "visits.csv")), "predictions.csv")


def test_an_ensemble_predicts_as_it_did() -> None:
    ensemble = mn.load_model(FILES / "run" / "ensemble")
    assert_predicts(ensemble.predict(pd.read_csv(FILES / "visits.csv")), "ensemble-predictions.csv")


def test_an_encoded_folder_is_the_table_that_it_was(tmp_path: Path) -> None:
    data = mn.load_dataset(str(copied("encoded", tmp_path)))
    assert data.fingerprint == KEYS["fingerprints"]["visits"]
    assert {split: len(data.rows(split)) for split in ("train", "tuning", "choosing", "test")} == {
        "train": 192,
        "tuning": 12,
        "choosing": 12,
        "test": 24,
    }


def test_a_run_folder_opens(tmp_path: Path) -> None:
    run = mn.load_run(copied("run", tmp_path))
    assert run.finished
    assert (run.best().name, len(run.trials()), len(run.finalists())) == ("mmoe", 5, 4)
    assert run.space().default().training.epochs == 2
    space = run.space()
    for trial in run.trials():
        decisions = trial.proposed.decisions
        assert decisions is None or space.resolve(Replay(decisions)) == trial.proposal
    assert any("training.epochs" in (trial.proposed.decisions or {}) for trial in run.trials())
    assert RunFolder(run.path).request().settings.limits.keys() == {"macs"}


def test_every_line_of_a_record_is_read_as_it_was_meant() -> None:
    for text in (FILES / "run" / "trials.jsonl").read_text().splitlines():
        line = json.loads(text)
        event = current_event(line)
        assert event["event"] == line["fact"]
        if line["fact"] == "proposed":
            assert event["macs"] == line["operations"]
            assert event["proposal"]["training"]["epochs"] == line["proposal"]["training"]["passes"]
            assert len(event["decisions"] or {}) == len(line["decisions"] or {})


def proposal_keys(lines: list[bytes]) -> list[tuple[str, str]]:
    events = map(json.loads, lines)
    return [(line["architecture_key"], line["proposal_key"]) for line in events if line["fact"] == "proposed"]


@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
def test_a_run_that_was_cut_is_resumed(tmp_path: Path, share: float) -> None:
    folder = copied("run", tmp_path)
    record = folder / "trials.jsonl"
    lines = record.read_bytes().splitlines(keepends=True)
    remaining = lines[: int(share * len(lines))]
    record.write_bytes(b"".join(remaining))
    for written in ("best", "ensemble"):
        shutil.rmtree(folder / written)
    run = mn.resume(folder, resources=mn.Resources(cpus=1))
    assert run.finished
    assert (run.single_folder / "architecture.json").exists()
    assert mn.load_model(folder / "best").tasks == run.request.tasks
    keys = [(trial.proposed.architecture_key, trial.proposed.proposal_key) for trial in run.trials()]
    assert keys[:2] == proposal_keys(lines)[:2]  # the presets
    assert keys[: len(proposal_keys(remaining))] == proposal_keys(remaining)
