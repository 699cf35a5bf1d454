"""Rounding to whole numbers, and division with a whole quotient: what is taken away and what remains.

Rounded values are piecewise constant: no gradient flows back, where PyTorch's is zero. Integers are whole already and
stay integers. ``//``, ``%`` and ``divmod`` round the quotient down, as Python does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import derivatives, op
from .placement import array_of

__all__ = ["ceil", "floor", "floor_divide", "fmod", "frac", "remainder", "round", "trunc"]


def _rounded(function: Any, x: Any) -> Any:
    x = array_of(x)
    return x.copy() if x.dtype.kind in "iub" else function(x)


@op
def floor(x: Any) -> Any:
    """The largest whole number that is not above ``x``."""
    return _rounded(np.floor, x)


@op
def ceil(x: Any) -> Any:
    """The smallest whole number that is not below ``x``."""
    return _rounded(np.ceil, x)


@op
def trunc(x: Any) -> Any:
    """``x`` without its fractional part: rounded towards 0."""
    return _rounded(np.trunc, x)


def round(x: Any, decimals: int = 0) -> Any:
    """The nearest number with so many decimals, the even one of two (0.5 to 0, 1.5 to 2). Negative: tens, hundreds."""
    return _round(x, decimals=decimals)


@op
def _round(x: Any, *, decimals: int) -> Any:
    return np.round(x, decimals) if decimals < 0 else _rounded(lambda x: np.round(x, decimals), x)


def frac(x: Any) -> Any:
    """``x - trunc(x)``, with the sign of ``x``; d/dx = 1."""
    return x - trunc(x)


@op
def floor_divide(x: Any, y: Any) -> Any:
    """``x // y``: the quotient rounded down."""
    return x // y


@op
def remainder(x: Any, y: Any) -> Any:
    """``x % y`` = x - y floor(x / y), with the sign of ``y``; d/dx = 1, d/dy = -floor(x / y)."""
    return x % y


derivatives(
    remainder,
    lambda g, out, x, y: g,
    lambda g, out, x, y: -g * floor_divide(x, y),
)


@op
def fmod(x: Any, y: Any) -> Any:
    """x - y trunc(x / y), with the sign of ``x``; d/dx = 1, d/dy = -trunc(x / y)."""
    return np.fmod(x, y)


derivatives(
    fmod,
    lambda g, out, x, y: g,
    # trunc(x / y) can be one off, where the rounded x / y crosses a whole number; from the remainder it cannot.
    lambda g, out, x, y: -g * round((x - out) / y),
)
