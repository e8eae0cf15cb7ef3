"""The torch model against plain numpy, in float64: outputs to 1e-10, gradients by the complex step to 1e-9 relative."""

from typing import get_args

import numpy as np
import numpy_reference as reference
import pytest
import torch
from numpy_reference import schema_of
from reference_checks import ROWS, check, check_outputs, drawn, gradients_of, tensors
from small_designs import (
    FUNNELS,
    MIXED,
    ONE,
    PRESET_CASES,
    SCALARS,
    THREE,
    TWO,
    gated,
    hidden_layers,
    level,
    linked,
    small,
    stacked,
)

from mtl_nas.blocks import Expert, NumberEncoding, Tower
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design, Inputs
from mtl_nas.model import build

VARIANTS: dict[str, tuple[Design, Schema]] = {
    "one gate for all": (gated(placement="all"), THREE),
    "one gate for all, features": (gated(placement="all", query="features"), TWO),
    "no gate": (gated(placement="none"), THREE),
    "no gate, sees all": (gated(placement="none", sees="all"), TWO),
    "sees all": (gated(sees="all"), THREE),
    "asks the features": (gated(query="features"), TWO),
    "hidden gate": (gated(hidden=(3,)), TWO),
    "deep gate with bias and temperature": (gated(hidden=(3, 2), bias=True, temperature=0.7), THREE),
    "gate with bias": (gated(bias=True), ONE),
    "gate with temperature": (gated(temperature=2.5, query="features", sees="all"), TWO),
    **{f"{norm} norm": (hidden_layers(norm=norm), TWO) for norm in ("batch", "layer")},
    **{f"{kind}": (hidden_layers(activation=kind), TWO) for kind in ("relu", "gelu", "silu", "tanh", "identity")},
    "layer norm, gelu, dropout": (hidden_layers(norm="layer", activation="gelu", dropout=0.5), THREE),
    "a table a task": (
        gated().model_copy(update={"inputs": Inputs(numbers="bucket", tables="task", buckets=8, embedding=3)}),
        TWO,
    ),
    "chain of two": (linked(), TWO),
    "chain of three": (linked(), THREE),
    "chain, cross": (linked(score="cross"), THREE),
    "chain, linear": (linked(information="linear"), THREE),
    "chain, bias": (linked(bias=True), THREE),
    "chain, maps of its own": (linked(share=False), THREE),
    "chain, maps of its own with bias, cross": (linked(share=False, bias=True, score="cross"), THREE),
    "chain, no gradient": (linked(stop_gradient=True), THREE),
    "two sources": (linked((("click", "pay"), ("buy", "pay"))), THREE),
    "two sources, cross, linear": (
        linked((("click", "pay"), ("buy", "pay")), score="cross", information="linear"),
        THREE,
    ),
    "all earlier tasks": (linked((("click", "buy"), ("click", "pay"), ("buy", "pay")), share=False, bias=True), THREE),
    "against the declared order": (linked((("pay", "click"), ("click", "buy"))), THREE),
    "links of features": (linked(schema_levels=0), TWO),
    "links above two levels": (linked(schema_levels=2), THREE),
    "unequal specific": (stacked(level(specific={"click": 2}), level(specific={"pay": 1, "buy": 3})), THREE),
    "no shared": (stacked(level(shared=0, specific=2), level(shared=0, specific=1)), THREE),
    "no specific": (stacked(level(specific=0), level(specific=0)), THREE),
    "three levels": (stacked(level(), level(shared=1, specific=2), level(specific=0)), TWO),
    "widths that change": (stacked(level(), level(expert=Expert(hidden=(6, 3)))), TWO),
    "no level": (stacked(tower=Tower(hidden=(4,))), THREE),
    "no level, no tower": (stacked(), MIXED),
    "products of mixtures": (gated().model_copy(update={"funnel": "product"}), FUNNELS[1]),
    "products that fork": (
        stacked(level(), funnel="product"),
        schema_of("click", "buy<click", "like<click", "pay<buy"),
    ),
    "products of transfers": (linked().model_copy(update={"funnel": "product"}), FUNNELS[1]),
}
CASES = [
    pytest.param(small(name, schema), schema, id=f"{name}-{len(schema.tasks)}") for name, schema in PRESET_CASES
] + [pytest.param(design, schema, id=name) for name, (design, schema) in VARIANTS.items()]
RICH = {"categories": (4, 3), "numbers": 2}
RICH_SCHEMA = schema_of("click", "buy", **RICH)
SPIKY_AND_SMOOTH = RICH_SCHEMA.model_copy(
    update={
        "numbers": (
            RICH_SCHEMA.numbers[0],  # always 0
            RICH_SCHEMA.numbers[1].model_copy(
                update={"quantiles": tuple(float(rank) for rank in range(257)), "thresholds": (40.0, 90.0)}
            ),
        )
    }
)
FEATURES: dict[str, tuple[Inputs, Schema]] = {
    encoding: (Inputs(numbers=encoding, embedding=3, buckets=8), SPIKY_AND_SMOOTH)
    for encoding in get_args(NumberEncoding)
} | {
    "encodings side by side": (
        Inputs(numbers=("periodic", "histogram", "robust"), embedding=3, buckets=8),
        RICH_SCHEMA,
    ),
    "encodings by group": (
        Inputs(numbers={"smooth": ("target", "robust"), "discrete": "periodic"}, embedding=3, buckets=8),
        SPIKY_AND_SMOOTH,
    ),
    "missing periodic numbers": (Inputs(numbers="periodic"), schema_of("click", "buy", missing=True)),
    "periodic numbers a task": (Inputs(numbers="periodic", tables="task", embedding=3), schema_of("a", "b", **RICH)),
    "missing numbers": (SCALARS, schema_of("click", "buy", missing=True)),
    "missing numbers in buckets": (Inputs(buckets=8), schema_of("click", "buy", missing=True)),
    "categories alone": (Inputs(embedding=2), schema_of("click", "buy", categories=(3, 2, 5), numbers=0)),
    "piecewise alone": (Inputs(numbers="piecewise", buckets=8, embedding=2), TWO),
    "a history alone": (Inputs(embedding=3), schema_of("click", "buy", numbers=0, histories=((5,),))),
    "histories": (SCALARS, schema_of("click", "buy", histories=((5, 3), (4,)), **RICH)),
    "scales of features": (
        Inputs(numbers="piecewise", scale=True, embedding=3, buckets=8),
        schema_of("click", "buy", histories=((5, 3),), **RICH),
    ),
    "scales a task": (Inputs(tables="task", scale=True, embedding=3), schema_of("click", "buy", **RICH)),
    "a table a task": (
        Inputs(numbers="piecewise", tables="task", embedding=3, buckets=8),
        schema_of("click", "buy", histories=((5, 3),), **RICH),
    ),
}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("design", "schema"), CASES)
def test_outputs_and_gradients_agree_with_numpy(design: Design, schema: Schema, rows: int) -> None:
    check(design, schema, rows)


@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize(("inputs", "schema"), FEATURES.values(), ids=FEATURES)
def test_features_agree_with_numpy(inputs: Inputs, schema: Schema, rows: int) -> None:
    design = Design(inputs=inputs, levels=(level(),))
    check(design, schema, rows)


@pytest.mark.parametrize("name", ["mmoe", "ple", "aitm", "esmm"])
def test_every_partial_derivative_agrees(name: str) -> None:
    """Element by element, so that nothing hides in a sum."""
    design = small(name, FUNNELS[0])
    architecture, model, weights, features = drawn(design, FUNNELS[0], 2)
    sum(values.sum() for values in model(tensors(features)).values()).backward()
    for index, reference_states in gradients_of(model).items():

        def total(values: np.ndarray, index: str = index) -> np.ndarray:
            reference_states = reference.outputs(architecture, {**weights, index: values}, features)
            return sum(values.sum() for values in reference_states.values())  # type: ignore[return-value]

        np.testing.assert_allclose(reference_states, reference.gradient(total, weights[index]), rtol=1e-9, atol=1e-11)


def test_batch_norm_trains_on_the_batch_and_remembers_it() -> None:
    design = hidden_layers(norm="batch")
    check(design, TWO, 7, train=True)
    _, model, weights, features = drawn(stacked(level(expert=Expert(hidden=(4,), norm="batch"))), TWO, 7, train=True)
    model(tensors(features))
    node = "level0/expert/1"
    linear = features["scalars"] @ weights[f"{node}/weight0"].T + weights[f"{node}/bias0"]
    after = {name: weight.detach().numpy() for name, weight in model.weights().items()}
    mean = 0.9 * weights[f"{node}/running_mean0"] + 0.1 * linear.mean(axis=0)
    variance = 0.9 * weights[f"{node}/running_var0"] + 0.1 * linear.var(axis=0, ddof=1)
    np.testing.assert_allclose(after[f"{node}/running_mean0"], mean, rtol=1e-10)
    np.testing.assert_allclose(after[f"{node}/running_var0"], variance, rtol=1e-10)


def test_batch_norm_survives_a_batch_of_one_row() -> None:
    """The last batch of a pass can be one row: it is its own mean, and says nothing about the variance."""
    design = hidden_layers(norm="batch")
    check_outputs(design, TWO, 1, train=True)
    _, model, _, features = drawn(design, TWO, 1, train=True)
    model(tensors(features))
    for name, weight in model.weights().items():
        assert torch.isfinite(weight).all(), name


def test_dropout_keeps_or_doubles_each_unit() -> None:
    design = Design(inputs=SCALARS, tower=Tower(hidden=(1,), dropout=0.5, activation="identity"))
    _, model, weights, features = drawn(design, ONE, 64, train=True)
    torch.manual_seed(0)
    actual = model(tensors(features))["tower/click"].detach().numpy()
    hidden = features["scalars"] @ weights["tower/click/weight0"].T + weights["tower/click/bias0"]
    remaining = 2 * hidden @ weights["tower/click/weight1"].T + weights["tower/click/bias1"]
    dropped = np.isclose(actual, weights["tower/click/bias1"], atol=1e-12)
    assert 10 < dropped.sum() < 54
    np.testing.assert_allclose(actual[~dropped], remaining[~dropped], rtol=1e-10)


def test_an_empty_history_gives_zeros() -> None:
    design = Design(inputs=Inputs(embedding=3))
    schema = schema_of("click", numbers=0, histories=((5,),))
    _, model, weights, _ = drawn(design, schema, 1)
    ids = torch.zeros((2, 1, 4), dtype=torch.int64)
    ids[1, 0, 0] = 2
    actual = model({"sequence/h0": ids})["tower/click"].detach().numpy()
    tower, bias = weights["tower/click/weight0"], weights["tower/click/bias0"]
    np.testing.assert_allclose(actual[0], bias, atol=1e-15)
    np.testing.assert_allclose(actual[1], weights["sequence/h0/table"][2] @ tower.T + bias, rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 7])
def test_single_precision_agrees_to_its_digits(rows: int) -> None:
    architecture, double, weights, features = drawn(small("ple", THREE), THREE, rows)
    single = build(architecture, seed=0, dtype=torch.float32)
    single.set_weights({name: weight.float() for name, weight in tensors(weights).items()})
    actual = single(
        {name: values.float() if values.is_floating_point() else values for name, values in tensors(features).items()}
    )
    for node, values in double(tensors(features)).items():
        torch.testing.assert_close(actual[node].double(), values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("logits", [(40.0, 40.0), (-400.0, 3.0), (-300.0, -300.0), (600.0, -2.0), (30.0, -30.0)])
def test_a_product_of_extreme_probabilities_keeps_its_digits(logits: tuple[float, float]) -> None:
    _, model, weights, features = drawn(Design(inputs=SCALARS, funnel="product"), FUNNELS[0], 1)
    zero = {name: np.zeros_like(weight) for name, weight in weights.items()}
    for task, logit in zip(("click", "buy"), logits, strict=True):
        zero[f"tower/{task}/bias0"] = np.array([logit])
    model.set_weights(tensors(zero))
    actual = model(tensors(features))["product/buy"]
    expected = reference.product_logit([np.array(logit) for logit in logits])
    np.testing.assert_allclose(actual.item(), expected, rtol=1e-12)
    actual.sum().backward()
    derivatives = [
        reference.directional_derivative(
            lambda a, task=task: reference.product_logit(
                [a if i == task else np.array(b) for i, b in enumerate(logits)]
            ),
            np.array(logits[task]),
            np.array(1.0),
        )
        for task in range(2)
    ]
    gradients = gradients_of(model)
    for task, expected in zip(("click", "buy"), derivatives, strict=True):
        np.testing.assert_allclose(gradients[f"tower/{task}/bias0"][0], expected, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(("design", "schema"), CASES)
def test_the_model_has_the_weights_that_the_architecture_counts(design: Design, schema: Schema) -> None:
    architecture = compose(design, schema)
    weights = build(architecture, seed=0, dtype=torch.float64).weights()
    assert {name: tuple(weight.shape) for name, weight in weights.items()} == reference.shapes(architecture)
    assert architecture.parameters == sum(weight.numel() for name, weight in weights.items() if "running_" not in name)
    trained = build(architecture, seed=0).parameters()
    assert architecture.parameters == sum(parameter.numel() for parameter in trained)


@pytest.mark.parametrize(("inputs", "schema"), FEATURES.values(), ids=FEATURES)
def test_tables_have_the_rows_that_the_architecture_counts(inputs: Inputs, schema: Schema) -> None:
    architecture = compose(Design(inputs=inputs, levels=(level(),)), schema)
    weights = build(architecture, seed=0).weights()
    assert {name: tuple(weight.shape) for name, weight in weights.items()} == reference.shapes(architecture)
    assert architecture.parameters == sum(weight.numel() for weight in weights.values())
