"""Functions of one or two arrays, element by element: minigrad's ops under the standard's names.

What is piecewise constant and has no op is NumPy's function of the values. What has neither is not offered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops
from .common import constant

RENAMED = {"pow": "power", "bitwise_invert": "bitwise_not", "equal": "eq"}  # the standard's name: ours
ONE = (
    *("abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "bitwise_invert", "ceil", "cos", "cosh", "exp"),
    *("expm1", "floor", "isfinite", "isinf", "isnan", "log", "log1p", "log2", "log10", "logical_not", "negative"),
    *("positive", "reciprocal", "round", "sign", "signbit", "sin", "sinh", "square", "sqrt", "tan", "tanh", "trunc"),
)
TWO = (
    *("add", "atan2", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor"),
    *("copysign", "divide", "equal", "floor_divide", "greater", "greater_equal", "hypot", "less", "less_equal"),
    *("logaddexp", "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "multiply", "nextafter"),
    *("not_equal", "pow", "remainder", "subtract"),
)
DISCRETE = {  # constant between their jumps
    *("bitwise_invert", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor"),
    *("ceil", "floor", "floor_divide", "isfinite", "isinf", "isnan", "logical_not", "logical_and", "logical_or"),
    *("logical_xor", "nextafter", "round", "sign", "signbit", "trunc"),
}
WHOLE = ("ceil", "floor", "round", "trunc")


def _of(name: str) -> Any:
    """Our op; for what has none and is discrete, NumPy's function; else None."""
    op = getattr(ops, RENAMED.get(name, name), None)
    if op is not None or name not in DISCRETE:
        return op
    function = getattr(np, name)
    return lambda *xs: constant(function, *xs)


def _unary(name: str, function: Callable[..., Any]) -> Any:
    def f(x: Any, /) -> Any:
        return x if name in WHOLE and x.dtype.kind in "iu" else function(x)

    return _named(f, name, function)


def _binary(name: str, function: Callable[..., Any]) -> Any:
    def f(x1: Any, x2: Any, /) -> Any:
        return function(x1, x2)

    return _named(f, name, function)


def _named(f: Any, name: str, function: Callable[..., Any]) -> Any:
    f.__name__ = f.__qualname__ = name
    f.__doc__ = function.__doc__
    return f


def clip(x: Any, /, min: Any = None, max: Any = None) -> Any:
    """``x`` limited to [min, max], in its own dtype; a bound of None does not limit."""
    if min is None and max is None:
        return ops.clone(x)
    out = ops.clip(x, min, max)
    return out if out.dtype == x.dtype else ops.astype(out, x.dtype)


def conj(x: Any, /) -> Any:
    """``x``: all numbers here are real."""
    return x


FUNCTIONS: dict[str, Callable[..., Any]] = {"clip": clip, "conj": conj}
for _make, _names in ((_unary, ONE), (_binary, TWO)):
    for _name in _names:
        _function = _of(_name)
        if _function is not None:
            FUNCTIONS[_name] = _make(_name, _function)
globals().update(FUNCTIONS)
__all__ = list(FUNCTIONS)
