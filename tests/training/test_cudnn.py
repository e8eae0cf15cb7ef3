"""What cuDNN asks of recurrent layers, seen on any machine in what they are called with."""

from typing import Any

import pytest
import torch
from stacked_fixtures import DATA, design

import mtl_nas as mn
from mtl_nas.diagnosis import diagnose
from mtl_nas.model import build
from mtl_nas.model.prediction import predict_rows
from mtl_nas.training import Fit, FitData, Member

TRAIN = 6  # the index of that argument


@pytest.fixture(params=["gru", "lstm"])
def calls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[tuple[bool, bool]]]:
    """The kind, and of each call whether it was in training mode, and with cuDNN."""
    seen: list[tuple[bool, bool]] = []
    plain = getattr(torch, request.param)

    def watched(*arguments: Any) -> Any:
        seen.append((arguments[TRAIN], torch.backends.cudnn.enabled))
        return plain(*arguments)

    monkeypatch.setattr(torch, request.param, watched)
    return request.param, seen


def recurrent(kind: str) -> mn.Design:
    return design(inputs={"histories": {"kind": kind, "hidden": 3}})


def test_what_is_differentiated_is_computed_in_training_mode(calls: tuple[str, list[tuple[bool, bool]]]) -> None:
    kind, seen = calls
    made = recurrent(kind)
    network = build(mn.compose(made, DATA.schema))
    predict_rows(network, DATA.rows("tuning"), DATA.schema)
    assert {train for train, _ in seen} == {False}
    seen.clear()
    diagnose(network, DATA.rows("tuning"), DATA.schema, losses=made.losses)
    assert any(train for train, _ in seen)  # the gradients; what else it looks at needs none


@pytest.mark.parametrize("order", [1, 2])
def test_second_derivatives_are_left_to_torch(order: int, calls: tuple[str, list[tuple[bool, bool]]]) -> None:
    kind, seen = calls
    made = recurrent(kind)
    training = mn.Training(epochs=1, batch_size=64, meta=mn.Meta(scope="all", order=order))
    Fit(Member(mn.compose(made, DATA.schema), made.losses, training, FitData.of(DATA))).run(1)
    assert {cudnn for _, cudnn in seen} == {order == 1}
    assert torch.backends.cudnn.enabled
