"""Elements moved about, repeated, or surrounded by others.

flip | flip, roll | roll back, tile | sum over the copies, pad | pad by the negative, unfold | fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index as _dim
from numpy.lib.array_utils import normalize_axis_tuple

from ..engine import derivatives, op
from ..errors import ShapeError
from .indexing import index_select, integers
from .joining import stack
from .placement import array_of, full, like, strided
from .shape import _lengths, expand, reshape, transpose

__all__ = [
    "cartesian_prod",
    "flip",
    "fliplr",
    "flipud",
    "meshgrid",
    "pad",
    "repeat",
    "repeat_interleave",
    "roll",
    "rot90",
    "tile",
    "unfold",
]


def flip(x: Any, *dims: Any, axis: int | Sequence[int] | None = None) -> Any:
    """The elements in reverse order along ``dims`` (default: all), copied."""
    given = _lengths(dims) if dims else axis
    if dims and axis is not None:
        raise TypeError(f"dims and axis are two names for one argument, got dims={dims} and axis={axis}")
    return _flip(x, dims=tuple(range(x.ndim)) if given is None else normalize_axis_tuple(given, x.ndim, "dims"))


@op(linear=True)
def _flip(x: Any, *, dims: tuple[int, ...]) -> Any:
    return np.array(np.flip(x, dims), like=like(x))


derivatives(_flip, lambda g, out, x, dims: _flip(g, dims=dims))


def fliplr(x: Any) -> Any:
    """The columns (dimension 1) in reverse order."""
    return flip(x, 1)


def flipud(x: Any) -> Any:
    """The rows (dimension 0) in reverse order."""
    return flip(x, 0)


def roll(x: Any, shifts: int | Sequence[int], dims: Any = None, *, axis: Any = None) -> Any:
    """Elements moved on by ``shifts`` along ``dims``, the last ones coming round to the front; None: flattened."""
    dims = axis if dims is None else dims
    if dims is not None and np.size(shifts) != np.size(dims):
        raise ShapeError(f"roll: shifts {shifts} and dims {dims} pair up, so that each dimension has its shift")
    if dims is None and np.size(shifts) != 1:
        raise ShapeError(f"roll: shifts {shifts} need their dims; without dims there is one shift of the flattened x")
    shift: Any = shifts if isinstance(shifts, int) else tuple(int(s) for s in shifts)
    return _roll(x, shifts=shift, dims=dims if dims is None or isinstance(dims, int) else tuple(dims))


@op(linear=True)
def _roll(x: Any, *, shifts: Any, dims: Any) -> Any:
    return np.roll(x, shifts, dims)


def _roll_back(g: Any, out: Any, x: Any, *, shifts: Any, dims: Any) -> Any:
    return _roll(g, shifts=-shifts if isinstance(shifts, int) else tuple(-s for s in shifts), dims=dims)


derivatives(_roll, _roll_back)


def rot90(x: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    """Turned by ``k`` quarter turns in the plane of two ``dims``, from the first towards the second."""
    if x.ndim < 2 or len(dims) != 2:
        raise ShapeError(f"rot90 turns a plane: two dims of {tuple(x.shape)}, got dims={dims}")
    i, j = normalize_axis_tuple(dims, x.ndim, "dims")
    if k % 4 == 0:
        return flip(x, ())
    if k % 4 == 2:
        return flip(x, (i, j))
    return transpose(flip(x, j), i, j) if k % 4 == 1 else flip(transpose(x, i, j), j)


def tile(x: Any, *dims: Any) -> Any:
    """``x`` side by side with itself, ``dims[i]`` times along dimension i; the shorter gets ones in front."""
    counts = tuple(int(n) for n in _lengths(dims))
    if counts and min(counts) < 0:
        raise ShapeError(f"tile: a count of copies is 0 or more, got {counts}")
    return _tile(x, counts=(1,) * (x.ndim - len(counts)) + counts)


@op(linear=True)
def _tile(x: Any, *, counts: tuple[int, ...]) -> Any:
    return np.tile(x, counts)


def _sum_of_copies(g: Any, out: Any, x: Any, *, counts: tuple[int, ...]) -> Any:
    shape = (1,) * (len(counts) - x.ndim) + tuple(x.shape)
    copies = g.reshape(tuple(chain.from_iterable(zip(counts, shape, strict=True))))
    return copies.sum(axis=tuple(range(0, 2 * len(counts), 2))).reshape(x.shape)


derivatives(_tile, _sum_of_copies)


def repeat(x: Any, *repeats: Any) -> Any:
    """PyTorch's ``repeat``: ``tile`` with a count for each dimension. NumPy's is ``repeat_interleave``."""
    counts = _lengths(repeats)
    if len(counts) < x.ndim:
        raise ShapeError(
            f"repeat of {tuple(x.shape)}: {len(counts)} counts for {x.ndim} dimensions; each needs one. "
            "NumPy's repeat is repeat_interleave here"
        )
    return tile(x, tuple(counts))


def repeat_interleave(x: Any, repeats: Any, dim: int | None = None) -> Any:
    """Each slice along ``dim`` (None: each element, flattened) ``repeats`` times: one number for all, or for each."""
    if dim is None:
        x, dim = reshape(x, -1), 0
    counts = integers(None, array_of(repeats).tolist(), "repeat_interleave").reshape(-1)  # their sum is a length
    total = x.shape[_dim(dim, x.ndim)]
    if len(counts) not in (1, total) or (counts.size and counts.min() < 0):
        raise ShapeError(
            f"repeat_interleave: repeats is one number or {total} of them, one for each of dim {dim}, none negative; "
            f"got {counts}"
        )
    return index_select(x, dim, np.repeat(np.arange(total), counts))


_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Any, pad: Sequence[int], mode: str = "constant", value: float = 0) -> Any:
    """``x`` with elements before and after: ``pad`` is (before, after) of the last dimension, then of the one before.

    ``mode``: "constant" writes ``value``, and negative numbers cut off; "reflect" mirrors without repeating the border;
    "replicate" repeats the border; "circular" goes round to the other end. This is PyTorch's ``F.pad`` for any dims.
    """
    widths = [int(n) for n in pad]
    if len(widths) % 2 or len(widths) > 2 * x.ndim:
        raise ShapeError(
            f"pad of {tuple(x.shape)}: (before, after) for at most {x.ndim} dimensions, last first, got {pad}"
        )
    pairs = [(0, 0)] * (x.ndim - len(widths) // 2) + list(zip(widths[-2::-2], widths[::-2], strict=True))
    for n, (before, after) in zip(x.shape, pairs, strict=True):
        if n + before + after < 0 or max(-before, -after) > n:
            raise ShapeError(f"pad of {tuple(x.shape)} by {pad} cuts off more than there is")
    if mode == "constant":
        return _pad(x, widths=tuple(pairs), value=value)
    if mode not in _MODES:
        raise ShapeError(f"pad: the mode is constant, reflect, replicate or circular, got {mode!r}")
    for dim, (n, (before, after)) in enumerate(zip(x.shape, pairs, strict=True)):
        if (before, after) == (0, 0):
            continue
        most = {"reflect": n - 1, "circular": n, "replicate": max(before, after) if n else 0}[mode]
        if not (0 <= before <= most and 0 <= after <= most):
            raise ShapeError(f"pad: {mode} adds 0 to {most} elements to a length of {n}, got {before} and {after}")
        x = index_select(x, dim, np.pad(np.arange(n), (before, after), _MODES[mode]))  # type: ignore[call-overload]
    return x if any(chain(*pairs)) else flip(x, ())


@op(linear=True)
def _pad(x: Any, *, widths: tuple[tuple[int, int], ...], value: float) -> Any:
    out = full(x, [n + a + b for n, (a, b) in zip(x.shape, widths, strict=True)], value, x.dtype)
    to = tuple(slice(max(a, 0), m - max(b, 0)) for m, (a, b) in zip(out.shape, widths, strict=True))
    out[to] = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, widths, strict=True))]
    return out


derivatives(_pad, lambda g, out, x, widths, value: _pad(g, widths=tuple((-a, -b) for a, b in widths), value=0))


def unfold(x: Any, dimension: int, size: int, step: int) -> Any:
    """Windows of ``size`` elements, ``step`` apart, along ``dimension``; a new last dimension runs inside the window.

    They share memory. PyTorch's Tensor.unfold; its functional.unfold cuts images into patches.
    """
    at = _dim(dimension, x.ndim)
    if step < 1 or not 0 <= size <= x.shape[at]:
        raise ShapeError(f"unfold: windows of {size}, {step} apart, do not fit a length of {x.shape[at]}")
    return _unfold(x, dim=at, size=size, step=step)


@op(linear=True, view=True)
def _unfold(x: Any, *, dim: int, size: int, step: int) -> Any:
    windows = np.moveaxis(x, dim, -1)
    *shape, n = windows.shape
    *strides, s = windows.strides
    count = (n - size) // step + 1
    out = strided(windows, (*shape, count, size), (*strides, s * step, s))
    return np.moveaxis(out, -2, dim)


@op(linear=True)
def _fold(g: Any, *, dim: int, size: int, step: int, total: int) -> Any:
    """Zeros with every window added where it came from."""
    windows = np.moveaxis(g, dim, -2)
    count = windows.shape[-2]
    out = np.zeros((*windows.shape[:-2], total), g.dtype, like=like(g))
    for i in range(size):
        out[..., i : i + (count - 1) * step + 1 : step] += windows[..., i]
    return np.moveaxis(out, -1, dim)


derivatives(
    _unfold,
    lambda g, out, x, dim, size, step: _fold(g, dim=dim, size=size, step=step, total=x.shape[dim]),
)
derivatives(_fold, lambda g, out, x, dim, size, step, total: _unfold(g, dim=dim, size=size, step=step))


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """The coordinates of all points of a grid: one result for each vector. "xy" is NumPy's default."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if indexing not in ("ij", "xy"):
        raise ShapeError(f'meshgrid: indexing is "ij" or "xy", got {indexing!r}')
    if any(x.ndim > 1 for x in given):
        raise ShapeError(f"meshgrid takes vectors, got shapes {', '.join(str(tuple(x.shape)) for x in given)}")
    vectors = [reshape(x, -1) for x in given]
    shape = tuple(x.shape[0] for x in vectors)
    out = [
        expand(reshape(x, tuple(x.shape[0] if d == i else 1 for d in range(len(shape)))), shape)
        for i, x in enumerate(vectors)
    ]
    return tuple(transpose(x, 0, 1) if indexing == "xy" and len(shape) > 1 else x for x in out)


def cartesian_prod(*tensors: Any) -> Any:
    """All combinations of the elements of vectors, one a row, the last running fastest. One vector stays as it is."""
    if any(x.ndim != 1 for x in tensors):
        shapes = ", ".join(str(tuple(x.shape)) for x in tensors)
        raise ShapeError(f"cartesian_prod is of vectors, got shapes {shapes}; reshape(-1) makes one")
    grid = meshgrid(*tensors)
    return grid[0] if len(grid) == 1 else stack([reshape(x, -1) for x in grid], 1)
