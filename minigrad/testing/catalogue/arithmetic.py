"""Cases of minigrad/ops/arithmetic.py."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, collect
from .domains import FULL, GRID, NONZERO, POSITIVE, REAL, array, one, several

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

TIES = several(GRID, GRID)
for name, theirs in {
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
}.items():
    case(
        name,
        lambda m, x, y, f=name: getattr(m, f)(x, y),
        TIES,
        lambda m, x, y, f=theirs: getattr(m, f)(x, y),
        smooth=False,
    )
case("equal:operators", lambda m, x, y: (x == y, x == 0.25, x != y, x != 0.25), TIES, smooth=False)
case("less:operators", lambda m, x, y: (x < y, x <= y, x > y, x >= y), TIES, smooth=False)
case("less:numbers", lambda m, x: (x < 1, 1 < x, x >= 0.25, 0.25 >= x), one(GRID), smooth=False)  # noqa: SIM300
case("logical_and", lambda m, x, y: m.logical_and(x > 0, y > 0), TIES, smooth=False)
case("logical_or", lambda m, x, y: m.logical_or(x > 0, y > 0), TIES, smooth=False)
case("logical_not", lambda m, x: m.logical_not(x > 0), one(GRID), smooth=False)
case("logical_not:operators", lambda m, x, y: (~(x > 0) & (y > 0), (x < 0) | ~(y < 1)), TIES, smooth=False)
