"""Cases of minigrad/ops/indexing.py."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ... import ops
from ...engine import Tensor
from .case import Case, collect
from .domains import FULL, GRID, NONZERO, REAL, SHAPES, a_dim, array, one

CASES: list[Case] = []
case = collect(CASES)


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


case(
    "take_along_dim:all",
    lambda m, x, i: x.take_along_dim(i),
    one(shapes=FULL, settings=lambda s: st.tuples(array((2, 3), st.integers(0, int(np.prod(s)) - 1), np.int64))),
)


@st.composite
def at_places(draw, sources=0, repeats=True, elements=REAL):
    """x, perhaps a source; dim, and an index that is shorter than x in places."""
    shape = draw(SHAPES.filter(lambda s: 0 not in s))
    dim = draw(st.integers(-len(shape), len(shape) - 1)) if shape else 0
    chosen = [draw(st.integers(0, n)) for n in shape]
    numbers = np.zeros(tuple(chosen), np.int64)
    if shape:
        chosen[dim] = draw(st.integers(0, 4 if repeats else shape[dim]))
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        all_of_it = np.broadcast_to(_column(np.arange(shape[dim]), dim, len(shape)), _with(chosen, dim, shape[dim]))
        often = draw(array(tuple(chosen), st.integers(0, shape[dim] - 1), np.int64))
        numbers = often if repeats else np.take(rng.permuted(all_of_it, axis=dim), range(chosen[dim]), dim)
    return [draw(array(shape, elements)), *(draw(array(numbers.shape, elements)) for _ in range(sources))], [
        dim,
        numbers,
    ]


def _column(vector, dim, ndim):
    return vector.reshape([-1 if d == dim % ndim else 1 for d in range(ndim)])


def _with(shape, dim, n):
    return [n if d == dim % len(shape) else m for d, m in enumerate(shape)]


case("gather", lambda m, x, d, i: m.gather(x, d, i), at_places())
case("gather:method", lambda m, x, d, i: x.gather(d, Tensor(i) if m is ops else i), at_places())
case("scatter_add", lambda m, x, s, d, i: m.scatter_add(x, d, i, s), at_places(1))
case(
    "scatter_add:long",
    lambda m, x, s, d, i: x.scatter_add(d, i, m.cat([s, s], -1)) if s.ndim else x + s,
    at_places(1),
    lambda m, x, s, d, i: x.scatter_add(d, i, s),  # PyTorch's rule fails where src is longer than the index
)


@st.composite
def slices(draw, shape):
    dim = draw(a_dim(shape))
    return [dim, draw(array((draw(st.integers(0, 4)),), st.integers(0, shape[dim] - 1), np.int64))]


@st.composite
def slices_and_source(draw, repeats=True):
    shape = draw(FULL)
    dim, index = draw(slices(shape))
    if not repeats:
        index = np.unique(index)[::-1].copy()
    return [draw(array(shape)), draw(array(tuple(_with(shape, dim, len(index)))))], [dim, index]


case("index_select", lambda m, x, d, i: m.index_select(x, d, i), one(shapes=FULL, settings=slices))
case("index_add", lambda m, x, s, d, i: m.index_add(x, d, i, s), slices_and_source())
case("index_add:alpha", lambda m, x, s, d, i: x.index_add(d, i, s, alpha=-2.5), slices_and_source())
case("index_copy", lambda m, x, s, d, i: m.index_copy(x, d, i, s), slices_and_source(repeats=False))
case("index_fill", lambda m, x, d, i: m.index_fill(x, d, i, 1.5), one(shapes=FULL, settings=slices))


@st.composite
def and_number(draw, settings):
    shape = draw(FULL)
    return [draw(array(shape)), draw(array(()))], draw(settings(shape))


case("index_fill:Tensor", lambda m, x, v, d, i: x.index_fill(d, i, v), and_number(slices))


@st.composite
def masks(draw, shape):
    broadcast = tuple(draw(st.sampled_from([1, n])) for n in shape)[draw(st.integers(0, len(shape))) :]
    return [draw(array(broadcast, st.booleans(), np.bool_))]


case("masked_fill", lambda m, x, c: m.masked_fill(x, c, -1.5), one(settings=masks))
case("masked_fill:infinite", lambda m, x, c: x.masked_fill(c, -np.inf).exp(), one(settings=masks))
case("masked_fill:Tensor", lambda m, x, v, c: x.masked_fill(c, v), and_number(masks))
case("masked_select", lambda m, x, c: m.masked_select(x, c), one(settings=masks))
case(
    "masked_select:wider",
    lambda m, x, c: x[:1].masked_select(c),
    one(shapes=FULL, settings=lambda s: st.tuples(array(s, st.booleans(), np.bool_))),
)


@st.composite
def masks_and_source(draw):
    shape = draw(FULL)
    (mask,) = draw(masks(shape))
    return [draw(array(shape)), draw(array((3, int(np.prod(shape)))))], [mask]


case("masked_scatter", lambda m, x, s, c: m.masked_scatter(x, c, s), masks_and_source())
case(
    "select",
    lambda m, x, d, i: m.select(x, d, i % x.shape[d]),
    one(shapes=FULL, settings=lambda s: st.tuples(a_dim(s), st.integers(0, 3))),
)
case("select:method", lambda m, x: x.select(-1, -1), one(shapes=FULL))


def places(shape):
    n = int(np.prod(shape))
    return st.tuples(array((2, 3), st.integers(-n, n - 1), np.int64))


case("take", lambda m, x, i: m.take(x, i), one(shapes=FULL, settings=places))
case(
    "take:axis",
    lambda m, x, i: x.take(i, axis=-1),
    one(shapes=FULL, settings=lambda s: integers(s, -1)),
    lambda m, x, i: x[..., i],
)
case("argwhere", lambda m, x: m.argwhere(x), one(GRID), smooth=False)
case("nonzero", lambda m, x: m.nonzero(x), one(GRID), smooth=False)
case("nonzero:tuple", lambda m, x: x.nonzero(as_tuple=True), one(GRID), smooth=False)
case("nonzero:where", lambda m, x: m.where(x > 0), one(GRID), smooth=False)
CLASSES = hnp.array_shapes(min_dims=0, max_dims=2, min_side=1, max_side=3)
LABELS = one(st.integers(0, 3).map(float), CLASSES)
case(
    "one_hot",
    lambda m, x: m.one_hot(x.astype(int), 5),
    LABELS,
    lambda m, x: m.nn.functional.one_hot(x.long(), 5),
    smooth=False,
)
case(
    "one_hot:largest",
    lambda m, x: m.one_hot(x.astype(int)),
    LABELS,
    lambda m, x: m.nn.functional.one_hot(x.long()),
    smooth=False,
)
