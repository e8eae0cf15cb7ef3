"""The presets as their papers write them: features -> logits per task, from weights named by node.

No graph is looked at: these hold the composition against the literature. Names of tasks are those of the weights.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy_pieces import Array, Arrays, clipped, relu, sigmoid, softmax

EPSILON = 1e-5  # of norm layers
TIED_GATES = ("shared/level0/gate", "shared/critics/gate/probability")  # of MetaHeac's experts and critics


def mlp(x: Array, weights: Arrays, node: str, depth: int) -> Array:
    for index in range(depth):
        x = relu(x @ weights[f"{node}/weight{index}"].T + weights[f"{node}/bias{index}"])
    return x


def head(x: Array, weights: Arrays, task: str, depth: int) -> Array:
    hidden, node = mlp(x, weights, f"tower/{task}", depth), f"tower/{task}"
    return hidden @ weights[f"{node}/weight{depth}"].T + weights[f"{node}/bias{depth}"]


def ask(query: Array, weights: Arrays, gate: str, *, depth: int = 0, bias: bool = False) -> Array:
    """(B, E) scores: ``W x``, of hidden relu layers or not."""
    scores = mlp(query, weights, gate, depth) @ weights[f"{gate}/weight{depth}"].T
    return scores + weights[f"{gate}/bias{depth}"] if bias else scores


def weighed(shares: Array, experts: Sequence[Array]) -> Array:
    return np.einsum("be,ebh->bh", shares, np.stack(experts))


def mixed(query: Array, weights: Arrays, gate: str, experts: Sequence[Array], **options: Any) -> Array:
    """``sum_e softmax(W x)_e f_e``; one expert needs no gate."""
    return experts[0] if len(experts) == 1 else weighed(softmax(ask(query, weights, gate, **options)), experts)


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
    """2.6 (one level: CGC) and 2.7: own experts before shared ones; the shared gate sees all, if experts read it."""
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
        if shared and level < levels - 1:
            common = mixed(common, weights, f"level{level}/gate", every)
    return {task: head(state[task], weights, task, tower) for task in specific}


def esmm(x: Array, weights: Arrays, tasks: Sequence[str], *, hidden: int) -> dict[str, Array]:
    """2.8: the probability of each step of the chain, ``P_t = prod_{i<=t} sigmoid(tower_i(x))``."""
    probabilities: dict[str, Array] = {}
    reached = np.ones((len(x), 1))
    for task in tasks:
        reached = reached * sigmoid(head(x, weights, task, hidden))
        probabilities[task] = reached
    return probabilities


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


def dupn(x: Array, ids: Array, weights: Arrays, tasks: Sequence[str], *, items: int, tower: int) -> dict[str, Array]:
    """2.3: a history of (item, property), ids 0 where it has ended; the context of its attention is ``x``.

    items: how many ids an item has; properties follow in the table.
    The paper does not print the gates legibly: these are the gates of an LSTM to which properties add.
    """
    node, users = "sequence/h0", []
    hidden = weights[f"{node}/hidden_weight"].shape[1]
    names = ("i", "f", "c", "o")
    w_e = dict(zip(names, np.split(weights[f"{node}/item_weight"], 4), strict=True))
    w_h = dict(zip(names, np.split(weights[f"{node}/hidden_weight"], 4), strict=True))
    b = dict(zip(names, np.split(weights[f"{node}/gate_bias"], 4), strict=True))
    w_p = dict(zip(("i", "f", "o"), np.split(weights[f"{node}/property_weight"], 3), strict=True))
    for user, (bought, how) in zip(x, ids, strict=True):
        h, c, states = np.zeros(hidden), np.zeros(hidden), []
        for item, kind in zip(bought[bought > 0], how[bought > 0], strict=True):
            e, p = weights[f"{node}/table"][item], weights[f"{node}/table"][items + kind]
            i, f, o = (sigmoid(w_e[k] @ e + w_p[k] @ p + w_h[k] @ h + b[k]) for k in "ifo")
            c = f * c + i * np.tanh(w_e["c"] @ e + w_h["c"] @ h + b["c"])
            h = o * np.tanh(c)
            states.append(h)
        read = np.array([np.concatenate([state, user]) for state in states]).reshape(len(states), hidden + len(user))
        layer = relu(read @ weights[f"{node}/score_weight0"].T + weights[f"{node}/score_bias0"])
        scores = np.exp((layer @ weights[f"{node}/score_weight1"].T)[:, 0])
        summed = sum((scores[t] / scores.sum() * states[t] for t in range(len(states))), np.zeros(hidden))
        users.append(np.concatenate([user, summed]))
    return {task: head(np.stack(users), weights, task, tower) for task in tasks}


def metaheac(
    x: Array, weights: Arrays, tasks: Sequence[str], *, fields: int, experts: int, critics: int, hidden: int, gate: int
) -> dict[str, Array]:
    """2.10, fixed tasks: ``sum_c b_c sigmoid(critic_c(z))``; gates ask [mean of fields; task embedding].

    All tasks use the same gates and critics; with one task these are its own. Gates have a bias (the authors' code).
    """
    mean = x.reshape(len(x), fields, -1).mean(axis=1)
    every = [mlp(x, weights, f"level0/expert/{index}", hidden) for index in range(experts)]
    probabilities = {}
    for task in tasks:
        v = np.concatenate([mean, np.tile(weights[f"task_embedding/{task}/vector"], (len(x), 1))], axis=1)
        alone = len(tasks) == 1
        gates = ("level0/gate/" + task, "critics/gate/" + task) if alone else TIED_GATES
        z = weighed(softmax(ask(v, weights, gates[0], depth=gate, bias=True)), every)
        nodes = [f"critic/{task}/{index}" if alone else f"shared/critic/{index}" for index in range(critics)]
        each = [sigmoid(z @ weights[f"{node}/weight0"].T + weights[f"{node}/bias0"]) for node in nodes]
        probabilities[task] = weighed(softmax(ask(v, weights, gates[1], depth=gate, bias=True)), each)
    return probabilities


def cross_stitch(
    x: Array, weights: Arrays, tasks: Sequence[str], *, levels: int, hidden: int, tower: int
) -> dict[str, Array]:
    """2.11: after each level ``x_t <- sum_k A_tk x_k``; a row of A is (A_tt, then the others in their order)."""
    state = dict.fromkeys(tasks, x)
    for level in range(levels):
        trunk = {task: mlp(state[task], weights, f"level{level}/expert/{task}/0", hidden) for task in tasks}
        for task in tasks if len(tasks) > 1 else ():
            row, others = weights[f"level{level}/stitch/{task}/shares"], [other for other in tasks if other != task]
            state[task] = row[0] * trunk[task] + sum(row[1 + k] * trunk[other] for k, other in enumerate(others))
        state = trunk if len(tasks) == 1 else state
    return {task: head(state[task], weights, task, tower) for task in tasks}


def snr(
    x: Array, weights: Arrays, tasks: Sequence[str], *, experts: Sequence[int], hidden: int, tower: int, trans: bool
) -> dict[str, Array]:
    """2.12 at test time: sub-networks a level, each and each tower reading ``sum_i z_ij W_ij u_i`` of those below."""
    beta, gamma, zeta = 0.9, -0.1, 1.1
    del beta  # of training alone

    def routed(node: str, u: Sequence[Array]) -> Array:
        z = clipped(sigmoid(weights[f"{node}/log_alpha"]) * (zeta - gamma) + gamma)
        maps = weights[f"{node}/transform"] if trans else [np.eye(state.shape[1]) for state in u]
        return sum(z[i] * u[i] @ maps[i].T for i in range(len(u)))  # type: ignore[return-value]

    reads = [x] * experts[0]
    for level, count in enumerate(experts):
        u = [mlp(reads[index], weights, f"level{level}/expert/{index}", hidden) for index in range(count)]
        above = experts[level + 1] if level + 1 < len(experts) else 0
        reads = [routed(f"level{level}/route" + (f"/{index}" if above > 1 else ""), u) for index in range(above)]
    return {task: head(routed(f"level{len(experts) - 1}/route/{task}", u), weights, task, tower) for task in tasks}


def mlmmoe(
    x: Array, weights: Arrays, tasks: Sequence[str], *, levels: int, experts: int, hidden: int, tower: int
) -> dict[str, Array]:
    """2.5, several levels: a gate for each expert above, and all gates ask the features."""
    reads = [x] * experts
    for level in range(levels):
        every = [mlp(reads[index], weights, f"level{level}/expert/{index}", hidden) for index in range(experts)]
        if level < levels - 1:
            reads = [mixed(x, weights, f"level{level}/gate/{index}", every) for index in range(experts)]
    return {
        task: head(mixed(x, weights, f"level{levels - 1}/gate/{task}", every), weights, task, tower) for task in tasks
    }


def adatt(
    x: Array, weights: Arrays, specific: Mapping[str, int], *, shared: int = 0, levels: int, hidden: int, tower: int
) -> dict[str, Array]:
    """2.13, AdaTT: a gate with bias over all experts of all units, plus the own experts by learned weights.

    Units are the tasks and, with shared experts, the shared one, which has no gate on the last level. As in the
    authors' AdaTTWSharedExps, the weight of a lone own expert is 1 only where every unit has one expert.
    """
    units = {f"/{task}": count for task, count in specific.items()} | ({"": shared} if shared else {})
    state = dict.fromkeys(units, x)
    for level in range(levels):
        own = {
            unit: [mlp(state[unit], weights, f"level{level}/expert{unit}/{index}", hidden) for index in range(count)]
            for unit, count in units.items()
        }
        every = [expert for unit in units for expert in own[unit]]
        for unit, experts in own.items():
            if unit == "" and level == levels - 1:
                continue
            state[unit] = mixed(state[unit], weights, f"level{level}/gate{unit}", every, bias=True)
            lone = len(experts) == 1 and (not shared or set(units.values()) == {1})
            shares = np.ones(1) if lone else weights[f"level{level}/residual{unit}/shares"]
            state[unit] = state[unit] + sum(share * expert for share, expert in zip(shares, experts, strict=True))
    return {task: head(state[f"/{task}"], weights, task, tower) for task in specific}


def stem(
    x: Arrays,
    common: Array,
    weights: Arrays,
    *,
    specific: int,
    shared: int,
    hidden: int,
    gate: int,
    tower: int,
) -> dict[str, Array]:
    """2.14: the experts of other tasks are read without being trained; gates ask own and shared features, added."""
    own = {
        task: [mlp(x[task], weights, f"level0/expert/{task}/{index}", hidden) for index in range(specific)]
        for task in x
    }
    everybodys = [mlp(common, weights, f"level0/expert/{index}", hidden) for index in range(shared)]
    logits = {}
    for task in x:
        seen = [expert if owner == task else expert.real for owner in own for expert in own[owner]] + everybodys
        state = mixed(x[task] + common, weights, f"level0/gate/{task}", seen, depth=gate, bias=True)
        logits[task] = head(state, weights, task, tower)
    return logits


def home(
    x: Array,
    weights: Arrays,
    families: Mapping[str, str],
    *,
    counts: Mapping[str, int],
    rank: int,
    tower: int,
) -> dict[str, Array]:
    """2.15, one-layer experts: families and a shared owner, then tasks that see their own, their family's and shared.

    families: task -> where its family's nodes are. counts: experts of ``family`` and ``shared`` on both levels, of
    ``specific`` above.
    """

    def expert(v: Array, node: str) -> Array:
        if rank:
            v = v * 2 * sigmoid(v @ weights[f"{node}/down"].T @ weights[f"{node}/up"].T)
        linear = v @ weights[f"{node}/weight0"].T + weights[f"{node}/bias0"]
        normed = (linear - weights[f"{node}/running_mean0"]) / np.sqrt(weights[f"{node}/running_var0"] + EPSILON)
        scaled = normed * weights[f"{node}/scale0"] + weights[f"{node}/shift0"]
        return scaled * sigmoid(scaled)

    def experts(v: Array, prefix: str, count: int) -> list[Array]:
        return [expert(v, f"{prefix}/{index}") for index in range(count)]

    names = list(dict.fromkeys(families.values()))
    below = {name: experts(x, f"level0/{name}", counts["family"]) for name in names}
    shared = experts(x, "level0/expert", counts["shared"])
    state = {name: mixed(x, weights, f"level0/{name}/gate", below[name] + shared) for name in names}
    common = (
        mixed(x, weights, "level0/gate", [expert for name in names for expert in below[name]] + shared) if shared else x
    )
    groups = {name: experts(state[name], f"level1/{name}", counts["family"]) for name in names}
    shared = experts(common, "level1/expert", counts["shared"])
    logits = {}
    for task, name in families.items():
        own = experts(state[name], f"level1/expert/{task}", counts["specific"])
        mix = mixed(state[name], weights, f"level1/gate/{task}", own + groups[name] + shared)
        scores = ask(state[name], weights, f"level1/residual/{task}")
        itself = weighed(softmax(scores) if len(own) > 1 else sigmoid(scores), own)
        logits[task] = head(mix + itself, weights, task, tower)
    return logits
