"""Arithmetic: + - * / ** and what is made of them. The first derivatives to read.

Shapes: NumPy broadcasting; dtypes: NumPy promotion, Python numbers are weak. The rules are those of a calculus
book; where an argument was broadcast, the walk sums its gradient back.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine import derivatives, op
from ..errors import ShapeError
from .elementary import astype, exp2, floating, log, where
from .placement import array_of, like
from .rounding import floor_divide
from .shape import reshape

__all__ = [
    "add",
    "addcdiv",
    "addcmul",
    "divide",
    "float_power",
    "ldexp",
    "lerp",
    "multiply",
    "negative",
    "positive",
    "power",
    "reciprocal",
    "rsub",
    "square",
    "subtract",
    "vander",
]


def add(x: Any, y: Any, *, alpha: float = 1) -> Any:
    """``x + alpha y``."""
    return _add(x, y if alpha == 1 else alpha * y)


@op(linear=True)
def _add(x: Any, y: Any) -> Any:
    return x + y


derivatives(
    _add,
    lambda g, out, x, y: g,
    lambda g, out, x, y: g,
)


def subtract(x: Any, y: Any, *, alpha: float = 1) -> Any:
    """``x - alpha y``."""
    return _subtract(x, y if alpha == 1 else alpha * y)


@op(linear=True)
def _subtract(x: Any, y: Any) -> Any:
    return x - y


derivatives(
    _subtract,
    lambda g, out, x, y: g,
    lambda g, out, x, y: -g,
)


def rsub(x: Any, y: Any, *, alpha: float = 1) -> Any:
    """``y - alpha x``: subtracted the other way round."""
    return y - (x if alpha == 1 else alpha * x)


@op(linear=True)
def negative(x: Any) -> Any:
    """``-x``."""
    return -x


derivatives(negative, lambda g, out, x: -g)


def positive(x: Any) -> Any:
    """``+x``, which is ``x`` itself. Booleans are refused, as by NumPy and PyTorch."""
    if x.dtype.kind == "b":
        raise TypeError("positive of bool: a boolean has no sign; & | ^ ~ combine booleans, astype makes numbers")
    return x


@op
def multiply(x: Any, y: Any) -> Any:
    """``x y``, element by element."""
    return x * y


derivatives(
    multiply,
    lambda g, out, x, y: g * y,
    lambda g, out, x, y: g * x,
)


def divide(x: Any, y: Any, *, rounding_mode: str | None = None) -> Any:
    """``x / y``; d/dx = 1/y, d/dy = -x/y^2. Rounded down, "floor", or towards 0, "trunc", it is piecewise constant."""
    if rounding_mode is None:
        return _divide(x, y)
    if rounding_mode not in ("floor", "trunc"):
        raise ValueError(f'divide: rounding_mode is None, "floor" or "trunc", got {rounding_mode!r}')
    return floor_divide(x, y) if rounding_mode == "floor" else _divide_towards_zero(x, y)


@op
def _divide(x: Any, y: Any) -> Any:
    return x / y


derivatives(
    _divide,
    lambda g, out, x, y: g / y,
    lambda g, out, x, y: -g * out / y,
)


@op
def _divide_towards_zero(x: Any, y: Any) -> Any:
    down = x // y
    if down.dtype.kind == "f":
        return np.trunc(x / y)
    return down + ((down < 0) & (down * y != x))  # integers, to the last digit


def reciprocal(x: Any) -> Any:
    """``1 / x``, floating for integers too, as in PyTorch."""
    return 1 / x


@op
def square(x: Any) -> Any:
    """``x^2``; d/dx = 2x."""
    with np.errstate(over="ignore"):
        return x * x


derivatives(square, lambda g, out, x: g * (2 * x))


def power(x: Any, y: Any) -> Any:
    """``x ** y`` for a real exponent. A number for ``y`` takes the shorter rule."""
    if type(y) in (int, float):
        return _power(x, exponent=y)
    return _power_of_two_tensors(x, y)


@op
def _power(x: Any, *, exponent: float) -> Any:
    with np.errstate(over="ignore"):
        return x**exponent


def _power_derivative(g: Any, out: Any, x: Any, *, exponent: float) -> Any:
    """``n x^(n-1)``; 0 for n = 0, also at x = 0.

    For n = 1 it is ``x^0`` rather than 1, as in PyTorch: the second derivative of x^2 has a history, its next is 0.
    """
    if exponent == 0:
        return g * exponent
    return g * (exponent * power(x, exponent - 1))


derivatives(_power, _power_derivative)


@op
def _power_of_two_tensors(x: Any, y: Any) -> Any:
    with np.errstate(over="ignore"):
        return x**y


def _power_base_derivative(g: Any, out: Any, x: Any, y: Any) -> Any:
    """``y x^(y-1)``, and 0 where y = 0 and 1 / x is infinite or nan, where the formula says 0 times that."""
    return g * y * where((y == 0) & ~(abs(1 / x) < np.inf), 1, x) ** (y - 1)


def _power_exponent_derivative(g: Any, out: Any, x: Any, y: Any) -> Any:
    """``x^y log x``, and its limit 0 where x = 0 and y >= 0."""
    return g * out * log(where((y >= 0) & (x == 0), 1, x))


derivatives(_power_of_two_tensors, _power_base_derivative, _power_exponent_derivative)


def float_power(x: Any, y: Any) -> Any:
    """``x ** y`` in float64, whatever dtypes come."""
    return power(*(astype(t, np.float64) if hasattr(t, "dtype") else float(t) for t in (x, y)))


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Powers ``x^(N - 1) ... x, 1`` of each element in a new last dimension, N the length of x; or ``increasing``."""
    n = math.prod(x.shape) if N is None else N
    if x.ndim != 1 or n < 0:
        raise ValueError(f"vander is of a vector and N >= 0 powers, got shape {tuple(x.shape)} and N={N}")
    return powers(x, n)[:, :: 1 if increasing else -1]


def vander_of_vectors(x: Any, *, N: int | None = None) -> Any:
    """``1, x, x^2 ...``, N powers, as many as x is long if None: (..., n) -> (..., n, N). minigrad.linalg.vander."""
    if not x.ndim:
        raise ShapeError("vander is of vectors, got a Tensor without dimensions")
    return powers(x, x.shape[-1] if N is None else N)


def powers(x: Any, n: int) -> Any:
    """``1, x, ... x^(n - 1)`` in a new last dimension."""
    return power(reshape(x, (*x.shape, 1)), np.arange(n, dtype=x.dtype, like=like(x)))


def lerp(x: Any, end: Any, weight: Any) -> Any:
    """``x + weight (end - x)``: ``x`` where the weight is 0 and ``end`` where it is 1, both exactly."""
    step = end - x
    if isinstance(weight, (int, float)):
        return x + weight * step if weight < 0.5 else end - (1 - weight) * step
    return where(weight < 0.5, x + weight * step, end - (1 - weight) * step)


def ldexp(x: Any, y: Any) -> Any:
    """``x 2^y``; d/dx = 2^y, d/dy = x 2^y log 2."""
    return x * exp2(y if array_of(y).dtype.kind == "f" else astype(y, floating(x).dtype))


def addcmul(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """``x + value tensor1 tensor2``."""
    return x + value * tensor1 * tensor2


def addcdiv(x: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """``x + value tensor1 / tensor2``."""
    return x + value * tensor1 / tensor2
