"""Cases of minigrad/ops/diagonals.py."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ... import ops
from .case import Case, collect
from .domains import FULL, REAL, one, several

CASES: list[Case] = []
case = collect(CASES)

MATRICES = hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=3)
OFFSET = st.integers(-3, 3)


@st.composite
def planes(draw, shape):
    dims = draw(st.permutations(range(-len(shape), len(shape))))[:2]
    i, j = dims if (dims[0] - dims[1]) % len(shape) else (0, 1)
    return [draw(st.integers(-shape[i], shape[j])), i, j]


for name in ("tril", "triu"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), one(shapes=MATRICES))
    case(
        f"{name}:diagonal",
        lambda m, x, k, f=name: getattr(x, f)(k),
        one(shapes=MATRICES, settings=lambda s: st.tuples(OFFSET)),
    )
case("diagonal", lambda m, x: m.diagonal(x), one(shapes=MATRICES))
case("diagonal:offset", lambda m, x, k, i, j: x.diagonal(k, i, j), one(shapes=MATRICES, settings=planes))
case("diag_embed", lambda m, x, k: m.diag_embed(x, k), one(shapes=FULL, settings=lambda s: st.tuples(OFFSET)))
case(
    "diag_embed:dims",
    lambda m, x, k, i, j: x.diag_embed(k, i, j),
    one(
        shapes=FULL,
        settings=lambda s: st.tuples(OFFSET, st.just(0), st.just(-1)) | st.tuples(OFFSET, st.just(-1), st.just(0)),
    ),
)
case("diag", lambda m, x: m.diag(x), one(shapes=hnp.array_shapes(min_dims=1, max_dims=2, max_side=3)))
case("diag:offset", lambda m, x: (x.diag(1), x.diag(-2)), one(shapes=st.sampled_from([(3,), (0,), (3, 4), (4, 2)])))
case("diagflat", lambda m, x: m.diagflat(x), one())
case("diagflat:offset", lambda m, x, k: x.diagflat(k), one(settings=lambda s: st.tuples(OFFSET)))
BLOCKS = hnp.array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=3)
case("block_diag", lambda m, x, y: m.block_diag(x, y), several(REAL, REAL, shapes=st.tuples(BLOCKS, BLOCKS)))
case("block_diag:one", lambda m, x: m.block_diag(x), one(shapes=BLOCKS))
case("trace", lambda m, x: m.trace(x), one(shapes=hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=4)))
case(
    "diagonal:linalg",
    lambda m, x: (ops.diagonals.diagonal_of_matrices if m is ops else m.linalg.diagonal)(x, offset=1),
    one(shapes=MATRICES),
)
