"""minigrad with its plain kernels: NumPy alone."""

from __future__ import annotations

import minigrad

from .minigrad_fused import chain, gan, hvp, mlp, optimiser

__all__ = ["LIBRARY", "chain", "gan", "hvp", "mlp", "optimiser", "setup"]

LIBRARY = "minigrad"


def setup(threads: int) -> None:
    minigrad.use_kernels("plain")
    minigrad.set_num_threads(threads)
