"""Cases of minigrad/ops/decompositions.py: only functions that do not depend on the signs of vectors."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .case import Case, collect
from .domains import array, several
from .linalg import BATCHES, SMALL, alone, regular

CASES: list[Case] = []
case = collect(CASES)

SIZES = st.tuples(st.integers(0, 3), st.integers(0, 3))


@st.composite
def with_values(draw, symmetric=False, sizes=SIZES, batches=BATCHES):
    """Matrices of given singular values, or symmetric ones of given eigenvalues: none closer than 0.5."""
    (m, n), batch = draw(sizes), draw(batches)
    m, k = n if symmetric else m, n if symmetric else min(m, n)
    values = 0.5 + 0.5 * np.reshape(draw(st.permutations(range(k))), k) - (0.7 if symmetric else 0)
    u, v = (np.linalg.qr(draw(array((*batch, i, i), SMALL)) + np.eye(i))[0] for i in (m, n))
    A = (u[..., :k] * values) @ (u if symmetric else v)[..., :k].mT
    A.flags.writeable = False
    return A


SYMMETRIC, GENERAL = alone(with_values(symmetric=True)), alone(with_values())
REGULAR = alone(with_values(sizes=st.integers(0, 3).map(lambda n: (n, n))))


def symmetric(A):
    return (A + A.mT) / 2


case(
    "cholesky",
    lambda m, A: m.cholesky(symmetric(A @ A.mT)),
    REGULAR,
    lambda m, A: m.linalg.cholesky(symmetric(A @ A.mT)),
)
case(
    "cholesky:upper",
    lambda m, A: symmetric(A @ A.mT).cholesky(upper=True),
    REGULAR,
    lambda m, A: m.linalg.cholesky(symmetric(A @ A.mT), upper=True),
)


def of_eigh(eigh):
    """Eigenvalues, a function of the matrix, and squares of the vectors' elements."""

    def f(m, A, *options):
        w, v = eigh(m, symmetric(A), *options)
        return w, v * (w * w)[..., None, :] @ v.mT, v * v

    return f


THEIRS = of_eigh(lambda m, A: m.linalg.eigh(A))
case("eigh", of_eigh(lambda m, A: m.eigh(A)), SYMMETRIC, THEIRS)
case("eigh:upper", of_eigh(lambda m, A: A.eigh(UPLO="U")), SYMMETRIC, THEIRS)
case("eigvalsh", lambda m, A: m.eigvalsh(symmetric(A)), SYMMETRIC, lambda m, A: m.linalg.eigvalsh(symmetric(A)))
case(
    "eigvalsh:upper",
    lambda m, A: symmetric(A).eigvalsh("U"),
    SYMMETRIC,
    lambda m, A: m.linalg.eigvalsh(symmetric(A), UPLO="U"),
)


def of_svd(svd):
    """Singular values, projectors, products of both sides' vectors, squares of elements."""

    def f(m, A):
        u, s, vh = svd(m, A)
        return s, u * s[..., None, :] @ u.mT, u @ vh, u * u, vh * vh

    return f


THEIRS = of_svd(lambda m, A: m.linalg.svd(A, full_matrices=False))
case("svd", of_svd(lambda m, A: m.svd(A, full_matrices=False)), GENERAL, THEIRS)
case("svd:square", of_svd(lambda m, A: A.svd()), REGULAR, THEIRS)
case("svd:full", lambda m, A: m.svd(A)[1], GENERAL, lambda m, A: m.linalg.svdvals(A))
case("svdvals", lambda m, A: m.svdvals(A), GENERAL, lambda m, A: m.linalg.svdvals(A))


def of_qr(qr):
    """Q and R after the signs of R's diagonal, which are constants, are made positive."""

    def f(m, A):
        q, r = qr(m, A)
        i = list(range(q.shape[-1]))
        sign = m.sign(r[..., i, i])
        return q * sign[..., None, :], sign[..., :, None] * r

    return f


# The first columns must be independent, which singular values alone do not promise.
COLUMNS = alone(regular(positive=True)) | alone(
    regular(positive=True, sizes=st.integers(2, 4)).flatmap(
        lambda A: st.sampled_from([A[..., :-1], A[..., :-1, :], A[..., :1], A[..., :1, :]])
    )
)
case("qr", of_qr(lambda m, A: m.qr(A)), COLUMNS, of_qr(lambda m, A: m.linalg.qr(A)))

case("pinv", lambda m, A: m.pinv(A), GENERAL, lambda m, A: m.linalg.pinv(A))
case("pinverse", lambda m, A: m.pinverse(A), GENERAL)
RANK_ONE = several(st.floats(1, 2), st.floats(1, 2), shapes=st.just([(3, 1), (1, 2)]))
case("pinv:rank one", lambda m, x, y: (x @ y).pinv(), RANK_ONE, lambda m, x, y: m.linalg.pinv(x @ y))
case("pinv:atol", lambda m, A: A.pinv(atol=0.1), GENERAL, lambda m, A: m.linalg.pinv(A, atol=0.1))
case("matrix_rank", lambda m, A: m.matrix_rank(A), GENERAL, lambda m, A: m.linalg.matrix_rank(A), smooth=False)
case(
    "matrix_rank:options",
    lambda m, A: A.matrix_rank(atol=0.6, rtol=0.1, hermitian=True),
    SYMMETRIC,
    lambda m, A: m.linalg.matrix_rank(A, atol=0.6, rtol=0.1, hermitian=True),
    smooth=False,
)


@st.composite
def overdetermined(draw):
    A = draw(with_values(batches=st.sampled_from([(), (2,)])))
    return [A, draw(array((*A.shape[:-1], draw(st.integers(0, 2)))))], []


case("lstsq", lambda m, A, B: m.lstsq(A, B), overdetermined(), lambda m, A, B: m.linalg.pinv(A) @ B)
