"""Every model and loss in plain numpy, one row of maths a line: what the torch modules are held against.

Nothing here is batched over instances, planned or shared with the package. Each function takes real or complex arrays;
with an imaginary part of 1e-30 it carries a derivative exactly (the complex step), so gradients need no second
implementation. Kinks follow torch: relu has slope 0 at 0, and ``stop`` keeps the value and drops the derivative.

``outputs`` walks any architecture node by node. The functions below it write the hand designs down as their papers do,
from weights named by node and without looking at the graph: they hold the composition against the literature, too.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, combinations, pairwise
from typing import Any

import numpy as np

from mtl_nas.architecture import Architecture, Node
from mtl_nas.blocks import Embedding
from mtl_nas.blocks import Sequence as SequenceBlock
from mtl_nas.data.schema import Category, Number, Schema, Task
from mtl_nas.data.schema import Sequence as History

Array = np.ndarray[Any, np.dtype[Any]]
Arrays = Mapping[str, Array]
EPSILON = 1e-5  # of norm layers
STEP = 1e-30  # of the complex step
AFFINE, RUNNING = ("scale", "shift"), ("running_mean", "running_var")  # of norm layers; what batches move, not trained


# Pieces


def sigmoid(x: Array) -> Array:
    half = np.tanh(x / 2)
    return (1 + half) / 2


def relu(x: Array) -> Array:
    return np.where(x.real > 0, x, 0)


def gelu(x: Array) -> Array:
    """``x`` times the normal distribution function, whose derivative is the density."""
    below = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in x.real.ravel()]).reshape(x.shape)
    if np.iscomplexobj(x):
        below = below + 1j * x.imag * np.exp(-(x.real**2) / 2) / math.sqrt(2 * math.pi)
    return x * below


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": relu,
    "gelu": gelu,
    "silu": lambda x: x * sigmoid(x),
    "tanh": np.tanh,
    "identity": lambda x: x,
}


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.real.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def stop(x: Array) -> Array:
    return x.real


def softplus(x: Array) -> Array:
    """``log(1 + e^x)``."""
    return relu(x) + np.log1p(np.exp(np.where(x.real > 0, -x, x)))


def product_logit(logits: Sequence[Array]) -> Array:
    """The logit of ``prod sigmoid(a_i)``: its odds are one over ``sum over non-empty subsets S of exp(-sum_S a)``."""
    subsets = chain.from_iterable(combinations(logits, size) for size in range(1, len(logits) + 1))
    terms = np.stack([-sum(subset[1:], subset[0]) for subset in subsets])
    largest = terms.real.max(axis=0)
    return -(largest + np.log(np.exp(terms - largest).sum(axis=0)))


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
    """Hidden layers without dropout: Linear -> norm -> activation, each time."""
    for index in range(len(block.hidden)):
        x = x @ weights[f"{node}/weight{index}"].T + weights[f"{node}/bias{index}"]
        x = ACTIVATIONS[block.activation](normed(x, block.norm, weights, node, index, train=train))
    return x


def tower(x: Array, block: Any, weights: Arrays, node: str, *, train: bool = False) -> Array:
    last = len(block.hidden)
    hidden = layers(x, block, weights, node, train=train)
    return hidden @ weights[f"{node}/weight{last}"].T + weights[f"{node}/bias{last}"]


def gate_weights(query: Array, block: Any, weights: Arrays, node: str) -> Array:
    """(B, E), rows sum to one."""
    last = len(block.hidden)
    for index in range(last):
        query = relu(query @ weights[f"{node}/weight{index}"].T + weights[f"{node}/bias{index}"])
    scores = query @ weights[f"{node}/weight{last}"].T
    if block.bias:
        scores = scores + weights[f"{node}/bias{last}"]
    return softmax(scores / block.temperature)


def mixture(shares: Array, experts: Sequence[Array]) -> Array:
    return sum(shares[:, [index]] * expert for index, expert in enumerate(experts))  # type: ignore[return-value]


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
    asked = [mapped("query", own if block.score == "cross" else slot) for slot in slots]
    scores = [(query * mapped("key", slot)).sum(axis=1) for query, slot in zip(asked, slots, strict=True)]
    shares = softmax(np.stack(scores, axis=1) / math.sqrt(width))
    return mixture(shares, [mapped("value", slot) for slot in slots])


def embedded(block: Any, weights: Arrays, node: str, features: Arrays) -> Array:
    """Fields flat in the order of the ids, then the numbers that enter as they are."""
    rows = features["ids"].shape[0] if "ids" in features else features["scalars"].shape[0]
    parts: list[Array] = []
    for field in range(features["ids"].shape[1] if "ids" in features else 0):
        table, ids = weights[f"{node}/table"], features["ids"][:, field]
        number = field - len(block.categories)
        if block.encoding == "piecewise" and number >= 0:
            share = features["fractions"][:, [number]]
            parts.append((1 - share) * table[ids] + share * table[ids + 1])
        else:
            parts.append(table[ids])
    if block.scalars:
        parts.append(features["scalars"])
    return np.concatenate([part.reshape(rows, -1) for part in parts], axis=1)


def sequence_mean(block: Any, weights: Arrays, node: str, features: Arrays) -> Array:
    table, ids = weights[f"{node}/table"], features[f"sequence/{block.name}"]
    result = np.zeros((len(ids), len(block.sizes), block.width), dtype=table.dtype)
    for row in range(len(ids)):
        for column in range(len(block.sizes)):
            filled = [sum(block.sizes[:column]) + item for item in ids[row, column] if item != 0]
            if filled:
                result[row, column] = table[filled].sum(axis=0) / len(filled)
    return result.reshape(len(ids), -1)


# Any architecture


def outputs(architecture: Architecture, weights: Arrays, features: Arrays, *, train: bool = False) -> dict[str, Array]:
    """Node of each head -> (B, outputs)."""
    values = states(architecture, weights, features, train=train)
    return {head.node: values[head.node] for head in architecture.heads}


def states(architecture: Architecture, weights: Arrays, features: Arrays, *, train: bool = False) -> dict[str, Array]:
    """Every node -> what it computes."""
    values: dict[str, Array] = {}
    for node in architecture.nodes:
        values[node.name] = _state(node, [values[name] for name in node.inputs], weights, features, train=train)
    return values


def _state(node: Node, inputs: list[Array], weights: Arrays, features: Arrays, *, train: bool) -> Array:
    block: Any = node.block
    match block.block:
        case "embedding":
            return embedded(block, weights, node.name, features)
        case "sequence":
            return sequence_mean(block, weights, node.name, features)
        case "concat":
            return np.concatenate(inputs, axis=1)
        case "expert":
            return layers(inputs[0], block, weights, node.name, train=train)
        case "gate" if block.kind == "mean":
            return sum(inputs) / len(inputs)  # type: ignore[return-value]
        case "gate":
            return mixture(gate_weights(inputs[0], block, weights, node.name), inputs[1:])
        case "transfer":
            return transfer(inputs[0], inputs[1:], block, weights, node.name)
        case "tower":
            return tower(inputs[0], block, weights, node.name, train=train)
        case "product":
            return product_logit(inputs)
    raise NotImplementedError(block.block)


# The hand designs as their papers write them: x -> logits a task, by names of nodes, one-layer gates, relu


def mlp(x: Array, weights: Arrays, node: str, depth: int) -> Array:
    for index in range(depth):
        x = relu(x @ weights[f"{node}/weight{index}"].T + weights[f"{node}/bias{index}"])
    return x


def head(x: Array, weights: Arrays, task: str, depth: int) -> Array:
    hidden, node = mlp(x, weights, f"tower/{task}", depth), f"tower/{task}"
    return hidden @ weights[f"{node}/weight{depth}"].T + weights[f"{node}/bias{depth}"]


def mixed(query: Array, weights: Arrays, gate: str, experts: Sequence[Array]) -> Array:
    """``sum_e softmax(W x)_e f_e``; one expert needs no gate."""
    if len(experts) == 1:
        return experts[0]
    return mixture(softmax(query @ weights[f"{gate}/weight0"].T), experts)


def single_task(x: Arrays, weights: Arrays, *, hidden: int, tower: int) -> dict[str, Array]:
    """2.1; ``x`` a task, as embeddings are not shared."""
    return {task: head(mlp(x[task], weights, f"level0/expert/{task}/0", hidden), weights, task, tower) for task in x}


def shared_bottom(x: Array, weights: Arrays, tasks: Sequence[str], *, hidden: int, tower: int) -> dict[str, Array]:
    """2.2."""
    bottom = mlp(x, weights, "level0/expert/0", hidden)
    return {task: head(bottom, weights, task, tower) for task in tasks}


def omoe(x: Array, weights: Arrays, tasks: Sequence[str], *, experts: int, hidden: int, tower: int) -> dict[str, Array]:
    """2.4."""
    every = [mlp(x, weights, f"level0/expert/{index}", hidden) for index in range(experts)]
    state = mixed(x, weights, "level0/gate", every)
    return {task: head(state, weights, task, tower) for task in tasks}


def mmoe(x: Array, weights: Arrays, tasks: Sequence[str], *, experts: int, hidden: int, tower: int) -> dict[str, Array]:
    """2.5."""
    every = [mlp(x, weights, f"level0/expert/{index}", hidden) for index in range(experts)]
    return {task: head(mixed(x, weights, f"level0/gate/{task}", every), weights, task, tower) for task in tasks}


def ple(
    x: Array, weights: Arrays, specific: Mapping[str, int], *, levels: int, shared: int, hidden: int, tower: int
) -> dict[str, Array]:
    """2.6 (one level: CGC) and 2.7: own experts before shared ones; the shared gate sees all, below the last level."""
    state: dict[str, Array] = dict.fromkeys(specific, x)
    common = x
    for level in range(levels):
        own = {
            task: [mlp(state[task], weights, f"level{level}/expert/{task}/{index}", hidden) for index in range(count)]
            for task, count in specific.items()
        }
        everybodys = [mlp(common, weights, f"level{level}/expert/{index}", hidden) for index in range(shared)]
        every = [expert for task in specific for expert in own[task]] + everybodys
        state = {
            task: mixed(state[task], weights, f"level{level}/gate/{task}", own[task] + everybodys) for task in specific
        }
        if level < levels - 1:
            common = mixed(common, weights, f"level{level}/gate", every)
    return {task: head(state[task], weights, task, tower) for task in specific}


def esmm(x: Array, weights: Arrays, tasks: Sequence[str], *, hidden: int) -> dict[str, Array]:
    """2.8: the probability of each step of the chain, ``P_t = prod_{i<=t} sigmoid(tower_i(x))``."""
    chances: dict[str, Array] = {}
    reached = np.ones((len(x), 1))
    for task in tasks:
        reached = reached * sigmoid(head(x, weights, task, hidden))
        chances[task] = reached
    return chances


def aitm(x: Array, weights: Arrays, tasks: Sequence[str], *, hidden: int, tower: int) -> dict[str, Array]:
    """2.9: ``z_1 = q_1``; each next state from what the one before it passes on, one set of maps."""
    logits: dict[str, Array] = {}
    z: Array | None = None
    for task in tasks:
        q = mlp(x, weights, f"level0/expert/{task}/0", hidden)
        if z is None:
            z = q
        else:
            width = q.shape[1]
            value, ask, key = (weights[f"shared/transfer{width}/{word}"] for word in ("value", "query", "key"))
            passed = relu(
                z @ weights[f"transfer/{task}/information_weight"][0].T
                + weights[f"transfer/{task}/information_bias"][0]
            )
            scores = [((u @ ask.T) * (u @ key.T)).sum(axis=1) / math.sqrt(width) for u in (passed, q)]
            shares = softmax(np.stack(scores, axis=1))
            z = shares[:, [0]] * (passed @ value.T) + shares[:, [1]] * (q @ value.T)
        logits[task] = head(z, weights, task, tower)
    return logits


# Derivatives


def slope(value: Callable[[Array], Array], at: Array, direction: Array) -> float:
    """The derivative of a number along a direction; exact up to rounding."""
    return float(np.imag(value(at + 1j * STEP * direction)) / STEP)


def gradient(value: Callable[[Array], Array], at: Array) -> Array:
    """All partial derivatives of a number, one evaluation each."""
    result = np.zeros(at.shape)
    for place in np.ndindex(at.shape):
        direction = np.zeros(at.shape)
        direction[place] = 1.0
        result[place] = slope(value, at, direction)
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


def multiclass_loss(logits: Array, labels: Array) -> Array:
    """(B, K), (B,) of class codes -> cross-entropy."""
    largest = logits.real.max(axis=1)
    partition = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
    return masked_mean(partition - logits[np.arange(len(logits)), _filled(labels).astype(int)], labels)


def regression_loss(predictions: Array, labels: Array, kind: str = "mse") -> Array:
    """(B,), (B,) -> squared, absolute or Huber error (delta 1); labels already centred and scaled."""
    error = predictions - _filled(labels)
    size = np.where(error.real < 0, -error, error)
    losses = {"mse": error**2, "mae": size, "huber": np.where(size.real <= 1, error**2 / 2, size - 0.5)}
    return masked_mean(losses[kind], labels)


def esmm_loss(click: Array, conversion: Array, labels: Array) -> Array:
    """(B,) logits of click and of conversion after a click -> cross-entropy of their product, in log space (2.8)."""
    log = -softplus(-click) - softplus(-conversion)
    near = log.real > -math.log(2)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = np.where(near, np.log(-np.expm1(log)), np.log1p(-np.exp(np.where(near, -1.0, log))))
    return masked_mean(np.where(labels == 1, -log, -rest), labels)


def calibrator(chances: Arrays, pairs: Sequence[tuple[str, str]], labels: Arrays) -> Array:
    """AITM's penalty: mean over rows valid in both tasks, summed over (earlier, later) pairs; no slope at ties."""
    penalty = np.zeros(())
    for earlier, later in pairs:
        valid = ~np.isnan(labels[earlier]) & ~np.isnan(labels[later])
        if valid.any():
            penalty = penalty + relu(chances[later] - chances[earlier])[valid].mean()
    return penalty


def uncertainty_sum(losses: Mapping[str, Array], scales: Mapping[str, float]) -> Array:
    """Kendall et al. (2018): ``sum_t l_t / (2 e^{s_t}) + s_t / 2`` over the tasks that are present."""
    return sum(loss / (2 * np.exp(scales[task])) + scales[task] / 2 for task, loss in losses.items())  # type: ignore[return-value]


# Numbers to compute with


def schema_of(
    *tasks: str, numbers: int = 5, categories: Sequence[int] = (), histories: Sequence[Sequence[int]] = (), **more: Any
) -> Schema:
    """Tasks spelled ``click``, ``buy<click`` (nested), ``stars*3`` (classes), ``dwell~`` (regression); sizes count ids.

    ``more``: the fields of every number, for example ``missing=True``.
    """
    number = {"mean": 0.0, "deviation": 1.0, "quantiles": (0.0,) * 257, "missing": False, **more}
    return Schema(
        categories=tuple(_category(f"c{index}", size - 1) for index, size in enumerate(categories)),
        numbers=tuple(Number(name=f"n{index}", **number) for index in range(numbers)),
        sequences=tuple(
            History(
                name=f"h{index}",
                columns=tuple(_category(f"h{index}c{place}", size - 2) for place, size in enumerate(sizes)),
                length=4,
            )
            for index, sizes in enumerate(histories)
        ),
        tasks=tuple(map(_task, tasks)),
    )


def _category(name: str, levels: int) -> Category:
    return Category(name=name, levels=tuple(map(str, range(levels))))


def _task(spelling: str) -> Task:
    if "*" in spelling:
        name, classes = spelling.split("*")
        return Task(name=name, kind="multiclass", classes=tuple(map(str, range(int(classes)))))
    if spelling.endswith("~"):
        return Task(name=spelling[:-1], kind="regression")
    name, _, after = spelling.partition("<")
    return Task(name=name, kind="binary", classes=("0", "1"), after=after or None)


def shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Every weight that the architecture needs."""
    found: dict[str, tuple[int, ...]] = {}
    for node in architecture.nodes:
        for name, shape in _shapes(node, architecture.inputs_of(node)):
            found[name if name.startswith("shared/") else f"{node.name}/{name}"] = shape
    return found


def _shapes(node: Node, widths: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    block: Any = node.block
    match block.block:
        case "embedding":
            yield "table", (block.rows, block.width)
        case "sequence":
            yield "table", (sum(block.sizes), block.width)
        case "expert" | "tower":
            ends = (block.outputs,) if block.block == "tower" else ()
            yield from _dense((widths[0], *block.hidden, *ends))
            words = {
                "none": (),
                "layer": ("scale", "shift"),
                "batch": ("scale", "shift", "running_mean", "running_var"),
            }
            for index, width in enumerate(block.hidden):
                yield from ((f"{word}{index}", (width,)) for word in words[block.norm])
        case "gate" if block.kind == "softmax":
            experts, last = len(widths) - 1, len(block.hidden)
            yield from _dense((widths[0], *block.hidden))
            yield f"weight{last}", (experts, (widths[0], *block.hidden)[-1])
            if block.bias:
                yield f"bias{last}", (experts,)
        case "transfer":
            width, sources = widths[0], len(widths) - 1
            yield from (("information_weight", (sources, width, width)), ("information_bias", (sources, width)))
            maps = f"shared/transfer{width}/" if block.share else ""
            for word in ("value", "query", "key"):
                yield f"{maps}{word}", (width, width)
                if block.bias:
                    yield f"{maps}{word}_bias", (width,)


def _dense(widths: tuple[int, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for index, (width, units) in enumerate(pairwise(widths)):
        yield from ((f"weight{index}", (units, width)), (f"bias{index}", (units,)))


def random_weights(architecture: Architecture, random: np.random.Generator) -> dict[str, Array]:
    """Far from any start: with weights near zero a wrong wiring passes."""
    return {
        name: random.uniform(0.5, 2.0, shape) if "running_var" in name else random.normal(0.0, 0.5, shape)
        for name, shape in shapes(architecture).items()
    }


def random_features(architecture: Architecture, rows: int, random: np.random.Generator) -> dict[str, Array]:
    """Encoded rows; histories are filled from the end, the first row's not at all."""
    features: dict[str, Array] = {}
    for block in (node.block for node in architecture.nodes):
        if isinstance(block, Embedding):
            features.update(_fields(block, rows, random))
        elif isinstance(block, SequenceBlock):
            ids = np.stack([random.integers(1, size, (rows, block.length)) for size in block.sizes], axis=1)
            filled = random.integers(0, block.length + 1, rows)
            filled[0] = 0
            ids[np.broadcast_to((np.arange(block.length) < block.length - filled[:, None])[:, None, :], ids.shape)] = 0
            features[f"sequence/{block.name}"] = ids
    return features


def _fields(block: Embedding, rows: int, random: np.random.Generator) -> dict[str, Array]:
    sizes = [field.size for field in block.categories] + [block.number_rows] * (len(block.numbers) * block.tabled)
    starts = np.cumsum([0, *sizes])[:-1]
    known = [
        size - (block.encoding == "piecewise" and place >= len(block.categories)) for place, size in enumerate(sizes)
    ]
    ids = [start + random.integers(0, size, rows) for start, size in zip(starts, known, strict=True)]
    found: dict[str, Array] = {"ids": np.stack(ids, axis=1) if ids else np.zeros((rows, 0), dtype=np.int64)}
    if block.encoding == "piecewise":
        found["fractions"] = random.uniform(0.0, 1.0, (rows, len(block.numbers)))
    if block.scalars:
        found["scalars"] = random.normal(0.0, 1.0, (rows, block.scalars))
    return found
