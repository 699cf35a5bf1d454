"""Comparisons, logic and what kind of number it is: booleans, in the shape that the arguments broadcast to.

All are piecewise constant: they have no rule, so their results have no history. ``&``, ``|``, ``^`` and ``~`` take
booleans (and the bits of integers); the functions ``logical_...`` take any numbers, of which 0 is false and nan true.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import op
from .placement import array_of

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "eq",
    "equal",
    "greater",
    "greater_equal",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "not_equal",
    "signbit",
]


@op
def eq(x: Any, y: Any) -> Any:
    """``x == y``, element by element. (Whether all are equal, as one bool, says ``equal``.)"""
    return x == y


def equal(x: Any, y: Any) -> bool:
    """Whether both have the same shape and the same elements: one bool of Python. NaN is not equal to itself."""
    x, y = array_of(x), array_of(y)
    return x.shape == y.shape and bool(np.all(x == y))


@op
def not_equal(x: Any, y: Any) -> Any:
    """``x != y``, element by element."""
    return x != y


@op
def less(x: Any, y: Any) -> Any:
    """``x < y``, element by element."""
    return x < y


@op
def less_equal(x: Any, y: Any) -> Any:
    """``x <= y``, element by element."""
    return x <= y


@op
def greater(x: Any, y: Any) -> Any:
    """``x > y``, element by element."""
    return x > y


@op
def greater_equal(x: Any, y: Any) -> Any:
    """``x >= y``, element by element."""
    return x >= y


def isclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """``|x - y| <= atol + rtol |y|``, element by element. Equal infinities are close; nan to nan if ``equal_nan``."""
    return _isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan)


@op
def _isclose(x: Any, y: Any, *, rtol: float, atol: float, equal_nan: bool) -> Any:
    return np.isclose(x, y, rtol, atol, equal_nan)


def allclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements of ``isclose`` hold: one bool of Python."""
    return bool(np.all(array_of(isclose(x, y, rtol, atol, equal_nan))))


@op
def isnan(x: Any) -> Any:
    """Whether it is nan, not a number."""
    return np.isnan(x)


@op
def isinf(x: Any) -> Any:
    """Whether it is inf or -inf."""
    return np.isinf(x)


@op
def isposinf(x: Any) -> Any:
    """Whether it is inf."""
    return x == np.inf


@op
def isneginf(x: Any) -> Any:
    """Whether it is -inf."""
    return x == -np.inf


@op
def signbit(x: Any) -> Any:
    """Whether it is negative, -0.0 included."""
    return np.signbit(x) if array_of(x).dtype.kind != "b" else np.zeros_like(x)


@op
def isfinite(x: Any) -> Any:
    """Whether it is neither infinite nor nan."""
    return np.isfinite(x)


@op
def logical_and(x: Any, y: Any) -> Any:
    """Whether both are true."""
    return np.logical_and(x, y)


@op
def logical_or(x: Any, y: Any) -> Any:
    """Whether one or both are true."""
    return np.logical_or(x, y)


@op
def logical_xor(x: Any, y: Any) -> Any:
    """Whether exactly one is true."""
    return np.logical_xor(x, y)


@op
def logical_not(x: Any) -> Any:
    """Whether it is false."""
    return np.logical_not(x)


@op
def bitwise_and(x: Any, y: Any) -> Any:
    """``x & y`` of booleans, or of the bits of integers."""
    return x & y


@op
def bitwise_or(x: Any, y: Any) -> Any:
    """``x | y`` of booleans, or of the bits of integers."""
    return x | y


@op
def bitwise_xor(x: Any, y: Any) -> Any:
    """``x ^ y`` of booleans, or of the bits of integers."""
    return x ^ y


@op
def bitwise_not(x: Any) -> Any:
    """``~x`` of booleans, or of the bits of integers."""
    return ~x
