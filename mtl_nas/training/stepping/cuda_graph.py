"""A training step as one CUDA graph: hundreds of small kernels in one launch.

On a GPU a step of a small network waits for the host to launch its kernels, not for their arithmetic. Here a step is
captured after some plain steps, on copies of a batch that stay where they are, and from then on the graph is replayed
on what is copied there. A graph repeats what it was shown, whatever has changed on the host: it is used only after two
replays gave the losses of two plain steps, and changed the tensors of a step as much.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

DEVICES = ("cuda",)  # types of devices that have graphs
WARM_UP = 3  # plain steps of one shape before its capture, as torch asks for
TOLERANCE = 1e-3  # relative difference of losses and changes, above which a graph is not used
LOG = logging.getLogger(__name__)

Batch = Mapping[str, Tensor]
Step = Callable[[Batch], Tensor]  # moves the weights, and returns the loss
State = Callable[[], Sequence[Tensor]]  # returns every tensor that a step changes, once it was called
Replay = Callable[[], Tensor]


def captured(call: Replay, device: torch.device) -> Replay:
    """Return what a call does to a GPU, without the host; a RuntimeError if it needs the host."""
    graph = torch.cuda.CUDAGraph()
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    # the outer stream: where a capture fails, torch leaves its own in place
    with torch.cuda.device(device), torch.cuda.stream(stream), torch.cuda.graph(graph, stream=stream):
        loss = call()

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay


class GraphedStep:
    """A step, replayed for batches of the shape that comes often; batches of other shapes are trained on plainly.

    Every call passes the same step and state; neither is kept, so that their owner is freed with its last use.
    """

    def __init__(self) -> None:
        self._seen: Counter[tuple[torch.Size, ...]] = Counter()
        self._static: dict[str, Tensor] = {}
        self._replay: Replay | None = None
        self.refused = False

    def __call__(self, batch: Batch, step: Step, state: State) -> Tensor:
        """Train on a batch; the returned loss holds until the next call."""
        shapes = tuple(value.shape for value in batch.values())
        if self._replay is None and not self.refused and self._seen[shapes] == WARM_UP:
            self._capture(batch, step, state)
        if self._replay is not None and shapes == tuple(value.shape for value in self._static.values()):
            for name, value in batch.items():
                self._static[name].copy_(value)
            return self._replay()
        self._seen[shapes] += 1
        return step(batch)

    def _capture(self, batch: Batch, step: Step, state: State) -> None:
        self._static = {name: value.clone() for name, value in batch.items()}
        try:
            replay = captured(lambda: step(self._static), next(iter(batch.values())).device)
        except RuntimeError as problem:
            first = problem.__context__ or problem  # ending a capture that failed fails too
            self._refuse(str(first).splitlines()[0])
            return
        replayed, plain = _trial(replay, state), _trial(lambda: step(self._static), state)
        if all(math.isclose(value, other, rel_tol=TOLERANCE) for value, other in zip(replayed, plain, strict=True)):
            self._replay = replay
        else:
            self._refuse(f"its losses and changes are {replayed}, those of plain steps {plain}")

    def _refuse(self, reason: str) -> None:
        self.refused = True
        LOG.warning(f"training goes on without a CUDA graph, more slowly: {reason}")


def _trial(step: Replay, state: State) -> list[float]:
    """Return the losses of two steps, and the sum of all changes that they make; both are undone."""
    tensors = list(state())
    before = [tensor.detach().clone() for tensor in tensors]
    devices = [tensor.device for tensor in tensors[:1] if tensor.is_cuda]
    with torch.random.fork_rng(devices=devices):
        losses, change = [float(step()) for _ in range(2)], 0.0
    with torch.no_grad():
        for tensor, value in zip(tensors, before, strict=True):
            change += float((tensor - value).abs().nansum())  # state of a task that no batch has shown yet may be NaN
            tensor.copy_(value)
    return [*losses, change]
