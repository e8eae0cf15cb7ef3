"""A search in one process: it decides as one behind Ray's searcher, and leaves the process as it was."""

import pytest
import torch
from tiny_search import BUDGET, RESAMPLES, SPACE, data, difference, outcome, tiny_search

import mtl_nas as mn
from mtl_nas.scoring import bootstrap


def test_a_search_in_this_process_decides_and_writes_what_another_does(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "REPLICATES", RESAMPLES)
    rows, threads, state = data(), torch.get_num_threads(), torch.get_rng_state()
    resources = mn.Resources(in_process=True)
    options = {"presets": ["mmoe", "single_task"], "ensemble": True, "seed": 3, "budget": BUDGET}
    run = mn.search(SPACE, rows, folder=tmp_path / "here" / "run", resources=resources, **options)
    assert run.finished
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    tiny_search(tmp_path / "other" / "run", rows)
    assert difference(tmp_path / "here" / "run", outcome(tmp_path / "other" / "run")) is None


@pytest.mark.parametrize(("given", "words"), [({"cpus": 2}, "cpus 2"), ({"address": "auto"}, "address auto")])
def test_one_process_is_one_worker(given, words):
    with pytest.raises(mn.MtlNasError, match=f"has one worker, got {words}"):
        mn.Resources(in_process=True, **given)
