"""Cases of minigrad/ops/activations.py."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, collect
from .domains import FULL, GRID, NONZERO, OFF_GRID, SHAPES, a_dim, distinct, one, several

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


def like_pytorch(name, inputs, *arguments, spelling="", **options):
    """The function, whose name and arguments are those of torch.nn.functional."""
    case(
        name + spelling,
        lambda m, x, *more: getattr(m, name)(x, *more, *arguments, **options),
        inputs,
        lambda m, x, *more: getattr(m.nn.functional, name)(x, *more, *arguments, **options),
    )


for name in ("silu", "mish", "gelu", "tanhshrink"):
    like_pytorch(name, one())
like_pytorch("gelu", one(), spelling=":tanh", approximate="tanh")
for name in ("elu", "selu", "celu", "softsign"):
    like_pytorch(name, one(NONZERO))
like_pytorch("elu", one(NONZERO), 0.7, spelling=":alpha")
case(  # PyTorch divides by alpha in float32
    "celu:alpha",
    lambda m, x: m.celu(x, 0.7),
    one(NONZERO),
    lambda m, x: m.where(x > 0, x, 0.7 * m.expm1(x / 0.7)),
)
# No kink is an odd eighth.
like_pytorch("hardtanh", one(OFF_GRID))
like_pytorch("hardtanh", one(OFF_GRID), -0.5, 0.75, spelling=":bounds")
like_pytorch("relu6", one(OFF_GRID.map(lambda x: 4 * x)))
like_pytorch("hardswish", one(OFF_GRID.map(lambda x: 2.2 * x)))
like_pytorch("softshrink", one(OFF_GRID))
like_pytorch("softshrink", one(OFF_GRID), 0.25, spelling=":lambd")
like_pytorch("hardshrink", one(OFF_GRID))
like_pytorch("hardshrink", one(OFF_GRID), 0.25, spelling=":lambd")
like_pytorch("threshold", one(OFF_GRID), 0.25, 2.5)
# PyTorch's rule is not differentiable, and knows 1/6 only as float32.
case(
    "hardsigmoid",
    lambda m, x: m.hardsigmoid(x),
    one(OFF_GRID.map(lambda x: 2.2 * x)),
    lambda m, x: m.nn.functional.relu6(x + 3) / 6,
)
like_pytorch("prelu", several(NONZERO, GRID, shapes=SHAPES.map(lambda s: [s, (1,)])))
CHANNELS = SHAPES.filter(lambda s: len(s) > 1)
like_pytorch("prelu", several(NONZERO, GRID, shapes=CHANNELS.map(lambda s: [s, s[1:2]])), spelling=":channels")
HALVES = FULL.flatmap(lambda s: st.integers(0, len(s) - 1).map(lambda d: (*s[:d], 2 * s[d], *s[d + 1 :])))


def a_half(shape):
    """A dimension of even length, counted from either end."""
    even = [d for d, n in enumerate(shape) if n % 2 == 0]
    return st.sampled_from([*even, *(d - len(shape) for d in even)]).map(lambda d: [d])


like_pytorch("glu", one(shapes=HALVES, settings=a_half))
like_pytorch("softmin", one(shapes=FULL, settings=lambda s: st.tuples(a_dim(s))))
case(
    "softmin:axis",
    lambda m, x, dim: x.softmin(axis=dim),
    one(shapes=FULL, settings=lambda s: st.tuples(a_dim(s))),
    lambda m, x, dim: m.nn.functional.softmin(x, dim),
)
for pieces in (1, 2, 3):
    groups = FULL.map(lambda s, p=pieces: (*s[:-1], s[-1] * p))
    case(
        f"maxout:{pieces}" if pieces != 2 else "maxout",
        lambda m, x, p=pieces: m.maxout(x, p),
        distinct(groups),
        lambda m, x, p=pieces: x.reshape(*x.shape[:-1], x.shape[-1] // p, p).max(-1).values,
    )
