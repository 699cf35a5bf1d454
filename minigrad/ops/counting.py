"""Which values there are, how many of each, and where one belongs in an order. Nothing flows back: all are constant."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine import op
from .indexing import found, integers
from .placement import array_of, beside, full, like, readable

__all__ = ["bincount", "bucketize", "histc", "isin", "searchsorted", "unique", "unique_consecutive"]


def unique(
    x: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
    *,
    axis: int | None = None,
) -> Any:
    """The different elements, or slices along ``dim``, in order; also where each went, and how often each came."""
    dim = axis if dim is None else dim
    array = array_of(x)
    values, inverse, counts = np.unique(array, axis=dim, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(array.shape if dim is None else -1)
    wanted = [values, *([inverse] if return_inverse else []), *([counts] if return_counts else [])]
    out = [found(x, array=a) for a in wanted]
    return out[0] if len(out) == 1 else tuple(out)


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Any:
    """Whether each of ``elements`` is among ``test_elements``, or if ``invert``, is not. Either may be a number."""
    x = elements if hasattr(elements, "ndim") else beside(test_elements, elements)
    wanted = np.sort(beside(x, array_of(test_elements), copy=False).reshape(-1))
    if not wanted.size:
        return found(x, array=np.zeros(x.shape, bool, like=like(x)) ^ invert)
    array = array_of(x)
    at = np.minimum(np.searchsorted(wanted, array), wanted.size - 1)
    return found(x, array=(wanted[at] == array) ^ invert)


def unique_consecutive(
    x: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements, or slices along ``dim``, without those that equal the one before; also where each went, how often.

    Values alone, as ``unique``: nothing flows back.
    """
    array = array_of(x).reshape(-1) if dim is None else np.moveaxis(array_of(x), dim, 0)
    n = array.shape[0]
    rows = array.reshape(n, math.prod(array.shape[1:]))
    new = np.concatenate([full(array, (min(n, 1),), True, bool), (rows[1:] != rows[:-1]).any(1)])
    first = np.flatnonzero(new)
    values = array[first] if dim is None else np.moveaxis(array[first], 0, dim)
    inverse = np.cumsum(new) - 1
    ends = np.concatenate([first[1:], full(first, (min(n, 1),), n, first.dtype)])
    wanted = [values]
    wanted += [inverse.reshape(array_of(x).shape if dim is None else -1)] if return_inverse else []
    wanted += [ends - first] if return_counts else []
    out = [found(x, array=a) for a in wanted]
    return out[0] if len(out) == 1 else tuple(out)


def searchsorted(sorted_sequence: Any, values: Any, *, right: bool = False, side: str | None = None) -> Any:
    """Where each of ``values`` belongs in an ordered vector: before equal ones, or after them if ``right``.

    With more dimensions, each row of the last one in ``sorted_sequence`` is for the same row of ``values``.
    """
    if side not in (None, "left", "right"):
        raise ValueError(f'searchsorted: side is "left" or "right", got {side!r}')
    if side == "left" and right:
        raise ValueError("searchsorted: side='left' and right=True contradict each other")
    return _searchsorted(sorted_sequence, values, side="right" if right or side == "right" else "left")


@op
def _searchsorted(ordered: Any, values: Any, *, side: Any) -> Any:
    if ordered.ndim == 1:
        return np.searchsorted(ordered, values, side)
    if not ordered.ndim or np.shape(values)[:-1] != ordered.shape[:-1]:
        raise ValueError("the rows of the two have to pair up: all dimensions but the last are equal")
    rows = zip(ordered.reshape(-1, ordered.shape[-1]), values.reshape(-1, values.shape[-1]), strict=True)
    found = [np.searchsorted(row, wanted, side) for row, wanted in rows]
    return (np.stack(found) if found else np.zeros(0, np.int64, like=like(values))).reshape(values.shape)


def bucketize(x: Any, boundaries: Any, *, right: bool = False) -> Any:
    """The number of the bucket of each element: how many ``boundaries``, in order, are below it (right: or equal)."""
    edges = beside(x, boundaries, copy=False)
    if edges.ndim != 1:
        raise ValueError(f"bucketize: the boundaries are a vector, got shape {edges.shape}")
    return _bucketize(x, edges, side="right" if right else "left")


@op
def _bucketize(x: Any, boundaries: Any, *, side: Any) -> Any:
    return np.searchsorted(boundaries, x, side)


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each of 0, 1, 2 ... is in a vector of such numbers, or the sum of their ``weights``."""
    numbers = integers(x, x, "bincount")
    if numbers.ndim != 1 or (numbers.size and readable(numbers) and numbers.min() < 0):
        raise ValueError(f"bincount is of a vector of integers that are 0 or more, got shape {numbers.shape}")
    if weights is None:
        return found(x, array=np.bincount(numbers, minlength=minlength))
    each = beside(x, weights, copy=False)
    if each.shape != numbers.shape:
        raise ValueError(f"bincount: {len(numbers)} numbers have weights of shape {each.shape}")
    sums = np.bincount(numbers, each, minlength)
    return found(x, array=sums.astype(each.dtype) if each.dtype.kind == "f" else sums)


def histc(x: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements lie in each of ``bins`` equal parts of [min, max], in x's dtype; 0, 0: least to largest."""
    if x.dtype.kind != "f":
        raise TypeError(f"histc is of floating Tensors, got {x.dtype}; bincount counts integers")
    if bins < 1 or min > max:
        raise ValueError(f"histc: needs one bin or more and min <= max, got bins={bins}, min={min}, max={max}")
    return _histc(x, bins=bins, low=min, high=max)


@op
def _histc(x: Any, *, bins: int, low: float, high: float) -> Any:
    if low == high == 0 and x.size:
        low, high = float(x.min()), float(x.max())
    if low == high:
        low, high = low - 1, high + 1
    return np.histogram(x, bins, (low, high))[0].astype(x.dtype)
