"""Cases of minigrad/ops/scattering.py."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ... import ops
from .case import Case, collect
from .diagonals import MATRICES, planes
from .domains import FULL, a_dim, array
from .indexing import at_places

CASES: list[Case] = []
case = collect(CASES)


@st.composite
def pairs(draw, repeats=True):
    """x, values that broadcast to three, and three pairs of positions."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, min_side=2, max_side=3))
    n = shape[0] * shape[1]
    chosen = draw(st.lists(st.integers(-n, n - 1), min_size=3, max_size=3))
    chosen = np.array(chosen if repeats else draw(st.permutations(range(n)))[:3])
    values = draw(st.sampled_from([(), (3, *shape[2:]), (1, *shape[2:])]))
    return [draw(array(shape)), draw(array(values))], [chosen // shape[1] % shape[0], chosen % shape[1]]


case("index_put", lambda m, x, v, i, j: m.index_put(x, (i, j), v), pairs(repeats=False))
case("index_put:accumulate", lambda m, x, v, i, j: x.index_put((i, j), v, accumulate=True), pairs())
case(
    "index_put:mask",
    lambda m, x, v, c: x.index_put((c,), v),
    st.tuples(
        st.tuples(array((2, 3)), array(())).map(list), st.tuples(array((2, 3), st.booleans(), np.bool_)).map(list)
    ),
)


@st.composite
def numbered(draw, repeats=True):
    """x, as many values as places, and their numbers."""
    shape = draw(FULL)
    n = int(np.prod(shape))
    places = draw(array((2, 2), st.integers(-n, n - 1), np.int64))
    if not repeats:
        places = np.array(draw(st.permutations(range(n)))[:2])
    return [draw(array(shape)), draw(array((places.size,)))], [places]


case("put", lambda m, x, v, i: m.put(x, i, v), numbered(repeats=False), lambda m, x, v, i: x.put(i, v))
case("put:accumulate", lambda m, x, v, i: x.put(i, v, True), numbered())


@st.composite
def one_slice(draw):
    shape = draw(FULL)
    dim = draw(a_dim(shape))
    rest = list(shape)
    n = rest.pop(dim)
    return [draw(array(shape)), draw(array(tuple(rest)))], [dim, draw(st.integers(-n, n - 1))]


@st.composite
def some_slices(draw):
    shape = list(draw(FULL))
    dim = draw(a_dim(shape))
    ends = draw(st.tuples(st.none() | st.integers(-4, 4), st.none() | st.integers(-4, 4), st.integers(1, 2)))
    n = len(range(shape[dim])[slice(*ends)])
    return [draw(array(tuple(shape))), draw(array((*shape[: dim % len(shape)], n, *shape[dim % len(shape) + 1 :])))], [
        dim,
        *ends,
    ]


@st.composite
def on_a_diagonal(draw):
    shape = draw(MATRICES)
    plane = draw(planes(shape))
    return [draw(array(shape)), draw(array(np.diagonal(np.empty(shape), *plane).shape))], plane


case("select_scatter", lambda m, x, s, d, i: m.select_scatter(x, s, d, i), one_slice())
case("slice_scatter", lambda m, x, s, *where: m.slice_scatter(x, s, *where), some_slices())
case("diagonal_scatter", lambda m, x, s, *where: m.diagonal_scatter(x, s, *where), on_a_diagonal())

case("scatter", lambda m, x, s, d, i: m.scatter(x, d, i, s), at_places(1, repeats=False))
case("scatter:number", lambda m, x, d, i: x.scatter(d, i, 1.5), at_places())
case(
    "scatter:add",
    lambda m, x, s, d, i: x.scatter(d, i, s, reduce="add"),
    at_places(1),
    lambda m, x, s, d, i: x.scatter_add(d, i, s),  # PyTorch's has no derivative by src
)
case(
    "scatter:multiply",
    lambda m, x, d, i: x.scatter(d, i, 1.5, reduce="multiply"),
    at_places(elements=st.floats(0.5, 3)),
    lambda m, x, d, i: x.scatter_reduce(d, i, m.full(i.shape, 1.5, dtype=x.dtype), "prod"),  # theirs has no derivative
)

# No zeros for products, of which PyTorch's second derivative fails, and all different for extremes.
FAR = st.floats(0.5, 3)


def apart(drawn):
    """The same with no two values nearer than 0.1."""
    arrays, settings = drawn
    order = np.random.default_rng(len(settings)).permutation(sum(a.size for a in arrays)) / 10
    ends = np.cumsum([a.size for a in arrays])
    return [order[e - a.size : e].reshape(a.shape) for a, e in zip(arrays, ends, strict=True)], settings


for reduce, inputs in {
    "sum": at_places(1),
    "mean": at_places(1),
    "prod": at_places(1, elements=FAR),
    "amax": at_places(1).map(apart),
    "amin": at_places(1).map(apart),
}.items():
    for own in (True, False):
        name = "scatter_reduce" if reduce == "sum" and own else f"scatter_reduce:{reduce}{'' if own else ' of src'}"
        case(name, lambda m, x, s, d, i, r=reduce, o=own: m.scatter_reduce(x, d, i, s, r, include_self=o), inputs)

ZEROS = array((2, 2), st.sampled_from([0.0, 0.0, 1.5])), array((3, 2), st.sampled_from([0.0, 0.0, 2.0, -0.5]))
case(
    "scatter_reduce:zeros",
    lambda m, x, s: x.scatter_reduce(0, s.astype(int) * 0 if m is ops else s.long() * 0, s, "prod"),
    st.tuples(st.tuples(*ZEROS).map(list), st.just([])),
    lambda m, x, s: m.cat([x[:1] * m.prod(s, 0, True), x[1:]]),  # PyTorch's has no second derivative here
)
