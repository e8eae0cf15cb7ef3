"""A comparison of designs: scores with their spread, gains over single-task training, ties and costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from mtl_nas.architecture import differences
from mtl_nas.comparison.comparables import Comparable, architecture_of, design_results, first_run
from mtl_nas.comparison.design_result import DesignResult
from mtl_nas.comparison.rows import Row, comparison_rows
from mtl_nas.comparison.trees import TreesVerdict, trees_of, trees_result, trees_verdict
from mtl_nas.data import Dataset, Schema
from mtl_nas.design import Training
from mtl_nas.trees import BoostedTrees, installed_libraries


@dataclass(frozen=True, repr=False)
class Comparison:
    """Designs that were scored on the same test rows.

    Attributes:
        data: Name of the data set.
        schema: Its columns and tasks.
        rows: One row per design, the best design first; boosted trees by their score.
        differences: Lines with the differences between the graphs, if exactly two designs were given.
        trees: Boosted trees against the best design, if they were asked for.
        of_search: Whether each design has only the training by which a search selected it, so that its score may be
            too high.
    """

    data: str
    schema: Schema
    rows: tuple[Row, ...]
    differences: tuple[str, ...] = ()
    trees: TreesVerdict | None = None
    of_search: bool = False

    @property
    def best(self) -> Row:
        """The row of the best design; of a run, the design that the run chose on other rows."""
        return self.rows[0]

    @property
    def ties(self) -> tuple[str, ...]:
        """Names of the designs that tie with the best one on the test rows."""
        others = [row for row in self.rows if row.against_best is not None and row.cost is not None]
        return tuple(row.name for row in others if row.against_best is not None and row.against_best.tie)

    def __repr__(self) -> str:
        ties = f", which ties with {', '.join(self.ties)}" if self.ties else ""
        return f"Comparison({self.data}: {len(self.rows)} designs; best {self.best.name}{ties})"

    def _repr_html_(self) -> str:
        """The verdict and a line per design, for a notebook."""
        from mtl_nas.comparison.notebook import comparison_html  # which reads this class

        return comparison_html(self)

    def frame(self) -> pd.DataFrame:
        """One line per design with all numbers of the comparison."""
        lines = []
        for row in self.rows:
            line: dict[str, object] = {"design": row.name, "score": row.score, "gain": row.gain, "verdict": row.verdict}
            for head, cell in row.cells.items():
                line |= {head: cell.score, f"{head} sd": cell.deviation, f"{head} gain": cell.gain}
                line |= {f"{head} verdict": cell.verdict} if head in self.schema.task_names else {}
            parameters, speed = (None, None) if row.cost is None else (row.cost.parameters, row.cost.rows_per_second)
            lines.append(line | {"parameters": parameters, "rows/s": speed, "seeds": row.seeds})
        return pd.DataFrame(lines)


def compare(
    what: Sequence[Comparable],
    data: Dataset,
    *,
    seeds: int = 3,
    training: Training | None = None,
    device: str | None = None,
    trees: bool | None = None,
) -> Comparison:
    """Score designs on the test rows, on equal seeds and with equal training.

    Args:
        what: Runs, run folders, names of presets, designs, architectures, architecture files or model folders. The
            finalists stand for a run, with the scores of its final stage. `single_task` is added if it is missing.
        data: The data set to train and score on; that of the runs, if there are any.
        seeds: Number of trainings of each design that no run has trained; with a run, its seeds are used.
        training: How those designs are trained; the default of the first run's space, or else of `Training`.
        device: `cpu` or `cuda`; by default the GPU if there is one.
        trees: Whether boosted trees, one model per task, are compared too; by default if the first run says so. They
            are trained once: a run folder keeps what they predict. Needs the extra `trees`.

    Returns:
        Scores per task with deviations over seeds, gains over `single_task` with 95 % intervals, ties and costs.

    Raises:
        MtlNasError: One of `what` is no run, preset, design or file, or no library of boosted trees is installed.
        RunError: A run is not finished or was made on other data.
        ArchitectureError: A graph was made for other columns, or predicts only some of the tasks.
        DataError: The test rows are of one class in every task.

    Example:
        >>> import mtl_nas as mn
        >>> data = mn.load_dataset("synthetic-funnel")
        >>> comparison = mn.compare(["mmoe", "ple"], data, seeds=3)  # doctest: +SKIP
        >>> comparison.best.name, comparison.ties  # doctest: +SKIP
        ('ple', ('mmoe',))
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    run = first_run(what)
    wanted = trees or (trees is None and run is not None and run.settings.trees)
    if wanted and run is None:
        installed_libraries()  # a missing library is said before networks are trained
    designs = design_results(what, data, seeds=seeds, training=training or Training(), device=device)
    boosted = trees_of(data, None if run is None else run.path) if wanted else None
    lines = differences(*(architecture_of(given, data) for given in what)) if len(what) == 2 else ()
    return comparison_of(designs, data, lines, boosted)


def comparison_of(
    designs: Sequence[DesignResult], data: Dataset, lines: Sequence[str] = (), trees: BoostedTrees | None = None
) -> Comparison:
    """The comparison of designs, and of boosted trees, that were tested already."""
    of_runs = [design.of_search for design in designs if design.choosing_score is not None]
    of_search = bool(of_runs) and all(of_runs)
    if trees is None:
        return Comparison(data.name, data.schema, comparison_rows(designs, data), tuple(lines), of_search=of_search)
    result = trees_result(trees, tuple(dict.fromkeys(seed for design in designs for seed in design.seeds)))
    rows = comparison_rows([*designs, result], data)
    best = next(design for design in designs if design.name == rows[0].name)
    verdict = trees_verdict(trees, result, best, data)
    return Comparison(data.name, data.schema, rows, tuple(lines), verdict, of_search)
