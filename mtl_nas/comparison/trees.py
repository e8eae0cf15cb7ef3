"""Boosted trees as a row of a comparison, and what they say of the best network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mtl_nas.comparison.design_result import DesignResult
from mtl_nas.comparison.rows import paired, seed_scores
from mtl_nas.data import Dataset
from mtl_nas.record import layout
from mtl_nas.scoring import Interval
from mtl_nas.trees import BoostedTrees, best_trees, kept_or_trained

BOOSTED_TREES = "boosted_trees"


@dataclass(frozen=True)
class TreesVerdict:
    """Boosted trees against the best network of a comparison.

    Attributes:
        library: The library that trained them, with its version.
        difference: Mean score of the trees minus that of the network, with its 95 % interval.
        tasks: The same task by task, for tasks that have a score.
    """

    library: str
    difference: Interval
    tasks: Mapping[str, Interval]


def trees_of(data: Dataset, run: Path | None) -> BoostedTrees:
    """The trees that are kept in a run folder, or new ones, which are kept there if there is a run."""
    threads = torch.get_num_threads()
    return (
        best_trees(data, threads=threads) if run is None else kept_or_trained(run / layout.TREES, data, threads=threads)
    )


def trees_result(trees: BoostedTrees, seeds: Sequence[int]) -> DesignResult:
    """Trees as one row, which is paired with every seed of the designs beside it."""
    return DesignResult(
        name=BOOSTED_TREES,
        cost=None,
        scores=(trees.scores,),
        predictions=(trees.predictions,) * len(seeds),
        seeds=tuple(seeds),
    )


def trees_verdict(trees: BoostedTrees, result: DesignResult, best: DesignResult, data: Dataset) -> TreesVerdict:
    """Compare trees with the best network, over all tasks and task by task."""

    def against(tasks: Sequence[str]) -> Interval:
        return paired(seed_scores(result, data, tasks), seed_scores(best, data, tasks))

    scored = [task for task in data.schema.task_names if seed_scores(best, data, [task])]
    return TreesVerdict(
        library=f"{trees.library} {trees.version}",
        difference=against(data.schema.task_names),
        tasks={task: against([task]) for task in scored},
    )
