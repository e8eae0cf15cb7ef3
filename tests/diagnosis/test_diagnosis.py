"""Diagnoses of networks whose answers are known: dead experts, dead units, gradients that agree and that do not."""

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fit_fixtures import DATA
from numpy_reference import schema_of
from rich.console import Console
from small_designs import PRESET_CASES, SCALARS, small

from mtl_nas.blocks import Expert, Tower
from mtl_nas.comparison import diagnosed
from mtl_nas.composition import compose
from mtl_nas.data import Rows, Schema
from mtl_nas.design import Design, Gating, Level, Losses, Proposal, Stitching, Training
from mtl_nas.diagnosis import Diagnosis, diagnose, summary_lines
from mtl_nas.diagnosis.network_diagnosis import MOST_ROWS
from mtl_nas.files import write_whole
from mtl_nas.model import Network, build
from mtl_nas.record import (
    Activity,
    Agreement,
    Journal,
    Mixture,
    Record,
    Request,
    RunFolder,
    RunState,
    SearchSettings,
    events,
    layout,
)
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import Job
from mtl_nas.study.search_state import SearchState
from mtl_nas.study.selection import FinalistFiles
from mtl_nas.study.selection.selection import finish
from mtl_nas.values import parse

TWO = schema_of("click", "buy")
THREE = schema_of("click", "buy", "like")


def rows_of(schema: Schema, count: int = 400) -> Rows:
    """Labels of every kind, in their tasks' sample spaces."""
    random = np.random.default_rng(0)
    labels = [
        random.integers(0, max(len(task.classes), 2), count)
        if task.rules.has_classes
        else random.exponential(size=count)
        for task in schema.tasks
    ]
    categories = [random.integers(0, len(column.levels) + 1, count) for column in schema.categories]
    return Rows(
        categories=np.array(categories, dtype=np.int32).reshape(-1, count).T,
        numbers=random.standard_normal((count, len(schema.numbers))).astype(np.float32),
        sequences={
            history.name: random.integers(0, 3, (count, len(history.columns), history.length)).astype(np.int32)
            for history in schema.sequences
        },
        labels=np.stack(labels, axis=1).astype(np.float32),
    )


def design(*levels: Level, **options: Any) -> Design:
    return Design(**{"inputs": SCALARS, "levels": levels, "tower": Tower(hidden=(3,)), **options})


MMOE = design(Level(shared=3, expert=Expert(hidden=(4,)), mixing=Gating(query="features", bias=True)))


def network_of(what: Design, schema: Schema, **weights: Any) -> Network:
    """With some weights, named ``<node>/<name>``, set to what is given."""
    network = build(compose(what, schema), dtype=torch.float64)
    initial = network.weights()
    chosen = {
        name: torch.as_tensor(value, dtype=torch.float64).expand(initial[name].shape) for name, value in weights.items()
    }
    network.set_weights(initial | chosen)
    return network


def gates(**biases: list[float]) -> dict[str, Any]:
    """Gates of the first level that weigh every row alike."""
    weights: dict[str, Any] = {}
    for task, bias in biases.items():
        weights |= {f"level0/gate/{task}/weight0": 0.0, f"level0/gate/{task}/bias0": bias}
    return weights


def diagnosis_of(network: Network, schema: Schema, rows: Rows | None = None, losses: Losses | None = None) -> Diagnosis:
    return diagnose(network, rows or rows_of(schema), schema, losses=losses or Losses())


# Gates


def test_a_gate_says_what_it_gives_each_expert() -> None:
    half = math.log(0.5 / 0.25)
    diagnosis = diagnosis_of(network_of(MMOE, TWO, **gates(click=[half, 0, 0], buy=[0, 0, 0])), TWO)
    click, buy = diagnosis.mixtures
    assert (click.node, click.kind, click.tasks) == ("level0/gate/click", "softmax", ("click",))
    assert click.weights == pytest.approx({"level0/expert/0": 0.5, "level0/expert/1": 0.25, "level0/expert/2": 0.25})
    assert [click.entropy, click.row_entropy] == pytest.approx([1.5 * math.log(2) / math.log(3)] * 2)
    assert (buy.entropy, buy.carrying) == (pytest.approx(1.0), 3)
    assert not diagnosis.unused
    assert not diagnosis.narrowed


def test_a_gate_that_weighs_rows_apart_has_a_lower_entropy_by_row() -> None:
    what = design(Level(shared=2, expert=Expert(hidden=(4,)), mixing=Gating(query="features")))
    sign = [[50.0, 0, 0, 0, 0], [-50.0, 0, 0, 0, 0]]
    click = diagnosis_of(network_of(what, TWO, **{"level0/gate/click/weight0": sign}), TWO).mixtures[0]
    assert click.entropy is not None
    assert click.entropy > 0.99
    assert click.row_entropy is not None
    assert click.row_entropy < 0.1


def test_an_expert_that_no_gate_gives_a_tenth_of_an_equal_share_is_unused() -> None:
    for low, unused in ((1 / 29, ()), (1 / 31, ("level0/expert/2",))):
        bias = [0, 0, math.log(2 * low / (1 - low))]
        diagnosis = diagnosis_of(network_of(MMOE, TWO, **gates(click=bias, buy=bias)), TWO)
        assert diagnosis.mixtures[0].weights["level0/expert/2"] == pytest.approx(low)
        assert diagnosis.unused == unused


def test_a_shared_expert_that_one_task_uses_is_named_with_it() -> None:
    diagnosis = diagnosis_of(network_of(MMOE, TWO, **gates(click=[0, -30, 0], buy=[0, 0, 0])), TWO)
    assert diagnosis.unused == ()
    assert diagnosis.narrowed == {"level0/expert/1": "buy"}


def test_what_only_unused_experts_read_is_unused_too() -> None:
    level = Level(shared=1, specific=1, expert=Expert(hidden=(4,)), mixing=Gating(bias=True))
    graph = compose(design(level, level), TWO)
    closed: dict[str, Any] = {}
    for gate in ("level0/gate/click", "level0/gate/buy", "level1/gate/click", "level1/gate/buy"):
        shared = [name.endswith("expert/0") for name in graph.node(gate).inputs[1:]]
        assert any(shared)
        closed |= {f"{gate}/weight0": 0.0, f"{gate}/bias0": [-30.0 * is_shared for is_shared in shared]}
    diagnosis = diagnosis_of(network_of(design(level, level), TWO, **closed), TWO)
    assert diagnosis.unused == ("level0/expert/0", "level1/expert/0")
    assert "level0/expert/0" in next(mixture for mixture in diagnosis.mixtures if mixture.node == "level0/gate").used


def test_experts_behind_a_stop_are_called_by_their_names() -> None:
    level = Level(shared=1, specific=1, expert=Expert(hidden=(4,)), mixing=Gating(sees="all", stop_gradient=True))
    click = diagnosis_of(network_of(design(level), TWO), TWO).mixtures[0]
    assert set(click.weights) == {"level0/expert/0", "level0/expert/click/0", "level0/expert/buy/0"}


def test_a_stitch_says_how_much_is_its_own() -> None:
    what = design(Level(specific=1, expert=Expert(hidden=(4,)), mixing=Stitching()))
    diagnosis = diagnosis_of(network_of(what, TWO, **{"level0/stitch/click/shares": [0.6, -0.2]}), TWO)
    click, buy = diagnosis.mixtures
    assert click.own == "level0/expert/click/0"
    assert click.weights == pytest.approx({click.own: 0.6, "level0/expert/buy/0": -0.2})
    assert buy.weights == pytest.approx({buy.own: 0.9, click.own: 0.1})
    assert summary_lines(diagnosis)[0] == ("each task", "stitch: 75 % to 90 % on the own state")


def test_a_route_says_how_far_each_connection_is_open() -> None:
    network = network_of(small("snr", TWO), TWO)
    name = next(weight for weight in network.weights() if weight.endswith("/log_alpha"))
    node = name.rpartition("/")[0]
    network = network_of(small("snr", TWO), TWO, **{name: [30.0, 0.0, -30.0]})
    mixture = next(each for each in diagnosis_of(network, TWO).mixtures if each.node == node)
    assert list(mixture.weights.values()) == pytest.approx([1.0, 0.5, 0.0])
    assert (mixture.kind, mixture.entropy, len(mixture.used)) == ("route", None, 2)


# Units


def test_units_that_never_answer_are_dead() -> None:
    network = network_of(
        MMOE,
        TWO,
        **{
            "level0/expert/0/weight0": 0.0,
            "level0/expert/0/bias0": [1.0, 1.0, -1.0, 0.0],
            "tower/buy/weight0": 0.0,
            "tower/buy/bias0": -1.0,
        },
    )
    activity = {part.node: part for part in diagnosis_of(network, TWO).activity}
    assert activity["level0/expert/0"] == Activity(node="level0/expert/0", units=4, dead=0.5, zero=0.5)
    assert activity["tower/buy"] == Activity(node="tower/buy", units=3, dead=1.0, zero=1.0)
    assert activity["level0/expert/1"].dead < 1


def test_all_hidden_layers_count_and_other_activations_cannot_die() -> None:
    deep = design(Level(shared=2, expert=Expert(hidden=(6, 4)), mixing=Gating(query="features")), tower=Tower())
    network = network_of(deep, TWO, **{"level0/expert/1/weight1": 0.0, "level0/expert/1/bias1": -1.0})
    diagnosis = diagnosis_of(network, TWO)
    rows = torch.from_numpy(rows_of(TWO).numbers).double()
    weights = network.weights()
    first = rows @ weights["level0/expert/1/weight0"].T + weights["level0/expert/1/bias0"] <= 0
    expert = next(part for part in diagnosis.activity if part.node == "level0/expert/1")
    assert [part.node for part in diagnosis.activity] == ["level0/expert/0", "level0/expert/1"]  # towers have no layer
    assert expert.units == 10
    assert expert.zero == pytest.approx((6 * float(first.double().mean()) + 4) / 10)
    assert expert.dead == pytest.approx((float(first.all(dim=0).sum()) + 4) / 10)
    smooth = design(Level(shared=2, expert=Expert(hidden=(4,), activation="silu")), tower=Tower())
    assert diagnosis_of(network_of(smooth, TWO), TWO).activity == ()


# Gradients


def opposed(scale: float = 1e-9) -> tuple[Network, Rows]:
    """Outputs near 0, so that the gradient by a logit is 1/2 minus the label; click and buy have opposite labels."""
    what = design(Level(shared=1, expert=Expert(hidden=(4,))), tower=Tower())
    towers = {f"tower/{task}/weight0": scale * torch.ones(1, 4) for task in ("click", "buy")}
    rows = rows_of(TWO)
    rows.labels[:, 1] = 1 - rows.labels[:, 0]
    return network_of(what, TWO, **towers), rows


def test_tasks_that_pull_apart_have_cosine_minus_one() -> None:
    network, rows = opposed()
    (pair,) = diagnosis_of(network, TWO, rows).gradients
    assert pair.tasks == ("click", "buy")
    assert [pair.cosine, pair.lowest, pair.highest] == pytest.approx([-1, -1, -1])
    assert pair.verdict == "conflict"
    rows.labels[:, 1] = rows.labels[:, 0]
    diagnosis = diagnosis_of(network, TWO, rows)
    assert diagnosis.cosine("buy", "click") == diagnosis.cosine("click", "buy") == pytest.approx(1)
    assert diagnosis.gradients[0].verdict == "aligned"


def test_the_cosine_is_that_of_the_gradients_by_what_both_tasks_train() -> None:
    what = design(*[Level(shared=2, specific=1, expert=Expert(hidden=(4,)))] * 2)
    network, rows = network_of(what, THREE), rows_of(THREE)
    outputs = network({"scalars": torch.from_numpy(rows.numbers)})
    labels = torch.from_numpy(rows.labels).double()
    reaching = network.architecture.reaching
    diagnosis = diagnosis_of(network, THREE, rows)
    for pair in ((0, 1), (0, 2), (1, 2)):
        names = [THREE.task_names[index] for index in pair]
        shared = {node for node, tasks in reaching.items() if set(names) <= tasks}
        vectors = []
        for index in pair:
            logit = outputs[f"tower/{THREE.task_names[index]}"][:, 0]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, labels[:, index])
            network.zero_grad()
            loss.backward(retain_graph=True)
            grads = {
                name: tensor for name, tensor in gradients_of(network).items() if name.rpartition("/")[0] in shared
            }
            assert len(grads) > 8
            vectors.append(torch.cat([tensor.flatten() for tensor in grads.values()]))
        assert diagnosis.cosine(*names) == pytest.approx(float(torch.cosine_similarity(*vectors, dim=0)))


def gradients_of(network: Network) -> dict[str, torch.Tensor]:
    """By node, as weights are named."""
    stacked = {id(parameter): parameter.grad for parameter in network.parameters()}
    return {
        name: stacked[id(tensor)][index]
        for name, (tensor, index) in network._members().items()
        if stacked.get(id(tensor)) is not None
    }


def test_rows_count_by_their_weights() -> None:
    network, rows = network_of(MMOE, TWO), rows_of(TWO, 1000)
    first = rows.take(slice(0, 500))
    weighed = Rows(rows.categories, rows.numbers, rows.sequences, rows.labels, np.repeat([2.0, 0.0], 500).astype("f"))
    assert diagnosis_of(network, TWO, weighed).cosine("click", "buy") == pytest.approx(
        diagnosis_of(network, TWO, first).cosine("click", "buy")
    )
    positive = Losses(positive_weights={"click": 9.0})
    assert diagnosis_of(network, TWO, rows, positive).gradients != diagnosis_of(network, TWO, rows).gradients


def test_where_nothing_is_shared_or_no_label_is_known_there_is_no_cosine() -> None:
    alone = diagnosis_of(network_of(small("single_task", THREE), THREE), THREE)
    assert [pair.cosine for pair in alone.gradients] == [None] * 3
    assert summary_lines(alone)[-1] == ("gradients", "tasks share no layer")
    rows = rows_of(TWO)
    rows.labels[:, 1] = np.nan
    (pair,) = diagnosis_of(network_of(MMOE, TWO), TWO, rows).gradients
    assert (pair.cosine, pair.verdict) == (None, "")
    rows.labels[::4, 1] = 1.0  # one quarter alone
    (pair,) = diagnosis_of(network_of(MMOE, TWO), TWO, rows).gradients
    assert pair.cosine is not None
    assert (pair.lowest, pair.verdict) == (None, "")


def test_one_task_has_no_pair() -> None:
    schema = schema_of("click")
    assert diagnosis_of(network_of(MMOE, schema), schema).gradients == ()


# All of it


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        pytest.param(name, schema, marks=[] if name == "mmoe" or len(schema.tasks) == 2 else [pytest.mark.slow])
        for name, schema in PRESET_CASES
    ],
    ids=lambda case: case if isinstance(case, str) else "-".join(case.task_names),
)
def test_every_preset_has_a_diagnosis_that_fits_a_terminal(name: str, schema: Schema) -> None:
    what = small(name, schema)
    network = build(compose(what, schema)).train()
    diagnosis = diagnose(network, rows_of(schema, 120), schema, losses=what.losses)
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())
    assert len(diagnosis.gradients) == math.comb(len(schema.tasks), 2)
    assert parse(Diagnosis, json.loads(diagnosis.model_dump_json()), "diagnosis") == diagnosis
    console = Console(width=80, file=io.StringIO())
    console.print(diagnosed(name, diagnosis))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    assert len(lines) <= 2 * len(schema.tasks) + 6


def test_many_rows_are_sampled_evenly_and_a_diagnosis_repeats() -> None:
    network, rows = network_of(MMOE, TWO), rows_of(TWO, 3 * MOST_ROWS)
    diagnosis = diagnosis_of(network, TWO, rows)
    assert diagnosis.rows == MOST_ROWS
    assert diagnosis == diagnosis_of(network, TWO, rows)


MIXTURES = (
    Mixture(
        node="a",
        kind="softmax",
        tasks=("click",),
        weights={"x": 0.6, "y": 0.35, "z": 0.05},
        entropy=0.62,
        row_entropy=0.2,
    ),
    Mixture(
        node="b",
        kind="softmax",
        tasks=("buy",),
        weights={"x": 0.95, "y": 0.05, "z": 0.0},
        entropy=0.18,
        row_entropy=0.17,
    ),
    Mixture(node="c", kind="mean", tasks=("click", "buy"), weights={"x": 0.5, "y": 0.5}, entropy=1.0, row_entropy=1.0),
)


def test_sentences_say_what_a_diagnosis_holds() -> None:
    diagnosis = Diagnosis(
        rows=9,
        mixtures=MIXTURES,
        unused=("z", "w", "v", "u", "t"),
        narrowed={"y": "click"},
        activity=(Activity(node="x", units=3, dead=0.0, zero=0.5), Activity(node="y", units=1, dead=1.0, zero=1.0)),
        gradients=(
            Agreement(tasks=("click", "buy"), cosine=-0.31, lowest=-0.4, highest=-0.1),
            Agreement(tasks=("click", "like"), cosine=-0.6, lowest=-0.7, highest=0.1),
            Agreement(tasks=("buy", "like"), cosine=0.2, lowest=0.1, highest=0.3),
        ),
    )
    assert summary_lines(diagnosis) == [
        ("click", "gate: 2 of 3 experts carry 90 % (entropy .62, per row .20)"),
        ("buy", "gate: 1 of 3 experts carry 90 % of the weight (entropy .18)"),
        ("unused", "z, w, v and 2 more"),
        ("one task only", "y (click)"),
        ("units", "25 % dead (y 100 %), 62 % of activations zero"),
        ("conflict", "click x buy cosine -.31 [-.40 -.10]"),
        ("gradients", "other cosines -.60 to +.20"),
    ]


def test_pairs_of_tasks_with_equal_cosines_are_summarised() -> None:
    pairs = tuple(Agreement(tasks=tasks, cosine=0.5) for tasks in (("a", "b"), ("a", "c"), ("b", "c")))
    assert summary_lines(Diagnosis(rows=9, gradients=pairs)) == [("gradients", "cosines +.50 to +.50")]


# In the record


def test_a_record_without_a_diagnosis_is_read_and_a_diagnosis_comes_back_whole() -> None:
    old = events.EVENTS.validate_json('{"event": "tested", "number": 0, "scores": {"1": {"click": {"auc": 0.7}}}}')
    assert isinstance(old, events.Tested)
    assert old.diagnosis is None
    new = events.Tested(number=0, scores={}, diagnosis=Diagnosis(rows=9, mixtures=MIXTURES))
    assert events.EVENTS.validate_json(json.dumps(new.model_dump(mode="json"), sort_keys=True)) == new


def test_the_final_stage_writes_what_the_first_seed_shows(tmp_path: Path) -> None:
    proposal = Proposal(design=MMOE, training=Training(epochs=1, batch_size=64))
    folder, schema = RunFolder(tmp_path), DATA.schema
    search = {
        "data": {},
        "tasks": schema.task_names,
        "fingerprint": DATA.fingerprint,
        "space": {},
        "space_name": "none",
    }
    folder.begin(Request(**search))
    counted = {"architecture_key": "a", "proposal_key": "p", "parameters": 1, "macs": 1}
    folder.record.append(events.Proposed(number=0, origin="given", proposal=proposal, **counted))
    folder.record.append(events.Chosen(numbers=(0,), seeds=(5, 3)))
    for seed in (3, 5):
        job = Job(number=0, kind="finalist", rung=0, share=1.0, seed=seed, proposal=proposal)
        (answer,) = work([job], DATA, get=lambda name: None, put=lambda name, file: write_whole(tmp_path / name, file))
        measured = {"score": answer.score, "scores": answer.scores, "rows": 1, "seconds": 1.0}
        folder.record.append(events.Finalist(number=0, seed=seed, **measured))
    finish(folder, Journal(folder.record, SearchState(SearchSettings())), DATA)
    trial = RunState().after(Record(tmp_path / "trials.jsonl")).trials[0]
    network = FinalistFiles(folder, DATA).networks(layout.NetworkName(0, 5), trial)[0]
    assert trial.diagnosis == diagnose(network, DATA.rows("tuning"), schema, losses=MMOE.losses)
    stored = json.loads((tmp_path / "finalists/00000/diagnosis.json").read_text())
    assert parse(Diagnosis, stored, "file") == trial.diagnosis
