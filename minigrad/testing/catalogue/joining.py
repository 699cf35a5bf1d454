"""Cases of minigrad/ops/joining.py."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case, collect
from .domains import REAL, SHAPES, a_dim, array, one, several

CASES: list[Case] = []
case = collect(CASES)


@st.composite
def parts(draw, joined):
    """Arrays for cat (any length along dim) or stack (one shape), and dim."""
    shape = list(
        draw(SHAPES if joined == "stack" else hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3))
    )
    dim = draw(st.integers(-len(shape) - (joined == "stack"), len(shape) - (joined == "cat")))
    dim = min(dim, len(shape) - (joined == "cat"))
    arrays = []
    for _ in range(draw(st.integers(1, 3))):
        if joined == "cat":
            shape[dim] = draw(st.integers(0, 2))
        arrays.append(draw(array(tuple(shape))))
    return arrays, [dim]


for name in ("cat", "stack", "concat", "concatenate"):
    case(
        name, lambda m, *args, f=name: getattr(m, f)(args[:-1], args[-1]), parts("stack" if name == "stack" else "cat")
    )
case(
    "concatenate:axis",
    lambda m, x, y: m.concatenate([x, y], axis=-1),
    several(REAL, REAL, shapes=st.just([(2, 1), (2, 2)])),
)


PILES = {
    "hstack": [[(), ()], [(2,), (0,)], [(2, 1), (2, 3)], [(2, 1, 2), (2, 3, 2)]],
    "vstack": [[(), ()], [(2,), (2,)], [(2, 3), (3,)], [(0, 3), (2, 3)], [(1, 2, 2), (3, 2, 2)]],
    "dstack": [[(), ()], [(2,), (2,)], [(2, 3), (2, 3)], [(2, 1, 2), (2, 1, 0)]],
    "column_stack": [[(), ()], [(2,), (2,)], [(2, 3), (2,)], [(2, 0), (2, 2)], [(2, 1, 2), (2, 3, 2)]],
}
for name, shapes in PILES.items():
    case(name, lambda m, x, y, f=name: getattr(m, f)([x, y]), several(REAL, REAL, shapes=st.sampled_from(shapes)))


@st.composite
def piece(draw, shape):
    dim = draw(a_dim(shape))
    start = draw(st.integers(0, shape[dim]))
    return [dim, start, draw(st.integers(0, shape[dim] - start))]


@st.composite
def sizes(draw, shape):
    dim = draw(a_dim(shape))
    cut = draw(st.integers(0, shape[dim]))
    return [draw(st.sampled_from([1, 2, [cut, shape[dim] - cut]])), dim]


LONG = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)
case("narrow", lambda m, x, d, s, n: m.narrow(x, d, s, n), one(shapes=LONG, settings=piece))
case("split", lambda m, x, n, d: m.split(x, n, d), one(shapes=LONG, settings=sizes))
case("split:none left out", lambda m, x: x.split([1, 0, 2, 1, 0], 1), one(shapes=st.just((2, 4))))
case("split:some used", lambda m, x: x.split(1)[1:4:2], one(shapes=st.just((5, 2))))


@st.composite
def counts(draw, shape):
    return [draw(st.integers(1, 4)), draw(a_dim(shape))]


@st.composite
def cuts(draw, shape):
    dim = draw(a_dim(shape))
    return [draw(st.lists(st.integers(-5, 5), max_size=3).map(tuple)), dim]


case("chunk", lambda m, x, n, d: m.chunk(x, n, d), one(shapes=LONG, settings=counts))
case("tensor_split", lambda m, x, n, d: m.tensor_split(x, n, d), one(shapes=LONG, settings=counts))
case(
    "tensor_split:indices",
    lambda m, x, i, d: x.tensor_split(i, d),
    one(shapes=LONG, settings=cuts),
    lambda m, x, i, d: x.tensor_split(i, d),
)
FULL_ALONG = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5)
case("unbind", lambda m, x, d: m.unbind(x, d), one(shapes=FULL_ALONG, settings=lambda s: st.tuples(a_dim(s))))
case("unbind:some used", lambda m, x: x.unbind()[-1], one(shapes=FULL_ALONG))
case("unbind:iteration", lambda m, x: list(x)[::2], one(shapes=FULL_ALONG))
