"""Many elements to one, or along one axis: sums, extremes, counts, cumulative sums, matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .. import ops
from .common import constant, values
from .manipulation import expand_dims

__all__ = [
    "all",
    "any",
    "count_nonzero",
    "matmul",
    "max",
    "mean",
    "min",
    "std",
    "sum",
    "tensordot",
    "var",
    "vecdot",
]

Axis = int | Sequence[int] | None


def _as(x: Any, dtype: Any) -> Any:
    return x if dtype is None or x.dtype == dtype else ops.astype(x, dtype)


def _summable(x: Any, dtype: Any) -> tuple[Any, Any]:
    """The dtype of a sum, as NumPy chooses it, and ``x`` in it."""
    dtype = np.sum(np.empty(0, x.dtype)).dtype if dtype is None else dtype
    return _as(x, dtype), dtype


def sum(x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """Sum; small integers are summed as int64 or uint64."""
    x, dtype = _summable(x, dtype)
    return _as(ops.sum(x, axis=axis, keepdims=keepdims), dtype)


def mean(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Arithmetic mean."""
    with np.errstate(invalid="ignore", divide="ignore"):  # of nothing it is nan
        return ops.mean(x, axis=axis, keepdims=keepdims)


def var(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """Variance: the sum of squared distances to the mean over (count - correction); nan if that is not positive."""
    if _count(x, axis) <= correction:
        return _nan(x, axis, keepdims)
    return ops.var(x, axis=axis, correction=correction, keepdims=keepdims)


def std(x: Any, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """Standard deviation: the square root of ``var``."""
    if _count(x, axis) <= correction:
        return _nan(x, axis, keepdims)
    return ops.std(x, axis=axis, correction=correction, keepdims=keepdims)


def _count(x: Any, axis: Axis) -> int:
    return int(np.prod([x.shape[a] for a in (range(x.ndim) if axis is None else _tuple(axis))], dtype=int))


def _nan(x: Any, axis: Axis, keepdims: bool) -> Any:
    """What a spread of too few elements is."""
    return ops.multiply(ops.sum(x, axis=axis, keepdims=keepdims), float("nan"))


def max(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Largest element; equal largest ones share the gradient."""
    return ops.amax(x, axis=axis, keepdims=keepdims)


def min(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Smallest element; equal smallest ones share the gradient."""
    return ops.amin(x, axis=axis, keepdims=keepdims)


def _axes(axis: Axis) -> Any:
    return tuple(axis) if isinstance(axis, Sequence) else axis


def all(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether no element is zero."""
    return constant(np.all, x, axis=_axes(axis), keepdims=keepdims)


def any(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether an element is not zero."""
    return constant(np.any, x, axis=_axes(axis), keepdims=keepdims)


def count_nonzero(x: Any, /, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """How many elements are not zero."""
    return constant(np.count_nonzero, x, axis=_axes(axis), keepdims=keepdims)


_prod: Any = getattr(ops, "prod", None)
if _prod is not None:
    __all__ += ["prod"]

    def prod(x: Any, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Any:
        """Product; small integers are multiplied as int64 or uint64."""
        x, dtype = _summable(x, dtype)
        if axis is None:
            out = _as(_prod(ops.reshape(x, -1), 0), dtype)
            return ops.reshape(out, (1,) * x.ndim) if keepdims else out
        for a in sorted({normalize_axis_index(a, x.ndim) for a in _tuple(axis)}, reverse=True):
            x = _prod(x, a, keepdims)
        return _as(x, dtype)


def _tuple(axis: int | Sequence[int]) -> tuple[int, ...]:
    return (axis,) if isinstance(axis, int) else tuple(axis)


def _cumulative(op: Any, x: Any, axis: int | None, dtype: Any, first: Any) -> Any:
    """``op`` along an axis, with its neutral element before it unless ``first`` is None."""
    if axis is None:
        if x.ndim != 1:
            raise ValueError(f"a cumulative function of shape {tuple(x.shape)}: say along which axis")
        axis = 0
    axis = normalize_axis_index(axis, x.ndim)
    x, dtype = _summable(x, dtype)
    out = _as(op(x, axis), dtype)
    if first is None:
        return out
    shape = tuple(1 if i == axis else n for i, n in enumerate(out.shape))
    return ops.cat([np.full(shape, first, out.dtype), out], axis)


_cumsum: Any = getattr(ops, "cumsum", None)
if _cumsum is not None:
    __all__ += ["cumulative_sum"]

    def cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
        """Sums of the first 1, 2, ... elements along ``axis``, or with ``include_initial`` of 0, 1, ..."""
        return _cumulative(_cumsum, x, axis, dtype, 0 if include_initial else None)


_cumprod: Any = getattr(ops, "cumprod", None)
if _cumprod is not None:
    __all__ += ["cumulative_prod"]

    def cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
        """Products of the first 1, 2, ... elements along ``axis``, or with ``include_initial`` of 0, 1, ..."""
        return _cumulative(_cumprod, x, axis, dtype, 1 if include_initial else None)


# ------------------------------------------------------------------------------------------------- products


def matmul(x1: Any, x2: Any, /) -> Any:
    """Matrix product, in stacks."""
    return ops.matmul(x1, x2)


def tensordot(x1: Any, x2: Any, /, *, axes: int | Sequence[Sequence[int]] = 2) -> Any:
    """Sum of products over pairs of axes: the last of ``x1`` with the first of ``x2``, so many, or those named."""
    if isinstance(axes, int):
        ours, theirs = list(range(x1.ndim - axes, x1.ndim)), list(range(axes))
    else:
        ours = [normalize_axis_index(a, x1.ndim) for a in _tuple(axes[0])]
        theirs = [normalize_axis_index(a, x2.ndim) for a in _tuple(axes[1])]
    lengths = [x1.shape[a] for a in ours]
    if lengths != [x2.shape[a] for a in theirs]:
        raise ValueError(f"tensordot of {tuple(x1.shape)} and {tuple(x2.shape)} over {axes}: the lengths differ")
    rows, columns = ([a for a in range(x.ndim) if a not in gone] for x, gone in ((x1, ours), (x2, theirs)))
    left, right = tuple(x1.shape[a] for a in rows), tuple(x2.shape[a] for a in columns)
    inner = int(np.prod(lengths, dtype=int))
    first = ops.reshape(ops.permute(x1, (*rows, *ours)), (int(np.prod(left, dtype=int)), inner))
    second = ops.reshape(ops.permute(x2, (*theirs, *columns)), (inner, int(np.prod(right, dtype=int))))
    return ops.reshape(ops.matmul(first, second), (*left, *right))


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Sum of products along ``axis``, counted from the end, of arrays that broadcast along the others."""
    if x1.shape[axis] != x2.shape[axis]:
        raise ValueError(f"vecdot of {tuple(x1.shape)} and {tuple(x2.shape)}: lengths along {axis} differ")
    dtype = np.result_type(values(x1), values(x2))
    if axis >= 0:
        axis -= builtin_max(x1.ndim, x2.ndim)
    first, second = (_moved(x, axis) for x in (x1, x2))
    return ops.squeeze(_as(ops.matmul(expand_dims(first, -2), expand_dims(second, -1)), dtype), (-2, -1))


def _moved(x: Any, axis: int) -> Any:
    order = [i for i in range(x.ndim) if i != axis + x.ndim]
    return ops.permute(x, (*order, axis + x.ndim))


def builtin_max(a: int, b: int) -> int:
    """Python's ``max``, whose name is taken here."""
    return a if a > b else b
