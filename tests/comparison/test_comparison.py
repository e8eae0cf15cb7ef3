"""Designs side by side: what is compared, what the table says, and that it fits a terminal."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import mtl_nas as mn
from mtl_nas.comparison import diagnoses, tables
from mtl_nas.comparison.comparison import Comparison, compared
from mtl_nas.comparison.contenders import Contender
from mtl_nas.comparison.tables import sentence, short, signed
from mtl_nas.composition import compose
from mtl_nas.data import Dataset, load_dataset
from mtl_nas.design import Training
from mtl_nas.errors import ArchitectureError, MtlNasError
from mtl_nas.scoring import score_tasks

LONG = "a task whose name is much longer than any column of a table should be"


def table(tasks: tuple[str, ...], rows: int = 1000) -> pd.DataFrame:
    random = np.random.RandomState(0)
    size = random.standard_normal(rows)
    labels = {task: (size + random.standard_normal(rows) > 0.5).astype(int) for task in tasks}
    return pd.DataFrame({"size": size, "color": random.choice(["red", "green"], rows), **labels})


def data_of(*tasks: str) -> Dataset:
    return load_dataset(table(tasks), tasks)


TWO = data_of("click", "buy")


@pytest.fixture(autouse=True)
def _few_replicates(monkeypatch):
    """What intervals are worth is tested in test_ties."""
    monkeypatch.setattr("mtl_nas.scoring.bootstrap.REPLICATES", 400)


TRAINING = Training(epochs=2, batch_size=64, learning_rate=0.01)


def contender(name: str, data: Dataset, quality: float, *, seeds: int = 3, spread: float = 0.02, **more) -> Contender:
    """A design whose predictions are its label with noise; the more quality, the better."""
    rows, schema = data.rows("test"), data.schema
    common = np.random.default_rng(0).normal(size=rows.labels.shape)
    predictions = []
    for seed in range(seeds):
        noise = np.random.default_rng(seed).normal(size=rows.labels.shape)
        values = 1 / (1 + np.exp(-(quality * rows.labels + common + spread * noise)))
        predictions.append({task: values[:, place] for place, task in enumerate(schema.task_names)})
    preset = name if name in mn.preset_names() else "mmoe"
    architecture = compose(mn.preset(preset, schema), schema)
    return Contender(
        name=name,
        parameters=architecture.parameters,
        macs=architecture.macs,
        scores=tuple(score_tasks(one, rows, schema) for one in predictions),
        predictions=tuple(predictions),
        rows_per_second=54_321.0,
        seeds=tuple(range(seeds)),
        **more,
    )


def shown(comparison: Comparison, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(tables(comparison))
    return console.file.getvalue().splitlines()


def test_rows_stand_by_score_with_the_best_first():
    found = compared([contender("single_task", TWO, 1.0), contender("mmoe", TWO, 3.0), contender("ple", TWO, 2.0)], TWO)
    assert [row.name for row in found.rows] == ["mmoe", "ple", "single_task"]
    assert found.best.verdict == "best"
    assert found.best.against_best is None
    assert found.ties == ()
    assert found.rows[1].verdict.startswith("-")
    assert found.rows[0].score > found.rows[1].score > found.rows[2].score


def test_gain_is_the_difference_to_single_task():
    better, base, worse = contender("mmoe", TWO, 2.0), contender("single_task", TWO, 1.5), contender("ple", TWO, 1.0)
    rows = {row.name: row for row in compared([better, base, worse], TWO).rows}
    assert rows["mmoe"].gain > 0 > rows["ple"].gain
    assert rows["single_task"].gain == 0
    for head, cell in rows["mmoe"].cells.items():
        mean = np.mean([scores[head]["auc"] for scores in better.scores])
        assert cell.score == pytest.approx(mean)
        assert cell.gain == pytest.approx(mean - np.mean([scores[head]["auc"] for scores in base.scores]))
        assert cell.deviation == pytest.approx(np.std([scores[head]["auc"] for scores in better.scores], ddof=1))
    assert rows["mmoe"].gain == pytest.approx(np.mean([cell.gain for cell in rows["mmoe"].cells.values()]))


def test_equal_designs_tie_and_the_smallest_is_named():
    large = contender("ple", TWO, 2.0)
    small = replace(large, name="mmoe", parameters=contender("mmoe", TWO, 2.0).parameters)
    found = compared([large, small, contender("single_task", TWO, 0.5)], TWO)
    assert found.best.name == "ple"
    assert found.ties == ("mmoe",)
    assert found.rows[1].verdict == "tie"
    assert sentence(found).startswith("ple ties with mmoe: the test rows cannot tell them apart.")
    assert f"The smallest of them is mmoe ({short(small.parameters)} parameters)." in sentence(found)


def test_the_sentence_says_what_the_table_says():
    base = contender("single_task", TWO, 1.0)
    assert (
        sentence(compared([base, contender("mmoe", TWO, 4.0)], TWO)) == "mmoe is better than every other design here."
    )
    assert sentence(compared([base], TWO)) == "single_task stands alone: there is nothing to compare it with."


def test_the_best_of_a_run_is_the_one_that_it_chose_on_other_rows():
    chosen, lucky = contender("mmoe", TWO, 1.0, choosing=0.9), contender("ple", TWO, 4.0, choosing=0.8)
    found = compared([lucky, contender("single_task", TWO, 0.5, choosing=0.1), chosen], TWO)
    assert found.best.name == "mmoe"
    assert found.rows[1].against_best.low > 0
    assert sentence(found) == "ple better than mmoe on the test rows; mmoe was chosen on other rows."


def test_each_task_was_helped_harmed_or_neither():
    base = contender("single_task", TWO, 1.5)
    mixed = contender("mmoe", TWO, 3.0)
    worse = contender("ple", TWO, 0.5)
    predictions = tuple(
        {"click": one["click"], "buy": other["buy"]}
        for one, other in zip(mixed.predictions, worse.predictions, strict=True)
    )
    scores = tuple(score_tasks(one, TWO.rows("test"), TWO.schema) for one in predictions)
    mixed = replace(mixed, predictions=predictions, scores=scores)
    found = compared([base, mixed, replace(base, name="equal")], TWO)
    cells = {row.name: row.cells for row in found.rows}
    assert [cells["mmoe"][task].word for task in ("click", "buy")] == ["helped", "harmed"]
    assert [cells["equal"][task].word for task in ("click", "buy")] == ["tie", "tie"]
    assert [cells["single_task"][task].word for task in ("click", "buy")] == ["", ""]
    assert cells["mmoe"]["click"].gained.difference == pytest.approx(cells["mmoe"]["click"].gain)
    line = next(line for line in shown(found) if line.startswith("mmoe") and "±" in line)
    assert line.index("helped") < line.index("harmed")
    assert found.frame().set_index("design").loc["mmoe", "buy verdict"] == "harmed"


def test_what_became_of_the_sharing_is_printed_for_those_who_know():
    small = mn.preset("mmoe", TWO.schema, experts=2, hidden=(4,), embedding=2)
    found = mn.compare([small], TWO, seeds=1, training=TRAINING)
    older = compared([contender("single_task", TWO, 1.0)], TWO)
    console = Console(width=80, file=io.StringIO())
    console.print(diagnoses(found), diagnoses(older), sep="")
    lines = console.file.getvalue().splitlines()
    assert lines[1] == "What became of the sharing (first seed, tuning rows):"
    assert {row.name for row in found.rows} <= set(lines)
    assert sum("experts carry 90 %" in line for line in lines) in (1, 2)
    assert sum("tasks share no layer" in line for line in lines) == 1
    assert older.rows[0].diagnosis is None


def test_one_seed_has_no_deviation():
    found = compared([contender("single_task", TWO, 1.0, seeds=1), contender("mmoe", TWO, 2.0, seeds=1)], TWO)
    assert all(cell.deviation is None for row in found.rows for cell in row.cells.values())
    assert "1 seed" in shown(found)[0]
    assert "1 seeds" not in shown(found)[0]
    assert "±." not in "".join(shown(found))


def test_a_design_that_leaves_a_task_out_is_refused():
    whole = contender("mmoe", TWO, 1.0)
    part = replace(whole, name="half", predictions=tuple({"click": one["click"]} for one in whole.predictions))
    with pytest.raises(ArchitectureError, match="'half' predicts no 'buy'; designs are compared on every task"):
        compared([part, contender("single_task", TWO, 1.0)], TWO)


@pytest.mark.parametrize(
    "tasks",
    [("click", "buy"), (LONG, "купить 🛒"), tuple(f"{place} {LONG}" for place in range(6)), tuple("abcdef")],
    ids=["two", "two long", "six long", "six short"],
)
def test_the_table_fits_80_columns(tasks):
    data = data_of(*tasks)
    names = [
        "single_task",
        "trial 1234 of runs/a folder/with a long name/and another one",
        "shared_bottom",
        "[bold]x[/b]",
    ]
    found = compared([contender(name, data, quality) for quality, name in enumerate(names)], data)
    lines = shown(found)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "…" not in text
    assert "[bold]x[/b]" in text  # a name is no markup
    assert text.count("±") >= len(tasks) * len(names)
    for row in found.rows:
        for cell in row.cells.values():
            assert f"{cell.score:.4f}".removeprefix("0") in text
            assert signed(cell.gain) in text
    squeezed = "".join(text.split())
    for name in (*tasks[:2], names[1]):
        assert set(name.split()) <= set(text.split()) or "".join(name.split())[:12] in squeezed


def test_numbers_far_from_one_are_spelled_whole():
    assert [signed(number) for number in (-10.5, 10.25, -0.5, 0.0, 20.03, None)] == [
        "-10.5000",
        "+10.2500",
        "-.5000",
        ".0000",
        "+20.0300",
        "",
    ]
    assert [short(number) for number in (0, 999, 1000, 54_321, 2.5e9)] == ["0", "999", "1k", "54.3k", "2.5G"]


def test_a_frame_holds_every_number():
    found = compared([contender("single_task", TWO, 1.0), contender("mmoe", TWO, 2.0)], TWO).frame()
    assert found["design"].tolist() == ["mmoe", "single_task"]
    assert found["verdict"][0] == "best"
    assert {"click", "click sd", "click gain", "buy", "score", "gain", "parameters", "rows/s", "seeds"} <= set(found)


FUNNEL = load_dataset(
    table(("a|b", "c")).assign(c=lambda frame: frame["c"] * frame["a|b"]), {"a|b": None, "c": {"after": "a|b"}}
)


def test_conditional_heads_have_a_table_of_their_own_whatever_the_tasks_are_called():
    small = {"hidden": (8,), "embedding": 2}
    found = mn.compare([mn.preset("esmm", FUNNEL.schema, **small)], FUNNEL, seeds=1, training=TRAINING)
    assert set(found.rows[0].cells) | set(found.rows[1].cells) == {"a|b", "c", "c|a|b"}
    text = "\n".join(shown(found))
    assert "c|a|b AUC" in text
    assert "n/a" in text  # single_task has no such head
    conditional = next(row for row in found.rows if row.name == "design 1").cells["c|a|b"]
    assert conditional.score is not None
    assert conditional.gain is None


def test_presets_files_and_designs_are_trained_on_equal_seeds(tmp_path):
    small = mn.preset("mmoe", TWO.schema, experts=2, hidden=(4,), embedding=2)
    graph = compose(small, TWO.schema)
    file = tmp_path / "graph.json"
    file.write_text(graph.model_dump_json())
    mn.Model(mn.build(graph), TWO.schema).save(tmp_path / "model")
    found = mn.compare([small, str(file), tmp_path / "model", graph], TWO, seeds=2, training=TRAINING)
    rows = {row.name: row for row in found.rows}
    assert set(rows) == {"design 1", str(file), str(tmp_path / "model"), "architecture 4", "single_task"}
    scores = {row.score for name, row in rows.items() if name != "single_task"}
    assert len(scores) == 1  # the same design four times
    assert all(row.seeds == 2 for row in found.rows)
    assert len({row.verdict for name, row in rows.items() if name != "single_task"} - {"best", "tie"}) <= 1


def test_two_designs_have_their_differences_listed():
    small, large = (mn.preset("mmoe", TWO.schema, experts=count, hidden=(4,)) for count in (2, 3))
    found = mn.compare([small, large], TWO, seeds=1, training=TRAINING)
    assert found.differences[0] == "~ level0/expert/0: 2 experts 4 -> 3 experts 4"
    assert "What differs between the graphs (- first, + second, ~ both):" in shown(found)
    assert mn.compare([small], TWO, seeds=1, training=TRAINING).differences == ()


def test_single_task_may_be_one_of_the_two():
    small = mn.preset("mmoe", TWO.schema, experts=2, hidden=(4,))
    found = mn.compare(["single_task", small], TWO, seeds=1, training=TRAINING)
    assert any(line.startswith("+ level0/gate/click") for line in found.differences)
    assert any(line.startswith("- embedding/click") for line in found.differences)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("mmoee", r"nothing to compare at 'mmoee'; .* presets?: .*mmoe.*; did you mean 'mmoe'\?"),
        ("nothing.json", "no file 'nothing.json'"),
    ],
)
def test_what_cannot_be_compared_is_named(what, message):
    with pytest.raises(MtlNasError, match=message):
        mn.compare([what], TWO, seeds=1, training=TRAINING)


def test_an_architecture_of_other_columns_is_refused():
    graph = compose(mn.preset("mmoe", TWO.schema), TWO.schema)
    other = load_dataset(table(("click", "buy")).rename(columns={"size": "length"}), ("click", "buy"))
    with pytest.raises(ArchitectureError, match="node 'embedding' was made for other columns .* such as 'size'"):
        mn.compare([graph], other, seeds=1, training=TRAINING)


def test_an_architecture_of_other_tasks_is_refused():
    graph = compose(mn.preset("mmoe", TWO.schema), TWO.schema)
    other = load_dataset(table(("click", "buy")).rename(columns={"buy": "bye"}), ("click", "bye"))
    with pytest.raises(
        ArchitectureError, match=r"a head predicts 'buy', which is no task of the data; did you mean 'bye'\?"
    ):
        mn.evaluate(graph, other, TRAINING)
