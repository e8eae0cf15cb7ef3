"""Steps by a CUDA graph come to what plain steps come to.

Without a GPU a tape stands in for one: it holds every operation of a step as it was dispatched, with its tensors and
its numbers, and does them again in the same memory, as a graph does.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from members import advance, restored
from stacked_fixtures import DATA, design
from torch import Tensor
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import mtl_nas as mn
from mtl_nas.design import Losses, Training
from mtl_nas.presets import compatible_presets
from mtl_nas.training import Fit, FitData, FitOptions, Member
from mtl_nas.training.steppers import GraphStepper, PlainStepper
from mtl_nas.training.stepping import cuda_graph

HOST = ("lift_fresh", "_local_scalar_dense", "nonzero", "_unique2", "masked_select")  # what no capture allows
PRESETS, _ = compatible_presets(DATA.schema)
Replay = Callable[[], Tensor]


class Tape(TorchDispatchMode):
    """Operations in their order, and what they changed as it was before."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, tuple[Any, ...], Mapping[str, Any], list[Tensor]]] = []
        self.before: dict[int, tuple[Tensor, Tensor]] = {}
        self.played = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.__name__.partition(".")[0] in HOST:
            raise RuntimeError(f"operation not permitted when stream is capturing: {func}")
        for argument, value in zip(func._schema.arguments, args, strict=False):
            if argument.alias_info is not None and argument.alias_info.is_write:
                for tensor in tensors(value):
                    self.before.setdefault(tensor.data_ptr(), (tensor, tensor.clone()))
        outputs = func(*args, **(kwargs or {}))
        self.operations.append((func, args, kwargs or {}, tensors(outputs)))
        return outputs

    @torch.no_grad()
    def undo(self) -> None:
        for tensor, value in self.before.values():
            tensor.copy_(value)

    @torch.no_grad()
    def play(self) -> None:
        self.played += 1
        for func, args, kwargs, outputs in self.operations:
            for new, old in zip(tensors(func(*args, **kwargs)), outputs, strict=True):
                if new.data_ptr() != old.data_ptr():
                    old.copy_(new)


def tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


@pytest.fixture
def tapes(monkeypatch: pytest.MonkeyPatch) -> list[Tape]:
    """Graphs are allowed here; the captures that were made, each of which does nothing yet."""
    made: list[Tape] = []

    def capture(call: Replay, device: torch.device) -> Replay:
        with torch.random.fork_rng(), Tape() as tape:
            loss = call()
        tape.undo()
        made.append(tape)

        def replay() -> Tensor:
            tape.play()
            return loss

        return replay

    monkeypatch.setattr(cuda_graph, "DEVICES", ("cpu",))
    monkeypatch.setattr(cuda_graph, "captured", capture)
    return made


def assert_used(tapes: list[Tape], count: int = 1) -> None:
    """Replayed after the two replays that prove a graph."""
    assert len(tapes) == count
    assert all(tape.played > 2 for tape in tapes)


def new_member(made: mn.Design | None = None, losses: Losses | None = None, **training: object) -> Member:
    """Nine steps, the last of an epoch on fewer rows; rates fall."""
    asked = {"epochs": 2, "batch_size": 48, "learning_rate": 0.01, "schedule": "linear", "weight_decay": 0.1}
    made = made or design()
    options = Training.model_validate({**asked, "precision": "float64", **training})
    return Member(mn.compose(made, DATA.schema), losses or made.losses, options, FitData.of(DATA))


def plainly(*arguments: Any, **options: Any) -> Member:
    """A member whose steps are plain."""
    member = new_member(*arguments, **options)
    train_plainly(member)
    return member


def train_plainly(member: Member) -> None:
    fit = Fit(member)
    fit.stepper = PlainStepper(member)
    fit.advance()


def assert_same(member: Member, other: Member) -> None:
    for name, weight in other.network.weights().items():
        assert_close(member.network.weights()[name], weight, rtol=1e-6, atol=1e-7, msg=name)
    assert member.checks[-1].score == pytest.approx(other.checks[-1].score, abs=1e-9)


@pytest.mark.parametrize("name", PRESETS)
def test_a_graph_trains_every_preset_as_plain_steps_do(name: str, tapes: list[Tape]) -> None:
    member = new_member(PRESETS[name])
    advance(member)
    assert_used(tapes)
    assert_same(member, plainly(PRESETS[name]))


@pytest.mark.parametrize(
    "losses",
    [
        Losses(weighting="uncertainty", weights={"price": 0.3}),
        Losses(weighting="dwa", positive_weights={"click": 3.0}),
        Losses(weighting="gls"),
        Losses(decay={"click": 0.9}),
    ],
)
def test_a_graph_weighs_losses_as_plain_steps_do(losses: Losses, tapes: list[Tape]) -> None:
    member = new_member(None, losses)
    advance(member)
    assert_used(tapes)
    assert_same(member, plainly(None, losses))


OPTIONS = {"weight_decay": 0.5, "schedule": "cosine"}


def test_a_graph_takes_the_options_of_the_optimizer_as_plain_steps_do(tapes: list[Tape]) -> None:
    scaled = design(inputs={"scale": True, "embedding": 3})
    member = new_member(scaled, **OPTIONS)
    advance(member)
    assert_used(tapes)
    assert_same(member, plainly(scaled, **OPTIONS))


def test_a_graph_trains_a_group_as_plain_steps_do(tapes: list[Tape]) -> None:
    members = ({"seed": 0}, {"seed": 1, "weight_decay": 0.5}, {"seed": 2, "learning_rate": 0.002}, OPTIONS)
    together = [new_member(**options) for options in members]
    Fit(*together).advance()
    assert_used(tapes)
    for member, options in zip(together, members, strict=True):
        assert_same(member, plainly(**options))


def test_a_saved_fit_goes_on_by_a_graph(tapes: list[Tape]) -> None:
    begun, later = new_member(), new_member()
    advance(begun, 0.5)
    restored(later, begun.checkpoint().to_bytes())
    advance(later)
    assert_used(tapes, 2)
    assert_same(later, plainly())


@pytest.mark.parametrize(
    ("losses", "training"),
    [
        (Losses(weighting="famo"), {}),
        (Losses(weighting="gradnorm"), {}),
        (Losses(weighting="rlw"), {}),
        (Losses(aggregation="pcgrad"), {}),
        (None, {"meta": {"scope": "all"}}),
    ],
)
def test_a_step_that_needs_the_host_is_never_captured(
    losses: Losses | None, training: dict[str, object], tapes: list[Tape]
) -> None:
    advance(new_member(None, losses, **training))
    assert not tapes


def test_a_refused_capture_is_said_and_training_goes_on(
    tapes: list[Tape], monkeypatch: pytest.MonkeyPatch, log_lines: list[str]
) -> None:
    def refuse(call: Replay, device: torch.device) -> Replay:
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    monkeypatch.setattr(cuda_graph, "captured", refuse)
    member = new_member()
    advance(member)
    assert_same(member, plainly())
    assert log_lines == [
        "training goes on without a CUDA graph, more slowly: operation not permitted when stream is capturing"
    ]


def test_a_graph_that_moves_no_weights_is_not_used(
    tapes: list[Tape], monkeypatch: pytest.MonkeyPatch, log_lines: list[str]
) -> None:
    monkeypatch.setattr(cuda_graph, "captured", lambda call, device: lambda: torch.tensor(0.7))
    member = new_member()
    advance(member)
    assert_same(member, plainly())
    assert "its losses and changes are" in log_lines[0]


def test_a_graph_that_gives_the_losses_and_moves_nothing_is_not_used(
    tapes: list[Tape], monkeypatch: pytest.MonkeyPatch, log_lines: list[str]
) -> None:
    """As an empty one does while rates are next to nothing."""

    def capture(call: Replay, device: torch.device) -> Replay:
        with Tape() as tape:
            loss = call().clone()
        tape.undo()
        return lambda: loss

    monkeypatch.setattr(cuda_graph, "captured", capture)
    member = new_member(learning_rate=1e-9)
    advance(member)
    assert_same(member, plainly(learning_rate=1e-9))
    assert "its losses and changes are" in log_lines[0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_graph_of_this_gpu_trains_as_plain_steps_do(monkeypatch: pytest.MonkeyPatch) -> None:
    captures: list[Replay] = []
    capture = cuda_graph.captured
    monkeypatch.setattr(cuda_graph, "captured", lambda *call: captures.append(capture(*call)) or captures[-1])
    graph = mn.compose(design(), DATA.schema)
    asked = Training(epochs=2, batch_size=48, schedule="linear", precision="float64")
    members = []
    for plain in (False, True):
        member = Member(graph, design().losses, asked, FitData.of(DATA), FitOptions(device="cuda"))
        fit = Fit(member)
        assert isinstance(fit.stepper, GraphStepper)
        train_plainly(member) if plain else fit.advance()
        assert not fit.stepper.graph.refused
        members.append(member)
    assert len(captures) == 1
    assert_same(*members)
