"""Mistakes of place: axes, transposes, broadcasting, and what goes where."""

from __future__ import annotations

import numpy as np

from . import definitions as d
from .definitions import fit, last
from .mutant import Kind

KINDS: list[Kind] = []


def kind(name, story):
    KINDS.append(Kind(name, story))
    return KINDS[-1].mutant


SQUARES = d.of_letters("nn", "nn")


mutant = kind("un-broadcast", "The gradient of a broadcast argument is summed over the wrong axis, or not at all.")
mutant(d.bias, "the wrong axis", None, lambda m, g, out, x, b: m.sum(g, axis=1), inputs=d.of_letters("nn", "n"))
mutant(d.bias, "the first row", None, lambda m, g, out, x, b: g[0])
mutant(
    d.scale_rows, "the wrong axis", None, lambda m, g, out, x, s: m.sum(g * x, axis=0), inputs=d.of_letters("nn", "n")
)
mutant(d.bias, "too many kept", None, lambda m, g, out, x, b: last(m, m.sum(g, axis=0)))
mutant(d.multiply, "the mean", None, lambda m, g, out, x, y: _averaged(m, g * x, y))


def _averaged(m, g, y):
    """Like the sum where nothing was broadcast."""
    return fit(m, g, y) * (max(d.count(y), 1) / max(d.count(g), 1))


mutant = kind("transposed", "matmul's rule with a transpose too many or too few: invisible while everything is square.")
mutant(d.matmul, "g @ y", lambda m, g, out, x, y: g @ y, inputs=SQUARES)
mutant(d.matmul, "y^T g", lambda m, g, out, x, y: y.T @ g, inputs=SQUARES)
mutant(d.linear, "x^T g", None, lambda m, g, out, x, w, b: x.T @ g, inputs=d.of_letters("nk", "kk", "k"))
mutant(d.gram, "g twice", lambda m, g, out, x: 2 * (g @ x))
mutant(d.flatten, "column by column", lambda m, g, out, x: m.reshape(g, (x.shape[1], x.shape[0])).T)

mutant = kind(
    "not inverted",
    "The adjoint of a permutation taken for itself: right for swaps, wrong for cycles; a kernel not flipped.",
)
mutant(d.permute, "the same again", lambda m, g, out, x: m.permute(g, (1, 2, 0)), inputs=d.of_letters("aaa"))
mutant(d.roll, "the same again", lambda m, g, out, x: g @ m.constant(d._roll(x.shape[-1]), x))
mutant(d.cumsum, "the same again", lambda m, g, out, x: g @ m.constant(d._running(x.shape[-1]), x))
mutant(d.correlate, "kernel not flipped", lambda m, g, out, x: g @ m.constant(d._correlation(x.shape[-1]), x))

mutant = kind("off by one", "The gradient lands one place beside the element that it belongs to.")
mutant(d.shifted, "at the front", lambda m, g, out, x: m.join([g, 0 * x[..., :1]], -1))
mutant(d.cumsum, "exclusive", lambda m, g, out, x: g @ m.constant(np.tril(np.ones((x.shape[-1],) * 2), -1), x))
mutant(d.concatenate, "one early", None, lambda m, g, out, x, y: g[..., x.shape[-1] - 1 : -1])

mutant = kind(
    "overwritten", "x[[0, 0]]: the gradients of a repeated index overwrite each other (`a[i] += g` in NumPy)."
)
mutant(
    d.gather, "the last one counts", lambda m, g, out, x: g @ m.constant(_once(d._picked(x.shape[-1]), -1).T.copy(), x)
)
mutant(
    d.gather, "the first one counts", lambda m, g, out, x: g @ m.constant(_once(d._picked(x.shape[-1]), 0).T.copy(), x)
)


def _once(picked, which):
    """The matrix of a gather without all but one of the columns that pick the same element."""
    columns = {int(i): None for i in picked.argmax(0)}
    result = np.zeros_like(picked)
    for i in columns:
        j = np.flatnonzero(picked[i])[which]
        result[i, j] = 1
    return result


mutant = kind(
    "repeated input", "f(x, x): gradients kept by the argument's identity, so that the second replaces the first."
)
for of, rule in (
    (d.multiply, lambda m, g, out, x, y: fit(m, 0 * g * x if m.same(x, y) else g * x, y)),
    (d.hypot, lambda m, g, out, x, y: fit(m, 0 * g if m.same(x, y) else g * y / out, y)),
    (d.subtract, lambda m, g, out, x, y: fit(m, 0 * g if m.same(x, y) else -g, y)),
):
    mutant(of, "counted once", None, rule, needs="identity")

mutant = kind("ties", "Equal numbers: maximum gives both all of the gradient, or neither any.")
mutant(
    d.maximum,
    "both",
    lambda m, g, out, x, y: fit(m, m.where(x >= y, g, 0 * g), x),
    lambda m, g, out, x, y: fit(m, m.where(y >= x, g, 0 * g), y),
    needs="identity",
)
mutant(
    d.minimum,
    "neither",
    lambda m, g, out, x, y: fit(m, m.where(x < y, g, 0 * g), x),
    lambda m, g, out, x, y: fit(m, m.where(y < x, g, 0 * g), y),
    needs="identity",
)
