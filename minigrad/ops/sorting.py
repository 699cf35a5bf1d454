"""Elements in order, and those that the order picks: k largest, median, quantiles. Sorts are stable; NaN is largest.

The order is found from the values and is constant; the elements are then taken along it, and the gradient put back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_index as _dim

from ..engine import derivatives, op
from .cumulative import _accumulated
from .elementary import where
from .indexing import found, index_select, take_along_dim, take_each_once
from .joining import narrow
from .placement import array_of, beside, full, like, readable
from .reductions import Extremes, _one
from .shape import movedim, reshape, squeeze

__all__ = ["argsort", "kthvalue", "median", "mode", "msort", "nanmedian", "nanquantile", "quantile", "sort", "topk"]


class Sorted(NamedTuple):
    """What ``sort`` and ``topk`` return, as in PyTorch."""

    values: Any
    indices: Any


def sort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False, *, axis: int | None = None) -> Sorted:
    """(values, indices) in order along ``dim``, ``values = x.take_along_dim(indices, dim)``; always stable."""
    order = argsort(x, dim, descending, stable, axis=axis)
    if not x.ndim:
        return Sorted(reshape(x, ()), order)
    return Sorted(take_each_once(x, order, dim if axis is None else axis), order)


def argsort(x: Any, dim: int = -1, descending: bool = False, stable: bool = False, *, axis: int | None = None) -> Any:
    """The positions that put ``x`` in order along ``dim``; equal elements stay in their order, NaN is largest."""
    return _argsort(x, dim=_dim(dim if axis is None else axis, x.ndim or 1), descending=descending)


@op
def _argsort(x: Any, *, dim: int, descending: bool) -> Any:
    if not x.ndim:
        return np.zeros((), np.int64, like=like(x))[()]
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    backwards = np.flip(np.argsort(np.flip(x, dim), axis=dim, kind="stable"), dim)
    return x.shape[dim] - 1 - backwards


def msort(x: Any) -> Any:
    """The elements in order along the first dimension."""
    return sort(x, 0).values


def topk(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Sorted:
    """(values, indices) of the ``k`` largest (or smallest) elements along ``dim``, the first of them in front."""
    length = x.shape[_dim(dim, x.ndim)] if x.ndim else 1
    if not 0 <= k <= length:
        raise ValueError(f"topk: k = {k} of a dimension of length {length}")
    order = argsort(x, dim, descending=largest)
    if not x.ndim:
        return Sorted(reshape(x, ()), order)
    chosen = narrow(order, dim, 0, k)
    return Sorted(take_each_once(x, chosen, dim), chosen)


def kthvalue(x: Any, k: int, dim: int = -1, keepdim: bool = False) -> Extremes:
    """(value, index) of the k-th smallest element along ``dim``; k counts from 1."""
    length = x.shape[_dim(dim, x.ndim)] if x.ndim else 1
    if not 1 <= k <= length:
        raise ValueError(f"kthvalue: k counts from 1 to {length}, the length of dim {dim}; got {k}")
    order = argsort(x, dim)
    return _at(x, order if not x.ndim else narrow(order, dim, k - 1, 1), dim, keepdim)


def _at(x: Any, index: Any, dim: int, keepdim: bool) -> Extremes:
    """The element at one position along ``dim``, and that position."""
    if not x.ndim:
        return Extremes(reshape(x, ()), index)
    values = take_along_dim(x, index, dim)
    return Extremes(values, index) if keepdim else Extremes(squeeze(values, dim), squeeze(index, dim))


def median(
    x: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False
) -> Any:
    """The middle element, the lower of two: of all elements, or (values, indices) along one dimension. NaN if one is.

    Of all: elements equal to it share the gradient. Along a dimension: the first of them takes it.
    """
    return _middle(x, _one(dim, axis), keepdim or keepdims, ignore_nan=False)


def nanmedian(
    x: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False
) -> Any:
    """``median`` of the elements that are numbers, NaN where there is none."""
    return _middle(x, _one(dim, axis), keepdim or keepdims, ignore_nan=True)


def _middle(x: Any, dim: int | None, keepdim: bool, ignore_nan: bool) -> Any:
    if dim is None:
        return _median_of_all(x, ignore_nan=ignore_nan)
    at = _dim(dim, x.ndim or 1)
    array = array_of(x).reshape(x.shape or 1)
    if not array.shape[at]:
        raise ValueError(f"median along dim {dim} of shape {tuple(x.shape)}: there is no element")
    place = _middle_place(array, at, ignore_nan)
    index = np.take_along_axis(np.argsort(array, axis=at, kind="stable"), place, at)
    return _at(x, found(x, array=index if x.ndim else index[0]), at, keepdim)


def _middle_place(array: Any, dim: int, ignore_nan: bool) -> Any:
    """The place of the median in the order, where NaN come last: any of them will do if it is to be NaN."""
    length = array.shape[dim]
    numbers = np.sum(array == array, axis=dim, keepdims=True)
    if not ignore_nan:
        return np.where(numbers < length, numbers, (length - 1) // 2)
    return np.maximum(numbers - 1, 0) // 2


@op
def _median_of_all(x: Any, *, ignore_nan: bool) -> Any:
    ordered = np.sort(x, axis=None)
    return ordered[_middle_place(ordered, 0, ignore_nan)[0]] if x.size else full(x, (), np.nan, x.dtype)[()]


def _equal_ones_share(g: Any, out: Any, x: Any, *, ignore_nan: bool) -> Any:
    chosen = ((x == out) | ((x != x) & (out != out))).astype(g.dtype)
    return g * chosen / chosen.sum()


derivatives(_median_of_all, _equal_ones_share)


def mode(x: Any, dim: int = -1, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False) -> Extremes:
    """(value, index) of what comes most often along ``dim``: the least of several such, and its last position."""
    at = _dim(dim if axis is None else axis, x.ndim or 1)
    order = argsort(x, at)
    if not x.ndim:
        return _at(x, order, at, keepdim)
    if not x.shape[at]:
        raise ValueError(f"mode along dim {dim} of shape {tuple(x.shape)}: there is no element")
    ordered = np.take_along_axis(array_of(x), array_of(order), at)
    n, rest = x.shape[at], (1,) * (x.ndim - 1 - at)
    place = np.arange(n, like=like(x)).reshape((n, *rest))
    same = np.moveaxis(np.zeros(ordered.shape, bool, like=like(x)), at, 0)
    by_row = np.moveaxis(ordered, at, 0)
    same[1:] = by_row[1:] == by_row[:-1]
    begins = _accumulated(np.maximum, np.where(np.moveaxis(same, 0, at), 0, place), at)
    chosen = np.argmax(place - begins, axis=at, keepdims=True)  # how many equal ones went before
    index = np.take_along_axis(array_of(order), chosen, at)
    return _at(x, found(x, array=index), at, keepdim or keepdims)


_BETWEEN = ("linear", "lower", "higher", "nearest", "midpoint")


def quantile(
    x: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    axis: int | None = None,
    keepdims: bool = False,
) -> Any:
    """What part ``q`` of the elements lies below, between the two neighbours in order by ``interpolation``.

    ``q`` in [0, 1] is a number or a vector, whose dimension comes first in the result, and a constant. NaN if one is.
    """
    return _quantile(x, q, _one(dim, axis), keepdim or keepdims, interpolation)


def nanquantile(
    x: Any,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    axis: int | None = None,
    keepdims: bool = False,
) -> Any:
    """``quantile`` of the elements that are numbers, NaN where there is none."""
    return _quantile(x, q, _one(dim, axis), keepdim or keepdims, interpolation, ignore_nan=True)


def _quantile(x: Any, q: Any, dim: int | None, keepdim: bool, interpolation: str, ignore_nan: bool = False) -> Any:
    parts = np.array(array_of(q), float, like=like(q))
    if interpolation not in _BETWEEN:
        raise ValueError(f"quantile: the interpolation is one of {', '.join(_BETWEEN)}, got {interpolation!r}")
    if parts.ndim > 1 or (readable(parts) and not np.all((parts >= 0) & (parts <= 1))):
        raise ValueError(f"quantile: q is a number in [0, 1] or a vector of them, got {q!r}")
    if x.dtype.kind != "f":
        raise TypeError(f"quantile is of floating Tensors, got {x.dtype}; astype converts")
    at = None if dim is None else _dim(dim, x.ndim or 1)
    ordered = sort(reshape(x, -1) if at is None or not x.ndim else movedim(x, at, 0), 0).values
    n = ordered.shape[0]
    if not n or 0 in x.shape:
        raise ValueError(f"quantile of shape {tuple(x.shape)}: there is no element")
    place = parts.reshape((-1,) + (1,) * (ordered.ndim - 1))
    values = array_of(ordered)
    last = np.maximum((values == values).sum(0) - 1, 0) if ignore_nan else n - 1
    place = _round(beside(x, place, copy=False) * last if ignore_nan else place * last, interpolation)
    lower = np.floor(place).astype(int)
    weight = beside(x, (place - lower).astype(x.dtype))
    low, high = (_row(ordered, i, ignore_nan) for i in (lower, np.minimum(lower + 1, last)))
    exact = weight == 0  # no step to the next one, which may be infinite
    with np.errstate(invalid="ignore"):
        out = where(exact, low, low + (where(exact, 0, high) - where(exact, 0, low)) * weight)
    if not ignore_nan:
        last = index_select(ordered, 0, [n - 1])
        out = where(last == last, out, last)  # NaN is last in order
    if keepdim:
        out = reshape(out, (len(lower), *(1 if at in (None, d) else n for d, n in enumerate(x.shape))))
    return out if parts.ndim else reshape(out, tuple(out.shape[1:]))


def _row(ordered: Any, index: Any, each: bool) -> Any:
    """The rows ``index``, which are those for all columns or for ``each``."""
    return take_along_dim(ordered, index, 0) if each else index_select(ordered, 0, index.reshape(-1))


def _round(place: Any, interpolation: str) -> Any:
    if interpolation == "lower":
        return np.floor(place)
    if interpolation == "higher":
        return np.ceil(place)
    if interpolation == "nearest":
        return np.round(place)
    if interpolation == "midpoint":
        return (np.floor(place) + np.ceil(place)) / 2
    return place
