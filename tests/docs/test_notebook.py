"""The notebook in examples/: its cells run from top to bottom, and what a cell ends with shows itself."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from tiny_search import RESAMPLES

from mtl_nas.scoring import bootstrap

TOUR = Path(__file__).parents[2] / "examples" / "tour.ipynb"
CELLS = [cell for cell in json.loads(TOUR.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def shown(code: str, names: dict[str, Any]) -> Any:
    """Run a cell as Jupyter does: the value of a last line that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if isinstance(last, ast.Expr) else None


@pytest.mark.slow
def test_the_tour_runs_and_everything_in_it_shows_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bootstrap, "REPLICATES", RESAMPLES)
    names: dict[str, Any] = {"__name__": "tour"}
    values = [shown("".join(cell["source"]), names) for cell in CELLS]
    kinds = [type(value).__name__ for value in values if value is not None]
    assert kinds == [
        "Dataset",
        "SearchSpace",
        "Architecture",
        "Run",
        "LayerChart",
        "Comparison",
        "LayerChart",
        "DataFrame",
    ]
    for value in values:
        if hasattr(value, "_repr_html_"):
            assert value._repr_html_().startswith("<")
        elif value is not None:
            assert value.to_dict()["$schema"]


def test_the_notebook_is_kept_without_outputs():
    assert [cell for cell in CELLS if cell["outputs"] or cell["execution_count"]] == []
