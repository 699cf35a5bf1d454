"""Cases of minigrad/ops/special.py."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, collect
from .domains import GRID, NONZERO, POSITIVE, REAL, one, several

CASES: list[Case] = []
case = collect(CASES)


BETWEEN_POLES = st.integers(-3, -1).flatmap(lambda n: st.floats(n + 0.3, n + 0.7))
for name, domain in {"erf": REAL, "erfc": REAL, "erfinv": st.floats(-0.9, 0.9), "logit": st.floats(0.1, 0.9)}.items():
    case(name, lambda m, x, f=name: getattr(m, f)(x), one(domain))
    case(f"{name}:method", lambda m, x, f=name: getattr(x, f)(), one(domain))


def by_recurrence(function, step):
    """``function(x)`` from ``x + 20``: PyTorch's second derivative of lgamma has nine digits near 0, and all there."""

    def theirs(m, x):
        far = x.double()
        return (function(m, far + 20) + sum(step(m, far + k) for k in range(20))).to(x.dtype)

    return theirs


LGAMMA = by_recurrence(lambda m, x: m.lgamma(x), lambda m, x: -m.log(m.abs(x)))
DIGAMMA = by_recurrence(lambda m, x: m.digamma(x), lambda m, x: -1 / x)
TRIGAMMA = by_recurrence(lambda m, x: m.polygamma(1, x), lambda m, x: x**-2)
GAMMA = one(POSITIVE | BETWEEN_POLES)
case("lgamma", lambda m, x: m.lgamma(x), GAMMA, LGAMMA)
case("lgamma:method", lambda m, x: x.lgamma(), GAMMA, LGAMMA)
case("digamma", lambda m, x: m.digamma(x), GAMMA, DIGAMMA)
case("digamma:method", lambda m, x: x.digamma(), GAMMA, DIGAMMA)
case("polygamma", lambda m, x: m.polygamma(1, x), GAMMA, TRIGAMMA)
case("polygamma:0", lambda m, x: x.polygamma(0), GAMMA, DIGAMMA)
for n in (2, 3):
    case(f"polygamma:{n}", lambda m, x, n=n: x.polygamma(n), GAMMA)
for name in ("logaddexp", "logaddexp2"):
    case(name, lambda m, x, y, f=name: getattr(m, f)(x, y), several(GRID, GRID))  # ties are no kinks
    case(f"{name}:method", lambda m, x, y, f=name: getattr(x, f)(y), several(REAL, REAL))
    case(f"{name}:far", lambda m, x, y, f=name: getattr(m, f)(30 * x, y), several(NONZERO, REAL))
case("xlogy", lambda m, x, y: m.xlogy(x, y), several(REAL, POSITIVE))
case("xlogy:zeros", lambda m, x, y: m.xlogy(x, y), several(GRID, POSITIVE))
case("xlogy:a number", lambda m, y: m.xlogy(0.7, y), one(POSITIVE))
case(  # PyTorch's second derivative is nan outside
    "logit:eps",
    lambda m, x: m.logit(x, 0.07),
    one(st.floats(0.1, 0.9) | st.floats(-0.5, 0.0) | st.floats(1.0, 1.5)),
    lambda m, x: m.logit(m.clamp(x, 0.07, 0.93)),
)
