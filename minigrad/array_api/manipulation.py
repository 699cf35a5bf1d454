"""Elements in other places: all of it differentiable, made of a few ops of minigrad/ops/shape.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .. import ops
from .common import values

__all__ = [
    "broadcast_arrays",
    "broadcast_to",
    "concat",
    "expand_dims",
    "flip",
    "matrix_transpose",
    "moveaxis",
    "permute_dims",
    "repeat",
    "reshape",
    "roll",
    "squeeze",
    "stack",
    "take",
    "take_along_axis",
    "tile",
    "unstack",
]

Axis = int | Sequence[int] | None


def take(x: Any, indices: Any, /, *, axis: int | None = None) -> Any:
    """The elements at ``indices`` along ``axis``; of a 1-D array it need not be named."""
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"take from an array of shape {tuple(x.shape)}: say along which axis")
        axis = 0
    axis = normalize_axis_index(axis, x.ndim)
    return ops.getitem(x, (*[slice(None)] * axis, values(indices)))


def take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    """The elements at ``indices``, whose other dimensions are those of ``x``."""
    return ops.take_along_dim(x, indices, axis)


def broadcast_arrays(*arrays: Any) -> list[Any]:
    """All with the shape that they broadcast to together."""
    shape = np.broadcast_shapes(*[tuple(a.shape) for a in arrays])
    return [broadcast_to(a, shape) for a in arrays]


def broadcast_to(x: Any, /, shape: Sequence[int]) -> Any:
    """Repeated to this shape, without a copy."""
    return ops.expand(x, tuple(shape))


def concat(arrays: Sequence[Any], /, *, axis: int | None = 0) -> Any:
    """Joined along an axis that all have; None: all elements, row by row."""
    if axis is None:
        return ops.cat([ops.reshape(a, -1) for a in arrays], 0)
    return ops.cat(arrays, axis)


def expand_dims(x: Any, /, axis: Axis = 0) -> Any:
    """A new dimension of length 1 at ``axis`` of the result, or several."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis or ())
    if any(not -(x.ndim + len(axes)) <= a < x.ndim + len(axes) for a in axes):
        raise IndexError(f"expand_dims: a result of {x.ndim + len(axes)} dimensions has no axis {axis}")
    for a in sorted(normalize_axis_tuple(axes, x.ndim + len(axes))):
        x = ops.unsqueeze(x, a)
    return x


def flip(x: Any, /, *, axis: Axis = None) -> Any:
    """Backwards along ``axis``, or along all."""
    axes = range(x.ndim) if axis is None else normalize_axis_tuple(axis, x.ndim)
    return ops.getitem(x, tuple(slice(None, None, -1 if i in axes else 1) for i in range(x.ndim)))


def matrix_transpose(x: Any, /) -> Any:
    """The last two dimensions exchanged."""
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose needs two dimensions or more, got shape {tuple(x.shape)}")
    return ops.transpose(x, -2, -1)


def moveaxis(x: Any, source: Axis, destination: Axis, /) -> Any:
    """Dimensions from some places to others; the rest keep their order."""
    start, end = normalize_axis_tuple(source, x.ndim), normalize_axis_tuple(destination, x.ndim)  # type: ignore[arg-type]
    if len(start) != len(end):
        raise ValueError(f"moveaxis: {len(start)} axes cannot go to {len(end)} places")
    order = [i for i in range(x.ndim) if i not in start]
    for to, of in sorted(zip(end, start, strict=True)):
        order.insert(to, of)
    return ops.permute(x, tuple(order))


def permute_dims(x: Any, /, axes: Sequence[int]) -> Any:
    """Dimensions in a new order: ``out.shape[i] = x.shape[axes[i]]``."""
    return ops.permute(x, tuple(axes))


def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Any:
    """Every element, or slice along ``axis``, so many times in a row: a number for all, or one for each."""
    x, axis = (ops.reshape(x, -1), 0) if axis is None else (x, axis)
    return take(x, np.repeat(np.arange(x.shape[axis]), values(repeats)), axis=axis)


def reshape(x: Any, /, shape: Sequence[int], *, copy: bool | None = None) -> Any:
    """The same elements, row by row, in another shape; one length may be -1. ``copy`` as in ``asarray``."""
    out = ops.reshape(x, tuple(shape) if isinstance(shape, Sequence) else (shape,))
    shared = np.may_share_memory(values(out), values(x)) or not x.ndim or not np.size(values(x))
    if copy is False and not shared:
        raise ValueError(f"reshape: {tuple(x.shape)} cannot become {tuple(shape)} without a copy")
    return ops.clone(out) if copy and shared else out


def roll(x: Any, /, shift: int | Sequence[int], *, axis: Axis = None) -> Any:
    """Moved on by ``shift`` places along ``axis``; what leaves at one end comes in at the other. None: as one row."""
    if axis is None:
        if not isinstance(shift, int):
            raise ValueError(f"roll of an array as one row has one shift, got {shift}")
        return ops.reshape(roll(ops.reshape(x, -1), shift, axis=0), tuple(x.shape))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    shifts = (shift,) * len(axes) if isinstance(shift, int) else tuple(shift)
    for a, s in zip(axes, shifts, strict=True):
        x = take(x, np.roll(np.arange(x.shape[a]), s), axis=a)
    return x


def squeeze(x: Any, /, axis: Axis = None) -> Any:
    """Without the dimensions of ``axis``, which must have length 1; None: without all that have."""
    dims = range(x.ndim) if axis is None else normalize_axis_tuple(axis, x.ndim)
    if axis is not None and any(x.shape[d] != 1 for d in dims):
        raise ValueError(f"squeeze of shape {tuple(x.shape)}: not every axis of {axis} has length 1")
    return ops.squeeze(x, tuple(dims))


def stack(arrays: Sequence[Any], /, *, axis: int = 0) -> Any:
    """Arrays of one shape along a new dimension."""
    return ops.stack(arrays, axis)


def tile(x: Any, repetitions: Sequence[int], /) -> Any:
    """The whole, so many times along each dimension; missing ones come first."""
    times = (repetitions,) if isinstance(repetitions, int) else tuple(repetitions)
    n = max(x.ndim, len(times))
    times, lengths = (1,) * (n - len(times)) + times, (1,) * (n - x.ndim) + tuple(x.shape)
    paired = ops.reshape(x, tuple(v for length in lengths for v in (1, length)))
    repeated = ops.expand(paired, tuple(v for pair in zip(times, lengths, strict=True) for v in pair))
    return ops.reshape(repeated, tuple(t * length for t, length in zip(times, lengths, strict=True)))


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The slices along ``axis``."""
    axis = normalize_axis_index(axis, x.ndim)
    return tuple(ops.getitem(x, (*[slice(None)] * axis, i)) for i in range(x.shape[axis]))
