"""Where elements are, in which order, and which there are. Positions are int64 and carry no gradient; values do."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import ops
from .common import constant, values, wrapped

__all__ = [
    "argmax",
    "argmin",
    "argsort",
    "nonzero",
    "searchsorted",
    "sort",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "where",
]


def argmax(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """Position of the first largest element."""
    return ops.argmax(x, axis=axis, keepdims=keepdims)


def argmin(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """Position of the first smallest element."""
    return ops.argmin(x, axis=axis, keepdims=keepdims)


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """The positions that put elements in order along ``axis``; equal ones stay in theirs."""
    array = values(x)
    if not descending:
        return constant(np.argsort, x, axis=axis, stable=stable)
    backwards = np.flip(np.argsort(np.flip(array, axis), axis=axis, stable=True), axis)
    return wrapped(array.shape[axis] - 1 - backwards)


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """The elements in order along ``axis``; gradients go to where they came from."""
    return ops.take_along_dim(x, argsort(x, axis=axis, descending=descending, stable=stable), axis)


def nonzero(x: Any, /) -> tuple[Any, ...]:
    """The positions of the elements that are not zero: one array for every dimension."""
    if not x.ndim:
        raise ValueError("nonzero of an array without dimensions: it has no positions")
    return tuple(map(wrapped, np.nonzero(values(x))))


def searchsorted(x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Any:
    """Where in the ordered ``x1`` each of ``x2`` belongs: before its equals, or with side="right" after them."""
    return wrapped(np.searchsorted(values(x1), values(x2), side=side, sorter=values(sorter)))  # type: ignore[call-overload]


def where(condition: Any, x1: Any, x2: Any, /) -> Any:
    """``x1`` where the condition holds, else ``x2``."""
    return ops.where(condition, x1, x2)


class Unique(NamedTuple):
    """``unique_all``'s."""

    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    """``unique_counts``'s."""

    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    """``unique_inverse``'s."""

    values: Any
    inverse_indices: Any


def unique_all(x: Any, /) -> Unique:
    """The different values, in order, where each is first, which of them each element is, and how often each is there.

    Every nan differs from every other.
    """
    return Unique(*map(wrapped, np.unique_all(values(x))))


def unique_counts(x: Any, /) -> UniqueCounts:
    """The different values and how often each is there."""
    return UniqueCounts(*map(wrapped, np.unique_counts(values(x))))


def unique_inverse(x: Any, /) -> UniqueInverse:
    """The different values and which of them each element is."""
    return UniqueInverse(*map(wrapped, np.unique_inverse(values(x))))


def unique_values(x: Any, /) -> Any:
    """The different values, in order."""
    return wrapped(np.sort(np.unique_values(values(x))))
