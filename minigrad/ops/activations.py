"""The nonlinearities of neural networks. None overflows, at any input.

Kinks: relu'(0) = 0 and leaky_relu'(0) = negative_slope, as in PyTorch; maxout gives the first largest piece all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import derivatives, op
from .elementary import floating, where
from .shape import reshape, unsqueeze

__all__ = ["leaky_relu", "logsigmoid", "maxout", "relu", "sigmoid", "softplus", "tanh"]


@op
def sigmoid(x: Any) -> Any:
    """``1 / (1 + e^-x)``; d/dx = out (1 - out). From e^-|x|, which cannot overflow."""
    x = floating(x)
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


derivatives(sigmoid, lambda g, out, x: g * (out * (1 - out)))


@op
def tanh(x: Any) -> Any:
    """Hyperbolic tangent; d/dx = 1 - out^2."""
    return np.tanh(x)


derivatives(tanh, lambda g, out, x: g * (1 - out * out))


@op
def softplus(x: Any) -> Any:
    """``log(1 + e^x)`` = max(x, 0) + log(1 + e^-|x|); d/dx = sigmoid x."""
    x = floating(x)
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


derivatives(softplus, lambda g, out, x: g * sigmoid(x))


def logsigmoid(x: Any) -> Any:
    """``log sigmoid(x)`` = -softplus(-x)."""
    return -softplus(-floating(x))


@op
def relu(x: Any) -> Any:
    """``max(x, 0)``; d/dx = 1 where x > 0, else 0."""
    return np.maximum(x, 0)


# A choice and not a product with 0 or 1: an infinite g must not become nan where nothing passes.
derivatives(relu, lambda g, out, x: where(x > 0, g, 0))


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """``x`` where x > 0, else ``negative_slope x``."""
    return _leaky_relu(x, negative_slope=negative_slope)


@op
def _leaky_relu(x: Any, *, negative_slope: float) -> Any:
    return np.where(x > 0, x, negative_slope * x)


derivatives(
    _leaky_relu,
    lambda g, out, x, negative_slope: where(x > 0, g, negative_slope * g),
)


def maxout(x: Any, pieces: int) -> Any:
    """Largest of ``pieces`` neighbours: (..., units pieces) -> (..., units). Goodfellow et al., 2013.

    ``out_u = max_i x_(u pieces + i)``; the gradient goes to the first largest piece.
    """
    if pieces < 1 or x.ndim == 0 or x.shape[-1] % pieces:
        raise ValueError(f"maxout of {tuple(x.shape)}: the last dimension is no multiple of pieces = {pieces}")
    return _maxout(reshape(x, (*x.shape[:-1], x.shape[-1] // pieces, pieces)))


@op
def _maxout(x: Any) -> Any:
    out = np.maximum(x[..., 0], x[..., -1])  # of one piece too: a copy, not a view
    for i in range(1, x.shape[-1] - 1):  # a running maximum: NumPy reduces a short last dimension slowly
        out = np.maximum(out, x[..., i])
    return out


derivatives(_maxout, lambda g, out, x: _first_equal(x, out) * unsqueeze(g, -1))  # type: ignore[has-type]


@op
def _first_equal(x: Any, y: Any) -> Any:
    """1 at the first of x[..., :] that equals y[...], 0 elsewhere: piecewise constant, so no rule."""
    mask = np.empty(x.shape, x.dtype)
    free = np.ones(y.shape, bool)
    for i in range(x.shape[-1]):
        here = (x[..., i] == y) & free
        mask[..., i] = here
        free &= ~here
    return mask
