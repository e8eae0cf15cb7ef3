"""The report of a run: what it says, that names in it are text, and that it draws what it says."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from tiny_search import tiny_search

import mtl_nas as mn
from mtl_nas.report import charts, frames

NAMES = ["klick <script>alert(1)</script>", "a.b[0] 'x' \"y\" \\ {{ 7 * 7 }}", "</script><img src=x onerror=alert(2)>"]


class Page(HTMLParser):
    """The tags of a page, and the text of its scripts of a type."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "script" and self.scripts:
            self.scripts[-1] += data


def table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    size = random.normal(size=240)
    labels = {name: (size + random.normal(size=240) > 0).astype(int) for name in NAMES[:2]}
    color = random.choice(["red", NAMES[2]], 240)
    return pd.DataFrame({"size": size, NAMES[2]: color, **labels, "spent": size + random.normal(size=240)})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "run"
    data = mn.load_dataset(table(), {NAMES[0]: {}, NAMES[1]: {}, "spent": {"kind": "regression"}})
    run = tiny_search(folder, data)
    path = mn.write_report(run, data=data)
    return run, data, path


def specs(path) -> dict[str, dict[str, dict]]:
    page = Page(path.read_text())
    kinds = [attrs for tag, attrs in page.tags if tag == "script"]
    index = next(i for i, attrs in enumerate(kinds) if attrs.get("id") == "data-of-charts")
    return json.loads(page.scripts[index])


def rows(spec) -> list[dict]:
    return [row for values in spec["datasets"].values() for row in values]


def test_a_report_is_one_small_file_that_needs_no_network(written):
    _, _, path = written
    text = path.read_text()
    assert path.name == "report.html"
    assert len(text) < 3_000_000
    page = Page(text)
    assert not [attrs for _, attrs in page.tags if attrs.get("src") or attrs.get("href", "#").startswith("http")]


def test_names_are_text_wherever_they_stand(written):
    page = Page(written[2].read_text())
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") for name in attrs)]
    assert [tag for tag, _ in page.tags].count("script") == 4  # two with data, the library, and the page's own
    assert "49" not in [attrs.get("data-chart") for _, attrs in page.tags]
    assert {attrs["data-chart"] for _, attrs in page.tags if attrs.get("data-figure") == "gains"} == {
        NAMES[0],
        NAMES[1],
        "spent",
    }


def test_charts_show_what_the_comparison_says(written):
    run, data, path = written
    comparison = mn.compare([run], data)
    figures = specs(path)
    shown = {row["design"]: row for row in rows(figures["differences"][""])}
    assert set(shown) == {row.name for row in comparison.rows}
    for row in comparison.rows[1:]:
        assert shown[row.name]["difference"] == pytest.approx(row.against_best.difference)
        assert shown[row.name]["low"] == pytest.approx(row.against_best.low)
    for task in data.schema.task_names:
        gains = {row["design"]: row["difference"] for row in rows(figures["gains"][task])}
        expected = {row.name: gain.difference for row in comparison.rows if (gain := row.cells[task].gain_interval)}
        assert gains == pytest.approx(expected)


def test_rows_of_tables_are_as_long_as_their_heads(written):
    run, data, path = written
    page = Page(path.read_text())
    row_ends = [index for index, (tag, _) in enumerate(page.tags) if tag == "tr"] + [len(page.tags)]
    rows = [[tag for tag, _ in page.tags[a:b]] for a, b in pairwise(row_ends)]
    assert len(rows) == 1 + len(mn.compare([run], data).rows)
    assert {row.count("th") + row.count("td") for row in rows} == {4 + len(data.schema.tasks) + 1}


def test_every_trial_is_drawn_and_can_be_picked(written):
    run, _, path = written
    trained = {trial.number for trial in run.state.trained}
    assert {row["trial"] for row in rows(specs(path)["front"][""])} == trained
    text = path.read_text()
    assert text.count("<option") == len(trained)
    first = re.search(r"<option[^>]*>([^<:]*)", text)
    assert first is not None
    assert first[1] == run.best().name


def test_groups_of_calibration_hold_every_row_once_and_their_means(written):
    _, data, _ = written
    labels = data.rows("test").labels[:, 0].astype(float)
    predictions = {NAMES[0]: np.linspace(0, 1, len(labels))}
    groups = frames.calibration(predictions, data)
    assert groups["rows"].sum() == len(labels)
    assert (groups["predicted"].diff().dropna() > 0).all()
    assert np.average(groups["observed"], weights=groups["rows"]) == pytest.approx(labels.mean())
    assert np.average(groups["predicted"], weights=groups["rows"]) == pytest.approx(0.5)
    shares = frames.distributions(predictions, data).groupby("label")["share"].sum()
    assert shares.to_dict() == pytest.approx({"0": 1.0, "1": 1.0})


def test_colours_follow_verdicts():
    frame = pd.DataFrame({"design": ["a"], "low": [-2.0], "difference": [-1.0], "high": [-0.5], "verdict": ["harmed"]})
    spec = charts.gains(frame).to_json()
    assert charts.VERDICTS["harmed"] in spec
    assert charts.VERDICTS["helped"] not in spec


def test_a_report_of_an_unfinished_run_says_how_to_go_on(written, tmp_path):
    run, data, _ = written
    lines = (run.path / "trials.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "trials.jsonl").write_text("".join(lines[:5]))
    (tmp_path / "search.yaml").write_text((run.path / "search.yaml").read_text())
    with pytest.raises(mn.MtlNasError, match="is not finished; go on with: mtl-search resume"):
        mn.write_report(tmp_path, data=data)


def test_a_missing_extra_is_named(written, monkeypatch):
    run, data, _ = written
    monkeypatch.setitem(__import__("sys").modules, "altair", None)
    with pytest.raises(mn.MtlNasError, match=r"a report needs altair: pip install 'mtl_nas\[report\]'"):
        mn.write_report(run, data=data)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_draws_every_chart_without_an_error(written, tmp_path):
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command += [f"--user-data-dir={tmp_path}", "--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"]
    opened = subprocess.run([*command, written[2].as_uri()], capture_output=True, text=True, timeout=120, check=True)
    assert not [line for line in opened.stderr.splitlines() if "CONSOLE" in line]
    drawn = re.findall(
        r'class="chart[^"]*" data-figure="[^"]*".*?(?=class="chart|</section>)', opened.stdout, re.DOTALL
    )
    assert len(drawn) == sum(map(len, specs(written[2]).values()))
    for chart in drawn:
        assert len(re.findall(r"<path|<rect|<circle", chart.partition("mark-")[2])) > 0
