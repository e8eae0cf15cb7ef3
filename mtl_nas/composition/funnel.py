"""The first event of a funnel."""

from mtl_nas.data.schema import Schema
from mtl_nas.errors import DesignError


def funnel_root(schema: Schema) -> str:
    """The binary task that all others follow, directly or not; a DesignError where there is none."""
    first = [task.name for task in schema.tasks if task.after is None]
    if len(first) > 1:
        raise DesignError(
            f"losses.negatives needs one first event that all tasks follow, got {', '.join(first)}; "
            "declare the later ones with after:, or say negatives: 1"
        )
    if not schema.task(first[0]).rules.is_event:
        kind = schema.task(first[0]).kind
        raise DesignError(f"losses.negatives needs a binary first event, got '{first[0]}', which is {kind}")
    return first[0]
