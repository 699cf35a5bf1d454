"""Cases of minigrad/ops/statistics.py."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .case import Case, collect
from .domains import one

CASES: list[Case] = []
case = collect(CASES)


@st.composite
def varied(draw):
    """Rows that are far from constant, and from multiples of each other."""
    n, count = draw(st.integers(1, 3)), draw(st.integers(4, 5))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return rng.standard_normal((n, count)) + 3 * np.eye(n, count)


ROWS = varied().map(lambda x: ([x], []))
case("cov", lambda m, x: m.cov(x), ROWS)
case("cov:correction", lambda m, x: x.cov(correction=0), ROWS)
case("cov:vector", lambda m, x: m.cov(x), one(shapes=st.just((4,))))


def weighted(*names):
    """``cov`` with weights of the first observations."""

    def f(m, x, often, heavy):
        heavy = heavy.to(x.dtype) if hasattr(heavy, "to") else heavy
        given = {"fweights": often, "aweights": heavy}
        return m.cov(x, **{name: given[name][: x.shape[1]] for name in names})

    return f


OFTEN, HEAVY = np.array([1, 2, 0, 3, 1]), np.array([0.5, 1, 2, 1.5, 0.7])
for names in (("fweights",), ("aweights",), ("fweights", "aweights")):
    case(f"cov:{' and '.join(names)}", weighted(*names), varied().map(lambda x: ([x], [OFTEN, HEAVY])))
case("corrcoef", lambda m, x: m.corrcoef(x), ROWS)
