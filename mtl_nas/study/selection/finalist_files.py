"""The networks, predictions and scores of finalists, read from the files of a run folder."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file
from safetensors.numpy import save as save_arrays

from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.diagnosis import Diagnosis, diagnose
from mtl_nas.errors import RunError
from mtl_nas.evaluation import Predictions, model_of, predict_held_out
from mtl_nas.exports import Model, read_weights
from mtl_nas.files import write_whole
from mtl_nas.model import Network, build
from mtl_nas.record import RunFolder, Trial, layout
from mtl_nas.scoring import Scores, SeedScore, held_out_scores, mean_over_folds, mean_score, seed_score
from mtl_nas.training import WEIGHT_DTYPES


@dataclass(frozen=True)
class FinalistFiles:
    """Reads the finalists of a run folder, given the data set of the run."""

    folder: RunFolder
    data: Dataset

    def networks(self, trial: Trial, seed: int) -> list[Network]:
        """The trained network of a finalist; with folds, its network of each fold."""
        folds = len(self.data.folds)
        return [self._network(trial, seed, fold) for fold in (range(folds) if folds > 1 else [None])]

    def _network(self, trial: Trial, seed: int, fold: int | None) -> Network:
        path = self.folder.path / layout.weights_file(trial.number, seed, fold)
        if not path.exists():
            raise RunError(
                f"'{path}' is gone: delete the line of this finalist from {layout.RECORD} and resume to train it again"
            )
        architecture = compose(trial.proposal.design, self.data.schema)
        network = build(architecture, dtype=WEIGHT_DTYPES[trial.proposal.training.precision])
        network.set_weights(read_weights(path))
        return network

    def model(self, trial: Trial, seed: int | None = None) -> Model:
        """The model of a finalist, of its best seed unless one is given."""
        return model_of(self.networks(trial, trial.best_seed if seed is None else seed), self.data.schema)

    def about(self, trial: Trial) -> str:
        """A sentence on the origin of a finalist's model."""
        return f"{trial.name} of the search in `{self.folder.path.name}`, trained on {self.data.name}."

    def choosing_predictions(self, number: int, seed: int) -> Predictions:
        return read_predictions(self.folder, layout.choosing_predictions_file(number, seed))

    def seed_scores(
        self, trial: Trial, *, tasks: Iterable[str] | None = None, weights: Mapping[str, float] | None = None
    ) -> list[SeedScore]:
        """The scores of a finalist on the choosing rows, one per seed, with the influence of each row."""
        labels, schema = self.data.rows("choosing").labels.astype(np.float64), self.data.schema
        chosen = None if tasks is None else list(tasks)
        folds, scores = self.data.held_out("choosing"), []
        for seed in sorted(trial.finalist):
            predictions = self.choosing_predictions(trial.number, seed)
            score = mean_over_folds(
                [
                    seed_score(
                        {head: values[fold] for head, values in predictions.items()},
                        labels[fold],
                        schema,
                        tasks=chosen,
                        weights=weights,
                    )
                    for fold in folds
                ]
            )
            scores += [] if score is None else [score]
        return scores

    def validation_scores(self, trial: Trial, weights: Mapping[str, float]) -> list[float]:
        """The mean scores of a finalist on all validation rows, one per seed."""
        scores = []
        for seed in trial.finalist:
            predictions = predict_held_out(self.networks(trial, seed), self.data, "validation")
            scores.append(held_out_scores(predictions, self.data, "validation"))
        return [mean_score(of_seed, self.data.schema, weights) for of_seed in scores]

    def test(self, trial: Trial) -> dict[int, Scores]:
        """Score a finalist on the test rows, by seed, and write its predictions."""
        scores: dict[int, Scores] = {}
        for seed in trial.finalist:
            predictions = predict_held_out(self.networks(trial, seed), self.data, "test")
            scores[seed] = held_out_scores(predictions, self.data, "test")
            arrays = {head: np.ascontiguousarray(values, dtype=np.float32) for head, values in predictions.items()}
            write_whole(self.folder.path / layout.test_predictions_file(trial.number, seed), save_arrays(arrays))
        return scores

    def diagnose(self, trial: Trial, seed: int) -> Diagnosis:
        """Diagnose a finalist on the tuning rows, and write the diagnosis; with folds, those of the first."""
        network, losses = self.networks(trial, seed)[0], trial.proposal.design.losses
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
            f"'{path}' cannot be read: {str(problem).splitlines()[0]:.200}; take it from a copy, or delete the line of "
            f"this training and all below it from {layout.RECORD} and resume to train it again"
        ) from None
    return {head: values.astype(np.float64) for head, values in arrays.items()}
