"""Trigonometric and hyperbolic functions and their inverses, in radians. tanh stands among the activations.

Integers become float64. Where an inverse is infinitely steep (asin at 1) its derivative is infinite; outside its domain
the value is nan, of which NumPy warns.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine import derivatives, op
from .elementary import floating, floating_together, sqrt, where

__all__ = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "cos",
    "cosh",
    "deg2rad",
    "hypot",
    "rad2deg",
    "sin",
    "sinc",
    "sinh",
    "tan",
]


@op
def sin(x: Any) -> Any:
    """Sine; d/dx = cos x."""
    return np.sin(floating(x))


derivatives(sin, lambda g, out, x: g * cos(x))  # type: ignore[has-type]


@op
def cos(x: Any) -> Any:
    """Cosine; d/dx = -sin x."""
    return np.cos(floating(x))


derivatives(cos, lambda g, out, x: -g * sin(x))


@op
def tan(x: Any) -> Any:
    """Tangent; d/dx = 1 + out^2."""
    return np.tan(floating(x))


derivatives(tan, lambda g, out, x: g * (1 + out * out))


@op
def asin(x: Any) -> Any:
    """The angle in [-pi/2, pi/2] whose sine is ``x``; d/dx = 1 / sqrt(1 - x^2)."""
    return np.arcsin(floating(x))


derivatives(asin, lambda g, out, x: g / sqrt((1 - x) * (1 + x)))  # 1 - x^2 would round away what is left near 1


@op
def acos(x: Any) -> Any:
    """The angle in [0, pi] whose cosine is ``x``; d/dx = -1 / sqrt(1 - x^2)."""
    return np.arccos(floating(x))


derivatives(acos, lambda g, out, x: -g / sqrt((1 - x) * (1 + x)))


@op
def atan(x: Any) -> Any:
    """The angle in [-pi/2, pi/2] whose tangent is ``x``; d/dx = 1 / (1 + x^2)."""
    return np.arctan(floating(x))


derivatives(atan, lambda g, out, x: g / (1 + x * x))


@op
def atan2(y: Any, x: Any) -> Any:
    """The angle in [-pi, pi] of the point (x, y). The ordinate comes first, as in NumPy and PyTorch.

    d/dy = x / (x^2 + y^2), d/dx = -y / (x^2 + y^2); 0 at the origin.
    """
    return np.arctan2(*floating_together(y, x))


def _across(g: Any, leg: Any, y: Any, x: Any) -> Any:
    """``g leg / (x^2 + y^2)``, dividing twice, so that no square overflows; 0 at the origin."""
    r = hypot(x, y)
    r = where(r == 0, np.inf, r)
    return g * (leg / r) / r


derivatives(
    atan2,
    lambda g, out, y, x: _across(g, x, y, x),
    lambda g, out, y, x: -_across(g, y, y, x),
)


@op
def hypot(x: Any, y: Any) -> Any:
    """``sqrt(x^2 + y^2)`` without overflow; d/dx = x / out, and 0 at the origin, as a norm's (PyTorch: nan)."""
    return np.hypot(*floating_together(x, y))


derivatives(
    hypot,
    lambda g, out, x, y: g * (x / where(out == 0, np.inf, out)),
    lambda g, out, x, y: g * (y / where(out == 0, np.inf, out)),
)


@op
def sinh(x: Any) -> Any:
    """Hyperbolic sine, (e^x - e^-x) / 2; d/dx = cosh x."""
    with np.errstate(over="ignore"):
        return np.sinh(floating(x))


derivatives(sinh, lambda g, out, x: g * cosh(x))  # type: ignore[has-type]


@op
def cosh(x: Any) -> Any:
    """Hyperbolic cosine, (e^x + e^-x) / 2; d/dx = sinh x."""
    with np.errstate(over="ignore"):
        return np.cosh(floating(x))


derivatives(cosh, lambda g, out, x: g * sinh(x))


@op
def asinh(x: Any) -> Any:
    """Inverse of sinh; d/dx = 1 / sqrt(x^2 + 1)."""
    return np.arcsinh(floating(x))


derivatives(asinh, lambda g, out, x: g / hypot(x, 1))


@op
def acosh(x: Any) -> Any:
    """Inverse of cosh, for x >= 1; d/dx = 1 / sqrt(x^2 - 1)."""
    return np.arccosh(floating(x))


derivatives(acosh, lambda g, out, x: g / (sqrt(x - 1) * sqrt(x + 1)))


@op
def atanh(x: Any) -> Any:
    """Inverse of tanh, for x in [-1, 1], infinite at both ends; d/dx = 1 / (1 - x^2)."""
    with np.errstate(divide="ignore"):
        return np.arctanh(floating(x))


derivatives(atanh, lambda g, out, x: g / ((1 - x) * (1 + x)))


def deg2rad(x: Any) -> Any:
    """Degrees to radians: ``x pi / 180``."""
    return floating(x) * (math.pi / 180)


def rad2deg(x: Any) -> Any:
    """Radians to degrees: ``180 x / pi``."""
    return floating(x) * (180 / math.pi)


def sinc(x: Any) -> Any:
    """``sin(pi x) / (pi x)``, 1 at 0. Its derivatives are right at 0 too, at every order."""
    return _sinc(floating(x) * math.pi, order=0)


@op
def _sinc(u: Any, *, order: int) -> Any:
    """The derivative of this order of ``sin(u) / u``.

    Differentiating ``u f(u) = sin u`` n times gives ``f_n = (sin(u + n pi/2) - n f_(n-1)) / u``. Near 0, where that
    loses its digits, the Taylor series ``f_n = sum_m s_(m+n) / (m + n + 1) u^m / m!``, with s = 1, 0, -1, 0, ... for
    the signs, takes its place.
    """
    near = np.abs(u) <= order + 1
    far = np.where(near, 1, u)
    value = np.sin(far) / far
    for n in range(1, order + 1):
        value = (np.sin(far + n * (math.pi / 2)) - n * value) / far
    small = np.where(near, u, 0)
    series, term = 0 * small, 0 * small + 1
    for m in range(30 + 4 * order):
        series = series + (1, 0, -1, 0)[(m + order) % 4] / (m + order + 1) * term
        term = term * small / (m + 1)
    return np.where(near, series, value)


derivatives(_sinc, lambda g, out, u, order: g * _sinc(u, order=order + 1))
