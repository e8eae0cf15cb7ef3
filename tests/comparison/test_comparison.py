"""Designs side by side: what is compared, what the table says, and that it fits a terminal."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import mtl_nas as mn
from mtl_nas.comparison import diagnoses, tables
from mtl_nas.comparison.comparison import Comparison, comparison_of
from mtl_nas.comparison.design_result import DesignResult, NetworkCost
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


def outcome(name: str, data: Dataset, quality: float, *, seeds: int = 3, spread: float = 0.02, **more) -> DesignResult:
    """A design whose predictions are its label with noise; the more quality, the better."""
    rows, schema = data.rows("test"), data.schema
    common = np.random.default_rng(0).normal(size=rows.labels.shape)
    predictions = []
    for seed in range(seeds):
        noise = np.random.default_rng(seed).normal(size=rows.labels.shape)
        values = 1 / (1 + np.exp(-(quality * rows.labels + common + spread * noise)))
        predictions.append({task: values[:, index] for index, task in enumerate(schema.task_names)})
    preset = name if name in mn.preset_names() else "mmoe"
    architecture = compose(mn.preset(preset, schema), schema)
    return DesignResult(
        name=name,
        cost=NetworkCost(architecture.parameters, architecture.macs, 54_321.0),
        scores=tuple(score_tasks(values, rows, schema) for values in predictions),
        predictions=tuple(predictions),
        seeds=tuple(range(seeds)),
        **more,
    )


def shown(comparison: Comparison, width: int = 80) -> list[str]:
    console = Console(width=width, file=io.StringIO())
    console.print(tables(comparison))
    return console.file.getvalue().splitlines()


def test_rows_stand_by_score_with_the_best_first():
    comparison = comparison_of(
        [outcome("single_task", TWO, 1.0), outcome("mmoe", TWO, 3.0), outcome("ple", TWO, 2.0)], TWO
    )
    assert [row.name for row in comparison.rows] == ["mmoe", "ple", "single_task"]
    assert comparison.best.verdict == "best"
    assert comparison.best.against_best is None
    assert comparison.ties == ()
    assert comparison.rows[1].verdict.startswith("-")
    assert comparison.rows[0].score > comparison.rows[1].score > comparison.rows[2].score


def test_gain_is_the_difference_to_single_task():
    better, base, worse = (
        outcome("mmoe", TWO, 2.0),
        outcome("single_task", TWO, 1.5),
        outcome("ple", TWO, 1.0),
    )
    rows = {row.name: row for row in comparison_of([better, base, worse], TWO).rows}
    assert rows["mmoe"].gain > 0 > rows["ple"].gain
    assert rows["single_task"].gain == 0
    for head, cell in rows["mmoe"].cells.items():
        mean = np.mean([scores[head]["auc"] for scores in better.scores])
        assert cell.score == pytest.approx(mean)
        assert cell.gain == pytest.approx(mean - np.mean([scores[head]["auc"] for scores in base.scores]))
        assert cell.deviation == pytest.approx(np.std([scores[head]["auc"] for scores in better.scores], ddof=1))
    assert rows["mmoe"].gain == pytest.approx(np.mean([cell.gain for cell in rows["mmoe"].cells.values()]))


def test_equal_designs_tie_and_the_smallest_is_named():
    large = outcome("ple", TWO, 2.0)
    small = replace(large, name="mmoe", cost=outcome("mmoe", TWO, 2.0).cost)
    comparison = comparison_of([large, small, outcome("single_task", TWO, 0.5)], TWO)
    assert comparison.best.name == "ple"
    assert comparison.ties == ("mmoe",)
    assert comparison.rows[1].verdict == "tie"
    assert sentence(comparison).startswith("ple ties with mmoe: the test rows cannot tell them apart.")
    assert f"The smallest of them is mmoe ({short(small.cost.parameters)} parameters)." in sentence(comparison)


def test_the_sentence_says_what_the_table_says():
    base = outcome("single_task", TWO, 1.0)
    assert (
        sentence(comparison_of([base, outcome("mmoe", TWO, 4.0)], TWO))
        == "mmoe is better than every other design here."
    )
    assert sentence(comparison_of([base], TWO)) == "single_task stands alone: there is nothing to compare it with."


def test_the_best_of_a_run_is_the_one_that_it_chose_on_other_rows():
    chosen, lucky = (
        outcome("mmoe", TWO, 1.0, choosing_score=0.9),
        outcome("ple", TWO, 4.0, choosing_score=0.8),
    )
    comparison = comparison_of([lucky, outcome("single_task", TWO, 0.5, choosing_score=0.1), chosen], TWO)
    assert comparison.best.name == "mmoe"
    assert comparison.rows[1].against_best.low > 0
    assert sentence(comparison) == "ple better than mmoe on the test rows; mmoe was chosen on other rows."


def test_each_task_was_helped_harmed_or_neither():
    base = outcome("single_task", TWO, 1.5)
    mixed = outcome("mmoe", TWO, 3.0)
    worse = outcome("ple", TWO, 0.5)
    predictions = tuple(
        {"click": one["click"], "buy": other["buy"]}
        for one, other in zip(mixed.predictions, worse.predictions, strict=True)
    )
    scores = tuple(score_tasks(one, TWO.rows("test"), TWO.schema) for one in predictions)
    mixed = replace(mixed, predictions=predictions, scores=scores)
    comparison = comparison_of([base, mixed, replace(base, name="equal")], TWO)
    cells = {row.name: row.cells for row in comparison.rows}
    assert [cells["mmoe"][task].verdict for task in ("click", "buy")] == ["helped", "harmed"]
    assert [cells["equal"][task].verdict for task in ("click", "buy")] == ["tie", "tie"]
    assert [cells["single_task"][task].verdict for task in ("click", "buy")] == ["", ""]
    assert cells["mmoe"]["click"].gain_interval.difference == pytest.approx(cells["mmoe"]["click"].gain)
    line = next(line for line in shown(comparison) if line.startswith("mmoe") and "±" in line)
    assert line.index("helped") < line.index("harmed")
    assert comparison.frame().set_index("design").loc["mmoe", "buy verdict"] == "harmed"


def test_what_became_of_the_sharing_is_printed_for_those_who_know():
    small = mn.preset("mmoe", TWO.schema, experts=2, hidden=(4,), embedding=2)
    comparison = mn.compare([small], TWO, seeds=1, training=TRAINING)
    older = comparison_of([outcome("single_task", TWO, 1.0)], TWO)
    console = Console(width=80, file=io.StringIO())
    console.print(diagnoses(comparison), diagnoses(older), sep="")
    lines = console.file.getvalue().splitlines()
    assert lines[1] == "How tasks share their networks (first seed, tuning rows):"
    assert {row.name for row in comparison.rows} <= set(lines)
    assert sum("experts carry 90 %" in line for line in lines) in (1, 2)
    assert sum("tasks share no layer" in line for line in lines) == 1
    assert older.rows[0].diagnosis is None


def test_one_seed_has_no_deviation():
    comparison = comparison_of([outcome("single_task", TWO, 1.0, seeds=1), outcome("mmoe", TWO, 2.0, seeds=1)], TWO)
    assert all(cell.deviation is None for row in comparison.rows for cell in row.cells.values())
    assert "1 seed" in shown(comparison)[0]
    assert "1 seeds" not in shown(comparison)[0]
    assert "±." not in "".join(shown(comparison))


def test_a_design_that_leaves_a_task_out_is_refused():
    whole = outcome("mmoe", TWO, 1.0)
    part = replace(whole, name="half", predictions=tuple({"click": one["click"]} for one in whole.predictions))
    with pytest.raises(ArchitectureError, match="'half' predicts no 'buy'; designs are compared on every task"):
        comparison_of([part, outcome("single_task", TWO, 1.0)], TWO)


@pytest.mark.parametrize(
    "tasks",
    [("click", "buy"), (LONG, "купить 🛒"), tuple(f"{index} {LONG}" for index in range(6)), tuple("abcdef")],
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
    comparison = comparison_of([outcome(name, data, quality) for quality, name in enumerate(names)], data)
    lines = shown(comparison)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert "…" not in text
    assert "[bold]x[/b]" in text  # a name is no markup
    assert text.count("±") >= len(tasks) * len(names)
    for row in comparison.rows:
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
    comparison = comparison_of([outcome("single_task", TWO, 1.0), outcome("mmoe", TWO, 2.0)], TWO).frame()
    assert comparison["design"].tolist() == ["mmoe", "single_task"]
    assert comparison["verdict"][0] == "best"
    assert {"click", "click sd", "click gain", "buy", "score", "gain", "parameters", "rows/s", "seeds"} <= set(
        comparison
    )


FUNNEL = load_dataset(
    table(("a|b", "c")).assign(c=lambda frame: frame["c"] * frame["a|b"]), {"a|b": None, "c": {"after": "a|b"}}
)


def test_conditional_heads_have_a_table_of_their_own_whatever_the_tasks_are_called():
    small = {"hidden": (8,), "embedding": 2}
    comparison = mn.compare([mn.preset("esmm", FUNNEL.schema, **small)], FUNNEL, seeds=1, training=TRAINING)
    assert set(comparison.rows[0].cells) | set(comparison.rows[1].cells) == {"a|b", "c", "c|a|b"}
    text = "\n".join(shown(comparison))
    assert "c|a|b AUC" in text
    assert "n/a" in text  # single_task has no such head
    conditional = next(row for row in comparison.rows if row.name == "design 1").cells["c|a|b"]
    assert conditional.score is not None
    assert conditional.gain is None


def test_presets_files_and_designs_are_trained_on_equal_seeds(tmp_path):
    small = mn.preset("mmoe", TWO.schema, experts=2, hidden=(4,), embedding=2)
    graph = compose(small, TWO.schema)
    file = tmp_path / "graph.json"
    file.write_text(graph.model_dump_json())
    mn.Model(mn.build(graph), TWO.schema).save(tmp_path / "model")
    comparison = mn.compare([small, str(file), tmp_path / "model", graph], TWO, seeds=2, training=TRAINING)
    rows = {row.name: row for row in comparison.rows}
    assert set(rows) == {"design 1", str(file), str(tmp_path / "model"), "architecture 4", "single_task"}
    scores = {row.score for name, row in rows.items() if name != "single_task"}
    assert len(scores) == 1  # the same design four times
    assert all(row.seeds == 2 for row in comparison.rows)
    assert len({row.verdict for name, row in rows.items() if name != "single_task"} - {"best", "tie"}) <= 1


def test_two_designs_have_their_differences_listed():
    small, large = (mn.preset("mmoe", TWO.schema, experts=count, hidden=(4,)) for count in (2, 3))
    comparison = mn.compare([small, large], TWO, seeds=1, training=TRAINING)
    assert comparison.differences[0] == "~ level0/expert/0: 2 experts 4 -> 3 experts 4"
    assert "What differs between the graphs (- first, + second, ~ both):" in shown(comparison)
    assert mn.compare([small], TWO, seeds=1, training=TRAINING).differences == ()


def test_single_task_may_be_one_of_the_two():
    small = mn.preset("mmoe", TWO.schema, experts=2, hidden=(4,))
    comparison = mn.compare(["single_task", small], TWO, seeds=1, training=TRAINING)
    assert any(line.startswith("+ level0/gate/click") for line in comparison.differences)
    assert any(line.startswith("- embedding/click") for line in comparison.differences)


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
