"""New values for parts of a Tensor: at positions, in a slice, on a diagonal; and what several for one place come to.

All are made of the pairs of indexing.py: a part is named by the numbers of its elements in the flattened array.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine import derivatives, op
from ..errors import ShapeError
from .elementary import where
from .indexing import (
    _add_along,
    _grid,
    _index_add,
    _one_for_each,
    _own_copy,
    _put_along,
    _source,
    _take_along,
    _that_fits,
    getitem,
    integers,
    masked_fill,
)
from .joining import cat, narrow
from .placement import array_of, full, like
from .rounding import floor_divide
from .shape import expand, reshape

__all__ = [
    "diagonal_scatter",
    "index_put",
    "put",
    "scatter",
    "scatter_reduce",
    "select_scatter",
    "slice_scatter",
]


def index_put(x: Any, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Any:
    """``x`` with ``x[indices] = values``, or ``x[indices] += values`` as often as an element is named (accumulate).

    ``values`` broadcast. Of several for one place the last stays, and it alone gets the gradient.
    """
    index = tuple(_own_copy(x, part) for part in indices)
    return _written(x, lambda numbers: numbers[index], values, "index_put", accumulate)


def put(x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """``x`` with ``source`` at the integers ``index`` of the flattened ``x``: written, or added (accumulate)."""
    index = integers(x, index, "put")
    source = _that_fits(source, x, "put")
    if math.prod(source.shape) != index.size:
        raise ShapeError(f"put: {index.size} places need as many values, got a source of shape {tuple(source.shape)}")
    return _written(x, lambda numbers: numbers.reshape(-1)[index.reshape(-1)], reshape(source, -1), "put", accumulate)


def select_scatter(x: Any, src: Any, dim: int, index: int) -> Any:
    """``x`` with ``src`` for the slice number ``index`` of dimension ``dim``, without that dimension."""
    at = range(x.ndim)[dim]
    return _replaced(x, lambda numbers: numbers[(slice(None),) * at + (int(index),)], src, "select_scatter")


def slice_scatter(
    x: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    """``x`` with ``src`` for ``x[start:end:step]`` along dimension ``dim``."""
    at = range(x.ndim)[dim]
    if step < 1:
        raise ShapeError(f"slice_scatter: the step is 1 or more, got {step}")
    index = (slice(None),) * at + (slice(start, end, step),)
    return _replaced(x, lambda numbers: numbers[index], src, "slice_scatter")


def diagonal_scatter(x: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """``x`` with ``src`` for ``x.diagonal(offset, dim1, dim2)``."""
    return _replaced(x, lambda numbers: np.diagonal(numbers, offset, dim1, dim2), src, "diagonal_scatter")


def _replaced(x: Any, part: Callable[[Any], Any], src: Any, name: str) -> Any:
    """``x`` with ``src``, which has its shape, for a part that names no element twice."""
    wanted = part(np.empty(x.shape)).shape
    if tuple(src.shape) != wanted:
        raise ShapeError(f"{name} of {tuple(x.shape)}: that part has shape {wanted}, the src {tuple(src.shape)}")
    return _written(x, part, src, name, once=True)


def _written(
    x: Any, part: Callable[[Any], Any], values: Any, name: str, accumulate: bool = False, once: bool = False
) -> Any:
    """``x`` with ``values``, broadcast, at ``part`` of the numbers of its elements."""
    places = part(np.arange(math.prod(x.shape), like=like(x)).reshape(x.shape))
    flat = reshape(expand(_that_fits(values, x, name), places.shape), -1)
    settings = {"indices": places.reshape(-1), "dim": 0}
    x_flat = reshape(x, -1)
    out = _add_along(x_flat, flat, **settings) if accumulate else _put_along(x_flat, flat, **settings, once=once)
    return reshape(out, tuple(x.shape))


# ------------------------------------------------------------------------------- several values for one place


def scatter(x: Any, dim: int, index: Any, src: Any, *, reduce: str | None = None) -> Any:
    """``x`` with ``src[i][j]``, or the number ``src``, written at ``[index[i][j]][j]`` for dim 0, and so on.

    ``reduce`` "add" or "multiply" brings it to what is there instead: scatter_reduce is the same with more ways.
    """
    if reduce not in (None, "add", "multiply"):
        raise ShapeError(f'scatter: reduce is None, "add" or "multiply", got {reduce!r}; scatter_reduce has more')
    at, index = _one_for_each(x, dim, index, "scatter")
    several = array_of(src).ndim or index.ndim == 0
    if reduce is not None:
        src = src if several else full(x, index.shape, src, x.dtype)
        return scatter_reduce(x, dim, index, src, "sum" if reduce == "add" else "prod")
    if several:
        return _put_along(x, _source(x, src, index, "scatter"), indices=index, dim=at)
    chosen = np.zeros(x.shape, bool, like=like(x))
    chosen[_grid(index, at)] = True
    return masked_fill(x, chosen, src)


_WAYS = ("sum", "prod", "mean", "amax", "amin")


def scatter_reduce(x: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """``x`` where each place holds the ``reduce`` of what ``src`` brings there, with its own value or without.

    "sum", "prod", "mean", "amax" or "amin" of ``src[i][j]`` for the place ``[index[i][j]][j]`` for dim 0, and so on.
    Places that nothing is brought to stay as they are. Equal extremes share the gradient; "prod" divides by nothing.
    """
    if reduce not in _WAYS:
        raise ShapeError(f"scatter_reduce: reduce is one of {', '.join(_WAYS)}, got {reduce!r}")
    at, index = _one_for_each(x, dim, index, "scatter_reduce")
    src = _source(x, src, index, "scatter_reduce")
    settings = {"indices": index, "dim": at}
    if reduce in ("amax", "amin"):
        return _extreme_along(x, src, **settings, largest=reduce == "amax", include_self=include_self)
    count: Any = _add_along(np.zeros(x.shape, np.int64, like=like(x)), np.ones_like(index), **settings)
    own = x if include_self else where(count == 0, x, int(reduce == "prod"))
    if reduce == "prod":
        return own * _products(x, src, **settings)
    total = _add_along(own, src, **settings)
    if reduce == "sum":
        return total
    count = np.maximum(count + include_self, 1)
    return total / count.astype(x.dtype) if x.dtype.kind == "f" else floor_divide(total, count).astype(x.dtype)


def _products(x: Any, src: Any, *, indices: Any, dim: int) -> Any:
    """The products of what ``src`` brings to each place, 1 where that is nothing.

    The values are put in the order of their places, each then multiplied by the one after it, two after it, four ...
    if that is for the same place: after log2(n) rounds the first one for a place holds the product of all.
    """
    numbers = np.arange(math.prod(x.shape), like=like(x)).reshape(x.shape)
    places = numbers[_grid(indices, dim)].reshape(-1)
    order = np.argsort(places, kind="stable")
    places, n = places[order], indices.size
    values, step = getitem(reshape(src, -1), order), 1
    while step < min(n, indices.shape[dim] if indices.ndim else 1):
        after = where(places[step:] == places[:-step], narrow(values, 0, step, n - step), 1)
        values = cat([narrow(values, 0, 0, n - step) * after, narrow(values, 0, n - step, step)], 0)
        step *= 2
    first = np.concatenate([places[:1] == places[:1], places[1:] != places[:-1]])
    zeros = np.zeros(math.prod(x.shape), x.dtype, like=like(x))
    out = _index_add(zeros, where(first, values, 0), index=places, dim=0)
    reached = _index_add(zeros, first.astype(x.dtype), index=places, dim=0)
    return reshape(where(reached == 0, 1, out), tuple(x.shape))


@op
def _extreme_along(x: Any, src: Any, *, indices: Any, dim: int, largest: bool, include_self: bool) -> Any:
    out, place = np.array(x, order="C", like=like(x)), _grid(indices, dim)
    if not include_self:
        out[place] = _least_of(x.dtype) if largest else _greatest_of(x.dtype)
    numbers = np.arange(out.size, like=like(x)).reshape(out.shape)[place].reshape(-1)
    (np.maximum if largest else np.minimum).at(out.reshape(-1), numbers, src.reshape(-1))
    return out


def _greatest_of(dtype: Any) -> Any:
    return np.inf if dtype.kind == "f" else True if dtype.kind == "b" else np.iinfo(dtype).max


def _least_of(dtype: Any) -> Any:
    return -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def _extreme_derivatives(
    needed: list[int], g: Any, out: Any, x: Any, src: Any, *, indices: Any, dim: int, include_self: bool, **_: Any
) -> dict[int, Any]:
    """All that equal the extreme of their place share its gradient."""
    own = _same(x, out)
    if not include_self:
        own[_grid(indices, dim)] = False
    brought = _same(src, _take_along(out, indices=indices, dim=dim)).astype(g.dtype)
    own = own.astype(g.dtype)
    share = g / _add_along(own, brought, indices=indices, dim=dim)
    return {0: share * own, 1: _take_along(share, indices=indices, dim=dim) * brought}


def _same(x: Any, y: Any) -> Any:
    """Where they are equal, NaN to NaN too: an array."""
    x, y = array_of(x), array_of(y)
    return np.array((x == y) | ((x != x) & (y != y)), like=like(x))


derivatives(_extreme_along, together=_extreme_derivatives)
