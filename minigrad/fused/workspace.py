"""What the kernels work in: their functions for one dtype, the memory that all layers share, buffers on lease."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Generic, TypeVar

import numpy as np

from ..memory import empty
from .cpu import compiled
from .cpu import fields as f
from .cpu.update import CHUNK, CHUNK_PER_SAMPLE

Array = np.ndarray[Any, Any]
T = TypeVar("T")

LIMITS = (600, 600, 600)  # measured: `python -m benchmarks ablation` says with what gain
PARALLEL = 3e6  # floating-point operations below which waking a second thread costs more than it saves


def address(array: Array) -> int:
    """Where an array's first element is."""
    return array.__array_interface__["data"][0]  # type: ignore[no-any-return]


class Kernels:
    """The compiled kernels for float32 or float64, and their workspace."""

    def __init__(self, dtype: str) -> None:
        compiled.get_num_threads()  # BLAS has one thread from here on
        self.dtype = dtype
        self.zero = np.dtype(dtype).type(0)
        self.work = np.zeros(f.WORK_COLUMNS, np.int64)
        self.work[f.GEMM] = compiled.gemm_of(dtype)
        self.work[[f.LIMIT_FORWARD, f.LIMIT_BACKWARD, f.LIMIT_UPDATE]] = LIMITS
        self._lists = self._ends = self._scratch = 0
        self._memory: dict[int, Array] = {}

    def threads(self, operations: float) -> int:
        """How many threads to use for so much work."""
        return compiled.get_num_threads() if operations > PARALLEL else 1

    def forward(self, plan: Array, numbers: Array, entry: Array, m: int, threads: int) -> None:
        """Run cpu/forward.py."""
        run = compiled.kernel("forward", self.dtype, threads > 1)
        run(plan, numbers, entry, self.work, m, threads, self.zero)

    def backward(
        self,
        plan: Array,
        numbers: Array,
        entry: Array,
        m: int,
        threads: int,
        lowest: int,
        table: Array,
        steps: Array,
        sources: Array,
    ) -> None:
        """Run cpu/backward.py."""
        run = compiled.kernel("backward", self.dtype, threads > 1)
        run(plan, numbers, entry, self.work, m, threads, lowest, self.zero, table, steps, sources)

    def update(self, table: Array, numbers: Array, sources: Array, threads: int) -> None:
        """Run cpu/update.py."""
        run = compiled.kernel("update", self.dtype, threads > 1)
        run(table, numbers, sources, self.work, threads, self.zero)

    def loss(self, kind: int, a: Array, t: Array, e: Array, factor: Any, sums: Array) -> None:
        """Run cpu/loss.py."""
        compiled.kernel("loss", self.dtype, len(sums) > 1)(kind, a, t, e, factor, sums)

    def reserve(self, m: int, widest: int, pieces: int, sources: int = 1) -> None:
        """Make the workspace large enough for m rows of ``widest`` elements and maxout of so many pieces.

        For gradients: m is the sum of the batches of so many sources.
        """
        size = self.zero.itemsize
        if m * widest > self._lists:
            self._lists = m * widest
            self._give(f.IDX, 4 * self._lists)
            self._give(f.VAL, size * self._lists)
        ends = 4 * m * (widest // 32 + 3)
        if ends > self._ends:
            self._ends = ends
            self._give(f.ENDS, ends)
        scratch = (
            size * max(CHUNK, CHUNK_PER_SAMPLE * m, widest)
            + (m + 1) * (pieces + 1) * (size + 4)
            + 4 * pieces * (sources + size + 8)
            + 4096
        )
        scratch = -(-scratch // 4096) * 4096
        if scratch > self._scratch:
            self._scratch = scratch
            self._give(f.SCRATCH, scratch * compiled.MOST_THREADS)
            self.work[f.SCRATCH_BYTES] = scratch

    def _give(self, column: int, size: int) -> None:
        self._memory[column] = empty((size,), np.uint8)
        self.work[column] = address(self._memory[column])


@cache
def kernels(kind: str) -> Kernels:
    """The kernels for a dtype's ``char``: "f", float32, or "d", float64."""
    return Kernels({"f": "float32", "d": "float64"}[kind])


class Pool(Generic[T]):
    """Buffers of one kind: made when none is free, free again when their lease is let go."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self.free: list[T] = []

    def lease(self) -> Lease[T]:
        """Buffers for whoever holds the lease."""
        return Lease(self.free.pop() if self.free else self._make(), self.free)


class Lease(Generic[T]):
    """Keeps ``of`` from being used by others while it is alive."""

    __slots__ = ("_free", "of")

    def __init__(self, of: T, free: list[T]) -> None:
        self.of = of
        self._free = free

    def __del__(self) -> None:
        self._free.append(self.of)
