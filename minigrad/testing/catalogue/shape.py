"""Cases of minigrad/ops/shape.py."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ... import ops
from ...engine import Tensor
from .case import Case, collect
from .domains import FULL, NONZERO, SHAPES, a_dim, array, one, some_dims

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


for name in ("cat", "stack"):
    case(name, lambda m, *args, f=name: getattr(m, f)(args[:-1], args[-1]), parts(name))


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


@st.composite
def basic(draw, shape):
    """Numbers, forward slices, None and ... ."""
    index = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        slices = st.builds(slice, st.none() | st.integers(-n, n), st.none() | st.integers(-n, n), st.integers(1, 2))
        index.append(draw(slices | st.integers(-n, n - 1) if n else slices))
    at = draw(st.integers(0, len(index)))
    extra = draw(st.sampled_from([[], [None], [...]])) if at == len(index) else draw(st.sampled_from([[], [None]]))
    return [tuple(index[:at] + extra + index[at:])]


def integers(shape, *numbers):
    """Integer arrays, with repeats, that index dimensions ``numbers``."""
    each = [
        array(s, st.integers(-shape[i], shape[i] - 1), np.int64) for i, s in zip(numbers, [(2, 3), (3,)], strict=False)
    ]
    return st.tuples(*each)


CUBE = st.just((2, 3, 2))
case("getitem", lambda m, x, i: m.getitem(x, i), one(settings=basic), lambda m, x, i: x[i])
case("getitem:operator", lambda m, x, i: x[i], one(settings=basic))
case("getitem:backwards", lambda m, x: x[::-2], one(shapes=FULL), lambda m, x: x.flip(0)[::2])
case("getitem:integers", lambda m, x, i: x[i], one(shapes=FULL, settings=lambda s: integers(s, 0)))
case("getitem:list", lambda m, x: x[[1, 0, 1]], one(shapes=CUBE))
case("getitem:pairs", lambda m, x, i, j: x[i, j], one(shapes=CUBE, settings=lambda s: integers(s, 0, 1)))
case("getitem:later", lambda m, x, i: x[:, i], one(shapes=CUBE, settings=lambda s: integers(s, 1)))
case("getitem:apart", lambda m, x, i, j: x[i, :, j], one(shapes=CUBE, settings=lambda s: integers(s, 0, 2)))
case("getitem:mixed", lambda m, x, i: x[..., i, 1:], one(shapes=CUBE, settings=lambda s: integers(s, 1)))
case(
    "getitem:Tensor",
    lambda m, x, i: x[Tensor(i) if m is ops else i],
    one(shapes=FULL, settings=lambda s: integers(s, 0)),
)
case("getitem:mask", lambda m, x: x[x > 0], one(NONZERO))
case(
    "getitem:rows",
    lambda m, x, c: x[c, 1:],
    one(shapes=CUBE, settings=lambda s: st.tuples(array(s[:1], st.booleans(), np.bool_))),
)


@st.composite
def along(draw, shape):
    dim = draw(a_dim(shape))
    chosen = list(shape)
    chosen[dim] = draw(st.integers(0, 3))
    return [draw(array(tuple(chosen), st.integers(0, shape[dim] - 1), np.int64)), dim]


case("take_along_dim", lambda m, x, i, d: m.take_along_dim(x, i, d), one(shapes=FULL, settings=along))
