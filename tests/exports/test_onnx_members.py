"""ONNX files and model folders of networks in one: every preset predicts as its torch model, which is loaded alike."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy_reference import schema_of
from slowly import slow
from small_designs import level, schemas, small, stacked

import mtl_nas as mn
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design, Losses, Members
from mtl_nas.exports import Model
from mtl_nas.exports.onnx import write_onnx
from mtl_nas.exports.onnx_inputs import random_rows
from mtl_nas.model import build, predict_rows

pytestmark = pytest.mark.skipif(not all(map(find_spec, ("onnxruntime", "onnxscript"))), reason="extra [onnx]")

QUICK = ("shared_bottom",)
PRESETS = [
    (name, form) if name in QUICK and form == "full" else slow(name, form)
    for name in mn.preset_names()
    for form in ("full", "mini")
]


def with_members(design: Design, form: str = "full") -> Design:
    return design.model_copy(update={"members": Members.model_validate({"count": 3, "form": form})})


@pytest.mark.parametrize(("name", "form"), PRESETS)
def test_every_preset_with_members_predicts_alike_in_onnx_and_after_loading(
    name: str, form: str, tmp_path: Path
) -> None:
    schema = schemas(name)[-1]
    same_everywhere(with_members(small(name, schema), form), schema, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("spelled", [("likes#", "stars/4", "spent$"), ("click", "buy<click", "pay<buy")])
def test_every_kind_of_task_is_averaged_in_onnx(spelled: tuple[str, ...], tmp_path: Path) -> None:
    funnel = "<" in spelled[1]
    losses = Losses(negatives=0.3 if funnel else 1.0)
    design = stacked(level(), funnel="product" if funnel else "direct", losses=losses)
    same_everywhere(with_members(design), schema_of(*spelled, categories=(4,)), tmp_path)


def same_everywhere(design: Design, schema: Schema, folder: Path) -> None:
    network = build(compose(design, schema), seed=1)
    assert write_onnx(folder, network, schema) <= 1e-5
    rows = random_rows(schema, 20)
    loaded = mn.load_model(Model(network, schema).save(folder / "model"))
    for name, values in predict_rows(loaded.network, rows, schema).items():
        np.testing.assert_array_equal(values, predict_rows(network, rows, schema)[name])
