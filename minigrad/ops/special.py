"""Functions with names of their own: error function, gamma function, and logarithms where the plain formula fails.

Integers become float64. The error and gamma functions are SciPy's, which is loaded when one of them is first used.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..device import special_functions
from ..engine import derivatives, op
from .comparison import isinf
from .elementary import clip, exp, exp2, floating, floating_together, log, where
from .placement import array_of, full

__all__ = [
    "digamma",
    "erf",
    "erfc",
    "erfinv",
    "lgamma",
    "logaddexp",
    "logaddexp2",
    "logit",
    "polygamma",
    "xlogy",
]


def _scipy(name: str, x: Any, *first: Any) -> Any:
    x = array_of(floating(x))
    function = getattr(special_functions(x), name)
    with np.errstate(over="ignore"):
        out = function(*(full(x, (), n, int) for n in first), x)
    return out.astype(x.dtype)  # of float16 SciPy makes float32


@op
def erf(x: Any) -> Any:
    """Error function, ``2 / sqrt(pi)`` times the integral of e^(-t^2) from 0 to x; d/dx = 2 e^(-x^2) / sqrt(pi)."""
    return _scipy("erf", x)


derivatives(erf, lambda g, out, x: g * (2 / math.sqrt(math.pi) * exp(-x * x)))


@op
def erfc(x: Any) -> Any:
    """``1 - erf(x)``, which keeps its digits where x is large."""
    return _scipy("erfc", x)


derivatives(erfc, lambda g, out, x: -g * (2 / math.sqrt(math.pi) * exp(-x * x)))


@op
def erfinv(x: Any) -> Any:
    """Inverse of erf, for x in [-1, 1], infinite at both ends; d/dx = sqrt(pi) e^(out^2) / 2."""
    return _scipy("erfinv", x)


derivatives(erfinv, lambda g, out, x: g * (math.sqrt(math.pi) / 2 * exp(out * out)))


@op
def lgamma(x: Any) -> Any:
    """``log |gamma(x)|``, inf at 0, -1, -2, ... and at both infinities; d/dx = digamma x."""
    return _scipy("gammaln", np.where(x == -np.inf, np.inf, x))


derivatives(lgamma, lambda g, out, x: g * digamma(x))


def digamma(x: Any) -> Any:
    """Derivative of lgamma."""
    return _polygamma(x, n=0)


def polygamma(n: int, x: Any) -> Any:
    """Derivative of order ``n`` of digamma, n >= 0. The order comes first, as in PyTorch and SciPy."""
    if n < 0:
        raise ValueError(f"polygamma: the order n is 0 or more, got {n}")
    return _polygamma(x, n=n)


@op
def _polygamma(x: Any, *, n: int) -> Any:
    return _scipy("polygamma", x, n) if n else _scipy("digamma", x)


derivatives(_polygamma, lambda g, out, x, n: g * _polygamma(x, n=n + 1))


@op
def logaddexp(x: Any, y: Any) -> Any:
    """``log(e^x + e^y)`` without overflow; d/dx = e^(x - out)."""
    return np.logaddexp(*floating_together(x, y))


@op
def logaddexp2(x: Any, y: Any) -> Any:
    """``log2(2^x + 2^y)`` without overflow; d/dx = 2^(x - out)."""
    return np.logaddexp2(*floating_together(x, y))


def _share(x: Any, y: Any, out: Any, half: float) -> Any:
    """``x - out``: the logarithm of what ``x`` contributes. Of two equal infinities each contributes a half."""
    return where(isinf(x) & (x == out), where(x == y, half, 0), x - out)


derivatives(
    logaddexp,
    lambda g, out, x, y: g * exp(_share(x, y, out, -math.log(2))),
    lambda g, out, x, y: g * exp(_share(y, x, out, -math.log(2))),
)
derivatives(
    logaddexp2,
    lambda g, out, x, y: g * exp2(_share(x, y, out, -1)),
    lambda g, out, x, y: g * exp2(_share(y, x, out, -1)),
)


@op
def xlogy(x: Any, y: Any) -> Any:
    """``x log y``, and 0 where x = 0, unless y is nan; d/dx = log y, d/dy = x / y, both 0 where x = y = 0."""
    x, y = floating_together(x, y)
    dtype = np.result_type(x, y)
    y = y.astype(dtype) if hasattr(y, "dtype") else dtype.type(y)  # a Python number's logarithm would have a dtype
    with np.errstate(divide="ignore"):
        return x * np.log(np.where((x == 0) & (y == y), 1, y))


derivatives(
    xlogy,
    lambda g, out, x, y: g * log(where((x == 0) & (y <= 0), 1, y)),
    lambda g, out, x, y: g * (x / where((x == 0) & (y == 0), 1, y)),
)


def logit(x: Any, eps: float | None = None) -> Any:
    """``log(x / (1 - x))``, the inverse of sigmoid, after limiting x to [eps, 1 - eps] if ``eps`` is given."""
    if eps is None:
        return _logit(floating(x))
    if not 0 <= eps <= 0.5:
        raise ValueError(f"logit: eps is between 0 and 0.5, got {eps}")
    return _logit(clip(floating(x), eps, 1 - eps))


@op
def _logit(x: Any) -> Any:
    middle = np.abs(x - 0.5) < 0.25  # there the quotient is near 1, and its logarithm would lose what tells it from 1
    with np.errstate(divide="ignore"):
        return np.where(
            middle,
            2 * np.arctanh(2 * np.where(middle, x, 0.5) - 1),
            np.log(x) - np.log1p(-x),
        )


derivatives(_logit, lambda g, out, x: g / (x * (1 - x)))
