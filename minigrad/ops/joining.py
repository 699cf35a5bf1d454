"""Tensors joined into one, and one cut into parts: each is the other's mirror image.

cat | narrow, narrow | embed. Parts share the memory of the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index as _dim

from ..engine import derivatives, op
from ..errors import ShapeError
from .placement import like
from .shape import _with, atleast_1d, atleast_2d, atleast_3d, reshape, squeeze, unsqueeze

__all__ = [
    "cat",
    "chunk",
    "column_stack",
    "concat",
    "concatenate",
    "dstack",
    "hstack",
    "narrow",
    "split",
    "stack",
    "tensor_split",
    "unbind",
    "vstack",
]


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


def concat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Another name for ``cat``."""
    return cat(tensors, dim)


def concatenate(tensors: Sequence[Any], dim: int = 0, *, axis: int | None = None) -> Any:
    """NumPy's name for ``cat``."""
    return cat(tensors, dim if axis is None else axis)


def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors of one shape joined along a new dimension."""
    return cat([unsqueeze(t, dim) for t in tensors], dim)


def hstack(tensors: Sequence[Any]) -> Any:
    """Joined side by side: vectors along their only dimension, others along the second."""
    parts = atleast_1d(list(tensors))
    return cat(parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Any:
    """Joined one below the other along the first dimension; a vector is a row."""
    return cat(atleast_2d(list(tensors)))


def dstack(tensors: Sequence[Any]) -> Any:
    """Joined along the third dimension; see ``atleast_3d`` for vectors and matrices."""
    return cat(atleast_3d(list(tensors)), 2)


def column_stack(tensors: Sequence[Any]) -> Any:
    """Joined side by side; a vector is a column."""
    return hstack([x if x.ndim > 1 else reshape(x, (-1, 1)) for x in tensors])


def narrow(x: Any, dim: int, start: int, length: int) -> Any:
    """The slice ``start : start + length`` of dimension ``dim``; a negative start counts from the end."""
    at = _dim(dim, x.ndim)
    total = x.shape[at]
    first = start + total if start < 0 else start
    if not 0 <= first <= first + length <= total:
        raise IndexError(f"narrow: dim {dim} has length {total}, which {length} elements from {start} on leave")
    return _narrow(x, dim=at, start=first, length=length)


@op(linear=True, view=True)
def _narrow(x: Any, *, dim: int, start: int, length: int) -> Any:
    return x[_slice(dim, start, length)]


derivatives(_narrow, lambda g, out, x, dim, start, length: _embed(g, dim=dim, start=start, total=x.shape[dim]))  # type: ignore[has-type]


@op(linear=True)
def _embed(g: Any, *, dim: int, start: int, total: int) -> Any:
    """Zeros of length ``total`` along ``dim`` with ``g`` from ``start`` on. It costs the whole, not the part."""
    out = np.zeros(_with(g.shape, dim, total), g.dtype, like=like(g))
    out[_slice(dim, start, g.shape[dim])] = g
    return out


derivatives(_embed, lambda g, out, x, dim, start, total: _narrow(g, dim=dim, start=start, length=x.shape[dim]))


def _slice(dim: int, start: int, length: int) -> tuple[slice, ...]:
    return (*[slice(None)] * dim, slice(start, start + length))


def split(x: Any, split_size: int | Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Parts along ``dim``: of length ``split_size`` (the last may be shorter), or of the lengths given.

    The backward pass gathers k parts in about 3 log2(k) passes over the whole, whatever k is; see ``_cut``.
    """
    total = x.shape[dim]
    if isinstance(split_size, int):
        if split_size < 1:
            raise ShapeError(f"split needs a positive size, got {split_size}")
        split_size = [min(split_size, total - start) for start in range(0, max(total, 1), split_size)]
    if sum(split_size) != total or (split_size and min(split_size) < 0):
        raise ShapeError(f"split: the sizes {list(split_size)} do not add up to {total}, the length of dim {dim}")
    return tuple(_cut(x, _dim(dim, x.ndim), list(split_size)))


def _cut(x: Any, dim: int, lengths: list[int]) -> list[Any]:
    """Parts by halves: two halves of the whole, two of each half, and so on; a slice of a slice is a slice.

    A slice's gradient is zeros of what it was cut from with the part put in. Were all k parts cut from the whole, that
    would be k wholes; so it is one whole for each level of the tree, of which there are log2(k).
    """
    if len(lengths) < 2:
        return [_narrow(x, dim=dim, start=0, length=n) for n in lengths]
    half = len(lengths) // 2
    first, second = lengths[:half], lengths[half:]
    left = _narrow(x, dim=dim, start=0, length=sum(first))
    right = _narrow(x, dim=dim, start=sum(first), length=sum(second))
    return [
        *(_cut(left, dim, first) if len(first) > 1 else [left]),
        *(_cut(right, dim, second) if len(second) > 1 else [right]),
    ]


def chunk(x: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """Parts of one length, the last perhaps shorter: ``chunks`` of them or, where that does not fit, fewer."""
    if chunks < 1:
        raise ShapeError(f"chunk makes one part or more, got chunks={chunks}")
    total = x.shape[_dim(dim, x.ndim)]
    return split(x, -(-total // chunks), dim) if total else split(x, [0] * chunks, dim)


def tensor_split(x: Any, indices_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """As many parts, equal but for one element (the longer come first), or cut before each of the indices given."""
    at = _dim(dim, x.ndim)
    total = x.shape[at]
    if isinstance(indices_or_sections, int):
        count = indices_or_sections
        if count < 1:
            raise ShapeError(f"tensor_split makes one part or more, got {count}")
        return tuple(_cut(x, at, [total // count + (i < total % count) for i in range(count)]))
    bounds = [slice(int(i), None).indices(total)[0] for i in indices_or_sections]
    cuts = list(pairwise([0, *bounds, total]))
    if all(i <= j for i, j in cuts):
        return tuple(_cut(x, at, [j - i for i, j in cuts]))
    return tuple(
        _narrow(x, dim=at, start=i, length=max(j - i, 0)) for i, j in cuts
    )  # from an index before the last one


def unbind(x: Any, dim: int = 0) -> tuple[Any, ...]:
    """The slices along ``dim``, each without that dimension. The backward pass costs what ``split``'s does."""
    at = _dim(dim, x.ndim)
    return tuple(squeeze(part, at) for part in _cut(x, at, [1] * x.shape[at]))
