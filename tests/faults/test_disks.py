"""Commands on disks that are full, that become full, or that can only be read: one line, and nothing is destroyed."""

import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_child import command, contents
from fault_cases import FaultCases
from tiny_search import difference, outcome

SIZE = 64 * 2**20  # bytes of the disk
LEFT = (0, 4_096, 12_288, 24_576, 40_960, 61_440)  # bytes that are free when a command starts
QUOTAS = (0, 100, 1_000, 4_000, 10_000, 20_000)  # bytes of the largest file
COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {  # what is typed, and what it writes
    "predict to csv": (("predict", "model", "shop.csv", "--to", "scores.csv"), "scores.csv"),
    "predict to parquet": (("predict", "model", "shop.csv", "--to", "scores.parquet"), "scores.parquet"),
    "export over another model": (("export", "run", "--to", "older"), "older"),
    "export anew": (("export", "run", "--to", "new"), "new"),
    "init": (("init", "shop.csv", "--tasks", "click", "--to", "new.yaml"), "new.yaml"),
    "encode": (("encode", "search.yaml", "--to", "new"), "new"),
    "run": (("run", "search.yaml", "--folder", "new"), "new"),
    "resume": (("resume", "cut"), "cut"),
}
SEARCHES = ("run", "resume")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a disk; the quota of a file stands for one that is full")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def expected_of(template: Path, words: tuple[str, ...], written: str, folder: Path) -> Any:
    """What a command writes that nothing disturbs."""
    shutil.copytree(template, folder)
    ended = command(folder, *words)
    assert ended.code == 0, ended.text
    return outcome(folder / written) if words[0] in SEARCHES else contents(folder / written)


def after_room(folder: Path, words: tuple[str, ...], written: str, expected: Any) -> str | None:
    """What is wrong after the command was repeated with room."""
    again = ("resume", written) if words[0] == "run" and (folder / written / "search.yaml").exists() else words
    if (folder / written).exists() and written == "new.yaml":
        return "an init that failed leaves a file"
    ended = command(folder, *again)
    if ended.code:
        return f"with room: {ended.last}"
    if words[0] in SEARCHES:
        return difference(folder / written, expected)
    return None if contents(folder / written) == expected else "with room, something else is written"


def disturbed(
    folder: Path, words: tuple[str, ...], written: str, whole: Any, limit: int | None = None
) -> tuple[str | None, bool]:
    """Type a command that may fail; what is wrong with how it fails, and whether it has failed."""
    before = contents(folder / written)

    def quota() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    ended = command(folder, *words, before=quota)
    if ended.problem:
        return ended.problem, False
    after = contents(folder / written)
    if ended.code == 0:
        return (None if words[0] in SEARCHES or after == whole else "something else is written"), False
    if words[0] not in SEARCHES and after != before:
        names = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
        if not all(after.get(name) == whole.get(name) for name in names):
            return f"changed although it failed: {', '.join(sorted(names))}", True
    return None, True


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_on_a_disk_that_gets_full_says_so_and_destroys_nothing(
    name: str, tmp_path: Path, template: Path, disk: Path, cases: FaultCases, some: Any
) -> None:
    words, written = COMMANDS[name]
    expected = expected_of(template, words, written, tmp_path / "shop")
    for left in some(LEFT, 2):
        folder = disk / "shop"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        ballast = disk / "ballast"
        free = shutil.disk_usage(disk).free - left
        ballast.write_bytes(bytes(max(0, free)))

        def case(folder: Path = folder, ballast: Path = ballast) -> str | None:
            problem, failed = disturbed(folder, words, written, expected)
            ballast.unlink()
            return problem or (after_room(folder, words, written, expected) if failed else None)

        cases.attempt("full disk, a command", f"{name} with {left} bytes left", case)
        ballast.unlink(missing_ok=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_on_a_disk_that_can_only_be_read_says_so(
    name: str, template: Path, disk: Path, cases: FaultCases
) -> None:
    words, _ = COMMANDS[name]
    shutil.copytree(template, disk / "shop")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)

    def case() -> str | None:
        ended = command(disk / "shop", *words)
        return ended.problem or (None if ended.code == 2 else "a disk that can only be read is written to")

    cases.attempt("read-only disk, a command", name, case)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_with_a_quota_of_bytes_says_so_and_destroys_nothing(
    name: str, tmp_path: Path, template: Path, cases: FaultCases, some: Any
) -> None:
    words, written = COMMANDS[name]
    expected = expected_of(template, words, written, tmp_path / "expected" / "shop")
    failed = 0
    for limit in some(QUOTAS, 2):
        folder = tmp_path / str(limit) / "shop"
        folder.parent.mkdir()
        shutil.copytree(template, folder)

        def case(folder: Path = folder, limit: int = limit) -> str | None:
            nonlocal failed
            problem, refused = disturbed(folder, words, written, expected, limit)
            failed += refused
            return problem or (after_room(folder, words, written, expected) if refused else None)

        cases.attempt("quota of bytes, a command", f"{name} within {limit} bytes", case)
    assert failed
