"""All that is measured at one point: values, gradients as the engine has them, and as differences have them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from .differences import UNIT_ROUNDOFF, complex_step
from .engines import Engine, is_floating
from .kinks import derivative, evaluated, flat, settled

MOST_ELEMENTS = 40  # up to so many elements of an input each is moved alone; beyond, so many directions are drawn
_MOST_DERIVATIVES = 2**20  # that are taken to say where a gradient is wrong
SURE = 10.0  # a disagreement counts from so many error bars on


class Rejected(Exception):
    """Nothing can be judged here; the reason."""


class Point:
    """A function, an engine and inputs, with cotangents and directions drawn from ``seed``. Measures when asked.

    ``analytic``: whether the complex step may be tried; it is set to False where that fails.
    """

    def __init__(
        self, fn: Callable[..., Any], inputs: Sequence[Any], engine: Engine, seed: int = 0, analytic: bool = True
    ) -> None:
        self.fn, self.inputs, self.engine, self.seed, self.analytic = fn, list(inputs), engine, seed, analytic
        self.most = MOST_ELEMENTS
        self.floating = [k for k, a in enumerate(self.inputs) if is_floating(a)]
        self.original = [np.array(a) if isinstance(a, np.ndarray) else a for a in self.inputs]  # fn may write into them

    def at(self, inputs: Sequence[Any], fn: Callable[..., Any] | None = None) -> Point:
        """The same question elsewhere, or of another function."""
        return Point(fn or self.fn, inputs, self.engine, self.seed, self.analytic)

    @cached_property
    def value(self) -> list[Any]:
        """The floating outputs."""
        return [np.array(out) for out in quietly(self.engine.value, self.fn, self.inputs)]

    @cached_property
    def cotangents(self) -> list[Any]:
        """Simple numbers, none of them 0, 1 or -1, one array for each output."""
        return drawn(self.value, self.seed)

    @cached_property
    def tangents(self) -> list[Any]:
        """One for each input, None where it is not floating."""
        return [drawn([a], self.seed + 7 + k)[0] if is_floating(a) else None for k, a in enumerate(self.inputs)]

    def vjp(self, cotangents: Sequence[Any]) -> list[Any]:
        """The engine's gradients for these cotangents."""
        found: list[Any] = quietly(self.engine.vjp, self.fn, self.inputs, [np.array(v) for v in cotangents])
        return found

    @cached_property
    def gradients(self) -> list[Any]:
        """The engine's gradients for ``cotangents``."""
        return [None if g is None else np.array(g) for g in self.vjp(self.cotangents)]

    def directions(self, k: int) -> list[Any]:
        """Unit vectors, one for each element of input k; where there are many, some of them and dense ones."""
        a, rng = self.inputs[k], np.random.default_rng(self.seed)
        few = range(a.size) if a.size <= self.most else sorted(rng.choice(a.size, self.most, replace=False))
        found = []
        for i in few:
            unit = np.zeros(a.shape)
            unit.flat[i] = 1
            found.append(unit)
        if a.size > self.most:
            found += [rng.choice([-1.0, 0.5, 1.0], a.shape) for _ in range(4)]
        return found

    @cached_property
    def numeric(self) -> dict[int, tuple[Any, Any]]:
        """{floating input: (derivatives along its directions, bars)}, both (directions, elements of all outputs)."""
        return {k: self._jacobian(k) for k in self.floating}

    def _jacobian(self, k: int) -> tuple[Any, Any]:
        a, middle = self.inputs[k], flat(self.value)
        f = evaluated(self.fn, self.inputs, self.engine, k, middle.size)
        rows, bars = [np.zeros((0, middle.size))], [np.zeros((0, middle.size))]
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for direction in self.directions(k):
                row, bar = derivative(f, a, direction, middle, unit=np.count_nonzero(direction) == 1)
                row, bar = self._sharpened(f, a, direction, middle, row, bar)
                rows.append(row[None])
                bars.append(bar[None])
        return np.vstack(rows), np.vstack(bars)

    def _sharpened(self, f: Any, a: Any, direction: Any, middle: Any, row: Any, bar: Any) -> tuple[Any, Any]:
        """The complex step's derivative where it is one: where differences settle, and on the same number."""
        exact = complex_step(f, a, direction) if self.analytic else None
        if exact is None:
            self.analytic = False
            return row, bar
        sharp = 2**10 * UNIT_ROUNDOFF * (np.abs(exact).max(initial=0) + np.abs(middle).max(initial=0))
        trusted = settled(row, bar, middle) & (np.abs(exact - row) <= SURE * bar)
        self.analytic = bool((trusted | ~settled(row, bar, middle)).all())
        return np.where(trusted, exact, row), np.where(trusted, np.minimum(bar, sharp), bar)

    def expected(self, k: int, cotangents: Sequence[Any] | None = None) -> tuple[Any, Any]:
        """(what the gradient of input k should be along its directions, the tolerance), for these cotangents."""
        v = flat(self.cotangents if cotangents is None else cotangents)
        rows, bars = self.numeric[k]
        with np.errstate(all="ignore"):
            right = np.where(v == 0, 0, rows) @ v if v.size else np.zeros(len(rows))
            bar = np.where(v == 0, 0, bars) @ np.abs(v)
            rounding = 2**10 * UNIT_ROUNDOFF * (np.where(np.isfinite(rows), np.abs(rows), 0) @ np.abs(v))
        # Numbers as large as 1 may cancel inside of fn, as in 1 - cos(x, x): their rounding is not seen in its values.
        tolerance = SURE * bar + rounding + 2**14 * UNIT_ROUNDOFF * _largest(v)
        tolerance[~np.isfinite(tolerance) | ~np.isfinite(right)] = np.inf
        return np.where(np.isfinite(right), right, 0), tolerance

    def by_elements(self, k: int) -> tuple[Any, Any] | None:
        """``expected`` in the shape of input k, where each of its elements was moved alone."""
        right, tolerance = self.expected(k)
        shape = self.inputs[k].shape
        return (right.reshape(shape), tolerance.reshape(shape)) if right.size == self.inputs[k].size else None

    def one_by_one(self, k: int) -> tuple[Any, Any] | None:
        """``by_elements`` of a large input too, which takes long; None if it has far too many."""
        if self.inputs[k].size * (1 + sum(out.size for out in self.value)) > _MOST_DERIVATIVES:
            return None
        other = self.at(self.inputs)
        other.most = self.inputs[k].size
        other.numeric = {k: other._jacobian(k)}
        return other.by_elements(k)

    @property
    def size(self) -> float:
        """How large the numbers are that a value is made of, for what rounding may do to it."""
        moved = [(1 + _largest(rows)) * _largest(self.inputs[k]) for k, (rows, _) in self.numeric.items()]
        return sum(moved) + max((_largest(out) for out in self.value), default=0.0)

    def size_of(self, k: int) -> float:
        """The same for the gradient of input k."""
        rows, v = self.numeric[k][0], np.abs(flat(self.cotangents))
        moved = _largest(np.abs(np.where(np.isfinite(rows), rows, 0)) @ v)
        # Terms as large as v may cancel, as in a softmax of one number.
        return _largest(self.gradients[k]) + moved + _largest(v)

    @property
    def judged(self) -> list[int]:
        """The inputs of which a wrong gradient would be seen here, in one element at least."""
        entries = {k: self.expected(k) for k in self.floating}
        return [k for k, (right, tolerance) in entries.items() if (tolerance <= 1e-4 * (1 + np.abs(right))).any()]


def moved_along(gradient: Any, direction: Any) -> float:
    """``<gradient, direction>``, where an element that the direction does not move does not count, nan or not."""
    return float(np.sum(gradient[direction != 0] * direction[direction != 0]))


def _largest(a: Any) -> float:
    return float(np.abs(a).max(initial=0, where=np.isfinite(a)))


def quietly(f: Callable[..., Any], *args: Any) -> Any:
    """Without NumPy's warnings: values that are not finite are looked at, not warned of."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f(*args)


def drawn(like: Sequence[Any], seed: int) -> list[Any]:
    """Arrays of these shapes and types, of simple numbers: quarters with either sign, none of them 0, 1 or -1."""
    rng = np.random.default_rng(seed)
    numbers = [n / 4 for n in (*range(-9, 0), *range(1, 10)) if abs(n) != 4]
    return [rng.choice(numbers, np.shape(a)).astype(a.dtype) for a in like]
