"""The progress of a search, for people: a live panel on a terminal, otherwise one line per event."""

import time
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
    Note,
    Piloted,
    Proposed,
    Retired,
    Scored,
    Stopped,
    Trial,
)
from mtl_nas.scoring import Scores
from mtl_nas.study.schedule.budget import expected_work, work_done
from mtl_nas.study.search_state import SearchState
from mtl_nas.terminal import Terminal


class Progress:
    """A watcher of a journal, with the journal's state, that prints to standard error."""

    def __init__(self, state: SearchState, schema: Schema, *, shown: bool, console: Console | None = None) -> None:
        self._state, self._schema, self._shown = state, schema, shown
        self._console = console or Terminal(stderr=True)
        self._last = "starting"
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

    def remark(self, line: str, style: str = "dim") -> None:
        """Print a line, if progress is shown."""
        if self._shown:
            self._console.print(Text(line, style), soft_wrap=True)  # Text, as names of tasks may look like markup

    def __call__(self, event: Event) -> None:
        sentence = event_sentence(self._state, event, self._schema)
        if sentence is not None:
            self._last = sentence
            if not self._console.is_terminal:
                self.remark(f"{_clock(time.monotonic() - self._start)} {sentence}", style="")

    def _panel(self) -> Group:
        state = self._state
        done, total = work_done(state), expected_work(state)
        elapsed, new = time.monotonic() - self._start, done - self._done_before
        left = f"about {_clock(elapsed / new * max(total - done, 0))} left" if new > 0 else "estimating"
        trial = f"trial {len(state.trained)}" + ("" if state.settings.trainings else f" of {state.settings.trials}")
        bar = ProgressBar(total=total, completed=min(done, total), width=24)
        head, lines = Table.grid(padding=(0, 2)), Table.grid(padding=(0, 2))
        head.add_row("finalists" if state.chosen else trial, bar, f"{_clock(elapsed)} gone, {left}")
        best = next(iter(state.furthest_first(state.trained)), None)
        if best is not None:
            scores = scores_text(best.scored[max(best.scored)].scores, self._schema)
            lines.add_row("best so far", _title(best), Text(scores))
        lines.add_row("last", Text(self._last, overflow="fold"))
        return Group(head, lines)


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
            return f"finalist {title}, seed {count}: {scores_text(event.scores, schema)}"
        case Piloted():
            return f"pilot: {event.reason}"
        case Retired():
            return f"finalist {title} gets no further seed: {event.reason}"
        case Closed():
            return f"no further proposals: {event.reason}"
        case Chosen():
            return f"finalists: {len(event.numbers)} designs on {len(event.seeds)} fresh seeds"
        case Note():
            return event.text
        case Best():
            return f"best: {title}: {event.reason}"
    return None


def scores_text(scores: Scores, schema: Schema) -> str:
    """The main metric of every head."""
    values = {head: metrics.get(schema.task_of(head)[0].main_metric) for head, metrics in scores.items()}
    return "  ".join(f"{head} {'n/a' if value is None else f'{value:.4f}'}" for head, value in values.items())


def _title(trial: Trial) -> str:
    return trial.name if trial.preset else f"{trial.name} ({trial.proposed.origin})"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
