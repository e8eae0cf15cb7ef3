"""Search our space without our search: Ray Tune's OptunaSearch, a new actor per trial, every trial trained to the end.

    python -m benchmarks.speed.ray_optuna --trials 20

Prints a line of JSON per trial: seconds and core seconds since the start, and the mean score on the tuning rows.
``python -m benchmarks.speed.search`` runs it.
"""

import argparse
import json
import os
import tempfile
import time
import warnings
from dataclasses import dataclass
from typing import Any

import mtl_nas as mn
from benchmarks.speed.clock import ProcessWatch
from mtl_nas.design import Proposal


def train_trial(config: dict[str, Any], data: mn.Dataset) -> None:
    """Train a proposal in a worker; an empty proposal, which does not suit the data, scores 0."""
    import torch
    from ray import tune

    torch.set_num_threads(1)
    if not config["proposal"]:
        tune.report({"score": 0.0})
        return
    proposal = Proposal.model_validate_json(config["proposal"])
    tune.report({"score": mn.evaluate(proposal.design, data, proposal.training, split="tuning").score})


@dataclass(frozen=True)
class ProposalOfTrial:
    """Maps an Optuna trial to a proposal of the space; an empty one where the decisions do not suit the data."""

    space: mn.SearchSpace

    def __call__(self, trial: Any) -> dict[str, Any]:
        """Return the configuration of a trial."""
        from mtl_nas.study.samplers.optuna_study import HoleNames, OptunaDecider

        try:
            return {"proposal": self.space.draw(OptunaDecider(trial, HoleNames(self.space)))[0].model_dump_json()}
        except mn.MtlNasError:
            return {"proposal": ""}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="census-income", help="a built-in data set")
    parser.add_argument("--space", default="everything", help="a built-in search space")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data = mn.load_dataset(options.data)
    start, processes = time.perf_counter(), ProcessWatch()
    processes.start()
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    import ray
    from ray import tune
    from ray.tune.search.optuna import OptunaSearch

    warnings.simplefilter("ignore")
    space = mn.load_space(options.space).for_schema(data.schema)

    class PrintTrial(tune.Callback):
        def __reduce__(self) -> tuple[Any, ...]:
            """Leave the thread out: Ray pickles its callbacks for a restore, which this command never does."""
            return tune.Callback, ()

        def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
            line = {"seconds": time.perf_counter() - start, "core_seconds": processes.core_seconds}
            print(json.dumps({**line, "scores": [trial.last_result["score"]]}), flush=True)

    ray.init(
        address="local", num_cpus=options.workers, include_dashboard=False, log_to_driver=False, logging_level="error"
    )
    searcher = OptunaSearch(ProposalOfTrial(space), metric="score", mode="max", seed=options.seed)
    with tempfile.TemporaryDirectory() as storage:
        tune.Tuner(
            tune.with_resources(tune.with_parameters(train_trial, data=data.for_search()), {"cpu": 1}),
            tune_config=tune.TuneConfig(search_alg=searcher, num_samples=options.trials, reuse_actors=False),
            run_config=tune.RunConfig(storage_path=storage, verbose=0, callbacks=[PrintTrial()]),
        ).fit()


if __name__ == "__main__":
    main()
