"""Training of one architecture: a ``Fit`` moves ``Member``s, each a network with its batches, optimizer and checks."""

from mtl_nas.training.balancing.shared_parameters import Reaching
from mtl_nas.training.batches import ResidentBatches
from mtl_nas.training.checkpoint import Checkpoint, CheckpointError
from mtl_nas.training.checks import Check, DivergedError, Outcome
from mtl_nas.training.fit import Fit
from mtl_nas.training.fit_data import FitData, FitOptions
from mtl_nas.training.losses import BatchTargets, task_losses
from mtl_nas.training.member import WEIGHT_DTYPES, Member
from mtl_nas.training.negative_sampling import kept_rows
from mtl_nas.training.precision import faster_precision, settled
from mtl_nas.training.stacked_stepper import stackable

__all__ = [
    "WEIGHT_DTYPES",
    "BatchTargets",
    "Check",
    "Checkpoint",
    "CheckpointError",
    "DivergedError",
    "Fit",
    "FitData",
    "FitOptions",
    "Member",
    "Outcome",
    "Reaching",
    "ResidentBatches",
    "faster_precision",
    "kept_rows",
    "settled",
    "stackable",
    "task_losses",
]
