"""Runs that cannot be begun, gone on with, compared or exported: one line that says why, and exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest
from shop import FRAME


def test_times_are_spelled(here, refused):
    assert (
        refused("run", "search.yaml", "--time", "soon") == "search: time: a time is written 90s, 30m or 2h, got 'soon'"
    )
    assert refused("run", "search.yaml", "--time", "0s") == "search: time: input should be greater than 0, got '0s'"


@pytest.mark.parametrize("words", [("--trials", "0"), ("--trials", "many"), ("--seed", "-1"), ("--cpus", "0")])
def test_options_out_of_range_are_usage(here, typed, words):
    code, _, err = typed("run", "search.yaml", *words)
    assert code == 2
    assert words[0] in err
    assert "Traceback" not in err


def test_a_folder_for_a_run_is_a_folder_of_its_own(here, refused):
    Path("taken").mkdir()
    Path("taken/notes.txt").write_text("mine")
    assert refused("run", "search.yaml", "--folder", "shop.csv") == (
        "'shop.csv' is a file, and a run needs a folder; give another --folder"
    )
    assert refused("run", "search.yaml", "--folder", "taken") == (
        "folder 'taken' is not empty and holds no run; give another --folder"
    )
    assert [path.name for path in Path("taken").iterdir()] == ["notes.txt"]
    line = refused("run", "search.yaml", "--folder", ".")
    assert line.startswith("'.' is no run folder: its search.yaml is a search file")
    assert "'shop.csv" in refused("run", "search.yaml", "--folder", "shop.csv/run")


def test_a_run_in_the_place_of_a_search_file_is_gone_on_with(run, here, refused):
    for source in ("run", "run/", "run/search.yaml"):
        for command in ("run", "check"):
            line = refused(command, source)
            assert line == f"'{source}' is of a run that was begun; go on with: mtl-search resume run"


@pytest.mark.parametrize("command", ["resume", "show"])
def test_a_folder_that_is_no_run_is_named(here, refused, command):
    Path("nothing").mkdir()
    assert refused(command, "nothing") == "'nothing' is no run folder: it has no search.yaml"
    if command == "resume":
        assert refused("resume", "nowhere") == "no run folder 'nowhere'"
        assert refused("resume", ".").startswith("'.' is no run folder: its search.yaml is a search file")


def test_compare_and_export_refuse_a_folder_that_is_no_run(here, refused):
    Path("nothing").mkdir()
    message = "'nothing' is no run folder: it has no search.yaml"
    assert refused("compare", "nothing", "--data", "search.yaml") == message
    assert refused("export", "nothing", "--to", "out") == message
    assert refused("export", "nowhere", "--to", "out") == "no run folder 'nowhere'"


def test_a_run_in_use_by_another_process_is_named(run, here, refused):
    code = (
        "import sys\nfrom mtl_nas.record import RunFolder\n"
        "with RunFolder('run').lock():\n    print('held', flush=True)\n    sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        line = refused("resume", "run")
        assert line.startswith(f"run folder 'run' is in use by process {other.pid} on ")
        assert line.endswith("; wait for it or stop it")
        other.stdin.close()


def test_another_search_in_the_folder_is_refused(run, here, refused):
    line = refused("run", "search.yaml", "--space", "mmoe", "--trials", "3", "--folder", "run")
    assert line.startswith("run folder 'run' holds a search with trials 30, now 3")
    assert line.endswith("give another --folder")
    FRAME.iloc[:200].to_csv("shop.csv", index=False)
    assert "run folder 'run' holds a search on other data" in refused("resume", "run")


def test_a_run_whose_files_are_broken_says_which(run, here, refused):
    record, asked = run / "trials.jsonl", run / "search.yaml"
    whole, lines = asked.read_text(), record.read_text().splitlines(keepends=True)
    record.write_text(lines[0] + "{broken\n" + lines[1])
    for command in (("resume", run), ("show", run), ("compare", run), ("export", run, "--to", "out")):
        assert refused(*command).startswith("run/trials.jsonl: line 2 is no event of this version: ")
    record.write_text("".join(lines))
    asked.write_text(whole.replace("seed: 0", "seed: zero"))
    assert refused("resume", run).startswith("run/search.yaml: settings.seed: input should be a valid integer")
    asked.write_text(whole.replace("kind: binary", "kind: binry"))
    assert refused("resume", run).startswith("run/search.yaml: data: tasks.click.kind: no task kind 'binry'")
    asked.write_text(whole + "more: 1\n")
    assert refused("resume", run).startswith("run/search.yaml: unknown key 'more'")
    asked.write_text("{")
    assert refused("resume", run).startswith("run/search.yaml: not YAML: ")


def test_a_run_whose_table_is_gone_names_it(run, here, refused):
    Path("shop.csv").unlink()
    for command in ("resume", "compare"):
        assert refused(command, run) == (
            f"no table '{here / 'shop.csv'}', on which the run 'run' was made; put it back, or write where it is now "
            "into run/search.yaml (data: table)"
        )


def test_a_run_whose_table_was_moved_goes_on_where_its_file_says(run, here, refused):
    Path("shop.csv").rename("moved.csv")
    asked = Path("run/search.yaml")
    asked.write_text(asked.read_text().replace("shop.csv", "moved.csv"))
    assert refused("compare", run).startswith("the search in 'run' is not finished")


def test_an_unfinished_run_says_how_to_go_on(run, here, refused):
    message = "the search in 'run' has no model yet; go on with: mtl-search resume run"
    assert refused("show", run) == message
    assert refused("export", run, "--to", "out") == message
    message = "the search in 'run' is not finished; go on with: mtl-search resume run"
    assert refused("compare", run) == message
    assert refused("compare", run, "--seeds", 2) == message


def test_a_trial_that_is_not_there_is_named(run, here, refused):
    assert refused("export", run, "--to", "out", "--trial", 7) == "no trial 7 in 'run'; it has trials 0 to 1"
    (run / "trials.jsonl").write_text("")
    assert refused("export", run, "--to", "out", "--trial", 0) == "no trial 0 in 'run'; it has none yet"
