"""The machine and the versions that a measurement was made with. Not a command: every benchmark saves ``machine()``."""

import os
import platform
from importlib import metadata
from pathlib import Path

import torch

PACKAGES = ("mtl_nas", "torch", "ray", "optuna", "numpy")


def machine(*peers: str) -> dict[str, object]:
    """Return processor with its vector instructions, GPU, cores, memory and versions; of installed peers too."""
    return {
        "processor": f"{_processor()} ({torch.backends.cpu.get_cpu_capability()})",
        **({"gpu": torch.cuda.get_device_name()} if torch.cuda.is_available() else {}),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in PACKAGES},
        **{name: version for name in peers if (version := _version(name)) is not None},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
