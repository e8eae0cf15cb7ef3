"""What a report says: its sections, made from a run and its comparison."""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from mtl_nas.architecture import drawing
from mtl_nas.comparison import Comparison, sentence, short, signed, trees_sentence
from mtl_nas.comparison.design_result import DesignResult
from mtl_nas.comparison.rows import Row
from mtl_nas.comparison.tables import marked, one_seed
from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.diagnosis import summary_lines
from mtl_nas.record import Trial
from mtl_nas.report import charts, frames
from mtl_nas.report.parts import Cell, Contents, Figure, PageTable, Section
from mtl_nas.report.trial_text import trial_text
from mtl_nas.study import Run, space_report

HOURS, MINUTES = 3600, 60


def contents(run: Run, data: Dataset, comparison: Comparison, best: DesignResult) -> Contents:
    """The report of a finished run; ``best`` has the test predictions of the design that the run chose."""
    best_number = run.best().number
    trials = [trial for trial in run.state.trained if trial.scored or trial.failed is not None]
    trials.sort(key=lambda trial: (trial.number != best_number, trial.number))
    sections = [
        _comparison(comparison),
        _sharing(comparison, best),
        _architecture(run, data),
        _search(run),
        _trials(trials),
        *_importance(run),
        _predictions(best, data),
        _cost(run),
        _notes(data),
        _reproduce(run),
    ]
    return Contents(
        title=f"Search on {data.name}",
        verdict=sentence(comparison),
        sharing=_sharing_sentence(comparison.best),
        data=f"{repr(data).removesuffix(')').partition('(')[2]}",
        sections=[section for section in sections if _holds_anything(section)],
        trials=[{"number": trial.number, "text": trial_text(run, data, trial)} for trial in trials],
    )


def _holds_anything(section: Section) -> bool:
    return bool(section.paragraphs or section.table or section.figures or section.drawing or section.lines)


def _comparison(comparison: Comparison) -> Section:
    tasks = comparison.schema.task_names
    metrics = {task: comparison.schema.task(task).main_metric.upper() for task in tasks}
    columns = [
        "design",
        "score",
        "against the best",
        *(f"{task} {metrics[task]}" for task in tasks),
        "parameters",
        "seeds",
    ]
    rows = [
        [
            Cell(row.name),
            Cell(f"{row.score:.4f}"),
            Cell(marked(row.verdict, row.against_best), "tie" if row.verdict == "tie" else ""),
            *(_task_cell(row, task) for task in tasks),
            Cell("" if row.cost is None else short(row.cost.parameters)),
            Cell(str(row.seeds)),
        ]
        for row in comparison.rows
    ]
    figure = Figure(
        "differences",
        "Differences of the mean test score from the best design, with 95 % intervals over test rows and seeds. "
        "An interval that contains zero is a tie.",
        {"": charts.against_the_best(frames.differences(comparison))},
    )
    text = "Scores on test rows that the search never read; the last column says how many trainings a score is of."
    return Section(
        "comparison",
        "The comparison",
        [sentence for sentence in (text, one_seed(comparison), trees_sentence(comparison)) if sentence],
        PageTable(columns, rows, first_is_best=True),
        [figure] if len(comparison.rows) > 1 else [],
    )


def _task_cell(row: Row, task: str) -> Cell:
    cell = row.cells.get(task)
    if cell is None or cell.score is None:
        return Cell("n/a")
    gain = f" ({signed(cell.gain)} {marked(cell.verdict, cell.gain_interval)})" if cell.verdict else ""
    return Cell(f"{cell.score:.4f}{gain}", cell.verdict)


def _sharing_sentence(best: Row) -> str:
    """Which tasks gain or lose by being trained together, in the best design."""
    by_verdict: dict[str, list[str]] = {}
    for name, cell in best.cells.items():
        if cell.verdict:
            by_verdict.setdefault(cell.verdict, []).append(name)
    phrases = {"helped": "helped {}", "harmed": "harmed {}", "tie": "made no measurable difference to {}"}
    parts = [
        phrase.format(", ".join(by_verdict[verdict])) for verdict, phrase in phrases.items() if verdict in by_verdict
    ]
    if not parts:
        return ""
    once = any(cell.gain_interval is not None and cell.gain_interval.seeds == 1 for cell in best.cells.values())
    of_one = " (by one training of each; another may say otherwise)" if once else ""
    return f"Against one network per task, training them together in {best.name} {'; it '.join(parts)}{of_one}."


def _sharing(comparison: Comparison, best: DesignResult) -> Section:
    gains, shown = frames.task_gains(comparison), []
    if len(gains):
        caption = "Gain of each task over single-task training, with 95 % intervals: right of zero, sharing helps."
        shown.append(Figure("gains", caption, _by_task(charts.gains, gains)))
    diagnosis, paragraphs = best.diagnosis, []
    if diagnosis is not None:
        weights, cosines = frames.gate_weights(diagnosis), frames.gradient_cosines(diagnosis)
        if len(weights):
            caption = f"Who reads which expert in {best.name}: mean weights."
            shown.append(Figure("gates", caption, {"": charts.gates(weights)}))
        if len(cosines):
            caption = "Cosines between the tasks' gradients by what they share: negative ones pull against each other."
            shown.append(Figure("conflicts", caption, {"": charts.conflicts(cosines)}))
        paragraphs = [f"{label}: {text}" for label, text in summary_lines(diagnosis)]
    return Section("sharing", "How the tasks share", paragraphs, figures=shown)


def _architecture(run: Run, data: Dataset) -> Section:
    trial = run.best()
    graph = compose(trial.proposal.design, data.schema)
    size = f"{graph.parameters:,} trained parameters, {graph.macs:,} multiply-adds per row."
    return Section(
        "architecture", f"The best architecture: {trial.name}", [size, run.reason], drawing=drawing.svg(graph)
    )


def _search(run: Run) -> Section:
    trials, rungs = frames.trials(run), frames.rungs(run)
    shown = [
        Figure(
            "search",
            "Scores on tuning rows in the order of proposal, and the best so far.",
            {"": charts.search_over_time(trials)},
        ),
        Figure("front", "Score against size; click a trial to see what it is.", {"": charts.front(trials)}),
        Figure("learning", "How scores grew with training; what was cut ends early.", {"": charts.learning(rungs)}),
    ]
    return Section("search", "The search", _search_sentences(run), figures=shown)


def _search_sentences(run: Run) -> list[str]:
    report = space_report.report(run.space(), run.state)
    counts = frames.trials(run)["outcome"].value_counts()
    sentences = [
        f"{report.proposals:,} proposals: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) + "."
    ]
    if report.failures:
        kinds = ", ".join(f"{count} {kind}" for kind, count in report.failures.items())
        sentences.append(f"Failed trainings: {kinds}.")
    if run.state.pilot is not None:
        sentences.append(run.state.pilot.reason)
    return sentences


def _trials(trials: Sequence[Trial]) -> Section:
    names = [f"{trial.name}: {'failed' if trial.score is None else f'{trial.score:.4f}'}" for trial in trials]
    text = "Pick a trial, or click one in the charts above: its design, and how its graph differs from the best."
    return Section("trials", "One trial", [text], picker=names)


def _importance(run: Run) -> Iterator[Section]:
    report = space_report.report(run.space(), run.state)
    if not report.effects:
        return
    caption = (
        f"Differences between groups of {report.compared} trials, with 95 % intervals; blue ones are significant. The "
        "trials are no experiment: a reason to look, not a proof."
    )
    figure = Figure("importance", caption, {"": charts.importance(frames.decisions(report))})
    yield Section("importance", "What mattered", [edge.sentence for edge in report.edges], figures=[figure])


def _predictions(best: DesignResult, data: Dataset) -> Section:
    shown = []
    calibration = frames.calibration(best.predictions[0], data)
    if len(calibration):
        caption = "Mean prediction and mean label of ten groups of test rows, with 95 % intervals; dashed: equal."
        shown.append(Figure("calibration", caption, _by_task(charts.calibration, calibration)))
    histograms = frames.distributions(best.predictions[0], data)
    if len(histograms):
        caption = "Predicted probabilities by label."
        shown.append(Figure("distributions", caption, _by_task(charts.distributions, histograms)))
    return Section("predictions", f"Predictions of {best.name} on the test rows", figures=shown)


def _by_task(chart: Callable[[pd.DataFrame], charts.Chart], frame: pd.DataFrame) -> dict[str, charts.Chart]:
    """A chart for each task, by its name."""
    return {str(task): chart(rows.drop(columns="task")) for task, rows in frame.groupby("task", sort=False)}


def _cost(run: Run) -> Section:
    state = run.state
    final = sum(result.seconds for trial in state.finalists for result in trial.finalist.values())
    lines = [
        f"{_duration(state.seconds)} of training, summed over workers, of which {_duration(final)} compared designs on "
        "fresh seeds; "
        f"{state.rows:,} rows were read in {len(state.trained):,} trials.",
    ]
    return Section("cost", "What it cost", lines)


def _duration(seconds: float) -> str:
    """Seconds in words.

    >>> _duration(42), _duration(250), _duration(8_000)
    ('42 s', '4 min 10 s', '2 h 13 min')
    """
    if seconds >= HOURS:
        return f"{int(seconds // HOURS)} h {int(seconds % HOURS // MINUTES)} min"
    if seconds >= MINUTES:
        return f"{int(seconds // MINUTES)} min {int(seconds % MINUTES)} s"
    return f"{seconds:.0f} s"


def _notes(data: Dataset) -> Section:
    return Section("notes", "What was read", data.notes)


def _reproduce(run: Run) -> Section:
    versions = ", ".join(f"{name} {version}" for name, version in run.request.versions.items())
    lines = [
        f"mtl-search run {run.path}/search.yaml --folder AGAIN",
        f"seed {run.settings.seed}",
        versions,
        f"fingerprint of the data {run.request.fingerprint}",
    ]
    text = "The record, the settings and the models lie in the run folder."
    return Section("reproduce", "Make it again", [text], lines="\n".join(lines))
