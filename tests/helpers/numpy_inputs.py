"""Columns and behaviour histories in plain numpy; of a history, only filled positions are ever looked at."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy_pieces import Array, Arrays, relu, sigmoid, softmax

Cell = Callable[[Array, Array, Array], tuple[Array, Array]]  # a position's columns, state, cell -> state, cell


def embedded(block: Any, weights: Arrays, node: str, features: Arrays) -> Array:
    """Fields flat in the order of the ids, then periodic numbers, then the numbers that enter as they are."""
    rows = features["ids"].shape[0]
    between = features["fractions"].shape[1] if "fractions" in features else 0
    fields = features["ids"].shape[1]
    parts: list[Array] = []
    for field in range(fields):
        table, ids = weights[f"{node}/table"], features["ids"][:, field]
        number = field - (fields - between)
        if number >= 0:
            share = features["fractions"][:, [number]]
            parts.append((1 - share) * table[ids] + share * table[ids + 1])
        else:
            parts.append(table[ids])
    for column in range(features["waves"].shape[1] if "waves" in features else 0):
        turns = features["waves"][:, [column]] * weights[f"{node}/frequency"][column]
        waves = np.concatenate([np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns)], axis=1)
        linear = waves @ weights[f"{node}/wave_weight"][column].T + weights[f"{node}/wave_bias"][column]
        parts.append(relu(linear))
    if block.scalars:
        parts.append(features["scalars"])
    return np.concatenate([part.reshape(rows, -1) for part in parts], axis=1)


def field_mean(x: Array, block: Any) -> Array:
    fields = x[:, : block.fields * block.width].reshape(len(x), block.fields, block.width)
    return np.concatenate([fields.mean(axis=1), x[:, block.fields * block.width :]], axis=1)


def history(block: Any, weights: Arrays, node: str, ids: Array, context: Array) -> Array:
    """(B, columns, length) ids, (B, C) -> (B, H)."""
    rows = [_row(block, weights, node, ids[row], context[row]) for row in range(len(ids))]
    return np.stack(rows)


def _row(block: Any, weights: Arrays, node: str, ids: Array, context: Array) -> Array:
    states = _states(block, weights, node, _positions(block, weights[f"{node}/table"], ids))
    if not states:
        return np.zeros(block.units([]))
    if block.attention == "none":
        return states[-1] if block.kind != "mean" else sum(states) / len(states)  # type: ignore[return-value]
    scores = np.stack([_score(block, weights, node, np.concatenate([state, context])) for state in states])
    shares = softmax(scores) if block.attention == "softmax" else sigmoid(scores)
    return sum(share * state for share, state in zip(shares, states, strict=True))  # type: ignore[return-value]


def _positions(block: Any, table: Array, ids: Array) -> list[Array]:
    """(columns * width,) of each filled position: the rows of its columns side by side."""
    starts = np.cumsum([0, *block.sizes])[:-1]
    filled = [index for index in range(block.length) if ids[0, index] > 0]
    return [table[starts + ids[:, index]].reshape(-1) for index in filled]


def _states(block: Any, weights: Arrays, node: str, positions: list[Array]) -> list[Array]:
    if block.kind == "mean":
        return positions
    step = CELLS[block.kind](block, weights, node)
    state, cell = np.zeros(block.hidden), np.zeros(block.hidden)
    result = []
    for position in positions:
        state, cell = step(position, state, cell)
        result.append(state)
    return result


def _score(block: Any, weights: Arrays, node: str, x: Array) -> Array:
    last = len(block.attention_hidden)
    for index in range(last):
        x = relu(weights[f"{node}/score_weight{index}"] @ x + weights[f"{node}/score_bias{index}"])
    score = (weights[f"{node}/score_weight{last}"] @ x)[0]
    return score + weights[f"{node}/score_bias{last}"][0] if block.attention == "sigmoid" else score


def _gru(block: Any, weights: Arrays, node: str) -> Cell:
    """Cho et al. (2014), the reset gate after the matrix, as torch has it."""

    def step(position: Array, state: Array, cell: Array) -> tuple[Array, Array]:
        reads = np.split(weights[f"{node}/item_weight"] @ position + weights[f"{node}/gate_bias"], 3)
        keeps = np.split(weights[f"{node}/hidden_weight"] @ state + weights[f"{node}/hidden_bias"], 3)
        reset, update = sigmoid(reads[0] + keeps[0]), sigmoid(reads[1] + keeps[1])
        return (1 - update) * np.tanh(reads[2] + reset * keeps[2]) + update * state, cell

    return step


def _lstm(block: Any, weights: Arrays, node: str) -> Cell:
    """Hochreiter and Schmidhuber (1997) with a forget gate."""

    def step(position: Array, state: Array, cell: Array) -> tuple[Array, Array]:
        sums = weights[f"{node}/item_weight"] @ position + weights[f"{node}/hidden_weight"] @ state
        enter, forget, candidate, leave = np.split(sums + weights[f"{node}/gate_bias"], 4)
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(candidate)
        return sigmoid(leave) * np.tanh(cell), cell

    return step


def _property_gated_lstm(block: Any, weights: Arrays, node: str) -> Cell:
    """Ni et al. (2018): the properties move the gates and never the candidate."""
    items = (len(block.sizes) - block.properties) * block.width

    def step(position: Array, state: Array, cell: Array) -> tuple[Array, Array]:
        sums = weights[f"{node}/item_weight"] @ position[:items] + weights[f"{node}/hidden_weight"] @ state
        enter, forget, candidate, leave = np.split(sums + weights[f"{node}/gate_bias"], 4)
        moves = np.split(weights[f"{node}/property_weight"] @ position[items:], 3)
        cell = sigmoid(forget + moves[1]) * cell + sigmoid(enter + moves[0]) * np.tanh(candidate)
        return sigmoid(leave + moves[2]) * np.tanh(cell), cell

    return step


CELLS = {"gru": _gru, "lstm": _lstm, "property_gated_lstm": _property_gated_lstm}
