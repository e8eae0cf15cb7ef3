"""The page on networks in one shows the figures that were measured."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_page_holds_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.members import report

    page = (ROOT / "docs" / "results" / "members.md").read_text()
    assert report().strip() in page
