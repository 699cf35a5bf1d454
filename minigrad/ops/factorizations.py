"""Elimination: the LU factors of a matrix and what is solved with them; products of reflections.

Matrices are the last two dimensions; leading ones are a batch. The order of the rows is found from the values and is
constant; what is computed from the rows in that order has derivatives. ``lu`` and ``lu_solve`` are minigrad.linalg's:
PyTorch has older functions of these names, which take and return other things.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine import derivatives, op
from ..errors import LinAlgError, ShapeError
from .decompositions import cholesky, matrices
from .diagonals import tril, triu
from .elementary import where
from .indexing import _grid, found, getitem, take_along_dim
from .joining import cat
from .linalg import inv, require_floating, solve, solve_triangular, square, triangle
from .placement import array_of, identity, like, readable
from .shape import movedim, reshape

__all__ = [
    "cholesky_ex",
    "cholesky_inverse",
    "householder_product",
    "inv_ex",
    "lu_factor",
    "tensorinv",
    "tensorsolve",
]


class LU(NamedTuple):
    """What ``lu`` returns, as in PyTorch."""

    P: Any
    L: Any
    U: Any


class LUFactor(NamedTuple):
    """What ``lu_factor`` returns, as in PyTorch."""

    LU: Any
    pivots: Any


def lu(A: Any, *, pivot: bool = True) -> LU:
    """``A = P L U``: P (..., m, m) reorders rows, L (..., m, k) has ones on its diagonal, U (..., k, n); k = min(m, n).

    In each column the largest element left becomes the pivot; without ``pivot`` the rows stay, and P is the identity.
    """
    packed, order = _factored(A, pivot, "lu")
    m, n = A.shape[-2:]
    k = min(m, n)
    one = identity(A, m, A.dtype)
    P = found(A, array=np.swapaxes(one[order], -1, -2))
    columns, rows = getitem(packed, (..., slice(0, k))), getitem(packed, (..., slice(0, k), slice(None)))
    return LU(P, tril(columns, -1) + one[:, :k], triu(rows))


def lu_factor(A: Any, *, pivot: bool = True) -> LUFactor:
    """L below the diagonal and U on and above it in one matrix, and the row, from 1 on, exchanged with each."""
    packed, order = _factored(A, pivot, "lu_factor")
    k = min(A.shape[-2:])
    on_diagonal = np.diagonal(array_of(packed), 0, -2, -1)
    if readable(on_diagonal) and (on_diagonal == 0).any():
        raise LinAlgError(f"lu_factor of {tuple(A.shape)}: a pivot is 0, so nothing is solved with it; lu factors it")
    at, pivots = order.copy(), np.zeros((*order.shape[:-1], k), np.int32, like=like(A))
    now = np.broadcast_to(np.arange(A.shape[-2], like=like(A)), order.shape).copy()
    for i in range(k):  # row i of the result is where in what the exchanges so far have made?
        place = np.argmax(now == at[..., i : i + 1], axis=-1)[..., None]
        pivots[..., i] = place[..., 0] + 1
        here = now[..., i : i + 1].copy()
        now[_grid(place, -1)] = here
        now[..., i] = at[..., i]
    return LUFactor(packed, found(A, array=pivots))


def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    """The X of ``A X = B`` (``left``), ``A^T X = B`` (``adjoint``) or ``X A = B``, where ``lu_factor(A)`` is known."""
    square("lu_solve", LU)
    if B.ndim < 2 or B.shape[-2 if left else -1] != LU.shape[-1]:
        raise ShapeError(f"lu_solve of LU {tuple(LU.shape)} and B {tuple(B.shape)}, left={left}: the lengths differ")
    if not left:
        return lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    exchanges = array_of(pivots)
    order = np.broadcast_to(np.arange(LU.shape[-1], like=like(LU)), exchanges.shape).copy()
    for i in range(LU.shape[-1]):
        place = exchanges[..., i : i + 1].astype(np.int64) - 1
        there = np.take_along_axis(order, place, -1)
        order[_grid(place, -1)] = order[..., i : i + 1].copy()
        order[..., i] = there[..., 0]
    if not adjoint:
        y = solve_triangular(LU, _rows(B, order), upper=False, unitriangular=True)
        return solve_triangular(LU, y, upper=True)
    y = solve_triangular(LU.mT, B, upper=False)
    return _rows(solve_triangular(LU.mT, y, upper=True, unitriangular=True), np.argsort(order, -1))


def _rows(x: Any, order: Any) -> Any:
    """The rows in this order; batches broadcast."""
    batch = np.broadcast_shapes(tuple(x.shape[:-2]), order.shape[:-1])
    order = np.broadcast_to(order, (*batch, order.shape[-1]))
    whole = x if tuple(x.shape[:-2]) == batch else x + np.zeros((*batch, 1, 1), x.dtype, like=like(x))
    return take_along_dim(whole, order[..., None], -2)


def _factored(A: Any, pivot: bool, name: str) -> tuple[Any, Any]:
    """L and U in one matrix, and the order of the rows.

    Where A is not square, one factor is longer; its further part follows from the square one's by solving.
    """
    matrices(name, A)
    m, n = A.shape[-2:]
    k = min(m, n)
    order = _order(array_of(A), pivot)
    rows = take_along_dim(A, order[..., None], -2) if A.size else A
    packed = _eliminated(getitem(rows, (..., slice(0, k), slice(0, k))))
    if m > n:
        below = getitem(rows, (..., slice(k, None), slice(None)))
        return cat([packed, solve_triangular(packed, below, upper=True, left=False)], -2), order
    if n > m:
        right = getitem(rows, (..., slice(k, None)))
        return cat([packed, solve_triangular(packed, right, upper=False, unitriangular=True)], -1), order
    return packed, order


def _order(A: Any, pivot: bool) -> Any:
    """Which row of A comes to each place, when the largest element left of each column is exchanged to the diagonal."""
    A = np.array(A, like=like(A))
    order = np.broadcast_to(np.arange(A.shape[-2], like=like(A)), A.shape[:-1]).copy()
    for i in range(min(A.shape[-2:]) if pivot else 0):
        place = np.argmax(np.abs(A[..., i:, i]), axis=-1)[..., None] + i
        at = _grid(place, -1)
        for x in (A, order[..., None]):
            chosen = x[at]
            x[at] = x[..., i : i + 1, :].copy()
            x[..., i : i + 1, :] = chosen
        _eliminate(A, i)
    return order


def _eliminate(A: Any, i: int) -> None:
    """Column i below the diagonal becomes that of L; the rest of the rows below loses its multiples of row i."""
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = A[..., i + 1 :, i] / A[..., i, i, None]
    A[..., i + 1 :, i] = np.where(A[..., i, i, None] == 0, 0, factors)
    A[..., i + 1 :, i + 1 :] -= A[..., i + 1 :, i, None] * A[..., i, None, i + 1 :]


@op
def _eliminated(A: Any) -> Any:
    """L and U of a square matrix, in one, without exchanges. dA = L^-T (tril(L^T gL, -1) + triu(gU U^T)) U^-T."""
    out = np.array(A, like=like(A))
    for i in range(A.shape[-1]):
        _eliminate(out, i)
    return out


def _eliminated_derivative(g: Any, out: Any, A: Any) -> Any:
    lower, upper = triangle(out, upper=False, diagonal=False), triangle(out, upper=True)
    whole = lower + identity(out, out.shape[-1], out.dtype)
    of_lower = triangle(whole.mT @ triangle(g, upper=False, diagonal=False), upper=False, diagonal=False)
    inner = of_lower + triangle(triangle(g, upper=True) @ upper.mT, upper=True)
    inner = solve_triangular(out.mT, inner, upper=True, unitriangular=True)
    return solve_triangular(out.mT, inner, upper=False, left=False)


derivatives(_eliminated, _eliminated_derivative)


# --------------------------------------------------------------------------------------- answers with a number


class Checked(NamedTuple):
    """What ``inv_ex`` returns, as in PyTorch: 0 in ``info`` for an inverse that exists."""

    inverse: Any
    info: Any


class CheckedFactor(NamedTuple):
    """What ``cholesky_ex`` returns, as in PyTorch: 0 in ``info`` for a positive definite matrix."""

    L: Any
    info: Any


def inv_ex(A: Any, *, check_errors: bool = False) -> Checked:
    """``inv`` that does not raise: ``info`` is 0, or the number of the pivot that is 0; the inverse is then nan."""
    square("inv_ex", A)
    diagonal = np.diagonal(array_of(_factored(A, True, "inv_ex")[0]), 0, -2, -1)
    info = _first(diagonal == 0)
    if check_errors and info.any():
        raise LinAlgError("inv_ex: a matrix is singular")
    bad = info[..., None, None] != 0
    safe = where(bad, identity(A, A.shape[-1], A.dtype), A)
    return Checked(where(bad, np.nan, inv(safe)), found(A, array=info))


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> CheckedFactor:
    """``cholesky`` that does not raise: ``info`` is 0, or the order of the first minor that is not positive.

    The factor is then nan.
    """
    square("cholesky_ex", A)
    lower = np.tril(np.swapaxes(array_of(A), -1, -2) if upper else array_of(A))
    whole = lower + np.swapaxes(np.tril(lower, -1), -1, -2)
    eliminated = whole.copy()
    for i in range(A.shape[-1]):
        _eliminate(eliminated, i)
    info = _first(~(np.diagonal(eliminated, 0, -2, -1) > 0))
    if check_errors and info.any():
        raise LinAlgError("cholesky_ex: a matrix is not positive definite")
    bad = info[..., None, None] != 0
    safe = where(bad, identity(A, A.shape[-1], A.dtype), A)
    return CheckedFactor(where(bad, np.nan, cholesky(safe, upper=upper)), found(A, array=info))


def _first(wrong: Any) -> Any:
    """The number, from 1 on, of the first that is wrong along the last dimension; 0 if none is (int32)."""
    if not wrong.shape[-1]:
        return np.zeros(wrong.shape[:-1], np.int32, like=like(wrong))
    return np.where(wrong.any(-1), np.argmax(wrong, axis=-1) + 1, 0).astype(np.int32)


# ------------------------------------------------------------------------------------------- made from these


def cholesky_inverse(L: Any, upper: bool = False) -> Any:
    """The inverse of ``L L^T``, or of ``U^T U`` for an ``upper`` factor."""
    square("cholesky_inverse", L)
    inverse = solve_triangular(L, identity(L, L.shape[-1], L.dtype), upper=upper)
    return inverse @ inverse.mT if upper else inverse.mT @ inverse


def householder_product(A: Any, tau: Any) -> Any:
    """The first n columns of ``H_1 ... H_k``, ``H_i = 1 - tau_i v_i v_i^T``: (..., m, n) and (..., k) -> (..., m, n).

    v_i is column i of A below the diagonal, 1 on it and 0 above: how LAPACK writes the Q of QR.
    """
    matrices("householder_product", A)
    (m, n), k = A.shape[-2:], tau.shape[-1]
    if not k <= n <= m:
        raise ShapeError(f"householder_product: needs k <= n <= m, got A {tuple(A.shape)} and tau {tuple(tau.shape)}")
    one = identity(A, m, A.dtype)
    vectors = tril(A, -1) + one[:, :n]
    out: Any = one[:, :n]
    for i in reversed(range(k)):
        v = getitem(vectors, (..., slice(i, i + 1)))
        out = out - getitem(tau, (..., slice(i, i + 1), None)) * (v @ (v.mT @ out))
    return out if k else out + A * 0


def tensorsolve(A: Any, B: Any, dims: Sequence[int] | None = None) -> Any:
    """The X of ``tensordot(A, X, X.ndim) = B``: A has the shape of B and then that of X, with as many elements.

    ``dims`` of A are moved to its end first.
    """
    if dims is not None:
        A = movedim(A, tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    shape = tuple(A.shape[B.ndim :])
    n = math.prod(shape)
    if math.prod(A.shape[: B.ndim]) != n or tuple(A.shape[: B.ndim]) != tuple(B.shape):
        raise ShapeError(f"tensorsolve of A {tuple(A.shape)} and B {tuple(B.shape)}: A has B's shape and then X's")
    require_floating("tensorsolve", A, B)
    return reshape(solve(reshape(A, (n, n)), reshape(B, (n,))), shape)


def tensorinv(A: Any, ind: int = 2) -> Any:
    """The inverse of A for tensordot: the first ``ind`` dimensions have as many elements as the others."""
    first, last = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    n = math.prod(first)
    if ind < 1 or n != math.prod(last):
        raise ShapeError(f"tensorinv of {tuple(A.shape)} with ind={ind}: the two parts need as many elements")
    return reshape(inv(reshape(A, (n, n))), (*last, *first))
