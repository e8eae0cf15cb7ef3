"""``Model``: a trained model that predicts rows, and is saved, exported and adapted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.adaptation import (
    INNER,
    MODES,
    Adaptation,
    Mode,
    TransferTraining,
    adapt_network,
    default_like,
    load_new_task,
)
from mtl_nas.architecture import Architecture
from mtl_nas.data import Schema, Split, encode_rows, is_frame, raw_table, read_table
from mtl_nas.design import Meta, Training
from mtl_nas.errors import DesignError, ExportError
from mtl_nas.exports.ensemble_folder import (
    Member,
    common_heads,
    write_ensemble_folder,
)
from mtl_nas.exports.model_folder import write_model_folder
from mtl_nas.exports.onnx import write_onnx
from mtl_nas.exports.source import write_source
from mtl_nas.exports.torch_export import write_torch_export
from mtl_nas.model import Network, in_label_units, predict_rows
from mtl_nas.values import unknown

Format = Literal["torch", "onnx", "onnx-encoded", "source", "torch-export"]
FORMATS: tuple[Format, ...] = get_args(Format)


class Model:
    """A trained network, or an ensemble whose predictions are averaged, with the schema that encodes rows for it.

    Searches, `evaluate` and `load_model` give a model; the constructor wraps a network that was built by hand.

    Args:
        network: The network, as `build` makes it; or the members of an ensemble, whose shares sum to 1.
        schema: Columns and tasks of the data set that the network was made for, `data.schema`.

    Example:
        >>> import mtl_nas as mn
        >>> data = mn.load_dataset("synthetic-funnel")
        >>> network = mn.build(mn.compose(mn.preset("mmoe", data.schema), data.schema))
        >>> model = mn.Model(network, data.schema)
        >>> list(model.predict(data.frame("test").head(2)))
        ['click', 'application', 'approval', 'activation', 'share']
    """

    def __init__(self, network: Network | Sequence[Member], schema: Schema) -> None:
        members = [Member("model", 1.0, network)] if isinstance(network, Network) else network
        self.members = tuple(member._replace(network=member.network.eval()) for member in members)
        self.schema = schema

    def __repr__(self) -> str:
        networks = [member.network for member in self.members]
        heads = ", ".join(head.name for head in networks[0].architecture.heads)
        parameters = sum(network.architecture.parameters for network in networks)
        average = f"mean of {len(networks)} networks, " if len(networks) > 1 else ""
        return f"Model(predicts {heads}; {average}{parameters:,} parameters)"

    @property
    def network(self) -> Network:
        """The torch module; an ExportError for an ensemble, which has several."""
        if len(self.members) > 1:
            raise ExportError(
                f"an ensemble of {len(self.members)} networks has no single network; "
                "take one: mn.Model(model.members[0].network, model.schema)"
            )
        return self.members[0].network

    @property
    def architecture(self) -> Architecture:
        """The graph of the network, or of all networks; an ExportError for an ensemble of different graphs."""
        first, *others = (member.network.architecture for member in self.members)
        return first if all(other.key == first.key for other in others) else self.network.architecture

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that the model predicts."""
        return self.members[0].network.architecture.tasks

    def predict(self, frame: Any) -> pd.DataFrame:
        """Predict every task for each row.

        Args:
            frame: A frame of pandas, polars or Arrow with the columns that training saw, in any order; further columns
                are ignored. Unseen categories and missing values are allowed.

        Returns:
            One row per row of the frame, under its index; an empty frame gives an empty one with the same columns.
            Column `click` holds probabilities, `buy|click` conditional probabilities, `stars=1` the probability of a
            class; a regression or count task is in the label's unit.

        Raises:
            DataError: A column is missing, or a number is not a number.
        """
        rows = encode_rows(frame, self.schema, labels=False)
        columns, heads = dict[str, NDArray[np.float64]](), common_heads(self.members)
        for member in self.members:
            predictions = in_label_units(predict_rows(member.network, rows, self.schema), self.schema)
            for head, values in predictions.items():
                if head not in heads:
                    continue
                names = [head] if values.ndim == 1 else self.schema.task(head).columns
                parts = [values] if values.ndim == 1 else values.T
                for column, part in zip(names, parts, strict=True):
                    weighted = member.share * part
                    columns[column] = columns[column] + weighted if column in columns else weighted
        return pd.DataFrame(columns, index=frame.index if isinstance(frame, pd.DataFrame) else None)

    def save(self, folder: str | Path, *, about: str = "") -> Path:
        """Write a folder that `load_model` and `mtl-search predict` read.

        Args:
            folder: Where to write; it is made if it does not exist.
            about: A sentence for the README of the folder.

        Returns:
            The folder.

        Raises:
            ExportError: The path is a file.
        """
        path = Path(folder)
        refuse_target(path)
        if len(self.members) > 1:
            write_ensemble_folder(path, self.members, self.schema)
        else:
            write_model_folder(path, self.network, self.schema, about=about)
        return path

    def export(self, folder: str | Path, *, format: Format = "torch", about: str = "") -> Path:
        """Write the folder of `save`, and the model in another format beside it.

        Args:
            folder: Where to write; it is made if it does not exist.
            format: `torch`, the folder alone. `onnx`: `model.onnx` with one input per column of the table, described in
                `inputs.json`. `onnx-encoded`: a `model.onnx` that reads encoded rows, and `preprocessing.json`, which
                says how raw columns become its inputs. Both are compared with `predict` in onnxruntime, to 1e-5, and
                need the extra `mtl_nas[onnx]`. `source`: `model.py`, a readable file that needs torch and numpy alone,
                with `weights.npz` and `columns.json`, compared with `predict` to 1e-6. `torch-export`: `model.pt2`, a
                graph of `torch.export` that reads encoded rows, and `preprocessing.json`.
            about: A sentence for the README of the folder.

        Returns:
            The folder.

        Raises:
            ExportError: The format is unknown, the path is a file, the extra is missing, or the file would predict
                otherwise than the model.
        """
        refuse_target(Path(folder), format)
        if format in ("onnx", "onnx-encoded"):
            write_onnx(Path(folder), self.members, self.schema, raw=format == "onnx")
        elif format == "source":
            write_source(Path(folder), self.members, self.schema)
        elif format == "torch-export":
            write_torch_export(Path(folder), self.members, self.schema)
        return self.save(folder, about=about)

    def adapt(
        self,
        table: Any,
        task: str,
        *,
        mode: Mode = "finetuned",
        like: str | None = None,
        kind: str | None = None,
        split: Split | None = None,
        training: Training | None = None,
        inner: Meta = INNER,
        seeds: int = 3,
    ) -> Adaptation["Model"]:
        """Train a model of a new task or group from few rows, beside one from scratch on the same rows.

        Args:
            table: Rows with the columns that the model reads, and the labels of the new task: a frame, a path, a list
                of paths, or a mapping with a query. Rows without a label are left out.
            task: Label column of the new task; `click@Z` for the group `Z` of the grouped task `click`.
            mode: `finetuned` trains all weights; `frozen` only those of the new task alone; `inner` takes gradient
                steps over all rows, as the inner loop of MAML does (Finn et al., 2017).
            like: The old task whose position in the graph the new task takes. By default the first task of the same
                kind.
            kind: Kind of the new task; inferred from its labels by default.
            split: Which rows train, tune and test. By default a tenth of the rows tests and a tenth tunes.
            training: Epochs, batch size and rates; the defaults of `Training` follow the number of rows.
            inner: Rate, steps and scope of mode `inner`.
            seeds: Number of trainings from the model, and of trainings from scratch.

        Returns:
            The model of the new task with its test scores, the scores from scratch, and the gain with its interval.

        Raises:
            DesignError: The mode or `like` is unknown, the model has a task of that name, or the graph cannot predict a
                task of this kind.
            DataError: A column or the labels are missing or cannot be used.
            ExportError: The model is an ensemble.
        """
        if mode not in MODES:
            raise DesignError(unknown("mode", mode, MODES))
        if like is not None and like not in self.tasks:
            raise DesignError(unknown("task", like, self.tasks))
        rows = raw_table(table) if is_frame(table) else read_table(table)
        data = load_new_task(rows, self.schema, task, kind=kind, split=split or Split())
        like = like or default_like([old for old in self.schema.tasks if old.name in self.tasks], data.task)
        how = TransferTraining(mode=mode, training=training or Training(), inner=inner)
        return adapt_network(self.network, data, like, how, seeds=seeds, wrap=Model)


def refuse_target(folder: Path, format: Format = "torch") -> None:
    """Raise an ExportError if the folder is a file or the format is unknown."""
    if format not in FORMATS:
        raise ExportError(unknown("format", format, FORMATS))
    if folder.is_file():
        raise ExportError(f"'{folder}' is a file; give a folder to write to")
