"""The charts of a report one by one, as Altair charts that a notebook shows and that can be changed."""

from pathlib import Path

from mtl_nas.comparison import Comparison
from mtl_nas.diagnosis import Diagnosis
from mtl_nas.errors import MtlNasError
from mtl_nas.report import charts, frames
from mtl_nas.report.charts import Chart
from mtl_nas.study import Run, load_run, space_report


def plot_search(run: Run | str | Path) -> Chart:
    """Scores on tuning rows in the order of proposal, and the best so far.

    Args:
        run: A run, also while its search goes on, or its folder.

    Returns:
        An Altair chart: `chart.properties(width=600)`, `chart.save("search.html")`.

    Raises:
        MtlNasError: No trial has a score yet.
    """
    return charts.search_over_time(frames.trials(_with_scores(run)))


def plot_front(run: Run | str | Path) -> Chart:
    """Scores on tuning rows against the number of trained parameters.

    Args:
        run: A run, also while its search goes on, or its folder.

    Returns:
        An Altair chart.

    Raises:
        MtlNasError: No trial has a score yet.
    """
    return charts.front(frames.trials(_with_scores(run)))


def plot_learning(run: Run | str | Path) -> Chart:
    """Scores of each trial at its rungs, against the train rows that it had read.

    Args:
        run: A run, also while its search goes on, or its folder.

    Returns:
        An Altair chart.

    Raises:
        MtlNasError: No trial has a score yet.
    """
    return charts.learning(frames.rungs(_with_scores(run)))


def plot_importance(run: Run | str | Path) -> Chart:
    """How far the decisions of the space moved scores, with 95 % intervals.

    Args:
        run: A run, or its folder.

    Returns:
        An Altair chart.

    Raises:
        MtlNasError: The run has too few trials.
    """
    run = _with_scores(run)
    report = space_report.report(run.space(), run.state)
    if not report.effects:
        raise MtlNasError(
            f"{report.compared} trials of '{run.path}' are too few to say what mattered; "
            f"{space_report.FEWEST_TRIALS} are needed"
        )
    return charts.importance(frames.decisions(report))


def plot_comparison(comparison: Comparison) -> Chart:
    """Differences of the mean test score from the best design, with 95 % intervals.

    Args:
        comparison: A comparison of two designs or more.

    Returns:
        An Altair chart.
    """
    return charts.against_the_best(frames.differences(comparison))


def plot_gains(comparison: Comparison, task: str) -> Chart:
    """Gains of a task over single-task training, with 95 % intervals: right of zero, sharing helps.

    Args:
        comparison: A comparison with the baseline, `single_task`, and other designs.
        task: The task.

    Returns:
        An Altair chart.

    Raises:
        DataError: There is no such task.
        MtlNasError: No design has a gain, as nothing or the baseline alone was compared.
    """
    comparison.schema.task(task)
    gains = frames.task_gains(comparison)
    gains = gains[gains["task"] == task].drop(columns="task")
    if not len(gains):
        raise MtlNasError(f"no design of the comparison has a gain of '{task}' over single-task training")
    return charts.gains(gains)


def plot_gates(diagnosis: Diagnosis) -> Chart:
    """Who reads which expert: the mean weight that each gate gives each of its inputs.

    Args:
        diagnosis: `comparison.best.diagnosis`, or that of `mtl_nas.diagnose`.

    Returns:
        An Altair chart.

    Raises:
        MtlNasError: The network has no gates.
    """
    weights = frames.gate_weights(diagnosis)
    if not len(weights):
        raise MtlNasError("the network has no gates")
    return charts.gates(weights)


def plot_conflicts(diagnosis: Diagnosis) -> Chart:
    """Cosines between the gradients of tasks by what they share: negative ones pull against each other.

    Args:
        diagnosis: `comparison.best.diagnosis`, or that of `mtl_nas.diagnose`.

    Returns:
        An Altair chart.

    Raises:
        MtlNasError: No tasks share anything.
    """
    cosines = frames.gradient_cosines(diagnosis)
    if not len(cosines):
        raise MtlNasError("no two tasks of the network share parameters")
    return charts.conflicts(cosines)


def _with_scores(run: Run | str | Path) -> Run:
    run = run if isinstance(run, Run) else load_run(run)
    if not any(trial.scored for trial in run.state.trained):
        raise MtlNasError(f"no trial of '{run.path}' has a score yet")
    return run
