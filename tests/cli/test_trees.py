"""``mtl-search compare RUN --trees``: trained once, kept in the run folder, read from there afterwards."""

import shutil
from pathlib import Path

import pytest

import mtl_nas as mn

FILES = Path(__file__).parents[1] / "fixtures" / "0.1.0"


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A run that version 0.1.0 finished."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(FILES / "visits.csv", tmp_path)
    shutil.copytree(FILES / "run", "run")
    request = Path("run/search.yaml")
    request.write_text(request.read_text().replace("/data/", f"{tmp_path}/"))
    return Path("run")


def lines_of_trees(text):
    """Lines on trees; other lines show how fast this machine has just been."""
    lines = [line.rstrip() for line in text.splitlines() if line.lower().startswith("boosted")]
    assert len(lines) >= 3
    return lines


def test_the_trees_of_a_run_are_trained_once(finished, typed, monkeypatch):
    code, first, err = typed("compare", finished, "--trees")
    assert code == 0, err
    assert "boosted_trees" in first
    assert "one model per task)" in " ".join(first.split())
    assert {path.name for path in (finished / "boosted_trees").iterdir()} == {"trees.json", "test.safetensors"}
    monkeypatch.setattr("mtl_nas.trees.kept.best_trees", None)  # would fail if it were called
    code, second, err = typed("compare", finished, "--trees")
    assert code == 0, err
    assert lines_of_trees(second) == lines_of_trees(first)
    assert "boosted_trees" not in typed("compare", finished)[1]


def test_a_run_that_was_searched_with_trees_is_compared_with_them(finished, typed):
    request = finished / "search.yaml"
    request.write_text(request.read_text().replace("  trials: 5\n", "  trials: 5\n  trees: true\n"))
    assert mn.load_run(finished).settings.trees
    assert "boosted_trees" in typed("compare", finished)[1]
    assert "boosted_trees" not in typed("compare", finished, "--no-trees")[1]
    assert "boosted_trees" in typed("resume", finished)[1]  # the table that ends a search


def test_check_names_the_libraries_that_a_search_will_use(finished, typed):
    words = ("check", "visits.csv", "--tasks", "click", "--space", "shared_bottom", "--presets", "single_task")
    line = "the finalists are compared with boosted trees, one model per task: LightGBM "
    assert line in typed(*words, "--trees")[1]
    assert line not in typed(*words)[1]


def test_without_the_extra_one_line_says_what_to_install(finished, refused, monkeypatch):
    monkeypatch.setattr("mtl_nas.trees.boosted.LIBRARIES", ())
    for words in (("compare", finished), *((word, "visits.csv", "--tasks", "click") for word in ("check", "run"))):
        assert refused(*words, "--trees") == "boosted trees need lightgbm: pip install 'mtl_nas[trees]'"
    assert not (finished / "boosted_trees").exists()
