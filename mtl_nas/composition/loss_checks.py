"""Check that the options of losses fit a schema."""

from mtl_nas.data import Schema
from mtl_nas.design import Losses
from mtl_nas.errors import DesignError
from mtl_nas.values import nearest

RELATIVE = ("dwa", "gls", "gradnorm", "famo")  # weightings that take ratios or logarithms of losses


def refuse_unsuitable_losses(losses: Losses, schema: Schema) -> None:
    """Raise a DesignError if an option names an unknown task, or cannot work with a task's loss."""
    for option in ("weights", "decay", "positive_weights"):
        for name in getattr(losses, option):
            if name not in schema.task_names:
                hint = nearest(name, schema.task_names)
                raise DesignError(f"losses.{option} names task '{name}', which the data does not have{hint}")
    for name in losses.positive_weights:
        if not schema.task(name).rules.is_event:
            kind = schema.task(name).kind
            raise DesignError(f"losses.positive_weights is for binary tasks, got task '{name}', which is {kind}")
    for task in schema.tasks:
        if losses.weighting in RELATIVE and task.loss in task.rules.signed_losses:
            raise DesignError(
                f"losses.weighting: {losses.weighting} needs losses above zero, and {task.loss} of task '{task.name}' "
                "may fall below; say static, uncertainty or rlw"
            )
    if losses.calibrator and not schema.has_funnel:
        raise DesignError(
            f"losses.calibrator is {losses.calibrator:g}, but no task is declared after another; "
            "declare one with after:, or say calibrator: 0"
        )
