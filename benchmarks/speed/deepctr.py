"""Rows per second of deepctr-torch: ``model.fit`` as a user calls it, and its model alone.

Not a command: ``measure_once`` imports it.
"""

import contextlib
import io
from types import ModuleType
from unittest import mock

import torch

from benchmarks.speed.measurement import Settings, Sizes, random_table
from benchmarks.speed.rechub import epoch_rates


def fit_rates(sizes: Sizes, settings: Settings) -> list[float]:
    """Rows per second of each epoch of ``fit`` after the first, without metrics."""
    models()
    from deepctr_torch.callbacks import Callback

    rates: list[float] = []
    clock = settings.clock

    class EpochClock(Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.epoch_start = clock()

        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            if epoch == 0:  # the first epoch warms up
                self.start = clock()
                return
            rates.append(sizes.rows / (clock() - self.epoch_start))
            self.model.stop_training = clock() - self.start >= settings.seconds

    torch.set_num_threads(settings.threads)
    network = model(sizes, settings.device)
    network.compile("adam", loss=["binary_crossentropy"] * sizes.tasks, metrics=[])
    ids, labels = random_table(sizes)
    columns = {name: ids[:, index].copy() for index, name in enumerate(sizes.field_names)}
    with contextlib.redirect_stdout(io.StringIO()):
        network.fit(columns, labels, batch_size=settings.batch, epochs=1_000, verbose=0, callbacks=[EpochClock()])
    return rates


def step_rates(sizes: Sizes, settings: Settings) -> list[float]:
    """Rows per second of forward, backward and Adam's step alone: tensors are in memory, weights have no penalty."""
    torch.set_num_threads(settings.threads)
    network = model(sizes, settings.device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    ids, labels = (torch.from_numpy(array).to(settings.device) for array in random_table(sizes))
    ids = ids.float()  # fit passes ids as floats

    def step(batch: torch.Tensor) -> None:
        probabilities = network(ids[batch])
        optimizer.zero_grad()
        pairs = zip(probabilities.unbind(1), labels[batch].unbind(1), strict=True)
        loss = sum(torch.nn.functional.binary_cross_entropy(*pair) for pair in pairs)
        loss.backward()
        optimizer.step()

    return epoch_rates(step, sizes, settings)


def model(sizes: Sizes, device: str) -> torch.nn.Module:
    """MMoE or PLE of these sizes with linear gates."""
    from deepctr_torch.inputs import SparseFeat

    fields = [
        SparseFeat(name, vocabulary_size=sizes.levels + 1, embedding_dim=sizes.embedding) for name in sizes.field_names
    ]
    options = {
        "expert_dnn_hidden_units": sizes.hidden,
        "gate_dnn_hidden_units": (),
        "tower_dnn_hidden_units": sizes.tower,
        "task_types": ["binary"] * sizes.tasks,
        "task_names": list(sizes.task_names),
        "device": device,
    }
    if sizes.model == "mmoe":
        return models().MMOE(fields, num_experts=sizes.experts, **options)
    experts = {"shared_expert_num": sizes.shared, "specific_expert_num": sizes.specific}
    return models().PLE(fields, num_levels=sizes.depth, **experts, **options)


def models() -> ModuleType:
    """Import the library's models without the thread in which the import asks PyPI for a newer version."""
    with mock.patch("threading.Thread.start"):
        from deepctr_torch import models as deepctr_models

    return deepctr_models
