"""Diagonals and triangles of matrices, the last two dimensions unless said otherwise.

diagonal | diag_embed, tril | tril, triu | triu.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index as _dim

from ..engine import derivatives, op
from ..errors import ShapeError
from .joining import _embed, cat
from .placement import like
from .shape import atleast_2d, reshape

__all__ = ["block_diag", "diag", "diag_embed", "diagflat", "diagonal", "trace", "tril", "triu"]


def tril(x: Any, diagonal: int = 0) -> Any:
    """The elements on and below the diagonal number ``diagonal`` (above the main one if positive), 0 elsewhere."""
    return _tril(_of_matrices(x, "tril"), diagonal=diagonal)


@op(linear=True)
def _tril(x: Any, *, diagonal: int) -> Any:
    return np.tril(x, diagonal)


derivatives(_tril, lambda g, out, x, diagonal: _tril(g, diagonal=diagonal))


def triu(x: Any, diagonal: int = 0) -> Any:
    """The elements on and above the diagonal number ``diagonal`` (above the main one if positive), 0 elsewhere."""
    return _triu(_of_matrices(x, "triu"), diagonal=diagonal)


@op(linear=True)
def _triu(x: Any, *, diagonal: int) -> Any:
    return np.triu(x, diagonal)


derivatives(_triu, lambda g, out, x, diagonal: _triu(g, diagonal=diagonal))


def _of_matrices(x: Any, name: str) -> Any:
    if x.ndim < 2:
        raise ShapeError(f"{name} is of matrices, got shape {tuple(x.shape)}; it needs two dimensions or more")
    return x


def diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """``x[i, i + offset]`` of the dimensions dim1 and dim2, as a new last dimension; it shares memory."""
    i, j = _two(dim1, dim2, x.ndim, "diagonal")
    return _diagonal(x, offset=offset, dim1=i, dim2=j)


def diagonal_of_matrices(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """``diagonal`` of the last two dimensions: minigrad.linalg.diagonal."""
    return diagonal(A, offset, dim1, dim2)


@op(linear=True, view=True)
def _diagonal(x: Any, *, offset: int, dim1: int, dim2: int) -> Any:
    out = np.diagonal(x, offset, dim1, dim2)
    if hasattr(out.flags, "writeable"):  # NumPy's is read-only, to warn those who expected a copy
        out.flags.writeable = x.flags.writeable
    return out


derivatives(
    _diagonal,
    lambda g, out, x, offset, dim1, dim2: _embed_diagonal(  # type: ignore[has-type]
        g, offset=offset, dim1=dim1, dim2=dim2, lengths=(x.shape[dim1], x.shape[dim2])
    ),
)


@op(linear=True)
def _embed_diagonal(x: Any, *, offset: int, dim1: int, dim2: int, lengths: tuple[int, int]) -> Any:
    """Zeros, of ``lengths`` along dim1 and dim2, with the last dimension of ``x`` on a diagonal."""
    i = np.arange(x.shape[-1], like=like(x))
    out = np.zeros((*x.shape[:-1], *lengths), x.dtype, like=like(x))
    out[..., i - min(offset, 0), i + max(offset, 0)] = x
    return np.moveaxis(out, (-2, -1), (dim1, dim2))


derivatives(
    _embed_diagonal,
    lambda g, out, x, offset, dim1, dim2, lengths: _diagonal(g, offset=offset, dim1=dim1, dim2=dim2),
)


def diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Square matrices in dimensions dim1 and dim2, 0 but for the last dimension of ``x`` on diagonal ``offset``."""
    if not x.ndim:
        raise ShapeError("diag_embed takes vectors, got a Tensor without dimensions")
    i, j = _two(dim1, dim2, x.ndim + 1, "diag_embed")
    n = x.shape[-1] + abs(offset)
    return _embed_diagonal(x, offset=offset, dim1=i, dim2=j, lengths=(n, n))


def diag(x: Any, diagonal: int = 0) -> Any:
    """A vector as the diagonal of a square matrix, 0 elsewhere; the diagonal of a matrix as a vector."""
    if x.ndim == 1:
        return diag_embed(x, diagonal)
    if x.ndim != 2:
        raise ShapeError(
            f"diag takes a vector or a matrix, got shape {tuple(x.shape)}; diagonal and diag_embed take any"
        )
    return _diagonal(x, offset=diagonal, dim1=0, dim2=1)


def diagflat(x: Any, offset: int = 0) -> Any:
    """All elements of ``x``, row by row, on diagonal ``offset`` of a square matrix, 0 elsewhere."""
    return diag_embed(reshape(x, -1), offset)


def block_diag(*tensors: Any) -> Any:
    """Matrices one below and right of the other, 0 elsewhere; a vector is one row, a number one element."""
    if not tensors:
        raise ShapeError("block_diag of nothing; give it a matrix or more")
    matrices = [atleast_2d(x) for x in tensors]
    if wrong := [tuple(x.shape) for x in matrices if x.ndim > 2]:
        raise ShapeError(f"block_diag: a block has two dimensions at most, got one of shape {wrong[0]}")
    starts = np.cumsum([0, *(x.shape[1] for x in matrices)]).tolist()
    rows = [_embed(x, dim=1, start=i, total=starts[-1]) for x, i in zip(matrices, starts, strict=False)]
    return cat(rows)


def trace(x: Any) -> Any:
    """The sum of the diagonal of a matrix."""
    if x.ndim != 2:
        raise ShapeError(f"trace is of one matrix, got shape {tuple(x.shape)}; sum diagonal(x, 0, -2, -1) for several")
    return _diagonal(x, offset=0, dim1=0, dim2=1).sum()


def _two(dim1: int, dim2: int, ndim: int, name: str) -> tuple[int, int]:
    i, j = _dim(dim1, ndim), _dim(dim2, ndim)
    if i == j:
        raise ShapeError(f"{name} is of two dimensions, got dim1={dim1} and dim2={dim2}, which are one")
    return i, j
