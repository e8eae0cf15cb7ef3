"""Training of a new task's network: with shared weights frozen, fine-tuned or adapted by MAML, or from scratch."""

import math
from typing import Literal, get_args

import torch

from mtl_nas.adaptation.freezing import freeze
from mtl_nas.adaptation.graph_transfer import GraphTransfer, transferred_weights
from mtl_nas.adaptation.new_task import NewTask
from mtl_nas.design import Losses, Meta, Training
from mtl_nas.model import Network, predict_rows
from mtl_nas.scoring import mean_score, score_tasks
from mtl_nas.training import DivergedError, Fit, FitData, FitOptions, Member, ResidentBatches, settled
from mtl_nas.values import Value

Mode = Literal["frozen", "finetuned", "inner"]
MODES: tuple[Mode, ...] = get_args(Mode)
INNER = Meta(inner_rate=0.01, steps=8)


class TransferTraining(Value):
    """Which weights are trained, and how.

    Mode ``inner`` takes gradient steps over all rows from the old weights, as the inner loop of MAML does
    (Finn et al., 2017), with the rate, steps and scope of ``inner``; ``training`` then applies to the network from
    scratch only.
    """

    mode: Mode = "finetuned"
    training: Training = Training()
    inner: Meta = INNER

    def settled(self, transfer: GraphTransfer, data: NewTask) -> "TransferTraining":
        """Replace ``precision: auto`` by the faster precision on this machine."""
        training = settled(self.training, transfer.architecture, Losses(), _fit_data(data))
        return self.model_copy(update={"training": training})

    def with_seed(self, seed: int) -> "TransferTraining":
        return self.model_copy(update={"training": self.training.model_copy(update={"seed": seed})})


def train_from_scratch(transfer: GraphTransfer, data: NewTask, training: Training) -> Network:
    """Train the graph of the new task from random weights."""
    return _trained(_member(transfer, data, training))


def train_transferred(old: Network, transfer: GraphTransfer, data: NewTask, how: TransferTraining) -> Network:
    """Train the graph of the new task from the weights of the old network."""
    # frozen members and inner steps need gradients of whole tables, not of the rows of a batch
    member = _member(transfer, data, how.training, sparse_updates=how.mode == "finetuned")
    network = member.network
    network.set_weights(transferred_weights(transfer, old.architecture, old.weights(), network.weights()))
    if how.mode == "inner":
        return _inner_steps(member, data, how.inner)
    if how.mode == "frozen":
        freeze(network, transfer.shared, member.optimizer)
    return _trained(member)


def _fit_data(data: NewTask) -> FitData:
    return FitData(data.schema, data.train, data.tuning)


def _member(transfer: GraphTransfer, data: NewTask, training: Training, *, sparse_updates: bool = True) -> Member:
    options = FitOptions(sparse_updates=sparse_updates)
    return Member(transfer.architecture, Losses(), training, _fit_data(data), options)


def _trained(member: Member) -> Network:
    (outcome,) = Fit(member).advance()
    if isinstance(outcome, DivergedError):
        raise outcome
    return member.best_network()


def _inner_steps(member: Member, data: NewTask, inner: Meta) -> Network:
    """Take plain gradient steps over all rows, and keep the weights that score best on the tuning rows."""
    network, scope = member.network, set(member.network.parameters_of(inner.scope))
    parameters = [parameter for name, parameter in network.named_parameters() if name in scope]
    assert isinstance(member.batches, ResidentBatches)  # the rows of a new task are few, and in memory
    inputs, targets = member.batches.inputs, member.batches.targets
    best_score, best_state = -math.inf, network.state_dict()
    for step in range(inner.steps + 1):
        predictions = predict_rows(network, data.tuning, data.schema)
        score = mean_score(score_tasks(predictions, data.tuning, data.schema), data.schema)
        if score > best_score:
            best_score = score
            best_state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if step < inner.steps:
            loss = member.objective(network(inputs), targets)
            gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)  # a table may have no row
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(gradient, alpha=inner.inner_rate)
    network.load_state_dict(best_state)
    return network
