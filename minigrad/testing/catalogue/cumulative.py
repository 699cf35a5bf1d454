"""Cases of minigrad/ops/cumulative.py."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case, collect
from .domains import FULL, NONZERO, REAL, a_dim, distinct, one, several

CASES: list[Case] = []
case = collect(CASES)


def along(shape):
    return st.tuples(a_dim(shape))


LONG = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5)
ZEROS = st.sampled_from([0.0, 0.0, 1.5, -0.5, 2.0])
for name in ("cumsum", "cumprod", "logcumsumexp"):
    case(name, lambda m, x, d, f=name: getattr(m, f)(x, d), one(NONZERO, LONG, along))
    case(
        f"{name}:axis",
        lambda m, x, d, f=name: getattr(x, f)(axis=d),
        one(NONZERO, LONG, along),
        lambda m, x, d, f=name: getattr(x, f)(d),
    )
    case(f"{name}:0-d", lambda m, x, f=name: getattr(x, f)(0), one(shapes=st.just(())))
case("cumprod:zeros", lambda m, x, d: x.cumprod(d), one(ZEROS, LONG, along))
case("cumprod:underflow", lambda m, x: (x * 1e-30).cumprod(0) * 1e30, one(NONZERO, st.just((1, 2))))
case("logcumsumexp:large", lambda m, x: (x + 700).logcumsumexp(-1), distinct(LONG.filter(lambda s: 0 not in s)))
for name in ("cummax", "cummin"):
    case(name, lambda m, x, d, f=name: getattr(m, f)(x, d), distinct(settings=along))
    case(
        f"{name}:ties",
        lambda m, x, f=name: getattr(m, f)(x > 0, 0),
        one(st.sampled_from([-1.0, 1.0]), FULL),
        smooth=False,
    )
    case(f"{name}:0-d", lambda m, x, f=name: getattr(x, f)(0), one(shapes=st.just(())))


def how_often(shape):
    return st.tuples(st.integers(0, 3), a_dim(shape))


case(
    "diff",
    lambda m, x, n, d: m.diff(x, n, d),
    one(shapes=LONG, settings=how_often),
    lambda m, x, n, d: m.diff(x, n, d) * 1,
)
case(
    "diff:edges",
    lambda m, x, y, z: x.diff(prepend=y, append=z),
    several(REAL, REAL, REAL, shapes=st.sampled_from([[(3,), (1,), (2,)], [(2, 3), (2, 2), (2, 1)]])),
)
case("diff:booleans", lambda m, x: (x > 0).diff(), one(shapes=FULL), smooth=False)
