"""Matrix decompositions, and what is made from them: pseudo-inverse, rank, condition.

Matrices are the last two dimensions; leading ones are a batch and may be empty. Vectors that come with a free sign are
LAPACK's: only functions that do not depend on the sign have a derivative with a meaning. The derivative of vectors is
infinite or nan where two of their values are equal, as in PyTorch; that of the values alone is not.

An op has one result. Where a decomposition has several, the op puts them under each other in one array.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ..device import linalg_errors
from ..engine import derivatives, op
from ..errors import LinAlgError
from .elementary import where
from .indexing import getitem
from .joining import cat
from .linalg import require_floating, solve_triangular, square, triangle
from .placement import array_of, beside, identity, readable
from .shape import reshape

__all__ = [
    "cholesky",
    "eigh",
    "eigvalsh",
    "lstsq",
    "matrix_rank",
    "pinv",
    "pinverse",
    "qr",
    "svd",
    "svdvals",
]


def cholesky(A: Any, *, upper: bool = False) -> Any:
    """The lower triangular L of ``A = L L^T``, or ``upper``, its transpose; only that triangle of A is read.

    dA = ½ L^-T (P + P^T) L^-1, where P is the lower triangle of L^T g with half its diagonal: symmetric, as in PyTorch.
    Raises LinAlgError if A is not positive definite.
    """
    square("cholesky", A)
    return _cholesky(A.mT).mT if upper else _cholesky(A)


@op
def _cholesky(A: Any) -> Any:
    try:
        with linalg_errors(A):
            return np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        least = np.linalg.eigvalsh(A)[..., 0]
        raise LinAlgError(f"not positive definite; its least eigenvalue is {least.min():.3g}") from None


def _cholesky_derivative(g: Any, out: Any, A: Any) -> Any:
    p = triangle(out.mT @ g, upper=False)
    both = where(identity(p, p.shape[-1]), p, p + p.mT) / 2
    return solve_triangular(out.mT, solve_triangular(out, both, upper=False, left=False), upper=True)


derivatives(_cholesky, _cholesky_derivative)


# ---------------------------------------------------------------------------------------- symmetric matrices


class Eigh(NamedTuple):
    """What ``eigh`` returns, as in PyTorch."""

    eigenvalues: Any
    eigenvectors: Any


def eigh(A: Any, UPLO: str = "L") -> Eigh:
    """Eigenvalues w (..., n), ascending, and eigenvectors, the columns of V: ``A = V diag(w) V^T`` for a symmetric A.

    Only the lower triangle is read ("U": the upper one). dA = V (diag(gw) + V^T gV / (w_j - w_i)) V^T, made symmetric.
    """
    both = _eigh(_symmetric("eigh", A, UPLO))
    return Eigh(getitem(both, (..., 0, slice(None))), getitem(both, (..., slice(1, None), slice(None))))


def _symmetric(name: str, A: Any, UPLO: str) -> Any:
    """A, with the triangle to be read below."""
    square(name, A)
    if UPLO not in ("L", "U"):
        raise ValueError(f'{name}: UPLO is "L" or "U", the triangle to read, not {UPLO!r}')
    return A if UPLO == "L" else A.mT


@op
def _eigh(A: Any) -> Any:
    w, v = np.linalg.eigh(A)
    return np.concatenate([w[..., None, :], v], -2)


def _eigh_derivative(g: Any, out: Any, A: Any) -> Any:
    w, v = getitem(out, (..., slice(0, 1), slice(None))), getitem(out, (..., slice(1, None), slice(None)))
    gw, gv = getitem(g, (..., slice(0, 1), slice(None))), getitem(g, (..., slice(1, None), slice(None)))
    diagonal = identity(v, v.shape[-1])
    inner = where(diagonal, gw, _over(v.mT @ gv, where(diagonal, 1, w - w.mT), gv))
    out = v @ inner @ v.mT
    return (out + out.mT) / 2


derivatives(_eigh, _eigh_derivative)


def _over(x: Any, gap: Any, arriving: Any) -> Any:
    """``x / gap``, but 0 where the gap is 0 and nothing at all is ``arriving`` at the vectors of the matrix."""
    unused = (gap == 0) & ((arriving != 0).sum(axis=(-2, -1), keepdims=True) == 0)
    return where(unused, 0, x) / where(unused, 1, gap)


def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """Eigenvalues (..., n) of a symmetric A, ascending; dA = V diag(g) V^T, also where two are equal."""
    return _eigvalsh(_symmetric("eigvalsh", A, UPLO))


@op
def _eigvalsh(A: Any) -> Any:
    return np.linalg.eigvalsh(A)


def _eigvalsh_derivative(g: Any, out: Any, A: Any) -> Any:
    v = eigh(A).eigenvectors
    return v * getitem(g, (..., None, slice(None))) @ v.mT


derivatives(_eigvalsh, _eigvalsh_derivative)


# ------------------------------------------------------------------------------------------- singular values


class SVD(NamedTuple):
    """What ``svd`` returns, as in PyTorch."""

    U: Any
    S: Any
    Vh: Any


def svd(A: Any, full_matrices: bool = True) -> SVD:
    """``A = U diag(S) Vh``: U and Vh^T have orthonormal columns, S descends; k = min(m, n).

    U is (..., m, k) and Vh (..., k, n), or with ``full_matrices`` square: then their further vectors are arbitrary and
    no gradient passes through U and Vh, unless A is square itself. Townsend, "Differentiating the SVD" (2016).
    """
    matrices("svd", A)
    m, n = A.shape[-2:]
    if full_matrices and m != n:
        flat = _full_vectors(A)
        u, vh = (getitem(flat, (..., part)) for part in _spans(m * m, n * n))
        return SVD(u.reshape((*A.shape[:-2], m, m)), _svdvals(A), vh.reshape((*A.shape[:-2], n, n)))
    u, s, v = _parts(_svd(A), m, n)
    return SVD(u, getitem(s, (..., 0, slice(None))), v.mT)


@op
def _svd(A: Any) -> Any:
    """U, S and V under each other: (..., m + 1 + n, k)."""
    u, s, vh = np.linalg.svd(A, full_matrices=False)
    return np.concatenate([u, s[..., None, :], vh.mT], -2)


def _spans(*lengths: int) -> list[slice]:
    ends = np.cumsum([0, *lengths]).tolist()
    return [slice(a, b) for a, b in pairwise(ends)]


def _parts(x: Any, m: int, n: int) -> list[Any]:
    return [getitem(x, (..., rows, slice(None))) for rows in _spans(m, 1, n)]


def _svd_derivative(g: Any, out: Any, A: Any) -> Any:
    m, n = A.shape[-2:]
    (u, s, v), (gu, gs, gv) = _parts(out, m, n), _parts(g, m, n)
    diagonal = identity(s, s.shape[-1])
    gap = where(diagonal, 1, (s - s.mT) * (s + s.mT))
    of_u, of_v = u.mT @ gu, v.mT @ gv
    inner = _over(of_u - of_u.mT, gap, gu) * s + s.mT * _over(of_v - of_v.mT, gap, gv)
    out = u @ where(diagonal, gs, inner) @ v.mT
    if m > n:  # what lies outside the span of U, and of V
        out = out + _over(gu - u @ of_u, s, gu) @ v.mT
    if n > m:
        out = out + u @ _over(gv - v @ of_v, s, gv).mT
    return out


derivatives(_svd, _svd_derivative)


@op
def _full_vectors(A: Any) -> Any:
    u, _, vh = np.linalg.svd(A)
    flat = [np.reshape(x, (*A.shape[:-2], x.shape[-2] * x.shape[-1])) for x in (u, vh)]
    return np.concatenate(flat, -1)


def _no_full_derivative(g: Any, out: Any, A: Any) -> Any:
    raise RuntimeError(
        f"svd of {tuple(A.shape)}: the vectors that full_matrices=True adds are arbitrary and have no derivative; "
        "pass full_matrices=False"
    )


derivatives(_full_vectors, _no_full_derivative)


def svdvals(A: Any) -> Any:
    """Singular values (..., min(m, n)), descending; dA = U diag(g) V^T, also where two are equal."""
    matrices("svdvals", A)
    return _svdvals(A)


@op
def _svdvals(A: Any) -> Any:
    return np.linalg.svd(A, compute_uv=False)


def _svdvals_derivative(g: Any, out: Any, A: Any) -> Any:
    u, _, vh = svd(A, full_matrices=False)
    return u * getitem(g, (..., None, slice(None))) @ vh


derivatives(_svdvals, _svdvals_derivative)


# -------------------------------------------------------------------------------------------------------- QR


class QR(NamedTuple):
    """What ``qr`` returns, as in PyTorch."""

    Q: Any
    R: Any


def qr(A: Any, mode: str = "reduced") -> QR:
    """``A = Q R``: Q (..., m, k) with orthonormal columns, R (..., k, n) upper triangular.

    k = min(m, n), or m for the mode "complete", whose added columns are arbitrary and have no derivative.
    dA = (gQ + Q sym(R gR^T - gQ^T Q)) R^-T, where sym mirrors the lower triangle; the first k columns must be
    independent. Walter and Lehmann, "Algorithmic differentiation of linear algebra functions" (2012).
    """
    matrices("qr", A)
    m, n = A.shape[-2:]
    if mode not in ("reduced", "complete"):
        raise ValueError(f'qr: mode {mode!r} is none of those here, "reduced" and "complete"')
    if mode == "complete" and m > n:
        both = _complete_qr(A)
        return QR(getitem(both, (..., slice(0, m))), getitem(both, (..., slice(m, None))))
    both = _qr(getitem(A, (..., slice(None), slice(0, m))) if n > m else A)
    q, r = (getitem(both, (..., rows, slice(None))) for rows in _spans(m, min(m, n)))
    return QR(q, cat([r, q.mT @ getitem(A, (..., slice(None), slice(m, None)))], -1) if n > m else r)


@op
def _qr(A: Any) -> Any:
    """Q and R under each other: (..., m + n, n), for m >= n."""
    q, r = np.linalg.qr(A)
    return np.concatenate([q, r], -2)


def _qr_derivative(g: Any, out: Any, A: Any) -> Any:
    m, n = A.shape[-2:]
    (q, r), (gq, gr) = ([getitem(x, (..., rows, slice(None))) for rows in _spans(m, n)] for x in (out, g))
    inner = triangle(r @ gr.mT - gq.mT @ q, upper=False)
    mirrored = inner + triangle(inner, upper=False, diagonal=False).mT
    return solve_triangular(r.mT, gq + q @ mirrored, upper=False, left=False)


derivatives(_qr, _qr_derivative)


@op
def _complete_qr(A: Any) -> Any:
    """Q and R beside each other: (..., m, m + n)."""
    return np.concatenate([*np.linalg.qr(A, "complete")], -1)


def _no_complete_derivative(g: Any, out: Any, A: Any) -> Any:
    raise RuntimeError(
        f'qr of {tuple(A.shape)}: the columns that mode "complete" adds are arbitrary and have no derivative; '
        'use mode "reduced"'
    )


derivatives(_complete_qr, _no_complete_derivative)


# ------------------------------------------------------------------------------------------- made from these


def pinv(A: Any, *, atol: Any = None, rtol: Any = None) -> Any:
    """Moore-Penrose inverse P (..., n, m); singular values up to max(atol, rtol times the largest) count as 0.

    Each is a number, or an array (...) with one for each matrix. rtol is max(m, n) eps by default, or 0 if atol is
    given. Differentiable where the rank does not change: Golub and Pereyra (1973),
    dP = -P dA P + P P^T dA^T (1 - A P) + (1 - P A) dA^T P^T P.
    """
    matrices("pinv", A)
    return _pinv(A, atol=atol, rtol=rtol)


def pinverse(A: Any, rcond: float = 1e-15) -> Any:
    """``pinv`` with rtol = rcond: PyTorch's older name."""
    return pinv(A, rtol=rcond)


@op
def _pinv(A: Any, *, atol: Any, rtol: Any) -> Any:
    u, s, vh = np.linalg.svd(A, full_matrices=False)
    kept = s > _least(A, s, atol, rtol)
    s = np.where(kept, 1, 0) / np.where(kept, s, 1)
    return (vh.mT * s[..., None, :].astype(A.dtype)) @ u.mT


def _least(A: Any, s: Any, atol: Any, rtol: Any) -> Any:
    """Singular values up to this count as 0."""
    atol, rtol = _for_each(A, atol), _for_each(A, rtol)
    if rtol is None:
        rtol = max(A.shape[-2:]) * np.finfo(A.dtype).eps * (not atol if np.ndim(atol) == 0 else atol == 0)
    largest = s.max(-1, keepdims=True) if s.shape[-1] else s.sum(-1, keepdims=True)  # of none: 0
    return np.maximum(rtol * largest, 0 if atol is None else atol)


def _for_each(A: Any, tolerance: Any) -> Any:
    """A number as it is; an array (...) of one for each matrix, beside each one's singular values."""
    return tolerance if np.ndim(tolerance) == 0 else beside(A, tolerance, copy=False)[..., None]


def _pinv_derivative(g: Any, out: Any, A: Any, **tolerances: Any) -> Any:
    outside = g.mT - A @ (out @ g.mT)
    return -out.mT @ g @ out.mT + outside @ out @ out.mT + out.mT @ out @ (g.mT - (g.mT @ out) @ A)


derivatives(_pinv, _pinv_derivative)


def matrix_rank(A: Any, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    """How many singular values are above max(atol, rtol times the largest), int64; tolerances as in ``pinv``."""
    matrices("matrix_rank", A)
    return _matrix_rank(A, atol=atol, rtol=rtol, hermitian=hermitian)


@op
def _matrix_rank(A: Any, *, atol: Any, rtol: Any, hermitian: bool) -> Any:
    s = np.abs(np.linalg.eigvalsh(A)) if hermitian else np.linalg.svd(A, compute_uv=False)
    return (s > _least(A, s, atol, rtol)).sum(-1)  # piecewise constant: no rule


def lstsq(A: Any, B: Any, rcond: float | None = None) -> Any:
    """The X of least |A X - B|, and of these of least |X|: ``pinv(A) B``, for B (..., m, k). Only the solution.

    minigrad.linalg.lstsq returns what PyTorch's does: the residuals, the rank and the singular values beside it.
    """
    matrices("lstsq", A)
    require_floating("lstsq", B)
    if B.ndim < 2 or B.shape[-2] != A.shape[-2]:
        raise ValueError(f"lstsq of A {tuple(A.shape)} and B {tuple(B.shape)}: B must be (..., {A.shape[-2]}, k)")
    return pinv(A, rtol=rcond) @ B


class LeastSquares(NamedTuple):
    """What minigrad.linalg.lstsq returns, as in PyTorch."""

    solution: Any
    residuals: Any
    rank: Any
    singular_values: Any


def least_squares(A: Any, B: Any, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """``lstsq``, and what is known beside it: minigrad.linalg.lstsq.

    residuals (..., k): the sums of squares of A X - B, where m > n and A has full rank, else empty. rank and singular
    values are always there, whatever LAPACK's ``driver`` is named; it is taken for PyTorch's sake and not used.
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise ValueError(f"lstsq: driver is one of gels, gelsy, gelsd and gelss, or None; got {driver!r}")
    solution, rank = lstsq(A, B, rcond), matrix_rank(A, rtol=rcond)
    found = array_of(rank)
    m, n = A.shape[-2:]
    known = m > n and (not readable(found) or bool((found == n).all()))
    rest = A @ solution - B
    residuals = (rest * rest).sum(axis=-2) if known else getitem(reshape(rest, -1), slice(0, 0))
    return LeastSquares(solution, residuals, rank, svdvals(A))


def matrices(name: str, A: Any) -> None:
    """Raise unless A is a floating (..., m, n)."""
    require_floating(name, A)
    if A.ndim < 2:
        raise LinAlgError(f"{name} of {tuple(A.shape)}: needs two dimensions or more, the last two a matrix")
