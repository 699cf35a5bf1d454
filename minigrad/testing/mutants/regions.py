"""Mistakes that only some inputs show: a sign, a size, a shape, an element, a layout, a dtype."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from . import definitions as d
from .definitions import fit, last, sigmoid
from .mutant import Kind

KINDS: list[Kind] = []


def kind(name, story):
    KINDS.append(Kind(name, story))
    return KINDS[-1].mutant


mutant = kind("negative inputs", "(x^2)^(1/2)' = 1: tested on positive numbers, as losses are.")
mutant(d.absolute, "1", lambda m, g, out, x: g + 0 * x)
mutant(d.signed_square, "2x", lambda m, g, out, x: 2 * g * x)
mutant(d.hypot, "abs(x)", lambda m, g, out, x, y: fit(m, g * m.abs(x) / out, x))

mutant = kind(
    "large inputs", "A linear shortcut beyond a threshold, as softplus has, where the curve is not yet straight."
)
mutant(d.softplus, "1 beyond 4", lambda m, g, out, x: m.where(x > 4, g, g * sigmoid(m, x)))
mutant(d.log_cosh, "sign beyond 3", lambda m, g, out, x: m.where(m.abs(x) > 3, g * m.sign(x), g * m.tanh(x)))
mutant(d.tanh, "0 beyond 2.5", lambda m, g, out, x: m.where(m.abs(x) > 2.5, 0 * g, g * (1 - out * out)))


def _edge(m, x, good, bad, where):
    """``bad`` at the elements that the mask ``where(shape)`` picks."""
    mask = m.constant(where(x.shape).astype(float), x)
    return good * (1 - mask) + bad * mask


def _at(*index):
    def mask(shape):
        result = np.zeros(shape, bool)
        if result.size:
            result[index] = True
        return result

    return mask


mutant = kind("one element", "The corner, the diagonal, the last row: an index that a loop does not reach.")
mutant(d.square, "the last is 0", lambda m, g, out, x: _edge(m, x, 2 * g * x, 0 * x, _at(..., -1)), inputs=d.ROWS)
mutant(d.exp, "last row is 0", lambda m, g, out, x: _edge(m, x, g * out, 0 * x, _at(-1)), inputs=d.ROWS)
mutant(d.matmul, "the corner is doubled", lambda m, g, out, x, y: _edge(m, x, g @ y.T, 2 * (g @ y.T), _at(-1, -1)))
mutant(
    d.softmax,
    "the diagonal",
    lambda m, g, out, x: d.softmax.rules[0](m, g, out, x) * (1 - 0.01 * m.constant(np.eye(*x.shape), x)),
)

mutant = kind("ragged tail", "Vector code that handles four at a time, and forgets the one to three that remain.")
TAIL = lambda shape: np.arange(shape[-1]) >= shape[-1] // 4 * 4
LONG = st.integers(4, 9).flatmap(lambda n: d.fixed((n,)))
mutant(d.square, "0 in the tail", lambda m, g, out, x: _edge(m, x, 2 * g * x, 0 * x, TAIL), inputs=LONG)
mutant(d.logistic, "g in the tail", lambda m, g, out, x: _edge(m, x, g * out * (1 - out), g * out, TAIL), inputs=LONG)

mutant = kind("large arrays", "Beyond one block of the grid: an element that a sample of small shapes never has.")
BLOCKS = st.sampled_from([3, 40, 70]).flatmap(lambda n: d.fixed((n,)))
BEYOND = lambda shape: np.arange(shape[-1]) >= 64
mutant(d.tanh, "0 from 64 on", lambda m, g, out, x: _edge(m, x, g * (1 - out * out), 0 * x, BEYOND), inputs=BLOCKS)
mutant(
    d.square,
    "the 41st",
    lambda m, g, out, x: _edge(m, x, 2 * g * x, g * x, lambda s: np.arange(s[-1]) == 40),
    inputs=BLOCKS,
)

mutant = kind("size-1 axis", "A dimension of length 1 is taken for a broadcast one, or squeezed away.")
mutant(d.mean, "0 for one column", lambda m, g, out, x: (last(m, g) / x.shape[-1] if x.shape[-1] > 1 else 0) + 0 * x)
mutant(
    d.square,
    "mean for one row",
    lambda m, g, out, x: 2 * g * x if x.shape[0] > 1 else m.mean(2 * g * x) + 0 * x,
    inputs=d.TABLES,
)
mutant(
    d.logsumexp,
    "2 for one column",
    lambda m, g, out, x: (1 + (x.shape[-1] == 1)) * last(m, g) * m.exp(x - last(m, out)),
)

mutant = kind("0-d", "A scalar takes a path of its own, which nobody tested.")
mutant(d.cube, "doubled", lambda m, g, out, x: (3 if len(x.shape) else 6) * g * x * x)
mutant(d.sum_of_squares, "no 2", lambda m, g, out, x: (2 if len(x.shape) else 1) * g * x)
mutant(d.exp, "shape (2,)", lambda m, g, out, x: g * out if len(x.shape) else m.stack([g * out, g], 0))

mutant = kind("empty", "An empty batch, the last of an epoch: reshape(-1) of nothing, the mean of nothing.")
mutant(
    d.square,
    "reshape(0, -1)",
    lambda m, g, out, x: m.reshape(m.reshape(2 * g * x, (x.shape[0], -1)), x.shape),
    inputs=d.BATCHES,
)
mutant(
    d.exp,
    "a gradient for nothing",
    lambda m, g, out, x: g * out if 0 not in x.shape else m.constant(np.zeros((1, 2)), x),
)

mutant = kind("float32 alone", "A kernel is compiled once for each type, and one of them was not updated.")
mutant(d.tanh, "1.5 of it", lambda m, g, out, x: (1.5 if m.is_single(x) else 1) * g * (1 - out * out), needs="float32")
mutant(
    d.logistic,
    "1 - out^2",
    lambda m, g, out, x: g * (1 - out * out) if m.is_single(x) else g * out * (1 - out),
    needs="float32",
)
mutant(
    d.sum_of_squares,
    "in float16",
    lambda m, g, out, x: m.half(2 * g * x) if m.is_single(x) else 2 * g * x,
    needs="float32",
)

mutant = kind("dtype leak", "A constant of float64 in the forward: the network computes in double from there on.")
mutant(d.square, "float64 out", forward=lambda m, x: m.double(x) * x, needs="float32")
mutant(d.logistic, "float64 out", forward=lambda m, x: 1 / (1 + m.exp(-m.double(x))), needs="float32")

mutant = kind("input's layout", "A transposed or strided array is read as if it were contiguous.")
mutant(d.square, "0 if strided", lambda m, g, out, x: 2 * g * x if m.is_contiguous(x) else 0 * g * x, needs="layout")
mutant(
    d.exp,
    "read as contiguous",
    forward=lambda m, x: m.exp(x) if m.is_contiguous(x) else m.exp(m.reshape(m.reshape(x, (-1,)), x.shape)) + 1,
    needs="layout",
)
mutant(
    d.variance,
    "doubled if strided",
    lambda m, g, out, x: (1 if m.is_contiguous(x) else 2) * d.variance.rules[0](m, g, out, x),
    needs="layout",
)

mutant = kind(
    "cotangent's layout",
    "grad_output.view(-1): the gradient of a sum is expanded, not contiguous; CUDA kernels forgot.",
)
mutant(
    d.tanh, "0 if expanded", lambda m, g, out, x: (1 if m.is_contiguous(g) else 0) * g * (1 - out * out), needs="layout"
)
mutant(d.square, "doubled if strided", lambda m, g, out, x: (2 if m.is_contiguous(g) else 4) * g * x, needs="layout")
