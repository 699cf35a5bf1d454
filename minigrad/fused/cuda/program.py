"""A step of training on a stream of its own: run kernel by kernel, or recorded as one graph and replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...device import cupy
from .blas import Blas
from .graph import Graph, capture

Array = Any


class Program:
    """A step that can be captured (graph.py says what may stand in it), to be run many times.

    ``step(gemm)`` gets the matrix product to use. ``watch``: the arrays that may be replaced behind its back; the first
    run captures it, unless ``captured`` is False, which is to look for a fault.
    """

    def __init__(
        self, step: Callable[[Callable[..., None]], None], watch: Callable[[], Iterable[Array]], captured: bool = True
    ) -> None:
        self.stream = cupy().cuda.Stream(non_blocking=True)
        gemm = Blas(self.stream).gemm
        self.step: Callable[[], None] = lambda: step(gemm)
        self.watch, self.captured = watch, captured
        self.graph: Graph | None = None

    def run(self, n: int = 1) -> None:
        """``n`` steps. What is asked of the current stream before them is done before, what comes after, after them."""
        if not self.captured:
            cupy().cuda.get_current_stream().synchronize()
            with self.stream:
                for _ in range(n):
                    self.step()
            self.stream.synchronize()
            return
        if n and self.graph is None:
            self.graph = capture(self.step, warmups=1, stream=self.stream, watch=self.watch)
            n -= 1  # the warm-up is a step like any other
        if n:
            assert self.graph is not None
            self.graph.replay(n)
