"""Our networks against independent implementations: outputs and gradients by the input agree to 1e-10 in float64.

Their weights are drawn from N(0, 0.3) and then overwritten by ours, so that a weight that is not copied, or is copied
to the wrong name, is noticed. ``make oracle`` installs deepctr-torch 0.3.0 and torch-rechub 0.9.0. Without these the
tests are skipped, except under ``pytest -m oracle``, which fails then. deepctr-torch refuses a single task and a single
expert, and its ESMM more than two steps; the numpy reference covers those.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
import torch
from numpy_reference import schema_of
from torch import nn

from mtl_nas.blocks import Transfer
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Design
from mtl_nas.model import Network, build
from mtl_nas.presets import preset

pytestmark = pytest.mark.oracle

Tensors = dict[str, torch.Tensor]
WIDTH, EXPERT, TOWER = 6, (20, 16), (12,)  # so wide that no layer of relu is dead as a whole
SIZES: dict[str, Any] = {"hidden": EXPERT, "tower": TOWER}
TASKS = pytest.mark.parametrize("tasks", [("a", "b"), ("a", "b", "c")], ids=["two tasks", "three tasks"])
ROWS = pytest.mark.parametrize("rows", [1, 7])


@pytest.fixture(scope="module")
def deepctr(pytestconfig: pytest.Config) -> ModuleType:
    """Its import asks PyPI for a newer version, in a thread that outlives the tests where nobody answers."""
    with mock.patch("threading.Thread.start"):
        return library("deepctr_torch.models", pytestconfig)


@pytest.fixture(scope="module")
def rechub(pytestconfig: pytest.Config) -> ModuleType:
    return library("torch_rechub.models.multi_task", pytestconfig)


def library(name: str, config: pytest.Config) -> ModuleType:
    if config.getoption("markexpr") == "oracle":
        return import_module(name)
    return pytest.importorskip(name, reason=f"no {name}: make oracle installs it")


@TASKS
@ROWS
def test_mmoe_is_that_of_deepctr(deepctr: ModuleType, tasks: Sequence[str], rows: int) -> None:
    network = drawn("mmoe", schema_of(*tasks, numbers=WIDTH), experts=3, **SIZES)
    theirs = deepctr.MMOE(columns(), num_experts=3, expert_dnn_hidden_units=EXPERT, **deepctr_options(tasks))
    names = deepctr_towers(tasks)
    for expert in range(3):
        names |= layers(f"expert_dnn.{expert}.linears", f"level0/expert/{expert}", len(EXPERT))
    for position, task in enumerate(tasks):
        names[f"gate_dnn_final_layer.{position}.weight"] = f"level0/gate/{task}/weight0"
    agree(network, copied(theirs, network, names), tasks, rows)


@TASKS
@ROWS
def test_shared_bottom_is_that_of_deepctr(deepctr: ModuleType, tasks: Sequence[str], rows: int) -> None:
    network = drawn("shared_bottom", schema_of(*tasks, numbers=WIDTH), **SIZES)
    options = deepctr_options(tasks)
    del options["gate_dnn_hidden_units"]
    theirs = deepctr.SharedBottom(columns(), bottom_dnn_hidden_units=EXPERT, **options)
    names = deepctr_towers(tasks) | layers("bottom_dnn.linears", "level0/expert/0", len(EXPERT))
    agree(network, copied(theirs, network, names), tasks, rows)


@TASKS
@ROWS
@pytest.mark.parametrize("levels", [1, 2, 3], ids=["cgc", "two levels", "three levels"])
@pytest.mark.parametrize("experts", [1, 2])
def test_ple_is_that_of_deepctr(
    deepctr: ModuleType, tasks: Sequence[str], rows: int, levels: int, experts: int
) -> None:
    """As many shared as specific experts: it makes its shared experts by the specific ones' number."""
    name, depth = ("cgc", {}) if levels == 1 else ("ple", {"levels": levels})
    network = drawn(name, schema_of(*tasks, numbers=WIDTH), shared=experts, specific=experts, **depth, **SIZES)
    theirs = deepctr.PLE(
        columns(),
        shared_expert_num=experts,
        specific_expert_num=experts,
        num_levels=levels,
        expert_dnn_hidden_units=EXPERT,
        **deepctr_options(tasks),
    )
    names = deepctr_towers(tasks)
    for level in range(levels):
        for index in range(experts):
            ours = f"level{level}/expert"
            names |= layers(f"shared_experts.{level}.0.{index}.linears", f"{ours}/{index}", len(EXPERT))
            for position, task in enumerate(tasks):
                theirs_own = f"specific_experts.{level}.{position}.{index}.linears"
                names |= layers(theirs_own, f"{ours}/{task}/{index}", len(EXPERT))
        for position, task in enumerate(tasks):
            names[f"specific_gate_dnn_final_layer.{level}.{position}.weight"] = f"level{level}/gate/{task}/weight0"
        if level < levels - 1:  # their last level has a shared gate that nothing reads
            names[f"shared_gate_dnn_final_layer.{level}.weight"] = f"level{level}/gate/weight0"
    agree(network, copied(theirs, network, names), tasks, rows)


@ROWS
def test_esmm_is_that_of_deepctr(deepctr: ModuleType, rows: int) -> None:
    """Both of its towers add the same bias."""
    tasks = ("a", "b")
    network = drawn("esmm", schema_of("a", "b<a", numbers=WIDTH), hidden=EXPERT)
    last = len(EXPERT)
    network.set_weights({**network.weights(), f"tower/b/bias{last}": network.weights()[f"tower/a/bias{last}"]})
    options = deepctr_options(tasks)
    del options["gate_dnn_hidden_units"]
    theirs = deepctr.ESMM(columns(), **{**options, "tower_dnn_hidden_units": EXPERT})
    names = {"out.bias": f"tower/a/bias{last}"}
    for task, word in zip(tasks, ("ctr", "cvr"), strict=True):
        names |= layers(f"{word}_dnn.linears", f"tower/{task}", last)
        names[f"{word}_dnn_final_layer.weight"] = f"tower/{task}/weight{last}"
    agree(network, copied(theirs, network, names), tasks, rows)


@TASKS
@ROWS
@pytest.mark.parametrize("share", [True, False], ids=["one set of maps", "one set per link"])
@pytest.mark.parametrize("tower", [(), TOWER], ids=["no tower", "tower"])
def test_aitm_is_that_of_rechub(
    rechub: ModuleType, tasks: Sequence[str], rows: int, share: bool, tower: tuple[int, ...]
) -> None:
    """Three tasks show that what is passed on is read from the state that has already received.

    Its scores are divided by a square root in float32, which is exact for states of 16.
    """
    network = drawn("aitm", chain_of(tasks), transfer=Transfer(share=share), hidden=EXPERT, tower=tower)
    theirs = rechub.AITM(dense(), len(tasks), {"dims": EXPERT}, [{"dims": tower}] * len(tasks))
    names = rechub_towers(tasks, tower)
    for position, task in enumerate(tasks):
        names |= layers(f"bottoms.{position}.mlp", f"level0/expert/{task}/0", len(EXPERT), stride=4)
    for position, task in enumerate(tasks[1:]):
        for word in ("weight", "bias"):
            names[f"info_gates.{position}.mlp.0.{word}"] = f"transfer/{task}/information_{word}"
        maps = f"shared/transfer{EXPERT[-1]}" if share or len(tasks) == 2 else f"transfer/{task}"
        for word in ("query", "key", "value"):
            names[f"aits.{position}.{word[0]}_layer.weight"] = f"{maps}/{word}"
    agree(network, neutral(copied(theirs, network, names)), tasks, rows)


@TASKS
@ROWS
@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize(("shared", "specific"), [(1, 2), (3, 1), (2, 0), (0, 2)])
def test_ple_with_unequal_experts_is_that_of_rechub(
    rechub: ModuleType, tasks: Sequence[str], rows: int, levels: int, shared: int, specific: int
) -> None:
    network = drawn("ple", schema_of(*tasks, numbers=WIDTH), levels=levels, shared=shared, specific=specific, **SIZES)
    theirs = rechub.PLE(
        dense(),
        ["classification"] * len(tasks),
        levels,
        specific,
        shared,
        {"dims": EXPERT},
        [{"dims": TOWER}] * len(tasks),
    )
    names = rechub_towers(tasks, TOWER)
    for level in range(levels):
        cgc, ours = f"cgc_layers.{level}", f"level{level}"
        for index in range(shared):
            names |= layers(f"{cgc}.experts_shared.{index}.mlp", f"{ours}/expert/{index}", len(EXPERT), stride=4)
        for position, task in enumerate(tasks):
            names[f"{cgc}.gates_specific.{position}.mlp.0.weight"] = f"{ours}/gate/{task}/weight0"
            for index in range(specific):
                theirs_own = f"{cgc}.experts_specific.{position * specific + index}.mlp"
                names |= layers(theirs_own, f"{ours}/expert/{task}/{index}", len(EXPERT), stride=4)
        if level < levels - 1 and shared:  # without shared experts nobody reads the shared state
            names[f"{cgc}.gate_shared.mlp.0.weight"] = f"{ours}/gate/weight0"
    theirs = copied(theirs, network, names)
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "gate" in name and name.endswith("mlp.0.bias"):  # the paper's gates have none
                parameter.zero_()
    agree(network, neutral(theirs), tasks, rows)


# Our side


def chain_of(tasks: Sequence[str]) -> Schema:
    """Each task follows the one before it."""
    spelled = [task if position == 0 else f"{task}<{tasks[position - 1]}" for position, task in enumerate(tasks)]
    return schema_of(*spelled, numbers=WIDTH)


def drawn(name: str, schema: Schema, transfer: Transfer | None = None, **sizes: Any) -> Network:
    """The preset's network, which reads x as it is, with weights from N(0, .3)."""
    design: Design = preset(name, schema, numbers="standard", **sizes)
    if transfer is not None:
        design = design.model_copy(update={"transfers": design.transfers.model_copy(update={"transfer": transfer})})
    network = build(compose(design, schema), dtype=torch.float64).eval()
    redraw(network, seed=0)
    return network


def redraw(module: nn.Module, *, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)


# Their side


def columns() -> list[Any]:
    """One dense column of width D: what their network reads is x."""
    from deepctr_torch.inputs import DenseFeat

    return [DenseFeat("x", WIDTH)]


def deepctr_options(tasks: Sequence[str]) -> dict[str, Any]:
    """Gates as in the paper, without hidden layers."""
    return {
        "gate_dnn_hidden_units": (),
        "tower_dnn_hidden_units": TOWER,
        "task_types": ["binary"] * len(tasks),
        "task_names": list(tasks),
    }


def dense() -> list[Any]:
    from torch_rechub.basic.features import DenseFeature

    return [DenseFeature(f"x{position}") for position in range(WIDTH)]


def layers(theirs: str, ours: str, count: int, *, stride: int = 1) -> dict[str, str]:
    """Names of so many layers, theirs -> ours."""
    return {
        f"{theirs}.{index * stride}.{word}": f"{ours}/{word}{index}"
        for index in range(count)
        for word in ("weight", "bias")
    }


def deepctr_towers(tasks: Sequence[str]) -> dict[str, str]:
    """The last layer has no bias; the prediction adds it."""
    names: dict[str, str] = {}
    last = len(TOWER)
    for position, task in enumerate(tasks):
        names |= layers(f"tower_dnn.{position}.linears", f"tower/{task}", last)
        names[f"tower_dnn_final_layer.{position}.weight"] = f"tower/{task}/weight{last}"
        names[f"out.{position}.bias"] = f"tower/{task}/bias{last}"
    return names


def rechub_towers(tasks: Sequence[str], hidden: Sequence[int]) -> dict[str, str]:
    """A layer is four modules there: linear, norm, activation, dropout; the last is linear alone."""
    names: dict[str, str] = {}
    for position, task in enumerate(tasks):
        names |= layers(f"towers.{position}.mlp", f"tower/{task}", len(hidden) + 1, stride=4)
    return names


def copied(theirs: nn.Module, ours: Network, names: Mapping[str, str]) -> nn.Module:
    """Their model in float64 with our weights, under their names."""
    theirs = theirs.to(torch.float64).eval()
    redraw(theirs, seed=1)
    parameters, weights = dict(theirs.named_parameters()), ours.weights()
    with torch.no_grad():
        for name, our_name in names.items():
            weight = weights[our_name]
            if "/information_" in our_name:
                weight = weight[0]  # of the one source
            assert parameters[name].shape == weight.shape, name
            parameters[name].copy_(weight)
    return theirs


class Given(nn.Module):
    """Replaces an embedding that rounds x to float32."""

    def forward(self, x: torch.Tensor, _features: Any, *, squeeze_dim: bool) -> torch.Tensor:
        assert squeeze_dim
        return x


def neutral(theirs: nn.Module) -> nn.Module:
    """Reads x as it is; every batch norm is the identity."""
    theirs.embedding = Given()
    with torch.no_grad():
        for module in theirs.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.weight.fill_(1.0)
                module.bias.zero_()
                module.running_mean.zero_()
                module.running_var.fill_(1.0 - module.eps)
    return theirs


def agree(ours: Network, theirs: nn.Module, tasks: Sequence[str], rows: int) -> None:
    """Probabilities of all tasks, and the gradient of each by x."""
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(rows, WIDTH, dtype=torch.float64, generator=generator)
    our_x, their_x = x.clone().requires_grad_(), x.clone().requires_grad_()
    values = ours({"scalars": our_x})
    heads = {head.task: head.node for head in ours.architecture.heads if head.given is None}
    probabilities = torch.cat([torch.sigmoid(values[heads[task]]) for task in tasks], dim=1)
    outputs = theirs(their_x)
    torch.testing.assert_close(probabilities, outputs, rtol=0, atol=1e-10)
    for position, task in enumerate(tasks):
        (gradient,) = torch.autograd.grad(probabilities[:, position].sum(), our_x, retain_graph=True)
        (other,) = torch.autograd.grad(outputs[:, position].sum(), their_x, retain_graph=True)
        assert other.any(), f"{task} does not depend on x"
        torch.testing.assert_close(gradient, other, rtol=0, atol=1e-10)
