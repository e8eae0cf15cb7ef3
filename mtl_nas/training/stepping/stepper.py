"""Steps of the optimizer on batches; on a GPU by a graph, where a step allows it."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mtl_nas.design import Training
from mtl_nas.training.losses import Targets
from mtl_nas.training.stepping import cuda_graph
from mtl_nas.training.stepping.adamw import BETAS, EPSILON
from mtl_nas.training.stepping.cuda_graph import Batch, Graphed
from mtl_nas.training.stepping.gradients import Descent

OWN = ("lr", "capturable")  # of this device, whatever the device was that moments were saved on


class Stepper:
    """AdamW (Loshchilov and Hutter, 2019) on all weights of a descent but large tables, which move by themselves."""

    def __init__(self, descent: Descent, training: Training, device: torch.device) -> None:
        self._descent, large = descent, descent.large
        own = [weight for weight in descent.network.parameters() if not (large and large.owns(weight))]
        self._graphs = device.type in cuda_graph.GRAPHED and descent.repeats
        # a graph knows numbers of the host as they were when it was captured, so its rate is a tensor
        rate: Any = torch.tensor(training.learning_rate, device=device) if self._graphs else training.learning_rate
        self.optimizer = torch.optim.AdamW(
            [*own, *descent.objective.parameters()],
            lr=rate,
            betas=BETAS,
            eps=EPSILON,
            weight_decay=training.weight_decay,
            fused=True,
            capturable=self._graphs,
        )
        self.moments_replaced()

    def __call__(self, features: Mapping[str, Tensor], found: Targets, rate: float) -> Tensor:
        """Move the weights by a batch at a learning rate; the loss before, which holds until the next call."""
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        batch = {**features, **found.tensors()}
        return self._move(batch) if self.graph is None else self.graph(batch, self._move, self._changing)

    def moments_replaced(self) -> None:
        """The optimizer's moments are other tensors now: a graph of the old ones is void."""
        self.graph = Graphed() if self._graphs else None

    def load(self, state: dict[str, Any]) -> None:
        """Moments as ``optimizer.state_dict`` gave them."""
        own = [{name: group[name] for name in OWN} for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state)
        for group, options in zip(self.optimizer.param_groups, own, strict=True):
            group.update(options)
        self.moments_replaced()

    def _move(self, batch: Batch) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._descent.fill(batch, Targets.among(batch))
        self.optimizer.step()
        return loss

    def _changing(self) -> list[Tensor]:
        modules = (self._descent.network, self._descent.objective)
        moments = [tensor for state in self.optimizer.state.values() for tensor in state.values()]
        return [*(tensor for module in modules for tensor in module.state_dict().values()), *moments]
