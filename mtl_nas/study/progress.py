"""The progress of a search, for people: a line per milestone, or per event if details are wanted, and a live panel."""

import textwrap
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mtl_nas.data import Schema
from mtl_nas.record import (
    Best,
    Chosen,
    Closed,
    Event,
    Failed,
    Finalist,
    NetworkName,
    Note,
    Piloted,
    Promoted,
    Proposed,
    Retired,
    Scored,
    Selected,
    Stopped,
    Trial,
)
from mtl_nas.scoring import Scores
from mtl_nas.study.schedule.budget import expected_work, work_done
from mtl_nas.study.search_state import SearchState
from mtl_nas.terminal import Terminal

MILESTONES = (Best, Chosen, Closed, Failed, Note, Piloted, Selected)  # events that are told without details
SPARKS = "▁▂▃▄▅▆▇█"


class Progress:
    """A watcher of a journal, with the journal's state, that prints to standard error.

    Args:
        state: The state of the journal.
        schema: The tasks.
        shown: Whether anything is printed.
        details: Whether every event is printed, not milestones alone.
        console: Where to print.
    """

    def __init__(
        self,
        state: SearchState,
        schema: Schema,
        *,
        shown: bool,
        details: bool = False,
        console: Console | None = None,
    ) -> None:
        self._state, self._schema, self._shown, self._details = state, schema, shown, details
        self._console = console or Terminal(stderr=True)
        self._last = "starting"
        self._best: list[float] = []  # values of the networks that were in best/, in their order
        self._barrier = False  # whether promotions were decided that no line has told yet
        self._start = time.monotonic()
        self._done_before = 0.0
        self._live = Live(console=self._console, refresh_per_second=4, transient=True, get_renderable=self._panel)

    def __enter__(self) -> "Progress":
        self._done_before = work_done(self._state)
        if self._shown and self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live.is_started:
            self._live.stop()

    def remark(self, text: str, style: str = "dim") -> None:
        """Print a text, if progress is shown, in lines that are no longer than the terminal."""
        if self._shown:
            width = max(self._console.width, 40)
            for line in textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False):
                self._console.print(Text(line, style), soft_wrap=True)  # Text, as names may look like markup

    def __call__(self, event: Event) -> None:
        if self._barrier and not isinstance(event, Promoted | Stopped | Selected):
            self._barrier = False
            self._tell(trials_sentence(self._state), milestone=True)
        self._barrier = self._barrier or isinstance(event, Promoted | Stopped)
        if isinstance(event, Selected):
            self._best.append(event.score)
        sentence = event_sentence(self._state, event, self._schema)
        if sentence is not None:
            self._tell(sentence, milestone=isinstance(event, MILESTONES))

    def _tell(self, sentence: str, *, milestone: bool) -> None:
        self._last = sentence
        if milestone or self._details:
            self.remark(f"{_clock(time.monotonic() - self._start)} {sentence}", style="")

    def _panel(self) -> Group:
        state = self._state
        done, total = work_done(state), expected_work(state)
        elapsed, new = time.monotonic() - self._start, done - self._done_before
        left = f"about {_clock(elapsed / new * max(total - done, 0))} left" if new > 0 else "estimating"
        bar = ProgressBar(total=total, completed=min(done, total), width=20)
        head, lines = Table.grid(padding=(0, 2)), Table.grid(padding=(0, 2))
        head.add_row("comparison" if state.chosen else "search", bar, f"{_clock(elapsed)} gone, {left}")
        lines.add_row("trials", Text(trials_sentence(state)))
        if state.selected is not None:
            best = state.trials[state.selected.number]
            lines.add_row("best so far", Text(f"{_title(best)}  {sparkline(self._best)}".rstrip()))
            lines.add_row("", Text(_against_baseline(state, best, self._schema), overflow="fold"))
        lines.add_row("last", Text(self._last, overflow="fold"))
        return Group(head, lines)


def trials_sentence(state: SearchState) -> str:
    """How many trials are where."""
    last = len(state.settings.rungs) - 1
    trained = state.trained
    of = "" if state.settings.trainings else f" of {state.settings.proposals}"
    counts = {
        "trained to the end": sum(last in trial.scored for trial in trained),
        "stopped": sum(trial.stopped is not None for trial in trained),
        "failed": sum(trial.failed is not None for trial in trained),
    }
    under_way = len(trained) - sum(map(state.settled, trained))
    parts = [f"{count} {words}" for words, count in {**counts, "under way": under_way}.items() if count]
    return f"{len(trained)}{of} trials: {', '.join(parts) or 'none done'}"


def sparkline(values: Sequence[float]) -> str:
    """The last values as a line of blocks, from the least to the greatest; empty below two values.

    >>> sparkline([0.70, 0.72, 0.74])
    '▁▅█'
    """
    shown = list(values)[-20:]
    low, high = (min(shown), max(shown)) if shown else (0.0, 0.0)
    if len(shown) < 2 or high == low:
        return ""
    return "".join(SPARKS[int((value - low) / (high - low) * (len(SPARKS) - 1) + 0.5)] for value in shown)


def _against_baseline(state: SearchState, trial: Trial, schema: Schema) -> str:
    """The best network's score per task on the choosing rows, and the difference from the baseline's network."""
    stored = state.networks_of(trial)
    selected = state.selected
    if selected is None:
        return ""
    best = stored.get(NetworkName(selected.number, selected.seed, selected.rung))
    of_baseline = list(state.networks_of(state.baseline).values()) if state.baseline else []
    parts = []
    for task in schema.tasks:
        score = None if best is None else best.scores.get(task.name, {}).get(task.main_metric)
        reference = of_baseline[-1].scores.get(task.name, {}).get(task.main_metric) if of_baseline else None
        if score is not None:
            gain = "" if reference is None or trial is state.baseline else f" ({score - reference:+.4f})"
            parts.append(f"{task.name} {score:.4f}{gain}")
    return "  ".join(parts)


def event_sentence(state: SearchState, event: Event, schema: Schema) -> str | None:
    """An event in words; None for events that progress does not show."""
    trial = state.trials.get(getattr(event, "number", -1))
    title = "" if trial is None else _title(trial)
    match event:
        case Proposed(duplicate_of=int(original), replicate=0):
            return f"trial {event.number} repeats trial {original}: answered from the record"
        case Scored():
            return f"{title} at rung {event.rung}: {scores_text(event.scores, schema)}"
        case Stopped():
            return f"{title} stopped: {event.reason}"
        case Failed():
            return f"{title} failed ({event.failure}): {event.reason}"
        case Finalist():
            count = 0 if trial is None else len(trial.finalist)
            return f"{title}, fresh seed {count}: {scores_text(event.scores, schema)}"
        case Piloted():
            return f"pilot: {event.reason}"
        case Retired():
            return f"{title} gets no further seed: {event.reason}"
        case Closed():
            return f"no further proposals: {event.reason}"
        case Selected():
            part = "" if event.rung is None else f", trained to {state.settings.rungs[event.rung]:.0%}"
            gain = "" if event.gain is None else f" ({event.gain:+.4f})"
            return f"best/ is {title}{part}: {event.score:.4f} on the choosing rows{gain}"
        case Chosen():
            return _comparison_sentence(event)
        case Note():
            return event.text
        case Best():
            return f"best: {'an ensemble' if event.ensemble else title}: {event.reason}"
    return None


def _comparison_sentence(chosen: Chosen) -> str:
    if not chosen.numbers:
        return "no designs are compared on fresh seeds"
    if chosen.trainings is None:
        return f"comparison: {len(chosen.numbers)} designs on {len(chosen.seeds)} fresh seeds"
    return f"comparison: {len(chosen.numbers)} designs on fresh seeds, {chosen.trainings} trainings at most"


def scores_text(scores: Scores, schema: Schema) -> str:
    """The main metric of every head."""
    values = {head: metrics.get(schema.task_of(head)[0].main_metric) for head, metrics in scores.items()}
    return "  ".join(f"{head} {'n/a' if value is None else f'{value:.4f}'}" for head, value in values.items())


def _title(trial: Trial) -> str:
    return trial.name if trial.preset else f"{trial.name} ({trial.proposed.origin})"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
