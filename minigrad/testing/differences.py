"""Numeric derivatives that say how far they can be trusted: central differences with an error bar, complex steps.

With the central difference ``D(h) = (f(x + h) - f(x - h)) / 2h = f'(x) + a h^2 + b h^4 + ...``, two Richardson steps
remove a and b::

    T(h) = (4 D(h/2) - D(h)) / 3        R = (16 T(h/2) - T(h)) / 15 = f'(x) + O(h^6)

R is the numeric derivative, and ``|T(h/2) - T(h)| + 32 u max|f| / h`` (u = 2^-53) its error bar: what the last step
corrected, and the rounding of f, which D magnifies (a correctly rounded f gives 7 u |f| / h; 32 allows it some ulps).

At a kink D settles on the mean of the two slopes. The jump of the slope is what gives it away: the one-sided slopes
differ by ``J(h) = (f(x + h) - 2 f(x) + f(x - h)) / h``, which goes to 0 with h where f is smooth. ``jump`` is J's
extrapolation to h = 0, and a part of the bar of those who must not be misled by kinks (see kinks.py).

Formulas: Richardson and Gaunt, "The deferred approach to the limit", 1927; Squire and Trapp, "Using complex variables
to estimate derivatives of real functions", SIAM Review 40, 1998.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

UNIT_ROUNDOFF = 2.0**-53
_COMPLEX_STEP = 1e-40  # its square is lost beside any value that a derivative is wanted at


class Numeric(NamedTuple):
    """A numeric derivative, its error bar without regard to kinks, and the jump of the slope (nan: not measured)."""

    value: Any
    bar: Any
    jump: Any


def central(f: Callable[[float], tuple[Any, float]], h: float, middle: Any = None) -> Numeric:
    """R, its error bar and the jump of the slope at t = 0 of ``f``: step -> (values, the step that was taken).

    The step taken differs from the step by the rounding of x + h. ``middle`` is f's values at 0. Values that are not
    finite make the bar infinite, or without ``middle`` nan.
    """
    slopes, jumps, largest = [], [], np.zeros(())
    with np.errstate(all="ignore"):
        for step in (h, h / 2, h / 4):
            (up, above), (down, below) = f(step), f(-step)
            slopes.append((up - down) / (above - below))
            largest = np.maximum(largest, np.maximum(np.abs(up), np.abs(down)))
            if middle is not None:
                jumps.append((up - middle) / above - (down - middle) / below)
        wide, narrow = (4 * slopes[1] - slopes[0]) / 3, (4 * slopes[2] - slopes[1]) / 3
        value = (16 * narrow - wide) / 15
        bar = np.abs(narrow - wide) + 32 * UNIT_ROUNDOFF * largest / h
        if middle is None:
            return Numeric(value, bar, np.full_like(bar, np.nan))
        wide, narrow = 2 * jumps[1] - jumps[0], 2 * jumps[2] - jumps[1]  # J(h) = a h + b h^3 + ...: a and b removed
        jump = np.abs(8 * narrow - wide) / 7
    finite = np.isfinite(value) & np.isfinite(bar) & np.isfinite(jump)
    return Numeric(value, np.where(finite, bar, np.inf), np.where(finite, jump, np.inf))


def along(
    f: Callable[[Any], Any], x: Any, direction: Any, *, eps: float = 1e-3, middle: Any = None, unit: bool = False
) -> Numeric:
    """d f(x + t direction) / dt at t = 0. ``f``: an array like ``x`` -> an array.

    h is ``eps`` times the largest of 1 and |x|; ``unit``: of 1 and |x| where the direction, a unit vector, moves it,
    and the step is then measured after rounding.
    """
    at = np.flatnonzero(direction)[0] if unit else None
    scale = np.abs(x.flat[at]) if unit else np.abs(x).max(initial=0, where=direction != 0)

    def moved(step: float) -> tuple[Any, float]:
        y = np.asarray(x + step * direction)
        return f(y), step if at is None else float(y.flat[at] - x.flat[at])

    return central(moved, eps * max(1.0, float(scale)), middle)


def complex_step(f: Callable[[Any], Any], x: Any, direction: Any) -> Any:
    """``Im f(x + i h direction) / h``, exact to rounding for an analytic ``f`` that takes complex arrays, or None.

    None where f refuses them, returns real numbers, or where Re f is not f(x): then f is not analytic, or not at x.
    """
    try:
        with np.errstate(all="ignore"):
            there, here = np.asarray(f(np.asarray(x + 1j * _COMPLEX_STEP * direction))), np.asarray(f(x))
            if there.dtype.kind != "c" or not np.allclose(there.real, here, rtol=1e-12, atol=1e-12, equal_nan=True):
                return None
            return there.imag / _COMPLEX_STEP
    except Exception:  # whatever fn says of numbers that it was not written for
        return None
