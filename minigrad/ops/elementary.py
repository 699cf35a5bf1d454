"""Elementary functions, applied element by element: exp, log, sqrt, abs, the larger, the smaller, a choice.

Values and derivatives are IEEE's: where the mathematics says infinity they are infinite (sqrt'(0) = inf).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine import derivatives, op

__all__ = ["abs", "astype", "clip", "clone", "exp", "log", "maximum", "minimum", "sign", "sqrt", "where"]


@op
def exp(x: Any) -> Any:
    """``e^x``, its own derivative."""
    with np.errstate(over="ignore"):
        return np.exp(x)


derivatives(exp, lambda g, out, x: g * out)


@op
def log(x: Any) -> Any:
    """Natural logarithm; d/dx = 1/x."""
    return np.log(x)


derivatives(log, lambda g, out, x: g / x)


@op
def sqrt(x: Any) -> Any:
    """Square root; d/dx = 1 / (2 sqrt x), infinite at 0."""
    return np.sqrt(x)


derivatives(sqrt, lambda g, out, x: g / (2 * out))


@op
def sign(x: Any) -> Any:
    """-1, 0 or 1; piecewise constant, so nothing flows back."""
    return np.sign(x)


@op
def abs(x: Any) -> Any:
    """``|x|``; d/dx = sign x, 0 at 0."""
    return np.abs(x)


derivatives(abs, lambda g, out, x: g * sign(x))


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """``x`` where the condition holds, else ``y``; the gradient goes to the one that was taken.

    The condition alone gives the positions where it holds, one integer vector for each dimension.
    """
    if x is None and y is None:
        return tuple(_positions(condition, dim=d) for d in range(condition.ndim or 1))
    if x is None or y is None:
        raise TypeError("where takes a condition alone, or a condition and two values to choose from")
    return _where(condition, x, y)


@op
def _where(condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, x, y)


@op
def _positions(condition: Any, *, dim: int) -> Any:
    return np.nonzero(np.atleast_1d(condition))[dim]


derivatives(
    _where,
    None,
    lambda g, out, condition, x, y: where(condition, g, 0),
    lambda g, out, condition, x, y: where(condition, 0, g),
)


@op
def maximum(x: Any, y: Any) -> Any:
    """The larger of two; a tie shares the gradient evenly."""
    return np.maximum(x, y)


derivatives(
    maximum,
    lambda g, out, x, y: where(x > y, g, where(x == y, g / 2, 0)),
    lambda g, out, x, y: where(y > x, g, where(x == y, g / 2, 0)),
)


@op
def minimum(x: Any, y: Any) -> Any:
    """The smaller of two; a tie shares the gradient evenly."""
    return np.minimum(x, y)


derivatives(
    minimum,
    lambda g, out, x, y: where(x < y, g, where(x == y, g / 2, 0)),
    lambda g, out, x, y: where(y < x, g, where(x == y, g / 2, 0)),
)


def clip(x: Any, min: Any = None, max: Any = None) -> Any:
    """``x`` limited to [min, max]; d/dx = 1 inside and at the bounds, 0 outside. A bound of None does not limit.

    A bound that is a Tensor gets the gradient where it limits.
    """
    if min is None and max is None:
        raise ValueError("clip needs min, max or both")
    return _clip(x, min, max)


@op
def _clip(x: Any, low: Any, high: Any) -> Any:
    x = x if low is None else np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


derivatives(
    _clip,
    lambda g, out, x, low, high: where((x >= _or(low, -np.inf)) & (x <= _or(high, np.inf)), g, 0),
    lambda g, out, x, low, high: where((x < low) & (low < _or(high, np.inf)), g, 0),
    lambda g, out, x, low, high: where((x > high) | (_or(low, -np.inf) > high), g, 0),
)


def _or(bound: Any, infinity: float) -> Any:
    return infinity if bound is None else bound


def astype(x: Any, dtype: Any) -> Any:
    """``x`` as another dtype. A gradient passes to floating types only; the walk returns it in its argument's dtype."""
    return _astype(x, dtype=dtype) if np.dtype(dtype).kind == "f" else _discrete(x, dtype=dtype)


@op(linear=True)
def _astype(x: Any, *, dtype: Any) -> Any:
    return x.astype(dtype)


derivatives(_astype, lambda g, out, x, dtype: g)


@op
def _discrete(x: Any, *, dtype: Any) -> Any:
    return x.astype(dtype)  # piecewise constant: no rule


def floating(x: Any) -> Any:
    """Integers and booleans as float64: in their own types a sign or an exponential can wrap around."""
    return x.astype(np.float64) if getattr(x, "dtype", np.dtype(float)).kind in "iub" else x


@op(linear=True)
def clone(x: Any) -> Any:
    """A copy that is part of the graph."""
    return x.copy()


derivatives(clone, lambda g, out, x: g)
