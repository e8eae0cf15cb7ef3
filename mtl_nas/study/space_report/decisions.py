"""How the trials of a run filled the holes of its space."""

from collections.abc import Iterator, Mapping

from mtl_nas.space import Decision, Decisions, Domain, Replay, SearchSpace

Asked = dict[str, tuple[Domain, Decision]]  # by path


class _Listening:
    """Replayed decisions, with the holes that they fill."""

    def __init__(self, decisions: Decisions) -> None:
        self._replay, self.asked = Replay(decisions), Asked()

    def choose(self, path: str, domain: Domain) -> Decision:
        """What was decided."""
        decision = self._replay.choose(path, domain)
        self.asked[path] = domain, decision
        return decision


def asked(space: SearchSpace, decisions: Decisions) -> Asked:
    """The holes that a trial met: branches may differ in what they ask at a path. None of a trial outside the space."""
    listening = _Listening(decisions)
    if decisions:
        space.decide(listening)
    return listening.asked


def by_hole(trials: Mapping[int, Asked]) -> Iterator[tuple[str, Domain, dict[int, Decision]]]:
    """Every hole, and how the trials that met it decided."""
    found: dict[str, list[tuple[Domain, dict[int, Decision]]]] = {}
    for number, holes in trials.items():
        for path, (domain, decision) in holes.items():
            known = found.setdefault(path, [])
            decisions = next((decisions for hole, decisions in known if hole == domain), None)
            if decisions is None:
                known.append((domain, decisions := {}))
            decisions[number] = decision
    for path, holes_there in found.items():
        yield from ((path, domain, decisions) for domain, decisions in holes_there)
