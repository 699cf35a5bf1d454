"""Cases of minigrad/ops/factorizations.py."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ... import linalg, ops
from .case import Case, collect
from .domains import array
from .linalg import BATCHES, alone, regular

CASES: list[Case] = []
case = collect(CASES)


def of(m):
    """linalg, in either library."""
    return linalg if m is ops else m.linalg


# The sizes of elements decide on the order of the rows: all are far from each other.
DOMINANT = regular(positive=True)
TALL = regular(positive=True, sizes=st.integers(2, 4)).map(lambda A: A[..., :-1])
WIDE = regular(positive=True, sizes=st.integers(2, 4)).map(lambda A: A[..., :-1, :])


def turned(matrices):
    """The same with the rows in the other order."""
    return matrices.map(lambda A: A[..., ::-1, :].copy())


for name, matrices in {"": turned(DOMINANT), ":tall": turned(TALL), ":wide": WIDE}.items():
    case(
        f"lu_factor{name}",
        lambda m, A: m.lu_factor(A)[0] if m is ops else m.linalg.lu_factor(A)[0],
        alone(matrices),
    )
    case(f"lu_factor:lu{name}", lambda m, A: tuple(of(m).lu(A))[1:], alone(matrices))
case("lu_factor:pivots", lambda m, A: of(m).lu_factor(A)[1], alone(turned(DOMINANT)), smooth=False)
case("lu_factor:P", lambda m, A: of(m).lu(A)[0], alone(turned(DOMINANT)), smooth=False)


@st.composite
def systems(draw):
    A = draw(regular(batches=st.sampled_from([(), (2,)])))
    return [A, draw(array((*A.shape[:-1], A.shape[-1])))], [draw(st.booleans()), draw(st.booleans())]


case(
    "lu_factor:lu_solve",
    lambda m, A, B, left, adjoint: of(m).lu_solve(*of(m).lu_factor(A), B, left=left, adjoint=adjoint),
    systems(),
    lambda m, A, B, left, adjoint: m.linalg.solve(A.mT if adjoint else A, B, left=left),
)
case("inv_ex", lambda m, A: of(m).inv_ex(A)[0], alone(regular()))
case("inv_ex:info", lambda m, A: of(m).inv_ex(A)[1], alone(regular()), smooth=False)


@st.composite
def positive(draw):
    n, batch = draw(st.integers(0, 3)), draw(BATCHES)
    A = draw(array((*batch, n, n), st.floats(-0.5, 0.5)))
    return A @ np.swapaxes(A, -1, -2) + np.eye(n)


for upper in (False, True):
    case(
        f"cholesky_ex{':upper' * upper}",
        lambda m, A, u=upper: of(m).cholesky_ex((A + A.mT) / 2, upper=u)[0],
        alone(positive()),
    )
    case(
        f"cholesky_inverse{':upper' * upper}",
        lambda m, A, u=upper: m.cholesky_inverse(A, upper=u),
        alone(DOMINANT),
        lambda m, A, u=upper: m.linalg.inv(m.triu(A).mT @ m.triu(A) if u else m.tril(A) @ m.tril(A).mT),
    )
case("cholesky_ex:info", lambda m, A: of(m).cholesky_ex(A)[1], alone(positive()), smooth=False)


@st.composite
def reflections(draw):
    n = draw(st.integers(1, 3))
    m, k, batch = n + draw(st.integers(0, 2)), draw(st.integers(1, n)), draw(st.sampled_from([(), (2,)]))
    return [draw(array((*batch, m, n))), draw(array((*batch, k), st.floats(0.1, 1.5)))], []


def product(m, A, tau):
    """The definition, without what LAPACK leaves out."""
    rows, columns = A.shape[-2:]
    out = m.eye(rows, dtype=A.dtype)
    for i in range(tau.shape[-1]):
        v = m.tril(A, -1)[..., i : i + 1] + m.eye(rows, dtype=A.dtype)[:, i : i + 1]
        out = out @ (m.eye(rows, dtype=A.dtype) - tau[..., i : i + 1, None] * v @ v.mT)
    return out[..., :columns]


case("householder_product", lambda m, A, tau: m.householder_product(A, tau), reflections(), product)
SQUARES = [((2, 3, 6), (2, 3)), ((4, 2, 2), (4,)), ((6, 1, 6), (6,)), ((1,), ()), ((2, 2), (2,))]


@st.composite
def tensor_systems(draw):
    shape, right = draw(st.sampled_from(SQUARES))
    n = int(np.prod(shape[len(right) :]))
    A = draw(regular(sizes=st.just(n), batches=st.just(())))
    return [A.reshape(shape), draw(array(right))], []


case(
    "tensorsolve",
    lambda m, A, B: m.tensorsolve(A, B),
    tensor_systems(),
    lambda m, A, B: m.linalg.tensorsolve(A, B),
)
case(
    "tensorsolve:dims",
    lambda m, A, B: m.tensorsolve(m.movedim(A, -1, 0), B, dims=(0,)),
    tensor_systems().filter(lambda drawn: drawn[0][0].ndim == drawn[0][1].ndim + 1),
    lambda m, A, B: m.linalg.tensorsolve(m.movedim(A, -1, 0), B, dims=(0,)),
)
case(
    "tensorinv",
    lambda m, A: m.tensorinv(A, ind=1),
    alone(regular(sizes=st.just(4), batches=st.just(())).map(lambda A: A.reshape(4, 2, 2))),
    lambda m, A: m.linalg.tensorinv(A, ind=1),
)
