"""Cases of minigrad/ops/counting.py."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case, collect
from .domains import FULL, GRID, OFF_GRID, array, one, several

CASES: list[Case] = []
case = collect(CASES)

case("unique", lambda m, x: m.unique(x), one(GRID), smooth=False)
case("unique:all", lambda m, x: x.unique(return_inverse=True, return_counts=True), one(GRID), smooth=False)
case(
    "unique:dim",
    lambda m, x: m.unique(x, return_inverse=True, dim=0),
    one(st.sampled_from([0.0, 1.0]), FULL),
    smooth=False,
)
case("unique:counts", lambda m, x: x.unique(return_counts=True), one(GRID), smooth=False)


@st.composite
def ordered(draw):
    """An ordered vector and what to look for, some of it equal."""
    return [np.sort(draw(array((draw(st.integers(0, 5)),), GRID)))], [draw(array(draw(FULL), GRID))]


@st.composite
def ordered_rows(draw):
    rows = draw(hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=3))
    return [np.sort(draw(array((*rows, 3), GRID)), -1), draw(array((*rows, 2), GRID | OFF_GRID))], []


def as_is(v, x):
    """What to look for in the dtype of the vector."""
    return v.astype(x.dtype) if hasattr(v, "astype") else v.to(x.dtype)


case("searchsorted", lambda m, x, v: m.searchsorted(x, as_is(v, x)), ordered(), smooth=False)
case("searchsorted:right", lambda m, x, v: m.searchsorted(x, as_is(v, x), right=True), ordered(), smooth=False)
case("searchsorted:side", lambda m, x, v: m.searchsorted(x, as_is(v, x), side="right"), ordered(), smooth=False)
case("searchsorted:rows", lambda m, x, v: m.searchsorted(x, v), ordered_rows(), smooth=False)
EDGES = np.array([-1.0, 0.0, 0.25, 2.0])
for right in (False, True):
    case(
        "bucketize" + ":right" * right,
        lambda m, x, edges, r=right: m.bucketize(x, as_is(edges, x), right=r),
        one(GRID, settings=lambda s: st.just([EDGES])),
        smooth=False,
    )


def numbers(x):
    return x.astype(int) if hasattr(x, "astype") else x.long()


WHOLE = one(st.integers(0, 5).map(float), hnp.array_shapes(min_dims=1, max_dims=1, min_side=0, max_side=6))
case("bincount", lambda m, x: m.bincount(numbers(x)), WHOLE, smooth=False)
case("bincount:minlength", lambda m, x: numbers(x).bincount(minlength=4), WHOLE, smooth=False)
case(
    "bincount:weights",
    lambda m, x: numbers(x).bincount(x * x - 3),
    WHOLE,
    lambda m, x: numbers(x).bincount((x * x - 3).detach()).to(x.dtype),
    smooth=False,
)
case("histc", lambda m, x: m.histc(x, 4, -1, 1), one(OFF_GRID), smooth=False)
case("histc:range", lambda m, x: x.histc(3), several(OFF_GRID, shapes=FULL.map(lambda s: [s])), smooth=False)
SOME = np.array([0.25, -1.0, 2.0])
for invert in (False, True):
    case(
        f"isin{':invert' * invert}",
        lambda m, x, some, i=invert: m.isin(x, as_is(some, x), invert=i),
        one(GRID, settings=lambda s: st.just([SOME])),
        smooth=False,
    )
case("isin:number", lambda m, x: m.isin(x, 0.25), one(GRID), smooth=False)
RUNS = one(st.sampled_from([0.0, 1.0]), FULL)
case("unique_consecutive", lambda m, x: m.unique_consecutive(x), RUNS, smooth=False)
case("unique_consecutive:all", lambda m, x: x.unique_consecutive(True, True), RUNS, smooth=False)
case("unique_consecutive:dim", lambda m, x: x.unique_consecutive(True, True, dim=-1), RUNS, smooth=False)
