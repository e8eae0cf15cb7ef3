"""Everything that levels, gates, critics and experts can be against plain numpy, one by one and drawn at random."""

from typing import Any

import numpy as np
import pytest
from numpy_reference import schema_of
from reference_checks import ROWS, check, drawn
from slowly import slow
from small_designs import FUNNELS, ONE, THREE, TWO, gated, hidden_layers, level, linked, stacked

from mtl_nas.blocks import Expert, Tower
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Critics, Design, GateOptions, Gating, Inputs, Routing, Stitching, Transfers
from mtl_nas.errors import MtlNasError

FAMILIES = schema_of("click@a", "buy@b", "like@a")
RICH = schema_of("click@a", "buy@b", "like@a", categories=(4, 3), numbers=2)
KINDS = schema_of("likes#", "stars/4", "mood*3", "spent$", "click", "watch")
FIELDS = Inputs(numbers="bucket", buckets=8, embedding=3)
TRUNK = {"shared": 0, "specific": 1, "expert": Expert(hidden=(4,))}


def crossed(mixing: Any, *rows: dict[str, Any]) -> Design:
    """Levels mixed in one way, of these numbers of experts."""
    return stacked(*(level(mixing=mixing, **row) for row in rows), tower=Tower(hidden=(3,)))


def asking(query: str, **options: Any) -> Design:
    rows = (level(mixing=Gating(query=query, **options)),) * 2
    return Design(inputs=Inputs(numbers="piecewise", buckets=8, embedding=3, tables="task"), levels=rows)


def criticised(**options: Any) -> Design:
    return Design(inputs=FIELDS, levels=(level(),), critics=Critics(**{"count": 3, **options}))


NO_SHARED = {"shared": 0, "specific": {"click": 1, "buy": 3, "pay": 2}}
VARIANTS: dict[str, tuple[Design, Schema]] = {
    **{f"{kind} gates": (gated(kind=kind), THREE) for kind in ("softmax", "top_k", "sigmoid", "static")},
    "the best one of three": (gated(kind="top_k", top=1), TWO),
    "deep top k, bias, temperature": (gated(kind="top_k", top=2, hidden=(3,), bias=True, temperature=0.5), THREE),
    "deep sigmoid, temperature, sees all": (gated(kind="sigmoid", hidden=(3,), temperature=2.0, sees="all"), THREE),
    "sigmoid over one expert": (stacked(level(shared=1, specific=0, mixing=Gating(kind="sigmoid"))), TWO),
    "static, one gate for all": (gated(kind="static", placement="all"), TWO),
    "tied gates": (gated(tied=True, hidden=(3,), bias=True), THREE),
    "tied static gates": (gated(tied=True, kind="static"), THREE),
    "tied gates of different inputs": (asking("features", tied=True), TWO),
    "gates per reader": (crossed(Gating(placement="expert"), {"shared": 2}, {"shared": 3, "specific": 2}), THREE),
    "gates per reader, no specific": (crossed(Gating(placement="expert"), *[{"shared": 3, "specific": 0}] * 3), TWO),
    "gates per reader, no shared": (crossed(Gating(placement="expert", sees="all"), NO_SHARED, NO_SHARED), THREE),
    "tied gates per reader": (crossed(Gating(placement="expert", tied=True), {}, {"specific": 2}), THREE),
    "gates per family": (crossed(Gating(placement="family"), {"family": 2}, {"family": 1}), FAMILIES),
    "gates per family, then per task": (
        stacked(level(family=2, specific=0, mixing=Gating(placement="family")), level(family=1)),
        FAMILIES,
    ),
    "families alone": (crossed(Gating(), *[{"shared": 0, "specific": 0, "family": 2}] * 2), FAMILIES),
    "families that see shared": (crossed(Gating(shared_sees="shared"), *[{"family": 2}] * 2), FAMILIES),
    "shared gate sees shared": (gated(shared_sees="shared"), THREE),
    "no gradient to others": (gated(sees="all", stop_gradient=True), THREE),
    "no gradient to others, no shared": (
        crossed(Gating(sees="all", stop_gradient=True), NO_SHARED, NO_SHARED),
        THREE,
    ),
    **{
        f"{residual} residual, {kind}": (gated(residual=residual, kind=kind, sees="all"), THREE)
        for residual in ("linear", "gate")
        for kind in ("softmax", "sigmoid", "static")
    },
    "linear residual of several": (crossed(Gating(residual="linear"), NO_SHARED, NO_SHARED), THREE),
    "gate residual of several": (crossed(Gating(residual="gate", hidden=(3,)), NO_SHARED, NO_SHARED), THREE),
    "residual per reader": (crossed(Gating(residual="gate", placement="expert"), {}, {"specific": 2}), TWO),
    **{f"asks {query}": (asking(query, hidden=(3,)), RICH) for query in ("state", "features", "joint", "fields")},
    "asks fields, tied": (asking("fields", tied=True), RICH),
    "asks joint on one table": (gated(query="joint"), THREE),
    "asks fields that are numbers": (gated(query="fields"), TWO),
    "stitches": (crossed(Stitching(), TRUNK, TRUNK), THREE),
    "stitches of one task": (crossed(Stitching(), TRUNK, TRUNK), ONE),
    "stitches per unit": (crossed(Stitching(channelwise=True), TRUNK, TRUNK), THREE),
    "stitches below gates": (stacked(level(mixing=Stitching(), **TRUNK), level(family=1)), FAMILIES),
    "routes": (crossed(Routing(), {"specific": 0, "shared": 3}, {"specific": 0, "shared": 2}), THREE),
    "routes without maps": (crossed(Routing(transform=False), {"specific": 0}, {"specific": 0}), TWO),
    "routes between all owners": (crossed(Routing(), {"family": 1}, {"family": 2, "shared": 0}), FAMILIES),
    "routes of one expert": (crossed(Routing(), {"specific": 0, "shared": 1}), TWO),
    "routes of features": (
        Design(inputs=asking("state").inputs, levels=(level(mixing=Routing(), expert=Expert(hidden=())),)),
        RICH,
    ),
    "routes below gates": (stacked(level(mixing=Routing()), level()), THREE),
    **{
        f"critics, {query}, {kind}": (criticised(gate=GateOptions(query=query, kind=kind)), KINDS)
        for query in ("state", "fields")
        for kind in ("softmax", "top_k", "sigmoid", "static")
    },
    "tied critics": (criticised(gate=GateOptions(query="fields", tied=True, hidden=(3,))), KINDS),
    "one critic": (criticised(count=1), KINDS),
    "critics of hidden layers": (criticised(critic={"hidden": (4, 4), "norm": "layer", "residual": True}), KINDS),
    "critics along a funnel": (criticised().model_copy(update={"funnel": "product"}), FUNNELS[1]),
    "all kinds of task": (stacked(level(), tower=Tower(hidden=(3,))), KINDS),
    "two ordered classes": (stacked(), schema_of("stars/2", "mood/3")),
    "residual layers": (hidden_layers(residual=True), TWO),
    "residual layers, normed": (
        stacked(level(expert=Expert(hidden=(5, 4, 4, 4), residual=True, norm="layer", activation="silu"))),
        THREE,
    ),
    "cross layers": (stacked(level(expert=Expert(hidden=(4,), cross=2))), THREE),
    "cross layers alone": (stacked(level(expert=Expert(hidden=(), cross=1)), level()), TWO),
    "feature gates": (stacked(level(expert=Expert(hidden=(4,), feature_gate=2))), THREE),
    "feature gates alone": (stacked(level(expert=Expert(hidden=(), feature_gate=7))), TWO),
    "gate, cross, residual": (
        stacked(level(expert=Expert(hidden=(5, 5), feature_gate=2, cross=1, residual=True, norm="batch"))),
        TWO,
    ),
    "identity experts": (stacked(level(expert=Expert(hidden=())), level()), TWO),
    "identity experts of each task": (
        Design(inputs=asking("state").inputs, levels=(level(expert=Expert(hidden=())), level())),
        RICH,
    ),
    "transfers after routes": (
        stacked(level(mixing=Routing()), transfers=Transfers(links="chain")),
        THREE,
    ),
    "transfers and critics": (
        linked().model_copy(update={"critics": Critics(count=2, gate=GateOptions(query="state"))}),
        THREE,
    ),
}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize(("design", "schema"), VARIANTS.values(), ids=VARIANTS)
def test_outputs_and_gradients_agree_with_numpy(design: Design, schema: Schema, rows: int) -> None:
    check(design, schema, rows)


@pytest.mark.parametrize(("design", "schema"), VARIANTS.values(), ids=VARIANTS)
def test_parameters_are_counted_without_torch(design: Design, schema: Schema) -> None:
    architecture, model, weights, _ = drawn(design, schema, 1)
    trained = sum(weight.size for name, weight in weights.items() if "running_" not in name)
    assert architecture.parameters == trained == sum(parameter.numel() for parameter in model.parameters())


SCHEMAS = (
    schema_of("click"),
    schema_of("click", "stars*3@a", "dwell~@a", histories=((5, 3),), categories=(4,), numbers=2),
    schema_of("click@a", "buy@b", "like@a", categories=(4, 3), numbers=1),
    schema_of("click", "buy<click", "pay<buy"),
    schema_of("likes#", "stars/4", "spent$", histories=((5,), (4, 3)), numbers=0),
)


@pytest.mark.parametrize("seed", [*range(5), *(slow(seed) for seed in range(5, 40))])
def test_designs_drawn_at_random_agree_with_numpy(seed: int) -> None:
    random = np.random.default_rng(seed)
    schema = SCHEMAS[seed % len(SCHEMAS)]
    design = any_design(random, schema)
    rows = int(random.choice([1, 7]))
    check(design, schema, rows)


def any_design(random: np.random.Generator, schema: Schema) -> Design:
    """One that composes on the schema."""
    while True:
        try:
            design = Design.model_validate(_design(random, schema.tasks[0].name))
            compose(design, schema)
        except (MtlNasError, ValueError):
            continue
        return design


def _design(random: np.random.Generator, first: str) -> dict[str, Any]:
    def any_of(*options: Any) -> Any:
        return options[random.integers(len(options))]

    def weighing() -> dict[str, Any]:
        kind = any_of("softmax", "softmax", "top_k", "sigmoid", "static")
        return {
            "kind": kind,
            "query": any_of("state", "features", "joint", "fields"),
            "tied": any_of(True, False),
            "hidden": any_of((), (3,), (3, 2)),
            "bias": kind == "top_k" or any_of(True, False),  # dead units without a bias score every expert alike
            "temperature": any_of(1.0, 0.5),
        }

    def gates() -> dict[str, Any]:
        return {
            **weighing(),
            "placement": any_of("task", "expert", "family", "all", "none"),
            "sees": any_of("own", "all"),
            "shared_sees": any_of("all", "shared"),
            "stop_gradient": any_of(True, False),
            "residual": any_of("none", "linear", "gate"),
        }

    def layers() -> dict[str, Any]:
        return {
            "activation": any_of("relu", "silu", "tanh"),
            "norm": any_of("none", "layer"),
            "residual": any_of(True, False),
        }

    def row() -> dict[str, Any]:
        stitched = random.random() < 0.15
        routed = {"by": "routing", "transform": any_of(True, False)}
        return {
            "shared": 0 if stitched else any_of(0, 1, 2),
            "specific": 1 if stitched else any_of(0, 1, {first: 2}),
            "family": 0 if stitched else any_of(0, 0, 2),
            "expert": {**layers(), "hidden": (4,), "cross": any_of(0, 0, 1), "feature_gate": any_of(0, 0, 2)},
            "mixing": {"by": "stitch", "channelwise": any_of(True, False)}
            if stitched
            else any_of(gates(), gates(), routed),
        }

    histories = {
        "kind": any_of("mean", "gru", "lstm", "property_gated_lstm"),
        "hidden": 3,
        "attention": any_of("none", "softmax", "sigmoid"),
        "attention_hidden": any_of((), (3,)),
        "context": any_of("none", "features"),
    }
    critics = {"count": any_of(1, 2), "critic": {"hidden": any_of((), (3,))}, "gate": weighing()}
    return {
        "inputs": {
            "embedding": 2,
            "tables": any_of("shared", "task"),
            "numbers": any_of("standard", "bucket", "piecewise"),
            "buckets": 8,
            "histories": histories,
        },
        "levels": [row() for _ in range(any_of(0, 1, 2, 3))],
        "transfers": {"links": any_of("none", "none", "chain"), "transfer": {"score": any_of("self", "cross")}},
        "tower": {**layers(), "hidden": any_of((), (3,))},
        "critics": any_of(None, None, critics),
        "funnel": any_of("direct", "product"),
    }
