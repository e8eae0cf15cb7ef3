"""A folder with a shop's files, a run and a model in it, and a user who types."""

import sys
from pathlib import Path

import pytest
from shop import FRAME, TREE, written
from study_fixtures import proposed

import mtl_nas as mn
from mtl_nas.cli import main
from mtl_nas.data import load_dataset
from mtl_nas.record import Request, RunFolder, SearchSettings
from mtl_nas.space import plain_tree


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with a table and a search file."""
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("shop.csv", index=False)
    written(TREE)
    return tmp_path


@pytest.fixture
def run(here):
    """A run that was begun and has proposed two trials."""
    data = load_dataset("search.yaml")
    folder = RunFolder("run")
    folder.begin(
        Request(
            data=data.declaration.tree(),
            tasks=data.schema.task_names,
            fingerprint=data.fingerprint,
            space=plain_tree(mn.load_space("mmoe")),
            space_name="mmoe",
            settings=SearchSettings(trials=30),
        )
    )
    for number in range(2):
        folder.record.append(proposed(number))
    return Path("run")


@pytest.fixture
def model(here):
    """A model folder; what it predicts matters to nobody."""
    data = load_dataset("search.yaml")
    graph = mn.compose(mn.preset("mmoe", data.schema, experts=2, hidden=(4,), embedding=2), data.schema)
    mn.Model(mn.build(graph), data.schema).save("model")
    return Path("model")


@pytest.fixture
def typed(monkeypatch, capfd):
    """Type a command; exit code, standard output, standard error."""

    def type_(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mtl-search", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        out, err = capfd.readouterr()
        return code, out, err

    return type_


@pytest.fixture
def refused(typed):
    """Type a command that is refused; the one line that says why."""

    def type_(*words: object) -> str:
        to = ("--to", "new.yaml") if words[0] == "init" and "--to" not in words else ()
        code, _, err = typed(*words, *to)
        assert not Path("new.yaml").exists()
        lines = [line for line in err.splitlines() if line.startswith("mtl-search: ")]
        assert code == 2, err
        assert "Traceback" not in err
        assert len(lines) == 1, err
        assert err.splitlines()[-1] == lines[0]
        return lines[0].removeprefix("mtl-search: ")

    return type_
