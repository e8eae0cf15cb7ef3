"""Training of a new task's network: shared weights frozen, fine-tuned, or moved by an inner loop; or from scratch."""

import math
from typing import Literal, get_args

import torch

from mtl_nas.adaptation.freezing import freeze
from mtl_nas.adaptation.graph_transfer import GraphTransfer, transferred_weights
from mtl_nas.adaptation.new_task import NewTask
from mtl_nas.design import Losses, Meta, Training
from mtl_nas.model import Network
from mtl_nas.model.row_prediction import predict_rows
from mtl_nas.scoring import mean_score, score_tasks
from mtl_nas.training import Fit
from mtl_nas.training.batches import Resident
from mtl_nas.values import Value

Mode = Literal["frozen", "finetuned", "inner"]
MODES: tuple[Mode, ...] = get_args(Mode)
INNER = Meta(inner_rate=0.01, steps=8)


class TransferTraining(Value):
    """Which weights move, and how.

    ``inner`` mode takes gradient steps over all rows from the old weights, as the inner loop of MAML does
    (Finn et al., 2017), by the rate, steps and scope of ``inner``; ``training`` then serves the network from scratch.
    """

    mode: Mode = "finetuned"
    training: Training = Training()
    inner: Meta = INNER

    def with_seed(self, seed: int) -> "TransferTraining":
        return self.model_copy(update={"training": self.training.model_copy(update={"seed": seed})})


def train_from_scratch(transfer: GraphTransfer, data: NewTask, training: Training) -> Network:
    """Train the graph of the new task from random weights."""
    fit = _fit(transfer, data, training)
    fit.advance()
    return fit.best_network()


def train_transferred(old: Network, transfer: GraphTransfer, data: NewTask, how: TransferTraining) -> Network:
    """Train the graph of the new task from the weights of the old network."""
    # frozen members and inner steps need gradients of whole tables, not of the rows of a batch
    fit = _fit(transfer, data, how.training, row_wise=how.mode == "finetuned")
    network = fit.network
    network.set_weights(transferred_weights(transfer, old.architecture, old.weights(), network.weights()))
    if how.mode == "inner":
        return _inner_steps(fit, data, how.inner)
    if how.mode == "frozen":
        freeze(network, transfer.shared, fit.stepper.optimizer)
    fit.advance()
    return fit.best_network()


def _fit(transfer: GraphTransfer, data: NewTask, training: Training, *, row_wise: bool = True) -> Fit:
    rows = data.train, data.tuning
    return Fit(transfer.architecture, Losses(), training, data.schema, *rows, row_wise=row_wise)


def _inner_steps(fit: Fit, data: NewTask, inner: Meta) -> Network:
    """Take plain gradient steps over all rows and keep the step that scores best on the tuning rows."""
    network, scope = fit.network, set(fit.network.parameters_of(inner.scope))
    parameters = [parameter for name, parameter in network.named_parameters() if name in scope]
    assert isinstance(fit.feed, Resident)  # the rows of a new task are few, and in memory
    inputs, targets = fit.feed.features, fit.feed.targets
    best_score, best_state = -math.inf, network.state_dict()
    for step in range(inner.steps + 1):
        predictions = predict_rows(network, data.tuning, data.schema)
        score = mean_score(score_tasks(predictions, data.tuning, data.schema), data.schema)
        if score > best_score:
            best_score = score
            best_state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if step < inner.steps:
            gradients = torch.autograd.grad(fit.objective(network(inputs), targets), parameters)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(gradient, alpha=inner.inner_rate)
    network.load_state_dict(best_state)
    return network
