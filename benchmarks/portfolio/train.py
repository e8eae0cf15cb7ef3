"""Train candidates for the portfolio on the tables of the protocol, each once, on one thread.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.portfolio.train mulan-wq adult
    python -m benchmarks.portfolio.train --predictions /big/folder      # all tables, and what they predict

Writes benchmarks/results/portfolio.json after each training, and trains only what is not there.
"""

import argparse
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.protocol.tables import SMALL_TABLES, TABLES, table
from benchmarks.result_files import RESULTS, load, save
from mtl_nas.data import Schema
from mtl_nas.design import Proposal
from mtl_nas.errors import DesignError
from mtl_nas.evaluation import predict_and_score
from mtl_nas.scoring import mean_score
from mtl_nas.tree_files import read_tree

OUTPUT = RESULTS / "portfolio.json"
CANDIDATES = Path(__file__).with_name("candidates.yaml")


def candidates(schema: Schema) -> dict[str, Proposal]:
    """The proposals of candidates.yaml that a table can have."""
    allowed = {}
    for name, tree in read_tree(CANDIDATES).items():
        proposal = Proposal.model_validate({"training": {}, **tree})
        with suppress(DesignError):
            mn.compose(proposal.design, schema)
            allowed[name] = proposal
    return allowed


def train(data: mn.Dataset, proposal: Proposal, predictions: Path | None) -> dict[str, Any]:
    """Train once; return scores on tuning, choosing and test rows, and what it took."""
    start = time.process_time()
    try:
        result = mn.evaluate(proposal.design, data, proposal.training, split="choosing")
    except mn.MtlNasError as error:
        return {"failed": str(error)}
    seconds = time.process_time() - start
    best = max(result.checks, key=lambda check: check.score)
    predicted, scores = predict_and_score(result.model.network, data.rows("test"), data.schema)
    if predictions is not None:
        predictions.parent.mkdir(parents=True, exist_ok=True)
        arrays = {f"test/{task}": values for task, values in predicted.items()}
        choosing, _ = predict_and_score(result.model.network, data.rows("choosing"), data.schema)
        np.savez(predictions, **arrays, **{f"choosing/{task}": values for task, values in choosing.items()})
    return {
        "tuning": best.score,
        "choosing": result.score,
        "test": mean_score(scores, data.schema),
        "seconds": round(seconds, 2),
        "checks": len(result.checks),
        "best": result.checks.index(best) + 1,
        "parameters": result.parameters,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)}; all if none is named")
    parser.add_argument("--predictions", type=Path, help="a folder for predictions of choosing and test rows")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = load(OUTPUT, {"tables": {}})
    results["machine"] = machine()
    for name in options.tables or [*SMALL_TABLES, *TABLES]:
        data = table(name)
        trained = results["tables"].setdefault(name, {})
        for candidate, proposal in candidates(data.schema).items():
            if candidate not in trained:
                folder = options.predictions
                trained[candidate] = train(data, proposal, folder / name / f"{candidate}.npz" if folder else None)
                save(OUTPUT, results)
                print(name, candidate, trained[candidate], flush=True)


if __name__ == "__main__":
    main()
