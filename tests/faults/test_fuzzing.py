"""Mutated files: each is read, or refused by an error of one line that can be printed, in bounded memory and time."""

import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from bounded_reading import message_problem, problem_of, problems
from command_child import SEARCH, shop, write_shop
from fault_cases import FaultCases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutation import mutated

import mtl_nas as mn
from mtl_nas.study import load_run, read_search

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "tests" / "fixtures" / "mutated"  # inputs that once were no MtlNasError, by the name of their kind
BLOCK = 500  # inputs of a process
TASKS = {"click": {"kind": "binary"}, "price": {"kind": "regression"}}


class Kind:
    """A kind of input: the files that are mutated, where they lie, and what reads them."""

    def __init__(self, file: str, originals: str, read: Callable[[Path], object], long: int, *, tree: bool = True):
        self.file, self.originals, self.read, self.long, self.tree = file, originals, read, long, tree


def read_table(path: Path) -> object:
    data = mn.load_dataset(str(path), tasks=TASKS)
    wrong = [problem for line in (repr(data), *data.notes) if (problem := message_problem(line))]
    assert not wrong, wrong
    return data


def read_space(path: Path) -> object:
    return mn.load_space(str(path)).for_schema(SCHEMA)


def read_run(path: Path) -> object:
    run = load_run(path.parent)
    return [trial.name for trial in [*run.trials(), *run.finalists(), *run.front()]], run.finished


def read_model(path: Path) -> object:
    return mn.load_model(path.parent).predict(shop(4))


SCHEMA = mn.load_dataset(shop(), tasks=TASKS).schema
KINDS = {
    "architecture": Kind("model/architecture.json", "model/architecture.json", mn.load_architecture, 30_000),
    "model architecture": Kind("model/architecture.json", "model/architecture.json", read_model, 4_000),
    "schema": Kind("model/schema.json", "model/schema.json", read_model, 10_000),
    "weights": Kind("model/model.safetensors", "model/model.safetensors", read_model, 4_000, tree=False),
    "ensemble": Kind("ensemble/ensemble.json", "ensemble/ensemble.json", read_model, 4_000),
    "record": Kind("run/trials.jsonl", "run/trials.jsonl", read_run, 16_000),
    "request": Kind("run/search.yaml", "run/search.yaml", read_run, 6_000),
    "space": Kind("space.yaml", "spaces/*.yaml", read_space, 12_000),
    "search file": Kind("search.yaml", "searches/*.yaml", lambda path: read_search(str(path)), 5_000),
    "csv": Kind("table.csv", "tables/*.csv", read_table, 4_000, tree=False),
    "json lines": Kind("table.jsonl", "tables/*.jsonl", read_table, 4_000),
    "parquet": Kind("table.parquet", "tables/*.parquet", read_table, 4_000, tree=False),
}
SPACES = sorted((ROOT / "search_spaces").glob("*.yaml"))
SHORT = 240  # inputs of each kind in CI


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real files of every kind, small ones."""
    folder = tmp_path_factory.mktemp("template") / "shop"
    folder.mkdir()
    write_shop(folder)
    for name in ("spaces", "searches", "tables"):
        (folder / name).mkdir()
    for path in SPACES:
        shutil.copy(path, folder / "spaces")
    (folder / "spaces" / "tiny.yaml").write_text(yaml.safe_dump(SEARCH["space"]), encoding="utf-8")
    for number, changes in enumerate(SEARCHES):
        (folder / "searches" / f"{number}.yaml").write_text(yaml.safe_dump(SEARCH | changes), encoding="utf-8")
    frame = shop(24).assign(day="2024-03-05 10:00", seen='["a", "b"]', id=range(24))
    frame.to_csv(folder / "tables" / "a.csv", index=False)
    frame.to_json(folder / "tables" / "a.jsonl", orient="records", lines=True)
    frame.assign(seen=[["a", "b"]] * 24).to_parquet(folder / "tables" / "a.parquet")
    return folder


SEARCHES: tuple[dict[str, Any], ...] = (
    {},
    {"space": "mmoe", "data": {"table": "shop.csv", "split": {"folds": 3}}},
    {"data": {"table": "shop.csv", "columns": {"color": "category"}, "ignore": ["size"], "split": {"column": "color"}}},
    {"tasks": {"click": {"kind": "binary", "positive": 1, "weight": "size"}, "price": {"kind": "regression"}}},
    {"search": {"trials": 3, "objectives": ["mean", "parameters"], "limits": {"macs": 1000}, "time": "30m"}},
)


@pytest.mark.parametrize("name", [name for name in KINDS if (KEPT / name.replace(" ", "-")).exists()])
def test_inputs_that_once_were_wrong_are_read_or_refused(
    name: str, tmp_path: Path, template: Path, cases: FaultCases
) -> None:
    kept = sorted((KEPT / name.replace(" ", "-")).glob("*"))
    shutil.copytree(template, tmp_path / "shop")
    kind = KINDS[name]
    wrong = problems(kind.read, tmp_path / "shop" / kind.file, ((path.name, path.read_bytes()) for path in kept))
    cases.add(f"kept input, {name}", "all", None, len(kept))
    for input_name, problem in wrong:
        cases.add(f"kept input, {name}", input_name, problem, 0)


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("name", KINDS)
def test_mutated_inputs_are_read_or_refused(
    name: str, part: int, tmp_path: Path, template: Path, cases: FaultCases, every_fault: bool
) -> None:
    kind = KINDS[name]
    originals = [path.read_bytes() for path in sorted(template.glob(kind.originals))]
    shutil.copytree(template, tmp_path / "shop")
    numbers = range(part, kind.long if every_fault else SHORT, 4)
    for start in range(0, len(numbers), BLOCK):
        block = numbers[start : start + BLOCK]
        inputs = ((str(number), mutated(originals, number, is_tree=kind.tree)) for number in block)
        cases.add(f"mutated {name}", "", None, len(block))
        for number, problem in problems(kind.read, tmp_path / "shop" / kind.file, inputs):
            cases.add(f"mutated {name}", f"input {number}", problem, 0)


def words_of(tree: Any) -> Iterator[str]:
    """The keys and words of a tree."""
    if isinstance(tree, dict):
        yield from (word for item in tree.items() for part in item for word in words_of(part))
    elif isinstance(tree, list):
        yield from (word for part in tree for word in words_of(part))
    elif isinstance(tree, str):
        yield tree


WORDS = st.sampled_from(
    sorted({*words_of(SEARCH), *(w for path in SPACES for w in words_of(yaml.safe_load(path.read_text())))})
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), WORDS)
TREES = st.recursive(
    LEAVES, lambda below: st.lists(below, max_size=4) | st.dictionaries(WORDS, below, max_size=4), max_leaves=16
)
WHOLE: dict[str, tuple[Any, str, Callable[[Path], object]]] = {
    "search file": (
        st.fixed_dictionaries({}, optional={key: TREES | st.just(SEARCH[key]) for key in SEARCH}),
        "search.yaml",
        lambda path: read_search(str(path)),
    ),
    "space": (
        st.fixed_dictionaries({}, optional={"design": TREES, "training": TREES, "about": TREES}),
        "space.yaml",
        read_space,
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_trees_of_the_words_of_the_grammar_are_read_or_refused(
    name: str, tmp_path: Path, cases: FaultCases, every_fault: bool
) -> None:
    trees, file, read = WHOLE[name]
    shop().to_csv(tmp_path / "shop.csv", index=False)
    examples = 3_000 if every_fault else 60

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), deadline=None, derandomize=True)
    @given(trees)
    def reads(tree: Any) -> None:
        (tmp_path / file).write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8", errors="replace")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem = problem_of(read, tmp_path / file)
        cases.counts[f"tree of words, {name}"] += 1
        assert problem is None, problem

    reads()
