"""Cases of minigrad/ops/trigonometric.py."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, collect
from .domains import NONZERO, POSITIVE, REAL, one, several

CASES: list[Case] = []
case = collect(CASES)


INSIDE = st.floats(-0.9, 0.9)  # of [-1, 1], at whose ends the slopes are infinite
DOMAINS = {"asin": INSIDE, "acos": INSIDE, "atanh": INSIDE, "acosh": st.floats(1.3, 4), "tan": st.floats(-1.2, 1.2)}
for name in [
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "asinh",
    "acosh",
    "atanh",
    "deg2rad",
    "rad2deg",
]:
    case(name, lambda m, x, f=name: getattr(m, f)(x), one(DOMAINS.get(name, REAL)))
    case(f"{name}:method", lambda m, x, f=name: getattr(x, f)(), one(DOMAINS.get(name, REAL)))
for name in ["arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"]:
    case(
        f"{name.replace('arc', 'a')}:{name}",
        lambda m, x, f=name: getattr(x, f)(),
        one(DOMAINS.get(name.replace("arc", "a"), REAL)),
    )
case("atan2", lambda m, y, x: m.atan2(y, x), several(NONZERO, REAL))
case("atan2:arctan2", lambda m, y, x: y.arctan2(x), several(REAL, POSITIVE))
case("atan2:on an axis", lambda m, y: m.atan2(y, y * 0), one(NONZERO))
case("hypot", lambda m, x, y: m.hypot(x, y), several(REAL, NONZERO))
case("hypot:method", lambda m, x, y: x.hypot(y), several(NONZERO, REAL))
# PyTorch's derivatives lose their digits near 0, and its second is nan there.
case("sinc", lambda m, x: m.sinc(x), one(NONZERO))
case("sinc:at 0", lambda m, x: m.sinc(x), one(st.floats(-0.2, 0.2)), lambda m, x: sinc_series(x))
case("sinc:far", lambda m, x: m.sinc(x), one(st.floats(3, 9)))


def sinc_series(x):
    """The first terms of the Taylor series, which is all of it up to 0.2."""
    t, out = (3.141592653589793 * x) ** 2, 1
    for n in range(12, 0, -1):
        out = 1 - t / (2 * n * (2 * n + 1)) * out
    return out
