"""Cases of minigrad/ops/rounding.py."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, collect
from .domains import GRID, OFF_GRID, one, several

CASES: list[Case] = []
case = collect(CASES)


for name in ("floor", "ceil", "trunc", "round"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), one(GRID), smooth=False)
    case(f"{name}:method", lambda m, x, f=name: getattr(x * 10, f)(), one(), smooth=False)
for decimals in (-1, 2):
    case(f"round:{decimals}", lambda m, x, d=decimals: m.round(x * 8, decimals=d), one(GRID), smooth=False)
case("frac", lambda m, x: m.frac(x), one(OFF_GRID))

DIVISORS = GRID.filter(bool)
# The derivative by the divisor jumps where the quotient is whole: these are an eighth away from that.
NOT_WHOLE = several(
    st.integers(-12, 12).map(lambda k: (k + 0.5) / 2), st.sampled_from([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
)
for name in ("fmod", "remainder"):
    case(name, lambda m, x, y, f=name: getattr(m, f)(x, y), NOT_WHOLE)
    case(f"{name}:method", lambda m, x, y, f=name: getattr(x, f)(y), NOT_WHOLE)
    case(f"{name}:values", lambda m, x, y, f=name: getattr(m, f)(x, y).detach(), several(GRID, DIVISORS), smooth=False)
case("remainder:operator", lambda m, x, y: x % y, NOT_WHOLE)
case("remainder:numbers", lambda m, x: (x % 1, x % -2.0), one(OFF_GRID))
case("remainder:of a number", lambda m, x: 0.6 % x, one(OFF_GRID), lambda m, x: m.full_like(x, 0.6) % x)
case("floor_divide", lambda m, x, y: m.floor_divide(x, y), several(GRID, DIVISORS), smooth=False)
case("floor_divide:operators", lambda m, x: (x // 0.5, 7 // x), one(DIVISORS), smooth=False)
case("floor_divide:divmod", lambda m, x: divmod(x, 0.75)[0], one(GRID), lambda m, x: x // 0.75, smooth=False)
case("remainder:divmod", lambda m, x: divmod(x, 0.75)[1], one(OFF_GRID), lambda m, x: x % 0.75)
