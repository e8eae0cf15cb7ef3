"""A process that forks after a prediction: its children predict too, and the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILES = Path(__file__).parents[1] / "fixtures" / "0.1.0"
LATE = 120  # seconds after which a child counts as waiting for ever; it takes a second
SERVER = f"""
import os, signal, sys
import pandas as pd
import torch
import mtl_nas as mn

torch.set_num_threads(4)
model, frame = mn.load_model({str(FILES / "model")!r}), pd.concat([pd.read_csv({str(FILES / "visits.csv")!r})] * 40)
expected = model.predict(frame)
workers = []
for _ in range(2):
    worker = os.fork()
    if worker == 0:
        signal.alarm({LATE})
        os._exit(0 if (model.predict(frame) - expected).abs().to_numpy().max() < 1e-6 else 3)
    workers.append(worker)
print([os.waitpid(worker, 0)[1] for worker in workers])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_children_of_a_process_that_has_predicted_predict_the_same() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", SERVER], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[0, 0]", done.stderr
