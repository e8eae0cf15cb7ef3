"""The page on boosted trees follows from the saved results."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def made_up(**validation: float) -> dict:
    """Results of one table; every library scores .1 less on the test rows than on validation rows."""
    libraries = {
        name: {"version": "1", "validation": score, "scores": {"a": score - 0.1}, "rounds": {"a": 3}, "seconds": 2.0}
        for name, score in validation.items()
    }
    return {"tables": {"adult": {"metrics": {"a": "auc"}, "rows": {"train": 1200}, "libraries": libraries}}}


def test_the_validation_rows_choose_the_library_that_is_the_bar():
    from benchmarks.tree_bar import report

    assert "| adult | 1,200 | 1 | 0.7000 | 0.8000 | CatBoost | **0.8000** | 2 + 2 |" in report(
        made_up(LightGBM=0.8, CatBoost=0.9)
    )
    assert "| LightGBM | **0.8000** |" in report(made_up(LightGBM=0.9, CatBoost=0.9))


def test_what_is_not_measured_is_said_and_chooses_nothing():
    from benchmarks.tree_bar import report

    text = report(made_up(LightGBM=0.8))
    assert "| adult | 1,200 | 1 | 0.7000 |  | not decided |  | 2 |" in text
    assert "CatBoost on adult, " in text
    assert "LightGBM on adult," not in text


def test_the_page_holds_the_saved_results():
    from benchmarks.tree_bar import OUTPUT, PAGE, report

    assert report(json.loads(OUTPUT.read_text())) in PAGE.read_text()
