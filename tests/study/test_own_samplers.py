"""Samplers of users: any callable with the signature of a sampler takes part in a search, and is needed to continue."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from study_fixtures import dataset, driver, events, request, run, small_search

from mtl_nas.errors import RunError
from mtl_nas.record import Proposed
from mtl_nas.settings import BUILT_IN_SAMPLERS
from mtl_nas.space import Random, SearchSpace
from mtl_nas.study import load_run, resume
from mtl_nas.study.execution import ray_backend
from mtl_nas.study.samplers import SAMPLERS, Observation, Suggestion, best_first, name_of


def near_the_best(space: SearchSpace, history: Sequence[Observation], seed: int) -> Suggestion:
    """Repeat the best but for its training, which is drawn."""
    best = best_first(history)[0]
    draw = Suggestion.drawn(space, Random(seed), "draw")
    training = {path: decision for path, decision in draw.decisions.items() if path.startswith("training.")}
    design = {path: decision for path, decision in best.decisions.items() if not path.startswith("training.")}
    return Suggestion.of(space, {**design, **training}, "near", best)


class Counting:
    """An object is a sampler too."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, space: SearchSpace, history: Sequence[Observation], seed: int) -> Suggestion:
        self.seen.append(len(history))
        return Suggestion.drawn(space, Random(seed), "counted")


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    """Samplers that a test registers are gone after it."""
    before = dict(SAMPLERS)
    yield
    SAMPLERS.clear()
    SAMPLERS.update(before)


def origins(folder: Path) -> set[str]:
    return {event.origin for event in events(folder) if isinstance(event, Proposed)}


@pytest.mark.parametrize("sampler", [near_the_best, Counting()], ids=["function", "object"])
def test_a_sampler_of_a_user_proposes_and_a_killed_search_decides_the_same(tmp_path: Path, sampler: Any) -> None:
    asked = request(sampler=name_of(sampler), trials=24, cohort=6)
    run(driver(tmp_path, asked))
    assert origins(tmp_path) & {"near", "counted"}
    whole = (tmp_path / "trials.jsonl").read_bytes()
    (tmp_path / "trials.jsonl").write_bytes(whole[: 2 * len(whole) // 3])
    run(driver(tmp_path, asked))
    assert (tmp_path / "trials.jsonl").read_bytes() == whole


def test_a_search_takes_a_callable_and_is_continued_with_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ray_backend, "execute", stop)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            small_search(tmp_path / "run", sampler=near_the_best)
    name = load_run(tmp_path / "run").settings.sampler
    assert name.endswith("near_the_best")
    with pytest.raises(RunError, match=f"holds a search with sampler {name}, now tpe"):
        small_search(tmp_path / "run", sampler="tpe")
    del SAMPLERS[name]  # as in another process
    with pytest.raises(RunError, match=r"a sampler of your own is passed to search\(\.\.\., sampler=\.\.\.\)"):
        resume(tmp_path / "run", data=dataset())
    with pytest.raises(KeyboardInterrupt):
        small_search(tmp_path / "run", sampler=near_the_best)


def test_a_registered_sampler_has_its_name() -> None:
    assert name_of(SAMPLERS["tpe"].sampler) == "tpe"
    assert name_of("auto") == "auto"
    assert name_of(near_the_best) == name_of(near_the_best)


def test_every_built_in_sampler_is_registered_and_described() -> None:
    assert set(BUILT_IN_SAMPLERS) == set(SAMPLERS)
    assert all(entry.description and not entry.description.endswith(".") for entry in SAMPLERS.values())
