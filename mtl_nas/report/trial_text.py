"""A trial in words: its design and training, and how its graph differs from that of the best."""

import yaml

from mtl_nas.architecture import differences
from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.record import Trial
from mtl_nas.study import Run

MOST_DIFFERENCES = 40  # lines of difference between two graphs


def trial_text(run: Run, data: Dataset, trial: Trial) -> str:
    """The lines about a trial that a reader picks."""
    tree = trial.proposal.model_dump(mode="json", exclude_defaults=True)
    graphs = [compose(each.proposal.design, data.schema) for each in (run.best(), trial)]
    lines = differences(*graphs)
    more = [f"... and {len(lines) - MOST_DIFFERENCES} more"] if len(lines) > MOST_DIFFERENCES else []
    head = f"{trial.name}, {trial.parameters:,} parameters, {trial.macs:,} multiply-adds per row"
    design = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100)
    against = f"Against {run.best().name} (- only there, + only here, ~ both):"
    return "\n".join([head, "", design, against, *(f"  {line}" for line in (*lines[:MOST_DIFFERENCES], *more))])
