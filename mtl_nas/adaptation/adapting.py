"""Training the new task: shared parts frozen, fine-tuned, or moved by an inner loop; from scratch beside it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch

from mtl_nas.adaptation.freezing import freeze
from mtl_nas.adaptation.graph_transfer import Growth, carried, growth
from mtl_nas.adaptation.new_task import Newcomer, newcomer
from mtl_nas.data import read_table
from mtl_nas.data.declaration import Split
from mtl_nas.design import Losses, Meta, Training
from mtl_nas.errors import DesignError
from mtl_nas.evaluation import judge
from mtl_nas.exports import LoadedModel, load_model, write_model
from mtl_nas.model import Network
from mtl_nas.scoring import Interval, SeedScore, mean_score, paired_interval, seed_score
from mtl_nas.training import Fit
from mtl_nas.training.batches import Resident
from mtl_nas.values import nearest

Mode = Literal["frozen", "finetuned", "inner"]
MODES: tuple[Mode, ...] = ("frozen", "finetuned", "inner")
INNER = Meta(inner_rate=0.01, steps=8)


@dataclass(frozen=True)
class Adaptation:
    """A model of the new task, and how it compares with one trained from scratch on the same rows.

    Scores are the task's main metric on the test rows, one a seed; ``gain`` is the paired difference of their means
    with its 95 % interval.
    """

    task: str
    like: str
    mode: Mode
    rows: int  # trained on
    metric: str
    adapted: tuple[float | None, ...]
    scratch: tuple[float | None, ...]
    gain: Interval
    model: LoadedModel = field(repr=False, compare=False)


def adapt(
    model: LoadedModel | str | Path,
    table: pd.DataFrame | str | Path,
    task: str,
    *,
    mode: Mode = "finetuned",
    like: str | None = None,
    kind: str | None = None,
    split: Split | None = None,
    training: Training | None = None,
    inner: Meta = INNER,
    seeds: int = 3,
    to: str | Path | None = None,
) -> Adaptation:
    """Teach an exported model a task, or a group ``click@Z``, from a table with its columns and the new labels.

    mode: ``frozen`` trains the new task's own parts alone; ``finetuned`` all; ``inner`` takes gradient steps over all
    support rows from the model's weights, as the inner loop of MAML does (Finn et al., 2017). ``like``: the old task
    whose place in the graph the new one takes, the first of its kind unless it is named.
    """
    found = model if isinstance(model, LoadedModel) else load_model(model)
    if mode not in MODES:
        raise DesignError(f"no mode '{mode}'; modes: {', '.join(MODES)}{nearest(mode, MODES)}")
    if task in found.schema.task_names:
        raise DesignError(f"the model knows the task '{task}' already; give the new one another name")
    frame = table if isinstance(table, pd.DataFrame) else read_table(str(table))
    data = newcomer(frame, found.schema, task, kind, split or Split())
    like = _like(found, data, like)
    plan = growth(found.architecture, like, data.schema.tasks[0])
    training = training or Training()
    adapted, scratch = [], []
    for seed in range(seeds):
        chosen = training.model_copy(update={"seed": seed})
        adapted.append(_adapted(found, plan, data, chosen, mode, inner))
        fit = _fit(plan, data, chosen)
        fit.advance()
        scratch.append(fit.best_network())
    result = LoadedModel(adapted[0], data.schema)
    if to is not None:
        write_model(Path(to), result.network, data.schema, about=f"'{task}', adapted from '{like}' ({mode}).")
    ours, theirs = ([_score(network, data) for network in networks] for networks in (adapted, scratch))
    return Adaptation(
        task=task,
        like=like,
        mode=mode,
        rows=len(data.train),
        metric=data.schema.tasks[0].main_metric,
        adapted=tuple(score for score, _ in ours),
        scratch=tuple(score for score, _ in theirs),
        gain=paired_interval(*(_known(parts) for parts in (ours, theirs))),
        model=result,
    )


def _like(model: LoadedModel, data: Newcomer, like: str | None) -> str:
    tasks = [task for task in model.schema.tasks if task.name in model.architecture.tasks]
    if like is not None:
        model.schema.task(like)
        return like
    new = data.schema.tasks[0]
    alike = [task.name for task in tasks if (task.kind, task.outputs) == (new.kind, new.outputs)]
    return (alike or [task.name for task in tasks])[0]


def _fit(plan: Growth, data: Newcomer, training: Training, *, row_wise: bool = True) -> Fit:
    rows = data.train, data.tuning
    return Fit(plan.architecture, Losses(), training, data.schema, *rows, row_wise=row_wise)


def _adapted(model: LoadedModel, plan: Growth, data: Newcomer, training: Training, mode: Mode, inner: Meta) -> Network:
    # frozen members and inner steps are those of whole tables
    fit = _fit(plan, data, training, row_wise=mode == "finetuned")
    old, network = model.network, fit.network
    network.set_weights(carried(plan, old.architecture, old.weights(), network.weights()))
    if mode == "inner":
        return _stepped(fit, data, inner)
    if mode == "frozen":
        freeze(network, plan.shared, fit.stepper.optimizer)
    fit.advance()
    return fit.best_network()


def _stepped(fit: Fit, data: Newcomer, inner: Meta) -> Network:
    """Plain gradient steps over all support rows; the step that is best on the tuning rows is kept."""
    network, scope = fit.network, set(fit.network.parameters_of(inner.scope))
    parameters = [parameter for name, parameter in network.named_parameters() if name in scope]
    assert isinstance(fit.feed, Resident)  # a newcomer's rows are few, and in memory
    inputs, found = fit.feed.features, fit.feed.targets
    best, kept = -math.inf, network.state_dict()
    for step in range(inner.steps + 1):
        score = mean_score(judge(network, data.tuning, data.schema)[1], data.schema)
        if score > best:
            best, kept = score, {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if step < inner.steps:
            gradients = torch.autograd.grad(fit.objective(network(inputs), found), parameters)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(gradient, alpha=inner.inner_rate)
    network.load_state_dict(kept)
    return network


def _score(network: Network, data: Newcomer) -> tuple[float | None, SeedScore | None]:
    predictions, scores = judge(network, data.test, data.schema)
    task = data.schema.tasks[0]
    labels = data.test.labels.astype(np.float64)
    return scores[task.name][task.main_metric], seed_score(predictions, labels, data.schema)


def _known(parts: Sequence[tuple[float | None, SeedScore | None]]) -> list[SeedScore]:
    return [found for _, found in parts if found is not None]
