"""A training step as one CUDA graph: hundreds of small kernels in one launch.

On a GPU a step of a small network waits for the host to launch its kernels, not for their arithmetic. Here a step is
captured after some plain ones, on copies of a batch that stay where they are, and from then on it is replayed on what
is copied there. A graph repeats what it was shown, whatever has changed on the host: it is used only after two replays
gave the losses of two plain steps, and moved what a step changes as far.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

GRAPHED = ("cuda",)  # devices
WARM_UP = 3  # plain steps of one shape before its capture, as torch asks for
CLOSE = 1e-3  # relative difference of losses and moves, above which a graph is not used
LOG = logging.getLogger(__name__)

Batch = Mapping[str, Tensor]
Step = Callable[[Batch], Tensor]  # moves the weights, and gives the loss
State = Callable[[], Sequence[Tensor]]  # every tensor that a step changes, once it was called
Replay = Callable[[], Tensor]


def captured(call: Replay, device: torch.device) -> Replay:
    """What the call does to a GPU, without the host; a RuntimeError where it needs the host."""
    graph = torch.cuda.CUDAGraph()
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # of torch
    # the outer stream: where a capture fails, torch leaves its own in place
    with torch.cuda.device(device), torch.cuda.stream(stream), torch.cuda.graph(graph, stream=stream):
        loss = call()

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay


class Graphed:
    """The step of batches of the shape that comes often; those of other shapes are trained on plainly.

    It is one step, with the same state, in every call, and keeps neither: whoever owns it is freed with its last use.
    """

    def __init__(self) -> None:
        self._seen: Counter[tuple[torch.Size, ...]] = Counter()
        self._static: dict[str, Tensor] = {}
        self._replay: Replay | None = None
        self.refused = False

    def __call__(self, batch: Batch, step: Step, state: State) -> Tensor:
        """Train on the batch; the loss that it gives holds until the next call."""
        shapes = tuple(value.shape for value in batch.values())
        if self._replay is None and not self.refused and self._seen[shapes] == WARM_UP:
            self._begin(batch, step, state)
        if self._replay is not None and shapes == tuple(value.shape for value in self._static.values()):
            for name, value in batch.items():
                self._static[name].copy_(value)
            return self._replay()
        self._seen[shapes] += 1
        return step(batch)

    def _begin(self, batch: Batch, step: Step, state: State) -> None:
        self._static = {name: value.clone() for name, value in batch.items()}
        try:
            replay = captured(lambda: step(self._static), next(iter(batch.values())).device)
        except RuntimeError as problem:
            first = problem.__context__ or problem  # ending a capture that failed fails too
            self._refuse(str(first).splitlines()[0])
            return
        shown, plain = _tried(replay, state), _tried(lambda: step(self._static), state)
        if all(math.isclose(one, other, rel_tol=CLOSE) for one, other in zip(shown, plain, strict=True)):
            self._replay = replay
        else:
            self._refuse(f"its losses and moves are {shown}, those of plain steps {plain}")

    def _refuse(self, reason: str) -> None:
        self.refused = True
        LOG.warning(f"training goes on without a CUDA graph, more slowly: {reason}")


def _tried(step: Replay, state: State) -> list[float]:
    """The losses of two steps, and how far they move what they change; both are undone."""
    tensors = list(state())
    before = [tensor.detach().clone() for tensor in tensors]
    devices = [tensor.device for tensor in tensors[:1] if tensor.is_cuda]
    with torch.random.fork_rng(devices=devices):
        losses, moved = [float(step()) for _ in range(2)], 0.0
    with torch.no_grad():
        for tensor, value in zip(tensors, before, strict=True):
            moved += float((tensor - value).abs().nansum())  # what no batch has shown yet may stand at nan
            tensor.copy_(value)
    return [*losses, moved]
