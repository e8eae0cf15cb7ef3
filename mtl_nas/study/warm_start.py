"""Trials of an earlier run, taken over into one of a wider space: their scores are known and cost nothing."""

from collections.abc import Iterator

from mtl_nas.errors import RunError
from mtl_nas.record import RunFolder, Standing, Trial
from mtl_nas.record.events import Event, Note, Stopped
from mtl_nas.study.driver import Core


def take_over(core: Core) -> None:
    """Write what the run that is started from found, once; after an interruption what is missing of it."""
    path = core.request.settings.start
    if path is None or any(not trial.proposed.taken_over for trial in core.standing.trials.values()):
        return
    found = list(_events(core, path))
    for event in found[core.standing.events :]:
        core.write(event)


def _events(core: Core, path: str) -> Iterator[Event]:
    folder = RunFolder(path)
    before, now = folder.request(), core.request
    if before.fingerprint != now.fingerprint:
        raise RunError(f"'{path}' is a search on other data; trials are taken over on equal data alone")
    if before.settings.rungs != now.settings.rungs:
        rungs = [[round(rung, 4) for rung in one.settings.rungs] for one in (before, now)]
        raise RunError(
            f"'{path}' scored its trials at rungs {rungs[0]}, this search does at {rungs[1]}; give it the same"
        )
    if before.settings.objectives != now.settings.objectives and before.settings.objectives[0] not in ("mean", "worst"):
        raise RunError(f"'{path}' kept checks by another objective, {before.settings.objectives[0]}; start without it")
    standing, last = Standing.of(folder.record), len(now.settings.rungs) - 1
    settled = [trial for trial in standing.trials.values() if _settled(trial, last)]
    kept = [(trial, core.space.encode(trial.proposal)) for trial in settled]
    inside = [(trial, decisions) for trial, decisions in kept if decisions is not None or trial.preset is not None]
    for number, (trial, decisions) in enumerate(inside):
        taken = {"number": number, "decisions": decisions, "parents": (), "taken_over": True}
        yield trial.proposed.model_copy(update=taken)
        for scored in trial.scored.values():
            yield scored.model_copy(update={"number": number, "rows": 0, "seconds": 0.0})
        if last not in trial.scored:
            yield Stopped(number=number, rung=max(trial.scored), reason=f"as in {folder.path.name}")
    yield Note(text=f"{len(inside)} of {len(settled)} trials taken over from {folder.path.name}")


def _settled(trial: Trial, last: int) -> bool:
    done = bool(trial.scored) and (trial.stopped is not None or last in trial.scored)
    return done and trial.failed is None and trial.proposed.duplicate_of is None
