"""Cases of minigrad/ops/reductions.py."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case, collect
from .domains import FULL, a_dim, as_tuple, dims, distinct, one, one_dim

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
