"""The diagnosis of a trained network on some rows."""

import numpy as np
import torch
from torch import Tensor

from mtl_nas.data import Rows, Schema
from mtl_nas.design import Losses
from mtl_nas.diagnosis.gate_usage import mixtures
from mtl_nas.diagnosis.gradients import agreements
from mtl_nas.diagnosis.units import ReluZeros, activity
from mtl_nas.diagnosis.usage import single_task_nodes, tasks_by_node, unused_nodes
from mtl_nas.model import Activations, Network, input_tensors
from mtl_nas.record import Activity, Diagnosis, Mixture

MOST_ROWS = 2_000  # rows that a diagnosis reads at most; they are evenly spaced among all rows


def diagnose(network: Network, rows: Rows, schema: Schema, *, losses: Losses | None = None) -> Diagnosis:
    """Measure how a trained network uses what its tasks share.

    The network is run as it predicts, without dropout and with the running statistics of its norms. It is left
    unchanged.

    Args:
        network: The trained network, for example ``result.model.network``.
        rows: Encoded rows, usually ``data.rows("tuning")``. Of more than 2,000 rows, 2,000 evenly spaced ones are read.
        schema: The schema of the rows, ``data.schema``.
        losses: The losses of the design, whose row weights, positive weights and negative sampling the gradients
            follow. Task weighting is ignored, because it changes no gradient's direction, and so is the calibrator,
            which belongs to no task. None stands for unweighted losses.

    Returns:
        A Diagnosis: the mean weights of gates, stitches and routes, the experts that no task or only one task uses,
        dead hidden units, and the cosines between the tasks' gradients (Yu et al., 2020). ``summary_lines`` of
        ``mtl_nas.diagnosis`` puts it into words.

    Example:
        >>> import mtl_nas as mn
        >>> data = mn.load_dataset("synthetic-mmoe")
        >>> network = mn.build(mn.compose(mn.preset("mmoe", data.schema), data.schema))
        >>> diagnosis = mn.diagnose(network, data.rows("tuning"), data.schema)
        >>> [mixture.node for mixture in diagnosis.mixtures]
        ['level0/gate/y1', 'level0/gate/y2']
    """
    sample = rows.take(np.unique(np.linspace(0, len(rows) - 1, min(MOST_ROWS, len(rows))).astype(np.int64)))
    inputs = input_tensors(sample, schema, network.architecture, device=next(network.parameters()).device)
    training = network.training
    network.eval()
    try:
        mixed, units = _mixtures_and_units(network, inputs)
        gradients = agreements(network, inputs, sample, schema, losses=losses or Losses())
    finally:
        network.train(training)
    tasks = tasks_by_node(network.architecture, mixed)
    return Diagnosis(
        rows=len(sample),
        mixtures=mixed,
        unused=unused_nodes(network.architecture, mixed, tasks),
        narrowed=single_task_nodes(network.architecture, mixed, tasks),
        activity=units,
        gradients=gradients,
    )


@torch.no_grad()
def _mixtures_and_units(
    network: Network, inputs: dict[str, Tensor]
) -> tuple[tuple[Mixture, ...], tuple[Activity, ...]]:
    """Mixtures and unit activities from one forward pass, in the order of the graph's nodes."""
    activations = Activations(inputs)
    mixed: list[Mixture] = []
    units: list[Activity] = []
    for module in network.stages:
        mixed += mixtures(module, activations, network.architecture)
        with ReluZeros() as relus:
            activations.add(module.stage, module(activations))
        units += activity(module.stage, relus.zeros)
    order = {node.name: index for index, node in enumerate(network.architecture.nodes)}
    mixed.sort(key=lambda mixture: order[mixture.node])
    units.sort(key=lambda part: order[part.node])
    return tuple(mixed), tuple(units)
