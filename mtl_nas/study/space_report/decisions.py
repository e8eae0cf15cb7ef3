"""The holes of a space that each trial of a run filled, and its decisions."""

from collections.abc import Iterator, Mapping

from mtl_nas.space import Decision, Decisions, Domain, Replay, SearchSpace

FilledHoles = dict[str, tuple[Domain, Decision]]  # by path


class _RecordingReplay:
    """Replays decisions, and records the holes that they fill."""

    def __init__(self, decisions: Decisions) -> None:
        self._replay, self.holes = Replay(decisions), FilledHoles()

    def choose(self, path: str, domain: Domain) -> Decision:
        decision = self._replay.choose(path, domain)
        self.holes[path] = domain, decision
        return decision


def filled_holes(space: SearchSpace, decisions: Decisions) -> FilledHoles:
    """The holes that a trial filled, which depend on its decisions; empty without decisions."""
    replay = _RecordingReplay(decisions)
    if decisions:
        space.decide(replay)
    return replay.holes


def by_hole(trials: Mapping[int, FilledHoles]) -> Iterator[tuple[str, Domain, dict[int, Decision]]]:
    """Yield every hole, path and domain, with its decisions by trial."""
    paths: dict[str, list[tuple[Domain, dict[int, Decision]]]] = {}
    for number, holes in trials.items():
        for path, (domain, decision) in holes.items():
            domains = paths.setdefault(path, [])
            decisions = next((decisions for other, decisions in domains if other == domain), None)
            if decisions is None:
                domains.append((domain, decisions := {}))
            decisions[number] = decision
    for path, domains in paths.items():
        yield from ((path, domain, decisions) for domain, decisions in domains)
