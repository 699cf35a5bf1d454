"""The ops that mutants are made of, right: each a forward, a rule for each argument, and a domain where it is smooth.

Rules undo broadcasting themselves, as the mechanisms of the other libraries ask.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ..catalogue.domains import FULL, GRID, NONZERO, OFF_GRID, POSITIVE, REAL, array, distinct, one, several
from .mutant import Definition


def drawn(strategy):
    """The arrays of a strategy that draws ([arrays], [settings])."""
    return strategy.map(lambda arrays_and_settings: arrays_and_settings[0])


def fixed(*shapes, elements=REAL):
    return st.tuples(*(array(shape, elements) for shape in shapes)).map(list)


def of_letters(*words):
    """Arrays whose shapes are said in letters, as "nk", "km": a letter is one length, from 1 to 3."""

    @st.composite
    def draw_arrays(draw):
        length = {letter: draw(st.integers(1, 3)) for letter in sorted(set("".join(words)))}
        return [draw(array(tuple(length[letter] for letter in word))) for word in words]

    return draw_arrays()


def fit(m, g, x):
    """Broadcasting undone: ``g`` summed to the shape of ``x``."""
    lead = len(g.shape) - len(x.shape)
    axes = tuple(i for i, n in enumerate(g.shape) if i < lead or x.shape[i - lead] != n)
    return m.reshape(m.sum(g, axis=axes, keepdims=True), x.shape) if axes else g


def last(m, x):
    """Give a reduced last axis back, with length 1."""
    return m.reshape(x, (*x.shape, 1))


def row_sum(m, x):
    return m.sum(x, axis=1, keepdims=True)


def row_mean(m, x):
    return m.mean(x, axis=1, keepdims=True)


def average(m, x):
    return m.mean(x, axis=-1, keepdims=True)


def count(x):
    return int(np.prod(x.shape))


def sigmoid(m, x):
    return 1 / (1 + m.exp(-x))


ANY = drawn(one())
AWAY = drawn(one(NONZERO))
POSITIVES = drawn(one(POSITIVE))
WIDE = drawn(one(st.floats(-8, 8)))
ROWS = drawn(one(shapes=FULL))  # no axis empty
TABLES = drawn(one(shapes=hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=3)))
BATCHES = drawn(one(shapes=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3)))  # perhaps empty
QUARTERS = drawn(one(GRID))  # often 0
PAIRS = drawn(several(REAL, REAL))

# elementwise ---------------------------------------------------------------------------------------------
identity = Definition("identity", lambda m, x: x + 0, (lambda m, g, out, x: g,), ANY)
square = Definition("square", lambda m, x: x * x, (lambda m, g, out, x: 2 * g * x,), ANY)
cube = Definition("cube", lambda m, x: x * x * x, (lambda m, g, out, x: 3 * g * x * x,), ANY)
exp = Definition("exp", lambda m, x: m.exp(x), (lambda m, g, out, x: g * out,), ANY)
log = Definition("log", lambda m, x: m.log(x), (lambda m, g, out, x: g / x,), POSITIVES)
sqrt = Definition("sqrt", lambda m, x: m.sqrt(x), (lambda m, g, out, x: 0.5 * g / out,), POSITIVES)
reciprocal = Definition("reciprocal", lambda m, x: 1 / x, (lambda m, g, out, x: -g * out * out,), AWAY)
tanh = Definition("tanh", lambda m, x: m.tanh(x), (lambda m, g, out, x: g * (1 - out * out),), ANY)
logistic = Definition("sigmoid", sigmoid, (lambda m, g, out, x: g * out * (1 - out),), ANY)
steep = Definition("sigmoid(3x)", lambda m, x: sigmoid(m, 3 * x), (lambda m, g, out, x: 3 * g * out * (1 - out),), ANY)
absolute = Definition("abs", lambda m, x: m.abs(x), (lambda m, g, out, x: g * m.sign(x),), AWAY)
softplus = Definition("softplus", lambda m, x: m.log(1 + m.exp(x)), (lambda m, g, out, x: g * sigmoid(m, x),), WIDE)
log_cosh = Definition("log_cosh", lambda m, x: m.log(m.exp(x) + m.exp(-x)), (lambda m, g, out, x: g * m.tanh(x),), WIDE)


def _swish_rule(m, g, out, x):
    s = sigmoid(m, x)
    return g * s * (1 + x * (1 - s))


swish = Definition("swish", lambda m, x: x * sigmoid(m, x), (_swish_rule,), ANY)
bell = Definition("bell", lambda m, x: m.exp(-x * x), (lambda m, g, out, x: -2 * g * x * out,), ANY)
leaky = Definition(
    "leaky_relu", lambda m, x: m.where(x > 0, x, 0.2 * x), (lambda m, g, out, x: m.where(x > 0, g, 0.2 * g),), AWAY
)
elu = Definition(
    "elu",
    lambda m, x: m.where(x > 0, x, 0.7 * (m.exp(x) - 1)),
    (lambda m, g, out, x: m.where(x > 0, g, 0.7 * g * m.exp(x)),),
    AWAY,
)
signed_square = Definition("signed_square", lambda m, x: x * m.abs(x), (lambda m, g, out, x: 2 * g * m.abs(x),), AWAY)
# Bounds that no number of the grid is near.
clip = Definition(
    "clip",
    lambda m, x: m.clip(x, -1.1, 0.9),
    (lambda m, g, out, x: m.where((x >= -1.1) & (x <= 0.9), g, 0 * g),),
    QUARTERS,
)

# of two arguments ----------------------------------------------------------------------------------------
multiply = Definition(
    "multiply",
    lambda m, x, y: x * y,
    (lambda m, g, out, x, y: fit(m, g * y, x), lambda m, g, out, x, y: fit(m, g * x, y)),
    PAIRS,
)
divide = Definition(
    "divide",
    lambda m, x, y: x / y,
    (lambda m, g, out, x, y: fit(m, g / y, x), lambda m, g, out, x, y: fit(m, -g * x / (y * y), y)),
    drawn(several(REAL, NONZERO)),
)
subtract = Definition(
    "subtract",
    lambda m, x, y: x - y,
    (lambda m, g, out, x, y: fit(m, g, x), lambda m, g, out, x, y: fit(m, -g, y)),
    PAIRS,
)
power = Definition(
    "power",
    lambda m, x, y: m.exp(y * m.log(x)),
    (lambda m, g, out, x, y: fit(m, g * out * y / x, x), lambda m, g, out, x, y: fit(m, g * out * m.log(x), y)),
    drawn(several(POSITIVE, REAL)),
)
hypot = Definition(
    "hypot",
    lambda m, x, y: m.sqrt(x * x + y * y),
    (lambda m, g, out, x, y: fit(m, g * x / out, x), lambda m, g, out, x, y: fit(m, g * y / out, y)),
    drawn(several(NONZERO, NONZERO)),
)


def _share(m, g, x, y):
    """All of ``g`` where x > y, half of it where they are equal."""
    return m.where(x > y, g, m.where(x == y, 0.5 * g, 0 * g))


maximum = Definition(
    "maximum",
    lambda m, x, y: m.maximum(x, y),
    (
        lambda m, g, out, x, y: fit(m, _share(m, g, x, y), x),
        lambda m, g, out, x, y: fit(m, _share(m, g, y, x), y),
    ),
    drawn(several(GRID, OFF_GRID)),
)
minimum = Definition(
    "minimum",
    lambda m, x, y: m.minimum(x, y),
    (
        lambda m, g, out, x, y: fit(m, _share(m, g, y, x), x),
        lambda m, g, out, x, y: fit(m, _share(m, g, x, y), y),
    ),
    drawn(several(GRID, OFF_GRID)),
)
squared_error = Definition(
    "squared_error",
    lambda m, x, y: m.mean((x - y) * (x - y)),
    (lambda m, g, out, x, y: 2 * g * (x - y) / count(x), lambda m, g, out, x, y: 2 * g * (y - x) / count(x)),
    of_letters("nk", "nk"),
)

# products ------------------------------------------------------------------------------------------------
matmul = Definition(
    "matmul",
    lambda m, x, y: x @ y,
    (lambda m, g, out, x, y: g @ y.T, lambda m, g, out, x, y: x.T @ g),
    of_letters("nk", "km"),
)
linear = Definition(
    "linear",
    lambda m, x, w, b: x @ w.T + b,
    (
        lambda m, g, out, x, w, b: g @ w,
        lambda m, g, out, x, w, b: g.T @ x,
        lambda m, g, out, x, w, b: m.sum(g, axis=0),
    ),
    of_letters("nk", "mk", "m"),
    options={"broadcasts": False},
)
bias = Definition(
    "add_bias",
    lambda m, x, b: x + b,
    (lambda m, g, out, x, b: g, lambda m, g, out, x, b: m.sum(g, axis=0)),
    of_letters("nk", "k"),
    options={"broadcasts": False},
)
scale_rows = Definition(
    "scale_rows",
    lambda m, x, s: x * last(m, s),
    (lambda m, g, out, x, s: g * last(m, s), lambda m, g, out, x, s: m.sum(g * x, axis=1)),
    of_letters("nk", "n"),
    options={"broadcasts": False},
)
gram = Definition("gram", lambda m, x: x @ x.T, (lambda m, g, out, x: (g + g.T) @ x,), of_letters("nk"))

# reductions of the last axis, or of all ------------------------------------------------------------------
sum_of_all = Definition("sum", lambda m, x: m.sum(x), (lambda m, g, out, x: g + 0 * x,), ANY)
sum_of_rows = Definition("sum_rows", lambda m, x: m.sum(x, axis=-1), (lambda m, g, out, x: last(m, g) + 0 * x,), ROWS)
mean = Definition(
    "mean", lambda m, x: m.mean(x, axis=-1), (lambda m, g, out, x: last(m, g) / x.shape[-1] + 0 * x,), ROWS
)
sum_of_squares = Definition("sum_of_squares", lambda m, x: m.sum(x * x), (lambda m, g, out, x: 2 * g * x,), ANY)
energy = Definition("energy", lambda m, x: m.sum(m.exp(x)), (lambda m, g, out, x: g * m.exp(x),), ANY)
variance = Definition(
    "variance",
    lambda m, x: m.mean((x - average(m, x)) * (x - average(m, x)), axis=-1),
    (lambda m, g, out, x: 2 * last(m, g) * (x - average(m, x)) / x.shape[-1],),
    ROWS,
)
norm = Definition(
    "norm",
    lambda m, x: m.sqrt(m.sum(x * x, axis=-1)),
    (lambda m, g, out, x: last(m, g) * x / last(m, out),),
    drawn(one(NONZERO, FULL)),
)
logsumexp = Definition(
    "logsumexp",
    lambda m, x: m.log(m.sum(m.exp(x), axis=-1)),
    (lambda m, g, out, x: last(m, g) * m.exp(x - last(m, out)),),
    ROWS,
)
softmax = Definition(
    "softmax",
    lambda m, x: m.exp(x) / row_sum(m, m.exp(x)),
    (lambda m, g, out, x: out * (g - row_sum(m, g * out)),),
    TABLES,
)
log_softmax = Definition(
    "log_softmax",
    lambda m, x: x - m.log(row_sum(m, m.exp(x))),
    (lambda m, g, out, x: g - m.exp(out) * row_sum(m, g),),
    TABLES,
)


def _spread(m, x):
    """The root of the variance of each row, of which 0.1 keeps it from 0."""
    centred = x - row_mean(m, x)
    return m.sqrt(row_mean(m, centred * centred) + 0.1)


layer_norm = Definition(
    "layer_norm",
    lambda m, x: (x - row_mean(m, x)) / _spread(m, x),
    (lambda m, g, out, x: (g - row_mean(m, g) - out * row_mean(m, g * out)) / _spread(m, x),),
    TABLES,
)
amax = Definition(
    "amax",
    lambda m, x: m.sum(m.where(_is_largest(x), x, 0 * x), axis=-1),
    (lambda m, g, out, x: m.where(_is_largest(x), last(m, g) + 0 * x, 0 * x),),
    drawn(distinct()),
)


def _is_largest(x):
    """Where x is the largest of its row, of distinct numbers."""
    largest = x[..., :1]
    result = x >= largest
    for i in range(1, x.shape[-1]):
        result = result & (x >= x[..., i : i + 1])
    return result


product = Definition(  # of three, so that the product of the others can be written down
    "product",
    lambda m, x: x[..., 0] * x[..., 1] * x[..., 2],
    (
        lambda m, g, out, x: m.stack(
            [g * x[..., 1] * x[..., 2], g * x[..., 0] * x[..., 2], g * x[..., 0] * x[..., 1]], -1
        ),
    ),
    drawn(one(GRID, FULL.map(lambda shape: (*shape[:-1], 3)))),
)

# shapes --------------------------------------------------------------------------------------------------
permute = Definition(
    "permute",
    lambda m, x: m.permute(x, (1, 2, 0)),
    (lambda m, g, out, x: m.permute(g, (2, 0, 1)),),
    of_letters("abc"),
)
flatten = Definition(
    "flatten", lambda m, x: m.reshape(x, (-1,)), (lambda m, g, out, x: m.reshape(g, x.shape),), of_letters("nk")
)
shifted = Definition(  # x[..., 1:]
    "drop_first",
    lambda m, x: x[..., 1:] * 1,
    (lambda m, g, out, x: m.join([0 * x[..., :1], g], -1),),
    ROWS,
)
difference = Definition(
    "diff",
    lambda m, x: x[..., 1:] - x[..., :-1],
    (lambda m, g, out, x: m.join([0 * x[..., :1], g], -1) - m.join([g, 0 * x[..., :1]], -1),),
    ROWS,
)
concatenate = Definition(
    "concatenate",
    lambda m, x, y: m.join([x, y], -1),
    (lambda m, g, out, x, y: g[..., : x.shape[-1]], lambda m, g, out, x, y: g[..., x.shape[-1] :]),
    of_letters("ab", "ac"),
)
VECTORS = st.integers(1, 9).flatmap(lambda n: fixed((n,)))


def matrix(build):
    """Multiplication by a constant matrix, ``build(n)`` for a last axis of length n, whose adjoint is its transpose."""
    return (
        lambda m, x: x @ m.constant(build(x.shape[-1]), x),
        lambda m, g, out, x: g @ m.constant(build(x.shape[-1]).T.copy(), x),
    )


def _roll(n):
    return np.roll(np.eye(n), 1, axis=1)


def _running(n):
    return np.triu(np.ones((n, n)))


def _correlation(n):
    return np.eye(n) - 2 * np.eye(n, k=1) + 0.5 * np.eye(n, k=2)


def _picked(n):
    """Columns n-1, 0 and n-1 again."""
    return np.eye(n)[:, [n - 1, 0, n - 1]]


_forward, _rule = matrix(_running)
cumsum = Definition("cumsum", _forward, (_rule,), VECTORS)
_forward, _rule = matrix(_roll)
roll = Definition("roll", _forward, (_rule,), VECTORS)
_forward, _rule = matrix(_correlation)
correlate = Definition("correlate", _forward, (_rule,), VECTORS)
_forward, _rule = matrix(_picked)
gather = Definition("gather", _forward, (_rule,), VECTORS)

# with a pattern of its own ---------------------------------------------------------------------------------
dropout = Definition(
    "dropout",
    lambda m, x: x * m.constant(_mask(x.shape), x),
    (lambda m, g, out, x: g * m.constant(_mask(x.shape), x),),
    ANY,
)


def _mask(shape):
    """The same at each call: what a saved mask is."""
    return 2.0 * np.random.default_rng(7).integers(0, 2, shape)


DEFINITIONS: list[Definition] = [d for d in list(globals().values()) if isinstance(d, Definition)]
