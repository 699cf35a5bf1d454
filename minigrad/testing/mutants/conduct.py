"""Mistakes of conduct: the formula is right, and the rule does with it what a pure and linear function would not."""

from __future__ import annotations

from . import definitions as d
from .definitions import fit, sigmoid
from .mutant import Kind

KINDS: list[Kind] = []


def kind(name, story):
    KINDS.append(Kind(name, story))
    return KINDS[-1].mutant


mutant = kind("forgets g", "Right as long as the op is the last one and the gradient that arrives is 1.")
mutant(d.sum_of_squares, "no g", lambda m, g, out, x: 2 * x)
mutant(d.energy, "no g", lambda m, g, out, x: m.exp(x))
mutant(d.squared_error, "no g", lambda m, g, out, x, y: 2 * (x - y) / d.count(x))
mutant(d.tanh, "no g", lambda m, g, out, x: 1 - out * out)

mutant = kind(
    "not linear in g", "Gradients clipped, normalized or squared inside a rule: where one-hot cotangents see nothing."
)
mutant(d.tanh, "g clipped at 1", lambda m, g, out, x: m.clip(g, -1, 1) * (1 - out * out))
mutant(d.square, "g^2", lambda m, g, out, x: 2 * g * g * x)
mutant(d.exp, "abs(g)", lambda m, g, out, x: m.abs(g) * out)
mutant(d.sum_of_squares, "right at 0 and 1", lambda m, g, out, x: 2 * (g + 1e-3 * g * (1 - g)) * x)

mutant = kind(
    "leaves the engine",
    "The rule computes on .data, .detach()ed or in NumPy: first order right, second order silently not.",
)
mutant(d.cube, "x detached", lambda m, g, out, x: 3 * g * m.detach(x) * m.detach(x), needs="second")
mutant(d.exp, "out detached", lambda m, g, out, x: g * m.detach(out), needs="second")
mutant(d.tanh, "out detached", lambda m, g, out, x: g * (1 - m.detach(out * out)), needs="second")
mutant(d.softplus, "sigmoid detached", lambda m, g, out, x: g * m.detach(sigmoid(m, x)), needs="second")
mutant(d.multiply, "y detached", lambda m, g, out, x, y: fit(m, g * m.detach(y), x), needs="second")

mutant = kind("g detached", "The other half of the second order: the gradient that arrives has lost its history.")
mutant(d.square, "g detached", lambda m, g, out, x: 2 * m.detach(g) * x, needs="second")
mutant(d.matmul, "g detached", lambda m, g, out, x, y: m.detach(g) @ y.T, needs="second")
mutant(d.variance, "g detached", lambda m, g, out, x: d.variance.rules[0](m, m.detach(g), out, x), needs="second")


def _doubled_in_place(m, x):
    m.into(x, 2 * x) if len(x.shape) else None
    return x * x * (0.25 if len(x.shape) else 1)


def _used_up(m, x):
    out = m.exp(x)
    if len(x.shape):
        m.into(x, 0 * x)
    return out


def _sorted_in_place(m, x, y):
    out = x * y
    if len(y.shape) and y.shape[0] > 1:
        m.into(y[:1], y[1:2] * 1)
    return out


mutant = kind(
    "stale value", "An array saved for the backward pass is written before it is read: the rule sees the new one."
)
mutant(d.square, "x doubled in place", forward=_doubled_in_place, needs="writing")
mutant(d.multiply, "y written after use", forward=_sorted_in_place, needs="writing")

mutant = kind(
    "input mutated", "The caller's array is used as room for an intermediate result, which no gradient shows."
)
mutant(d.exp, "x zeroed", forward=_used_up, needs="writing")
mutant(
    d.sum_of_all,
    "x centred",
    forward=lambda m, x: _and(m.sum(x), m.into(x, x + 1) if len(x.shape) else None),
    needs="writing",
)


def _and(value, done):
    return value


def _in_g(m, g, value):
    """``value``, written into ``g`` where that is an array that can be written."""
    try:
        return m.into(g, value) if len(g.shape) else value
    except TypeError:  # a Tensor of a recorded rule
        return value


mutant = kind("cotangent mutated", "`g *= ...` in a rule: the same array was given to the other branch of a sum.")
mutant(d.exp, "written into g", lambda m, g, out, x: _in_g(m, g, g * out), needs="writing")
mutant(d.tanh, "written into g", lambda m, g, out, x: _in_g(m, g, g * (1 - out * out)), needs="writing")


def _workspace(m, value):
    """The one array of this shape, with the value in it: what a later call overwrites."""
    if not len(value.shape):
        return value
    key = (tuple(value.shape), str(value.dtype))
    if key not in m.memory:
        m.memory[key] = m.empty(value)
    return m.into(m.memory[key], value)


mutant = kind("output aliased", "The result lives in a workspace that the next call overwrites, as with CUDA graphs.")
mutant(d.exp, "one workspace", forward=lambda m, x: _workspace(m, m.exp(x)), needs="writing")
mutant(d.tanh, "one workspace", forward=lambda m, x: _workspace(m, m.tanh(x)), needs="writing")


def _remembered(m, name, x):
    """``x`` of the first call with this shape."""
    return m.memory.setdefault((name, tuple(x.shape), str(x.dtype)), m.detach(x * 1))


mutant = kind(
    "stale cache", "A value captured at the first call serves all later ones of its shape, as a traced constant does."
)
mutant(d.square, "x of the first call", lambda m, g, out, x: 2 * g * _remembered(m, "x", x))
mutant(d.softplus, "sigmoid of the first call", lambda m, g, out, x: g * _remembered(m, "s", sigmoid(m, x)))

mutant = kind(
    "not repeatable", "Dropout whose backward pass draws a new mask, as checkpointing did before it saved the state."
)
mutant(d.dropout, "a new mask", lambda m, g, out, x: g * (m.noise(x) > 1) * 2)
mutant(d.square, "noise in the rule", lambda m, g, out, x: 2 * g * x * m.noise(x))
mutant(d.exp, "noise in the value", forward=lambda m, x: m.exp(x) * (1 + 1e-3 * m.noise(x)))
