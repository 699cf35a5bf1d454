"""Arrays on the device for the matrix products of a step, each product with its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.device import cupy, put

from .cases import Product, TrainingStep, products

Array = Any


class Operands:
    """All products of a step, in order, with their operands and places for their results."""

    def __init__(self, case: TrainingStep) -> None:
        self.rng = np.random.default_rng(0)
        self.all = [(product, *self.of(product)) for product in products(case)]
        cupy().cuda.Device().synchronize()  # streams that do not wait for the default one may read them now

    def of(self, product: Product) -> tuple[Array, Array, Array]:
        """a, b and out, as they lie in memory. Not zeros: some devices multiply these faster."""
        _, m, n, k, turned_a, turned_b = product
        a = self.normal(k, m) if turned_a else self.normal(m, k)
        b = self.normal(n, k) if turned_b else self.normal(k, n)
        return a, b, put(np.full((m, n), np.nan, np.float32), "cuda")

    def normal(self, *shape: int) -> Array:
        return put(self.rng.standard_normal(shape, dtype=np.float32), "cuda")
