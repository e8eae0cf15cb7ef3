"""Task kinds: how the labels of a kind are read, scaled, scored and shown.

Every module of this package is imported, so that a kind is registered wherever it is defined. Its link function and
its losses are the torch half, in the module of the same name in ``mtl_nas.model.kinds``.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated

from pydantic import AfterValidator

from mtl_nas.data.tasks.kinds.kind import TaskFields, TaskKind
from mtl_nas.values import nearest

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

KINDS: dict[str, TaskKind] = {kind.name: kind() for kind in TaskKind.registered}  # files hold the name


def _refuse_unknown_kind(name: str) -> str:
    if name not in KINDS:
        raise ValueError(f"no task kind '{name}'{nearest(name, KINDS)}; kinds: {', '.join(KINDS)}")
    return name


def _refuse_unknown_loss(name: str) -> str:
    losses = [loss for kind in KINDS.values() for loss in kind.losses]
    if name not in losses:
        raise ValueError(f"no loss '{name}'{nearest(name, losses)}; losses: {', '.join(losses)}")
    return name


KindName = Annotated[str, AfterValidator(_refuse_unknown_kind)]
LossName = Annotated[str, AfterValidator(_refuse_unknown_loss)]


def refuse_loss_of_another_kind(kind: str, loss: str) -> None:
    """Raise ValueError where the loss belongs to another kind of task."""
    losses = KINDS[kind].losses
    if loss not in losses:
        owner = next(other.name for other in KINDS.values() if loss in other.losses)
        raise ValueError(f"loss {loss} is for {owner} tasks, got kind {kind}; {kind}: {', '.join(losses)}")


__all__ = ["KINDS", "KindName", "LossName", "TaskFields", "TaskKind", "refuse_loss_of_another_kind"]
