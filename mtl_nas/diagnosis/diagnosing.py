"""A trained network and some rows -> a Diagnosis."""

import numpy as np
import torch
from torch import Tensor

from mtl_nas.data import Rows, Schema
from mtl_nas.design import Losses
from mtl_nas.diagnosis.gate_usage import mixtures
from mtl_nas.diagnosis.gradients import agreements
from mtl_nas.diagnosis.units import ReluZeros, activity
from mtl_nas.diagnosis.usage import narrowed, unused, users
from mtl_nas.model import Activations, Network, input_tensors
from mtl_nas.record.diagnosis import Activity, Diagnosis, Mixture

ROWS = 2_000


def diagnose(network: Network, rows: Rows, schema: Schema, *, losses: Losses) -> Diagnosis:
    """What became of the sharing, on at most 2000 rows that lie evenly among those given.

    The network is seen as it predicts, without dropout and with running moments, and is left as it was. Gradients are
    those of ``losses`` before any weighting, which changes no direction: rows and positive rows count by their weights,
    negatives are thinned out as in training. The calibrator, which belongs to no task, is left out.
    """
    sample = rows.take(np.unique(np.linspace(0, len(rows) - 1, min(ROWS, len(rows))).astype(np.int64)))
    device = next(network.parameters()).device
    inputs = input_tensors(sample, schema, network.architecture, device=device)
    training = network.training
    network.eval()
    try:
        mixed, units = _seen(network, inputs)
        gradients = agreements(network, inputs, sample, schema, losses=losses)
    finally:
        network.train(training)
    used = users(network.architecture, mixed)
    return Diagnosis(
        rows=len(sample),
        mixtures=mixed,
        unused=unused(network.architecture, mixed, used),
        narrowed=narrowed(network.architecture, mixed, used),
        activity=units,
        gradients=gradients,
    )


@torch.no_grad()
def _seen(network: Network, inputs: dict[str, Tensor]) -> tuple[tuple[Mixture, ...], tuple[Activity, ...]]:
    """One pass: what mixes at its inputs, hidden units as they are computed."""
    activations = Activations(inputs)
    mixed: list[Mixture] = []
    units: list[Activity] = []
    for module in network.stages:
        mixed += mixtures(module, activations, network.architecture)
        with ReluZeros() as found:
            activations.add(module.stage, module(activations))
        units += activity(module.stage, found.zeros)
    order = {node.name: place for place, node in enumerate(network.architecture.nodes)}
    mixed.sort(key=lambda one: order[one.node])
    units.sort(key=lambda one: order[one.node])
    return tuple(mixed), tuple(units)
