"""What is drawn in training and what models start from: routes, dropout, first weights."""

import numpy as np
import pytest
import torch
from numpy_reference import gradient, penalty, schema_of, sigmoid
from reference_checks import check, drawn, gradients_of, tensors
from slowly import slow
from small_designs import ONE, SCALARS, THREE, TWO, level, linked, small, stacked

from mtl_nas.blocks import Expert
from mtl_nas.composition import compose
from mtl_nas.design import Design, Routing, Stitching
from mtl_nas.model import build

HOME = schema_of("click@a", "buy@b", "like@a")
BETA, GAMMA, ZETA = 0.9, -0.1, 1.1


@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("transform", [True, False])
def test_routes_in_training_agree_with_numpy_on_the_same_draws(transform: bool, levels: int, rows: int) -> None:
    design = small("snr", THREE, transform=transform, levels=levels)
    torch.manual_seed(0)
    draws = {f"level0/route/{index}": torch.rand(3, dtype=torch.float64).numpy() for index in range(3 * (levels - 1))}
    draws |= {
        f"level{levels - 1}/route/{task}": torch.rand(3, dtype=torch.float64).numpy() for task in THREE.task_names
    }
    check(design, THREE, rows, train=True, draws=draws)


@pytest.mark.parametrize("log_alpha", [0.0, *(slow(one) for one in (-2.0, 1.0))])
def test_routes_open_as_often_as_the_hard_concrete_distribution_says(log_alpha: float) -> None:
    """Louizos et al. (2018): P(z > 0) = sigmoid(log_alpha - beta log(-gamma / zeta)), P(z < 1) likewise."""
    _, model, weights, features = drawn(Design(inputs=SCALARS, levels=(level(**ONE_ROUTE),)), ONE, 1, train=True)
    weights["level0/route/click/log_alpha"] = np.array([log_alpha])
    model.set_weights(tensors(weights))
    torch.manual_seed(0)
    with torch.no_grad():
        passed = [model.activations(tensors(features)) for _ in range(1000)]
    sources = passed[0].node("level0/expert/0")
    z = np.array([(states.node("level0/route/click") / sources).mean().item() for states in passed])
    assert ((z >= 0) & (z <= 1)).all()
    for actual, bound in (((z > 0).mean(), -GAMMA / ZETA), ((z == 1).mean(), (1 - GAMMA) / (ZETA - 1))):
        assert actual == pytest.approx(float(sigmoid(np.array(log_alpha - BETA * np.log(bound)))), abs=0.05)


ONE_ROUTE = {"shared": 1, "specific": 0, "mixing": Routing(transform=False), "expert": Expert(activation="tanh")}


def test_routes_stand_still_outside_training() -> None:
    _, model, _, features = drawn(small("snr", TWO), TWO, 7)
    once, again = (model(tensors(features))["tower/click"] for _ in range(2))
    torch.testing.assert_close(once, again, rtol=0, atol=0)


def test_the_price_of_open_routes_agrees_with_numpy() -> None:
    architecture, model, weights, _ = drawn(small("snr", THREE, penalty=0.3), THREE, 1)
    actual = model.penalty()
    np.testing.assert_allclose(actual.item(), penalty(architecture, weights), rtol=1e-12)
    actual.backward()
    for name, gradients in gradients_of(model).items():
        expected = gradient(lambda values, name=name: penalty(architecture, {**weights, name: values}), weights[name])
        np.testing.assert_allclose(gradients, expected, rtol=1e-10, atol=1e-15, err_msg=name)


def test_a_network_without_routes_costs_nothing() -> None:
    assert build(compose(small("mmoe", TWO), TWO), seed=0).penalty() is None


def test_dropout_comes_before_the_residual() -> None:
    expert = Expert(hidden=(5,), dropout=0.5, residual=True, activation="identity")
    _, model, weights, features = drawn(stacked(level(shared=1, specific=0, expert=expert)), ONE, 64, train=True)
    torch.manual_seed(0)
    with torch.no_grad():
        actual = model.activations(tensors(features)).node("level0/expert/0").numpy() - features["scalars"]
    full = features["scalars"] @ weights["level0/expert/0/weight0"].T + weights["level0/expert/0/bias0"]
    dropped = np.isclose(actual, 0, atol=1e-12)
    assert 0.4 < dropped.mean() < 0.6
    np.testing.assert_allclose(actual[~dropped], 2 * full[~dropped], rtol=1e-10)


def test_dropout_of_a_transfer_falls_on_what_the_source_passes() -> None:
    """With equal shares and values as they are, twice the state less the own one is what came through."""
    _, model, weights, features = drawn(linked(dropout=0.5, information="linear"), TWO, 64, train=True)
    for word in ("query", "key"):
        weights[f"shared/transfer4/{word}"] = np.zeros((4, 4))
    weights["shared/transfer4/value"] = np.eye(4)
    model.set_weights(tensors(weights))
    torch.manual_seed(0)
    with torch.no_grad():
        states = model.activations(tensors(features))
    source, own, joined = (
        states.node(name).numpy() for name in ("level0/expert/click/0", "level0/expert/buy/0", "transfer/buy")
    )
    passed = source @ weights["transfer/buy/information_weight"][0].T + weights["transfer/buy/information_bias"][0]
    actual = 2 * joined - own
    dropped = np.isclose(actual, 0, atol=1e-12)
    assert 0.4 < dropped.mean() < 0.6
    np.testing.assert_allclose(actual[~dropped], 2 * passed[~dropped], rtol=1e-9, atol=1e-12)


def test_what_starts_neutral_does() -> None:
    """Feature gates pass everything, a trunk counts .9 of its stitch, static gates weigh equally."""
    home = build(compose(small("home", HOME), HOME), seed=0).weights()
    ups = [weight for name, weight in home.items() if name.endswith("/up")]
    assert ups
    assert not any(weight.any() for weight in ups)
    trunk = level(shared=0, specific=1, mixing=Stitching())
    stitched = build(compose(stacked(trunk), THREE), seed=0).weights()
    torch.testing.assert_close(stitched["level0/stitch/buy/shares"], torch.tensor([0.9, 0.05, 0.05]))
    static = build(compose(stacked(level(mixing={"kind": "static"})), THREE), seed=0).weights()
    assert not static["level0/gate/buy/shares"].any()


def test_the_own_experts_of_adatt_start_within_one_over_the_root_of_their_number() -> None:
    weights = build(compose(small("adatt", TWO, specific=4), TWO), seed=0).weights()
    shares = torch.stack([weight for name, weight in weights.items() if "/residual/" in name])
    assert shares.shape == (4, 4)
    assert shares.abs().max() <= 0.5
    assert shares.unique().numel() == 16
