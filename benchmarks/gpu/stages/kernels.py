"""Every kernel at the sizes of a step: its numbers against float64, its time, the bytes that it moves a second."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.device import cupy, put

from ..kernel_table import KERNELS, Arrays, Work
from ..peers.minigrad_steps import setup
from ..timing import seconds
from . import Context

ROWS = (100, 10_000)
LARGEST_ERROR = 1e-5  # in 2-norms: sums over 20,000 rows in float32 stay below


def measure(context: Context) -> dict[str, Any]:
    setup(context.device)
    stream = cupy().cuda.Stream(non_blocking=True)
    data: dict[str, Any] = {"kernels": []}
    wrong = []
    for rows in [33] if context.rehearsal else ROWS:
        for name, make in KERNELS.items():
            work = make(Arrays(rows, small=context.rehearsal))
            cupy().cuda.Device().synchronize()  # the arrays are there
            with stream:
                work.call()
            stream.synchronize()
            found = error(work)
            if not found < LARGEST_ERROR:
                wrong.append(f"{name} at {rows:,} rows: error {found:.1e}")
            took = seconds(work.call, stream)
            row = {"kernel": name, "rows": rows, "bytes": work.bytes, "error": found}
            data["kernels"].append(row | {"seconds": None if context.rehearsal else took})
            context.keep(data)
    return data | ({"failed": "; ".join(wrong)} if wrong else {})


def error(work: Work) -> float:
    """The largest among its results, after its first call; infinite for nan."""
    worst = 0.0
    for got, expected in work.results():
        got = put(got, "cpu")
        if got.dtype.kind == "u" and (got != expected).any():
            return float("inf")  # words, coins: equal or wrong
        difference = np.linalg.norm(got.astype(np.float64) - expected) / max(np.linalg.norm(expected), 1e-30)
        worst = max(worst, float(difference) if np.isfinite(difference) else float("inf"))
    return worst
