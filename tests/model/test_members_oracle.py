"""Networks in one against the authors' package: outputs and gradients agree to 1e-10 in float64.

``make oracle`` installs tabm 0.0.3. Without it the tests are skipped, except under ``pytest -m oracle``, which fails
then.
"""

from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
import torch
from numpy_reference import schema_of

from mtl_nas.blocks import Expert, Tower
from mtl_nas.composition import compose
from mtl_nas.design import Design, Inputs, Level, Members
from mtl_nas.model import Network, build

pytestmark = pytest.mark.oracle

WIDTH, UNITS, MEMBERS, ROWS = 6, 12, 4, 7
TASKS = ("a", "b", "c")


@pytest.fixture(scope="module")
def tabm(pytestconfig: pytest.Config) -> ModuleType:
    if pytestconfig.getoption("markexpr") == "oracle":
        return import_module("tabm")
    return pytest.importorskip("tabm", reason="no tabm: make oracle installs it")


def bottom(layers: int, form: str) -> Design:
    """A shared bottom with towers of one linear map each, which is TabM with an output per task."""
    members = Members.model_validate({"count": MEMBERS, "form": form})
    level = Level(shared=1, expert=Expert(hidden=(UNITS,) * layers))
    return Design(inputs=Inputs(numbers="standard"), levels=(level,), tower=Tower(), members=members)


def theirs_like(tabm: ModuleType, layers: int, form: str) -> Any:
    """Their network in float64, all of whose weights are drawn."""
    network = tabm.TabM(
        n_num_features=WIDTH,
        d_out=len(TASKS),
        n_blocks=layers,
        d_block=UNITS,
        dropout=0.0,
        k=MEMBERS,
        arch_type={"full": "tabm", "mini": "tabm-mini"}[form],
        start_scaling_init="random-signs",
    )
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.to(torch.float64).parameters():
            parameter.normal_(0.0, 0.5, generator=generator)
    return network.eval()


def ours_with_weights_of(theirs: Any, layers: int, form: str) -> Network:
    ours = build(compose(bottom(layers, form), schema_of(*TASKS, numbers=WIDTH)), dtype=torch.float64).eval()
    weights: dict[str, torch.Tensor] = {}
    for index in range(layers):
        linear, node = theirs.backbone.blocks[index][0], "level0/expert/0"
        weights[f"{node}/weight{index}"] = linear.weight
        weights[f"{node}/bias{index}"] = linear.bias.flatten()
        if form == "full":
            weights[f"{node}/out_factors{index}"] = linear.s.flatten()
            first = "members/embedding/factors" if index == 0 else f"{node}/in_factors{index}"
            weights[first] = linear.r.flatten()
    if form == "mini":
        weights["members/embedding/factors"] = theirs.backbone.affine.weight.flatten()
    for position, task in enumerate(TASKS):  # theirs are (k, in, out) for all tasks
        weights[f"tower/{task}/weight0"] = theirs.output.weight[:, :, position].unsqueeze(1)
        weights[f"tower/{task}/bias0"] = theirs.output.bias[:, position]
    assert set(ours.weights()) == {*weights, "embedding/table"}  # an empty table
    ours.set_weights({**ours.weights(), **{name: value.detach() for name, value in weights.items()}})
    return ours


@pytest.mark.parametrize("form", ["full", "mini"])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_shared_bottom_with_members_is_tabm(tabm: ModuleType, layers: int, form: str) -> None:
    """Outputs of every member, and the gradient of a random sum of them by the input and by each weight."""
    theirs = theirs_like(tabm, layers, form)
    ours = ours_with_weights_of(theirs, layers, form)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(ROWS, WIDTH, dtype=torch.float64, generator=generator)
    factors = torch.randn(ROWS, MEMBERS, len(TASKS), dtype=torch.float64, generator=generator)
    our_x, their_x = x.clone().requires_grad_(), x.clone().requires_grad_()
    values = ours({"scalars": our_x})
    # ours: the rows of one member after those of another
    outputs = torch.stack([values[f"tower/{task}"].view(MEMBERS, ROWS).T for task in TASKS], dim=2)
    expected = theirs(their_x)
    torch.testing.assert_close(outputs, expected, rtol=0, atol=1e-10)
    (outputs * factors).sum().backward()
    (expected * factors).sum().backward()
    assert their_x.grad.abs().min() > 0
    torch.testing.assert_close(our_x.grad, their_x.grad, rtol=0, atol=1e-10)
    assert our_gradients(ours) == pytest.approx(their_gradients(theirs), rel=1e-10)


def our_gradients(network: Network) -> list[float]:
    """The sum of squared gradients of all weights, and of the shared matrices alone."""
    matrices = [value for name, value in network.named_parameters() if name.startswith("stages.2.weight")]
    return [sum(float((value.grad**2).sum()) for value in part) for part in (list(network.parameters())[1:], matrices)]


def their_gradients(network: Any) -> list[float]:
    matrices = [block[0].weight for block in network.backbone.blocks]
    return [sum(float((value.grad**2).sum()) for value in part) for part in (network.parameters(), matrices)]


def test_members_start_as_those_of_tabm(tabm: ModuleType) -> None:
    """Which weights differ between members at the start, which are ones, and the values that the first can have."""
    theirs = tabm.TabM.make(n_num_features=WIDTH, d_out=len(TASKS), n_blocks=2, d_block=UNITS, k=MEMBERS)
    ours = build(compose(bottom(2, "full"), schema_of(*TASKS, numbers=WIDTH))).weights()
    first, second = (theirs.backbone.blocks[index][0] for index in range(2))
    assert set(ours["members/embedding/factors"].tolist()) == set(first.r.flatten().tolist()) == {-1.0, 1.0}
    for name, value in (("out_factors0", first.s), ("in_factors1", second.r), ("out_factors1", second.s)):
        assert torch.equal(ours[f"level0/expert/0/{name}"], value.detach().flatten())
    bias = ours["level0/expert/0/bias0"].view(MEMBERS, UNITS)
    assert (bias == bias[0]).all()
    assert (first.bias == first.bias[0]).all()
    assert len(ours["tower/a/weight0"].unique()) == MEMBERS * UNITS
