"""The compiled kernels: how they are cached, how many threads they use, what the user is told while they compile."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import njit
from threadpoolctl import threadpool_limits

from . import backward, fields, forward, loss, update
from .blas import gemm_address
from .tiles import FAST

KERNELS = {"forward": forward.forward, "backward": backward.backward, "update": update.update, "loss": loss.loss}


KEPT = 5  # folders of kernels: those of other versions of the sources may still be in use


def fingerprint() -> str:
    """Of all that the compiled code depends on and Numba's own cache does not look at: every source here, versions."""
    sources = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    versions = f"{numba.__version__} {version('llvmlite')} {np.__version__} {sys.version}"
    return hashlib.sha256(sources + versions.encode()).hexdigest()[:16]


@cache
def cache_folder() -> Path | None:
    """Where compiled kernels are kept: NUMBA_CACHE_DIR, else the user's cache; None if neither can be written."""
    chosen = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    root = Path(chosen) if chosen else Path.home() / ".cache"
    folder = root / "minigrad" / fingerprint()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        os.utime(folder)
        for old in sorted(folder.parent.iterdir(), key=lambda f: f.stat().st_mtime)[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return folder
    except OSError as error:
        warnings.warn(
            f"compiled kernels cannot be kept in {folder} ({error}), so every start compiles them again; "
            "set NUMBA_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


@cache
def dispatcher(name: str, parallel: bool) -> Any:
    """A kernel's function, compiled for each dtype at its first call or taken from the cache."""
    folder = cache_folder()
    before = numba.config.CACHE_DIR
    try:
        # Numba's key does not say whether code is parallel: a folder for each kind
        numba.config.CACHE_DIR = str(folder / ("parallel" if parallel else "serial")) if folder else ""
        return njit(parallel=parallel, cache=folder is not None, **FAST)(KERNELS[name])
    finally:
        numba.config.CACHE_DIR = before


def tell(sentence: str) -> None:
    """Tell the user why it takes long."""
    print(f"minigrad: {sentence}", file=sys.stderr, flush=True)


@cache
def kernel(name: str, dtype: str, parallel: bool) -> Callable[..., None]:
    """The kernel for float32 or float64, compiled."""
    if numba.config.DISABLE_JIT:
        raise RuntimeError('NUMBA_DISABLE_JIT forbids to compile fused kernels; unset it, or use_kernels("plain")')
    function = dispatcher(name, parallel)
    zero = np.dtype(dtype).type(0)
    table = np.zeros((0, 32), np.int64)
    numbers = np.zeros((0, 8), dtype)
    entry, work = np.zeros(fields.ENTRY_COLUMNS, np.int64), np.zeros(fields.WORK_COLUMNS, np.int64)
    arguments = {
        "forward": (table, numbers, entry, work, 0, 1, zero),
        "backward": (table, numbers, entry, work, 0, 1, 0, zero, table, numbers, table),
        "update": (table, numbers, table, work, 1, zero),
        "loss": (0, numbers.ravel(), numbers.ravel(), numbers.ravel(), zero, np.zeros(1)),
    }[name]
    folder = cache_folder()
    mark = folder / f"{name}-{dtype}-{'parallel' if parallel else 'serial'}-{cpu()}" if folder else None
    if mark is None or not mark.exists():
        tell(f"compiling the {name} kernel for {dtype}{' (once)' if mark else ''} ...")
    function(*arguments)
    if mark is not None:
        mark.touch()
    return function


@cache
def cpu() -> str:
    """What the code is compiled for, as Numba's cache tells processors apart."""
    name = f"{numba.config.CPU_NAME} {numba.config.CPU_FEATURES}"
    return hashlib.sha256(name.encode()).hexdigest()[:8]


@cache
def gemm_of(dtype: str) -> int:
    """The address of BLAS's matrix product."""
    return gemm_address(dtype)


# ------------------------------------------------------------------------------------------------- threads

MOST_THREADS: int = numba.config.NUMBA_NUM_THREADS

_threads = 0


def get_num_threads() -> int:
    """How many threads large layers use: all that this process may run on and Numba has, unless told otherwise."""
    global _threads
    if not _threads:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        set_num_threads(min(cores, MOST_THREADS))  # NUMBA_NUM_THREADS may be fewer
    return _threads


def set_num_threads(n: int) -> None:
    """Use n threads. They are Numba's; BLAS gets one, because two pools on the same cores wait for each other."""
    global _threads
    if not 1 <= n <= MOST_THREADS:
        raise ValueError(f"threads: 1 to {MOST_THREADS} on this machine, got {n}")
    numba.set_num_threads(n)
    gemm_address("float32")  # loads the BLAS that is to be limited
    threadpool_limits(1, user_api="blas")
    _threads = n
