"""cuBLASLt: all algorithms that it has for a product are timed, and the fastest is kept."""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ...device import cupy
from . import cublas
from .graph import CaptureError, record

Pointers = tuple[int, int, int]  # of A, B and C
Run = Callable[[Pointers, Any, Any], None]  # of the pointers, alpha's address and beta's

CANDIDATES = 32  # how many algorithms cuBLASLt is asked for, the most promising first
IN_A_ROW, ROUNDS = 20, 3  # products in the graph that is timed, and how often it is: the shortest time counts
LARGEST_ALIGNMENT = 256  # bytes


class Choice(NamedTuple):
    """The algorithm that was chosen for a kind of product: None for cuBLAS's own; and what each of them took."""

    run: Run | None
    milliseconds: tuple[float, ...]  # of one product; cuBLAS's own first, then cuBLASLt's; inf of one that cannot run


class Tuner:
    """The fastest algorithm for each kind of product on a stream, found by timing when it is first asked for."""

    def __init__(self, stream: Any, compute: int, workspace: int, nbytes: int) -> None:
        self._lib = lib = cublas.lt()
        self._stream, self._compute = stream, compute
        self._workspace, self._nbytes = workspace, nbytes
        self._handle = self._owned(lib.cublasLtCreate, lib.cublasLtDestroy)
        self.choices: dict[tuple[Any, tuple[int, ...], int], Choice] = {}

    def _owned(self, create: Callable[..., int], destroy: Callable[..., int], *arguments: Any) -> Any:
        """Something of cuBLASLt's that goes with this object."""
        made = cublas.created(create, *arguments)
        weakref.finalize(self, destroy, made).atexit = False
        return made

    def choose(self, product: Any, pointers: Pointers, mode: int, plain: Run) -> Run | None:
        """What to call for this product; None for ``plain``, cuBLAS's own choice, which is one of those timed.

        ``mode`` says where alpha and beta are. CaptureError if it is asked for the first time in a capture.
        """
        alignments = tuple(min(p & -p, LARGEST_ALIGNMENT) for p in pointers)
        key = product, alignments, mode
        if key not in self.choices:
            if self._stream.is_capturing():
                raise CaptureError(
                    f"gemm of m, n, k = {product.n}, {product.m}, {product.k} has not run before the capture, so its "
                    "algorithm is not chosen: let the warm-ups do all that the step does"
                )
            runs = [plain, *self._candidates(product, mode, alignments)]
            times = self._times(runs, product, pointers, mode)
            best = times.index(min(times))
            self.choices[key] = Choice(runs[best] if best else None, times)
        return self.choices[key].run

    def _times(self, runs: list[Run], product: Any, pointers: Pointers, mode: int) -> tuple[float, ...]:
        """What each takes, with the arrays A and B as they are; they write into memory of their own."""
        cp = cupy()
        with self._stream:
            scratch = cp.zeros((product.n - 1) * product.ldc + product.m, np.float32)
            scalars = cp.asarray(np.array([1, 0], np.float32))
        host = (ctypes.c_float * 2)(1, 0)
        alpha = scalars.data.ptr if mode == cublas.DEVICE else ctypes.addressof(host)
        places = (*pointers[:2], scratch.data.ptr)
        gc.collect()
        return tuple(self._time(run, places, alpha, alpha + 4) for run in runs)

    def _time(self, run: Run, pointers: Pointers, alpha: int, beta: int) -> float:
        """Milliseconds of a product among others of its kind in a graph; inf if it cannot run."""
        cuda = cupy().cuda

        def in_a_row() -> None:
            for _ in range(IN_A_ROW):
                run(pointers, alpha, beta)

        try:
            with self._stream:
                run(pointers, alpha, beta)  # loads its kernels
            self._stream.synchronize()
            graph = record(self._stream, in_a_row)
        except cublas.CublasError:
            return float("inf")
        times = []
        for _ in range(ROUNDS):
            start, stop = cuda.Event(), cuda.Event()
            start.record(self._stream)
            graph.launch(self._stream)
            stop.record(self._stream)
            stop.synchronize()
            times.append(cuda.get_elapsed_time(start, stop) / IN_A_ROW)
        return float(min(times))

    def _candidates(self, product: Any, mode: int, alignments: Any) -> list[Run]:
        """What cuBLASLt has for these sizes, addresses so aligned, and the workspace; none if it has nothing."""
        lib = self._lib
        ta, tb, m, n, k, lda, ldb, ldc = product
        description = self._owned(
            lib.cublasLtMatmulDescCreate, lib.cublasLtMatmulDescDestroy, self._compute, cublas.R_32F
        )
        for which, value in (
            (cublas.DESC_POINTER_MODE, mode),
            (cublas.DESC_TRANSPOSE_A, ta),
            (cublas.DESC_TRANSPOSE_B, tb),
        ):
            cublas.attribute(lib.cublasLtMatmulDescSetAttribute, description, which, ctypes.c_int32(value))
        a, b, c = (
            self._owned(
                lib.cublasLtMatrixLayoutCreate, lib.cublasLtMatrixLayoutDestroy, cublas.R_32F, rows, columns, stride
            )
            for rows, columns, stride in (
                (k, m, lda) if ta else (m, k, lda),
                (n, k, ldb) if tb else (k, n, ldb),
                (m, n, ldc),
            )
        )
        prefer = self._owned(lib.cublasLtMatmulPreferenceCreate, lib.cublasLtMatmulPreferenceDestroy)
        aligned = (*alignments, alignments[2])  # of A, B, C, and of D, which is C
        for which, number in (
            (cublas.PREFER_WORKSPACE, ctypes.c_uint64(self._nbytes)),
            *((w, ctypes.c_uint32(x)) for w, x in zip(cublas.PREFER_ALIGNMENT, aligned, strict=True)),
        ):
            cublas.attribute(lib.cublasLtMatmulPreferenceSetAttribute, prefer, which, number)
        found, count = (cublas.Candidate * CANDIDATES)(), ctypes.c_int()
        try:
            lib.cublasLtMatmulAlgoGetHeuristic(
                self._handle, description, a, b, c, c, prefer, CANDIDATES, found, ctypes.byref(count)
            )
        except cublas.CublasError:
            return []

        def run_of(candidate: cublas.Candidate) -> Run:
            algorithm = ctypes.byref(candidate, cublas.Candidate.algorithm.offset)

            def run(pointers: Pointers, alpha: Any, beta: Any) -> None:
                at_a, at_b, at_c = pointers
                lib.cublasLtMatmul(
                    self._handle, description, alpha, at_a, a, at_b, b, beta, at_c, c, at_c, c,
                    algorithm, self._workspace, self._nbytes, self._stream.ptr,
                )  # fmt: skip

            return run

        return [run_of(x) for x in found[: count.value] if x.state == 0 and x.workspace <= self._nbytes]
