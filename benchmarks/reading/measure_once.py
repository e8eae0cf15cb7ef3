"""Read a table once and print seconds, processor seconds and peak memory; ``benchmarks.reading`` starts it.

    PYTHONPATH=CHECKOUT python benchmarks/reading/measure_once.py load|encode TABLE

The package is that of PYTHONPATH, so that one file measures two versions.
"""

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import mtl_nas as mn

TASKS = {"click": {"kind": "binary"}, "buy": {"kind": "binary"}, "amount": {"kind": "regression"}}
INTERVAL = 0.02  # seconds between two readings of the memory


def main() -> None:
    action, table = sys.argv[1:]
    peak = Peak()
    before = peak.anonymous_bytes()
    with tempfile.TemporaryDirectory(dir=Path(table).parent) as folder:
        start, processor_start = time.perf_counter(), time.process_time()
        if action == "load":
            data = mn.load_dataset(table, TASKS)
        else:
            encode = mn.encode_table if "encode_table" in mn.__all__ else mn.encode
            data = encode(table, Path(folder) / "encoded", TASKS)
        read = repr(data)
        seconds, processor_seconds = time.perf_counter() - start, time.process_time() - processor_start
    print(
        json.dumps(
            {
                "seconds": round(seconds, 2),
                "processor_seconds": round(processor_seconds, 2),
                "peak_gib": round((peak.stop() - before) / 2**30, 3),
                "read": read,
            }
        )
    )


class Peak(threading.Thread):
    """The largest anonymous memory of this process, which it cannot give back."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._largest, self._stopped = 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self._largest = max(self._largest, self.anonymous_bytes())

    def stop(self) -> int:
        self._stopped.set()
        self.join()
        return self._largest

    @staticmethod
    def anonymous_bytes() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


if __name__ == "__main__":
    main()
