"""Cases of minigrad/ops/calculus.py."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case, collect
from .domains import POSITIVE, a_dim, array, one

CASES: list[Case] = []
case = collect(CASES)

LONG = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)


@st.composite
def and_points(draw, shapes=LONG):
    """Values, a vector of points along one dimension, and that dimension."""
    shape = draw(shapes)
    dim = draw(a_dim(shape))
    return [draw(array(shape)), np.cumsum(draw(array((shape[dim],), POSITIVE)))], [dim]


for name in ("trapezoid", "trapz", "cumulative_trapezoid"):
    along = one(shapes=LONG, settings=lambda s: st.tuples(a_dim(s)))
    case(name, lambda m, y, x, d, f=name: getattr(m, f)(y, x, dim=d), and_points())
    case(f"{name}:dx", lambda m, y, d, f=name: getattr(m, f)(y, dx=0.3, dim=d), along)
    case(
        f"{name}:axis",
        lambda m, y, d, f=name: getattr(m, f)(y, axis=d),
        along,
        lambda m, y, d, f=name: getattr(m, f)(y, dim=d),
    )
    case(
        f"{name}:points of each",
        lambda m, y, x, f=name: getattr(m, f)(y, x),
        st.tuples(st.tuples(array((2, 3)), array((2, 3), POSITIVE)).map(list), st.just([])),
    )

FOUR = hnp.array_shapes(min_dims=1, max_dims=3, min_side=3, max_side=4)
case("gradient", lambda m, x: m.gradient(x), one(shapes=FOUR))
case("gradient:two", lambda m, x: m.gradient(x), one(shapes=st.just((2, 2))))
for edge_order in (1, 2):
    case(
        f"gradient:{edge_order=}",
        lambda m, x, d, e=edge_order: m.gradient(x, spacing=0.7, dim=d, edge_order=e),
        one(shapes=FOUR, settings=lambda s: st.tuples(a_dim(s))),
    )
    case(
        f"gradient:points {edge_order=}",
        lambda m, x, p, d, e=edge_order: m.gradient(x, spacing=(p,), dim=(d,), edge_order=e),
        and_points(FOUR),
    )
case(
    "gradient:numbers",
    lambda m, x: m.gradient(x, spacing=(0.5, 2.0), dim=(1, 0)),
    one(shapes=st.just((3, 2))),
)
