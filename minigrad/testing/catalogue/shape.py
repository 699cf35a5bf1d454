"""Cases of minigrad/ops/shape.py."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case, collect
from .domains import FULL, REAL, SHAPES, a_dim, one, several, some_dims, together

CASES: list[Case] = []
case = collect(CASES)


@st.composite
def new_shape(draw, shape):
    """A shape of as many elements, perhaps with a -1."""
    out = list(draw(st.permutations(shape))) + [1] * draw(st.integers(0, 1))
    if out and 0 not in out and draw(st.booleans()):
        out[draw(st.integers(0, len(out) - 1))] = -1
    return [tuple(out)]


case("reshape", lambda m, x, s: m.reshape(x, s), one(settings=new_shape))
case("reshape:method", lambda m, x, s: x.reshape(*s) if s else x.reshape(s), one(settings=new_shape))
case(
    "reshape:view",
    lambda m, x, s: x.contiguous().view(s) if hasattr(x, "contiguous") else x.view(s),
    one(settings=new_shape),
)


def orders(shape):
    return st.tuples(st.permutations(range(len(shape))).map(tuple))


case("permute", lambda m, x, p: m.permute(x, p), one(settings=orders))
case("permute:method", lambda m, x, p: x.permute(*p) if p else x.permute(p), one(settings=orders))
case("permute:cycle", lambda m, x: x.permute(2, 0, -2), one(shapes=st.just((1, 2, 3))))  # not its own inverse
TWO_DIMS = one(shapes=FULL, settings=lambda s: st.tuples(a_dim(s), a_dim(s)))
case("transpose", lambda m, x, i, j: m.transpose(x, i, j), TWO_DIMS)
case("transpose:T", lambda m, x: x.T, one(shapes=hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=3)))
case("transpose:mT", lambda m, x: x.mT, one(shapes=hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=2)))
case(
    "unsqueeze", lambda m, x, d: m.unsqueeze(x, d), one(settings=lambda s: st.tuples(st.integers(-len(s) - 1, len(s))))
)
SLIM = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=2)
case("squeeze", lambda m, x: m.squeeze(x), one(shapes=SLIM))
case("squeeze:dim", lambda m, x, d: x.squeeze(d), one(shapes=SLIM, settings=lambda s: st.tuples(a_dim(s))))
case(
    "squeeze:dims",
    lambda m, x, d: x.squeeze(d),
    one(shapes=SLIM, settings=lambda s: st.tuples(some_dims(s))),
)
case("flatten", lambda m, x: m.flatten(x), one())
case(
    "flatten:dims",
    lambda m, x: x.flatten(1, -2),
    one(shapes=hnp.array_shapes(min_dims=3, max_dims=4, min_side=0, max_side=2)),
)


@st.composite
def wider(draw, shape):
    out = [draw(st.sampled_from([-1, n])) if n != 1 else draw(st.sampled_from([-1, 1, 3, 0])) for n in shape]
    return [tuple(draw(st.lists(st.integers(0, 2), max_size=2)) + out)]


case("expand", lambda m, x, s: m.expand(x, s), one(settings=wider), lambda m, x, s: x.expand(s))
case("expand:method", lambda m, x, s: x.expand(*s) if s else x.expand(s), one(settings=wider))


@st.composite
def reshaped(draw):
    """An array and another of as many elements."""
    shape = draw(SHAPES)
    return [shape, tuple(draw(st.permutations(shape)))]


OTHER = several(REAL, REAL, shapes=reshaped())
case("reshape_as", lambda m, x, y: m.reshape_as(x, y) + 0 * y, OTHER, lambda m, x, y: x.reshape_as(y) + 0 * y)
case("view_as", lambda m, x, y: m.view_as(x, y) * y, OTHER, lambda m, x, y: x.reshape_as(y) * y)
case("ravel", lambda m, x: m.ravel(x), one())


@st.composite
def factors(draw, shape):
    """A dimension and lengths that multiply to its length."""
    dim = draw(a_dim(shape))
    n = shape[dim]
    return [dim, draw(st.sampled_from([(n,), (n, 1), (1, n, 1), *([(-1, n), (1, -1)] if n else [])]))]


case("unflatten", lambda m, x, d, s: m.unflatten(x, d, s), one(shapes=FULL, settings=factors))
case("unflatten:method", lambda m, x: x.unflatten(1, (2, -1)), one(shapes=st.just((2, 6))))
for name in ("swapaxes", "swapdims"):
    case(name, lambda m, x, i, j, f=name: getattr(m, f)(x, i, j), TWO_DIMS)
case("t", lambda m, x: m.t(x), one(shapes=hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3)))


@st.composite
def moves(draw, shape):
    dims = draw(st.permutations(range(len(shape)))), draw(st.permutations(range(len(shape))))
    n = draw(st.integers(1, len(shape)))
    source, destination = (tuple(d[:n]) for d in dims)
    return [source[0], destination[0] - len(shape)] if n == 1 else [source, destination]


for name in ("movedim", "moveaxis"):
    case(name, lambda m, x, s, d, f=name: getattr(m, f)(x, s, d), one(shapes=FULL, settings=moves))
case("movedim:method", lambda m, x: x.movedim((0, 2), (1, 0)), one(shapes=st.just((1, 2, 3))))


@st.composite
def broadcast(draw, shape):
    return [tuple(draw(st.lists(st.integers(0, 2), max_size=2)) + [3 if n == 1 else n for n in shape])]


case("broadcast_to", lambda m, x, s: m.broadcast_to(x, s), one(settings=broadcast))
case(
    "expand_as",
    lambda m, x: m.expand_as(x, x.reshape((1, *x.shape))),
    one(),
    lambda m, x: x.expand_as(x.reshape((1, *x.shape))),
)
case("broadcast_tensors", lambda m, x, y: m.broadcast_tensors(x, y), several(REAL, REAL))
case(
    "broadcast_tensors:used", lambda m, x, y: m.broadcast_tensors(x, y)[0] * y, several(REAL, REAL, shapes=together(2))
)
case("contiguous", lambda m, x: m.contiguous(x), one(), lambda m, x: x.contiguous() * 1)
case(
    "contiguous:turned",
    lambda m, x: x.mT.contiguous(),
    one(shapes=hnp.array_shapes(min_dims=2, max_dims=3, max_side=3)),
)
for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), one())
    case(f"{name}:two", lambda m, x, y, f=name: getattr(m, f)(x, y), several(REAL, REAL))
    case(f"{name}:list", lambda m, x, y, f=name: getattr(m, f)([x, y]), several(REAL, REAL))
