"""What the machine is, for the record beside every figure."""

from __future__ import annotations

import os
import platform
from typing import Any


def cpu_name() -> str:
    """Model name with family and model number, which tell apart what virtual machines call alike."""
    facts: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                name, _, value = line.partition(":")
                facts.setdefault(name.strip(), value.strip())
    except OSError:
        return platform.processor() or "unknown CPU"
    if "cpu family" not in facts:
        return facts.get("model name") or platform.processor() or "unknown CPU"
    return f"{facts['model name']} (family {facts['cpu family']}, model {facts['model']})"


def machine() -> dict[str, Any]:
    """CPU, instruction set, compiler, Python."""
    from fastnn import __version__, _core

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": cpu_name(), "isa": _core.isa(), "cores": cores, "compiler": _core.build_info()["compiler"],
        "python": platform.python_version(), "fastnn": __version__,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }
