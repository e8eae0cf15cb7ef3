"""The report that a search leaves: it is written once, it is asked for where it cannot be, and fails no search."""

import os

import pytest
from tiny_search import Here

import mtl_nas as mn
from mtl_nas.cli.reports import report_at_the_end
from mtl_nas.study.execution import ray_backend


@pytest.fixture
def finished(here, typed, monkeypatch):
    """What a search prints that was typed, in which one design is trained."""
    monkeypatch.setattr(ray_backend, "execute", Here())
    options = ("--presets", "single_task", "--trials", "1", "--compare", "none", "--no-ensemble")
    code, out, errors = typed("run", "search.yaml", "--folder", "run", *options)
    assert code == 0, errors
    return out


def test_a_search_leaves_its_report_and_says_where(finished, typed):
    assert finished.endswith("  its report       run/report.html\n")
    page = os.stat("run/report.html")
    assert page.st_size > 100_000
    assert typed("resume", "run")[1].endswith("  its report       run/report.html\n")
    assert os.stat("run/report.html").st_mtime_ns == page.st_mtime_ns
    os.utime("run/trials.jsonl", ns=(page.st_mtime_ns + 1, page.st_mtime_ns + 1))  # as if seeds had been added
    typed("resume", "run")
    assert os.stat("run/report.html").st_mtime_ns > page.st_mtime_ns


def test_without_the_extra_and_after_a_failure_a_line_says_how_to_get_it(finished, monkeypatch):
    run, data = mn.load_run("run"), mn.load_dataset("search.yaml")
    comparison = mn.compare([run], data)
    os.remove("run/report.html")
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "altair", None)
        line = report_at_the_end(run, data, comparison)
    assert line == "pip install 'mtl_nas[report]', then mtl-search report run"
    os.mkdir("run/report.html")
    os.utime("run/report.html", (0, 0))
    line = report_at_the_end(run, data, comparison)
    assert line.startswith("not written: ")
    assert line.endswith("; try mtl-search report run")
    assert "\n" not in line
