"""What the times were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from .peers import PEERS
from .worker import environment

ROOT = Path(__file__).parents[1]


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe() -> dict[str, Any]:
    """Processor, cores, memory, system, Python and BLAS."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "cpu": processor(),
        "cores": cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),  # of the minute before: others that compute make the times worthless
        "blas": f"{blas.get('name')} {blas.get('version')}",
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def bandwidth(threads: int, megabytes: int = 128, rounds: int = 8) -> float:
    """Bytes a second of ``a += b`` over arrays larger than any cache: the best of a few rounds."""
    n = megabytes * 2**20 // 4
    a, b = np.ones(n, np.float32), np.ones(n, np.float32)
    parts = list(zip(np.array_split(a, threads), np.array_split(b, threads), strict=True))
    best = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            start = time.perf_counter()
            list(pool.map(lambda ab: np.add(*ab, out=ab[0]), parts))
            best = min(best, time.perf_counter() - start)
    return 3 * a.nbytes / best


def import_seconds(library: str, threads: int, repeats: int = 3) -> float:
    """``python -c "import library"``, less Python's own start; the median."""

    def seconds(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(threads), check=True)
        return time.perf_counter() - start

    both = [(seconds(f"import {library}"), seconds("pass")) for _ in range(repeats)]
    return float(np.median([a - b for a, b in both]))


def peers(names: list[str]) -> dict[str, dict[str, str]]:
    """Label and version of each, or why it is missing."""
    told = {}
    for name in names:
        peer = PEERS[name]
        missing = peer.missing()
        told[name] = {"label": peer.label, "library": peer.library}
        told[name] |= {"missing": missing} if missing else {"version": peer.version()}
    return told
