"""Behaviour sequences against plain numpy: every reader, every attention, and positions that are never read."""

from itertools import product
from typing import Any

import numpy as np
import numpy_reference as reference
import pytest
import torch
from numpy_reference import schema_of
from reference_checks import ROWS, check, drawn, gradients_of, tensors
from small_designs import level

from mtl_nas.data import Schema
from mtl_nas.design import Design, Histories, Inputs

KINDS, ATTENTIONS = ("mean", "gru", "lstm", "property_gated_lstm"), ("none", "softmax", "sigmoid")
READERS = list(product(KINDS, ATTENTIONS))
WITH_PROPERTIES = schema_of("click", "buy", numbers=2, histories=((5, 3),))
SCHEMAS = {
    "items alone": schema_of("click", numbers=0, histories=((5,),)),
    "a property": WITH_PROPERTIES,
    "two properties": schema_of("click", "buy", numbers=2, histories=((5, 3, 4),)),
    "two histories": schema_of("click", "buy", "pay", categories=(4,), numbers=1, histories=((5, 3), (4,))),
}
LENGTH = 4


def reading(kind: str, attention: str = "none", **options: Any) -> Design:
    histories = Histories(kind=kind, attention=attention, hidden=3, attention_hidden=(3,), **options)
    return Design(inputs=Inputs(numbers="standard", embedding=2, histories=histories), levels=(level(),))


def history(*lengths: int, schema: Schema = WITH_PROPERTIES) -> np.ndarray:
    """(B, columns, LENGTH) ids: rows filled so far."""
    random = np.random.default_rng(3)
    sizes = schema.sequences[0].sizes
    ids = np.stack([random.integers(1, size, (len(lengths), LENGTH)) for size in sizes], axis=1)
    return np.where(np.arange(LENGTH) < np.array(lengths)[:, None, None], ids, 0)


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
@pytest.mark.parametrize(("kind", "attention"), READERS)
def test_every_reader_agrees_with_numpy(kind: str, attention: str, schema: Schema, rows: int) -> None:
    check(reading(kind, attention), schema, rows)


@pytest.mark.parametrize(
    "options", [{"attention_hidden": ()}, {"attention_hidden": (4, 2)}, {"context": "none"}], ids=str
)
@pytest.mark.parametrize("attention", ATTENTIONS[1:])
@pytest.mark.parametrize("kind", KINDS)
def test_every_attention_agrees_with_numpy(kind: str, attention: str, options: dict[str, Any]) -> None:
    histories = Histories(**{"kind": kind, "attention": attention, "hidden": 3, "attention_hidden": (3,), **options})
    design = Design(inputs=Inputs(numbers="standard", embedding=2, histories=histories))
    check(design, WITH_PROPERTIES, 7)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_a_task_agrees_with_numpy(kind: str) -> None:
    inputs = Inputs(
        numbers="piecewise",
        buckets=8,
        embedding=2,
        tables="task",
        histories=Histories(kind=kind, attention="softmax", hidden=3, attention_hidden=(3,)),
    )
    check(Design(inputs=inputs, levels=(level(),)), WITH_PROPERTIES, 4)


def test_gates_ask_fields_and_histories() -> None:
    """MetaHeac's query over histories: their states stand beside the mean of the fields."""
    for mixing in ({"query": "fields", "tied": True, "hidden": (3,)}, {"query": "fields"}):
        design = reading("gru").model_copy(update={"levels": (level(mixing=mixing),)})
        for schema in (SCHEMAS["two histories"], SCHEMAS["items alone"]):
            check(design, schema, 7)


@pytest.mark.parametrize(("kind", "attention"), READERS)
def test_an_empty_history_is_a_state_of_zeros_that_trains_nothing(kind: str, attention: str) -> None:
    _, model, _, features = drawn(reading(kind, attention), WITH_PROPERTIES, 3)
    features["sequence/h0"] = history(0, 0, 0)
    states = model.activations(tensors(features))
    read = states.node("sequence/h0")
    torch.testing.assert_close(read, torch.zeros_like(read), rtol=0, atol=0)
    sum(states.node(f"tower/{task}").sum() for task in ("click", "buy")).backward()
    for name, gradient in gradients_of(model).items():
        assert np.isfinite(gradient).all(), name
        assert not (name.startswith("sequence/") and gradient.any()), name


@pytest.mark.parametrize(("kind", "attention"), READERS)
def test_padding_is_never_read(kind: str, attention: str) -> None:
    """Neither the rows of the table that stand for padding, nor how far a row is padded, nor a neighbour's length."""
    _, model, weights, features = drawn(reading(kind, attention), WITH_PROPERTIES, 4)
    features["sequence/h0"] = history(0, 1, 2, 4)
    with torch.no_grad():
        before = model(tensors(features))["tower/click"]
        table = weights["sequence/h0/table"].copy()
        table[[0, WITH_PROPERTIES.sequences[0].sizes[0]]] = 1e6
        model.set_weights(tensors({**weights, "sequence/h0/table": table}))
        torch.testing.assert_close(model(tensors(features))["tower/click"], before, rtol=0, atol=0)
        model.set_weights(tensors(weights))
        for row in range(4):
            alone = {name: values[[row]] for name, values in features.items()}
            torch.testing.assert_close(model(tensors(alone))["tower/click"], before[[row]], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize(("kind", "attention"), READERS[1:])  # the plain mean goes column by column
def test_ids_of_properties_beyond_the_items_are_never_read(kind: str, attention: str) -> None:
    _, model, _, features = drawn(reading(kind, attention), WITH_PROPERTIES, 4)
    features["sequence/h0"] = history(0, 1, 2, 4)
    with torch.no_grad():
        before = model(tensors(features))["tower/click"]
        features["sequence/h0"][:3, 1, 2:] = 2  # the items have ended there
        torch.testing.assert_close(model(tensors(features))["tower/click"], before, rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_history_of_one_position_is_one_step_from_zero(kind: str) -> None:
    """Softmax attention over one position gives that position's state, whatever its score."""
    _, plain, weights, features = drawn(reading(kind), WITH_PROPERTIES, 2)
    _, attending, more, _ = drawn(reading(kind, "softmax"), WITH_PROPERTIES, 2)
    features["sequence/h0"] = history(1, 1)
    attending.set_weights(tensors({**more, **weights}))
    with torch.no_grad():
        first, second = (model.activations(tensors(features)).node("sequence/h0") for model in (plain, attending))
    torch.testing.assert_close(first, second, rtol=1e-14, atol=1e-14)
    assert first.abs().max() > 0


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_recurrent_readers_are_those_of_torch(kind: str) -> None:
    """The same weights in torch's own module, and in numpy."""
    schema = SCHEMAS["items alone"]
    _, model, weights, _ = drawn(reading(kind), schema, 1)
    ids, own = history(4, schema=schema), {name.rpartition("/")[2]: w for name, w in weights.items() if "/h0/" in name}
    oracle = (torch.nn.GRU if kind == "gru" else torch.nn.LSTM)(2, 3, batch_first=True, dtype=torch.float64)
    hidden_bias = own.get("hidden_bias", np.zeros_like(own["gate_bias"]))
    names = {"weight_ih_l0": own["item_weight"], "weight_hh_l0": own["hidden_weight"], "bias_ih_l0": own["gate_bias"]}
    oracle.load_state_dict(tensors({**names, "bias_hh_l0": hidden_bias}))
    with torch.no_grad():
        expected = oracle(torch.from_numpy(own["table"][ids[:, 0]]))[0][:, -1]
        output = model.activations({"sequence/h0": torch.from_numpy(ids)}).node("sequence/h0")
    torch.testing.assert_close(output, expected, rtol=1e-12, atol=1e-12)


def test_properties_move_the_gates_and_never_the_candidate() -> None:
    """With every gate open the cell of the property-gated LSTM holds the items' candidates alone."""
    architecture, model, weights, features = drawn(reading("property_gated_lstm"), WITH_PROPERTIES, 2)
    features["sequence/h0"] = history(1, 1)
    weights["sequence/h0/gate_bias"] = np.repeat([40.0, 40.0, 0.0, 40.0], 3)
    model.set_weights(tensors(weights))
    other = {**features, "sequence/h0": features["sequence/h0"].copy()}
    other["sequence/h0"][:, 1, 0] = 3 - other["sequence/h0"][:, 1, 0]
    with torch.no_grad():
        first, second = (model.activations(tensors(actual)).node("sequence/h0") for actual in (features, other))
    torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)
    read = reference.states(architecture, weights, features)["sequence/h0"]
    items = weights["sequence/h0/table"][features["sequence/h0"][:, 0, 0]]
    candidate = items @ weights["sequence/h0/item_weight"][6:9].T
    np.testing.assert_allclose(read, np.tanh(np.tanh(candidate)), rtol=1e-12)
