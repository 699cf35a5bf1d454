"""Cases of minigrad/ops/rearranging.py."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case, collect
from .domains import FULL, REAL, SHAPES, a_dim, array, one, several, some_dims

CASES: list[Case] = []
case = collect(CASES)

case("flip", lambda m, x, d: m.flip(x, d), one(shapes=FULL, settings=lambda s: st.tuples(some_dims(s))))
case("flip:none", lambda m, x: m.flip(x, ()), one())
case("flip:all", lambda m, x: x.flip(), one(), lambda m, x: x.flip(tuple(range(x.ndim))))
case(
    "flip:numbers",
    lambda m, x: x.flip(0, -1),
    one(shapes=hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=3)),
)
case(
    "flip:axis",
    lambda m, x, d: x.flip(axis=d),
    one(shapes=FULL, settings=lambda s: st.tuples(a_dim(s))),
    lambda m, x, d: x.flip(d),
)
MATRIX = hnp.array_shapes(min_dims=2, max_dims=3, min_side=0, max_side=3)
case("fliplr", lambda m, x: m.fliplr(x), one(shapes=MATRIX))
case("flipud", lambda m, x: m.flipud(x), one(shapes=FULL))


@st.composite
def rolls(draw, shape):
    dims = draw(some_dims(shape))
    shifts = tuple(draw(st.lists(st.integers(-5, 5), min_size=len(dims), max_size=len(dims))))
    return [shifts[0], dims[0]] if len(dims) == 1 and draw(st.booleans()) else [shifts, dims]


case("roll", lambda m, x, s, d: m.roll(x, s, d), one(shapes=FULL, settings=rolls))
case("roll:flattened", lambda m, x, s: x.roll(s), one(settings=lambda s: st.tuples(st.integers(-5, 5))))
case("rot90", lambda m, x, k: m.rot90(x, k), one(shapes=MATRIX, settings=lambda s: st.tuples(st.integers(-5, 5))))
case("rot90:dims", lambda m, x: x.rot90(1, (-1, 0)), one(shapes=MATRIX))


@st.composite
def copies(draw, shape, more=True):
    counts = draw(st.lists(st.integers(0, 3), min_size=len(shape) if more else 0, max_size=len(shape) + more))
    return [tuple(counts)]


case("repeat", lambda m, x, n: m.repeat(x, n), one(settings=copies), lambda m, x, n: x.repeat(n))
case("repeat:numbers", lambda m, x: x.repeat(2, 1, 3), one(shapes=SHAPES))
case("tile", lambda m, x, n: m.tile(x, n), one(settings=lambda s: copies(s) | copies(s, more=False)))
case(
    "repeat_interleave", lambda m, x, n: m.repeat_interleave(x, n), one(settings=lambda s: st.tuples(st.integers(0, 3)))
)


@st.composite
def each(draw, shape):
    dim = draw(a_dim(shape))
    return [draw(array((shape[dim],), st.integers(0, 3), np.int64)), dim]


case("repeat_interleave:each", lambda m, x, n, d: x.repeat_interleave(n, d), one(shapes=FULL, settings=each))


@st.composite
def widths(draw, shape):
    """(before, after) for some dimensions from the last, that cut off no more than there is."""
    out = []
    for n in shape[::-1][: draw(st.integers(0, len(shape)))]:
        before = draw(st.integers(-n, 3))
        out += [before, draw(st.integers(max(-n, -n - before), 3))]
    return [tuple(out)]


case("pad", lambda m, x, p: m.pad(x, p), one(settings=widths), lambda m, x, p: m.nn.functional.pad(x, p))
case(
    "pad:value",
    lambda m, x, p: m.pad(x, p, value=2.5),
    one(settings=widths),
    lambda m, x, p: m.nn.functional.pad(x, p, value=2.5),
)
for mode in ("reflect", "replicate", "circular"):
    for shape, by in [((2, 3), (2, 1)), ((1, 2, 3, 4), (0, 3, 2, 1)), ((1, 1, 2, 2, 3), (2, 1, 1, 0, 0, 1))]:
        case(
            f"pad:{mode} {len(by) // 2}-d",
            lambda m, x, by=by, mode=mode: m.pad(x, by, mode),
            one(shapes=st.just(shape)),
            lambda m, x, by=by, mode=mode: m.nn.functional.pad(x, by, mode),
        )


@st.composite
def windows(draw, shape):
    dim = draw(a_dim(shape))
    return [dim, draw(st.integers(0, shape[dim])), draw(st.integers(1, 3))]


LONG = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5)
case(
    "unfold",
    lambda m, x, d, n, s: m.unfold(x, d, n, s),
    one(shapes=LONG, settings=windows),
    lambda m, x, d, n, s: x.unfold(d, n, s),
)
VECTORS = st.tuples(*[st.sampled_from([(), (0,), (1,), (2,), (3,)])] * 3).map(list)
for indexing in ("ij", "xy"):
    case(
        f"meshgrid:{indexing}",
        lambda m, x, y, z, i=indexing: m.meshgrid(x, y, z, indexing=i),
        several(REAL, REAL, REAL, shapes=VECTORS),
    )
case(
    "meshgrid",
    lambda m, x, y: m.meshgrid([x, y]),
    several(REAL, REAL, shapes=VECTORS.map(lambda s: s[:2])),
    lambda m, x, y: m.meshgrid([x, y], indexing="ij"),
)
case("cartesian_prod", lambda m, x, y: m.cartesian_prod(x, y), several(REAL, REAL, shapes=st.just([(2,), (3,)])))
case("cartesian_prod:one", lambda m, x: m.cartesian_prod(x) * 1, one(shapes=st.just((2,))))
