"""A training step as one CUDA graph: hundreds of small kernels in one launch.

On a GPU, kernel launches and not arithmetic limit a step of a small network. After some plain steps, a step is captured
on static copies of a batch; later batches are copied there and the graph is replayed. A graph ignores whatever changes
on the host. It is used only if two replays give the losses of two plain steps and change all tensors by as much.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

DEVICES = ("cuda",)  # types of devices that support CUDA graphs
WARM_UP = 3  # plain steps of one shape before its capture, as torch asks for
TOLERANCE = 1e-3  # relative difference of losses and changes, above which a graph is not used
LOG = logging.getLogger(__name__)

Batch = Mapping[str, Tensor]
Step = Callable[[Batch], Tensor]  # updates the weights, and returns the loss
State = Callable[[], Sequence[Tensor]]  # returns every tensor that a step changes; call it after the first step
Replay = Callable[[], Tensor]


def captured(call: Replay, device: torch.device) -> Replay:
    """Capture the kernels of a call, and return a function that replays them; a RuntimeError if a kernel cannot be."""
    graph = torch.cuda.CUDAGraph()
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    # torch.cuda.stream restores the current stream, which torch.cuda.graph does not do after a failed capture
    with torch.cuda.device(device), torch.cuda.stream(stream), torch.cuda.graph(graph, stream=stream):
        loss = call()

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay


class GraphedStep:
    """A step that is replayed for batches of one frequent shape, and called plainly for others.

    Every call passes the same step and state; neither is stored, so that no reference cycle keeps their owner alive.
    """

    def __init__(self) -> None:
        self._seen: Counter[tuple[torch.Size, ...]] = Counter()
        self._static: dict[str, Tensor] = {}
        self._replay: Replay | None = None
        self.refused = False

    def __call__(self, batch: Batch, step: Step, state: State) -> Tensor:
        """Train on a batch; the next call may overwrite the returned loss."""
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
            first = problem.__context__ or problem  # the end of a failed capture raises an error of its own
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
    """Return the losses of two steps and the sum of the absolute changes they make, and undo the steps."""
    tensors = list(state())
    before = [tensor.detach().clone() for tensor in tensors]
    devices = [tensor.device for tensor in tensors[:1] if tensor.is_cuda]
    with torch.random.fork_rng(devices=devices):
        losses, change = [float(step()) for _ in range(2)], 0.0
    with torch.no_grad():
        for tensor, value in zip(tensors, before, strict=True):
            change += float((tensor - value).abs().nansum())  # the state of a task that was absent so far may be NaN
            tensor.copy_(value)
    return [*losses, change]
