"""Rows per second of torch-rechub: its trainer with its data loader, and its model alone.

Not a command: ``measure_once`` imports it. The library's hidden layers have batch normalisation, which no option
switches off.
"""

import contextlib
import io
from typing import Any

import torch

from benchmarks.speed.measurement import Settings, Sizes, random_table


def trainer_rates(sizes: Sizes, settings: Settings) -> list[float]:
    """Rows per second of each epoch of ``MTLTrainer`` on ``DataGenerator``'s loader after the first."""
    from torch_rechub.trainers import MTLTrainer
    from torch_rechub.utils.data import DataGenerator

    torch.set_num_threads(settings.threads)
    torch.manual_seed(0)
    ids, labels = random_table(sizes)
    columns = {name: ids[:, index].copy() for index, name in enumerate(sizes.field_names)}
    loader, _, _ = DataGenerator(columns, labels).generate_dataloader(
        x_val=columns, y_val=labels, x_test=columns, y_test=labels, batch_size=settings.batch
    )
    trainer = MTLTrainer(
        model(sizes), ["classification"] * sizes.tasks, optimizer_params={"lr": 1e-3}, device=settings.device
    )
    rates: list[float] = []
    clock = settings.clock
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trainer.train_one_epoch(loader)  # the first epoch warms up
        start = clock()
        while not rates or clock() - start < settings.seconds:
            epoch_start = clock()
            trainer.train_one_epoch(loader)
            rates.append(sizes.rows / (clock() - epoch_start))
    return rates


def step_rates(sizes: Sizes, settings: Settings) -> list[float]:
    """Rows per second of forward, backward and Adam's step alone, on tensors in memory."""
    torch.set_num_threads(settings.threads)
    torch.manual_seed(0)
    network = model(sizes).to(settings.device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    ids, labels = (torch.from_numpy(array).to(settings.device) for array in random_table(sizes))
    ids = ids.long()

    def step(batch: torch.Tensor) -> None:
        probabilities = network(dict(zip(sizes.field_names, ids[batch].unbind(1), strict=True)))
        network.zero_grad()
        pairs = zip(probabilities.unbind(1), labels[batch].unbind(1), strict=True)
        loss = sum(torch.nn.functional.binary_cross_entropy(*pair) for pair in pairs)
        loss.backward()
        optimizer.step()

    return epoch_rates(step, sizes, settings)


def epoch_rates(step: Any, sizes: Sizes, settings: Settings) -> list[float]:
    """Rows per second of each epoch of ``step`` after the first; ``step`` takes the row numbers of a batch."""
    rates: list[float] = []
    clock, start = settings.clock, None
    while not rates or clock() - start < settings.seconds:
        epoch_start = clock()
        for batch in torch.randperm(sizes.rows).to(settings.device).split(settings.batch):
            step(batch)
        if settings.device != "cpu":
            torch.cuda.synchronize()
        if start is None:  # the first epoch warms up
            start = clock()
        else:
            rates.append(sizes.rows / (clock() - epoch_start))
    return rates


def model(sizes: Sizes) -> torch.nn.Module:
    """MMoE or PLE of these sizes."""
    from torch_rechub.basic.features import SparseFeature
    from torch_rechub.models.multi_task import MMOE, PLE

    fields = [SparseFeature(name, vocab_size=sizes.levels + 1, embed_dim=sizes.embedding) for name in sizes.field_names]
    kinds, towers = ["classification"] * sizes.tasks, [{"dims": list(sizes.tower)}] * sizes.tasks
    expert = {"dims": list(sizes.hidden)}
    if sizes.model == "mmoe":
        return MMOE(fields, kinds, sizes.experts, expert, towers)
    return PLE(fields, kinds, sizes.depth, sizes.specific, sizes.shared, expert, towers)
