"""Rows a second of deepctr-torch: ``model.fit`` as a user calls it, and its model alone."""

import contextlib
import io
from types import ModuleType
from unittest import mock

import torch

from benchmarks.speed.rechub import epochs
from benchmarks.speed.sizes import Measured, Sizes, drawn


def rate(sizes: Sizes, measured: Measured) -> list[float]:
    """Rows a second of each epoch of ``fit`` after the first, without metrics."""
    library()
    from deepctr_torch.callbacks import Callback

    rates: list[float] = []
    clock = measured.clock

    class Clock(Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.start = clock()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            if epoch == 0:
                self.begun = clock()
                return
            rates.append(sizes.rows / (clock() - self.start))
            self.model.stop_training = clock() - self.begun >= measured.seconds

    torch.set_num_threads(measured.threads)
    network = model(sizes, measured.device)
    network.compile("adam", loss=["binary_crossentropy"] * sizes.tasks, metrics=[])
    ids, labels = drawn(sizes)
    columns = {name: ids[:, place].copy() for place, name in enumerate(sizes.fields_named)}
    with contextlib.redirect_stdout(io.StringIO()):
        network.fit(columns, labels, batch_size=measured.batch, epochs=1_000, verbose=0, callbacks=[Clock()])
    return rates


def step_rate(sizes: Sizes, measured: Measured) -> list[float]:
    """Rows a second of forward, backward and Adam's step alone, on tensors that are there; no weight penalties."""
    torch.set_num_threads(measured.threads)
    network = model(sizes, measured.device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    ids, labels = (torch.from_numpy(array).to(measured.device) for array in drawn(sizes))
    ids = ids.float()  # as fit gives them

    def step(batch: torch.Tensor) -> None:
        found = labels[batch]
        chances = network(ids[batch])
        optimizer.zero_grad()
        pairs = zip(chances.unbind(1), found.unbind(1), strict=True)
        loss = sum(torch.nn.functional.binary_cross_entropy(*pair) for pair in pairs)
        loss.backward()
        optimizer.step()

    return epochs(step, sizes, measured)


def model(sizes: Sizes, device: str) -> torch.nn.Module:
    """MMoE or PLE in these sizes, gates without hidden layers; PLE has as many shared as specific experts."""
    from deepctr_torch.inputs import SparseFeat

    fields = [
        SparseFeat(name, vocabulary_size=sizes.levels + 1, embedding_dim=sizes.embedding) for name in sizes.fields_named
    ]
    options = {
        "expert_dnn_hidden_units": sizes.hidden,
        "gate_dnn_hidden_units": (),
        "tower_dnn_hidden_units": sizes.tower,
        "task_types": ["binary"] * sizes.tasks,
        "task_names": list(sizes.tasks_named),
        "device": device,
    }
    if sizes.model == "mmoe":
        return library().MMOE(fields, num_experts=sizes.experts, **options)
    experts = {"shared_expert_num": sizes.shared, "specific_expert_num": sizes.specific}
    return library().PLE(fields, num_levels=sizes.depth, **experts, **options)


def library() -> ModuleType:
    """Its models; the import asks PyPI for a newer version in a thread, which is not started."""
    with mock.patch("threading.Thread.start"):
        from deepctr_torch import models

    return models
