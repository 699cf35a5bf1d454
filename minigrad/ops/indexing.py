"""Elements chosen by position or by a mask, and put back there.

Reading and adding are mirror images: getitem | scatter into zeros, gather | scatter_add, index_select | index_add.
Where writing overwrites, the last of several values for one place stays, and it alone gets the gradient.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index as _dim

from ..engine import Tensor, derivatives, op
from ..errors import ShapeError
from .elementary import where
from .placement import array_of, beside, in_order, like, readable
from .shape import _with, broadcast_tensors, reshape

__all__ = [
    "argwhere",
    "gather",
    "getitem",
    "index_add",
    "index_copy",
    "index_fill",
    "index_select",
    "masked_fill",
    "masked_scatter",
    "masked_select",
    "nonzero",
    "one_hot",
    "scatter_add",
    "select",
    "take",
    "take_along_dim",
]


def integers(x: Any, index: Any, name: str, length: int | None = None) -> Any:
    """A copy of an integer index beside ``x``, which stays as it is until the backward pass; in 0 ... length - 1."""
    array = beside(index, index)
    if array.dtype.kind not in "iu":
        if array.size:
            raise IndexError(f"{name}: an index is of integers, got {array.dtype}")
        array = array.astype(np.int64)  # an empty list is float64 to NumPy
    if length is not None and array.size and readable(array) and not 0 <= array.min() <= array.max() < length:
        raise IndexError(f"{name}: indices from {array.min()} to {array.max()} for a length of {length}")
    return beside(x, array, copy=False)


def boolean(x: Any, mask: Any, name: str) -> Any:
    """A copy of a mask beside ``x``."""
    array = beside(x, mask)
    if array.dtype != np.bool_:
        raise TypeError(f"{name}: a mask is of booleans, got {array.dtype}; x != 0 makes one")
    return array


def _that_fits(source: Any, x: Any, name: str) -> Any:
    """A Tensor or an array that can be written among the elements of ``x``."""
    source = source if hasattr(source, "dtype") else beside(x, source)
    if not np.can_cast(source.dtype, x.dtype, "same_kind"):
        raise TypeError(f"{name}: {source.dtype} does not fit a Tensor of {x.dtype}; astype converts")
    return source


# ------------------------------------------------------------------------------------------------------ x[index]


def getitem(x: Any, index: Any) -> Any:
    """``x[index]``: numbers, slices, None, ..., integer arrays and boolean masks, as in NumPy."""
    parts = index if isinstance(index, tuple) else (index,)
    return _getitem(x, index=tuple(_own_copy(x, p) for p in parts))


def _own_copy(x: Any, part: Any) -> Any:
    """An index beside ``x`` that stays as it is until the backward pass."""
    part = part._data if isinstance(part, Tensor) else part
    if isinstance(part, list):
        return beside(x, part, None if part else np.int64)
    return beside(x, part) if hasattr(part, "__array_function__") else part


@op(linear=True, view=True)
def _getitem(x: Any, *, index: Any) -> Any:
    return x[index]


derivatives(_getitem, lambda g, out, x, index: _scatter(g, index=index, shape=x.shape))  # type: ignore[has-type]


@op(linear=True)
def _scatter(g: Any, *, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``g`` added at ``index``: an element taken twice receives twice."""
    out = np.zeros(shape, g.dtype, like=like(g))
    if all(_takes_each_once(part) for part in index):
        out[index] = g
    else:
        _add_at(out, index, g)
    return out


def _add_at(out: Any, index: Any, g: Any) -> None:
    """``out[index] += g``, as often as an element is named. ``out`` is contiguous.

    By number in the flattened array, where NumPy's add.at takes a fifth of the time or less. What several elements
    add to one place a device adds in no fixed order: it may round differently each time.
    """
    np.add.at(out.reshape(-1), _flattened(out, index), g.astype(out.dtype, copy=False).reshape(-1))


def _flattened(x: Any, index: Any) -> Any:
    """``index`` of ``x`` as that of all its elements in one dimension."""
    return np.arange(x.size, like=like(x)).reshape(x.shape)[index].reshape(-1)


def _takes_each_once(part: Any) -> bool:
    return isinstance(part, (int, np.integer, slice, type(None), type(...))) or getattr(part, "dtype", None) == np.bool_


derivatives(_scatter, lambda g, out, x, index, shape: getitem(g, index))


def select(x: Any, dim: int, index: int) -> Any:
    """The slice number ``index`` of dimension ``dim``, without that dimension."""
    return getitem(x, (*[slice(None)] * _dim(dim, x.ndim), int(index)))


def take(x: Any, index: Any, *, axis: int | None = None) -> Any:
    """Elements of the flattened ``x`` in the shape of ``index``; with NumPy's ``axis``, slices along that dimension."""
    if axis is None:
        return getitem(reshape(x, -1), integers(x, index, "take"))
    return getitem(x, (*[slice(None)] * _dim(axis, x.ndim), integers(x, index, "take")))


# ------------------------------------------------------------------- one index for each element: gather | scatter_add


def gather(x: Any, dim: int, index: Any) -> Any:
    """``out[i][j] = x[index[i][j]][j]`` for dim 0, and so on. Every length of ``index`` but dim's is at most x's."""
    at, index = _one_for_each(x, dim, index, "gather")
    return _take_along(x, indices=index, dim=at)


def take_along_dim(x: Any, indices: Any, dim: int | None = None) -> Any:
    """Elements of ``x`` at integer ``indices`` along ``dim``; the other dimensions as those of ``x`` (or 1).

    Without ``dim``: elements of the flattened ``x``, in one dimension.
    """
    if dim is None:
        return getitem(reshape(x, -1), integers(x, indices, "take_along_dim").reshape(-1))
    dim, indices = _dim(dim, x.ndim), beside(x, indices)
    if indices.ndim != x.ndim:
        raise ShapeError(f"take_along_dim of {tuple(x.shape)}: indices of {indices.shape} need as many dimensions")
    return _take_along(x, indices=np.broadcast_to(indices, _with(x.shape, dim, indices.shape[dim])), dim=dim)


def take_each_once(x: Any, indices: Any, dim: int) -> Any:
    """``take_along_dim`` for indices that name no element twice, as an order's: its gradient is quicker put back."""
    return _take_along(x, indices=beside(x, indices), dim=_dim(dim, x.ndim), once=True)


@op(linear=True)
def _take_along(x: Any, *, indices: Any, dim: int, once: bool = False) -> Any:
    return x[_grid(indices, dim)]


def _take_along_derivative(g: Any, out: Any, x: Any, *, indices: Any, dim: int, once: bool = False) -> Any:
    zeros = np.zeros(x.shape, g.dtype, like=like(g))
    if once or not indices.ndim or indices.shape[dim] == 1:
        return _put_along(zeros, g, indices=indices, dim=dim, once=True)
    return _add_along(zeros, g, indices=indices, dim=dim)


derivatives(_take_along, _take_along_derivative)


def scatter_add(x: Any, dim: int, index: Any, src: Any) -> Any:
    """``x`` with ``src[i][j]`` added at ``[index[i][j]][j]`` for dim 0, and so on: the mirror image of ``gather``."""
    at, index = _one_for_each(x, dim, index, "scatter_add")
    return _add_along(x, _source(x, src, index, "scatter_add"), indices=index, dim=at)


@op(linear=True)
def _add_along(x: Any, src: Any, *, indices: Any, dim: int) -> Any:
    out = np.array(x, order="C", like=like(x))
    _add_at(out, _grid(indices, dim), src)
    return out


derivatives(
    _add_along,
    lambda g, out, x, src, indices, dim: g,
    lambda g, out, x, src, indices, dim: _take_along(g, indices=indices, dim=dim),
)


@op(linear=True)
def _put_along(x: Any, src: Any, *, indices: Any, dim: int, once: bool = False) -> Any:
    out, place = np.array(x, like=like(x)), _grid(indices, dim)
    if not (once or in_order(out)):
        src = src.reshape(-1)[_last(x.shape, place, indices)]
    out[place] = src
    return out


def _put_along_kept(g: Any, out: Any, x: Any, src: Any, *, indices: Any, dim: int, once: bool = False) -> Any:
    written = np.zeros(x.shape, bool, like=like(x))
    written[_grid(indices, dim)] = True
    return where(written, 0, g)


def _put_along_source(g: Any, out: Any, x: Any, src: Any, *, indices: Any, dim: int, once: bool = False) -> Any:
    stays = _last(x.shape, _grid(indices, dim), indices) == _numbered(indices)
    return where(stays, _take_along(g, indices=indices, dim=dim), 0)


derivatives(_put_along, _put_along_kept, _put_along_source)


def _one_for_each(x: Any, dim: int, index: Any, name: str) -> tuple[int, Any]:
    """The dimension, counted from 0, and the index, which has as many dimensions as ``x`` and no longer ones."""
    at, shape = _dim(dim, max(x.ndim, 1)), tuple(x.shape)
    index = integers(x, index, name, shape[at] if shape else 1)
    fits = index.ndim == len(shape) and all(
        n <= m for i, (n, m) in enumerate(zip(index.shape, shape, strict=True)) if i != at
    )
    if not fits and index.size:
        raise ShapeError(
            f"{name} of {shape} along dim {dim}: the index has shape {index.shape}; it needs as many dimensions, "
            "none but that one longer"
        )
    return at, index if index.size or index.ndim == len(shape) else index.reshape((0,) * len(shape))


def _source(x: Any, src: Any, index: Any, name: str) -> Any:
    """The part of ``src`` that belongs to ``index``."""
    src = _that_fits(src, x, name)
    if src.ndim != index.ndim or any(n > m for n, m in zip(index.shape, src.shape, strict=True)):
        raise ShapeError(
            f"{name}: an index of shape {index.shape} needs a src at least as large, got {tuple(src.shape)}"
        )
    return src if tuple(src.shape) == index.shape else getitem(src, tuple(slice(n) for n in index.shape))


def _grid(indices: Any, dim: int) -> Any:
    """What picks element ``indices[i, j]`` along ``dim`` and i or j along the others."""
    grid = [_along(np.arange(n, like=like(indices)), d, indices.ndim) for d, n in enumerate(indices.shape)]
    if grid:
        grid[dim] = indices
    return tuple(grid)


def _numbered(indices: Any) -> Any:
    """The numbers of the values that are written, one for each index."""
    return np.arange(indices.size, like=like(indices)).reshape(indices.shape)


def _last(shape: tuple[int, ...], place: Any, indices: Any) -> Any:
    """For each value that is written at ``place`` the number of the last one for the same place, which stays."""
    last = np.zeros(shape, np.int64, like=like(indices))
    if in_order(last):
        last[place] = _numbered(indices)
    else:
        np.maximum.at(last.reshape(-1), _flattened(last, place), _numbered(indices).reshape(-1))
    return last[place]


# ---------------------------------------------------------------- one index for each slice: index_select | index_add


def index_select(x: Any, dim: int, index: Any) -> Any:
    """The slices ``index`` (a vector of integers) of dimension ``dim``, in that order, as often as they are named."""
    at, index = _slices(x, dim, index, "index_select")
    return _index_select(x, index=index, dim=at)


@op(linear=True)
def _index_select(x: Any, *, index: Any, dim: int) -> Any:
    return np.take(x, index, axis=dim)


derivatives(
    _index_select,
    lambda g, out, x, index, dim: _index_add(  # type: ignore[has-type]
        np.zeros(x.shape, g.dtype, like=like(g)), g, index=index, dim=dim
    ),
)


def index_add(x: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    """``x`` with slice i of ``source`` (times ``alpha``) added to slice ``index[i]``."""
    at, index = _slices(x, dim, index, "index_add")
    source = _slices_to_write(x, at, index, source, "index_add")
    return _index_add(x, source if alpha == 1 else source * alpha, index=index, dim=at)


@op(linear=True)
def _index_add(x: Any, source: Any, *, index: Any, dim: int) -> Any:
    out = np.array(x, order="C", like=like(x))
    _add_at(out, (*[slice(None)] * dim, index), source)
    return out


derivatives(
    _index_add,
    lambda g, out, x, source, index, dim: g,
    lambda g, out, x, source, index, dim: _index_select(g, index=index, dim=dim),
)


def index_copy(x: Any, dim: int, index: Any, source: Any) -> Any:
    """``x`` with slice ``index[i]`` replaced by slice i of ``source``."""
    at, index = _slices(x, dim, index, "index_copy")
    return _index_copy(x, _slices_to_write(x, at, index, source, "index_copy"), index=index, dim=at)


@op(linear=True)
def _index_copy(x: Any, source: Any, *, index: Any, dim: int) -> Any:
    out = np.array(x, like=like(x))
    if not in_order(out):
        source = np.take(source, _last((x.shape[dim],), index, index), axis=dim)
    out[(*[slice(None)] * dim, index)] = source
    return out


def _index_copy_source(g: Any, out: Any, x: Any, source: Any, *, index: Any, dim: int) -> Any:
    stays = _last((x.shape[dim],), index, index) == _numbered(index)
    return where(_along(stays, dim, x.ndim), _index_select(g, index=index, dim=dim), 0)


derivatives(
    _index_copy,
    lambda g, out, x, source, index, dim: index_fill(g, dim, index, 0),
    _index_copy_source,
)


def index_fill(x: Any, dim: int, index: Any, value: Any) -> Any:
    """``x`` with the slices ``index`` of dimension ``dim`` filled with one number."""
    at, index = _slices(x, dim, index, "index_fill")
    chosen = np.zeros(x.shape[at], bool, like=like(x))
    chosen[index] = True
    return masked_fill(x, _along(chosen, at, x.ndim), value)


def _slices(x: Any, dim: int, index: Any, name: str) -> tuple[int, Any]:
    at = _dim(dim, x.ndim)
    index = integers(x, index, name, x.shape[at])
    if index.ndim > 1:
        raise IndexError(f"{name}: the index is a vector, got one of shape {index.shape}; gather takes such")
    return at, index.reshape(-1)


def _slices_to_write(x: Any, dim: int, index: Any, source: Any, name: str) -> Any:
    source = _that_fits(source, x, name)
    wanted = _with(tuple(x.shape), dim, len(index))
    if tuple(source.shape) != wanted:
        raise ShapeError(
            f"{name}: {len(index)} slices of dim {dim} have shape {wanted}, the source {tuple(source.shape)}"
        )
    return source


def _along(vector: Any, dim: int, ndim: int) -> Any:
    """A vector that broadcasts along ``dim`` of ``ndim`` dimensions."""
    return vector.reshape(_with((1,) * ndim, dim, len(vector)))


# --------------------------------------------------------------------------------------------------------- by a mask


def masked_fill(x: Any, mask: Any, value: Any) -> Any:
    """``x`` with one number where ``mask`` (broadcast) holds; the gradient of a ``value`` that is a Tensor is a sum."""
    mask = boolean(x, mask, "masked_fill")
    number = array_of(value)[()]  # of the host's: a scalar, which goes with any array
    if number.ndim:
        raise ShapeError(
            f"masked_fill: the value is one number, got shape {number.shape}; where takes as many as x has"
        )
    number = _that_fits(number, x, "masked_fill")
    return where(mask, value.astype(x.dtype) if isinstance(value, Tensor) else number.astype(x.dtype), x)


def masked_select(x: Any, mask: Any) -> Any:
    """The elements where ``mask`` holds, in one dimension, row by row; the two broadcast."""
    whole, chosen = broadcast_tensors(x, boolean(x, mask, "masked_select"))
    return getitem(whole, chosen)


def masked_scatter(x: Any, mask: Any, source: Any) -> Any:
    """``x`` with the elements where ``mask`` (broadcast) holds replaced by those of ``source``, row by row."""
    whole, chosen = broadcast_tensors(x, boolean(x, mask, "masked_scatter"))
    source = _that_fits(source, x, "masked_scatter")
    given = math.prod(source.shape)
    if readable(chosen) and given < (needed := np.count_nonzero(chosen)):
        raise ShapeError(f"masked_scatter: the mask takes {needed} elements, the source has {given}")
    if not given:
        return where(chosen, 0, whole)
    number = np.cumsum(chosen.ravel()).reshape(chosen.shape) - 1
    return where(chosen, getitem(reshape(source, -1), np.where(chosen, number, 0)), whole)


# ------------------------------------------------------------------------------------ positions: nothing flows back


@op
def found(x: Any, *, array: Any) -> Any:
    """``array``, which was found from the values of ``x``: a Tensor if that is one, without a history."""
    return array


def argwhere(x: Any) -> Any:
    """The positions of all elements that are not 0, (count, ndim), row by row."""
    return found(x, array=np.argwhere(array_of(x)))


def nonzero(x: Any, *, as_tuple: bool = False) -> Any:
    """As ``argwhere``, or with ``as_tuple`` one vector for each dimension, which ``x[...]`` takes (NumPy's form)."""
    return where(x) if as_tuple else argwhere(x)


def one_hot(x: Any, num_classes: int = -1) -> Any:
    """(...) of class numbers -> (..., num_classes) of int64: 1 at the class, 0 elsewhere; -1: the largest plus one."""
    classes = integers(x, x, "one_hot")
    if num_classes == -1:
        if not classes.size:
            raise ShapeError("one_hot of nothing: num_classes has to be given")
        num_classes = int(classes.max()) + 1
    classes = integers(x, x, "one_hot", num_classes)
    return found(x, array=(classes[..., None] == np.arange(num_classes, like=like(x))).astype(np.int64))
