"""The first event of a funnel."""

from mtl_nas.data import Schema
from mtl_nas.errors import DesignError


def funnel_root(schema: Schema) -> str:
    """Return the binary task that all others follow, directly or not, or raise a DesignError if there is none."""
    root, *others = [task for task in schema.tasks if task.after is None]
    if others:
        raise DesignError(
            f"losses.negatives needs one first event that all tasks follow, got "
            f"{', '.join(task.name for task in (root, *others))}; "
            "declare the later ones with after:, or say negatives: 1"
        )
    if not root.rules.is_event:
        raise DesignError(f"losses.negatives needs a binary first event, got '{root.name}', which is {root.kind}")
    return root.name
