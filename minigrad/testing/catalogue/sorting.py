"""Cases of minigrad/ops/sorting.py."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, collect
from .domains import FULL, GRID, a_dim, array, distinct, one, one_dim

CASES: list[Case] = []
case = collect(CASES)


def orders(shape):
    return st.tuples(a_dim(shape), st.booleans())


case("sort", lambda m, x, d, down: m.sort(x, d, down), distinct(settings=orders))
case("sort:axis", lambda m, x: x.sort(axis=0), distinct(), lambda m, x: x.sort(0))
case("sort:0-d", lambda m, x: x.sort(), one(shapes=st.just(())))
case("argsort", lambda m, x, d, down: m.argsort(x, d, down), distinct(settings=orders), smooth=False)
case(
    "argsort:ties",
    lambda m, x, d, down: x.argsort(dim=d, descending=down, stable=True),
    one(GRID, FULL, orders),
    smooth=False,
)
case("msort", lambda m, x: m.msort(x), distinct())


@st.composite
def chosen(draw, shape, least=0):
    dim = draw(a_dim(shape))
    return [draw(st.integers(least, shape[dim])), dim, draw(st.booleans())]


case("topk", lambda m, x, k, d, up: m.topk(x, k, d, up), distinct(settings=chosen))
case("kthvalue", lambda m, x, k, d, keep: m.kthvalue(x, k, d, keep), distinct(settings=lambda s: chosen(s, 1)))
for name in ("median", "nanmedian"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), distinct())
    case(f"{name}:dim", lambda m, x, d, k, f=name: getattr(x, f)(d, k), distinct(settings=one_dim))
    case(f"{name}:0-d", lambda m, x, f=name: (getattr(x, f)(), *getattr(x, f)(0)), one(shapes=st.just(())))


@st.composite
def parts(draw, shape):
    """A number or several in [0, 1], a dimension or None, keepdim."""
    q = draw(st.floats(0, 1) | array((draw(st.integers(0, 3)),), st.floats(0, 1)))
    dim, keep = draw(one_dim(shape))
    return [q, draw(st.sampled_from([None, dim])), keep]


def quantile(m, x, q, dim, keep, f="quantile", **options):
    return getattr(m, f)(x, q.to(x.dtype) if hasattr(q, "to") else q, dim, keep, **options)


case("quantile", quantile, distinct(settings=parts))
for way in ("lower", "higher", "nearest", "midpoint"):
    case(
        f"quantile:{way}",
        lambda m, x, q, d, k, w=way: x.quantile(q, d, k, interpolation=w),
        distinct(settings=lambda s: st.tuples(st.sampled_from([0.0, 0.3, 0.5, 0.77, 1.0]), a_dim(s), st.booleans())),
    )
case(
    "quantile:axis",
    lambda m, x: x.quantile(0.3, axis=0, keepdims=True),
    distinct(),
    lambda m, x: x.quantile(0.3, 0, True),
)
case("quantile:0-d", lambda m, x: (x.quantile(0.3), x.quantile(0.3, 0)), one(shapes=st.just(())))


case("mode", lambda m, x, d, k: m.mode(x, d, k), distinct(settings=one_dim))
case(
    "mode:ties",
    lambda m, x, d, k: (x.mode(d, k)[0].detach(), x.mode(d, k)[1]),
    one(st.sampled_from([-1.0, 0.5, 2.0]), FULL, one_dim),
    smooth=False,
)
case("mode:0-d", lambda m, x: x.mode(), one(shapes=st.just(())))
case("nanquantile", lambda m, x, *options: quantile(m, x, *options, f="nanquantile"), distinct(settings=parts))


def with_nan(m, x):
    """x with NaN in place of what is below -0.5."""
    return m.where(x < -0.5, float("nan"), x)


for way in ("linear", "lower", "nearest"):
    case(
        f"nanquantile:{way}",
        lambda m, x, w=way: with_nan(m, x).nanquantile(0.3, 0, interpolation=w).nansum(),
        distinct(),
    )
