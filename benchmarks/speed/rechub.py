"""Rows a second of torch-rechub: its trainer with its data loader, and its model alone.

Its hidden layers have batch normalisation, and no option leaves it out.
"""

import contextlib
import io
from typing import Any

import torch

from benchmarks.speed.sizes import Measured, Sizes, drawn


def rate(sizes: Sizes, measured: Measured) -> list[float]:
    """Rows a second of each epoch after the first, as ``MTLTrainer`` trains from ``DataGenerator``'s loader."""
    from torch_rechub.trainers import MTLTrainer
    from torch_rechub.utils.data import DataGenerator

    torch.set_num_threads(measured.threads)
    torch.manual_seed(0)
    ids, labels = drawn(sizes)
    columns = {name: ids[:, place].copy() for place, name in enumerate(sizes.fields_named)}
    loader, _, _ = DataGenerator(columns, labels).generate_dataloader(
        x_val=columns, y_val=labels, x_test=columns, y_test=labels, batch_size=measured.batch
    )
    trainer = MTLTrainer(
        model(sizes), ["classification"] * sizes.tasks, optimizer_params={"lr": 1e-3}, device=measured.device
    )
    rates: list[float] = []
    clock = measured.clock
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        trainer.train_one_epoch(loader)  # warms up
        begun = clock()
        while not rates or clock() - begun < measured.seconds:
            start = clock()
            trainer.train_one_epoch(loader)
            rates.append(sizes.rows / (clock() - start))
    return rates


def step_rate(sizes: Sizes, measured: Measured) -> list[float]:
    """Rows a second of forward, backward and Adam's step alone, on tensors that are there."""
    torch.set_num_threads(measured.threads)
    torch.manual_seed(0)
    network = model(sizes).to(measured.device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    ids, labels = (torch.from_numpy(array).to(measured.device) for array in drawn(sizes))
    ids = ids.long()

    def step(batch: torch.Tensor) -> None:
        found = labels[batch]
        chances = network(dict(zip(sizes.fields_named, ids[batch].unbind(1), strict=True)))
        network.zero_grad()
        pairs = zip(chances.unbind(1), found.unbind(1), strict=True)
        loss = sum(torch.nn.functional.binary_cross_entropy(*pair) for pair in pairs)
        loss.backward()
        optimizer.step()

    return epochs(step, sizes, measured)


def epochs(step: Any, sizes: Sizes, measured: Measured) -> list[float]:
    """Rows a second of each epoch of that step after the first."""
    rates: list[float] = []
    clock, begun = measured.clock, None
    while not rates or clock() - begun < measured.seconds:
        start = clock()
        for batch in torch.randperm(sizes.rows).to(measured.device).split(measured.batch):
            step(batch)
        if measured.device != "cpu":
            torch.cuda.synchronize()
        if begun is None:  # the first warms up
            begun = clock()
        else:
            rates.append(sizes.rows / (clock() - start))
    return rates


def model(sizes: Sizes) -> torch.nn.Module:
    """MMoE or PLE in these sizes."""
    from torch_rechub.basic.features import SparseFeature
    from torch_rechub.models.multi_task import MMOE, PLE

    fields = [
        SparseFeature(name, vocab_size=sizes.levels + 1, embed_dim=sizes.embedding) for name in sizes.fields_named
    ]
    kinds, towers = ["classification"] * sizes.tasks, [{"dims": list(sizes.tower)}] * sizes.tasks
    expert = {"dims": list(sizes.hidden)}
    if sizes.model == "mmoe":
        return MMOE(fields, kinds, sizes.experts, expert, towers)
    return PLE(fields, kinds, sizes.depth, sizes.specific, sizes.shared, expert, towers)
