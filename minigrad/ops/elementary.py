"""Elementary functions, applied element by element: powers of e and 2, logarithms, roots, signs, limits, a choice.

Values and derivatives are IEEE's: where the mathematics says infinity they are infinite (log(0), sqrt'(0)). Integers
become float64 where a result need not be whole.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine import derivatives, op

__all__ = [
    "abs",
    "astype",
    "cbrt",
    "clip",
    "clone",
    "copysign",
    "exp",
    "exp2",
    "expm1",
    "fmax",
    "fmin",
    "heaviside",
    "log",
    "log1p",
    "log2",
    "log10",
    "maximum",
    "minimum",
    "nan_to_num",
    "rsqrt",
    "sign",
    "sqrt",
    "where",
]

_FLOAT64 = np.dtype(np.float64)


def _is_whole(x: Any) -> bool:
    return getattr(x, "dtype", _FLOAT64).kind in "iub"


def floating(x: Any) -> Any:
    """Integers and booleans as float64: in their own types a sign or an exponential can wrap around."""
    return x.astype(_FLOAT64) if _is_whole(x) else x


def in_float32(function: Any, x: Any, *args: Any, **settings: Any) -> Any:
    """``function`` of a float16 ``x`` in float32, whose range squares and counts need; the result is float16 again."""
    return astype(function(astype(x, np.float32), *args, **settings), x.dtype)


def floating_together(x: Any, y: Any) -> tuple[Any, Any]:
    """Both as float64, where neither is floating: where one is, NumPy's promotion makes the other so."""
    if (_is_whole(x) or isinstance(x, int)) and (_is_whole(y) or isinstance(y, int)):
        return floating(x), floating(y)
    return x, y


@op
def exp(x: Any) -> Any:
    """``e^x``, its own derivative."""
    with np.errstate(over="ignore"):
        return np.exp(floating(x))


derivatives(exp, lambda g, out, x: g * out)


@op
def exp2(x: Any) -> Any:
    """``2^x``; d/dx = log(2) out."""
    with np.errstate(over="ignore"):
        return np.exp2(floating(x))


derivatives(exp2, lambda g, out, x: g * (math.log(2) * out))


@op
def expm1(x: Any) -> Any:
    """``e^x - 1``, which keeps its digits near 0; d/dx = e^x."""
    with np.errstate(over="ignore"):
        return np.expm1(floating(x))


derivatives(expm1, lambda g, out, x: g * exp(x))


@op
def log(x: Any) -> Any:
    """Natural logarithm, -inf at 0; d/dx = 1/x."""
    with np.errstate(divide="ignore"):
        return np.log(floating(x))


derivatives(log, lambda g, out, x: g / x)


@op
def log1p(x: Any) -> Any:
    """``log(1 + x)``, which keeps its digits near 0, -inf at -1; d/dx = 1 / (1 + x)."""
    with np.errstate(divide="ignore"):
        return np.log1p(floating(x))


derivatives(log1p, lambda g, out, x: g / (1 + x))


@op
def log2(x: Any) -> Any:
    """Logarithm to the base 2, -inf at 0; d/dx = 1 / (x log 2)."""
    with np.errstate(divide="ignore"):
        return np.log2(floating(x))


derivatives(log2, lambda g, out, x: g / (x * math.log(2)))


@op
def log10(x: Any) -> Any:
    """Logarithm to the base 10, -inf at 0; d/dx = 1 / (x log 10)."""
    with np.errstate(divide="ignore"):
        return np.log10(floating(x))


derivatives(log10, lambda g, out, x: g / (x * math.log(10)))


@op
def sqrt(x: Any) -> Any:
    """Square root; d/dx = 1 / (2 sqrt x), infinite at 0."""
    return np.sqrt(floating(x))


derivatives(sqrt, lambda g, out, x: g / (2 * out))


@op
def rsqrt(x: Any) -> Any:
    """``1 / sqrt x``, infinite at 0; d/dx = -out / (2 x)."""
    with np.errstate(divide="ignore"):
        return 1 / np.sqrt(floating(x))


derivatives(rsqrt, lambda g, out, x: -g * (out / (2 * x)))


@op
def cbrt(x: Any) -> Any:
    """Cube root, of negative numbers too; d/dx = 1 / (3 out^2), infinite at 0."""
    return np.cbrt(floating(x))


derivatives(cbrt, lambda g, out, x: g / (3 * out * out))


@op
def sign(x: Any) -> Any:
    """-1, 0 or 1; piecewise constant, so nothing flows back."""
    return np.sign(x)


@op
def abs(x: Any) -> Any:
    """``|x|``; d/dx = sign x, 0 at 0."""
    return np.abs(x)


derivatives(abs, lambda g, out, x: g * sign(x))


@op
def copysign(x: Any, y: Any) -> Any:
    """``|x|`` with the sign of ``y``, of a zero too; d/dx = 1 or -1, and 0 at 0; d/dy = 0."""
    return np.copysign(*floating_together(x, y))


derivatives(
    copysign,
    lambda g, out, x, y: g * (sign(x) * sign(out)),
    lambda g, out, x, y: where(False, g, 0),
)


@op
def heaviside(x: Any, values: Any) -> Any:
    """0 below 0, ``values`` at 0, 1 above; piecewise constant, so nothing flows back."""
    return np.heaviside(*floating_together(x, values))


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
    return np.where(np.bool_(condition) if isinstance(condition, bool) else condition, x, y)


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
    """The larger of two; a tie shares the gradient evenly, to a nan goes all of it, on either side."""
    return np.maximum(x, y)


derivatives(
    maximum,
    lambda g, out, x, y: where(x < y, 0, where(x == y, g / 2, g)),
    lambda g, out, x, y: where(y < x, 0, where(x == y, g / 2, g)),
)


@op
def minimum(x: Any, y: Any) -> Any:
    """The smaller of two; a tie shares the gradient evenly, to a nan goes all of it, on either side."""
    return np.minimum(x, y)


derivatives(
    minimum,
    lambda g, out, x, y: where(x > y, 0, where(x == y, g / 2, g)),
    lambda g, out, x, y: where(y > x, 0, where(x == y, g / 2, g)),
)


@op
def fmax(x: Any, y: Any) -> Any:
    """The larger of two, or the one that is not nan; of a tie the first takes the gradient (maximum shares it)."""
    return np.fmax(x, y)


derivatives(
    fmax,
    lambda g, out, x, y: where((x >= y) | (y != y), g, 0),
    lambda g, out, x, y: where((x >= y) | (y != y), 0, g),
)


@op
def fmin(x: Any, y: Any) -> Any:
    """The smaller of two, or the one that is not nan; of a tie the first takes the gradient (minimum shares it)."""
    return np.fmin(x, y)


derivatives(
    fmin,
    lambda g, out, x, y: where((x <= y) | (y != y), g, 0),
    lambda g, out, x, y: where((x <= y) | (y != y), 0, g),
)


def clip(x: Any, min: Any = None, max: Any = None) -> Any:
    """``x`` limited to [min, max]; d/dx = 1 inside and at the bounds, 0 outside. A bound of None does not limit.

    A bound that is a Tensor gets the gradient where it limits: of two equal ones max does, from either side, where
    PyTorch's gradient is lost for an x below both.
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
    lambda g, out, x, low, high: where((x > high) | ((x < _or(low, -np.inf)) & (_or(low, -np.inf) >= high)), g, 0),
)


def _or(bound: Any, infinity: float) -> Any:
    return infinity if bound is None else bound


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """``x`` with numbers for nan and the infinities (None: the largest and smallest of the dtype), which no gradient
    passes.
    """
    return _nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


@op
def _nan_to_num(x: Any, *, nan: float, posinf: float | None, neginf: float | None) -> Any:
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


derivatives(_nan_to_num, lambda g, out, x, nan, posinf, neginf: where(abs(x) < np.inf, g, 0))


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


@op(linear=True)
def clone(x: Any) -> Any:
    """A copy that is part of the graph."""
    return x.copy()


derivatives(clone, lambda g, out, x: g)
