"""A folder is replaced whole or not at all: after a kill at any operation, an error, and under a reader."""

import signal
from pathlib import Path

import pytest
from faulty_files import Fault, faults_in
from tiny_search import in_child

from mtl_nas import files
from mtl_nas.errors import MtlNasError
from mtl_nas.files import folder_at, read_folder, sweep_folder, whole_folder

NAMES = ("a", "b", "inner/c")


def write(path: Path, content: str) -> None:
    with whole_folder(path) as part:
        for name in NAMES:
            (part / name).parent.mkdir(exist_ok=True)
            (part / name).write_text(content)


def content(path: Path) -> set[str]:
    return {(path / name).read_text() for name in NAMES}


def test_a_folder_is_replaced_with_all_that_is_in_it(tmp_path: Path) -> None:
    write(tmp_path / "best", "old")
    (tmp_path / "best" / "stray").touch()
    write(tmp_path / "best", "new")
    assert content(tmp_path / "best") == {"new"}
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == ["a", "b", "inner"]
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


@pytest.mark.parametrize("exchanges", [True, False], ids=["exchange", "two renames"])
@pytest.mark.parametrize("before", [True, False], ids=["over another", "first"])
def test_after_a_kill_at_any_operation_the_old_or_the_new_folder_is_there(
    tmp_path: Path, exchanges: bool, before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exchanges:
        monkeypatch.setattr(files, "exchange", lambda first, second: False)
    with faults_in(tmp_path, Fault(-1)) as none:
        write(tmp_path / "counted" / "best", "old")
        first = len(none.operations)
        write(tmp_path / "counted" / "best", "new")
    points = len(none.operations) - first if before else first
    assert points > 10
    outcomes = set()
    for point in range(points):
        folder = tmp_path / str(point)
        folder.mkdir()
        if before:
            write(folder / "best", "old")

        def dies(folder: Path = folder, point: int = point) -> None:
            with faults_in(folder, Fault(point)):
                write(folder / "best", "new")

        assert in_child(dies).code == -signal.SIGKILL
        path = folder_at(folder / "best")
        versions = content(path) if path.exists() else set()
        assert versions in ([{"old"}, {"new"}] if before else [set(), {"new"}])
        outcomes |= versions
        sweep_folder(folder / "best")
        assert (content(folder / "best") if (folder / "best").exists() else set()) == versions
        assert {each.name for each in folder.iterdir()} <= {"best"}
    assert outcomes == ({"old", "new"} if before else {"new"})


def test_after_an_error_the_old_folder_is_there(tmp_path: Path) -> None:
    write(tmp_path / "best", "old")

    def fails() -> None:
        with whole_folder(tmp_path / "best") as part:
            (part / "a").write_text("new")
            raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        fails()
    assert content(tmp_path / "best") == {"old"}
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


def test_a_reader_whose_folder_is_replaced_meanwhile_reads_again(tmp_path: Path) -> None:
    write(tmp_path / "best", "old")
    reads = []

    def read(path: Path) -> set[str]:
        first = (path / "a").read_text()
        if not reads:
            write(tmp_path / "best", "new")
        reads.append(first)
        if len(reads) == 1:
            raise MtlNasError("the files do not belong together")
        return content(path)

    assert read_folder(tmp_path / "best", read) == {"new"}
    assert reads == ["old", "new"]


def test_an_error_of_a_folder_that_stays_is_raised(tmp_path: Path) -> None:
    write(tmp_path / "best", "old")

    def fails(path: Path) -> None:
        raise MtlNasError("damaged")

    with pytest.raises(MtlNasError, match="damaged"):
        read_folder(tmp_path / "best", fails)
