"""What the machine has: the device, its two ceilings, versions, libraries, tools."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
from typing import Any

import numpy as np

from minigrad import cuda
from minigrad.device import DeviceError, cupy, put
from minigrad.fused.cuda.blas import Blas

from ..timing import median_of
from . import Context

PACKAGES = (
    *("minigrad-gan", "numpy", "cupy-cuda12x", "cupy-cuda13x", "torch", "triton", "jax", "jaxlib", "pytest"),
    *("jax-cuda12-plugin", "jax-cuda13-plugin", "nvidia-cublas", "nvidia-cuda-nvrtc", "nvidia-cuda-runtime"),
)
TOOLS = ("nvidia-smi", "nvcc", "compute-sanitizer", "ncu", "g++")
QUERY = (
    "name,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.mem,power.limit,temperature.gpu,utilization.gpu"
)

COPIED = 2**31  # bytes: far more than any cache
SIDE = 8192  # of the square product


def measure(context: Context) -> dict[str, Any]:
    """Without a device "missing" says why nothing can be measured."""
    data: dict[str, Any] = {"device": None, "versions": versions(), "tools": {t: bool(shutil.which(t)) for t in TOOLS}}
    if context.rehearsal:
        return data | {"device": "stand-in"}
    context.keep(data)
    try:
        library = cupy()
        if not cuda.is_available():
            return data | {"missing": "there is no CUDA device here"}
    except DeviceError as error:
        return data | {"missing": str(error)}
    runtime = library.cuda.runtime
    properties = runtime.getDeviceProperties(0)
    data |= {
        "device": properties["name"].decode(),
        "compute_capability": f"{properties['major']}.{properties['minor']}",
        "multiprocessors": properties["multiProcessorCount"],
        "memory_gib": round(properties["totalGlobalMem"] / 2**30, 1),
        "l2_mib": round(properties["l2CacheSize"] / 2**20, 1),
        "driver": runtime.driverGetVersion(),
        "runtime": runtime.runtimeGetVersion(),
        "nvidia-smi": smi(),
    }
    context.keep(data)
    return data | {"ceilings": ceilings()} | {"nvidia-smi, busy": smi()}


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def smi() -> dict[str, str]:
    """What the driver's tool says now; {} without it."""
    if not shutil.which("nvidia-smi"):
        return {}
    told = subprocess.run(
        ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader"], capture_output=True, text=True
    )
    values = told.stdout.strip().splitlines()[:1]
    return dict(zip(QUERY.split(","), values[0].split(", "), strict=False)) if values else {}


def ceilings() -> dict[str, float]:
    """Bytes a second, read and written, of a large copy; operations a second of a large product, by precision."""
    library = cupy()
    stream = library.cuda.Stream(non_blocking=True)
    x = np.random.default_rng(0).standard_normal((SIDE, SIDE), dtype=np.float32)
    a, b, out = put(x, "cuda"), put(x[::-1].copy(), "cuda"), put(x, "cuda")
    source, target = put(np.ones(COPIED // 4, np.float32), "cuda"), library.empty(COPIED // 4, np.float32)
    library.cuda.Device().synchronize()  # the other stream does not wait for what was asked here
    found = {}
    for precision, name in (("highest", "float32"), ("high", "tf32")):
        blas = Blas(stream, precision)
        found[name] = 2 * SIDE**3 / median_of(lambda: blas.gemm(a, b, out), stream, 5)  # noqa: B023
    found["bytes"] = 2 * COPIED / median_of(lambda: library.copyto(target, source), stream, 5)
    return found
