"""Linear systems: solve, inverse, determinant, powers and exponential of square matrices.

Matrices are the last two dimensions; leading ones are a batch and may be empty. Floating dtypes only, as in PyTorch.
A singular matrix raises LinAlgError where it has no answer. The derivatives are those of Giles, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation" (2008), unless a source is named.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..device import linalg_errors
from ..engine import derivatives, op
from ..errors import LinAlgError
from .elementary import sign, where
from .indexing import getitem
from .joining import cat
from .placement import full, identity, like
from .products import matmul
from .shape import squeeze, unsqueeze

__all__ = [
    "cholesky_solve",
    "det",
    "inv",
    "inverse",
    "logdet",
    "matrix_exp",
    "matrix_power",
    "slogdet",
    "solve",
    "solve_triangular",
]


def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """The X of ``A X = B``, or of ``X A = B`` if not ``left``: A (..., n, n), B (..., n, k) or (..., k, n).

    B is a vector (n,), or a batch of vectors if its shape is that of A without the last dimension.
    dB = A^-T g, dA = -dB X^T. Raises LinAlgError for a singular A.
    """
    square("solve", A)
    require_floating("solve", B)
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    if vector and not left:
        raise ValueError(f"solve with left=False needs a B of two dimensions or more, got {tuple(B.shape)}")
    B = unsqueeze(B, -1) if vector else B
    if B.shape[-2 if left else -1] != A.shape[-1]:
        raise ValueError(f"solve of A {tuple(A.shape)} and B {tuple(B.shape)}, left={left}: the lengths differ")
    out = _solve(A, B) if left else _solve(A.mT, B.mT).mT
    return squeeze(out, -1) if vector else out


@op
def _solve(A: Any, B: Any) -> Any:
    if A.shape[:-2] != B.shape[:-2]:
        batch = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
        A, B = np.broadcast_to(A, (*batch, *A.shape[-2:])), np.broadcast_to(B, (*batch, *B.shape[-2:]))
    try:
        with linalg_errors(A):
            return np.linalg.solve(A, B)
    except np.linalg.LinAlgError:
        raise _singular(A) from None


def _solve_derivatives(needed: list[int], g: Any, out: Any, A: Any, B: Any) -> dict[int, Any]:
    by_b = _solve(A.mT, g)
    return {0: -by_b @ out.mT if 0 in needed else None, 1: by_b}


derivatives(_solve, together=_solve_derivatives)


def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """``solve`` for a triangular A, of which only that triangle is read, without the diagonal if it is all ones.

    B is a matrix (..., n, k). dB = A^-T g, dA = the triangle of -dB X^T. Raises LinAlgError for a 0 on the diagonal.
    """
    square("solve_triangular", A)
    require_floating("solve_triangular", B)
    if B.ndim < 2 or B.shape[-2 if left else -1] != A.shape[-1]:
        raise ValueError(
            f"solve_triangular of A {tuple(A.shape)} and B {tuple(B.shape)}, left={left}: the lengths differ"
        )
    if not left:
        return solve_triangular(A.mT, B.mT, upper=not upper, unitriangular=unitriangular).mT
    A = triangle(A, upper=upper, diagonal=not unitriangular)
    if unitriangular:
        A = A + identity(A, A.shape[-1], A.dtype)
    # Elimination has nothing to do in an upper triangle; a lower one turned around is one.
    return _solve(A, B) if upper else _turned(_solve(_turned(A, 2), _turned(B, 1)), 1)


def _turned(x: Any, dims: int) -> Any:
    return getitem(x, (..., slice(None, None, -1), slice(None, None, -1 if dims == 2 else 1)))


def triangle(x: Any, *, upper: bool, diagonal: bool = True) -> Any:
    """The triangle of ``x``, zeros elsewhere."""
    below = np.tri(x.shape[-2], x.shape[-1], -1 if upper == diagonal else 0, dtype=bool, like=like(x))
    return where(below != upper, x, 0)


def cholesky_solve(B: Any, L: Any, upper: bool = False) -> Any:
    """The X of ``L L^T X = B``, or ``U^T U X = B`` for an ``upper`` factor: what ``cholesky`` is computed for."""
    lower = L.mT if upper else L
    return solve_triangular(lower.mT, solve_triangular(lower, B, upper=False), upper=True)


def inv(A: Any) -> Any:
    """Inverse; dA = -out^T g out^T. Raises LinAlgError for a singular A. ``solve`` is better where one will do."""
    square("inv", A)
    return _inv(A, singular=None)


def inverse(A: Any) -> Any:
    """``inv``, PyTorch's older name."""
    return inv(A)


@op
def _inv(A: Any, *, singular: float | None) -> Any:
    """``singular``: what to fill the inverse of a singular matrix with, None to raise."""
    try:
        with linalg_errors(A):
            return np.linalg.inv(A)
    except np.linalg.LinAlgError:
        if singular is None:
            raise _singular(A) from None
    regular = (np.linalg.slogdet(A)[0] != 0)[..., None, None]
    one = identity(A, A.shape[-1], A.dtype)
    return np.where(regular, np.linalg.inv(np.where(regular, A, one)), A.dtype.type(singular))


derivatives(_inv, lambda g, out, A, singular: -out.mT @ g @ out.mT)


def inverse_or_infinite(A: Any) -> Any:
    """Inverse, all infinite where a matrix is singular."""
    return _inv(A, singular=np.inf)


# --------------------------------------------------------------------------------------------- determinants


def det(A: Any) -> Any:
    """Determinant; dA = g times the matrix of cofactors, which exists for singular matrices too.

    Its first and second derivatives are right for any matrix; from the third on, a singular one raises LinAlgError.
    """
    square("det", A)
    return _det(A)


@op
def _det(A: Any) -> Any:
    return np.linalg.det(A)


derivatives(_det, lambda g, out, A: _as_matrices(g) * _cofactors(A))  # type: ignore[has-type]


@op
def _cofactors(A: Any) -> Any:
    """``det(A) A^-T``, by continuity where A is singular: for A = U S V^T it is ± U diag(prod of the other s) V^T."""
    u, others, _, vh = _without_one_or_two(A)
    return (u * others[..., None, :]) @ vh


derivatives(_cofactors, lambda g, out, A: _second_cofactors(g, A))  # type: ignore[has-type]


@op
def _second_cofactors(g: Any, A: Any) -> Any:
    """The derivative of ``<g, cofactors(A)>``, which is ``det(A) (tr(B g) B - B g B)^T`` with B = A^-1; linear in g.

    For the diagonal matrix S of A = U S V^T it has on its diagonal sum_j p_ij g_jj and elsewhere -p_ij g_ji, where
    p_ij is the product of all s but s_i and s_j.
    """
    u, _, others, vh = _without_one_or_two(A)
    g = u.mT @ g @ vh.mT
    inner = -others * g.mT
    i = np.arange(A.shape[-1], like=like(A))
    inner[..., i, i] = (others @ g[..., i, i, None])[..., 0]
    return u @ inner @ vh


def _third_derivative(g: Any, out: Any, w: Any, A: Any) -> Any:
    """Of ``<g, second_cofactors(w, A)>``, by the product rule: d tr(B w) = -tr(B dA B w)."""
    b = inv(A)
    g, w = b @ g, b @ w
    tg, tw = _as_matrices(_trace(g)), _as_matrices(_trace(w))
    twice = g @ w + w @ g
    total = (tg * tw - _as_matrices(_trace(g @ w))) * b - tg * (w @ b) - tw * (g @ b) + twice @ b
    return _as_matrices(det(A)) * total.mT


derivatives(
    _second_cofactors,
    lambda g, out, w, A: _second_cofactors(g, A),
    _third_derivative,
)


def _without_one_or_two(A: Any) -> tuple[Any, Any, Any, Any]:
    """U and V^T of the singular value decomposition, and the products of all s but s_i, and but s_i and s_j.

    The sign of det U det V is in these products, which are made without dividing: an s may be 0.
    """
    u, s, vh = np.linalg.svd(A)
    n = s.shape[-1]
    last = np.where(np.tri(n, k=-1, dtype=bool, like=like(s)), 1, s[..., None, :])  # row i: s_k for k >= i
    to = np.cumprod(last, -1)  # s_i ... s_j for j >= i
    one = full(s, (*s.shape[:-1], 1), 1, s.dtype)
    left = np.concatenate([one, np.cumprod(s, -1)], -1)[..., :-1]
    right = np.concatenate([one, np.cumprod(s[..., ::-1], -1)], -1)[..., -2::-1]
    between = np.ones_like(to)
    between[..., :-1, 1:] = to[..., 1:, :-1]  # s_(i+1) ... s_(j-1) for j > i
    both = np.triu(left[..., :, None] * between * right[..., None, :], 1)
    det_sign = np.sign(np.linalg.det(u) * np.linalg.det(vh))[..., None]
    return u, det_sign * left * right, det_sign[..., None] * (both + both.mT), vh


class SLogDet(NamedTuple):
    """What ``slogdet`` returns, as in PyTorch."""

    sign: Any
    logabsdet: Any


def slogdet(A: Any) -> SLogDet:
    """Sign of the determinant, and the logarithm of its absolute value, which cannot overflow; dA = g A^-T.

    A singular matrix has 0 and -inf, and its derivative is infinite. Nothing flows back through the sign.
    """
    square("slogdet", A)
    both = _slogdet(A)
    return SLogDet(sign(getitem(both, (..., 0))), getitem(both, (..., 1)))


@op
def _slogdet(A: Any) -> Any:
    signs, logarithms = np.linalg.slogdet(A)
    return np.stack([signs, logarithms], -1)


derivatives(_slogdet, lambda g, out, A: _as_matrices(getitem(g, (..., 1))) * inverse_or_infinite(A).mT)


def logdet(A: Any) -> Any:
    """Logarithm of the determinant: -inf for 0, nan for a negative one; dA = g A^-T."""
    signs, out = slogdet(A)
    return where(signs < 0, np.nan, out)


# ------------------------------------------------------------------------------------------------- functions


def matrix_power(A: Any, n: int) -> Any:
    """A multiplied by itself, n factors in about log2 n products; ``inv(A)`` by itself for n < 0; 1 for n = 0."""
    square("matrix_power", A)
    if n <= 0:
        return matrix_power(inv(A), -n) if n else _identity(A)
    out = None
    while n:
        n, odd = divmod(n, 2)
        if odd:
            out = A if out is None else matmul(out, A)
        A = matmul(A, A) if n else A
    return out


@op
def _identity(A: Any) -> Any:
    return np.broadcast_to(identity(A, A.shape[-1], A.dtype), A.shape).copy()  # constant: no rule


def matrix_exp(A: Any) -> Any:
    """``sum_k A^k / k!``; its derivative is a block of the exponential of a block matrix, exp [[A^T, g], [0, A^T]].

    Scaled by a power of 2 and squared back, with the Padé approximant of degree 13: Higham, "The scaling and squaring
    method for the matrix exponential revisited" (2005). The derivative: Najfeld and Havel (1995).
    """
    square("matrix_exp", A)
    return _matrix_exp(A)


PADE = [math.prod((13 - j) / ((26 - j) * (j + 1)) for j in range(k)) for k in range(14)]


@op
def _matrix_exp(A: Any) -> Any:
    if not A.size:
        return A.copy()
    norm = np.abs(A).sum(-2).max(-1)
    norm = np.where(np.isfinite(norm), norm, 0)
    halvings = np.ceil(np.log2(np.maximum(norm, 5.37) / 5.37)).astype(int)
    A = A * (0.5**halvings).astype(A.dtype)[..., None, None]
    power, squared = identity(A, A.shape[-1], A.dtype), A @ A
    even, odd = np.zeros_like(A), np.zeros_like(A)
    for k in range(0, 14, 2):
        even, odd = even + PADE[k] * power, odd + PADE[k + 1] * power
        power = power @ squared
    odd = A @ odd
    out = np.linalg.solve(even - odd, even + odd)
    for k in range(int(halvings.max())):  # how often to square is the host's to know
        out = np.where((halvings > k)[..., None, None], out @ out, out)
    return out


def _matrix_exp_derivative(g: Any, out: Any, A: Any) -> Any:
    n = A.shape[-1]
    blocks = cat([cat([A.mT, g], -1), cat([A * 0, A.mT], -1)], -2)
    return getitem(_matrix_exp(blocks), (..., slice(0, n), slice(n, 2 * n)))


derivatives(_matrix_exp, _matrix_exp_derivative)


# --------------------------------------------------------------------------------------------------- helpers


def square(name: str, A: Any) -> None:
    """Raise unless A is a floating (..., n, n)."""
    require_floating(name, A)
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise LinAlgError(f"{name} of {tuple(A.shape)}: the last two dimensions must be a square matrix")


def require_floating(name: str, *arrays: Any) -> None:
    """Raise unless all are arrays of a floating dtype."""
    for A in arrays:
        if A.dtype.kind != "f":
            raise TypeError(f"{name} needs floating numbers, got {A.dtype}; convert with .double()")


def _singular(A: Any) -> np.linalg.LinAlgError:
    """Which one of a batch it is."""
    found = np.argwhere(np.linalg.slogdet(A)[0] == 0).tolist()
    return np.linalg.LinAlgError(f"the matrix {f'at {found[0]} ' if found and found[0] else ''}is singular")


def _as_matrices(x: Any) -> Any:
    """(...) -> (..., 1, 1)."""
    return unsqueeze(unsqueeze(x, -1), -1)


def _trace(x: Any) -> Any:
    return where(identity(x, x.shape[-1]), x, 0).sum(axis=(-2, -1))
