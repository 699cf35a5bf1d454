"""Cases of minigrad/ops/products.py."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from .case import Case, collect
from .domains import REAL, several

CASES: list[Case] = []
case = collect(CASES)


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
def lettered(draw, *choices):
    """Shapes of several arrays, a letter for each dimension: the same letter, the same length, 0 to 3 (q, r: 1 on)."""
    length = {"1": 1, "3": 3, **{letter: draw(st.integers(letter in "qr", 3)) for letter in "nkmlpabqr"}}
    return [tuple(length[letter] for letter in factor) for factor in draw(st.sampled_from(choices)).split(",")]


def arrays(*choices):
    """As many arrays as there are shapes in ``"nk,km"``."""
    return several(*[REAL] * len(choices[0].split(",")), shapes=lettered(*choices))


MATRICES = arrays(*PRODUCTS)
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


for name, shapes in {
    "dot": ["k,k"],
    "vdot": ["k,k"],
    "mv": ["nk,k"],
    "mm": ["nk,km"],
    "bmm": ["ank,akm"],
    "inner": ["k,k", "nk,k", "nk,mk", "abk,mk", ",", ",nk", "nk,"],
    "outer": ["n,m"],
    "ger": ["n,m"],
    "kron": [",", "n,m", "nk,lm", "nk,m", "n,klm", "nka,mlb", ",nk"],
}.items():
    case(name, lambda m, x, y, f=name: getattr(m, f)(x, y), arrays(*shapes))
    case(f"{name}:method", lambda m, x, y, f=name: getattr(x, f)(y), arrays(*shapes))
# PyTorch's addmv fails on empty matrices.
for name, shapes in {
    "addmm": ["nm,nk,km", "m,nk,km", "n1,nk,km", ",nk,km"],
    "addmv": ["q,qr,r", "1,qr,r"],
    "addr": ["nm,n,m", "m,n,m"],
    "baddbmm": ["anm,ank,akm", "1m,ank,akm"],
    "addbmm": ["nm,ank,akm", "n1,ank,akm"],
}.items():
    case(name, lambda m, *xs, f=name: getattr(m, f)(*xs), arrays(*shapes))
    case(f"{name}:scaled", lambda m, x, *xs, f=name: getattr(x, f)(*xs, beta=0.5, alpha=-2), arrays(*shapes))
case("addmm:beta 0", lambda m, x, y, z: m.addmm(x, y, z, beta=0) + x, arrays("nm,nk,km"))
case(
    "vecdot", lambda m, x, y: m.vecdot(x, y), arrays("k,k", "ank,ank", "nk,k", "1k,nk"), lambda m, x, y: (x * y).sum(-1)
)
case("vecdot:dim", lambda m, x, y: x.vecdot(y, 0), arrays("ka,ka"), lambda m, x, y: m.linalg.vecdot(x, y, dim=0))
case("cross", lambda m, x, y: m.cross(x, y), arrays("3,3", "n3,n3", "1a3,n13"), lambda m, x, y: m.linalg.cross(x, y))
case(
    "cross:dim", lambda m, x, y: x.cross(y, 0), arrays("3n,3n", "3n1,31m"), lambda m, x, y: m.linalg.cross(x, y, dim=0)
)
CHAINS = arrays("nk,km,ml"), arrays("k,km,ml,lp"), arrays("nk,km,ml,l")
for i, inputs in enumerate((*CHAINS, arrays("nk,km"), arrays("k,k"))):
    case(
        f"multi_dot:{i}" if i else "multi_dot",
        lambda m, *xs: m.multi_dot(xs),
        inputs,
        lambda m, *xs: m.linalg.multi_dot(xs),
    )
case("chain_matmul", lambda m, *xs: m.chain_matmul(*xs), CHAINS[0], lambda m, *xs: m.linalg.multi_dot(xs))
