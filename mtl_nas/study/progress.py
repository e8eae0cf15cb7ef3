"""What a person sees while a search runs: on a terminal one live panel, elsewhere a line an event."""

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mtl_nas.record.events import (
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
)
from mtl_nas.record.request import Request
from mtl_nas.record.state import Standing, Trial
from mtl_nas.settings import Budget
from mtl_nas.study.objectives.limits import said


class Progress:
    """Call it with every new fact; it looks the rest up in the standing."""

    def __init__(self, request: Request, absent: Mapping[str, str], *, shown: bool) -> None:
        self.standing = Standing()
        self._request, self._absent, self._shown = request, absent, shown
        self._console = Console(stderr=True)
        self._started = time.monotonic()
        self._done_before = 0.0
        self._last = "starting"
        self._live = Live(console=self._console, refresh_per_second=4, transient=True, get_renderable=self._panel)

    def __enter__(self) -> "Progress":
        """Show the panel, on a terminal."""
        if self._shown:
            for name, reason in self._absent.items():
                self._print(f"preset {name}: n/a, {reason}", style="dim")
            for line in said(self._request.settings.limits):
                self._print(line, style="dim")
            if self._console.is_terminal:
                self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the panel away."""
        if self._live.is_started:
            self._live.stop()

    def resume(self, standing: Standing) -> None:
        """Begin with what was done before."""
        self.standing = standing
        self._done_before = units_done(standing, self._request.settings)

    def warn(self, text: str) -> None:
        """Say something that is no event of the search."""
        if self._shown:
            self._console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)

    def __call__(self, event: Event) -> None:
        """Note an event."""
        text = self._event(event)
        if text is None:
            return
        self._last = text
        if self._shown and not self._console.is_terminal:
            self._print(f"{_clock(time.monotonic() - self._started)} {text}")

    def _print(self, line: str, style: str = "") -> None:
        self._console.print(Text(line, style), soft_wrap=True)  # names of tasks may look like markup

    def _event(self, event: Event) -> str | None:
        trial = self.standing.trials.get(getattr(event, "number", -1))
        match event:
            case Proposed() if event.duplicate_of is not None:
                return f"trial {event.number} repeats trial {event.duplicate_of}: answered from the record"
            case Scored() if trial is not None:
                return f"{_called(trial)} at rung {event.rung}: {_scores_text(event.scores)}"
            case Stopped() if trial is not None:
                return f"{_called(trial)} stopped: {event.reason}"
            case Failed() if trial is not None:
                return f"{_called(trial)} failed ({event.failure}): {event.reason}"
            case Finalist() if trial is not None:
                count = len(trial.finalist)
                return f"finalist {_called(trial)}, seed {count}: {_scores_text(event.scores)}"
            case Piloted():
                return f"pilot: {event.reason}"
            case Retired() if trial is not None:
                return f"finalist {_called(trial)} gets no further seed: {event.reason}"
            case Closed():
                return f"no further proposals: {event.reason}"
            case Chosen():
                return f"finalists: {len(event.numbers)} designs on {len(event.seeds)} fresh seeds"
            case Note():
                return event.text
            case Best() if trial is not None:
                return f"best: {_called(trial)}: {event.reason}"
        return None

    def _panel(self) -> Group:
        request, standing = self._request, self.standing
        done, total = units_done(standing, request.settings), units_total(standing, request.settings)
        elapsed = time.monotonic() - self._started
        new = done - self._done_before
        left = f"about {_clock(elapsed / new * max(total - done, 0))} left" if new > 0 else "estimating"
        bounded = request.settings.trainings is not None
        trial = f"trial {len(standing.trained)}" + ("" if bounded else f" of {request.settings.trials}")
        stage = "finalists" if standing.chosen else trial
        head = Table.grid(padding=(0, 2))
        head.add_row(
            stage, ProgressBar(total=total, completed=min(done, total), width=24), f"{_clock(elapsed)} gone, {left}"
        )
        best = max((one for one in standing.trained if one.scored), key=_rank, default=None)
        lines = [head]
        rows = Table.grid(padding=(0, 2))
        if best is not None:
            rung = max(best.scored)
            rows.add_row("best so far", _called(best), Text(_scores_text(best.scored[rung].scores)))
        rows.add_row("last", Text(self._last, overflow="fold"))
        return Group(*lines, rows)


def units_done(standing: Standing, budget: Budget) -> float:
    """Full trainings of work that are recorded."""
    scored = [trial for trial in standing.trained if trial.scored and not trial.proposed.taken_over]
    trials = sum(budget.rungs[max(trial.scored)] for trial in scored)
    return trials + sum(len(trial.finalist) for trial in standing.trained)


def units_total(standing: Standing, budget: Budget) -> float:
    """Full trainings of work that the whole search takes, as far as can be told."""
    if budget.trainings is not None:
        return budget.trainings
    shares = (0.0, *budget.rungs)
    count = float(len(standing.trained) if standing.closed else max(budget.trials, len(standing.trained)))
    trials = 0.0
    for rung in range(len(budget.rungs)):
        trials += count * (shares[rung + 1] - shares[rung])
        count = max(count / budget.reduction, 2.0)
    presets = sum(trial.preset is not None for trial in standing.trained)
    designs = len(standing.chosen.numbers) if standing.chosen else budget.finalists + presets
    return trials + designs * budget.seeds


def _rank(trial: Trial) -> tuple[int, float]:
    rung = max(trial.scored)
    return rung, trial.scored[rung].score


def _called(trial: Trial) -> str:
    return trial.name if trial.preset else f"{trial.name} ({trial.proposed.origin})"


def _scores_text(scores: Mapping[str, Mapping[str, float | None]]) -> str:
    parts = []
    for task, metrics in scores.items():
        main = next(iter([name for name in ("auc", "r2") if name in metrics]), None)
        value = metrics[main] if main else None
        parts.append(f"{task} {'n/a' if value is None else f'{value:.4f}'}")
    return "  ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
