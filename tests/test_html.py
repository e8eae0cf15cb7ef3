"""What values show in a notebook: their content, with every name as text."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from tiny_search import tiny_search

import mtl_nas as mn
from mtl_nas import html
from mtl_nas.report import plot_comparison, plot_front, plot_gains, plot_importance, plot_learning, plot_search

HOSTILE = "klick <script>alert(1)</script> \"x\" 'y' {{ 7 }}"


class Seen(HTMLParser):
    """Tags, and texts outside of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.texts, self.attributes = list[str](), list[str](), set[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """A data set, its run, a comparison and a graph, with a task and a column of a hostile name."""
    random = np.random.default_rng(0)
    size = random.normal(size=160)
    table = pd.DataFrame({"a<b": size, HOSTILE: (size + random.normal(size=160) > 0).astype(int), "spent": size})
    data = mn.load_dataset(table.assign(spent=size + random.normal(size=160)), [HOSTILE, "spent"])
    run = tiny_search(tmp_path_factory.mktemp("html") / "<b>run", data)
    comparison = mn.compare([run], data)
    graph = mn.compose(run.best().proposal.design, data.schema)
    return {"data": data, "run": run, "comparison": comparison, "graph": graph, "space": run.space()}


@pytest.mark.parametrize("name", ["data", "run", "comparison", "graph", "space"])
def test_names_are_text(values, name):
    seen = Seen(values[name]._repr_html_())
    assert not {"script", "img", "b<"} & set(seen.tags)
    assert not [attribute for attribute in seen.attributes if attribute.startswith("on")]
    assert "{{ 7 }}" in "".join(seen.texts) or name in ("run", "graph")  # a drawing cuts long names


def test_values_show_what_they_hold(values):
    run, comparison, data = values["run"], values["comparison"], values["data"]
    texts = Seen(run._repr_html_()).texts
    for trial in run.state.trained:
        assert texts[texts.index(trial.name) + 1] == run.outcome(trial)
    assert {"finished, 5 trials"} <= {text.strip().partition(";")[0] for text in texts}
    texts = Seen(comparison._repr_html_()).texts
    assert {row.name for row in comparison.rows} <= set(texts)
    assert {"binary", "regression", "spent"} <= set(Seen(data._repr_html_()).texts)
    assert f"{values['graph'].parameters:,} trained parameters" in values["graph"]._repr_html_()
    assert (
        repr(run)
        == f"Run({run.path}: finished, 5 trials; best {'an ensemble' if run.takes_ensemble else run.best().name})"
    )
    assert repr(comparison).startswith(f"Comparison(frame: {len(comparison.rows)} designs; best {comparison.best.name}")
    holes = Seen(values["space"]._repr_html_()).texts
    assert holes[holes.index("design.levels.0.shared") + 1 :][:2] == ["2 to 4", "2"]


def test_a_long_table_folds_its_end():
    rows = [[str(number)] for number in range(html.MOST_ROWS + 2)]
    seen = Seen(html.table(["n"], rows))
    assert "and 2 more" in seen.texts
    assert seen.tags.count("td") == len(rows)
    assert "details" not in Seen(html.table(["n"], rows[:-2])).tags


def test_an_unfinished_run_says_so(values, tmp_path):
    run = values["run"]
    lines = (run.path / "trials.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "trials.jsonl").write_text("".join(lines[:2]))
    (tmp_path / "search.yaml").write_text((run.path / "search.yaml").read_text())
    begun = mn.load_run(tmp_path)
    assert any("not finished" in text for text in Seen(begun._repr_html_()).texts)


def test_charts_of_the_report_can_be_changed(values):
    run, comparison = values["run"], values["comparison"]
    charts = [plot_search(run), plot_front(run), plot_learning(run.path), plot_comparison(comparison)]
    for chart in [*charts, plot_gains(comparison, "spent")]:
        spec = chart.properties(width=321, title="mine").to_dict()
        assert (spec["width"], spec["title"]) == (321, "mine")
        assert any(spec["datasets"].values())


def test_a_chart_without_content_says_why(values, monkeypatch):
    with pytest.raises(mn.MtlNasError, match="too few to say what mattered; 20 are needed"):
        plot_importance(values["run"])
    with pytest.raises(mn.MtlNasError, match="no task 'spend'"):
        plot_gains(values["comparison"], "spend")
    monkeypatch.setitem(__import__("sys").modules, "altair", None)
    with pytest.raises(mn.MtlNasError, match=r"pip install 'mtl_nas\[report\]'"):
        from mtl_nas.report import plot_gates  # noqa: F401
