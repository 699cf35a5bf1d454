"""Cases of minigrad/ops/activations.py."""

from __future__ import annotations

from .case import Case, collect
from .domains import FULL, NONZERO, distinct, one

CASES: list[Case] = []
case = collect(CASES)


for name in ("sigmoid", "tanh", "relu"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), one(NONZERO))
for name in ("softplus", "logsigmoid", "leaky_relu"):
    case(
        name,
        lambda m, x, f=name: getattr(m, f)(x),
        one(NONZERO),
        lambda m, x, f=name: getattr(m.nn.functional, f)(x),
    )
case("leaky_relu:slope", lambda m, x: x.leaky_relu(0.2), one(NONZERO), lambda m, x: m.nn.functional.leaky_relu(x, 0.2))
for pieces in (1, 2, 3):
    groups = FULL.map(lambda s, p=pieces: (*s[:-1], s[-1] * p))  # type: ignore[misc]
    case(
        f"maxout:{pieces}" if pieces != 2 else "maxout",
        lambda m, x, p=pieces: m.maxout(x, p),
        distinct(groups),
        lambda m, x, p=pieces: x.reshape(*x.shape[:-1], x.shape[-1] // p, p).max(-1).values,
    )
