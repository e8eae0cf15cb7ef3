"""Training states in the files of a run, which begin with the name of their training."""

from hashlib import blake2b

from mtl_nas.study.jobs import Job
from mtl_nas.training import CheckpointError

OWNER_BYTES = 16  # of a training state, which name the training that it is of


def owner(job: Job) -> bytes:
    """The first bytes of a training state, which name the training that it is of."""
    text = f"{job.seed} {job.proposal.model_dump_json()}"
    return blake2b(text.encode(), digest_size=OWNER_BYTES).digest()


def of_this_training(job: Job, saved: bytes) -> bytes:
    """A training state without its first bytes, or a CheckpointError if it is of another training."""
    if saved[:OWNER_BYTES] != owner(job):
        raise CheckpointError("the state of a training is another one's, or was damaged")
    return saved[OWNER_BYTES:]
