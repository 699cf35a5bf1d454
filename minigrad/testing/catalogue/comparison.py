"""Cases of minigrad/ops/comparison.py."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, collect
from .domains import FULL, GRID, one, several

CASES: list[Case] = []
case = collect(CASES)


TIES = several(GRID, GRID)
for name, theirs in {
    "eq": "eq",
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
    case(f"{name}:method", lambda m, x, y, f=theirs: getattr(x, f)(y), TIES, smooth=False)
case("eq:operators", lambda m, x, y: (x == y, x == 0.25, x != y, x != 0.25), TIES, smooth=False)
case("less:operators", lambda m, x, y: (x < y, x <= y, x > y, x >= y), TIES, smooth=False)
case("less:numbers", lambda m, x: (x < 1, 1 < x, x >= 0.25, 0.25 >= x), one(GRID), smooth=False)  # noqa: SIM300

ODD = GRID | st.sampled_from([float("nan"), float("inf"), float("-inf")])
for name in ("isnan", "isinf", "isposinf", "isneginf", "isfinite", "signbit"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), one(ODD), smooth=False)
ODD_PAIRS = several(ODD, ODD | st.just(0.2500001))
case("isclose", lambda m, x, y: m.isclose(x, y), ODD_PAIRS, smooth=False)
case("isclose:loose", lambda m, x, y: x.isclose(y, 0.3, atol=0.1, equal_nan=True), ODD_PAIRS, smooth=False)
case("equal:a bool", lambda m, x, y: (x * 0 == 0) & (m.equal(x, y) | m.equal(x * 1, x)), TIES, smooth=False)
case("equal:to another", lambda m, x, y: (x * 0 == 0) & x.equal(y), TIES, smooth=False)
case("allclose:a bool", lambda m, x, y: (x * 0 == 0) & m.allclose(x, y, 0.3, 1.0), TIES, smooth=False)

for name in ("logical_and", "logical_or", "logical_xor"):
    case(name, lambda m, x, y, f=name: getattr(m, f)(x, y), several(ODD, ODD), smooth=False)
    case(f"{name}:booleans", lambda m, x, y, f=name: getattr(x > 0, f)(y > 0), TIES, smooth=False)
case("logical_not", lambda m, x: m.logical_not(x), one(ODD), smooth=False)


def whole(x):
    return x.astype("int64") if hasattr(x, "astype") else x.long()


SIGNED = several(*[st.integers(-9, 9)] * 2, shapes=FULL.map(lambda s: [s, s]))
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    case(name, lambda m, x, y, f=name: getattr(m, f)(x > 0, y > 0), TIES, smooth=False)
    case(f"{name}:integers", lambda m, x, y, f=name: getattr(m, f)(whole(x), whole(y)), SIGNED, smooth=False)
case("bitwise_not", lambda m, x: m.bitwise_not(x > 0), one(GRID), smooth=False)
case("bitwise_not:operators", lambda m, x, y: (~(x > 0) & (y > 0), (x < 0) | ~(y < 1)), TIES, smooth=False)
case("bitwise_xor:operators", lambda m, x, y: ((x > 0) ^ (y > 0), (x > 0) ^ True, True ^ (x > 0)), TIES, smooth=False)
