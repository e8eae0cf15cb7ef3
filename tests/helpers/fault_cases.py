"""Counts the injected faults of a test, and what is wrong after them."""

from collections import Counter
from collections.abc import Callable

PROPERTY = "fault cases"


class FaultCases:
    """The cases of one test, by kind.

    A case is flawed where nothing is lost and yet something is not as it should be, for a reason that is written down;
    it has failed where something is lost, or where nobody wrote down why not.
    """

    def __init__(self) -> None:
        self.counts, self.flaws = Counter[str](), Counter[tuple[str, str]]()
        self.failures: list[tuple[str, str]] = []  # the kind, and the case with its problem

    def add(self, kind: str, case: str, problem: str | None, count: int = 1) -> None:
        """Count a case; a problem is one line, None where there is none."""
        self.counts[kind] += count
        if problem is not None:
            self.failures.append((kind, f"{case}: {problem}"))

    def flaw(self, kind: str, reason: str) -> None:
        """Count a flaw of a case that was added, with the reason why it is accepted."""
        self.flaws[kind, reason] += 1

    def attempt(self, kind: str, case: str, call: Callable[[], str | None]) -> None:
        """Count a case whose problem a function returns or raises."""
        try:
            problem = call()
        except Exception as raised:  # any exception is the case's problem, and the next cases follow
            lines = str(raised).splitlines()
            problem = f"{type(raised).__name__}: {lines[0] if lines else ''}"
        self.add(kind, case, problem)

    @property
    def report(self) -> dict[str, object]:
        """Plain values, which pass between processes."""
        return {
            "counts": dict(self.counts),
            "failed": dict(Counter(kind for kind, _ in self.failures)),
            "flaws": [[kind, reason, count] for (kind, reason), count in self.flaws.items()],
        }
