"""Boosted trees as a row of a comparison: trained once, never the best design, and a sentence on where they win."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import mtl_nas as mn
from mtl_nas.comparison import Comparison, tables
from mtl_nas.comparison.comparison import comparison_of
from mtl_nas.comparison.design_result import DesignResult, NetworkCost
from mtl_nas.comparison.tables import sentence, trees_sentence
from mtl_nas.data import Dataset, load_dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.scoring import score_tasks
from mtl_nas.trees import BoostedTrees

TRAINING = mn.Training(epochs=1, batch_size=256, learning_rate=1e-4)


def planted(rows: int = 4000) -> Dataset:
    """Stripes of a number, which few steps of a network cannot follow, and a task that nothing explains."""
    random = np.random.default_rng(0)
    size = random.uniform(0, 8, rows)
    striped = (size.astype(int) % 2) ^ (random.random(rows) < 0.05)
    frame = pd.DataFrame({"size": size, "striped": striped.astype(int), "luck": random.integers(0, 2, rows)})
    return load_dataset(frame, ["striped", "luck"])


DATA = planted()


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch):
    monkeypatch.setattr("mtl_nas.scoring.bootstrap.REPLICATES", 400)


def predictions(quality: dict[str, float], seed: int = 0) -> dict[str, np.ndarray]:
    """Labels of the test rows with noise; the more quality, the better."""
    labels, noise = DATA.rows("test").labels, np.random.default_rng(seed).normal(size=(len(DATA.rows("test")), 2))
    columns = [quality[task] * labels[:, index] + noise[:, index] for index, task in enumerate(DATA.schema.task_names)]
    return {task: 1 / (1 + np.exp(-column)) for task, column in zip(DATA.schema.task_names, columns, strict=True)}


def network(name: str, striped: float, luck: float = 1.0, **more: object) -> DesignResult:
    values = tuple(predictions({"striped": striped, "luck": luck}, seed) for seed in range(3))
    return DesignResult(
        name=name,
        cost=NetworkCost(1000, 2000, 54_321.0),
        scores=tuple(score_tasks(each, DATA.rows("test"), DATA.schema) for each in values),
        predictions=values,
        seeds=(0, 1, 2),
        **more,
    )


def trees(striped: float, luck: float = 1.0) -> BoostedTrees:
    values = predictions({"striped": striped, "luck": luck}, 0)
    return BoostedTrees(
        library="LightGBM",
        version="4.7.0",
        tried={"LightGBM": "4.7.0"},
        validation_score=0.9,
        rounds={"striped": 10, "luck": 10},
        seconds=1.0,
        scores=score_tasks(values, DATA.rows("test"), DATA.schema),
        predictions=values,
    )


def compared(boosted: BoostedTrees, *more: DesignResult) -> Comparison:
    return comparison_of([network("mmoe", 2.0), network("single_task", 1.0), *more], DATA, trees=boosted)


def shown(comparison: Comparison) -> str:
    console = Console(width=80, file=io.StringIO())
    console.print(tables(comparison))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    return "\n".join(lines)


def test_better_trees_stand_below_the_best_network_with_their_lead():
    comparison = compared(trees(4.0))
    assert [row.name for row in comparison.rows] == ["mmoe", "boosted_trees", "single_task"]
    assert comparison.rows[1].against_best.low > 0
    assert comparison.trees.difference == comparison.rows[1].against_best
    assert sentence(comparison) == "mmoe is better than every other design here."
    words = trees_sentence(comparison)
    assert words.startswith("Boosted trees (LightGBM 4.7.0, one model per task) score higher than mmoe: +.")
    assert "By task higher: striped (+" in words
    assert "; tie: luck (" in words


def test_worse_trees_are_said_to_be_lower():
    words = trees_sentence(compared(trees(0.2, 4.0)))
    assert "lower: striped (-" in words
    assert "By task higher: luck (+" in words
    assert "score lower than mmoe: -." in trees_sentence(compared(trees(0.2, 0.0)))


def test_equal_trees_tie_and_are_no_tie_of_designs():
    comparison = compared(trees(2.0))
    assert comparison.trees.difference.tie
    assert comparison.ties == ()
    assert " tie with mmoe: " in trees_sentence(comparison)
    assert comparison.rows[1].verdict == "tie"


def test_the_table_holds_the_row_and_the_sentence():
    text = shown(compared(trees(4.0)))
    row = next(line for line in text.splitlines() if line.startswith("boosted_trees"))
    assert row.split()[-1].endswith("]")  # neither parameters nor rows per second
    scores = next(line for line in text.splitlines() if line.startswith("boosted_trees") and "higher" in line)
    assert "helped" not in scores  # trees are not trained together
    assert "Boosted trees (LightGBM 4.7.0" in " ".join(text.split())
    assert "Boosted" not in shown(comparison_of([network("single_task", 1.0)], DATA))


def test_a_frame_has_the_row_without_sizes():
    line = compared(trees(4.0)).frame().set_index("design").loc["boosted_trees"]
    assert np.isnan(line["parameters"])
    assert line["striped verdict"] == "higher"
    assert line["seeds"] == 1


def test_a_report_has_the_row_and_the_sentence_but_no_gain_of_sharing():
    from mtl_nas.report import contents, frames

    comparison = compared(trees(4.0))
    section = contents._comparison(comparison)
    assert section.paragraphs[-1] == trees_sentence(comparison)
    assert [row[0].text for row in section.table.rows][1] == "boosted_trees"
    assert set(frames.task_gains(comparison)["design"]) == {"mmoe"}


def test_one_design_and_trees():
    comparison = comparison_of([network("single_task", 1.0)], DATA, trees=trees(4.0))
    assert sentence(comparison) == "single_task stands alone: there is nothing to compare it with."
    assert "score higher than single_task" in trees_sentence(comparison)


def test_trees_are_trained_beside_presets_if_asked_for():
    small = mn.preset("mmoe", DATA.schema, experts=2, hidden=(4,), embedding=2)
    comparison = mn.compare([small], DATA, seeds=1, training=TRAINING, trees=True)
    row = next(row for row in comparison.rows if row.name == "boosted_trees")
    assert row.cells["striped"].score > 0.9
    assert comparison.trees.tasks["striped"].low > 0
    assert comparison.trees.tasks["luck"].tie
    assert comparison.trees.library.split()[0] in ("LightGBM", "CatBoost")
    plain = mn.compare([small], DATA, seeds=1, training=TRAINING)
    assert plain.trees is None
    assert "boosted_trees" not in [row.name for row in plain.rows]


def test_a_missing_library_is_said_before_networks_are_trained(monkeypatch):
    monkeypatch.setattr("mtl_nas.trees.boosted.LIBRARIES", ())
    monkeypatch.setattr("mtl_nas.comparison.comparison.design_results", None)
    with pytest.raises(MtlNasError, match=r"^boosted trees need lightgbm: pip install 'mtl_nas\[trees\]'$"):
        mn.compare(["mmoe"], DATA, trees=True)


def test_a_search_for_trees_is_refused_before_it_begins(monkeypatch, tmp_path):
    monkeypatch.setattr("mtl_nas.trees.boosted.LIBRARIES", ())
    with pytest.raises(MtlNasError, match="boosted trees need lightgbm"):
        mn.search("mmoe", DATA, folder=tmp_path / "run", trees=True)
    assert not (tmp_path / "run").exists() or not any((tmp_path / "run").glob("*.jsonl"))


def test_a_run_may_be_gone_on_with_with_or_without_trees():
    with_trees = mn.SearchSettings(trees=True)
    assert with_trees.decisive == mn.SearchSettings().decisive
