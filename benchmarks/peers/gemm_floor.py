"""The matrix products of a step alone, dense, by NumPy's BLAS into ready buffers: a floor for dense arithmetic."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..cases import GAN, MLP, Array, Draws, GANInputs, MLPInputs
from . import Step

LIBRARY = "numpy"


def setup(threads: int) -> None:
    """NumPy's threads are set by the environment."""


class Products:
    """Products to be computed, each with its own operands and its own place for the result."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.all: list[tuple[Array, Array, Array]] = []

    def add(self, m: int, k: int, n: int, turned: str = "") -> None:
        """(m, k) times (k, n); ``turned``: the operand, "left" or "right", that lies in memory transposed."""
        a = self.drawn(k, m).T if turned == "left" else self.drawn(m, k)
        b = self.drawn(n, k).T if turned == "right" else self.drawn(k, n)
        self.all.append((a, b, np.zeros((m, n), np.float32)))

    def drawn(self, *shape: int) -> Array:
        return self.rng.random(shape, dtype=np.float32)

    def forward(self, rows: int, layers: list[tuple[int, int]]) -> None:
        for n, m in layers:
            self.add(rows, n, m, "right")

    def backward(self, rows: int, layers: list[tuple[int, int]], weights: bool = True, x: bool = False) -> None:
        """Of the weights, of the inputs of all layers but the first, and with ``x`` of that too."""
        for i, (n, m) in reversed(list(enumerate(layers))):
            if weights:
                self.add(m, rows, n, "left")
            if i or x:
                self.add(rows, m, n)

    def step(self) -> Step:
        def run() -> None:
            for a, b, out in self.all:
                np.matmul(a, b, out=out)

        return Step(run, None)


def mlp(case: MLP, inputs: MLPInputs) -> Step:
    products, layers = Products(), [(case.width, case.width)] * case.layers
    products.forward(case.batch, layers)
    if case.what != "forward":
        products.backward(case.batch, layers)
    return products.step()


def gan(case: GAN, inputs: GANInputs, draws: Draws | None) -> Step:
    products, m = Products(), case.batch
    G = list(pairwise(case.widths_G))
    D = [(n, u * case.pieces) for n, u in pairwise(case.widths_D)] + [(case.widths_D[-1], 1)]
    products.forward(m, G)
    products.forward(2 * m, D)
    products.backward(2 * m, D)
    products.forward(m, G)
    products.forward(m, D)
    products.backward(m, D, weights=False, x=True)
    products.backward(m, G)
    return products.step()
