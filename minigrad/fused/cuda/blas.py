"""Matrix products on the GPU that a CUDA graph may record: cuBLAS by its own handle, past CuPy's."""

from __future__ import annotations

import ctypes
import weakref
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ...device import cupy, get_float32_matmul_precision, memory_explained
from . import cublas
from .graph import CaptureError, hold

Array = Any  # CuPy's

WORKSPACE = 32 << 20  # bytes; what cuBLAS asks for on Hopper. With less it would put allocations into the graph.
ALIGNMENT = 256  # bytes, of the workspace
LARGEST = 2**31 - 1


class Product(NamedTuple):
    """A product by columns, as cuBLAS has it: C (m, n) = op(A) op(B), with op(A) (m, k) and op(B) (k, n).

    By rows it is its transpose, so A is what the caller calls b, and B is a. ``lda``, ``ldb``, ``ldc`` are the elements
    from one column to the next.
    """

    transpose_a: bool
    transpose_b: bool
    m: int
    n: int
    k: int
    lda: int
    ldb: int
    ldc: int


class Blas:
    """Matrix products on one stream of CuPy's, with a handle and a workspace (32 MiB) of their own.

    ``precision`` is "highest" (float32) or "high" (TF32: factors of 10 bits behind the point, sums in float32); by
    default what ``minigrad.set_float32_matmul_precision`` says now. ``tune=True`` times cuBLASLt's algorithms for each
    new kind of product (its sizes, transposes, strides, alignment), when it is first asked for and not in a capture,
    and keeps the fastest. Another run may find another one fastest, whose sums are rounded differently: leave it out
    where a run must resume to the last bit.

    Two streams that work at the same time need two of these, as the workspace is written to by every product. One
    thread at a time. DeviceError without cuBLAS; CublasError if it refuses.
    """

    def __init__(self, stream: Any, precision: str | None = None, tune: bool = False) -> None:
        precision = get_float32_matmul_precision() if precision is None else precision
        if precision not in cublas.COMPUTE:
            raise ValueError(f'a precision is "highest" (float32) or "high" (TF32), got {precision!r}')
        self._cupy = cp = cupy()
        self._lib = lib = cublas.blas()
        self.stream, self.precision = stream, precision
        self._compute = cublas.COMPUTE[precision]
        with memory_explained(WORKSPACE), stream:
            self._memory = cp.empty(WORKSPACE + ALIGNMENT, np.uint8)
        self._workspace = -(-self._memory.data.ptr // ALIGNMENT) * ALIGNMENT
        self._handle = cublas.created(lib.cublasCreate_v2)
        weakref.finalize(self, lib.cublasDestroy_v2, self._handle).atexit = False  # then CUDA may be gone
        lib.cublasSetStream_v2(self._handle, stream.ptr)  # first: it takes the workspace away
        lib.cublasSetWorkspace_v2(self._handle, self._workspace, WORKSPACE)
        self._mode = cublas.HOST
        self._constants: dict[float, Array] = {}
        self._tuner: Any = None
        if tune:
            from .lt import Tuner

            self._tuner = Tuner(stream, self._compute, self._workspace, WORKSPACE)

    def gemm(
        self,
        a: Array,
        b: Array,
        out: Array,
        transpose_a: bool = False,
        transpose_b: bool = False,
        alpha: float | Array = 1.0,
        beta: float | Array = 0.0,
    ) -> None:
        """``out = alpha op(a) @ op(b) + beta out``; it equals ``np.matmul(op(a), op(b), out=out)`` by default.

        op(a) (m, k), op(b) (k, n), out (m, n): float32 arrays of the GPU, op the transpose if asked for. The elements
        of a row lie side by side; the rows may be further apart (columns of a larger array). ``out`` shares no memory
        with a or b; with beta = 0 what it held does not matter, be it nan. ``alpha`` and ``beta`` are Python's numbers,
        which a graph freezes, or float32 arrays of one element, which it reads at every replay: with alpha = -lr,
        beta = momentum and out = velocity, the product is the update of the velocity.

        The stream of this Blas must be the current one (``with stream:``), as for the kernels launched beside it.
        """
        product = self._product(a, b, out, bool(transpose_a), bool(transpose_b))
        current = self._cupy.cuda.get_current_stream()
        if current.ptr != self.stream.ptr:
            raise CaptureError(
                f"this Blas is bound to the stream {self.stream.ptr:#x}, and the current one is {current.ptr:#x}: call "
                "gemm inside `with stream:`, and capture with capture(step, stream=stream)"
            )
        if product.m == 0 or product.n == 0:
            return
        pointers = at_b, at_a, at_out = b.data.ptr, a.data.ptr, out.data.ptr
        for x, at, name in ((a, at_a, "a"), (b, at_b, "b")):
            if _overlap(x, at, out, at_out):
                raise ValueError(f"gemm: out shares memory with {name}, and would be written while it is read")
        mode, alpha_at, beta_at, scalars = self._scalars(alpha, beta)
        hold(self, a, b, out, *scalars)
        plain = partial(self._plain, product, mode)
        run = self._tuner.choose(product, pointers, mode, plain) if self._tuner else None
        (run or plain)(pointers, alpha_at, beta_at)

    @property
    def choices(self) -> dict[Any, Any]:
        """With ``tune``, by kind of product: what each algorithm took in milliseconds, and which was chosen."""
        return dict(self._tuner.choices) if self._tuner else {}

    def _plain(self, product: Product, mode: int, pointers: tuple[int, int, int], alpha: int, beta: int) -> None:
        """The product by the algorithm that cuBLAS prefers, from addresses: of A, B and C, alpha, beta."""
        if mode != self._mode:
            self._lib.cublasSetPointerMode_v2(self._handle, mode)
            self._mode = mode
        (ta, tb, m, n, k, lda, ldb, ldc), (a, b, c), kind = product, pointers, cublas.R_32F
        self._lib.cublasGemmEx(
            self._handle, ta, tb, m, n, k, alpha, a, kind, lda, b, kind, ldb, beta, c, kind, ldc,
            self._compute, cublas.DEFAULT_ALGORITHM,
        )  # fmt: skip

    def _product(self, a: Array, b: Array, out: Array, transpose_a: bool, transpose_b: bool) -> Product:
        """What cuBLAS is asked for, after the sentences of bad input."""
        lda, ldb, ldc = (self._row_stride(x, name) for x, name in ((a, "a"), (b, "b"), (out, "out")))
        k, m = a.shape if transpose_a else a.shape[::-1]
        n, k_b = b.shape if transpose_b else b.shape[::-1]
        if k != k_b or out.shape != (m, n):
            op_a, op_b = (f"{x.shape}{'.T' if t else ''}" for x, t in ((a, transpose_a), (b, transpose_b)))
            raise ValueError(
                f"gemm: a {op_a} @ b {op_b} into out {out.shape}; it takes (m, k) @ (k, n) into (m, n), each after its "
                "transpose, if one is asked for"
            )
        if k == 0:
            raise ValueError(f"gemm: a {a.shape} @ b {b.shape} sums over nothing; scale or fill out instead")
        if max(m, n, k, lda, ldb, ldc) > LARGEST:
            raise ValueError(f"gemm: cuBLAS counts to 2^31 - 1; got m = {m}, n = {n}, k = {k}: take smaller pieces")
        return Product(transpose_b, transpose_a, n, m, k, ldb, lda, ldc)

    def _row_stride(self, x: Array, name: str) -> int:
        """The elements from one row to the next; a sentence if x is not a matrix that cuBLAS can read."""
        if not isinstance(x, self._cupy.ndarray):
            raise TypeError(f"gemm: {name} is an array of the GPU, got {type(x).__name__}; see minigrad.device.put")
        if x.ndim != 2 or x.dtype != np.float32:
            raise TypeError(f"gemm: {name} is a float32 matrix, got {x.shape} {x.dtype}")
        rows, columns = x.shape
        stride, step = x.strides
        if (columns > 1 and step != 4) or (rows > 1 and (stride % 4 or stride < 4 * columns)):
            raise ValueError(
                f"gemm: the elements of a row lie side by side and rows do not overlap; {name} {x.shape} has strides "
                f"{x.strides}: for a transposed array give the array itself and transpose_{name}=True, else copy it"
            )
        return int(stride // 4) if rows > 1 else max(columns, 1)

    def _scalars(self, alpha: Any, beta: Any) -> tuple[int, Any, Any, tuple[Any, ...]]:
        """Where alpha and beta are read (both on the host, or both on the device), their addresses and keepers."""
        if not (isinstance(alpha, self._cupy.ndarray) or isinstance(beta, self._cupy.ndarray)):
            at = ctypes.c_float(alpha), ctypes.c_float(beta)
            return cublas.HOST, ctypes.addressof(at[0]), ctypes.addressof(at[1]), at
        arrays = self._on_device(alpha, "alpha"), self._on_device(beta, "beta")
        return cublas.DEVICE, arrays[0].data.ptr, arrays[1].data.ptr, arrays

    def _on_device(self, value: Any, name: str) -> Array:
        """An array of one element; a Python number becomes one when it is first used."""
        if isinstance(value, self._cupy.ndarray):
            if value.size != 1 or value.dtype != np.float32:
                raise TypeError(
                    f"gemm: {name} is a number or a float32 array of one element, got {value.shape} {value.dtype}"
                )
            return value
        if value not in self._constants:
            self._constants[value] = self._cupy.asarray(np.array([value], np.float32))
        return self._constants[value]


def _overlap(x: Array, at: int, out: Array, at_out: int) -> bool:
    """Whether two matrices share memory; columns of one array lie between each other, and are taken not to."""
    if at == at_out:
        return True
    apart = at >= at_out + out.nbytes or at_out >= at + x.nbytes
    return not apart and bool(x.flags.c_contiguous and out.flags.c_contiguous)
