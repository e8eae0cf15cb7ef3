"""Load test of ``mtl-search serve``: rows a second, latency and processor time of one worker.

    python -m benchmarks.serving              # a PLE on synthetic-funnel; needs the extra [serve]

Closed loop: each client, a thread of this process, sends its next request when it has the answer, over one connection
that stays open. Processor time is that of the server's process, which other work on the machine does not lengthen.
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil
import pyarrow as pa
from pyarrow import ipc

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.result_files import RESULTS, save

FORMS = {"json": "application/json", "arrow": "application/vnd.apache.arrow.stream"}
CASES = [(form, rows, clients) for form in FORMS for rows in (1, 32, 1024) for clients in (1, 8)]


def body(data: mn.Dataset, form: str, rows: int) -> bytes:
    frame = data.frame("test").head(rows).drop(columns=list(data.schema.task_names))
    if form == "json":
        return json.dumps({"rows": json.loads(frame.to_json(orient="records"))}).encode()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def client(port: int, content: bytes, kind: str, seconds: float, latencies: list[float]) -> None:
    """Ask until the time is up, and add the latency of each answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        connection.request("POST", "/predict", content, {"content-type": kind})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        latencies.append(time.perf_counter() - start)
    connection.close()


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, psutil.Process]]:
    """One worker on a free port, with one thread of torch."""
    command = [sys.executable, "-c", "from mtl_nas.cli import main; main()", "serve", str(folder), "--port", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    match = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
    assert match is not None
    try:
        yield int(match[1]), psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def measured(port: int, process: psutil.Process, content: bytes, case: tuple[str, int, int], seconds: float) -> Any:
    form, rows, clients = case
    latencies: list[float] = []
    arguments = (port, content, FORMS[form], seconds, latencies)
    before, start = sum(process.cpu_times()[:2]), time.perf_counter()
    threads = [threading.Thread(target=client, args=arguments) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed, used = time.perf_counter() - start, sum(process.cpu_times()[:2]) - before
    cuts = quantiles(latencies, n=100) if len(latencies) > 1 else latencies * 99
    return {
        "form": form,
        "rows": rows,
        "clients": clients,
        "requests": len(latencies),
        "rows_per_second": round(len(latencies) * rows / elapsed, 1),
        "p50_ms": round(1e3 * cuts[49], 2),
        "p99_ms": round(1e3 * cuts[98], 2),
        "processor_ms_per_request": round(1e3 * used / len(latencies), 3),
        "rows_per_processor_second": round(len(latencies) * rows / used, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each case")
    parser.add_argument("--to", type=Path, default=RESULTS / "serving.json")
    options = parser.parse_args()
    data = mn.load_dataset("synthetic-funnel")
    network = mn.build(mn.compose(mn.preset("ple", data.schema), data.schema))
    load = psutil.getloadavg()[0]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = mn.Model(network, data.schema).save(Path(folder) / "ple")
        with server(path) as (port, process):
            for case in CASES:
                content = body(data, case[0], case[1])
                measured(port, process, content, (case[0], case[1], 1), 1.0)  # warms up
                rows.append(measured(port, process, content, case, options.seconds))
                print(rows[-1], flush=True)
    parameters = network.architecture.parameters
    columns = len(data.schema.categories) + len(data.schema.numbers)
    about = {
        "model": "ple on synthetic-funnel",
        "parameters": parameters,
        "columns": columns,
        "tasks": len(data.schema.tasks),
    }
    save(options.to, {**about, "load_before": round(load, 1), "cases": rows, "machine": machine("fastapi", "uvicorn")})


if __name__ == "__main__":
    main()
