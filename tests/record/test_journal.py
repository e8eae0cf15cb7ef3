"""A journal: the record, the state and the watchers hear of every event, in this order."""

from pathlib import Path

from study_fixtures import events, proposed, scored

from mtl_nas.record import Best, Event, Journal, Note, Record, RunState

LINES: list[Event] = [proposed(0), scored(0, 0, 0.5), Note(text="so far"), Best(number=0, seed=1, reason="alone")]


def test_an_event_is_on_disk_and_in_the_state_before_anybody_hears_of_it(tmp_path: Path) -> None:
    heard: list[Event] = []

    def watch(event: Event) -> None:
        heard.append(event)
        assert events(tmp_path) == heard
        assert journal.state.events == len(heard)

    journal = Journal(Record(tmp_path / "trials.jsonl"), RunState(), [watch, heard.copy().append])
    for event in LINES:
        journal.write(event)
    assert heard == LINES
    assert journal.state == RunState().after(LINES)


def test_a_journal_begins_with_what_is_recorded_and_tells_nobody_again(tmp_path: Path) -> None:
    heard: list[Event] = []
    first = Journal(Record(tmp_path / "trials.jsonl"), RunState())
    for event in LINES[:2]:
        first.write(event)
    second = Journal(Record(tmp_path / "trials.jsonl"), RunState(), [heard.append])
    assert second.state == first.state
    assert heard == []
    second.write(LINES[2])
    assert heard == LINES[2:3]
