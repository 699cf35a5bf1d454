"""Cases of minigrad/ops/arithmetic.py."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case, collect
from .domains import FULL, NONZERO, OFF_GRID, POSITIVE, REAL, array, one, several

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
case("negative", lambda m, x: m.negative(x), one())
case("negative:operator", lambda m, x: -x, one())
# PyTorch's rule leaves out what the derivative by an exponent of 0 changes with it.
case("power", lambda m, x, y: m.power(x, y), several(POSITIVE, NONZERO), lambda m, x, y: m.pow(x, y))
case("power:operator", lambda m, x, y: x**y, several(POSITIVE, NONZERO))
case(
    "power:array",
    lambda m, x, y: x**y,
    one(shapes=FULL, settings=lambda s: st.tuples(array(s, st.sampled_from([2.0, 3.0])))),
)
for n in (0, 1, 2, 3):
    case(f"power:{n}", lambda m, x, n=n: x**n, one())
for r in (-1, -2.5, 0.5, 1.0):
    case(f"power:{r}", lambda m, x, r=r: x**r, one(POSITIVE))
case("power:of a number", lambda m, y: 2.5**y, one())

PRODUCTS = [
    "k,k",
    "k,km",
    "nk,k",
    "nk,km",
    "ank,akm",
    "ank,km",
    "nk,akm",
    "1nk,akm",
    "a1nk,bkm",
    "abnk,abkm",
    "k,akm",
    "ank,k",
]


@st.composite
def products(draw):
    """The shapes of two arrays that matmul takes."""
    length = {"1": 1, **{letter: draw(st.integers(0, 3)) for letter in "nkmab"}}
    return [tuple(length[letter] for letter in factor) for factor in draw(st.sampled_from(PRODUCTS)).split(",")]


MATRICES = several(REAL, REAL, shapes=products())
case("matmul", lambda m, x, y: m.matmul(x, y), MATRICES)
case("matmul:operator", lambda m, x, y: x @ y, MATRICES)
ROWS = hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3).map(lambda s: (*s, 2))
case(
    "linear",
    lambda m, x, w: m.linear(x, w),
    several(REAL, REAL, shapes=ROWS.map(lambda s: [s, (3, 2)])),
    lambda m, x, w: m.nn.functional.linear(x, w),
)
case(
    "linear:bias",
    lambda m, x, w, b: m.linear(x, w, bias=b),
    several(REAL, REAL, REAL, shapes=ROWS.map(lambda s: [s, (3, 2), (3,)])),
    lambda m, x, w, b: m.nn.functional.linear(x, w, bias=b),
)

case("positive", lambda m, x: m.positive(x), one())
case("positive:operator", lambda m, x: +x * 2, one())
case("reciprocal", lambda m, x: m.reciprocal(x), one(NONZERO))
case("square", lambda m, x: m.square(x), one())
case(
    "float_power",
    lambda m, x, y: m.float_power(x, y),
    several(POSITIVE, NONZERO),
    lambda m, x, y: x.double() ** y.double(),
)
case("float_power:2", lambda m, x: x.float_power(2), one())
LERP = several(REAL, REAL, OFF_GRID)
case("lerp", lambda m, x, end, weight: m.lerp(x, end, weight), LERP)
case("lerp:method", lambda m, x, end, weight: x.lerp(end, weight), LERP)
for weight in (0.25, 0.75, -1.5):
    case(f"lerp:{weight}", lambda m, x, end, w=weight: m.lerp(x, end, w), several(REAL, REAL))
TERMS = several(REAL, REAL, NONZERO)
for name in ("addcmul", "addcdiv"):
    case(name, lambda m, x, a, b, f=name: getattr(m, f)(x, a, b), TERMS)
    case(f"{name}:value", lambda m, x, a, b, f=name: getattr(x, f)(a, b, value=-0.7), TERMS)
