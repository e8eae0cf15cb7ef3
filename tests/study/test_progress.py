"""What a person sees while a search runs."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from study_fixtures import FUNNEL, driver, finalist, proposed, request, run, scored, state_of

from mtl_nas.data import Schema
from mtl_nas.record import Event, Journal, Measured
from mtl_nas.record import events as kinds
from mtl_nas.study.jobs import training_seed
from mtl_nas.study.progress import Progress, event_sentence, scores_text
from mtl_nas.study.search_state import SearchState


def shown(state: SearchState, *events: Event, terminal: bool = False, details: bool = True) -> str:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=100)
    with Progress(state, FUNNEL, shown=True, details=details, console=console) as watcher:
        journal = Journal(_Memory(), state, [watcher])
        for event in events:
            journal.write(event)
        if terminal:
            console.print(watcher._panel())
    return text.getvalue()


class _Memory(list[Event]):
    """A record that no disk keeps."""


def test_every_decision_is_told_down_to_the_best() -> None:
    lines = [
        proposed(0, origin="preset:ple"),
        proposed(1),
        proposed(2, duplicate_of=1),
        scored(0, 0, 0.7, scores={"click": {"auc": 0.75}, "buy": {"auc": None}}),
        kinds.Stopped(number=1, rung=0, reason="below cut"),
        kinds.Failed(number=1, rung=0, failure="memory", reason="out of memory"),
        kinds.Closed(reason="the time is up"),
        kinds.Chosen(numbers=(0,), seeds=(5,)),
        finalist(0, 5, scores={"click": {"auc": 0.8}}),
        kinds.Retired(number=0, reason="far behind"),
        kinds.Best(number=0, seed=5, reason="better than every other finalist"),
    ]
    text = shown(state_of(), *lines)
    for sentence in (
        "trial 2 repeats trial 1: answered from the record",
        "ple at rung 0: click 0.7500  buy n/a",
        "trial 1 (random) stopped: below cut",
        "trial 1 (random) failed (memory): out of memory",
        "no further proposals: the time is up",
        "comparison: 1 designs on 1 fresh seeds",
        "ple, fresh seed 1: click 0.8000",
        "ple gets no further seed: far behind",
        "best: ple: better than every other finalist",
    ):
        assert sentence in text


def test_a_replicate_is_trained_and_not_said_to_be_answered() -> None:
    state = state_of(proposed(0))
    assert event_sentence(state, proposed(1, duplicate_of=0, replicate=1), FUNNEL) is None


def test_a_terminal_shows_how_far_the_search_is_and_the_best_so_far() -> None:
    lines: list[Event] = [proposed(0, origin="preset:single_task"), proposed(1), proposed(2)]
    for number, score, gain in ((0, 0.7, None), (1, 0.9, 0.2)):
        choosing = Measured(score=score, scores={"click": {"auc": score}})
        lines.append(scored(number, 0, score, choosing=choosing))
        seed = training_seed(0, proposed(number))
        lines.append(kinds.Selected(number=number, seed=seed, rung=0, score=score, gain=gain, networks=number + 1))
    text = shown(state_of(*lines[:1], trials=7), *lines[1:], terminal=True)
    assert "3 of 7 trials: 3 under way" in text
    assert "best so far  trial 1 (random)  ▁█" in text
    assert "click 0.9000 (+0.2000)" in text


def test_without_details_a_line_is_a_milestone_and_none_is_longer_than_the_terminal() -> None:
    choosing = Measured(score=0.7, scores={"click": {"auc": 0.7}})
    lines: list[Event] = [
        proposed(0, origin="preset:ple"),
        proposed(1),
        scored(0, 0, 0.7, choosing=choosing),
        kinds.Selected(number=0, seed=1, rung=0, score=0.7, networks=1),
        scored(1, 0, 0.6),
        kinds.Promoted(number=0, rung=1, reason="within cut"),
        kinds.Stopped(number=1, rung=0, reason="below cut"),
        proposed(2),
        kinds.Note(text="a remark of many words that go on and on " * 6),
        kinds.Chosen(numbers=(0, 1), seeds=(5, 6), trainings=5),
    ]
    text = shown(state_of(rungs=(0.25, 1.0)), *lines, details=False)
    assert "best/ is ple, trained to 25%: 0.7000 on the choosing rows" in text
    assert "3 of 30 trials: 1 stopped, 2 under way" in text
    assert "comparison: 2 designs on fresh seeds, 5 trainings at most" in text
    assert "at rung 0" not in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("kind", "loss", "metric"),
    [
        ("binary", None, "auc"),
        ("multiclass", None, "auc"),
        ("ordinal", None, "auc"),
        ("regression", None, "r2"),
        ("regression", "quantile", "d2"),
        ("count", None, "d2"),
    ],
)
def test_every_kind_of_task_shows_its_main_metric(kind: str, loss: str | None, metric: str) -> None:
    classes = {"binary": ("0", "1"), "multiclass": ("a", "b", "c"), "ordinal": ("1", "2", "3")}.get(kind, ())
    task = {"name": "target", "kind": kind, "classes": classes, **({"loss": loss} if loss else {})}
    schema = Schema.model_validate({**FUNNEL.model_dump(), "tasks": [task]})
    assert scores_text({"target": {"other": 9.0, metric: 0.25}}, schema) == "target 0.2500"
    assert scores_text({"target": {"other": 9.0, metric: None}}, schema) == "target n/a"


def test_a_whole_search_is_told_in_lines(tmp_path: Path) -> None:
    heard: list[str | None] = []
    made = driver(tmp_path, request(trials=6), watchers=[lambda event: heard.append(sentence(event))])

    def sentence(event: Event) -> str | None:
        return event_sentence(made.state, event, FUNNEL)

    run(made)
    assert sum(line is not None for line in heard) > 10
