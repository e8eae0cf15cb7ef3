"""The fault suite: a share of its cases in CI, all of them with ``--every-fault``, and a table of what was injected."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from command_child import write_shop
from fault_cases import PROPERTY, FaultCases

T = TypeVar("T")
HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("faults")
            item.add_marker("slow")


@pytest.fixture
def every_fault(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--every-fault"))


@pytest.fixture
def some(every_fault: bool) -> Any:
    """Choose cases: all of them in the long form, some that lie evenly among them in the short one."""

    def chosen(cases: Sequence[T], short: int) -> Sequence[T]:
        if every_fault or len(cases) <= short:
            return cases
        return [cases[index * len(cases) // short] for index in range(short)]

    return chosen


@pytest.fixture
def cases() -> FaultCases:
    """Counts the cases of a test, which fails if one of them has failed."""
    return FaultCases()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Report the cases of a test, and let it fail if one of them has failed."""
    answer = yield
    counted = pyfuncitem.funcargs.get("cases")
    if isinstance(counted, FaultCases):
        pyfuncitem.user_properties.append((PROPERTY, counted.report))
        assert counted.counts, "a test of faults injects some"
        if counted.failures:
            pytest.fail("\n".join(": ".join(failure) for failure in counted.failures[:40]), pytrace=False)
    return answer


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how many cases of each kind were injected, how many failed, and which flaws are accepted."""
    counts, failed, flaws = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            if getattr(report, "when", "") == "teardown":
                for name, value in report.user_properties:
                    if name == PROPERTY:
                        counts.update(value["counts"])
                        failed.update(value["failed"])
                        flaws.update({(kind, reason): count for kind, reason, count in value["flaws"]})
    if not counts:
        return
    terminalreporter.section("injected faults")
    for kind, count in sorted(counts.items()):
        terminalreporter.line(f"{count:8,}  {kind}" + (f"  ({failed[kind]} failed)" if failed[kind] else ""))
    terminalreporter.line(f"{sum(counts.values()):8,}  in all, {sum(failed.values())} failed, {flaws.total()} flawed")
    for (kind, reason), count in sorted(flaws.items()):
        terminalreporter.line(f"flawed: {kind}, {count} times: {reason}")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a shop with files of every kind, which cases copy."""
    folder = tmp_path_factory.mktemp("template") / "shop"
    folder.mkdir()
    write_shop(folder)
    return folder
