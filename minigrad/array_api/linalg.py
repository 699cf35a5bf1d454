"""The standard's linear algebra, an extension: minigrad's ops of matrices under the standard's signatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from .manipulation import matrix_transpose
from .reductions import matmul, sum, tensordot, vecdot

__all__ = [
    "cholesky",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]

_ops: Any = ops  # this file is read only where they have linear algebra


def cholesky(x: Any, /, *, upper: bool = False) -> Any:
    """The lower triangular L of ``x = L L^T``, or its transpose."""
    return _ops.cholesky(x, upper=upper)


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Cross product of vectors of three along ``axis``, counted from the end; the others broadcast."""
    if not -min(x1.ndim, x2.ndim) <= axis < 0 or x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(f"cross of {tuple(x1.shape)} and {tuple(x2.shape)}: axis {axis} must be negative, of length 3")

    def part(x: Any, i: int) -> Any:
        return ops.getitem(x, (..., i, *[slice(None)] * (-axis - 1)))

    pairs = [part(x1, i) * part(x2, j) - part(x1, j) * part(x2, i) for i, j in ((1, 2), (2, 0), (0, 1))]
    return ops.stack(pairs, axis)


def det(x: Any, /) -> Any:
    """Determinant."""
    return _ops.det(x)


def diagonal(x: Any, /, *, offset: int = 0) -> Any:
    """The elements of the last two dimensions on the diagonal that lies ``offset`` to the right of the main one."""
    rows, columns = x.shape[-2:]
    length = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    first, second = max(-offset, 0), max(offset, 0)
    return ops.getitem(x, (..., [first + i for i in range(length)], [second + i for i in range(length)]))


def eigh(x: Any, /) -> Any:
    """(eigenvalues, ascending; eigenvectors, the columns) of a symmetric matrix."""
    return _ops.eigh(x)


def eigvalsh(x: Any, /) -> Any:
    """Eigenvalues of a symmetric matrix, ascending."""
    return _ops.eigvalsh(x)


def inv(x: Any, /) -> Any:
    """Inverse."""
    return _ops.inv(x)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """A norm of the matrices in the last two dimensions."""
    return _ops.matrix_norm(x, ord, keepdims=keepdims)


def matrix_power(x: Any, n: int, /) -> Any:
    """n factors of a square matrix; of its inverse for n < 0."""
    return _ops.matrix_power(x, n)


def matrix_rank(x: Any, /, *, rtol: Any = None) -> Any:
    """How many singular values are above ``rtol`` times the largest."""
    return _ops.matrix_rank(x, rtol=rtol)


def outer(x1: Any, x2: Any, /) -> Any:
    """All products of an element of the one vector with one of the other."""
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"outer of {tuple(x1.shape)} and {tuple(x2.shape)}: both must have one dimension")
    return ops.multiply(ops.unsqueeze(x1, 1), x2)


def pinv(x: Any, /, *, rtol: Any = None) -> Any:
    """Moore-Penrose inverse; singular values up to ``rtol`` times the largest count as 0."""
    return _ops.pinv(x, rtol=rtol)


def qr(x: Any, /, *, mode: str = "reduced") -> Any:
    """(Q with orthonormal columns, R upper triangular) with ``x = Q R``."""
    return _ops.qr(x, mode)


def slogdet(x: Any, /) -> Any:
    """(sign of the determinant, logarithm of its absolute value)."""
    return _ops.slogdet(x)


def solve(x1: Any, x2: Any, /) -> Any:
    """The X of ``x1 X = x2``; ``x2`` is one vector, or matrices."""
    return _ops.solve(x1, ops.unsqueeze(x2, 1))[..., 0] if x2.ndim == 1 else _ops.solve(x1, x2)


def svd(x: Any, /, *, full_matrices: bool = True) -> Any:
    """(U, S, Vh) with ``x = U diag(S) Vh``, S descending."""
    return _ops.svd(x, full_matrices)


def svdvals(x: Any, /) -> Any:
    """Singular values, descending."""
    return _ops.svdvals(x)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """The sum of a diagonal."""
    return sum(diagonal(x, offset=offset), axis=-1, dtype=dtype)


def vector_norm(x: Any, /, *, axis: int | Sequence[int] | None = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """A norm of the vectors along ``axis``; of all elements as one vector without."""
    return _ops.vector_norm(x, ord, axis=axis, keepdims=keepdims)
