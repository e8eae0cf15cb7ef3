"""Leaving with a model: the folder predicts what the network predicted; and the whole way through the command line."""

import json
import shutil
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors.numpy import load_file

import mtl_nas as mn
from mtl_nas.blocks import NumberEncoding
from mtl_nas.cli import main
from mtl_nas.data import load_dataset
from mtl_nas.design import Training
from mtl_nas.errors import DataError, ExportError, MtlNasError, RunError

CLICK, BUY, STARS, PRICE = 'klick. ja/nein? "🙂" [/x]', "kauf | später = wann", "stars\n5: [bold]", "preis (€)"
SIZE, COLOR, SEEN = "größe.in cm", "farbe/tönung 'x'", "length(seen)"
COLORS = ['sehr rot, "ja"', "grün/blau", "🟣", " ", "[red]", "1.0"]


def frame(rows: int = 700) -> pd.DataFrame:
    random = np.random.RandomState(0)
    size = random.standard_normal(rows)
    color = random.randint(0, 6, rows)
    click = (size + 0.5 * (color < 2) + random.standard_normal(rows) > 0).astype(int)
    stars = np.array(["naja", "💩.0", "gut, oder?"])[np.clip(np.round(size + 1), 0, 2).astype(int)].astype(object)
    stars[random.uniform(size=rows) < 0.2] = None
    price = 1000 + 50 * size + 40 * random.standard_normal(rows)
    return pd.DataFrame(
        {
            SIZE: np.where(random.uniform(size=rows) < 0.1, np.nan, size.round(4)),
            COLOR: np.where(random.uniform(size=rows) < 0.1, None, np.array(COLORS, dtype=object)[color]),
            SEEN: [json.dumps(random.randint(0, 9, random.randint(0, 5)).tolist()) for _ in range(rows)],
            CLICK: click,
            BUY: click * random.randint(0, 2, rows),
            STARS: stars,
            PRICE: np.where(random.uniform(size=rows) < 0.3, np.nan, price.round(2)),
        }
    )


FRAME = frame()
FEATURES = FRAME[[SIZE, COLOR, SEEN]]
TASKS = {CLICK: None, BUY: {"after": CLICK}, STARS: None, PRICE: None}
DATA = load_dataset(FRAME, TASKS)
HEADS = [CLICK, BUY, *(f"{STARS}={name}" for name in ("gut, oder?", "naja", "💩.0")), PRICE]
STRANGE = pd.DataFrame({SIZE: [None, 1e30, -1e30], COLOR: ["never seen", None, 7.0], SEEN: [None, "[77, 78]", "[1]"]})


def result(precision: str = "float32") -> mn.Result:
    design = mn.preset("esmm", DATA.schema, hidden=(8,), embedding=4)
    return mn.evaluate(design, DATA, Training(epochs=1, batch_size=64, precision=precision), split="test")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
def test_a_loaded_model_predicts_what_the_network_predicted(tmp_path, precision):
    trained = result(precision)
    trained.model.save(tmp_path)
    scores = mn.load_model(tmp_path).predict(DATA.frame("test"))
    assert list(scores) == [CLICK, BUY, f"{BUY}|{CLICK}", *HEADS[2:]]
    for head in (CLICK, BUY, f"{BUY}|{CLICK}", PRICE):
        np.testing.assert_array_equal(scores[head], trained.predictions[head])
    np.testing.assert_array_equal(scores[HEADS[2:5]], trained.predictions[STARS])


def test_what_is_written_reads_back_equal(tmp_path):
    trained = result()
    trained.model.save(tmp_path / "one", about="Made by a test.")
    again = mn.load_model(tmp_path / "one")
    assert again.schema == DATA.schema
    assert again.architecture == trained.model.architecture == mn.load_architecture(tmp_path / "one/architecture.json")
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        "README.md",
        "architecture.json",
        "model.safetensors",
        "schema.json",
    ]
    again.save(tmp_path / "two", about="Made by a test.")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_the_readme_names_columns_heads_and_origin(tmp_path):
    trained = result()
    trained.model.save(tmp_path, about="Made by a test.")
    text = (tmp_path / "README.md").read_text()
    assert "Made by a test." in text
    assert f"Columns read: {COLOR}, {SIZE}, {SEEN}." in text
    assert f"{BUY}|{CLICK}" in text
    assert f"{trained.parameters:,}" in text


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    result().model.save(folder)
    return mn.load_model(folder)


def test_unseen_levels_and_missing_values_are_no_error(loaded):
    scores = loaded.predict(STRANGE)
    assert np.isfinite(scores.to_numpy()).all()
    chances = scores.drop(columns=PRICE)
    assert ((chances >= 0) & (chances <= 1)).all(axis=None)
    np.testing.assert_allclose(scores[HEADS[2:5]].sum(axis=1), 1, rtol=1e-6)


def test_a_row_is_scored_by_itself_in_any_company_and_order(loaded):
    whole = loaded.predict(FEATURES)
    alone = pd.concat([loaded.predict(FEATURES.iloc[[row]]) for row in range(5)])
    pd.testing.assert_frame_equal(alone, whole.head(5), rtol=1e-5)
    mixed = FEATURES.sample(frac=1, random_state=0)[[SEEN, SIZE, COLOR]].assign(more=1)
    pd.testing.assert_frame_equal(loaded.predict(mixed), whole.loc[mixed.index], rtol=1e-5)


def test_a_network_that_is_called_on_a_frame_says_what_takes_one(loaded):
    with pytest.raises(MtlNasError) as problem:
        loaded.network(FEATURES)
    assert str(problem.value) == (
        "a network takes the tensors of encoded rows, got DataFrame; for a frame: "
        "mn.Model(network, data.schema).predict(frame)"
    )
    by_hand = mn.Model(loaded.network, loaded.schema)
    pd.testing.assert_frame_equal(by_hand.predict(FEATURES), loaded.predict(FEATURES))


def test_a_model_says_what_it_predicts(loaded):
    assert repr(loaded) == f"Model(predicts {CLICK}, {BUY}, {BUY}|{CLICK}, {STARS}, {PRICE}; 1,002 parameters)"
    assert loaded.tasks == (CLICK, BUY, STARS, PRICE)


def test_no_row_gives_no_score(loaded):
    scores = loaded.predict(FEATURES.iloc[:0])
    assert scores.shape == (0, 7)
    assert list(scores) == list(loaded.predict(FEATURES.iloc[:1]))


def test_labels_are_not_asked_for_and_columns_are(loaded):
    with pytest.raises(DataError, match="the table lacks 1 column: 'größe.in cm'; did you mean 'größe_in_cm'"):
        loaded.predict(FRAME.rename(columns={SIZE: "größe_in_cm"}))
    pd.testing.assert_frame_equal(loaded.predict(FRAME), loaded.predict(FEATURES))


def test_a_number_that_train_rows_never_lacked_may_be_missing_later(tmp_path):
    data = load_dataset(FRAME.assign(**{SIZE: FRAME[SIZE].fillna(0)}), TASKS)
    for numbers in (*get_args(NumberEncoding), ("histogram", "robust"), "auto"):
        design = mn.preset("mmoe", data.schema, hidden=(4,), numbers=numbers)
        network = mn.build(mn.compose(design, data.schema))
        mn.Model(network, data.schema).save(tmp_path)
        assert np.isfinite(mn.load_model(tmp_path).predict(STRANGE).to_numpy()).all()


def test_two_predictions_cannot_have_one_name():
    label = FRAME[CLICK]
    stars = load_dataset(FRAME.assign(**{f"{STARS}=naja": label}).drop(columns=CLICK), [STARS, PRICE])
    assert stars.schema.task_names == (STARS, PRICE)
    with pytest.raises(DataError, match=r"two predictions would be named 'stars\n5: \[bold\]=naja'; rename a task"):
        load_dataset(FRAME.assign(**{f"{STARS}=naja": label}).drop(columns=CLICK), [STARS, f"{STARS}=naja"])
    with pytest.raises(DataError, match="two predictions would be named"):
        load_dataset(
            FRAME.assign(**{f"{BUY}|{CLICK}": 1 - label}), {CLICK: None, BUY: {"after": CLICK}, f"{BUY}|{CLICK}": None}
        )


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with a run over a table whose names are anything, and its model in both formats."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("shop")
        patch.chdir(folder)
        FRAME.to_csv("tabelle 🛒.csv", index=False)
        typed(patch, "init", "tabelle 🛒.csv", "--tasks", f"{CLICK},{BUY},{STARS},{PRICE}")
        tree = yaml.safe_load(Path("search.yaml").read_text())
        tree["tasks"][BUY]["after"] = CLICK
        tree["space"] = "own.yaml"
        budget = {"trials": 10, "rungs": [0.5, 1.0], "cohort": 2, "finalists": 1, "seeds": 1}
        tree["search"] = {**budget, "seed": 1, "ensemble": False}
        Path("search.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False))
        Path("own.yaml").write_text(yaml.safe_dump(OWN))
        typed(patch, "run", "search.yaml", "--folder", "läufe/1", "--cpus", "2")
        typed(patch, "export", "läufe/1", "--to", "modell")
        typed(patch, "export", "läufe/1", "--to", "onnx", "--format", "onnx")
        yield folder


OWN = {
    "design": {
        "levels": [{"shared": {"int": [2, 4]}, "specific": 1, "expert": {"hidden": [8]}}],
        "funnel": {"choice": ["direct", "product"]},
        "losses": {"weights": {"each_task": {"float": [0.5, 2.0]}}},
    },
    "training": {"epochs": 2, "batch_size": 64, "learning_rate": {"float": [1e-3, 1e-2], "log": True}},
}


def typed(patch: pytest.MonkeyPatch, *words: str) -> None:
    patch.setattr(sys, "argv", ["mtl-search", *words])
    with pytest.raises(SystemExit) as end:  # as the console script ends, by typer
        main()
    assert not end.value.code, words


@pytest.mark.ray
def test_a_run_ends_with_a_model_that_says_what_its_finalist_said(shop, monkeypatch):
    monkeypatch.chdir(shop)
    run = mn.load_run("läufe/1")
    best, seed = run.best(), run.state.best.seed
    data = load_dataset("search.yaml")
    assert data.fingerprint == run.request.fingerprint
    scores = mn.load_model("läufe/1/best").predict(data.frame("test"))
    training = best.proposal.training.model_copy(update={"seed": seed})
    again = mn.evaluate(best.proposal.design, data, training, split="test")
    predictions = load_file(f"läufe/1/finalists/{best.number:05d}/seed{seed}.test.safetensors")
    for head in (CLICK, BUY, PRICE):
        scale = 1 / data.schema.task(PRICE).scale if head == PRICE else 1
        np.testing.assert_allclose(scores[head] * scale, again.predictions[head] * scale, atol=1e-6)
        np.testing.assert_allclose(scores[head] * scale, predictions[head] * scale, atol=1e-5)
    np.testing.assert_allclose(scores[HEADS[2:5]], again.predictions[STARS], atol=1e-6)
    tested = best.tested[seed]
    assert tested[CLICK]["auc"] == pytest.approx(again.scores[CLICK]["auc"], abs=1e-6)
    assert tested[PRICE]["r2"] == pytest.approx(again.scores[PRICE]["r2"], abs=1e-6)


@pytest.mark.ray
def test_predictions_are_the_same_in_every_format(shop, monkeypatch):
    monkeypatch.chdir(shop)
    FEATURES.to_csv("zeilen.csv", index=False)
    FEATURES.to_parquet("zeilen.parquet")
    STRANGE.to_csv("fremd.csv", index=False)
    for model in ("läufe/1/best", "modell", "onnx"):
        typed(monkeypatch, "predict", model, "zeilen.csv", "--to", "aus.csv")
        typed(monkeypatch, "predict", model, "zeilen.parquet", "--to", "aus.parquet")
        typed(monkeypatch, "predict", model, "fremd.csv", "--to", "fremd.parquet")
        right = mn.load_model(model).predict(FEATURES)
        pd.testing.assert_frame_equal(pd.read_csv("aus.csv"), right, rtol=1e-6)
        pd.testing.assert_frame_equal(pd.read_parquet("aus.parquet"), right, rtol=1e-6)
        assert np.isfinite(pd.read_parquet("fremd.parquet").to_numpy()).all()
        assert set(HEADS) <= set(right)


@pytest.mark.ray
def test_the_onnx_file_predicts_what_the_folder_predicts(shop, monkeypatch):
    runtime = pytest.importorskip("onnxruntime")
    monkeypatch.chdir(shop)
    session = runtime.InferenceSession("onnx/model.onnx", providers=["CPUExecutionProvider"])
    described = json.loads(Path("onnx/inputs.json").read_text())
    assert set(described["inputs"]) == {COLOR, SIZE, SEEN}
    lists = [[str(item) for item in json.loads(text)] for text in FEATURES[SEEN]]
    longest = max(map(len, lists))
    given = {
        COLOR: FEATURES[COLOR].fillna("").astype(str).to_numpy(object),
        SIZE: FEATURES[SIZE].to_numpy(float),
        SEEN: np.array([[*items, *[""] * (longest - len(items))] for items in lists], object),
    }
    outputs = session.run(None, given)
    right = mn.load_model("onnx").predict(FEATURES)
    for entry, values in zip(session.get_outputs(), outputs, strict=True):
        head = entry.name
        columns = [f"{head}={name}" for name in described["classes"][head]] if head == STARS else head
        tolerance = {"atol": 1e-2} if head == PRICE else {"atol": 1e-5}
        np.testing.assert_allclose(values, right[columns], rtol=0, **tolerance)


@pytest.mark.ray
def test_any_trial_can_be_taken_out(shop, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    run = mn.load_run("läufe/1")
    other = next(trial for trial in run.trials() if not trial.finalist and trial.proposed.duplicate_of is None)
    before = Path("läufe/1/trials.jsonl").read_bytes()
    typed(monkeypatch, "export", "läufe/1", "--to", "anders", "--trial", str(other.number))
    model = mn.load_model("anders")
    assert model.architecture.key == other.proposed.architecture_key
    assert Path("läufe/1/trials.jsonl").read_bytes() == before
    assert "next: mtl-search predict anders rows.parquet --to scores.parquet" in capsys.readouterr().out


@pytest.mark.ray
def test_show_and_compare_speak_of_the_run(shop, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    typed(monkeypatch, "show", "läufe/1", "--to", "bild.svg")
    assert Path("bild.svg").read_text().startswith("<svg")
    capsys.readouterr()
    typed(monkeypatch, "show", "läufe/1")
    typed(monkeypatch, "compare", "läufe/1")
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    for trial in mn.load_run("läufe/1").finalists():
        assert f"\n{trial.name} " in out
    assert "preis (€) R2" in " ".join(out.split())
    typed(monkeypatch, "compare", "läufe/1", "modell/architecture.json", "--seeds", "1")
    assert "What differs between the graphs" in capsys.readouterr().out


@pytest.mark.ray
def test_two_runs_stand_side_by_side_under_names_of_their_own(shop, monkeypatch):
    monkeypatch.chdir(shop)
    shutil.copytree("läufe/1", "läufe/2")
    comparison = mn.compare(["läufe/1", "läufe/2"], load_dataset("search.yaml"))
    names = [row.name for row in comparison.rows]
    assert len(set(names)) == len(names) == 2 * len(mn.load_run("läufe/1").finalists())
    assert {"single_task", "single_task of läufe/2"} <= set(names)
    scores = {row.name: row.score for row in comparison.rows}
    assert scores["single_task"] == scores["single_task of läufe/2"]
    assert comparison.differences == ("the graphs are the same",)


@pytest.mark.ray
def test_a_broken_file_of_a_finalist_is_named(shop, monkeypatch):
    monkeypatch.chdir(shop)
    shutil.copytree("läufe/1", "kaputt")
    trial, networks = mn.load_run("kaputt").compared()[0]
    predictions = Path(f"kaputt/finalists/{trial.number:05d}/seed{networks[0].seed}.test.safetensors")
    predictions.write_bytes(b"no tensors")
    with pytest.raises(RunError, match=f"'{predictions}' cannot be read: .*; take it from a copy of the run"):
        mn.compare(["kaputt"], load_dataset("search.yaml"))
    for weights in predictions.parent.glob("*.safetensors"):
        weights.write_bytes(b"no tensors")
    with pytest.raises(ExportError, match=f"{predictions.parent}/.*[0-9].safetensors: cannot be read"):
        mn.export("kaputt", "aus", trial=trial.number)


@pytest.mark.ray
def test_the_same_command_again_changes_nothing(shop, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    typed(monkeypatch, "report", "läufe/1")  # newer than the record, to which other commands may add seeds
    before = {path: path.stat().st_mtime_ns for path in Path("läufe/1").rglob("*") if not path.name.endswith(".lock")}
    typed(monkeypatch, "run", "search.yaml", "--folder", "läufe/1", "--cpus", "2")
    typed(monkeypatch, "resume", "läufe/1")
    after = {path: path.stat().st_mtime_ns for path in Path("läufe/1").rglob("*") if not path.name.endswith(".lock")}
    files = {path for path in after if path.is_file()}
    assert {path: after[path] for path in files} == {path: before[path] for path in files if path in before}
    assert "score new rows   mtl-search predict läufe/1/best" in capsys.readouterr().out


def test_an_export_that_was_cut_between_two_files_is_refused(tmp_path: Path) -> None:
    data = load_dataset(FRAME, [CLICK], ignore=[BUY, STARS, PRICE])
    model = mn.Model(mn.build(mn.compose(mn.preset("shared_bottom", data.schema), data.schema)), data.schema)
    model.save(tmp_path / "first")
    fewer = load_dataset(
        FRAME.assign(**{COLOR: FRAME[COLOR].replace(COLORS[0], COLORS[1])}), [CLICK], ignore=[BUY, STARS, PRICE]
    )
    other = mn.Model(mn.build(mn.compose(mn.preset("shared_bottom", fewer.schema), fewer.schema)), fewer.schema)
    other.save(tmp_path / "second")
    for name in ("schema.json", "architecture.json"):
        shutil.copy(tmp_path / "second" / name, tmp_path / "first" / name)
    with pytest.raises(ExportError, match=r"model\.safetensors belongs to another architecture\.json or schema\.json"):
        mn.load_model(tmp_path / "first")
    assert mn.load_model(tmp_path / "second").schema == fewer.schema
