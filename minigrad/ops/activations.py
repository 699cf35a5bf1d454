"""The nonlinearities of neural networks: smooth ones, then those with kinks. None overflows, at any input.

Values and derivatives at -inf and inf are the limits. At a kink the derivative is that of the side towards 0 or below
it: relu'(0) = 0, leaky_relu'(0) = negative_slope, hardtanh'(1) = 0, as in PyTorch; maxout gives the first largest piece
all.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine import derivatives, op
from .elementary import abs, clip, exp, floating, where
from .joining import narrow
from .placement import full, like
from .reductions import softmax
from .shape import reshape, unsqueeze
from .special import erfc

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "logsigmoid",
    "maxout",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
]


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
    return np.tanh(floating(x))


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


def _gated(x: Any, gate: Any, far: float) -> Any:
    """``x gate(x)`` for a gate from 0 to 1 that is 0 and 1 beyond -far and far, to the last digit.

    There it is taken from the limits: infinity times 0 never happens, nor in a derivative of any order.
    """
    near = clip(x, -far, far)
    return where(x > far, x, near * gate(near))


def silu(x: Any) -> Any:
    """``x sigmoid(x)``, also called swish."""
    return _gated(floating(x), sigmoid, 1e3)


def mish(x: Any) -> Any:
    """``x tanh(softplus(x))``. Misra, 2019."""
    return _gated(floating(x), lambda near: tanh(softplus(near)), 1e3)


def gelu(x: Any, approximate: str = "none") -> Any:
    """``x P(Z <= x)`` for a standard normal Z. Hendrycks and Gimpel, 2016.

    ``approximate="tanh"``: ``x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2``.
    """
    match approximate:
        case "none":
            gate = _normal_cdf
        case "tanh":
            gate = _nearly_normal_cdf
        case _:
            raise ValueError(f'gelu: approximate is "none" or "tanh", got {approximate!r}')
    return _gated(floating(x), gate, 40)


def _normal_cdf(x: Any) -> Any:
    return 0.5 * erfc(x * -math.sqrt(0.5))


def _nearly_normal_cdf(x: Any) -> Any:
    return sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * (x * x * x)))  # (1 + tanh u) / 2 is sigmoid(2u)


def glu(x: Any, dim: int = -1) -> Any:
    """``a sigmoid(b)`` for the first half ``a`` of ``x`` along ``dim``, and the second ``b``. Dauphin et al., 2017."""
    shape = tuple(x.shape)
    if not shape or shape[dim] % 2:
        raise ValueError(f"glu of {shape}: dim {dim} has two halves only where its length is even")
    half = shape[dim] // 2
    return narrow(x, dim, 0, half) * sigmoid(narrow(x, dim, half, half))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` where x > 0, else ``alpha (e^x - 1)``. Clevert et al., 2015."""
    return _elu(floating(x), alpha=alpha, scale=1.0, rate=1.0)


def celu(x: Any, alpha: float = 1.0) -> Any:
    """``x`` where x > 0, else ``alpha (e^(x / alpha) - 1)``: continuously differentiable. Barron, 2017."""
    if alpha == 0:
        raise ValueError("celu divides by alpha, which must not be 0")
    return _elu(floating(x), alpha=alpha, scale=1.0, rate=1 / alpha)


def selu(x: Any) -> Any:
    """``s x`` where x > 0, else ``s a (e^x - 1)``, with a = 1.673..., s = 1.0507... Klambauer et al., 2017."""
    return _elu(floating(x), alpha=1.6732632423543772848170429916717, scale=1.0507009873554804934193349852946, rate=1.0)


@op
def _elu(x: Any, *, alpha: float, scale: float, rate: float) -> Any:
    with np.errstate(over="ignore"):
        return np.where(x > 0, scale * x, scale * alpha * np.expm1(rate * np.where(x > 0, 0, x)))


derivatives(
    _elu,
    lambda g, out, x, alpha, scale, rate: (
        g * where(x > 0, scale, scale * alpha * rate * exp(rate * where(x > 0, 0, x)))
    ),
)


@op
def softsign(x: Any) -> Any:
    """``x / (1 + |x|)``; d/dx = 1 / (1 + |x|)^2."""
    x = floating(x)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(x), np.sign(x), x / (1 + np.abs(x)))


def _softsign_derivative(g: Any, out: Any, x: Any) -> Any:
    steep = 1 / (1 + abs(x))
    return g * (steep * steep)


derivatives(softsign, _softsign_derivative)


def tanhshrink(x: Any) -> Any:
    """``x - tanh(x)``."""
    return x - tanh(x)


def softmin(x: Any, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Any:
    """``softmax(-x)`` along one dimension: the smallest gets most."""
    return softmax(-floating(x), dim, dtype, axis=axis)


# ---------------------------------------------------------------------------------------------- with kinks


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


def prelu(x: Any, weight: Any) -> Any:
    """``x`` where x > 0, else ``weight x``; one weight, or one for each channel (dimension 1). He et al., 2015."""
    count, channels = math.prod(weight.shape), x.shape[1] if x.ndim > 1 else 1
    if weight.ndim > 1 or count not in (1, channels):
        raise ValueError(
            f"prelu of {tuple(x.shape)}: needs one weight or {channels}, one for each channel, "
            f"not those of {tuple(weight.shape)}"
        )
    slope = reshape(weight, (count, *[1] * (x.ndim - 2))) if x.ndim > 1 else reshape(weight, (1,) * x.ndim)
    return where(x > 0, x, slope * where(x > 0, 0, x))


@op
def _between(x: Any, *, low: float, high: float) -> Any:
    """``x`` limited to [low, high]. Unlike clip's, the derivative is 0 at the bounds."""
    return np.minimum(np.maximum(x, low), high)


derivatives(_between, lambda g, out, x, low, high: where((x <= low) | (x >= high), 0, g))


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """``x`` limited to [min_val, max_val]; d/dx = 1 inside, 0 at the bounds (clip's is 1 there) and outside."""
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val={min_val} is larger than max_val={max_val}")
    return _between(x, low=min_val, high=max_val)


def relu6(x: Any) -> Any:
    """``min(max(x, 0), 6)``; d/dx = 0 at both bounds."""
    return _between(x, low=0, high=6)


def hardsigmoid(x: Any) -> Any:
    """``relu6(x + 3) / 6``."""
    return relu6(floating(x) + 3) / 6


def hardswish(x: Any) -> Any:
    """``x hardsigmoid(x)``: 0 up to -3, ``x`` from 3 on. Howard et al., 2019."""
    near = clip(floating(x), -3, 3)
    return where(x >= 3, x, where(x <= -3, 0, near * (near + 3) / 6))


def softshrink(x: Any, lambd: float = 0.5) -> Any:
    """``x`` moved towards 0 by ``lambd``, and 0 within [-lambd, lambd]."""
    return x - clip(x, -_half_width(lambd, "softshrink"), lambd)


def hardshrink(x: Any, lambd: float = 0.5) -> Any:
    """``x``, and 0 within [-lambd, lambd]."""
    return where((x >= -_half_width(lambd, "hardshrink")) & (x <= lambd), 0, x)


def _half_width(lambd: float, name: str) -> float:
    if not lambd >= 0:
        raise ValueError(f"{name}: lambd is 0 or more, got {lambd}")
    return lambd


def threshold(x: Any, threshold: float, value: float) -> Any:
    """``x`` where x > threshold, else ``value``."""
    return where(x <= threshold, value, x)


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
    mask = np.empty(x.shape, x.dtype, like=like(x))
    free = full(x, y.shape, True, bool)
    for i in range(x.shape[-1]):
        here = (x[..., i] == y) & free
        mask[..., i] = here
        free &= ~here
    return mask
