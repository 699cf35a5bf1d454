"""Moving elements without changing them. All linear; each derivative is the mirror image of its op.

reshape | reshape, permute | inverse permute, expand | sum (done by the walk), cat | narrow, getitem | scatter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index as _dim

from ..engine import Tensor, derivatives, op

__all__ = [
    "cat",
    "expand",
    "flatten",
    "getitem",
    "narrow",
    "permute",
    "reshape",
    "split",
    "squeeze",
    "stack",
    "take_along_dim",
    "transpose",
    "unsqueeze",
]


def reshape(x: Any, *shape: Any) -> Any:
    """The same elements, row by row, in another shape; one length may be -1."""
    return _reshape(x, shape=_lengths(shape))


@op(linear=True, view=True)
def _reshape(x: Any, *, shape: tuple[int, ...]) -> Any:
    return x.reshape(shape)


derivatives(_reshape, lambda g, out, x, shape: g.reshape(x.shape))


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Dimensions start_dim to end_dim joined into one."""
    if not x.ndim:
        return reshape(x, 1)
    first, last = _dim(start_dim, x.ndim), _dim(end_dim, x.ndim)
    if first > last:
        raise ValueError(f"flatten of {tuple(x.shape)}: start_dim {start_dim} comes after end_dim {end_dim}")
    joined = math.prod(x.shape[first : last + 1])
    return reshape(x, (*x.shape[:first], joined, *x.shape[last + 1 :]))


def permute(x: Any, *dims: Any) -> Any:
    """Dimensions in a new order: out.shape[i] = x.shape[dims[i]]."""
    return _permute(x, dims=tuple(_dim(d, x.ndim) for d in _lengths(dims)))


@op(linear=True, view=True)
def _permute(x: Any, *, dims: tuple[int, ...]) -> Any:
    return x.transpose(dims)


derivatives(_permute, lambda g, out, x, dims: permute(g, tuple(int(d) for d in np.argsort(dims))))


def transpose(x: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions exchanged (PyTorch's ``transpose``)."""
    dims = list(range(x.ndim))
    i, j = _dim(dim0, x.ndim), _dim(dim1, x.ndim)
    dims[i], dims[j] = j, i
    return _permute(x, dims=tuple(dims))


def expand(x: Any, *shape: Any) -> Any:
    """Repeat along dimensions of length 1, without copying; -1 keeps a length. New dimensions come first."""
    lengths = _lengths(shape)
    if len(lengths) < x.ndim:
        raise ValueError(f"expand of {tuple(x.shape)} to {lengths}: there must be a length for each dimension")
    kept = (-1,) * (len(lengths) - x.ndim) + tuple(x.shape)
    if -1 in (k for n, k in zip(lengths, kept, strict=True) if n == -1):
        raise ValueError(f"expand of {tuple(x.shape)} to {lengths}: -1 keeps a length, and a new dimension has none")
    return _expand(x, shape=tuple(k if n == -1 else n for n, k in zip(lengths, kept, strict=True)))


@op(linear=True, view=True)
def _expand(x: Any, *, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(x, shape)


derivatives(_expand, lambda g, out, x, shape: g)


def unsqueeze(x: Any, dim: int) -> Any:
    """A new dimension of length 1 at ``dim``."""
    at = _dim(dim, x.ndim + 1)
    return reshape(x, (*x.shape[:at], 1, *x.shape[at:]))


def squeeze(x: Any, dim: int | Sequence[int] | None = None) -> Any:
    """Without the dimensions of length 1: all of them, or those of ``dim`` that have length 1."""
    dims = range(x.ndim) if dim is None else dim if isinstance(dim, Sequence) else [dim]
    gone = {_dim(d, x.ndim) for d in dims}
    return reshape(x, tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in gone))


def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors joined along an existing dimension."""
    shapes = [np.shape(t) for t in tensors]
    lengths = [s[dim] if -len(s) <= dim < len(s) else 0 for s in shapes]
    return _cat(*tensors, dim=dim, starts=(0, *accumulate(lengths)))


@op(linear=True)
def _cat(*tensors: Any, dim: int, starts: tuple[int, ...]) -> Any:
    return np.concatenate(tensors, axis=dim)


def _cat_derivative(i: int, g: Any, out: Any, *tensors: Any, dim: int, starts: tuple[int, ...]) -> Any:
    return narrow(g, dim, starts[i], starts[i + 1] - starts[i])


derivatives(_cat, each=_cat_derivative)


def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors of one shape joined along a new dimension."""
    return cat([unsqueeze(t, dim) for t in tensors], dim)


def narrow(x: Any, dim: int, start: int, length: int) -> Any:
    """The slice ``start : start + length`` of dimension ``dim``; a negative start counts from the end."""
    total = x.shape[_dim(dim, x.ndim)]
    first = start + total if start < 0 else start
    if not 0 <= first <= first + length <= total:
        raise IndexError(f"narrow: dim {dim} has length {total}, which {length} elements from {start} on leave")
    return getitem(x, (*[slice(None)] * _dim(dim, x.ndim), slice(first, first + length)))


def split(x: Any, split_size: int | Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Parts along ``dim``: of length ``split_size`` (the last may be shorter), or of the lengths given.

    The backward pass makes zeros of the whole for each part (as indexing does): prefer few large parts.
    """
    total = x.shape[dim]
    if isinstance(split_size, int):
        if split_size < 1:
            raise ValueError(f"split needs a positive size, got {split_size}")
        split_size = [min(split_size, total - start) for start in range(0, max(total, 1), split_size)]
    if sum(split_size) != total:
        raise ValueError(f"split: the sizes {list(split_size)} do not add up to {total}, the length of dim {dim}")
    starts = np.cumsum([0, *split_size[:-1]])
    return tuple(narrow(x, dim, int(s), n) for s, n in zip(starts, split_size, strict=True))


def getitem(x: Any, index: Any) -> Any:
    """``x[index]``: numbers, slices, None, ..., integer arrays and boolean masks, as in NumPy."""
    parts = index if isinstance(index, tuple) else (index,)
    return _getitem(x, index=tuple(_own_copy(p) for p in parts))


def _own_copy(part: Any) -> Any:
    """An index that stays as it is until the backward pass."""
    part = part._data if isinstance(part, Tensor) else part
    return part.copy() if isinstance(part, (np.ndarray, list)) else part


@op(linear=True, view=True)
def _getitem(x: Any, *, index: Any) -> Any:
    return x[index]


derivatives(_getitem, lambda g, out, x, index: _scatter(g, index=index, shape=x.shape))  # type: ignore[has-type]


@op(linear=True)
def _scatter(g: Any, *, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``g`` added at ``index``: an element taken twice receives twice."""
    out = np.zeros(shape, g.dtype)
    if all(isinstance(p, (int, slice, type(None), type(...))) for p in index):
        out[index] = g
    else:
        np.add.at(out, index, g)
    return out


derivatives(_scatter, lambda g, out, x, index, shape: getitem(g, index))


def take_along_dim(x: Any, indices: Any, dim: int) -> Any:
    """Elements of ``x`` at integer ``indices`` along ``dim``; the other dimensions as those of ``x`` (or 1)."""
    dim, indices = _dim(dim, x.ndim), np.array(getattr(indices, "_data", indices))
    return _take_along(x, indices=np.broadcast_to(indices, _with(x.shape, dim, indices.shape[dim])), dim=dim)


@op(linear=True)
def _take_along(x: Any, *, indices: Any, dim: int) -> Any:
    return np.take_along_axis(x, indices, axis=dim)


derivatives(_take_along, lambda g, out, x, indices, dim: _put_along(g, indices=indices, dim=dim, shape=x.shape))  # type: ignore[has-type]


@op(linear=True)
def _put_along(g: Any, *, indices: Any, dim: int, shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``g`` added at ``indices`` along ``dim``."""
    grid = list(np.indices(indices.shape, sparse=True))
    grid[dim] = indices
    out = np.zeros(shape, g.dtype)
    np.add.at(out, tuple(grid), g)
    return out


derivatives(_put_along, lambda g, out, x, indices, dim, shape: take_along_dim(g, indices, dim))


def _with(shape: tuple[int, ...], dim: int, length: int) -> tuple[int, ...]:
    return (*shape[:dim], length, *shape[dim + 1 :])


def _lengths(given: tuple[Any, ...]) -> tuple[int, ...]:
    """f(2, 3) and f((2, 3)) mean the same."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (list, tuple)) else given
