"""Files that are cut, changed, emptied, swapped, missing or something else: used as far as they can be, or one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_child import command, contents
from fault_cases import FaultCases
from tiny_search import difference, outcome

READERS: dict[str, list[tuple[str, ...]]] = {  # the commands that read the files of a folder or a file
    "model": [("predict", "model", "shop.csv", "--to", "new.csv")],
    "ensemble": [("predict", "ensemble", "shop.csv", "--to", "new.csv")],
    "run": [
        ("show", "run"),
        ("compare", "run"),
        ("resume", "run"),
        ("export", "run", "--to", "new"),
        ("export", "run", "--to", "new", "--trial", "1"),
    ],
    "cut": [("show", "cut"), ("resume", "cut")],
    "encoded": [("check", "encoded")],
    "search.yaml": [("check", "search.yaml")],
    "shop.csv": [("check", "search.yaml"), ("predict", "model", "shop.csv", "--to", "new.csv")],
    "shop.parquet": [("predict", "model", "shop.parquet", "--to", "new.csv")],
}
FOREIGN = {"a picture": b"\x89PNG\r\n\x1a\n" + bytes(64), "an archive": b"PK\x03\x04" + bytes(64), "zeros": bytes(4096)}
CUTS, FLIPS = 6, 6  # points at which a file is cut, and at which a bit is changed


def damages(content: bytes) -> dict[str, Callable[[Path], object]]:
    """Ways to damage a file."""

    def written(changed: bytes) -> Callable[[Path], object]:
        return lambda path: path.write_bytes(changed)

    def flipped(place: int, bit: int) -> bytes:
        return content[:place] + bytes([content[place] ^ (1 << bit)]) + content[place + 1 :]

    def folder_in_its_place(path: Path) -> None:
        path.unlink()
        path.mkdir()

    size = len(content)
    ways: dict[str, Callable[[Path], object]] = {"missing": Path.unlink, "a folder": folder_in_its_place}
    ways |= {name: written(foreign) for name, foreign in {"emptied": b"", **FOREIGN}.items()}
    ways |= {f"cut after {size * cut // CUTS} bytes": written(content[: size * cut // CUTS]) for cut in range(1, CUTS)}
    ways |= {
        f"bit {flip % 8} of byte {size * flip // FLIPS} changed": written(flipped(size * flip // FLIPS, flip % 8))
        for flip in range(FLIPS if size else 0)
    }
    ways["twice"] = written(content * 2)
    return ways


def damaged_files(template: Path, name: str) -> list[Path]:
    """The files of one kind each, relative to the folder: one of several models or splits stands for all."""
    path = template / name
    if path.is_file():
        return [Path(name)]
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and file.stat().st_size]
    kinds: dict[tuple[str, ...], Path] = {}
    for file in files:
        parts = file.relative_to(path).parts
        kind = (*(part.rstrip("0123456789") for part in parts[:-1]), file.name.partition(".")[2] or file.name)
        kind = kind if file.suffix not in (".json", ".jsonl", ".yaml") else (*kind, file.name)
        kinds.setdefault(kind, file.relative_to(template))
    return list(kinds.values())


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_is_one_line_or_used_as_far_as_it_goes(
    name: str, tmp_path: Path, template: Path, cases: FaultCases, some: Any, every_fault: bool
) -> None:
    injected = [
        (file, way, damage, words)
        for file in damaged_files(template, name)
        for way, damage in damages((template / file).read_bytes()).items()
        for words in READERS[name]
    ]
    folder = tmp_path / "shop"
    for file, way, damage, words in some(injected, 10):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder)
        damage(folder / file)

        def case(words: tuple[str, ...] = words) -> str | None:
            ended = command(folder, *words)
            if "is out of bounds for dimension" in ended.last and name == "encoded":
                cases.flaw(f"damaged file of {name}", "values of an encoded table are not read again when it is opened")
                return None
            if ended.problem:
                return ended.problem
            left = [path.name for path in folder.rglob("*.part")]
            return f"left over: {left[0]}" if left else None

        cases.attempt(f"damaged file of {name}", f"{file} {way}, {' '.join(words[:2])}", case)


@pytest.mark.parametrize("way", ["missing", "emptied", "cut after", "a picture"])
def test_a_resume_writes_anew_what_is_damaged_of_a_finished_run(
    way: str, tmp_path: Path, template: Path, cases: FaultCases
) -> None:
    name = "best"  # an ensemble has two networks or more, which this search of four trials does not choose
    for file in damaged_files(template, f"run/{name}"):
        if file.name == "README.md":
            continue
        folder = tmp_path / file.name / "shop"
        shutil.copytree(template, folder)
        ways = damages((folder / file).read_bytes())
        next(damage for key, damage in ways.items() if key.startswith(way))(folder / file)

        def case(folder: Path = folder) -> str | None:
            ended = command(folder, "resume", "run")
            if ended.problem or ended.code:
                return ended.problem or ended.last
            differs = contents(folder / "run" / name) != contents(template / "run" / name)
            return f"{name} is not as it was" if differs else None

        cases.attempt(f"damaged {name}, resumed", f"{file} {way}", case)


@pytest.mark.parametrize("way", ["missing", "emptied", "cut after", "zeros", "a picture", "bit"])
def test_a_damaged_state_costs_work_and_no_result(way: str, tmp_path: Path, template: Path, cases: FaultCases) -> None:
    shutil.copytree(template, tmp_path / "unbroken")
    assert command(tmp_path / "unbroken", "resume", "cut").code == 0
    unbroken = outcome(tmp_path / "unbroken" / "cut", work=False)
    for file in sorted((template / "cut" / "states").glob("*.pt")):
        folder = tmp_path / file.name / "shop"
        shutil.copytree(template, folder)
        path = folder / file.relative_to(template)
        next(damage for key, damage in damages(path.read_bytes()).items() if key.startswith(way))(path)

        def case(folder: Path = folder) -> str | None:
            ended = command(folder, "resume", "cut")
            if ended.problem or ended.code:
                return ended.problem or ended.last
            return difference(folder / "cut", unbroken, work=False)

        cases.attempt("damaged state", f"{file.name} {way}", case)


@pytest.mark.parametrize("way", ["missing", "emptied", "cut after", "zeros", "a picture"])
def test_damaged_predictions_are_made_again_and_choose_the_same(
    way: str, tmp_path: Path, template: Path, cases: FaultCases
) -> None:
    unbroken = outcome(template / "run")
    shutil.copytree(template, tmp_path / "shop")
    run = tmp_path / "shop" / "run"
    lines = (run / "trials.jsonl").read_text().splitlines(keepends=True)
    chosen = next(number for number, line in enumerate(lines) if json.loads(line)["event"] == "best")
    (run / "trials.jsonl").write_text("".join(lines[:chosen]))
    for name in ("best", "ensemble", "single"):
        shutil.rmtree(run / name, ignore_errors=True)
    files = sorted((run / "finalists").glob("*/*.choosing.safetensors"))
    for file in files:
        next(damage for key, damage in damages(file.read_bytes()).items() if key.startswith(way))(file)
    ended = command(tmp_path / "shop", "resume", "run")
    problem = ended.problem or (ended.last if ended.code else None) or difference(run, unbroken)
    cases.add("damaged predictions", way, problem, len(files))
