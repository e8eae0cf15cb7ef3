"""Conditions for training several members in one step, on weights with a further leading axis."""

from mtl_nas.architecture import Architecture
from mtl_nas.design import Losses, Training

MOST_MEMBERS = 8  # members of a stack; more take much memory and save little time
SPARSE_UPDATE_ROWS = 500_000  # rows of a table from which a dense step takes longer than one on the rows of a batch


def one_backward_pass(losses: Losses, training: Training) -> bool:
    """Return whether the losses of members may be summed for one backward pass."""
    plain = losses.aggregation == "none" and losses.weighting in ("static", "uncertainty") and not losses.decay
    return plain and training.meta is None


def has_stackable_blocks(architecture: Architecture) -> bool:
    """Return whether every block works on stacked weights: none is recurrent, updated sparsely, or adds a penalty."""
    blocks = [node.block for node in architecture.nodes]
    return all(block.stackable and block.table_rows < SPARSE_UPDATE_ROWS for block in blocks)
