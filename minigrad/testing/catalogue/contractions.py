"""Cases of minigrad/ops/contractions.py."""

from __future__ import annotations

from .case import Case, collect
from .products import arrays

CASES: list[Case] = []
case = collect(CASES)

# An equation, and the shapes of its operands where they are not the subscripts themselves.
EQUATIONS = {
    "nk,km->nm": [],
    "nk,km": [],
    "mk,kn": [],
    "n,m->nm": [],
    "n,n": [],
    "nk->kn": [],
    "kn": [],
    "nk->": [],
    "nk->k": [],
    "nn->n": [],
    "nn": [],
    "nnk->k": [],
    "nkn->kn": [],
    "nkn,kkm->nm": [],
    ",nk->kn": [],
    "nk,nk->nk": [],
    "nk,nk->n": [],
    "nk,nk": ["nk,nk", "1k,nk", "nk,n1", "n1,1k"],
    "ank,akm->anm": ["ank,akm", "1nk,akm"],
    "nk,km,ml->nl": [],
    "nk,km,ml,lp->np": [],
    "nn,nk,k->": [],
    "n,nk,k": [],
    "ab,nk,m->bmna": [],
    "...nk,...km->...nm": ["nk,km", "ank,km", "ank,akm", "a1nk,bkm"],
    "...n->...": ["n", "an", "abn"],
    "...n->n": ["n", "an", "abn"],
    "n...->...n": ["n", "na", "nab"],
    "n...,m...": ["na,ma", "nab,mb"],
    "n...m,m...->...n": ["nam,m1", "nam,m", "abm,m"],
    "...,...": [",", "n,n", "nk,k", "nk,1k"],
    "...nn->...n": ["nn", "ann"],
    "nA,Am": ["nk,km"],
    "n k, k m -> m n": ["nk,km"],
}
for equation, shapes in EQUATIONS.items():
    case(
        "einsum" if equation == "nk,km->nm" else f"einsum:{equation}".replace("...", "…"),
        lambda m, *xs, e=equation: m.einsum(e, *xs),
        arrays(*(shapes or [equation.partition("->")[0]])),
    )
case("einsum:a list", lambda m, x, y: m.einsum("nk,km", [x, y]), arrays("nk,km"))
case("einsum:numbers", lambda m, x, y: m.einsum(x, [0, 30], y, [30, 2], [2, 0]), arrays("nk,km"))
case("einsum:numbers, no output", lambda m, x, y: m.einsum(x, [..., 7], y, [7, 2]), arrays("ank,km"))
case("einsum:itself", lambda m, x: m.einsum("nk,mk,ml->nl", x, x, x), arrays("nk"))

for dims, factors in {
    0: "nk,m",
    1: "nk,km",
    2: "ank,nkm",
    ((0, 2), (1, 0)): "nak,knm",
    ((-1,), (-1,)): "nk,abk",
    ((), ()): "n,m",
}.items():
    for name in ("tensordot", f"tensordot:{dims}") if dims == 2 else (f"tensordot:{dims}",):
        case(name, lambda m, x, y, d=dims: m.tensordot(x, y, d), arrays(factors))
case(
    "tensordot:axes",
    lambda m, x, y: x.tensordot(y, axes=([0], [1])),
    arrays("nk,an"),
    lambda m, x, y: m.tensordot(x, y, dims=([0], [1])),
)
