"""Cases of minigrad/ops/arithmetic.py."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ... import ops
from .case import Case, collect
from .domains import FULL, GRID, NONZERO, OFF_GRID, POSITIVE, REAL, array, one, several

CASES: list[Case] = []
case = collect(CASES)


PAIRS = several(REAL, REAL)
for name, y in [("add", REAL), ("subtract", REAL), ("multiply", REAL), ("divide", NONZERO)]:
    case(name, lambda m, x, y, f=name: getattr(m, f)(x, y), several(REAL, y))
case("add:operator", lambda m, x, y: x + y, PAIRS)
case("add:numbers", lambda m, x: 2 + (x + 0.5), one())
case("subtract:operator", lambda m, x, y: x - y, PAIRS)
case("subtract:numbers", lambda m, x: 2 - (x - 0.5), one())
case("multiply:operator", lambda m, x, y: x * y, PAIRS)
case("multiply:numbers", lambda m, x: 2 * (x * -0.5), one())
case("multiply:itself", lambda m, x: x * x, one())
case("divide:operator", lambda m, x, y: x / y, several(REAL, NONZERO))
case("divide:numbers", lambda m, x: 2 / (x / -0.5), one(NONZERO))
for name in ("add", "subtract"):
    case(f"{name}:alpha", lambda m, x, y, f=name: getattr(m, f)(x, y, alpha=-1.5), PAIRS)
case("subtract:method", lambda m, x, y: x.sub(y, alpha=2), PAIRS)
case("rsub", lambda m, x, y: m.rsub(x, y), PAIRS)
case("rsub:alpha", lambda m, x, y: m.rsub(x, y, alpha=0.7), PAIRS)
for way in ("floor", "trunc"):
    case(
        f"divide:{way}",
        lambda m, x, y, w=way: m.divide(x, y, rounding_mode=w),
        several(OFF_GRID, st.sampled_from([-1.0, 0.5, 2.0])),
        lambda m, x, y, w=way: m.divide(x, y, rounding_mode=w).detach(),
        smooth=False,
    )
    case(
        f"divide:{way} of integers",
        lambda m, x, w=way: (4 * x).astype(int).div(3, rounding_mode=w),
        one(GRID),
        lambda m, x, w=way: (4 * x).long().div(3, rounding_mode=w),
        smooth=False,
    )
case("ldexp", lambda m, x, y: m.ldexp(x, y), PAIRS)
case(
    "ldexp:integers",
    lambda m, x, y: x.ldexp(y),
    one(shapes=FULL, settings=lambda s: st.tuples(array(s, st.integers(-4, 4), np.int64))),
    lambda m, x, y: x.ldexp(y.to(x.dtype)),  # PyTorch's gradient is rounded to integers in float32
)
VECTOR = one(st.sampled_from([0.0, 0.0, 1.0, -0.5, 1.5]), hnp.array_shapes(min_dims=1, max_dims=1, max_side=4))
# PyTorch's writes over what its derivative needs.
case("vander", lambda m, x: m.vander(x, 3), VECTOR, lambda m, x: m.linalg.vander(x, N=3).flip(-1))
case("vander:increasing", lambda m, x: m.vander(x, 5, True), VECTOR, lambda m, x: m.linalg.vander(x, N=5))
case("negative", lambda m, x: m.negative(x), one())
case("negative:operator", lambda m, x: -x, one())
# PyTorch's rule leaves out what the derivative by an exponent of 0 changes with it.
case("power", lambda m, x, y: m.power(x, y), several(POSITIVE, NONZERO), lambda m, x, y: m.pow(x, y))
case("power:operator", lambda m, x, y: x**y, several(POSITIVE, NONZERO))
case(
    "power:array",
    lambda m, x, y: x**y,
    one(shapes=FULL, settings=lambda s: st.tuples(array(s, st.sampled_from([2.0, 3.0])))),
    keeps_dtype=False,
)
for n in (0, 1, 2, 3):
    case(f"power:{n}", lambda m, x, n=n: x**n, one())
for r in (-1, -2.5, 0.5, 1.0):
    case(f"power:{r}", lambda m, x, r=r: x**r, one(POSITIVE))
case("power:of a number", lambda m, y: 2.5**y, one())

case("positive", lambda m, x: m.positive(x), one())
case("positive:operator", lambda m, x: +x * 2, one())
case("reciprocal", lambda m, x: m.reciprocal(x), one(NONZERO))
case("square", lambda m, x: m.square(x), one())
case(
    "float_power",
    lambda m, x, y: m.float_power(x, y),
    several(POSITIVE, NONZERO),
    lambda m, x, y: x.double() ** y.double(),
    keeps_dtype=False,
)
case("float_power:2", lambda m, x: x.float_power(2), one(), keeps_dtype=False)
LERP = several(REAL, REAL, OFF_GRID)
case("lerp", lambda m, x, end, weight: m.lerp(x, end, weight), LERP)
case("lerp:method", lambda m, x, end, weight: x.lerp(end, weight), LERP)
for weight in (0.25, 0.75, -1.5):
    case(f"lerp:{weight}", lambda m, x, end, w=weight: m.lerp(x, end, w), several(REAL, REAL))
TERMS = several(REAL, REAL, NONZERO)
for name in ("addcmul", "addcdiv"):
    case(name, lambda m, x, a, b, f=name: getattr(m, f)(x, a, b), TERMS)
    case(f"{name}:value", lambda m, x, a, b, f=name: getattr(x, f)(a, b, value=-0.7), TERMS)
case(
    "vander:linalg",
    lambda m, x: (ops.arithmetic.vander_of_vectors if m is ops else m.linalg.vander)(x, N=4),
    one(NONZERO, FULL),
)
