"""Pooling: the largest element, or the mean, of every window. PyTorch's layout: (N, C, L) or (N, C, H, W), or no N.

Adjoint pairs: picking | placing elements, sums of windows | a number for each window added to all of its elements.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine import Tensor, derivatives, op
from ..errors import ShapeError
from .joining import stack
from .placement import beside, like
from .reductions import max as largest_of
from .reductions import mean
from .shape import flatten, reshape, squeeze, transpose
from .windows import Geometry, Lengths, added_up, numbers, padded, window_count, windows, with_batch

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "max_pool1d",
    "max_pool2d",
]


# ------------------------------------------------------------------------------------------------------ the largest


def max_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of every window: (N, C, L) -> (N, C, L'); the first largest takes the gradient.

    ``L' = (L + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1``, rounded down, or up for ``ceil_mode``. The
    stride is the window's length unless given; padding never wins. ``return_indices``: also where the elements were.
    """
    return _max_pool("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Largest element of every window: (N, C, H, W) -> (N, C, H', W'). Each setting is a number, or two.

    Lengths as those of ``max_pool1d``. An index is that of the flattened image: row W + column.
    """
    return _max_pool("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max_pool(
    name: str,
    n: int,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    x, batched = with_batch(name, n, x)
    geometry = _pooling_geometry(name, x, kernel_size, stride, padding, dilation, ceil_mode)
    _require_elements_in_windows(name, geometry)
    indices = _first_largest(getattr(x, "_data", x), geometry)
    out = _pick(x, indices=indices)
    out, indices = (out, indices) if batched else (squeeze(out, 0), indices[0])
    return (out, Tensor(indices) if isinstance(x, Tensor) else indices) if return_indices else out


def _first_largest(x: Any, geometry: Geometry) -> Any:
    """x (N, C, *size) -> (N, C, *positions): where in the flattened image each window has its first largest element.

    A window's nan counts as its largest. A running maximum: NumPy reduces short dimensions slowly.
    """
    numbers = np.arange(math.prod(geometry.size), like=like(x)).reshape(geometry.size)
    x = padded(x, geometry, -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min)
    places = padded(numbers, geometry, -1)  # -1: padding
    best: Any = None
    where: Any = None
    for _, here in geometry.offsets():
        value, place = x[(..., *here)], places[here]
        if best is None:
            best, where = value, np.broadcast_to(place, value.shape)
            continue
        wins = (value > best) | (value != value) | ((where < 0) & (place >= 0))
        best, where = np.where(wins, value, best), np.where(wins, place, where)
    return where


@op(linear=True)
def _pick(x: Any, *, indices: Any) -> Any:
    """x (N, C, *size) at ``indices`` (N, C, *positions) of its flattened images."""
    return x.reshape(-1)[_places(indices, x.shape)]


@op(linear=True)
def _place(g: Any, *, indices: Any, shape: Lengths) -> Any:
    """Zeros of ``shape`` (N, C, *size) with ``g`` added at ``indices`` of the flattened images."""
    out = np.zeros(math.prod(shape), g.dtype, like=like(g))
    np.add.at(out, _places(indices, shape).reshape(-1), g.reshape(-1))
    return out.reshape(shape)


def _places(indices: Any, shape: Lengths) -> Any:
    """``indices`` of flattened images as those of all of x, (N, C, *size), flattened."""
    images = np.arange(math.prod(shape[:2]), like=like(indices)) * math.prod(shape[2:])
    return images.reshape(*shape[:2], *[1] * (indices.ndim - 2)) + indices


derivatives(_pick, lambda g, out, x, indices: _place(g, indices=indices, shape=x.shape))
derivatives(_place, lambda g, out, x, indices, shape: _pick(g, indices=indices))


# --------------------------------------------------------------------------------------------------------- the mean


def avg_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """Mean of every window: (N, C, L) -> (N, C, L'), lengths as those of ``max_pool1d``.

    The padding's zeros count as elements, unless told otherwise; what ``ceil_mode`` adds behind them never does.
    """
    return _avg_pool("avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Mean of every window: (N, C, H, W) -> (N, C, H', W'); ``divisor_override`` divides the sums instead."""
    return _avg_pool("avg_pool2d", 2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _avg_pool(
    name: str,
    n: int,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Any:
    x, batched = with_batch(name, n, x)
    geometry = _pooling_geometry(name, x, kernel_size, stride, padding, 1, ceil_mode)
    if divisor == 0:
        raise ShapeError(f"{name}: divisor_override divides the sums; it must not be 0")
    out = _window_sums(x, geometry=geometry) / (_counts(x, geometry, count_include_pad) if divisor is None else divisor)
    return out if batched else squeeze(out, 0)


def _counts(x: Any, geometry: Geometry, with_padding: bool) -> Any:
    """How many elements each window has: (*positions) in the dtype of ``x``, or one number for all of them."""
    out = np.ones(())
    for size, kernel, positions, stride, padding, _ in zip(*geometry, strict=True):
        start = np.arange(positions) * stride - padding
        end = np.minimum(start + kernel, size + padding)
        if not with_padding:
            start, end = np.maximum(start, 0), np.minimum(end, size)
        out = out[..., None] * (end - start)
    first = int(out.flat[0])
    return first if np.all(out == first) else beside(x, out, x.dtype)


@op(linear=True)
def _window_sums(x: Any, *, geometry: Geometry) -> Any:
    """(N, C, *size) -> (N, C, *positions)."""
    n = len(geometry.size)
    return windows(x, geometry).sum(axis=tuple(range(-n, 0)))


@op(linear=True)
def _to_all_of_window(g: Any, *, geometry: Geometry) -> Any:
    """(N, C, *positions) -> (N, C, *size): each number added to all elements of its window."""
    n = len(geometry.size)
    alike = np.broadcast_to(np.expand_dims(g, tuple(range(2, 2 + n))), (*g.shape[:2], *geometry.kernel, *g.shape[2:]))
    return added_up(alike, geometry)


derivatives(_window_sums, lambda g, out, x, geometry: _to_all_of_window(g, geometry=geometry))
derivatives(_to_all_of_window, lambda g, out, x, geometry: _window_sums(g, geometry=geometry))


# ------------------------------------------------------------------------------------------- windows that adapt


def adaptive_avg_pool1d(x: Any, output_size: Any) -> Any:
    """(N, C, L) -> (N, C, output_size): the mean of L[floor(i L / output_size) : ceil((i + 1) L / output_size)]."""
    return _adaptive("adaptive_avg_pool1d", 1, x, output_size, lambda parts: mean(parts, -1))


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Any:
    """(N, C, H, W) -> (N, C, *output_size): means of windows that cover the image. None keeps a length."""
    return _adaptive("adaptive_avg_pool2d", 2, x, output_size, lambda parts: mean(parts, -1))


def adaptive_max_pool1d(x: Any, output_size: Any) -> Any:
    """The largest elements where ``adaptive_avg_pool1d`` has means."""
    return _adaptive("adaptive_max_pool1d", 1, x, output_size, lambda parts: largest_of(parts, -1).values)


def adaptive_max_pool2d(x: Any, output_size: Any) -> Any:
    """The largest elements where ``adaptive_avg_pool2d`` has means."""
    return _adaptive("adaptive_max_pool2d", 2, x, output_size, lambda parts: largest_of(parts, -1).values)


def _adaptive(name: str, n: int, x: Any, output_size: Any, reduce: Any) -> Any:
    """``reduce`` the flattened windows."""
    x, batched = with_batch(name, n, x)
    _require_elements(name, x)
    size = tuple(x.shape[2:])
    given = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    wanted = tuple(k if g is None else g for g, k in zip(given, size, strict=False))
    wanted = numbers(name, "output_size", wanted if len(given) == n else given, n)
    if all(k % w == 0 for k, w in zip(size, wanted, strict=True)):  # windows side by side: a matter of shape
        pairs = [m for k, w in zip(size, wanted, strict=True) for m in (w, k // w)]
        x = reshape(x, (*x.shape[:2], *pairs))
        x = x if n == 1 else transpose(x, 3, 4)
        out = reduce(reshape(x, (*x.shape[:2], *wanted, math.prod(size) // math.prod(wanted))))
    else:
        bounds = [[(i * k // w, -(-(i + 1) * k // w)) for i in range(w)] for k, w in zip(size, wanted, strict=True)]
        rows = [x] if n == 1 else [x[:, :, a:b] for a, b in bounds[0]]
        out = stack([stack([reduce(flatten(row[..., a:b], 2)) for a, b in bounds[-1]], -1) for row in rows], 2)
        out = squeeze(out, 2) if n == 1 else out
    return out if batched else squeeze(out, 0)


def _pooling_geometry(
    name: str, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Geometry:
    n = x.ndim - 2
    _require_elements(name, x)
    kernel = numbers(name, "kernel_size", kernel_size, n)
    strides = kernel if stride is None or stride == () else numbers(name, "stride", stride, n)
    before, steps = numbers(name, "padding", padding, n, least=0), numbers(name, "dilation", dilation, n)
    if any(2 * b > (k - 1) * d + 1 for b, k, d in zip(before, kernel, steps, strict=True)):
        raise ShapeError(
            f"{name}: the padding may be half of the window at most, got {padding} for kernel_size={kernel_size}"
        )
    size = tuple(x.shape[2:])
    positions = window_count(name, size, kernel, strides, before, steps, ceil_mode)
    return Geometry(size, kernel, positions, strides, before, steps)


def _require_elements_in_windows(name: str, geometry: Geometry) -> None:
    """A window may reach into the padding, and not lie in it altogether."""
    if not any(geometry.padding):  # then each begins inside
        return
    for n, kernel, positions, stride, padding, dilation in zip(*geometry, strict=True):
        first = np.arange(positions) * stride - padding
        outside = -(first // dilation) * dilation + first  # the first of its elements that is not before the image
        first, last = np.where(first < 0, outside, first), first + (kernel - 1) * dilation
        if np.any((first > last) | (first >= n)):
            raise ShapeError(f"{name}: a window takes nothing but padding: {geometry}")


def _require_elements(name: str, x: Any) -> None:
    """A batch may be empty, an image may not."""
    if 0 in x.shape[1:]:
        raise ShapeError(f"{name}: the input {tuple(x.shape)} has images without elements")
