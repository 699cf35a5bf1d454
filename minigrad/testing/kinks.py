"""Where a numeric derivative means something: not at a kink, not at a jump, not at the edge of a domain.

Hypothesis shrinks towards 0, straight into the kink of relu. There central differences settle on 1/2, which no rule
gives. So the judges here add the jump of the one-sided slopes to the error bar (see differences.py): on a kink, and
within a step of it, the bar is as wide as the kink is sharp. One as wide as that of relu says nothing any more: there
any number passes, by whatever convention. At a smooth point the bar stays as narrow as it was, so a rule that is wrong
everywhere is found beside the kink.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .differences import Numeric, along
from .engines import Engine, engine_named, is_floating

STEPS = (1e-3, 1e-5)  # of max(1, |x|); the second is for points that are closer to a kink or an edge than the first
_FAR = 100.0  # beyond, a step of 1e-3 itself comes first: sin of 10^7 goes round many times in one of 10^4
_VAGUE = 1e-3  # of value and derivative: beyond, nothing is known
_NARROW = 1e-12  # a bar that says enough where value and derivative are 0, as those of x^2 at 0
_SETTLED = 1e-6  # of the largest of value and derivative: a wider bar says that there is no derivative to compare with


def bar_of(numeric: Numeric) -> Any:
    """The error bar that covers kinks: without the jump where none was measured."""
    return numeric.bar + np.nan_to_num(numeric.jump, nan=0.0, posinf=np.inf)


def settled(value: Any, bar: Any, f: Any) -> Any:
    """Where a derivative of ``f`` with this bar is one that a rule can be judged by."""
    size = max(np.abs(value).max(initial=0, where=np.isfinite(value)), np.abs(f).max(initial=0, where=np.isfinite(f)))
    return bar <= _SETTLED * size


def derivative(f: Callable[[Any], Any], x: Any, direction: Any, middle: Any, *, unit: bool) -> tuple[Any, Any]:
    """(derivative of f along ``direction``, its bar), with the step, of ``STEPS``, that gives the narrower bar.

    The bar is infinite where it is so wide that it says nothing.
    """
    value, bar = np.full(np.shape(middle), np.nan), np.full(np.shape(middle), np.inf)
    reach = max(1.0, float(np.abs(x).max(initial=0, where=direction != 0)))
    for eps in (STEPS[0] / reach, *STEPS) if unit and reach > _FAR else STEPS:
        numeric = along(f, x, direction, eps=eps, middle=middle, unit=unit)
        wide = bar_of(numeric)
        better = wide < bar
        value, bar = np.where(better, numeric.value, value), np.where(better, wide, bar)
        if settled(value, bar, middle).all():
            break
    # Across a pole, differences may agree with each other on a wrong number: so wide a bar is no bar.
    largest = np.abs(middle).max(initial=0, where=np.isfinite(middle))
    return value, np.where(bar <= _VAGUE * (np.abs(value) + largest / reach) + _NARROW, bar, np.inf)


def evaluated(fn: Callable[..., Any], inputs: Sequence[Any], engine: Engine, k: int, size: int) -> Callable[[Any], Any]:
    """All outputs in one row as a function of input ``k``: nan where fn raises, or returns another shape."""

    def f(a: Any) -> Any:
        try:
            row = flat(engine.value(fn, [*inputs[:k], a, *inputs[k + 1 :]]))
        except Exception:  # outside of fn's domain
            row = np.zeros(0)
        return row if row.size == size else np.full(size, np.nan)

    return f


def flat(arrays: Sequence[Any]) -> Any:
    """The elements of all arrays in one row."""
    return np.concatenate([np.zeros(0), *(np.ravel(a) for a in arrays)])


def is_smooth(fn: Callable[..., Any], inputs: Sequence[Any], engine: str | Engine = "minigrad") -> bool:
    """Whether ``fn`` has finite values and, by each element of its floating inputs, a derivative that differences find.

    False at kinks (relu at 0, equal largest elements, the norm of 0), within a step of them, and at edges of domains.
    """
    engine = engine_named(engine)
    with np.errstate(all="ignore"):
        middle = flat(engine.value(fn, inputs))
        if not np.isfinite(middle).all():
            return False
        for k, a in enumerate(inputs):
            if is_floating(a):
                f = evaluated(fn, inputs, engine, k, middle.size)
                for i in range(a.size):
                    direction = np.zeros_like(a)
                    direction.flat[i] = 1
                    if not settled(*derivative(f, a, direction, middle, unit=True), middle).all():
                        return False
    return True
