"""Cases of minigrad/ops/elementary.py."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .case import Case, collect
from .domains import FULL, GRID, NONZERO, OFF_GRID, POSITIVE, SHAPES, array, one, several, together

CASES: list[Case] = []
case = collect(CASES)


case("exp", lambda m, x: m.exp(x), one())
case("log", lambda m, x: m.log(x), one(POSITIVE))
case("sqrt", lambda m, x: m.sqrt(x), one(POSITIVE))
case("abs", lambda m, x: m.abs(x), one(NONZERO))
case("abs:operator", lambda m, x: abs(x), one(NONZERO))
for name in ("exp2", "expm1"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), one())
for name in ("log1p", "log2", "log10", "rsqrt"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), one(POSITIVE))
case("log1p:below 0", lambda m, x: x.log1p(), one(st.floats(-0.7, 0.3)))
case("cbrt", lambda m, x: m.cbrt(x), one(NONZERO), lambda m, x: m.sign(x) * m.abs(x) ** (1 / 3))
case("copysign", lambda m, x, y: m.copysign(x, y), several(NONZERO, NONZERO))
case("copysign:a number", lambda m, x: x.copysign(-0.0), one(NONZERO))
case("heaviside", lambda m, x, y: m.heaviside(x, y), several(GRID, GRID), smooth=False)
case("sign", lambda m, x: m.sign(x), one(GRID), smooth=False)
case("maximum", lambda m, x, y: m.maximum(x, y), several(GRID, OFF_GRID))
case("minimum", lambda m, x, y: m.minimum(x, y), several(GRID, OFF_GRID))
case("fmax", lambda m, x, y: m.fmax(x, y), several(GRID, OFF_GRID))
case("fmin", lambda m, x, y: m.fmin(x, y), several(GRID, OFF_GRID))
ODD = GRID | st.sampled_from([float("nan"), float("inf"), float("-inf")])
for name in ("fmax", "fmin"):
    case(f"{name}:odd", lambda m, x, y, f=name: getattr(m, f)(x, y).detach(), several(ODD, ODD), smooth=False)
case("nan_to_num", lambda m, x: m.nan_to_num(x), one())
case("nan_to_num:odd", lambda m, x: m.nan_to_num(x).detach(), one(ODD), smooth=False)
case("nan_to_num:numbers", lambda m, x: x.nan_to_num(0.5, 2.0, neginf=-3).detach(), one(ODD), smooth=False)
case("maximum:method", lambda m, x, y: x.maximum(y), several(GRID, OFF_GRID))
case(
    "minimum:number", lambda m, x: m.minimum(x, 0.3), one(GRID), lambda m, x: m.minimum(x, m.tensor(0.3, dtype=x.dtype))
)


@st.composite
def choices(draw):
    """x, y and a condition."""
    *shapes, shape = draw(together(3))
    return [draw(array(s)) for s in shapes], [draw(array(shape, st.booleans(), np.bool_))]


case("where", lambda m, x, y, c: m.where(c, x, y), choices())
case("where:method", lambda m, x, y, c: x.where(c, y), choices())
case(
    "where:number",
    lambda m, x, c: m.where(c, x, 1.5),
    one(shapes=FULL, settings=lambda s: st.tuples(array(s, st.booleans(), np.bool_))),
)
case("clip", lambda m, x: m.clip(x, -0.3, 0.8), one(GRID))
case("clip:min", lambda m, x: x.clip(min=-0.3), one(GRID))
case("clip:max", lambda m, x: x.clamp(max=0.3), one(GRID))
LOW_AND_HIGH = [st.sampled_from([-1.1, -0.6]), st.sampled_from([0.6, 1.1])]
# Of one shape: PyTorch's rule fails where both bounds broadcast.
BOUNDS = several(GRID, *LOW_AND_HIGH, shapes=SHAPES.map(lambda s: [s, s, s]))
case("clip:tensors", lambda m, x, low, high: m.clip(x, low, high), BOUNDS)
case("clip:tensor min", lambda m, x, low: m.clip(x, min=low), several(GRID, OFF_GRID))
case("clip:tensor max", lambda m, x, high: m.clip(x, max=high), several(GRID, OFF_GRID))
case("clone", lambda m, x: m.clone(x), one())
case("astype", lambda m, x: m.astype(x, dtype="float64"), one(), lambda m, x: x.double(), keeps_dtype=False)
case(
    "astype:to",
    lambda m, x: x.to("float64") * x.double(),
    one(),
    lambda m, x: x.double() * x.double(),
    keeps_dtype=False,
)
