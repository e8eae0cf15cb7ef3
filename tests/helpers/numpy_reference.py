"""Every block, loss and architecture in plain numpy, one row of maths a line: what the torch modules are held against.

Nothing here is batched over instances, planned or shared with the package. Each function takes real or complex arrays;
with an imaginary part of 1e-30 it carries a derivative exactly (the complex step), so gradients need no second
implementation.

``outputs`` walks any architecture node by node; ``numpy_models`` writes the presets down as their papers do.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy_inputs import embedded, field_mean, history
from numpy_members import hidden_map, last_map, member_input, member_shapes
from numpy_pieces import (
    ACTIVATIONS,
    Array,
    Arrays,
    clipped,
    logit,
    product_logit,
    relu,
    sigmoid,
    softmax,
    softplus,
    stop,
)

from mtl_nas.architecture import Architecture, Node
from mtl_nas.blocks import Embedding, History
from mtl_nas.data import Category, Number, Schema, Task
from mtl_nas.data import schema as tables

EPSILON = 1e-5  # of norm layers
STEP = 1e-30  # of the complex step
Shapes = Iterator[tuple[str, tuple[int, ...]]]  # of weights


# Blocks


def normed(x: Array, kind: str, weights: Arrays, node: str, index: int, *, train: bool) -> Array:
    if kind == "none":
        return x
    axis = 0 if kind == "batch" else 1
    mean = x.mean(axis=axis, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=axis, keepdims=True)
    if kind == "batch" and not train:
        mean, variance = weights[f"{node}/running_mean{index}"], weights[f"{node}/running_var{index}"]
    return (x - mean) / np.sqrt(variance + EPSILON) * weights[f"{node}/scale{index}"] + weights[f"{node}/shift{index}"]


def layers(x: Array, block: Any, weights: Arrays, node: str, *, train: bool = False) -> Array:
    """Hidden layers without dropout: Linear -> norm -> activation, each time; residual adds what a layer reads."""
    own_factors = getattr(block, "adapters", "none") != "none"
    for index in range(len(block.hidden)):
        if own_factors:
            linear = hidden_map(x, block, weights, node, index)
        else:
            linear = x @ weights[f"{node}/weight{index}"].T + weights[f"{node}/bias{index}"]
        result = ACTIVATIONS[block.activation](normed(linear, block.norm, weights, node, index, train=train))
        x = result + x if block.residual and result.shape == x.shape else result
    return x


def expert(x: Array, block: Any, weights: Arrays, node: str, *, train: bool = False) -> Array:
    """Feature gate, cross layers, hidden layers."""
    if block.feature_gate:
        x = x * 2 * sigmoid(x @ weights[f"{node}/down"].T @ weights[f"{node}/up"].T)
    first = x
    for index in range(block.cross):
        x = first * (x @ weights[f"{node}/cross_weight{index}"].T + weights[f"{node}/cross_bias{index}"]) + x
    return layers(x, block, weights, node, train=train)


def tower(x: Array, block: Any, weights: Arrays, node: str, *, train: bool = False) -> Array:
    last = len(block.hidden)
    hidden = layers(x, block, weights, node, train=train)
    if block.block == "member_tower":
        return last_map(hidden, block, weights, node)
    return hidden @ weights[f"{node}/weight{last}"].T + weights[f"{node}/bias{last}"]


def scores(query: Array, block: Any, weights: Arrays, node: str) -> Array:
    """(B, E)."""
    last = len(block.hidden)
    for index in range(last):
        query = relu(query @ weights[f"{node}/weight{index}"].T + weights[f"{node}/bias{index}"])
    result = query @ weights[f"{node}/weight{last}"].T
    return (result + weights[f"{node}/bias{last}"] if block.bias else result) / block.temperature


def best(result: Array, top: int) -> Array:
    """The softmax over the largest scores of each row, zeros elsewhere."""
    shares = np.zeros_like(result)
    for row, values in enumerate(result):
        last = sorted(values.real)[-top]
        chosen = [expert for expert, value in enumerate(values) if value.real >= last]  # what ties with the last stays
        shares[row, chosen] = softmax(values[chosen])
    return shares


def gate(inputs: Sequence[Array], block: Any, weights: Arrays, node: str) -> Array:
    experts, rows = inputs[1:] if block.has_query else inputs, len(inputs[0])
    match block.kind:
        case "softmax":
            shares = softmax(scores(inputs[0], block, weights, node))
        case "top_k":
            shares = best(scores(inputs[0], block, weights, node), block.top)
        case "sigmoid":
            shares = sigmoid(scores(inputs[0], block, weights, node))
        case "static":
            shares = np.tile(softmax(weights[f"{node}/shares"]), (rows, 1))
        case "linear":
            shares = np.tile(weights[f"{node}/shares"], (rows, 1))
        case "mean":
            shares = np.full((rows, len(experts)), 1 / len(experts))
    match block.mixes:
        case "probability":
            return logit(
                mixture(shares, [sigmoid(each) for each in experts]),
                mixture(shares, [sigmoid(-each) for each in experts]),
            )
        case "classes":
            return np.log(mixture(shares, [softmax(each) for each in experts]))
        case "rate":
            return np.log(mixture(shares, [np.exp(each) for each in experts]))
    return mixture(shares, experts)


def mixture(shares: Array, experts: Sequence[Array]) -> Array:
    return sum(shares[:, [index]] * expert for index, expert in enumerate(experts))  # type: ignore[return-value]


def route(sources: Sequence[Array], block: Any, weights: Arrays, node: str, draws: Array | None) -> Array:
    """Connections that ``draws``, (S,) uniform numbers, open or close; without them, what each is at test time."""
    open_ = weights[f"{node}/log_alpha"]
    if draws is not None:
        open_ = (np.log(draws) - np.log(1 - draws) + open_) / block.beta
    z = clipped(sigmoid(open_) * (block.zeta - block.gamma) + block.gamma)
    maps = weights[f"{node}/transform"] if block.transform else [np.eye(source.shape[1]) for source in sources]
    return sum(z[index] * (source @ maps[index].T) for index, source in enumerate(sources))  # type: ignore[return-value]


def penalty(architecture: Architecture, weights: Arrays) -> Array:
    """Of all routes: what the expected number of open connections costs."""
    price = np.zeros(())
    for node in architecture.nodes:
        if node.block.block == "route":
            bar = node.block.beta * math.log(-node.block.gamma / node.block.zeta)
            price = price + node.block.penalty * sigmoid(weights[f"{node.name}/log_alpha"] - bar).sum()
    return price


def thresholds(score: Array, first: Array, rises: Array) -> Array:
    """(B, 1) -> (B, K - 1): the score less each threshold, which lies above the one before."""
    heights = [first[0]]
    for rise in rises:
        heights.append(heights[-1] + softplus(rise))
    return score - np.stack(heights)


def transfer(own: Array, sources: Sequence[Array], block: Any, weights: Arrays, node: str) -> Array:
    width = own.shape[1]
    maps = f"shared/transfer{width}" if block.share else node

    def mapped(word: str, slot: Array) -> Array:
        image = slot @ weights[f"{maps}/{word}"].T
        return image + weights[f"{maps}/{word}_bias"] if block.bias else image

    slots = [own]
    for index, source in enumerate(sources):
        state = stop(source) if block.stop_gradient else source
        passed = state @ weights[f"{node}/information_weight"][index].T + weights[f"{node}/information_bias"][index]
        slots.append(relu(passed) if block.information == "relu" else passed)
    queries = [mapped("query", own if block.score == "cross" else slot) for slot in slots]
    scores = [(query * mapped("key", slot)).sum(axis=1) for query, slot in zip(queries, slots, strict=True)]
    shares = softmax(np.stack(scores, axis=1) / math.sqrt(width))
    return mixture(shares, [mapped("value", slot) for slot in slots])


# Any architecture


def outputs(
    architecture: Architecture,
    weights: Arrays,
    features: Arrays,
    *,
    train: bool = False,
    draws: Arrays | None = None,
) -> dict[str, Array]:
    """Node of each head -> (B, outputs)."""
    values = states(architecture, weights, features, train=train, draws=draws)
    return {head.node: values[head.node] for head in architecture.heads}


def states(
    architecture: Architecture,
    weights: Arrays,
    features: Arrays,
    *,
    train: bool = False,
    draws: Arrays | None = None,
) -> dict[str, Array]:
    """Every node -> what it computes. draws: of each route in training, by node."""
    values: dict[str, Array] = {}
    for node in architecture.nodes:
        inputs = [values[name] for name in node.inputs]
        values[node.name] = _state(node, inputs, weights, features, train=train, draws=(draws or {}).get(node.name))
    return values


def _state(
    node: Node, inputs: list[Array], weights: Arrays, features: Arrays, *, train: bool, draws: Array | None
) -> Array:
    block: Any = node.block
    own, rows = owner(node), len(next(iter(features.values())))
    match block.block:
        case "embedding":
            return embedded(block, weights, own, features)
        case "sequence":
            context = inputs[0] if inputs else np.zeros((rows, 0))
            return history(block, weights, own, features[f"sequence/{block.name}"], context)
        case "field_mean":
            return field_mean(inputs[0], block)
        case "task_embedding":
            return np.tile(weights[f"{own}/vector"], (rows, 1))
        case "scaling":
            return inputs[0] * weights[f"{own}/scale"]
        case "concat":
            return np.concatenate(inputs, axis=1)
        case "sum":
            return sum(inputs)  # type: ignore[return-value]
        case "stop":
            return stop(inputs[0])
        case "member_input":
            return member_input(inputs[0], block, weights, own)
        case "expert" | "member_expert":
            return expert(inputs[0], block, weights, own, train=train)
        case "gate":
            return gate(inputs, block, weights, own)
        case "stitch":
            shares = weights[f"{own}/shares"]
            return sum(share * state for share, state in zip(shares, inputs, strict=True))  # type: ignore[return-value]
        case "route":
            return route(inputs, block, weights, own, draws)
        case "transfer":
            return transfer(inputs[0], inputs[1:], block, weights, own)
        case "tower" | "member_tower":
            return tower(inputs[0], block, weights, own, train=train)
        case "thresholds":
            return thresholds(inputs[0], weights[f"{own}/first"], weights[f"{own}/rises"])
        case "product":
            return product_logit(inputs)
    raise NotImplementedError(block.block)


def owner(node: Node) -> str:
    """Whose weights a node uses: its own, or a set that several nodes share."""
    return f"shared/{node.tied}" if node.tied else node.name


# Derivatives


def directional_derivative(value: Callable[[Array], Array], at: Array, direction: Array) -> float:
    """The derivative of a number along a direction; exact up to rounding."""
    return float(np.imag(value(at + 1j * STEP * direction)) / STEP)


def gradient(value: Callable[[Array], Array], at: Array) -> Array:
    """All partial derivatives of a number, one evaluation each."""
    result = np.zeros(at.shape)
    for index in np.ndindex(at.shape):
        direction = np.zeros(at.shape)
        direction[index] = 1.0
        result[index] = directional_derivative(value, at, direction)
    return result


# Losses: mean over the rows whose label is there, 0 where none is


def masked_mean(losses: Array, labels: Array) -> Array:
    valid = ~np.isnan(labels)
    return losses[valid].sum() / valid.sum() if valid.any() else np.zeros(())


def _filled(labels: Array) -> Array:
    return np.where(np.isnan(labels), 0.0, labels)


def binary_loss(logits: Array, labels: Array) -> Array:
    """(B,), (B,) -> cross-entropy of ``sigmoid(logits)``."""
    filled = _filled(labels)
    return masked_mean(filled * softplus(-logits) + (1 - filled) * softplus(logits), labels)


def esmm_loss(click: Array, conversion: Array, labels: Array) -> Array:
    """(B,) logits of click and of conversion after a click -> cross-entropy of their product, in log space (2.8)."""
    log = -softplus(-click) - softplus(-conversion)
    near = log.real > -math.log(2)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(near, np.log(-np.expm1(log)), np.log1p(-np.exp(np.where(near, -1.0, log))))
    return masked_mean(np.where(labels == 1, -log, -rest), labels)


def calibrator(probabilities: Arrays, pairs: Sequence[tuple[str, str]], labels: Arrays) -> Array:
    """AITM's penalty: mean over rows valid in both tasks, summed over (earlier, later) pairs; no gradient at ties."""
    penalty = np.zeros(())
    for earlier, later in pairs:
        valid = ~np.isnan(labels[earlier]) & ~np.isnan(labels[later])
        if valid.any():
            penalty = penalty + relu(probabilities[later] - probabilities[earlier])[valid].mean()
    return penalty


def uncertainty_sum(losses: Mapping[str, Array], scales: Mapping[str, float]) -> Array:
    """Kendall et al. (2018): ``sum_t l_t / (2 e^{s_t}) + s_t / 2`` over the tasks that are present."""
    return sum(loss / (2 * np.exp(scales[task])) + scales[task] / 2 for task, loss in losses.items())  # type: ignore[return-value]


# Numbers to compute with


def schema_of(
    *tasks: str, numbers: int = 5, categories: Sequence[int] = (), histories: Sequence[Sequence[int]] = (), **more: Any
) -> Schema:
    """Tasks spelled ``click``, ``buy<click`` (nested), ``stars*3`` (classes), ``stars/3`` (ordered classes), ``dwell~``
    (regression), ``spent$`` (an amount), ``likes#`` (a count), each with ``@`` and a family or not; sizes count ids.

    ``more``: the fields of every number, for example ``missing=True``. A history is a column of items, then properties.
    """
    number = {"mean": 0.0, "deviation": 1.0, "quantiles": (0.0,) * 257, "missing": False, **more}
    return Schema(
        categories=tuple(_category(f"c{index}", size - 1) for index, size in enumerate(categories)),
        numbers=tuple(Number(name=f"n{index}", **number) for index in range(numbers)),
        sequences=tuple(
            tables.HistoryColumns(
                name=f"h{index}",
                columns=tuple(_category(f"h{index}c{position}", size - 2) for position, size in enumerate(sizes)),
                length=4,
            )
            for index, sizes in enumerate(histories)
        ),
        tasks=tuple(map(_task, tasks)),
    )


NUMERIC: dict[str, dict[str, Any]] = {
    "~": {"kind": "regression"},
    "$": {"kind": "regression", "loss": "ziln"},
    "#": {"kind": "count"},
}


def _category(name: str, levels: int) -> Category:
    return Category(name=name, levels=tuple(map(str, range(levels))))


def _task(spelling: str) -> Task:
    spelling, _, family = spelling.partition("@")
    more: dict[str, Any] = {"family": family or None}
    for mark, kind in (("*", "multiclass"), ("/", "ordinal")):
        if mark in spelling:
            name, classes = spelling.split(mark)
            return Task(name=name, kind=kind, classes=tuple(map(str, range(int(classes)))), **more)
    if spelling[-1] in NUMERIC:
        return Task(name=spelling[:-1], **NUMERIC[spelling[-1]], **more)
    name, _, after = spelling.partition("<")
    return Task(name=name, kind="binary", classes=("0", "1"), after=after or None, **more)


def shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Every weight that the architecture needs."""
    result: dict[str, tuple[int, ...]] = {}
    for node in architecture.nodes:
        for name, shape in _shapes(node, architecture.input_widths(node)):
            result[name if name.startswith("shared/") else f"{owner(node)}/{name}"] = shape
    return result


def _shapes(node: Node, widths: tuple[int, ...]) -> Shapes:
    block: Any = node.block
    match block.block:
        case "embedding":
            yield "table", (block.table_rows, block.width)
            if waves := len(block.waves):
                yield "frequency", (waves, block.frequencies)
                yield "wave_weight", (waves, block.width, 2 * block.frequencies)
                yield "wave_bias", (waves, block.width)
        case "task_embedding":
            yield "vector", (block.width,)
        case "scaling":
            yield "scale", (widths[0],)
        case "sequence":
            yield from _history_shapes(block, sum(widths))
        case "member_input":
            yield "factors", (block.members * widths[0],)
        case "expert" | "tower":
            yield from _layer_shapes(block, widths[0])
        case "member_expert" | "member_tower":
            yield from {**dict(_layer_shapes(block, widths[0])), **dict(member_shapes(block, widths[0]))}.items()
        case "gate" if block.has_query:
            experts, last = len(widths) - 1, len(block.hidden)
            yield from _dense((widths[0], *block.hidden))
            yield f"weight{last}", (experts, (widths[0], *block.hidden)[-1])
            if block.bias:
                yield f"bias{last}", (experts,)
        case "gate" if block.kind != "mean":
            yield "shares", (len(widths),)
        case "stitch":
            yield "shares", (len(widths), widths[0]) if block.channelwise else (len(widths),)
        case "route":
            yield "log_alpha", (len(widths),)
            if block.transform:
                yield "transform", (len(widths), widths[0], widths[0])
        case "thresholds":
            yield from (("first", (1,)), ("rises", (block.outputs - 1,)))
        case "transfer":
            width, sources = widths[0], len(widths) - 1
            yield from (("information_weight", (sources, width, width)), ("information_bias", (sources, width)))
            maps = f"shared/transfer{width}/" if block.share else ""
            for word in ("value", "query", "key"):
                yield f"{maps}{word}", (width, width)
                if block.bias:
                    yield f"{maps}{word}_bias", (width,)


def _layer_shapes(block: Any, width: int) -> Shapes:
    if block.block in ("expert", "member_expert"):
        for index in range(block.cross):
            yield from ((f"cross_weight{index}", (width, width)), (f"cross_bias{index}", (width,)))
        if block.feature_gate:
            yield from (("down", (block.feature_gate, width)), ("up", (width, block.feature_gate)))
    yield from _dense((width, *block.hidden, *((block.outputs,) if "tower" in block.block else ())))
    words = {"none": (), "layer": ("scale", "shift"), "batch": ("scale", "shift", "running_mean", "running_var")}
    for index, units in enumerate(block.hidden):
        yield from ((f"{word}{index}", (units,)) for word in words[block.norm])


def _history_shapes(block: Any, context: int) -> Shapes:
    yield "table", (sum(block.sizes), block.width)
    gated = block.properties if block.kind == "property_gated_lstm" else 0
    if block.kind != "mean":
        gates = 3 if block.kind == "gru" else 4
        yield "item_weight", (gates * block.hidden, (len(block.sizes) - gated) * block.width)
        yield "hidden_weight", (gates * block.hidden, block.hidden)
        yield "gate_bias", (gates * block.hidden,)
    if gated:
        yield "property_weight", (3 * block.hidden, gated * block.width)
    if block.kind == "gru":
        yield "hidden_bias", (3 * block.hidden,)
    if block.attention != "none":
        state = len(block.sizes) * block.width if block.kind == "mean" else block.hidden
        last = len(block.attention_hidden)
        for index, (width, units) in enumerate(pairwise((state + context, *block.attention_hidden, 1))):
            yield f"score_weight{index}", (units, width)
            if index < last or block.attention == "sigmoid":  # a softmax is the same for any bias
                yield f"score_bias{index}", (units,)


def _dense(widths: tuple[int, ...]) -> Shapes:
    for index, (width, units) in enumerate(pairwise(widths)):
        yield from ((f"weight{index}", (units, width)), (f"bias{index}", (units,)))


def random_weights(architecture: Architecture, random: np.random.Generator) -> dict[str, Array]:
    """Far from any start: with weights near zero a wrong wiring passes. Some connections of a route are clipped."""
    return {
        name: random.uniform(0.5, 2.0, shape)
        if "running_var" in name
        else random.normal(0.0, 2.0 if name.endswith("log_alpha") else 0.5, shape)
        for name, shape in shapes(architecture).items()
    }


def random_features(architecture: Architecture, rows: int, random: np.random.Generator) -> dict[str, Array]:
    """Encoded rows; histories are filled from the start, those of the last three not at all, in one place, wholly."""
    features: dict[str, Array] = {}
    for block in (node.block for node in architecture.nodes):
        if isinstance(block, Embedding):
            features.update(_fields(block, rows, random))
        elif isinstance(block, History):
            ids = np.stack([random.integers(1, size, (rows, block.length)) for size in block.sizes], axis=1)
            filled = random.integers(0, block.length + 1, rows)
            filled[-3:] = (0, 1, block.length)[-rows:]
            ids[np.broadcast_to((np.arange(block.length) >= filled[:, None])[:, None, :], ids.shape)] = 0
            features[f"sequence/{block.name}"] = ids
    return features


def _fields(block: Embedding, rows: int, random: np.random.Generator) -> dict[str, Array]:
    """Ids of any row of a field but the last of those with two rows, shares between them, waves and scalars."""
    own = block.encodings or ((block.encoding,),) * len(block.numbers)
    each = [encoding for encodings in own for encoding in encodings]
    one_row, two_rows, waves = (
        sum(encoding in kinds for encoding in each)
        for kinds in (("bucket", "histogram"), ("piecewise", "target"), ("periodic",))
    )
    sizes = [field.size for field in block.categories]
    sizes += [block.buckets + 1] * one_row + [block.buckets + 2] * two_rows
    starts = np.cumsum([0, *sizes])[:-1]
    counts = [size - (index >= len(sizes) - two_rows) for index, size in enumerate(sizes)]
    ids = [start + random.integers(0, size, rows) for start, size in zip(starts, counts, strict=True)]
    result: dict[str, Array] = {"ids": np.stack(ids, axis=1) if ids else np.zeros((rows, 0), dtype=np.int64)}
    if two_rows:
        result["fractions"] = random.uniform(0.0, 1.0, (rows, two_rows))
    if waves:
        result["waves"] = random.normal(0.0, 1.0, (rows, waves))
    if block.scalars:
        result["scalars"] = random.normal(0.0, 1.0, (rows, block.scalars))
    return result
