"""Cases of minigrad/ops/norms.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ... import ops
from .case import Case, collect
from .decompositions import with_values
from .domains import FULL, NONZERO, SHAPES, array, dims, distinct, one
from .linalg import BATCHES, alone

CASES: list[Case] = []
case = collect(CASES)


def linalg_norm(m):
    return ops.norms.norm_of_vector_or_matrix if m is ops else m.linalg.norm


ord: Any
# PyTorch's second derivatives of none, and where an element is 0, are nan unless ord is 1 or 2.
for ord in (2, 1, 3, 1.5, 0.5, -1, 0):
    case(
        f"vector_norm:{ord}" if ord != 2 else "vector_norm",
        lambda m, x, dim, keep, o=ord: m.vector_norm(x, o, dim, keep),
        one(NONZERO, SHAPES if ord in (0, 1, 2) else FULL, dims),
        lambda m, x, dim, keep, o=ord: m.linalg.vector_norm(x, o, dim, keep),
        smooth=ord != 0,
    )
# Sizes from 0.3 on, all different, with signs.
APART = distinct(settings=dims).map(
    lambda drawn: ([(drawn[0][0] - drawn[0][0].min() + 0.3) * np.sign(drawn[0][0] + 0.1)], drawn[1])
)
for ord in (np.inf, -np.inf):
    case(
        f"vector_norm:{ord}",
        lambda m, x, dim, keep, o=ord: x.vector_norm(o, axis=dim, keepdims=keep),
        APART,
        lambda m, x, dim, keep, o=ord: m.linalg.vector_norm(x, o, dim, keep),
    )
case(
    "vector_norm:dtype",
    lambda m, x: m.vector_norm(x, dtype="float64"),
    one(NONZERO),
    lambda m, x: m.linalg.vector_norm(x, dtype=m.float64),
    keeps_dtype=False,
)

FULL_BATCHES = st.sampled_from([(), (2,)])  # PyTorch drops the history of none
FILLED = st.tuples(st.integers(1, 3), st.integers(1, 3))
BY_VALUES = ("fro", "nuc", 2, -2)


@st.composite
def with_sums(draw, batches):
    """Matrices of powers of 2 with signs: no two rows or columns have equal sums of sizes, and no element is near 0."""
    m, n, batch = draw(st.integers(1, 2)), draw(st.integers(1, 3)), draw(batches)
    orders = [draw(st.permutations(range(m * n))) for _ in range(int(np.prod(batch)))]
    return 0.3 * 2.0 ** np.reshape(orders, (*batch, m, n)) * draw(array((m, n), st.sampled_from([-1.0, 1.0])))


@st.composite
def with_sums_and_inverses(draw):
    """The same for the inverse too."""
    return np.array([[3, 0.5], [-0.7, 2]]) + draw(array((*draw(FULL_BATCHES), 2, 2), st.floats(-0.05, 0.05)))


for ord in (*BY_VALUES, 1, -1, np.inf, -np.inf):
    matrices = (lambda b: with_values(sizes=FILLED, batches=b)) if ord in BY_VALUES else with_sums
    case(
        f"matrix_norm:{ord}" if ord != "fro" else "matrix_norm",
        lambda m, A, keep, o=ord: m.matrix_norm(A, o, keepdim=keep),
        st.tuples(matrices(BATCHES).map(lambda A: [A]), st.booleans().map(lambda keep: [keep])),
        lambda m, A, keep, o=ord: m.linalg.matrix_norm(A, o, keepdim=keep),
    )
    case(
        f"matrix_norm:{ord} dim",
        lambda m, A, o=ord: A.matrix_norm(o, (1, 0)),
        alone(matrices(st.just((2,))).map(lambda A: np.moveaxis(A, 0, 2))),
        lambda m, A, o=ord: m.linalg.matrix_norm(A, o, (1, 0)),
    )
    by_values = with_values(sizes=st.integers(1, 3).map(lambda n: (n, n)), batches=FULL_BATCHES)
    case(
        f"cond:{ord}",
        lambda m, A, o=ord: m.cond(A, o),
        alone(by_values if ord in BY_VALUES else with_sums_and_inverses()),
        # PyTorch's own has no second derivative.
        lambda m, A, o=ord: m.linalg.matrix_norm(A, o) * m.linalg.matrix_norm(m.linalg.inv(A), o),
    )
case(
    "cond",
    lambda m, A: m.cond(A),
    alone(with_values(sizes=FILLED, batches=FULL_BATCHES)),
    lambda m, A: m.linalg.cond(A),
)

ROWS = one(NONZERO, st.tuples(st.integers(1, 3), st.integers(1, 3)))
MATRIX = alone(with_values(sizes=FILLED, batches=st.just(())))
WITH_SUMS = alone(with_sums(st.just(())))
UP_TO_TWO = one(NONZERO, settings=dims).filter(
    lambda drawn: drawn[1][0] is None or np.size(drawn[1][0]) <= 2
)  # as PyTorch's
case("norm", lambda m, x, dim, keep: m.norm(x, dim=dim, keepdim=keep), UP_TO_TWO)
case("norm:p", lambda m, x, dim, keep: x.norm(1.5, dim, keep), one(NONZERO, FULL, dims))
case("norm:nuc", lambda m, A: A.norm("nuc"), MATRIX)
case("norm:linalg", lambda m, x, dim, keep: linalg_norm(m)(x, None, dim, keep), UP_TO_TWO)
case("norm:linalg of a matrix", lambda m, A: linalg_norm(m)(A, 1) * linalg_norm(m)(A, 2), WITH_SUMS)
case("norm:linalg of matrices", lambda m, A: linalg_norm(m)(A, "nuc", (0, 1), keepdim=True), MATRIX)
case("norm:linalg of a vector", lambda m, A: linalg_norm(m)(A[0], 1) * linalg_norm(m)(A, 3, 0), ROWS)


@st.composite
def pairs(draw, shapes):
    """x, and y with no element nearer than 0.3."""
    shape = draw(shapes)
    x = draw(array(shape))
    return [x, x + draw(array(shape, NONZERO))], []


case("dist", lambda m, x, y: m.dist(x, y), pairs(SHAPES))
case("dist:p", lambda m, x, y: x.dist(y, 3), pairs(FULL))


@st.composite
def points(draw):
    """Rows that differ in every element."""
    batch, n, k, d = draw(st.sampled_from([(), (2,)])), *(draw(st.integers(low, 3)) for low in (0, 0, 1))
    shift = st.floats(0, 1)
    return [draw(array((*batch, n, d), shift)), draw(array((*batch, k, d), shift)) + 1.5], []


for p in (2, 1, 3):
    case(
        "cdist" if p == 2 else f"cdist:{p}",
        lambda m, x, y, p=p: m.cdist(x, y, p),
        points(),
        # PyTorch's own has no second derivative.
        lambda m, x, y, p=p: m.linalg.vector_norm(x[..., :, None, :] - y[..., None, :, :], p, -1),
    )


@st.composite
def rows_apart(draw):
    """Rows that differ in every element."""
    n, d = draw(st.integers(0, 4)), draw(st.integers(1, 3))
    return [np.sort(draw(array((n, d), st.floats(0, 1))), 0) + 1.5 * np.arange(n)[:, None]], []


for p in (2, 1, 3):
    case(
        "pdist" if p == 2 else f"pdist:{p}",
        lambda m, x, p=p: m.pdist(x, p),
        rows_apart(),
        lambda m, x, p=p: m.linalg.vector_norm(x[m.triu_indices(len(x), len(x), 1)].diff(dim=0)[0], p, -1),
    )
    case(
        "renorm" if p == 2 else f"renorm:{p}",
        lambda m, x, d, p=p: m.renorm(x, p, d, 2.0),
        one(NONZERO, st.sampled_from([(2, 3), (3, 1, 2)]), lambda s: st.tuples(st.integers(-len(s), len(s) - 1))),
    )
