"""What surrounds a search: hostile names, little memory, forks and threads, no network, no home."""

import errno
import gzip
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from bounded_reading import problems
from command_child import SEARCH, command, shop
from fault_cases import FaultCases

import mtl_nas as mn

NAMES = {
    "lines": "a\nb",
    "escape": "\x1b[31mred\x1b[0m",
    "bell": "a\x07\x08b",
    "formula": '=HYPERLINK("http://x","y")',
    "command": "+cmd|' /C calc'!A0",
    "direction": "\u202egnp.exe",
    "script": "<script>alert(1)</script>",
    "long": "x" * 200,
    "comma": "a,b",
    "quotes": "a\"b'c`d",
    "path": "../up",
    "markup": "[red]a[/red]",
    "format": "%s {0} {{x}} $(id)",
    "dash": "--to",
    "space": " a ",
    "letters": "ä中😀",
    "nan": "nan",
    "separator": "a\u2028b",
    "c1": "a\x9bb",
}
PLACES = ("column", "task", "value", "folder", "table")
TYPED = (
    ("check", "search.yaml"),
    ("run", "search.yaml", "--folder", "{folder}"),
    ("show", "{folder}"),
    ("show", "{folder}", "--format", "svg"),
    ("show", "{folder}", "--format", "mermaid"),
    ("predict", "{folder}/best", "{table}", "--to", "scores.csv"),
    ("export", "{folder}", "--to", "model"),
)


def hostile(folder: Path, place: str, name: str) -> tuple[str, str]:
    """Write a table and a search file with a name at a place; the names of the table and of the folder of the run."""
    frame, tree = shop(), json.loads(json.dumps(SEARCH))
    table = f"{name}.csv" if place == "table" else "shop.csv"
    match place:
        case "column":
            frame = frame.rename(columns={"size": name})
        case "task":
            frame = frame.rename(columns={"click": name})
            tree["tasks"] = {name: {"kind": "binary"}, "price": {"kind": "regression"}}
        case "value":
            frame["color"] = frame["color"].replace("red", name)
    tree["data"]["table"] = table
    frame.to_csv(folder / table, index=False)
    (folder / "search.yaml").write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    return table, (name if place == "folder" else "run")


def typed_path(name: str) -> str:
    """A path as it is typed: one that begins with a dash would be an option."""
    return f"./{name}" if name.startswith("-") else name


@pytest.mark.parametrize("place", PLACES)
def test_a_hostile_name_is_used_or_refused_and_reaches_no_terminal(
    place: str, tmp_path: Path, cases: FaultCases, some: Any
) -> None:
    for key in some(list(NAMES), 3):
        name, folder = NAMES[key], tmp_path / key / "shop"
        if place in ("table", "folder") and ("/" in name or len(name.encode()) > 200):
            continue
        folder.mkdir(parents=True)
        table, run = hostile(folder, place, name)

        def case(folder: Path = folder, table: str = table, run: str = run) -> str | None:
            for words in TYPED:
                typed = [word.format(folder=typed_path(run), table=typed_path(table)) for word in words]
                ended = command(folder, *typed)
                if ended.problem:
                    return f"{words[0]}: {ended.problem}"
                if "<script>" in ended.text and "svg" in words:
                    return "a drawing holds the tag of a script"
            scores = folder / "scores.csv"
            if scores.exists() and any(
                line.lstrip('"')[:1] in ("=", "+", "@") for line in scores.read_text().splitlines()
            ):
                return "a cell of the predictions begins like a formula"
            outside = sorted(path.name for path in (folder.parent).iterdir() if path != folder)
            return f"written outside of the folder: {outside}" if outside else None

        cases.attempt(f"hostile name of a {place}", key, case)


# Memory


def laughs() -> bytes:
    """A YAML of some hundred bytes that stands for ten to the ninth words."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join(lines).encode()


def wide(architecture: bytes) -> bytes:
    """The architecture with layers a million times as wide."""
    tree = json.loads(architecture)
    text = json.dumps(tree)
    return text.replace('"hidden": [8', '"hidden": [80000000').replace('"units": 8', '"units": 80000000').encode()


def deep(architecture: bytes) -> bytes:
    return b'{"nodes": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def weights_that_claim_much(_: bytes) -> bytes:
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    return struct.pack("<Q", len(header)) + header


SHARED = {"levels": [{"shared": 10**7}]}
BOMBS: dict[str, tuple[str, Callable[[bytes], bytes], Callable[[Path], object]]] = {
    "wide architecture": ("model/architecture.json", wide, lambda path: mn.load_model(path.parent)),
    "deep architecture": ("model/architecture.json", deep, mn.load_architecture),
    "huge header of weights": (
        "model/model.safetensors",
        lambda _: struct.pack("<Q", 2**62),
        lambda path: mn.load_model(path.parent),
    ),
    "huge tensor of weights": (
        "model/model.safetensors",
        weights_that_claim_much,
        lambda path: mn.load_model(path.parent),
    ),
    "aliases of aliases": ("space.yaml", lambda _: laughs(), lambda path: mn.load_space(str(path))),
    "a million levels": (
        "space.yaml",
        lambda _: b"design: {levels: {repeat: [1, 1000000], of: {shared: 1}}}",
        lambda path: mn.load_space(str(path)),
    ),
    "ten million experts": (
        "space.yaml",
        lambda _: json.dumps({"design": SHARED}).encode(),
        lambda path: mn.load_space(str(path)).for_schema(mn.load_dataset(shop(), tasks=SEARCH["tasks"]).schema),
    ),
    "a compressed table": (
        "table.csv.gz",
        lambda _: gzip.compress(b"click,price\n" + b"1,2\n" * 40_000_000, 1),
        lambda path: mn.load_dataset(str(path), tasks=SEARCH["tasks"]),
    ),
    "a line of a record": (
        "run/trials.jsonl",
        lambda _: b'{"event": "note", "text": ' + b"[" * 50_000 + b"\n",
        lambda path: mn.load_run(path.parent),
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_that_asks_for_much_memory_is_refused_before_it_is_taken(
    name: str, template: Path, cases: FaultCases, every_fault: bool
) -> None:
    if name == "a compressed table" and not every_fault:
        pytest.skip("in the long form")
    file, bomb, read = BOMBS[name]
    path = template / file
    before = path.read_bytes() if path.exists() else b""
    wrong = problems(read, path, [(name, bomb(before))])
    cases.add("bomb", name, wrong[0][1] if wrong else None)
    path.write_bytes(before) if before else path.unlink()


def test_a_search_without_memory_is_one_line_and_goes_on_with_more(
    template: Path, cases: FaultCases, some: Any
) -> None:
    for megabytes in some((0, 1, 4, 16, 64, 256), 2):

        def limited(megabytes: int = megabytes) -> None:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20,) * 2)

        name = f"memory{megabytes}"

        def case(name: str = name, limited: Any = limited) -> str | None:
            ended = command(template, "run", "search.yaml", "--folder", name, before=limited)
            if ended.code not in (0, 1, 2):
                return f"exit code {ended.code}: {ended.last}"
            words = ("resume", name) if (template / name / "search.yaml").exists() else ("run", "search.yaml")
            again = command(template, *words, *(("--folder", name) if words[0] == "run" else ()))
            return None if again.code == 0 else f"with memory: {again.last}"

        cases.attempt("search with little memory", f"{megabytes} MB", case)


# Forks and threads

FORKS = """
import os, signal, sys, threading
import numpy as np, pandas as pd
import mtl_nas as mn
model, rows = mn.load_model(sys.argv[1]), pd.read_csv(sys.argv[2])
expected = model.predict(rows)
children = []
for _ in range(4):
    child = os.fork()
    if not child:
        signal.alarm(100)
        os._exit(0 if model.predict(rows).equals(expected) else 3)
    children.append(child)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


def test_a_model_predicts_in_forks_of_a_process_that_has_predicted(template: Path, cases: FaultCases) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    words = [sys.executable, "-W", "ignore", "-c", FORKS, str(template / "model"), str(template / "shop.csv")]
    done = subprocess.run(words, check=False, env=environment, capture_output=True, text=True, timeout=500)
    cases.add(
        "fork after a prediction", "four", None if done.stdout == "[0, 0, 0, 0]\n" else done.stdout + done.stderr, 4
    )


def test_a_model_predicts_alike_in_threads(template: Path, cases: FaultCases) -> None:
    model, rows = mn.load_model(template / "model"), pd.read_csv(template / "shop.csv")
    expected, answers = model.predict(rows), list[pd.DataFrame]()
    threads = [threading.Thread(target=lambda: answers.append(model.predict(rows))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal = len(answers) == 8 and all(np.array_equal(answer, expected) for answer in answers)
    cases.add("thread that predicts", "eight", None if equal else "other predictions", 8)


# No network, no home


def no_network() -> None:
    """Let every connection fail, as without a network."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    socket.socket.connect = refused  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = refused  # type: ignore[assignment]


OFFLINE = (
    (("check", "search.yaml"), 0),
    (("predict", "model", "shop.csv", "--to", "offline.csv"), 0),
    (("export", "run", "--to", "offline"), 0),
    (("resume", "run"), 0),
    (("check", "https://example.org/table.parquet"), 2),
    (("check", "s3://bucket/table.parquet"), 2),
    (("run", "search.yaml", "--folder", "far", "--address", "192.0.2.1:6379"), None),
)


@pytest.mark.parametrize(("words", "code"), OFFLINE, ids=[" ".join(words[:2]) for words, _ in OFFLINE])
def test_without_a_network_commands_work_or_say_what_they_wanted(
    words: tuple[str, ...], code: int | None, template: Path, cases: FaultCases
) -> None:
    ended = command(template, *words, before=no_network)
    problem = ended.problem or (f"exit code {ended.code}: {ended.last}" if code not in (None, ended.code) else None)
    cases.add("no network", " ".join(words), problem)


@pytest.mark.parametrize("words", [words for words, code in OFFLINE if code == 0], ids=lambda words: words[0])
def test_a_home_that_cannot_be_written_is_not_needed(words: tuple[str, ...], template: Path, cases: FaultCases) -> None:
    def homeless() -> None:
        for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
            os.environ[name] = "/proc/self/nothing"

    ended = command(template, *words, before=homeless)
    cases.add("unwritable home", words[0], ended.problem or (ended.last if ended.code else None))
