"""The presets' graphs against their papers: composition against the literature, both in plain numpy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy_models as models
import numpy_reference as reference
import pytest
from numpy_reference import Array, Arrays, random_features, random_weights, sigmoid
from small_designs import FAMILIES, PRESET_CASES, SIZES, THREE, TWO, schemas, small

from mtl_nas.architecture import Head
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design

OF_PROBABILITIES = ("esmm", "metaheac")  # their papers write probabilities, the others logits
OTHER_SIZES: dict[str, tuple[str, Schema, dict[str, Any]]] = {
    "unequal specific": ("ple", THREE, {"specific": {"click": 2, "buy": 0, "pay": 1}}),
    "no shared": ("ple", THREE, {"shared": 0, "specific": {"click": 1, "buy": 3, "pay": 2}}),
    "no specific": ("ple", TWO, {"shared": 3, "specific": 0}),
    "three levels": ("ple", THREE, {"levels": 3}),
    "one expert for all": ("mmoe", TWO, {"experts": 1}),
    "one expert per task": ("adatt", THREE, {"specific": 1}),
    "one shared expert and one per task": ("adatt", THREE, {"specific": 1, "shared": 1}),
    "two shared experts and one per task": ("adatt", THREE, {"specific": 1, "shared": 2}),
    "a shared expert beside two of each task": ("adatt", THREE, {"specific": 2, "shared": 1, "levels": 3}),
    "a shared expert beside unequal ones": (
        "adatt",
        THREE,
        {"specific": {"click": 1, "buy": 3, "pay": 2}, "shared": 1},
    ),
    "unequal experts that all see": ("adatt", THREE, {"specific": {"click": 1, "buy": 3, "pay": 2}, "levels": 3}),
    "average of routes": ("snr", THREE, {"transform": False, "levels": 3}),
    "one level of routes": ("snr", TWO, {"levels": 1}),
    "one sub-network per level": ("snr", TWO, {"experts": 1}),
    "stitches of one layer": ("cross_stitch", THREE, {"hidden": (4,)}),
    "no tables of shared use": ("stem", schemas("stem")[2], {"shared": 0}),
    "linear gates": ("stem", schemas("stem")[1], {"gate": ()}),
    "one expert of its own": ("home", schemas("home")[2], {"specific": 1}),
    "no feature gate": ("home", schemas("home")[2], {"rank": 0}),
    "no shared experts": ("home", schemas("home")[2], {"shared": 0}),
    "linear gates of mtreclib": ("metaheac", schemas("metaheac")[2], {"gate": ()}),
}


@pytest.mark.parametrize(
    ("name", "schema", "sizes"),
    [
        pytest.param(name, schema, {}, id=f"{name}-{len(schema.tasks)}-{schema.tasks[-1].kind}")
        for name, schema in PRESET_CASES
        if name != "metaheac" or all(task.kind == "binary" for task in schema.tasks)
    ]
    + [pytest.param(*case, id=f"{case[0]}: {title}") for title, case in OTHER_SIZES.items()],
)
def test_the_graph_computes_what_the_paper_writes(name: str, schema: Schema, sizes: dict[str, Any]) -> None:
    random = np.random.default_rng(9)
    architecture = compose(small(name, schema, **sizes), schema)
    weights, features = random_weights(architecture, random), random_features(architecture, 5, random)
    states = reference.states(architecture, weights, features)
    expected = paper(name, states, features, weights, schema, {**SIZES[name], **sizes})
    assert {head.task for head in architecture.heads} == set(schema.task_names)
    for head in architecture.heads:
        actual, wanted = compared(name, head, states[head.node], expected)
        if schema.task(head.task).kind == "ordinal":
            node = f"thresholds/{head.task}"
            wanted = reference.thresholds(wanted, weights[f"{node}/first"], weights[f"{node}/rises"])
        np.testing.assert_allclose(actual, wanted, rtol=1e-11, atol=1e-12, err_msg=head.task)


def compared(name: str, head: Head, output: Array, expected: Arrays) -> tuple[Array, Array]:
    if name not in OF_PROBABILITIES:
        return output, expected[head.task]
    return sigmoid(output), expected[head.task] / (expected[head.given] if head.given else 1)


def paper(
    name: str, states: Arrays, features: Arrays, weights: Arrays, schema: Schema, sizes: Mapping[str, Any]
) -> dict[str, Array]:
    """Task -> what its paper's function gives at the features."""
    tasks, tower = schema.task_names, len(sizes.get("tower", ()))
    x = states[f"embedding/{tasks[0]}" if "embedding" not in states else "embedding"]
    hidden = len(sizes.get("hidden", ()))
    match name:
        case "single_task":
            return models.single_task(dict.fromkeys(tasks, x), weights, hidden=hidden, tower=tower)
        case "shared_bottom":
            return models.shared_bottom(x, weights, tasks, hidden=hidden, tower=tower)
        case "dupn":
            return models.dupn(x, features["sequence/h0"], weights, tasks, items=5, tower=tower)
        case "cross_stitch":
            return models.cross_stitch(x, weights, tasks, levels=hidden, hidden=1, tower=tower)
        case "snr":
            experts, trans = (sizes["experts"],) * sizes["levels"], sizes.get("transform", True)
            return models.snr(x, weights, tasks, experts=experts, hidden=hidden, tower=tower, trans=trans)
        case "omoe" | "mmoe":
            function = models.omoe if name == "omoe" else models.mmoe
            return function(x, weights, tasks, experts=sizes["experts"], hidden=hidden, tower=tower)
        case "mlmmoe":
            counts = {"levels": sizes["levels"], "experts": sizes["experts"]}
            return models.mlmmoe(x, weights, tasks, **counts, hidden=hidden, tower=tower)
        case "cgc" | "ple":
            levels = 1 if name == "cgc" else sizes.get("levels", 2)
            own = specific(sizes["specific"], tasks)
            return models.ple(x, weights, own, levels=levels, shared=sizes["shared"], hidden=hidden, tower=tower)
        case "adatt":
            own = specific(sizes["specific"], tasks)
            counts = {"shared": sizes.get("shared", 0), "levels": sizes.get("levels", 2)}
            return models.adatt(x, weights, own, **counts, hidden=hidden, tower=tower)
        case "stem":
            own_x = {task: states[f"embedding/{task}"] for task in tasks}
            counts = {"specific": sizes["specific"], "shared": sizes["shared"], "gate": len(sizes["gate"])}
            return models.stem(own_x, x, weights, **counts, hidden=hidden, tower=tower)
        case "home":
            families = {
                task.name: f"family/{task.family}" if task.family else f"alone/{task.name}" for task in schema.tasks
            }
            counts = {word: sizes[word] for word in ("shared", "family", "specific")}
            return models.home(x, weights, families, counts=counts, rank=sizes["rank"], tower=tower)
        case "metaheac":
            counts = {"experts": sizes["experts"], "critics": sizes["critics"], "gate": len(sizes["gate"])}
            return models.metaheac(x, weights, tasks, fields=4, **counts, hidden=hidden)
        case "esmm":
            return models.esmm(x, weights, tasks, hidden=hidden)
        case "aitm":
            return models.aitm(x, weights, tasks, hidden=hidden, tower=tower)
    raise NotImplementedError(f"preset '{name}' needs its paper's formulas in tests/helpers/numpy_models.py")


def specific(count: int | Mapping[str, int], tasks: tuple[str, ...]) -> dict[str, int]:
    return {task: count if isinstance(count, int) else count[task] for task in tasks}


TWO_FAMILIES = schemas("home")[FAMILIES.index(("click@a", "buy@b", "like@a"))]


def changes_by_family_b(design: Design, nodes: str) -> dict[str, float]:
    """Task -> the largest change of its logit when the nodes of family b with these names are scaled."""
    random = np.random.default_rng(9)
    architecture = compose(design, TWO_FAMILIES)
    weights, features = random_weights(architecture, random), random_features(architecture, 5, random)
    scaled = {name: weight * (1.5 if nodes in name else 1) for name, weight in weights.items()}
    before, after = (reference.outputs(architecture, chosen, features) for chosen in (weights, scaled))
    return {task: np.abs(before[f"tower/{task}"] - after[f"tower/{task}"]).max() for task in TWO_FAMILIES.task_names}


def with_shared_gates_on_shared_experts(design: Design) -> Design:
    levels = [
        level.model_copy(update={"mixing": level.mixing.model_copy(update={"shared_sees": "shared"})})
        for level in design.levels
    ]
    return design.model_copy(update={"levels": tuple(levels)})


@pytest.mark.parametrize(
    "design",
    [small("home", TWO_FAMILIES, shared=0), with_shared_gates_on_shared_experts(small("home", TWO_FAMILIES))],
    ids=["no shared experts", "shared gates see shared experts"],
)
def test_no_other_family_moves_a_task_of_home_where_no_shared_state_mixes_families(design: Design) -> None:
    changes = changes_by_family_b(design, "family/b")
    assert changes["click"] == changes["like"] == 0
    assert changes["buy"] > 0


def test_the_shared_state_of_home_carries_other_families_at_the_defaults() -> None:
    """The shared gate of the first level mixes every family's experts; shared experts of the second read its state."""
    assert min(changes_by_family_b(small("home", TWO_FAMILIES), "level0/family/b").values()) > 1e-3


def test_experts_of_the_second_level_of_home_serve_their_family_alone_at_the_defaults() -> None:
    changes = changes_by_family_b(small("home", TWO_FAMILIES), "level1/family/b")
    assert changes["click"] == changes["like"] == 0
    assert changes["buy"] > 0


def test_mixed_critics_give_probabilities_beyond_one_fifth() -> None:
    """MetaHeac sums what its critics' gate weighs; the mean over five critics of MTReclib stays below 1 / 5."""
    schema = schemas("metaheac")[0]
    random = np.random.default_rng(9)
    architecture = compose(small("metaheac", schema, critics=5), schema)
    weights = {name: 3 * weight for name, weight in random_weights(architecture, random).items()}
    probabilities = sigmoid(reference.outputs(architecture, weights, random_features(architecture, 64, random))[HEAD])
    assert ((probabilities > 0) & (probabilities < 1)).all()
    assert probabilities.max() > 0.9


HEAD = "critics/gate/click"
