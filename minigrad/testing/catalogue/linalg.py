"""Cases of minigrad/ops/linalg.py."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from .case import Case, collect
from .domains import POSITIVE, array

CASES: list[Case] = []
case = collect(CASES)

BATCHES = st.sampled_from([(), (), (), (1,), (2,), (0,), (2, 1)])
SIZES = st.integers(0, 3)
SMALL = st.floats(-0.5, 0.5)


@st.composite
def regular(draw, sizes=SIZES, batches=BATCHES, positive=False):
    """Well-conditioned square matrices: diagonally dominant; rows exchanged and with signs unless ``positive``."""
    n, batch = draw(sizes), draw(batches)
    diagonal = draw(array((*batch, n), st.floats(1, 2)))
    A = draw(array((*batch, n, n), SMALL)) / max(n, 1) + diagonal[..., None] * np.eye(n)
    if not positive:
        A = A[..., draw(st.permutations(range(n))), :] * draw(array((n, 1), st.sampled_from([-1.0, 1.0])))
    A.flags.writeable = False
    return A


def alone(matrices):
    """Inputs of one matrix."""
    return matrices.map(lambda A: ([A], []))


@st.composite
def systems(draw, sides, vectors=False):
    """A, and B with the lengths that ``left`` or not ``left`` wants; batches that broadcast."""
    A = draw(regular(batches=st.sampled_from([(), (2,), (2, 1)]), positive=True))
    left, n = draw(sides), A.shape[-1]
    if vectors:
        return [A, draw(array(draw(st.sampled_from([(n,), A.shape[:-1]]))))], [left]
    batch, k = draw(st.sampled_from([(), (2,), (1, 2), (3, 1, 2)])), draw(st.integers(0, 2))
    shape = (*batch, n, k) if left else (*batch, k, n)
    assume(shape != A.shape[:-1])  # else it is a batch of vectors
    return [A, draw(array(shape))], [left]


LEFT, EITHER = st.just(True), st.booleans()
case(
    "solve",
    lambda m, A, B, left: m.solve(A, B, left=left),
    systems(EITHER),
    lambda m, A, B, left: m.linalg.solve(A, B, left=left),
)
case(
    "solve:vector",
    lambda m, A, b, _: A.solve(b),
    systems(LEFT, vectors=True),
    lambda m, A, b, _: m.linalg.solve(A, b),
)
for upper in (True, False):
    for ones in (True, False):
        case(
            "solve_triangular" if upper and not ones else f"solve_triangular:{upper=} {ones=}",
            lambda m, A, B, left, u=upper, o=ones: m.solve_triangular(A, B, upper=u, left=left, unitriangular=o),
            systems(EITHER),
            lambda m, A, B, left, u=upper, o=ones: m.linalg.solve_triangular(A, B, upper=u, left=left, unitriangular=o),
        )
    case(
        "cholesky_solve" if not upper else "cholesky_solve:upper",
        lambda m, L, B, _, u=upper: m.cholesky_solve(B, L, upper=u),
        systems(LEFT),
        # PyTorch's gradient for L is not confined to the triangle.
        lambda m, L, B, _, u=upper: m.cholesky_solve(B, m.triu(L) if u else m.tril(L), upper=u),
    )
case("inv", lambda m, A: m.inv(A), alone(regular()), lambda m, A: m.linalg.inv(A))
case("inverse", lambda m, A: m.inverse(A), alone(regular()))

case("det", lambda m, A: m.det(A), alone(regular()))
case(
    "slogdet",
    lambda m, A: tuple(m.slogdet(A)),
    alone(regular()),
    lambda m, A: (m.slogdet(A)[0].detach(), m.slogdet(A)[1]),
)
case("logdet", lambda m, A: m.logdet(A), alone(regular(positive=True)))


@st.composite
def singular(draw):
    """Products of (n, r) and (r, n), r < n."""
    n, batch = draw(st.integers(1, 3)), draw(BATCHES)
    r = draw(st.integers(0, n - 1))
    return draw(array((*batch, n, r), POSITIVE)) @ draw(array((*batch, r, n), POSITIVE))


def leibniz(m, A):
    """The determinant by its definition, a polynomial that knows nothing of singular matrices."""
    n, total = A.shape[-1], 0
    for p in permutations(range(n)):
        term = A[..., 0, 0] * 0 + np.linalg.det(np.eye(n)[list(p)])
        for i in range(n):
            term = term * A[..., i, p[i]]
        total = total + term
    return total


case("det:singular", lambda m, A: m.det(A), alone(singular()), leibniz)

for n in (1, 2, 3, 5, -1, -2):
    case(f"matrix_power:{n}", lambda m, A, n=n: m.matrix_power(A, n), alone(regular()))
case("matrix_power", lambda m, A: m.matrix_power(A, 4), alone(regular()))
case("matrix_power:0", lambda m, A: m.matrix_power(A, 0), alone(regular()), smooth=False)
case("matrix_exp", lambda m, A: m.matrix_exp(A), alone(regular()))
case("matrix_exp:large", lambda m, A: m.matrix_exp(3 * A) / 100, alone(regular(sizes=st.integers(1, 2))))
