"""The exported graph predicts what the model does, in torch alone."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy_reference import schema_of

from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design, Inputs
from mtl_nas.errors import ExportError
from mtl_nas.exports import Member, Model, torch_export
from mtl_nas.exports.onnx_inputs import input_arrays, random_rows
from mtl_nas.model import Network, build, predict_rows

SCHEMA = schema_of("click", "dwell~", categories=(4,), numbers=1, histories=((5,),), missing=True)
PLAIN = schema_of("click", categories=(3,), numbers=0)


def network(design: Design, schema: Schema, seed: int = 0) -> Network:
    return build(compose(design, schema), seed=seed)


def test_an_ensemble_is_one_graph_for_any_number_of_rows(tmp_path: Path) -> None:
    members = [
        Member("standard", 0.3, network(Design(inputs=Inputs(numbers="standard")), SCHEMA)),
        Member("piecewise", 0.7, network(Design(inputs=Inputs(numbers="piecewise")), SCHEMA, seed=1)),
    ]
    Model(members, SCHEMA).export(tmp_path, format="torch-export")
    graph = torch.export.load(tmp_path / "model.pt2").module()
    described = json.loads((tmp_path / "preprocessing.json").read_text())
    for count in (1, 100):
        rows = random_rows(SCHEMA, count)
        given = input_arrays(rows, SCHEMA)
        outputs = graph(*(torch.tensor(given[name]) for name in described["order"]))
        for name, values in zip(described["outputs"].values(), outputs, strict=True):
            right = sum(member.share * predict_rows(member.network, rows, SCHEMA)[name] for member in members)
            np.testing.assert_allclose(values.detach().numpy(), right, atol=1e-6)


def test_a_graph_that_differs_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_export, "TOLERANCE", -1.0)
    with pytest.raises(ExportError, match="^the exported graph differs by"):
        torch_export.write_torch_export(tmp_path, [Member("m", 1.0, network(Design(), PLAIN))], PLAIN)
    assert list(tmp_path.iterdir()) == []
