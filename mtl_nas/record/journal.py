"""Writes every event of a run to its record, its state and its watchers at once."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from mtl_nas.record.events import Event
from mtl_nas.record.state import RunState

Watcher = Callable[[Event], None]
State = TypeVar("State", bound=RunState)


class EventLog(Protocol):
    """Past events, to which events are appended; ``Record`` is one on disk."""

    def __iter__(self) -> Iterator[Event]: ...
    def append(self, event: Event, /) -> None: ...


class Journal(Generic[State]):
    """A record and the state after its events, which always agree.

    ``write`` appends an event to the record before it changes the state and calls the watchers, so that a crash loses
    no event that was acted on.
    """

    def __init__(self, record: EventLog, state: State, watchers: Iterable[Watcher] = ()) -> None:
        self.record, self.state, self._watchers = record, state.after(record), tuple(watchers)

    def write(self, event: Event) -> None:
        self.record.append(event)
        self.state.add(event)
        for watcher in self._watchers:
            watcher(event)
