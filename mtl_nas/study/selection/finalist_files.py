"""The stored networks of a run, their predictions and scores, read from the files of its folder."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as save_arrays

from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.diagnosis import Diagnosis, diagnose
from mtl_nas.errors import RunError
from mtl_nas.evaluation import Predictions, model_of, predict_held_out
from mtl_nas.exports import Model, read_weights
from mtl_nas.files import whole_folder, write_whole
from mtl_nas.model import Network, build
from mtl_nas.record import NetworkName, RunFolder, Trial, layout
from mtl_nas.scoring import Scores, SeedScore, held_out_scores, mean_over_folds, seed_score
from mtl_nas.training import WEIGHT_DTYPES

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinalistFiles:
    """Reads the networks of a run folder, given the data set of the run."""

    folder: RunFolder
    data: Dataset

    def networks(self, name: NetworkName, trial: Trial) -> list[Network]:
        """A stored network of a trial; with folds, its network of each fold."""
        folds = len(self.data.folds)
        return [self._network(name, trial, fold) for fold in (range(folds) if folds > 1 else [None])]

    def _network(self, name: NetworkName, trial: Trial, fold: int | None) -> Network:
        path = self.folder.path / layout.weights_file(name, fold)
        if not path.exists():
            raise RunError(
                f"'{path}' is gone: delete the line of its training from {layout.RECORD} and resume to train it again"
            )
        architecture = compose(trial.proposal.design, self.data.schema)
        network = build(architecture, dtype=WEIGHT_DTYPES[trial.proposal.training.precision])
        network.set_weights(read_weights(path))
        return network

    def model(self, name: NetworkName, trial: Trial) -> Model:
        """The model of a stored network; with folds, the mean of those of all folds."""
        return model_of(self.networks(name, trial), self.data.schema)

    def write(self, model: Model, path: Path, *, about: str) -> None:
        """Write a model to a folder, which is replaced whole or not at all."""
        with whole_folder(path) as part:
            model.save(part, about=about)

    def about(self, trial: Trial) -> str:
        """A sentence on the origin of a trial's model."""
        return f"{trial.name} of the search in `{self.folder.path.name}`, trained on {self.data.name}."

    def choosing_predictions(self, name: NetworkName, trial: Trial) -> Predictions:
        """The predictions of a network for the choosing rows, made again if their file is gone or damaged."""
        file = layout.choosing_predictions_file(name)
        try:
            predictions = read_predictions(self.folder, file)
            rows = len(self.data.rows("choosing"))
            if all(len(values) == rows and np.isfinite(values).all() for values in predictions.values()):
                return predictions
            why = f"'{self.folder.path / file}' is damaged"
        except RunError as problem:
            why = str(problem).partition(";")[0]
        LOG.warning(f"{why}; the network of {trial.name} predicts the rows again")
        again = predict_held_out(self.networks(name, trial), self.data, "choosing")
        arrays = {head: np.ascontiguousarray(values) for head, values in again.items()}
        write_whole(self.folder.path / file, save_arrays(arrays))
        return read_predictions(self.folder, file)

    def choosing_score(
        self,
        predictions: Predictions,
        *,
        rows: NDArray[np.bool_] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> SeedScore | None:
        """The score of predictions for the choosing rows, or for some of them, with the influence of each row."""
        labels, schema = self.data.rows("choosing").labels.astype(np.float64), self.data.schema
        folds = [fold if rows is None else fold[rows[fold]] for fold in self.data.held_out("choosing")]
        return mean_over_folds(
            [
                seed_score(
                    {head: values[fold] for head, values in predictions.items()},
                    labels[fold],
                    schema,
                    weights=weights,
                )
                for fold in folds
            ]
        )

    def test(self, name: NetworkName, trial: Trial) -> Scores:
        """Score a network on the test rows, and write its predictions."""
        predictions = predict_held_out(self.networks(name, trial), self.data, "test")
        arrays = {head: np.ascontiguousarray(values, dtype=np.float32) for head, values in predictions.items()}
        write_whole(self.folder.path / layout.test_predictions_file(name), save_arrays(arrays))
        return held_out_scores(predictions, self.data, "test")

    def diagnose(self, name: NetworkName, trial: Trial) -> Diagnosis:
        """Diagnose a network on the tuning rows, and write the diagnosis; with folds, that of the first."""
        network, losses = self.networks(name, trial)[0], trial.proposal.design.losses
        diagnosis = diagnose(network, self.data.folds[0].rows("tuning"), self.data.schema, losses=losses)
        path = self.folder.path / layout.diagnosis_file(trial.number)
        write_whole(path, diagnosis.model_dump_json(indent=1).encode())
        return diagnosis


def read_predictions(folder: RunFolder, name: str) -> Predictions:
    """The predictions in a file of a run folder, by head; a RunError if the file is gone or damaged."""
    path = folder.path / name
    try:
        arrays = load_file(path)
        if not arrays:
            raise ValueError("it is empty")
    except (SafetensorError, OSError, ValueError) as problem:
        raise RunError(
            f"'{path}' cannot be read: {str(problem).splitlines()[0]:.200}; take it from a copy of the run, or delete "
            f"the line of this training and all below it from {layout.RECORD} and resume to train it again"
        ) from None
    return {head: values.astype(np.float64) for head, values in arrays.items()}
