"""Reductions: many elements to one. Over all dimensions, or over ``dim`` (NumPy's ``axis``), kept at length 1 or not.

Every function takes PyTorch's ``dim, keepdim`` and NumPy's ``axis, keepdims``: an int, several, or None for all.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..engine import derivatives, op
from ..errors import warn
from .elementary import astype, exp, floating, in_float32, maximum, minimum, where
from .indexing import take_along_dim
from .joining import cat, narrow
from .shape import expand, permute, reshape, squeeze

__all__ = [
    "all",
    "amax",
    "amin",
    "aminmax",
    "any",
    "argmax",
    "argmin",
    "count_nonzero",
    "log_softmax",
    "logsumexp",
    "max",
    "mean",
    "min",
    "nanmean",
    "nansum",
    "prod",
    "softmax",
    "std",
    "std_mean",
    "sum",
    "sum_to_size",
    "var",
    "var_mean",
]

Dim = int | Sequence[int] | None
_FLOAT16 = np.dtype(np.float16)


def _dims(x: Any, dim: Dim, axis: Dim) -> tuple[int, ...]:
    """The dimensions meant, counted from 0. No dimension is all of them as ``dim``, as in PyTorch; as ``axis`` none."""
    if axis is None and isinstance(dim, Sequence) and not dim:
        dim = None
    dim = _one(dim, axis)
    if dim is None:
        return tuple(range(x.ndim))
    dims = normalize_axis_tuple(dim, x.ndim or 1, "dim")
    return dims if x.ndim else ()  # a number is a vector of one element, as in PyTorch


def _one(dim: Any, axis: Any) -> Any:
    """``dim``, also under its NumPy name."""
    if dim is not None and axis is not None:
        raise TypeError(f"dim and axis are two names for one argument, got dim={dim} and axis={axis}")
    dim = axis if dim is None else dim
    if isinstance(dim, bool):
        raise TypeError(f"a dimension is a number, got {dim}; name the argument that this was meant for")
    return dim


def _kept(x: Any, like: Any, dims: tuple[int, ...]) -> Any:
    """A reduced ``x`` with its dimensions back, at length 1, so that it broadcasts against ``like``."""
    return x.reshape(tuple(1 if i in dims else n for i, n in enumerate(like.shape)))


def sum(x: Any, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """Sum of elements. Its adjoint repeats: every element gets the gradient of its sum."""
    return _sum(x, dims=_dims(x, dim, axis), keepdim=keepdim or keepdims)


@op(linear=True)
def _sum(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    return x.sum(axis=dims, keepdims=keepdim)


derivatives(_sum, lambda g, out, x, dims, keepdim: expand(_kept(g, x, dims), x.shape))


def sum_to_size(x: Any, *size: Any) -> Any:
    """``x`` summed to a shape that broadcasts to its own: the mirror image of ``expand``."""
    shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    new = x.ndim - len(shape)
    if new < 0 or builtins.any(n not in (1, m) for n, m in zip(shape, x.shape[new:], strict=True)):
        raise ValueError(f"sum_to_size: {shape} does not broadcast to {tuple(x.shape)}, so no sum has that shape")
    summed = (*range(new), *(new + i for i, n in enumerate(shape) if n != x.shape[new + i]))
    return reshape(_sum(x, dims=summed, keepdim=False), shape)


def mean(x: Any, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """Arithmetic mean: sum / count."""
    if x.dtype == _FLOAT16:
        return in_float32(mean, x, dim, keepdim, axis=axis, keepdims=keepdims)
    return _mean(x, dims=_dims(x, dim, axis), keepdim=keepdim or keepdims)


@op(linear=True)
def _mean(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    return x.sum(axis=dims, keepdims=keepdim) / _count(x, dims)


derivatives(_mean, lambda g, out, x, dims, keepdim: expand(_kept(g, x, dims) / _count(x, dims), x.shape))


def nansum(x: Any, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """Sum of the elements that are numbers; nothing flows to NaN."""
    return sum(where(x == x, x, 0), dim, keepdim, axis=axis, keepdims=keepdims)


def nanmean(x: Any, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """Mean of the elements that are numbers, NaN where there is none; nothing flows to NaN."""
    x = floating(x)
    numbers = x == x
    count = sum(numbers, dim, keepdim, axis=axis, keepdims=keepdims)
    total = sum(where(numbers, x, 0), dim, keepdim, axis=axis, keepdims=keepdims)
    return total / where(count == 0, np.nan, count).astype(x.dtype)


def prod(x: Any, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """Product of elements; the derivative by one is the product of the others, also where elements are 0.

    Multiplications alone, the first half by the second until one is left, so that no derivative divides by an element.
    """
    dims, keepdim = _dims(x, dim, axis), keepdim or keepdims
    if x.dtype.kind != "f":
        return _whole_prod(x, dims=dims, keepdim=keepdim)
    kept = tuple(d for d in range(x.ndim) if d not in dims)
    shape = tuple(1 if d in dims else n for d, n in enumerate(x.shape)) if keepdim else tuple(x.shape[d] for d in kept)
    out = reshape(permute(x, kept + dims), (*(x.shape[d] for d in kept), _count(x, dims)))
    with np.errstate(over="ignore", invalid="ignore"):
        while (n := out.shape[-1]) > 1:
            pairs = narrow(out, -1, 0, n // 2) * narrow(out, -1, n // 2, n // 2)
            out = cat([pairs, narrow(out, -1, n - 1, 1)], -1) if n % 2 else pairs
    return reshape(out if n else 1 + sum(out, -1), shape)


@op
def _whole_prod(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    return x.prod(axis=dims, keepdims=keepdim)


def var(
    x: Any,
    dim: Dim = None,
    *,
    correction: float = 1,
    unbiased: bool | None = None,
    keepdim: bool = False,
    axis: Dim = None,
    keepdims: bool = False,
) -> Any:
    """Variance: sum (x - mean)^2 / (count - correction). Unbiased by default, as in PyTorch; NumPy's is not.

    Of no more elements than ``correction``, as of one, it is nan with a RuntimeWarning; inf if they differ.
    """
    correction = correction if unbiased is None else int(unbiased)
    if x.dtype == _FLOAT16:
        return in_float32(var, x, dim, correction=correction, axis=axis, keepdim=keepdim or keepdims)
    dims = _dims(x, dim, axis)
    degrees = _count(x, dims) - correction
    if degrees <= 0:
        warn(
            f"var or std over dims {dims} of shape {tuple(x.shape)} is nan: it needs more than {correction} elements; "
            "correction=0 takes any",
            RuntimeWarning,
        )
    quiet: Any = {} if degrees > 0 else {"divide": "ignore", "invalid": "ignore"}
    with np.errstate(**quiet):
        centred = x - mean(x, axis=dims, keepdim=True)
        total = _sum(centred * centred, dims=dims, keepdim=keepdim or keepdims)
        return total / (degrees if degrees > 0 else 0)


def std(x: Any, dim: Dim = None, *, axis: Dim = None, **options: Any) -> Any:
    """Standard deviation: the square root of ``var``, whose options it takes."""
    if x.dtype == _FLOAT16:
        return in_float32(std, x, dim, axis=axis, **options)
    return _root(var(x, dim, axis=axis, **options))


def var_mean(x: Any, dim: Dim = None, *, axis: Dim = None, **options: Any) -> tuple[Any, Any]:
    """``(var, mean)`` over the same elements, with the options of ``var``."""
    return var(x, dim, axis=axis, **options), _mean_beside(x, dim, axis, **options)


def std_mean(x: Any, dim: Dim = None, *, axis: Dim = None, **options: Any) -> tuple[Any, Any]:
    """``(std, mean)`` over the same elements, with the options of ``var``."""
    return std(x, dim, axis=axis, **options), _mean_beside(x, dim, axis, **options)


def _mean_beside(x: Any, dim: Dim, axis: Dim, keepdim: bool = False, keepdims: bool = False, **_: Any) -> Any:
    return mean(x, dim, keepdim, axis=axis, keepdims=keepdims)


@op
def _root(x: Any) -> Any:
    return np.sqrt(x)


# Unlike sqrt's, 0 at 0: equal elements have no spread to change, as in PyTorch.
derivatives(_root, lambda g, out, x: where(x == 0, 0, g) / (2 * where(x == 0, 1, out)))


def _count(x: Any, dims: tuple[int, ...]) -> int:
    return math.prod(x.shape[d] for d in dims)


def amax(x: Any, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """Largest element; equal largest elements share the gradient evenly."""
    return _amax(x, dims=_dims(x, dim, axis), keepdim=keepdim or keepdims)


@op
def _amax(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    return x.max(axis=dims, keepdims=keepdim)


def _ties_share(g: Any, out: Any, x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    chosen = (x == _kept(out, x, dims)).astype(g.dtype)
    return chosen * _kept(g, x, dims) / chosen.sum(axis=dims, keepdims=True)


derivatives(_amax, _ties_share)


def amin(x: Any, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """Smallest element; equal smallest elements share the gradient evenly."""
    return _amin(x, dims=_dims(x, dim, axis), keepdim=keepdim or keepdims)


@op
def _amin(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    return x.min(axis=dims, keepdims=keepdim)


derivatives(_amin, _ties_share)


class Range(NamedTuple):
    """What ``aminmax`` returns."""

    min: Any
    max: Any


def aminmax(x: Any, *, dim: Dim = None, keepdim: bool = False, axis: Dim = None, keepdims: bool = False) -> Range:
    """``amin`` and ``amax`` over the same elements."""
    options: Any = {"dim": dim, "axis": axis, "keepdim": keepdim or keepdims}
    return Range(amin(x, **options), amax(x, **options))


class Extremes(NamedTuple):
    """What ``max`` and ``min`` over one dimension return, as in PyTorch."""

    values: Any
    indices: Any


def max(
    x: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    other: Any = None,
    axis: int | None = None,
    keepdims: bool = False,
) -> Any:
    """Largest element of all, or (values, indices) along one dimension; the first largest takes the gradient.

    ``max(x, other)`` with another Tensor or array is ``maximum``.
    """
    other = dim if other is None and _is_array(dim) else other
    if other is not None:
        return maximum(*_both("max", x, other, dim, axis, keepdim or keepdims))
    return _extreme(x, argmax, amax, _one(dim, axis), keepdim or keepdims)


def min(
    x: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    other: Any = None,
    axis: int | None = None,
    keepdims: bool = False,
) -> Any:
    """Smallest element of all, or (values, indices) along one dimension; the first smallest takes the gradient.

    ``min(x, other)`` with another Tensor or array is ``minimum``.
    """
    other = dim if other is None and _is_array(dim) else other
    if other is not None:
        return minimum(*_both("min", x, other, dim, axis, keepdim or keepdims))
    return _extreme(x, argmin, amin, _one(dim, axis), keepdim or keepdims)


def _is_array(given: Any) -> bool:
    """A number of NumPy's is a number here: it can be a dimension."""
    return hasattr(given, "dtype") and not isinstance(given, np.generic)


def _both(name: str, x: Any, other: Any, dim: Any, axis: Any, keepdim: bool) -> tuple[Any, Any]:
    """What two arguments are compared with nothing said about dimensions."""
    if not _is_array(other):
        raise TypeError(f"{name}: other is a Tensor or an array, got {other!r}; {name}imum takes a number too")
    if (dim is not None and dim is not other) or axis is not None or keepdim:
        raise TypeError(f"{name} of two Tensors is element by element: it takes no dim, axis or keepdim")
    return x, other


def _extreme(x: Any, arg: Any, of_all: Any, dim: int | None, keepdim: bool) -> Any:
    if dim is None:
        return of_all(x, keepdim=keepdim)
    indices = arg(x, dim, True)
    if not x.ndim:
        return Extremes(of_all(x), indices)
    values = take_along_dim(x, indices, dim)
    return Extremes(values, indices) if keepdim else Extremes(squeeze(values, dim), squeeze(indices, dim))


def argmax(
    x: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False
) -> Any:
    """Position of the first largest element: in the flattened ``x``, or along ``dim``."""
    return _argmax(x, dim=_one(dim, axis), keepdim=keepdim or keepdims)


@op
def _argmax(x: Any, *, dim: int | None, keepdim: bool) -> Any:
    return _place(np.argmax, x, dim, keepdim)


def _place(arg: Any, x: Any, dim: int | None, keepdim: bool) -> Any:
    return arg(x, axis=dim, keepdims=keepdim) if x.ndim else arg(x.reshape(1), axis=dim)  # a number: one element


def argmin(
    x: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False
) -> Any:
    """Position of the first smallest element: in the flattened ``x``, or along ``dim``."""
    return _argmin(x, dim=_one(dim, axis), keepdim=keepdim or keepdims)


@op
def _argmin(x: Any, *, dim: int | None, keepdim: bool) -> Any:
    return _place(np.argmin, x, dim, keepdim)


# Of truth and number: piecewise constant, nothing flows back.


def any(x: Any, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """Whether an element is not 0. ``dim=()`` is of each alone, as in PyTorch."""
    return _any(x, dims=_dims(x, None, _one(dim, axis)), keepdim=keepdim or keepdims)


@op
def _any(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    return np.any(x, axis=dims, keepdims=keepdim)


def all(x: Any, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """Whether no element is 0. ``dim=()`` is of each alone, as in PyTorch."""
    return _all(x, dims=_dims(x, None, _one(dim, axis)), keepdim=keepdim or keepdims)


@op
def _all(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    return np.all(x, axis=dims, keepdims=keepdim)


def count_nonzero(x: Any, dim: Dim = None, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """How many elements are not 0 (int64)."""
    return sum(x != 0, dim, keepdims, axis=axis)


def _finite_largest(x: Any, dims: tuple[int, ...]) -> Any:
    if not _count(x, dims):  # of nothing
        return x.sum(axis=dims, keepdims=True)
    largest = x.max(axis=dims, keepdims=True)
    return np.where(np.isfinite(largest), largest, 0)


def softmax(x: Any, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Any:
    """``exp(x) / sum exp(x)`` along one dimension, computed in ``dtype`` if that is given."""
    return exp(log_softmax(x, dim, dtype, axis=axis))


def log_softmax(x: Any, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Any:
    """``x - log sum exp(x)`` along one dimension, computed in ``dtype`` if that is given."""
    if dim is None and axis is None:
        raise TypeError("softmax needs the dimension along which the results add up to one: dim=-1, for example")
    return _log_softmax(floating(x) if dtype is None else astype(x, dtype), dims=_dims(x, dim, axis))


@op
def _log_softmax(x: Any, *, dims: tuple[int, ...]) -> Any:
    shifted = x - _finite_largest(x, dims)  # exact; x - logsumexp would round away what a large x leaves
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return shifted - np.log(np.exp(shifted).sum(axis=dims, keepdims=True))


derivatives(
    _log_softmax,
    lambda g, out, x, dims: g - exp(out) * g.sum(axis=dims, keepdims=True),
)


def logsumexp(x: Any, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """``log sum exp(x)`` with the largest element taken out first, so that nothing overflows; d/dx = softmax."""
    return _logsumexp(floating(x), dims=_dims(x, dim, axis), keepdim=keepdim or keepdims)


@op
def _logsumexp(x: Any, *, dims: tuple[int, ...], keepdim: bool) -> Any:
    largest = _finite_largest(x, dims)
    with np.errstate(divide="ignore", over="ignore"):
        out = largest + np.log(np.exp(x - largest).sum(axis=dims, keepdims=True))
    return out if keepdim else out.squeeze(dims)


derivatives(
    _logsumexp,
    lambda g, out, x, dims, keepdim: _kept(g, x, dims) * exp(_log_softmax(x, dims=dims)),
)
