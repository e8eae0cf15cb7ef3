"""Takes over the trials and scores of an earlier run into a search, for example of a wider space, at no cost."""

from collections.abc import Iterator

from mtl_nas.errors import RunError
from mtl_nas.record import Event, Journal, Note, Request, RunFolder, RunState, Stopped, Trial
from mtl_nas.space import SearchSpace
from mtl_nas.study.search_state import SearchState


def refuse_other_start(request: Request) -> None:
    """Raise a RunError if trials of the run that the request starts from cannot be taken over."""
    start = request.settings.start
    if start is None:
        return
    earlier, settings = RunFolder(start).request(), request.settings
    if earlier.fingerprint != request.fingerprint:
        raise RunError(f"'{start}' is a search on other data; trials are taken over on equal data only")
    if earlier.settings.rungs != settings.rungs:
        rungs = [[round(rung, 4) for rung in rungs] for rungs in (earlier.settings.rungs, settings.rungs)]
        raise RunError(
            f"'{start}' scored its trials at rungs {rungs[0]}, this search at {rungs[1]}; give it the same rungs"
        )
    if earlier.settings.objectives != settings.objectives and earlier.settings.objectives[0] not in ("mean", "worst"):
        raise RunError(
            f"'{start}' chose its checks by another objective, {earlier.settings.objectives[0]}; search without start"
        )


def take_over(journal: Journal[SearchState], space: SearchSpace) -> None:
    """Write the trials of the run that the search starts from, unless an earlier call did."""
    state = journal.state
    start = state.settings.start
    if start is None or any(not trial.proposed.taken_over for trial in state.trials.values()):
        return
    for event in list(_events(RunFolder(start), state, space))[state.events :]:
        journal.write(event)


def _events(folder: RunFolder, state: SearchState, space: SearchSpace) -> Iterator[Event]:
    last = len(state.settings.rungs) - 1
    trials = [trial for trial in RunState().after(folder.record).trials.values() if _finished(trial, last)]
    encoded = [(trial, space.encode(trial.proposal)) for trial in trials]
    inside = [(trial, decisions) for trial, decisions in encoded if decisions is not None or trial.preset is not None]
    for number, (trial, decisions) in enumerate(inside):
        yield trial.proposed.model_copy(
            update={"number": number, "decisions": decisions, "parents": (), "taken_over": True}
        )
        for scored in trial.scored.values():
            yield scored.model_copy(update={"number": number, "rows": 0, "seconds": 0.0, "choosing": None})
        if last not in trial.scored:
            yield Stopped(number=number, rung=max(trial.scored), reason=f"as in {folder.path.name}")
    yield Note(text=f"{len(inside)} of {len(trials)} trials taken over from {folder.path.name}")


def _finished(trial: Trial, last: int) -> bool:
    ended = bool(trial.scored) and (trial.stopped is not None or last in trial.scored)
    return ended and trial.failed is None and trial.proposed.duplicate_of is None
