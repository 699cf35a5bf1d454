"""Cases of minigrad/ops/reductions.py."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case, collect
from .domains import FULL, GRID, NONZERO, a_dim, as_tuple, dims, distinct, one, one_dim

CASES: list[Case] = []
case = collect(CASES)


for name, inputs in {
    "sum": one(settings=dims),
    "mean": one(shapes=FULL, settings=dims),
    "amax": distinct(settings=dims),
    "amin": distinct(settings=dims),
    "logsumexp": one(shapes=FULL, settings=dims),
}.items():
    theirs = lambda m, x, dim, keep, f=name: getattr(m, f)(x, as_tuple(x, dim), keep)
    case(name, lambda m, x, dim, keep, f=name: getattr(m, f)(x, dim, keep), inputs, theirs)
    case(f"{name}:method", lambda m, x, dim, keep, f=name: getattr(x, f)(dim=dim, keepdim=keep), inputs, theirs)
    case(f"{name}:axis", lambda m, x, dim, keep, f=name: getattr(x, f)(axis=dim, keepdims=keep), inputs, theirs)
    case(f"{name}:0-d", lambda m, x, f=name: getattr(x, f)(), one(shapes=st.just(())), lambda m, x: x * 1)
WIDE = hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=3)
for name in ("var", "std"):
    inputs = distinct(WIDE, dims)
    case(name, lambda m, x, dim, keep, f=name: getattr(m, f)(x, dim, keepdim=keep), inputs)
    for option in ({"correction": 0}, {"correction": 0.5}, {"unbiased": False}, {"unbiased": True}):
        case(
            f"{name}:{option}",
            lambda m, x, dim, keep, f=name, o=option: getattr(x, f)(axis=dim, keepdims=keep, **o),
            inputs,
            lambda m, x, dim, keep, f=name, o=option: getattr(x, f)(dim=dim, keepdim=keep, **o),
        )
for name in ("max", "min"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), distinct())
    for axis in ("dim", "axis"):
        case(
            f"{name}:{axis}",
            lambda m, x, dim, keep, f=name, a=axis: getattr(x, f)(**{a: dim, f"keep{a}".replace("axis", "dims"): keep}),
            distinct(settings=one_dim),
            lambda m, x, dim, keep, f=name: getattr(x, f)(dim, keep),
        )
for name in ("argmax", "argmin"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), distinct(), smooth=False)
    case(f"{name}:dim", lambda m, x, d, k, f=name: getattr(x, f)(d, k), distinct(settings=one_dim), smooth=False)
for name in ("softmax", "log_softmax"):
    inputs = one(shapes=FULL, settings=lambda s: st.tuples(a_dim(s)))
    case(name, lambda m, x, dim, f=name: getattr(m, f)(x, dim), inputs)
    case(
        f"{name}:axis",
        lambda m, x, dim, f=name: getattr(x, f)(axis=dim),
        inputs,
        lambda m, x, dim, f=name: getattr(m, f)(x, dim),
    )


for name in ("softmax", "log_softmax"):
    case(
        f"{name}:dtype",
        lambda m, x, f=name: getattr(m, f)(x, -1, dtype=m.float64 if hasattr(m, "float64") else "float64"),
        one(shapes=FULL),
        keeps_dtype=False,
    )


@st.composite
def narrower(draw, shape):
    """A shape that broadcasts to this one."""
    start = draw(st.integers(0, len(shape)))
    return [tuple(draw(st.sampled_from([1, n])) for n in shape[start:])]


case("sum_to_size", lambda m, x, s: m.sum_to_size(x, s), one(settings=narrower), lambda m, x, s: x.sum_to_size(s))
case("sum_to_size:method", lambda m, x: x.sum_to_size(1, 3), one(shapes=st.just((2, 4, 3))))


def prod_of_dims(m, x, dim, keep):
    """PyTorch's takes one dimension; the product over several is a product of products."""
    x = x * 1
    for d in sorted({d % x.ndim for d in ((dim,) if isinstance(dim, int) else as_tuple(x, dim))})[::-1]:
        x = m.prod(x, d, keep)
    return x


WITH_ZEROS = st.sampled_from([0.0, 0.0, 1.5, -0.5, 2.0])
for spelling, elements in {"": NONZERO, ":zeros": WITH_ZEROS}.items():
    case(f"prod{spelling}", lambda m, x, d, k: m.prod(x, d, k), one(elements, settings=dims), prod_of_dims)
case("prod:all zeros", lambda m, x: x.prod(), one(st.just(0.0), hnp.array_shapes(min_dims=1, max_dims=2, max_side=2)))
case("prod:axis", lambda m, x, d, k: x.prod(axis=d, keepdims=k), one(NONZERO, settings=dims), prod_of_dims)
case("prod:0-d", lambda m, x: x.prod(), one(shapes=st.just(())))


def with_nan(m, x):
    """x with NaN in place of what is below -1.6."""
    return m.where(x < -1.6, float("nan"), x)


for name in ("nansum", "nanmean"):
    inputs = one(shapes=FULL, settings=dims)
    case(name, lambda m, x, d, k, f=name: getattr(m, f)(x, d, k), inputs)
    case(f"{name}:some", lambda m, x, f=name: getattr(m.cat([with_nan(m, x), x[:1]]), f)(0), one(GRID, FULL))
    case(
        f"{name}:axis",
        lambda m, x, d, k, f=name: getattr(x, f)(axis=d, keepdims=k),
        inputs,
        lambda m, x, d, k, f=name: getattr(x, f)(d, k),
    )
for name in ("var_mean", "std_mean"):
    case(name, lambda m, x, d, k, f=name: getattr(m, f)(x, d, keepdim=k), distinct(WIDE, dims))
    case(f"{name}:correction", lambda m, x, f=name: getattr(m, f)(x, 0, correction=0), distinct(WIDE))
case("aminmax", lambda m, x: m.aminmax(x), distinct())
case("aminmax:dim", lambda m, x, d, k: x.aminmax(dim=d, keepdim=k), distinct(settings=one_dim))
SOME_ZEROS = st.sampled_from([0.0, 0.0, 1.5])
for name in ("any", "all"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), one(SOME_ZEROS), smooth=False)
    case(f"{name}:dim", lambda m, x, d, k, f=name: getattr(x, f)(d, k), one(SOME_ZEROS, settings=dims), smooth=False)
    case(f"{name}:booleans", lambda m, x, f=name: getattr(x > 0, f)(), one(SOME_ZEROS), smooth=False)
case("count_nonzero", lambda m, x, d, k: m.count_nonzero(x, d), one(SOME_ZEROS, settings=dims), smooth=False)
