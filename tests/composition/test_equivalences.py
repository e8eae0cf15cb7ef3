"""Architectures that are one another in a special case: outputs and gradients agree to 1e-12 once weights are copied.

Fourteen such pairs, numbered in the names of the tests. Designs that are equal by structure alone (1, 3, 5, 10) have
one key, too; the others are equal for tied or fixed weights.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy_reference import random_features, random_weights, schema_of

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Expert, Gate, Route, Stitch, Tower, Transfer
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design, Gating, Inputs, Level, Stitching, Transfers
from mtl_nas.model import build
from mtl_nas.presets import preset

Tensors = dict[str, torch.Tensor]
ROWS = st.sampled_from([1, 5])
HIDDEN = st.sampled_from([(3,), (4, 3)])
TASKS = st.sampled_from([("a",), ("a", "b"), ("a", "b", "c")])
SEVERAL = st.sampled_from([("a", "b"), ("a", "b", "c")])
SEEDS = st.integers(0, 10**6)


def schema(tasks: tuple[str, ...]) -> Schema:
    """A category, so that an embedding table gets gradients, and numbers that enter as they are."""
    return schema_of(*tasks, numbers=3, categories=(4,))


def drawn(architecture: Architecture, seed: int, rows: int) -> tuple[Tensors, Tensors]:
    """Weights and features."""
    random = np.random.default_rng(seed)
    actual = random_weights(architecture, random), random_features(architecture, rows, random)
    weights, features = ({name: torch.from_numpy(values) for name, values in half.items()} for half in actual)
    return weights, features


def computed(architecture: Architecture, weights: Tensors, features: Tensors) -> tuple[Tensors, Tensors]:
    """Prediction of each task; gradients of their sum, each task with a factor of its own, by weights and ``x``."""
    model = build(architecture, seed=0, dtype=torch.float64).eval()
    model.set_weights(weights)
    inputs = dict(features)
    if "scalars" in inputs:
        inputs["scalars"] = inputs["scalars"].clone().requires_grad_()
    values = model(inputs)
    actual = {head.task: values[head.node] for head in architecture.heads if head.given is None}
    sum(FACTORS[task] * value.sum() for task, value in actual.items()).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)
    gradients = {name: weight.detach().clone() for name, weight in model.weights().items()}
    if "scalars" in inputs:
        gradients["x"] = inputs["scalars"].grad
    return {task: value.detach() for task, value in actual.items()}, gradients


FACTORS = {"a": 1.0, "b": -0.7, "c": 2.3}


def same(actual: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    assert set(actual) == set(expected)
    for name, values in expected.items():
        torch.testing.assert_close(
            actual[name], values, rtol=1e-12, atol=1e-12, msg=lambda text, name=name: f"{name}: {text}"
        )


def inputs(**options: Any) -> dict[str, Any]:
    return {"numbers": "standard", "embedding": 2, **options}


def mixed_by(design: Design, mixing: Any) -> Design:
    """The design with another mixing on every level."""
    levels = tuple(level.model_copy(update={"mixing": mixing}) for level in design.levels)
    return design.model_copy(update={"levels": levels})


def named(weights: Tensors, names: Mapping[str, str]) -> Tensors:
    """Those weights under other names: new -> old."""
    return {new: weights[old] for new, old in names.items()}


def trunks(tasks: tuple[str, ...], levels: int) -> dict[str, str]:
    """Weights of trunks of one layer a level, under the names of one expert of many layers: level by level -> whole."""
    return {
        f"level{depth}/expert/{task}/0/{word}0": f"level0/expert/{task}/0/{word}{depth}"
        for task in tasks
        for depth in range(levels)
        for word in ("weight", "bias")
    }


def same_model(left: Design, right: Design, data: Schema, seed: int, rows: int) -> None:
    """Equal keys, names, weights, outputs and gradients."""
    first, second = compose(left, data), compose(right, data)
    assert first.key == second.key
    weights, features = drawn(first, seed, rows)
    (values, gradients), (others, other_gradients) = (
        computed(first, weights, features),
        computed(second, weights, features),
    )
    same(values, others)
    same(gradients, other_gradients)


@given(tasks=TASKS, hidden=HIDDEN, seed=SEEDS, rows=ROWS)
def test_1_mmoe_with_one_expert_is_a_shared_bottom(tasks: tuple[str, ...], hidden: Any, seed: int, rows: int) -> None:
    data = schema(tasks)
    each = preset("mmoe", data, experts=1, hidden=hidden, tower=(2,), **inputs())
    same_model(each, preset("shared_bottom", data, hidden=hidden, tower=(2,), **inputs()), data, seed, rows)


@given(tasks=TASKS, hidden=HIDDEN, experts=st.integers(2, 4), seed=SEEDS, rows=ROWS)
def test_2_omoe_is_mmoe_with_tied_gates(
    tasks: tuple[str, ...], hidden: Any, experts: int, seed: int, rows: int
) -> None:
    data = schema(tasks)
    sizes = {"experts": experts, "hidden": hidden, "tower": (2,), **inputs()}
    item, each = (compose(preset(name, data, **sizes), data) for name in ("omoe", "mmoe"))
    weights, features = drawn(item, seed, rows)
    gate = weights.pop("level0/gate/weight0")
    tied = {f"level0/gate/{task}/weight0": gate for task in tasks}
    values, gradients = computed(item, {**weights, "level0/gate/weight0": gate}, features)
    others, other_gradients = computed(each, {**weights, **tied}, features)
    same(values, others)
    other_gradients["level0/gate/weight0"] = sum(other_gradients.pop(name) for name in tied)  # type: ignore[assignment]
    same(other_gradients, gradients)


@given(tasks=TASKS, hidden=HIDDEN, experts=st.integers(1, 3), seed=SEEDS, rows=ROWS)
def test_3_cgc_without_own_experts_is_mmoe(
    tasks: tuple[str, ...], hidden: Any, experts: int, seed: int, rows: int
) -> None:
    data = schema(tasks)
    each = preset("cgc", data, shared=experts, specific=0, hidden=hidden, tower=(2,), **inputs())
    same_model(each, preset("mmoe", data, experts=experts, hidden=hidden, tower=(2,), **inputs()), data, seed, rows)


@given(tasks=TASKS, hidden=HIDDEN, own=st.integers(1, 3), seed=SEEDS, rows=ROWS)
def test_4_cgc_without_shared_experts_is_a_mixture_a_task_on_one_embedding(
    tasks: tuple[str, ...], hidden: Any, own: int, seed: int, rows: int
) -> None:
    data = schema(tasks)
    sizes = {"hidden": hidden, "tower": (2,), **inputs()}
    whole = compose(preset("cgc", data, shared=0, specific=own, **sizes), data)
    weights, features = drawn(whole, seed, rows)
    values, gradients = computed(whole, weights, features)
    joint: Tensors = {name: torch.zeros_like(weight) for name, weight in gradients.items()}
    for task in tasks:
        alone = schema((task,))
        part = compose(preset("cgc", alone, shared=0, specific=own, **sizes), alone)
        named = {node.name for node in part.nodes}
        actual, other_gradients = computed(
            part, {n: w for n, w in weights.items() if n.rpartition("/")[0] in named}, features
        )
        same(actual, {task: values[task]})
        for name, gradient in other_gradients.items():
            joint[name] += gradient
    same(joint, gradients)


@given(tasks=TASKS, hidden=HIDDEN, shared=st.integers(0, 2), own=st.integers(1, 2), seed=SEEDS, rows=ROWS)
def test_5_ple_of_one_level_is_cgc(
    tasks: tuple[str, ...], hidden: Any, shared: int, own: int, seed: int, rows: int
) -> None:
    data = schema(tasks)
    sizes = {"shared": shared, "specific": own, "hidden": hidden, "tower": (2,), **inputs()}
    same_model(preset("ple", data, levels=1, **sizes), preset("cgc", data, **sizes), data, seed, rows)


@given(tasks=TASKS, levels=st.integers(1, 3), channelwise=st.booleans(), seed=SEEDS, rows=ROWS)
def test_6_cross_stitch_whose_units_are_the_identity_is_a_trunk_a_task(
    tasks: tuple[str, ...], levels: int, channelwise: bool, seed: int, rows: int
) -> None:
    data = schema(tasks)
    sizes = {"hidden": (3,) * levels, "tower": (2,), **inputs()}
    crossed = compose(mixed_by(preset("cross_stitch", data, **sizes), Stitching(channelwise=channelwise)), data)
    plain = compose(preset("cgc", data, shared=0, specific=1, **sizes), data)
    weights, features = drawn(plain, seed, rows)
    names = {name: name for name in weights if "/expert/" not in name} | trunks(tasks, levels)
    (values, gradients), (others, other_gradients) = (
        computed(crossed, named(weights, names) | identity_stitches(crossed), features),
        computed(plain, weights, features),
    )
    same(values, others)
    same({name: gradients[name] for name in (*names, "x")}, named(other_gradients, {**names, "x": "x"}))


@given(tasks=TASKS, levels=st.integers(1, 3), transform=st.booleans(), seed=SEEDS, rows=ROWS)
def test_7_snr_with_open_routes_on_the_diagonal_alone_is_cross_stitch_whose_units_are_the_identity(
    tasks: tuple[str, ...], levels: int, transform: bool, seed: int, rows: int
) -> None:
    """The clip of the hard-concrete numbers makes routes at 40 and -40 exactly open and closed."""
    data = schema(tasks)
    sizes = {"tower": (2,), **inputs()}
    crossed = compose(preset("cross_stitch", data, hidden=(3,) * levels, **sizes), data)
    design = preset("snr", data, experts=len(tasks), levels=levels, hidden=(3,), transform=transform, **sizes)
    routed = compose(design, data)
    weights, features = drawn(crossed, seed, rows)
    weights |= identity_stitches(crossed)
    names = {name: name for name in weights if not name.startswith("level")} | {
        f"level{depth}/expert/{position}/{word}0": f"level{depth}/expert/{task}/0/{word}0"
        for depth in range(levels)
        for position, task in enumerate(tasks)
        for word in ("weight", "bias")
    }
    routes: Tensors = {}
    for node in (node for node in routed.nodes if isinstance(node.block, Route)):
        reader = node.name.rpartition("/")[2]
        own = tasks.index(reader) if reader in tasks else int(reader) if reader.isdecimal() else 0
        routes[f"{node.name}/log_alpha"] = torch.full((len(tasks),), -40.0, dtype=torch.float64)
        routes[f"{node.name}/log_alpha"][own] = 40.0
        if transform:
            routes[f"{node.name}/transform"] = torch.eye(3, dtype=torch.float64).repeat(len(tasks), 1, 1)
    (values, gradients), (others, other_gradients) = (
        computed(routed, named(weights, names) | routes, features),
        computed(crossed, weights, features),
    )
    same(values, others)
    same({name: gradients[name] for name in (*names, "x")}, named(other_gradients, {**names, "x": "x"}))
    assert not any(gradients[name].any() for name in routes if name.endswith("log_alpha"))


def identity_stitches(architecture: Architecture) -> Tensors:
    """Every stitch keeps its own state, its first input, and takes nothing of the others."""
    actual: Tensors = {}
    for node in (node for node in architecture.nodes if isinstance(node.block, Stitch)):
        shape = (len(node.inputs), 3) if node.block.channelwise else (len(node.inputs),)
        actual[f"{node.name}/shares"] = torch.zeros(shape, dtype=torch.float64)
        actual[f"{node.name}/shares"][0] = 1.0
    return actual


@given(count=st.integers(2, 3), score=st.sampled_from(["self", "cross"]), seed=SEEDS, rows=ROWS)
def test_8_aitm_whose_weight_is_on_the_own_slot_is_parallel_towers(
    count: int, score: str, seed: int, rows: int
) -> None:
    """V is the identity; Q and K are 200 times it, so that the own slot wins by hundreds: e^-745 is 0 in float64.

    Its state is kept long by a bias of 3, what is passed on short by weights of 1/50: no gradient there.
    """
    tasks = ("a", "b", "c")[:count]
    data = schema(tasks)
    levels = (Level(specific=1, expert=Expert(hidden=(4,))),)
    plain = Design(inputs=Inputs(**inputs()), levels=levels)
    linked = plain.model_copy(update={"transfers": Transfers(links="chain", transfer=Transfer(score=score))})
    first, second = compose(linked, data), compose(plain, data)
    weights, features = drawn(first, seed, rows)
    for task in tasks:
        weights[f"level0/expert/{task}/0/weight0"] /= 5
        weights[f"level0/expert/{task}/0/bias0"] = torch.full((4,), 3.0, dtype=torch.float64)
    for name in weights:
        if "information" in name:
            weights[name] /= 50
    eye = torch.eye(4, dtype=torch.float64)
    weights |= {"shared/transfer4/value": eye, "shared/transfer4/query": 200 * eye, "shared/transfer4/key": 200 * eye}
    remaining = {name: weight for name, weight in weights.items() if "transfer" not in name}
    (values, gradients), (others, other_gradients) = (
        computed(first, weights, features),
        computed(second, remaining, features),
    )
    same(values, others)
    same({name: gradient for name, gradient in gradients.items() if "transfer" not in name}, other_gradients)
    for name in ("query", "key"):
        assert not gradients[f"shared/transfer4/{name}"].any()


@given(tasks=SEVERAL, hidden=HIDDEN, critic=st.sampled_from([(), (2,)]), seed=SEEDS, rows=ROWS)
def test_9_metaheac_of_one_expert_and_one_critic_is_a_shared_bottom_under_one_tower(
    tasks: tuple[str, ...], hidden: Any, critic: Any, seed: int, rows: int
) -> None:
    """No weight of a task is left, so all tasks have one prediction."""
    data = schema(tasks)
    item = compose(preset("metaheac", data, experts=1, critics=1, hidden=hidden, critic=critic, **inputs()), data)
    each = compose(preset("shared_bottom", data, hidden=hidden, tower=critic, **inputs()), data)
    weights, features = drawn(item, seed, rows)
    bottom = [name for name in weights if not name.startswith("shared/critic/")]
    towers = {
        task: {name.replace("shared/critic/0", f"tower/{task}"): name for name in set(weights) - set(bottom)}
        for task in tasks
    }
    copies = {new: old for names in towers.values() for new, old in names.items()}
    (values, gradients), (others, other_gradients) = (
        computed(item, weights, features),
        computed(each, {name: weights[name] for name in bottom} | named(weights, copies), features),
    )
    same(values, others)
    same(values, dict.fromkeys(tasks, values[tasks[0]]))
    joint = {name: other_gradients[name] for name in (*bottom, "x")}
    for new, old in copies.items():
        joint[old] = joint.get(old, 0) + other_gradients[new]
    same(gradients, joint)


@given(hidden=HIDDEN, seed=SEEDS, rows=ROWS)
def test_10_esmm_of_one_step_is_a_single_task(hidden: Any, seed: int, rows: int) -> None:
    direct = Design(inputs=Inputs(**inputs()), tower=Tower(hidden=hidden))
    data = schema(("a",))
    same_model(direct.model_copy(update={"funnel": "product"}), direct, data, seed, rows)


@given(seed=SEEDS, rows=ROWS)
def test_10_the_first_step_of_a_chain_is_a_single_task(seed: int, rows: int) -> None:
    whole = schema_of("a", "b<a", "c<b", numbers=3)
    design = Design(inputs=Inputs(numbers="standard"), tower=Tower(hidden=(3,)), funnel="product")
    weights, features = drawn(compose(design, whole), seed, rows)
    values, _ = computed(compose(design, whole), weights, features)
    first = {name: weight for name, weight in weights.items() if name.startswith(("tower/a/", "embedding/"))}
    actual, _ = computed(compose(design, schema_of("a", numbers=3)), first, features)
    same(actual, {"a": values["a"]})


@given(
    tasks=TASKS,
    shared=st.integers(1, 2),
    own=st.integers(1, 2),
    gate=st.sampled_from([(), (3,), (4, 3)]),
    seed=SEEDS,
    rows=ROWS,
)
def test_11_stem_with_tied_tables_and_all_gradients_is_a_level_whose_gates_see_all(
    tasks: tuple[str, ...], shared: int, own: int, gate: Any, seed: int, rows: int
) -> None:
    """Its gates read the sum of two equal states: their first weights are half as large, their gradients double."""
    data = schema(tasks)
    sizes = {"shared": shared, "specific": own, "hidden": (3,), "tower": (2,), **inputs()}
    gating = {"sees": "all", "hidden": gate, "bias": True}
    design = mixed_by(preset("stem", data, gate=gate, **sizes), Gating(query="joint", **gating))
    apart, joined = compose(design, data), compose(mixed_by(preset("cgc", data, **sizes), Gating(**gating)), data)
    weights, features = drawn(joined, seed, rows)
    first = [f"level0/gate/{task}/weight0" for task in tasks]
    tables = [f"embedding/{task}/table" for task in tasks]
    others = weights | named(weights, dict.fromkeys(tables, "embedding/table"))
    values, gradients = computed(joined, weights, features)
    actual, other_gradients = computed(apart, others | {name: weights[name] / 2 for name in first}, features)
    same(actual, values)
    for name in tables:
        other_gradients["embedding/table"] += other_gradients.pop(name)
    same({name: gradient / 2 if name in first else gradient for name, gradient in other_gradients.items()}, gradients)


@given(tasks=SEVERAL, levels=st.integers(1, 3), seed=SEEDS, rows=ROWS)
def test_12_adatt_whose_gates_take_the_own_expert_without_residual_is_single_task(
    tasks: tuple[str, ...], levels: int, seed: int, rows: int
) -> None:
    """The own expert wins by thousands, e^-745 is 0 in float64, and the softmax has no gradient there.

    A table for each task is compared with the same table for all.
    """
    data = schema(tasks)
    sizes = {"tower": (2,), **inputs()}
    fused = preset("adatt", data, levels=levels, specific=1, hidden=(3,), **sizes)
    fused = mixed_by(fused, fused.levels[0].mixing.model_copy(update={"residual": "none"}))
    item, each = compose(fused, data), compose(preset("single_task", data, hidden=(3,) * levels, **sizes), data)
    weights, features = drawn(item, seed, rows)
    gates = [name for name in weights if "/gate/" in name]
    for node in (node for node in item.nodes if isinstance(node.block, Gate)):
        own = node.inputs[1:].index(node.name.replace("/gate/", "/expert/") + "/0")
        weights[f"{node.name}/bias0"] = torch.zeros(len(tasks), dtype=torch.float64)
        weights[f"{node.name}/bias0"][own] = 1e4
    names = {whole: single for single, whole in trunks(tasks, levels).items()}
    names |= {name: name for name in weights if name.startswith("tower/")}
    tables = {f"embedding/{task}/table": "embedding/table" for task in tasks}
    (values, gradients), (others, other_gradients) = (
        computed(item, weights, features),
        computed(each, named(weights, names | tables), features),
    )
    same(values, others)
    assert not any(gradients.pop(name).any() for name in gates)
    joint = {old: other_gradients[new] for new, old in names.items()} | {"x": other_gradients["x"]}
    joint["embedding/table"] = torch.stack([other_gradients[name] for name in tables]).sum(dim=0)
    same(gradients, joint)


GATINGS = st.builds(
    Gating,
    kind=st.sampled_from(["softmax", "top_k", "sigmoid", "static"]),
    placement=st.sampled_from(["task", "expert", "all"]),
    sees=st.sampled_from(["own", "all"]),
    residual=st.sampled_from(["none", "linear", "gate"]),
    hidden=st.sampled_from([(), (2,)]),
    bias=st.booleans(),
    temperature=st.sampled_from([1.0, 0.5]),
).filter(lambda gating: gating.bias or gating.kind != "top_k")  # where scores tie, the first ones are at the top


@given(tasks=TASKS, gating=GATINGS, levels=st.integers(1, 2), order=st.permutations(range(3)), seed=SEEDS, rows=ROWS)
def test_13_permuting_experts_with_gate_rows_changes_nothing(
    tasks: tuple[str, ...], gating: Gating, levels: int, order: list[int], seed: int, rows: int
) -> None:
    data = schema(tasks)
    level = Level(shared=3, specific={"a": 2}, expert=Expert(hidden=(3,)), mixing=gating)
    architecture = compose(Design(inputs=Inputs(**inputs()), levels=(level,) * levels), data)
    weights, features = drawn(architecture, seed, rows)
    turn: dict[str, str] = {}
    for depth in range(levels):
        # a gate for each expert above goes where its expert goes
        words = (f"level{depth}/expert", *([f"level{depth - 1}/gate", f"level{depth - 1}/residual"] if depth else []))
        for word in words:
            turn |= {f"{word}/{old}": f"{word}/{new}" for old, new in enumerate(order)}
            turn |= {f"{word}/a/{position}": f"{word}/a/{1 - position}" for position in (0, 1)}

    def turned(name: str) -> str:
        owner, slash, word = name.rpartition("/")
        return turn.get(owner, owner) + slash + word

    def moved(named: Tensors) -> Tensors:
        """Experts under their new names, and the rows of each gate in the new order of its experts."""
        actual = {turned(name): weight for name, weight in named.items()}
        for gate in (node for node in architecture.nodes if isinstance(node.block, Gate)):
            target = turn.get(gate.name, gate.name)
            before, after = (architecture.node(name).inputs[gate.block.has_query :] for name in (gate.name, target))
            indices = [before.index(old) for new in after for old in before if turn[old] == new]
            for word in last_layer(gate.block):
                actual[f"{target}/{word}"] = named[f"{gate.name}/{word}"][indices]
        return actual

    (values, gradients), (others, other_gradients) = (
        computed(architecture, weights, features),
        computed(architecture, moved(weights), features),
    )
    same(others, values)
    same(other_gradients, moved(gradients))


def last_layer(gate: Gate) -> tuple[str, ...]:
    """Weights with a row, or a number, for each expert."""
    if not gate.has_query:
        return () if gate.kind == "mean" else ("shares",)
    return (f"weight{len(gate.hidden)}", f"bias{len(gate.hidden)}")[: 1 + gate.bias]


@given(tasks=TASKS, gating=GATINGS, factor=st.sampled_from([0.25, 3.0]), seed=SEEDS, rows=ROWS)
def test_14_scaling_every_expert_scales_what_a_gate_gives(
    tasks: tuple[str, ...], gating: Gating, factor: float, seed: int, rows: int
) -> None:
    """relu keeps positive factors; a tower without hidden layers or bias shows the state."""
    data = schema(tasks)
    level = Level(shared=2, specific=1, expert=Expert(hidden=(3, 3)), mixing=gating)
    architecture = compose(Design(inputs=Inputs(**inputs()), levels=(level,)), data)
    weights, features = drawn(architecture, seed, rows)
    for task in tasks:
        weights[f"tower/{task}/bias0"] = torch.zeros(1, dtype=torch.float64)
    scaled = {
        name: weight * factor if "/expert/" in name and name.endswith("1") else weight
        for name, weight in weights.items()
    }
    (values, gradients), (others, other_gradients) = (
        computed(architecture, weights, features),
        computed(architecture, scaled, features),
    )
    same(others, {task: factor * value for task, value in values.items()})
    torch.testing.assert_close(other_gradients["x"], factor * gradients["x"], rtol=1e-12, atol=1e-12)


@given(placement=st.sampled_from(["task", "all", "none"]), seed=SEEDS, rows=ROWS)
def test_a_mixture_of_equal_experts_is_that_expert(placement: str, seed: int, rows: int) -> None:
    """Weights of a gate sum to one."""
    data = schema(("a", "b"))
    options = {"inputs": Inputs(**inputs()), "tower": Tower(hidden=(2,))}
    level = Level(shared=3, expert=Expert(hidden=(3,)), mixing=Gating(placement=placement))
    three = compose(Design(levels=(level,), **options), data)
    each = compose(Design(levels=(level.model_copy(update={"shared": 1}),), **options), data)
    weights, features = drawn(three, seed, rows)
    for word in ("weight0", "bias0"):
        weights |= {f"level0/expert/{index}/{word}": weights[f"level0/expert/0/{word}"] for index in range(3)}
    remaining = {
        name: weight
        for name, weight in weights.items()
        if name.rpartition("/")[0] in {node.name for node in each.nodes}
    }
    (values, gradients), (others, other_gradients) = (
        computed(three, weights, features),
        computed(each, remaining, features),
    )
    same(values, others)
    torch.testing.assert_close(gradients["x"], other_gradients["x"], rtol=1e-12, atol=1e-12)
