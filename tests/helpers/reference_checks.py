"""How a torch model is held against plain numpy: outputs to 1e-10, gradients by the complex step to 1e-9 relative."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy_reference import Arrays, directional_derivative, outputs, random_features, random_weights
from slowly import slow

from mtl_nas.architecture import Architecture
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design
from mtl_nas.model import build

ROWS = [7, slow(1)]


def tensors(arrays: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}


def drawn(
    design: Design, schema: Schema, rows: int, *, train: bool = False
) -> tuple[Architecture, torch.nn.Module, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """An architecture, its model with random weights, the weights, rows."""
    random = np.random.default_rng(7)
    architecture = compose(design, schema)
    weights = random_weights(architecture, random)
    model = build(architecture, seed=0, dtype=torch.float64).train(train)
    model.set_weights(tensors(weights))
    return architecture, model, weights, random_features(architecture, rows, random)


def check_outputs(
    design: Design, schema: Schema, rows: int, *, train: bool = False, draws: Arrays | None = None
) -> None:
    """To 1e-10. draws: of routes in training, the first uniform numbers after ``torch.manual_seed(0)``."""
    architecture, model, weights, features = drawn(design, schema, rows, train=train)
    expected = outputs(architecture, weights, features, train=train, draws=draws)
    torch.default_generator.manual_seed(0)  # torch.manual_seed notes the stack, which takes long
    with torch.no_grad():
        actual = model(tensors(features))
    agree(actual, expected)


def agree(actual: Mapping[str, torch.Tensor], expected: Arrays) -> None:
    """Outputs by node, none of them zero everywhere."""
    assert set(actual) == set(expected)
    for node, values in expected.items():
        assert np.abs(values).max() > 0
        np.testing.assert_allclose(actual[node].detach().numpy(), values, rtol=1e-10, atol=1e-10, err_msg=node)


def check(design: Design, schema: Schema, rows: int, *, train: bool = False, draws: Arrays | None = None) -> None:
    """Outputs, and by every weight and the features the derivative of a random sum of them along a random direction."""
    architecture, model, weights, features = drawn(design, schema, rows, train=train)
    random = np.random.default_rng(8)
    expected = outputs(architecture, weights, features, train=train, draws=draws)
    factors = {node: random.normal(size=values.shape) for node, values in expected.items()}

    def total(name: str, values: np.ndarray) -> np.ndarray:
        changed = {**weights, name: values}, {**features, name: values}
        actual = outputs(architecture, *changed, train=train, draws=draws)
        return sum((factors[node] * actual[node]).sum() for node in factors)  # type: ignore[return-value]

    inputs = tensors(features)
    moving = [name for name in ("scalars", "fractions") if name in inputs]
    for name in moving:
        inputs[name].requires_grad_()
    torch.default_generator.manual_seed(0)
    actual = model(inputs)
    agree(actual, expected)
    sum((torch.from_numpy(factors[node]) * actual[node]).sum() for node in factors).backward()
    gradients = gradients_of(model) | {name: inputs[name].grad.numpy() for name in moving}
    trained = {name for name in weights if "running_" not in name}
    assert set(gradients) == trained | set(moving)
    for name, gradient in gradients.items():
        at = weights.get(name, features.get(name))
        direction = random.normal(size=at.shape)
        expected = directional_derivative(lambda values, name=name: total(name, values), at, direction)
        size = np.abs(gradient * direction).sum()
        assert math.isclose((gradient * direction).sum(), expected, rel_tol=1e-9, abs_tol=1e-10 * (1 + size)), name


def gradients_of(model: Any) -> dict[str, np.ndarray]:
    """By node: named weights are linear in the parameters, so a model that holds its gradients names them."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)
    return {name: weight.detach().numpy() for name, weight in model.weights().items() if "running_" not in name}
