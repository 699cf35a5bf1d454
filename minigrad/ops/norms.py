"""Norms of vectors and matrices, and what is measured with them. A norm of 0 has gradient 0, as in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..engine import derivatives, op
from ..errors import ShapeError
from .decompositions import matrices, svdvals
from .elementary import abs, astype, sign, where
from .indexing import index_select
from .linalg import inverse_or_infinite, require_floating, square
from .reductions import Dim, _dims, _kept, amax, amin
from .shape import permute, reshape, unsqueeze

__all__ = ["cdist", "cond", "dist", "matrix_norm", "norm", "pdist", "renorm", "vector_norm"]


def vector_norm(
    x: Any,
    ord: float = 2,
    dim: Dim = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Dim = None,
    keepdims: bool = False,
) -> Any:
    """``(sum |x|^ord)^(1/ord)`` over all dimensions or over ``dim``; neither overflows nor underflows on the way.

    inf: the largest |x|, -inf: the smallest, 0: how many are not 0 (constant: no gradient). Ties share the gradient.
    """
    require_floating("vector_norm", x)
    x = x if dtype is None else astype(x, dtype)
    dims, keepdim = _dims(x, dim, axis), keepdim or keepdims
    if (ord < 0 or ord == np.inf) and 0 in (x.shape[d] for d in dims):
        raise ValueError(f"vector_norm of shape {tuple(x.shape)}: of no numbers there is no norm of order {ord}")
    if ord in (np.inf, -np.inf):
        return (amax if ord > 0 else amin)(abs(x), axis=dims, keepdim=keepdim)
    if ord == 0:
        return astype(x != 0, x.dtype).sum(axis=dims, keepdims=keepdim)
    if ord == 1:
        return abs(x).sum(axis=dims, keepdims=keepdim)
    return _norm(x, ord=ord, dims=dims, keepdim=keepdim)


@op
def _norm(x: Any, *, ord: float, dims: tuple[int, ...], keepdim: bool) -> Any:
    x = np.abs(x)
    if any(not x.shape[d] for d in dims):
        return x.sum(axis=dims, keepdims=keepdim)  # of no numbers: 0
    scale = (np.max if ord > 0 else np.min)(x, axis=dims, keepdims=True)
    scale = np.where((scale == 0) | ~np.isfinite(scale), 1, scale).astype(x.dtype)
    ratio = x / scale
    with np.errstate(divide="ignore", under="ignore", over="ignore"):
        powers = ratio * ratio if ord == 2 else ratio**ord
        total = powers.sum(axis=dims, keepdims=True)
        out = scale * (np.sqrt(total) if ord == 2 else total ** (1 / ord))
    return (out if keepdim else out.squeeze(dims))[()]


def _norm_derivative(g: Any, out: Any, x: Any, *, ord: float, dims: tuple[int, ...], keepdim: bool) -> Any:
    """``g sign(x) |x / out|^(ord - 1)``, and 0 where x or out is 0."""
    g, out = _kept(g, x, dims), _kept(out, x, dims)
    if ord == 2:
        return where(out == 0, 0, g) * (x / where(out == 0, 1, out))
    zero = (x == 0) | (out == 0)
    ratio = where(zero, 1, abs(x)) / where(zero, 1, out)
    return where(zero, 0, g * sign(x)) * ratio ** (ord - 1)


derivatives(_norm, _norm_derivative)


def matrix_norm(
    A: Any,
    ord: float | str = "fro",
    dim: tuple[int, int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: tuple[int, int] | None = None,
    keepdims: bool = False,
) -> Any:
    """Norm of the matrices in the two dimensions ``dim``.

    "fro": root of the sum of squares; "nuc": sum of the singular values; 2 and -2: the largest and the smallest of
    them; 1 and -1: the largest and the smallest sum |x| of a column; inf and -inf: of a row.
    """
    matrices("matrix_norm", A)
    dim = dim if axis is None else axis
    rows, columns = dims = normalize_axis_tuple(dim, A.ndim, "dim")
    if len(dims) != 2:
        raise ValueError(f"matrix_norm: a matrix has two dimensions, got dim={dim}")
    keepdim = keepdim or keepdims
    A = A if dtype is None else astype(A, dtype)
    if ord == "fro":
        return vector_norm(A, 2, dims, keepdim)
    if ord in ("nuc", 2, -2):
        s = svdvals(permute(A, *(i for i in range(A.ndim) if i not in dims), rows, columns))
        out = s.sum(axis=-1) if ord == "nuc" else (amax if ord == 2 else amin)(s, -1)
    elif ord in (1, -1, np.inf, -np.inf):
        summed, left = (rows, columns) if ord in (1, -1) else (columns, rows)
        out = (amax if ord in (1, np.inf) else amin)(abs(A).sum(axis=summed), left - (left > summed))
    else:
        raise ValueError(f'matrix_norm: ord is "fro", "nuc", 1, -1, 2, -2, inf or -inf, not {ord!r}')
    return reshape(out, tuple(1 if i in dims else n for i, n in enumerate(A.shape))) if keepdim else out


def norm(
    x: Any, p: float | str = "fro", dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False
) -> Any:
    """``vector_norm`` of all elements, or over ``dim``; "fro" is 2, "nuc" the nuclear norm of matrices.

    PyTorch's older norm, and its Tensor.norm. That of its linalg, which takes a matrix for a matrix, is
    minigrad.linalg.norm.
    """
    keepdim = keepdim or keepdims
    if p == "nuc":
        return matrix_norm(x, "nuc", _dims(x, dim, axis), keepdim)  # type: ignore[arg-type]
    if isinstance(p, str) and p != "fro":
        raise ValueError(f'norm: p is a number, "fro" or "nuc", not {p!r}')
    return vector_norm(x, 2 if p == "fro" else p, dim, keepdim, axis=axis)  # type: ignore[arg-type]


def norm_of_vector_or_matrix(
    A: Any,
    ord: float | str | None = None,
    dim: Dim = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    axis: Dim = None,
    keepdims: bool = False,
) -> Any:
    """Without ``ord`` the 2-norm of all elements or over ``dim``; with it that of vectors (one dim) or matrices (two).

    minigrad.linalg.norm. Without ``dim`` an ``ord`` takes A, of one or two dimensions, for what it is.
    """
    dim = dim if axis is None else axis
    keepdim = keepdim or keepdims
    if isinstance(dim, Sequence) and len(dim) not in (1, 2):
        raise ValueError(f"norm: dim has one dimension (of vectors) or two (of matrices), got {dim}")
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.ndim not in (1, 2):
        raise ValueError(f"norm of {tuple(A.shape)} with ord={ord!r}: say with dim where the vectors or matrices are")
    dims = tuple(range(A.ndim)) if dim is None else tuple(dim) if isinstance(dim, Sequence) else (dim,)
    if len(dims) == 2:
        return matrix_norm(A, ord, dims, keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise ValueError(f"norm: ord={ord!r} is a norm of matrices, and dim={dim} are not two dimensions")
    return vector_norm(A, ord, dims, keepdim, dtype=dtype)


def cond(A: Any, p: float | str | None = None) -> Any:
    """Condition number ``|A| |A^-1|`` in the matrix norm ``p``; None is 2: largest over smallest singular value.

    Infinite for a singular matrix. 2 and -2 take matrices that are not square.
    """
    matrices("cond", A)
    if p in (None, 2, -2):
        s = svdvals(A)
        ends = s[..., 0], s[..., -1]
        return _ratio(*ends[:: -1 if p == -2 else 1])
    square("cond", A)
    of_inverse = matrix_norm(inverse_or_infinite(A), p)
    singular = of_inverse == np.inf
    return where(singular, np.inf, matrix_norm(A, p) * where(singular, 1, of_inverse))


@op
def _ratio(x: Any, y: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return x / y


derivatives(_ratio, lambda g, out, x, y: g / y, lambda g, out, x, y: -g * out / y)


def renorm(x: Any, p: float, dim: int, maxnorm: float) -> Any:
    """``x`` with each slice of dimension ``dim`` whose ``p``-norm is above ``maxnorm`` scaled down to it.

    The norm by which it divides is made greater by 1e-7, as in PyTorch.
    """
    if x.ndim < 2:
        raise ShapeError(f"renorm of shape {tuple(x.shape)}: needs at least 2 dimensions, so that slices are vectors")
    at = range(x.ndim)[dim]
    length = vector_norm(x, p, tuple(d for d in range(x.ndim) if d != at), True)
    too_long = length > maxnorm
    return x * where(too_long, maxnorm / (where(too_long, length, 1) + 1e-7), 1)


def dist(x: Any, y: Any, p: float = 2) -> Any:
    """``vector_norm`` of ``x - y``."""
    return vector_norm(x - y, p)


def cdist(x1: Any, x2: Any, p: float = 2) -> Any:
    """Distance of every row of x1 to every row of x2: (..., n, d) and (..., m, d) -> (..., n, m).

    From the differences themselves, (..., n, m, d) numbers in memory; equal rows have distance and gradient 0.
    """
    if x1.ndim < 2 or x2.ndim < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ValueError(f"cdist of {tuple(x1.shape)} and {tuple(x2.shape)}: needs (..., n, d) and (..., m, d)")
    return vector_norm(unsqueeze(x1, -2) - unsqueeze(x2, -3), p, -1)


def pdist(x: Any, p: float = 2) -> Any:
    """Distances of row 1 to rows 2, 3 ..., of row 2 to rows 3, 4 ..., and so on: (n, d) -> (n (n - 1) / 2,).

    Equal rows have distance and gradient 0. ``cdist`` of ``x`` with itself above its diagonal.
    """
    if x.ndim != 2:
        raise ValueError(f"pdist is of the rows of a matrix, got shape {tuple(x.shape)}")
    first, second = np.triu_indices(x.shape[0], 1)
    return vector_norm(index_select(x, 0, first) - index_select(x, 0, second), p, -1)
