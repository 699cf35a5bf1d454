"""Other shapes for the same elements. All linear; each derivative is the mirror image of its op.

reshape | reshape, permute | inverse permute, expand | sum (done by the walk). All but ``contiguous`` share the memory
of their argument where NumPy can; joining.py cuts and joins, rearranging.py moves elements about.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index as _dim
from numpy.lib.array_utils import normalize_axis_tuple

from ..engine import derivatives, op
from ..errors import ShapeError
from .placement import like

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_tensors",
    "broadcast_to",
    "contiguous",
    "expand",
    "expand_as",
    "flatten",
    "moveaxis",
    "movedim",
    "permute",
    "ravel",
    "reshape",
    "reshape_as",
    "squeeze",
    "swapaxes",
    "swapdims",
    "t",
    "transpose",
    "unflatten",
    "unsqueeze",
    "view_as",
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
        raise ShapeError(f"flatten of {tuple(x.shape)}: start_dim {start_dim} comes after end_dim {end_dim}")
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
        raise ShapeError(f"expand of {tuple(x.shape)} to {lengths}: there must be a length for each dimension")
    kept = (-1,) * (len(lengths) - x.ndim) + tuple(x.shape)
    if -1 in (k for n, k in zip(lengths, kept, strict=True) if n == -1):
        raise ShapeError(f"expand of {tuple(x.shape)} to {lengths}: -1 keeps a length, and a new dimension has none")
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


def reshape_as(x: Any, other: Any) -> Any:
    """``x`` in the shape of ``other``."""
    return reshape(x, tuple(other.shape))


def view_as(x: Any, other: Any) -> Any:
    """``x`` in the shape of ``other``: PyTorch's other name for ``reshape_as``."""
    return reshape(x, tuple(other.shape))


def ravel(x: Any) -> Any:
    """All elements in one dimension, row by row."""
    return reshape(x, -1)


def unflatten(x: Any, dim: int, sizes: int | Sequence[int]) -> Any:
    """Dimension ``dim`` as several of lengths ``sizes``, one of which may be -1: the way back from ``flatten``."""
    at = _dim(dim, x.ndim)
    lengths: list[int] = [sizes] if isinstance(sizes, int) else list(sizes)
    known = math.prod(n for n in lengths if n != -1)
    if lengths.count(-1) == 1 and known and x.shape[at] % known == 0:
        lengths[lengths.index(-1)] = x.shape[at] // known
    if not lengths or min(lengths) < 0 or math.prod(lengths) != x.shape[at]:
        raise ShapeError(
            f"unflatten: dim {dim} has length {x.shape[at]}, which does not make {sizes}; the lengths multiply to it"
        )
    return reshape(x, (*x.shape[:at], *lengths, *x.shape[at + 1 :]))


def swapaxes(x: Any, axis0: int, axis1: int) -> Any:
    """Two dimensions exchanged: NumPy's name for ``transpose``."""
    return transpose(x, axis0, axis1)


def swapdims(x: Any, dim0: int, dim1: int) -> Any:
    """Two dimensions exchanged: another name for ``transpose``."""
    return transpose(x, dim0, dim1)


def t(x: Any) -> Any:
    """The transpose of a matrix; a vector or a number as it is."""
    if x.ndim > 2:
        raise ShapeError(f"t() is of at most two dimensions, this is {tuple(x.shape)}; mT transposes the last two")
    return transpose(x, 0, 1) if x.ndim == 2 else reshape(x, x.shape)


def movedim(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Dimensions ``source`` at the places ``destination``; the others stay in their order."""
    taken = normalize_axis_tuple(source, x.ndim, "source")
    places = normalize_axis_tuple(destination, x.ndim, "destination")
    if len(taken) != len(places):
        raise ShapeError(f"movedim: {len(taken)} dimensions for {len(places)} places; source and destination pair up")
    order = [d for d in range(x.ndim) if d not in taken]
    for place, d in sorted(zip(places, taken, strict=True)):
        order.insert(place, d)
    return permute(x, tuple(order))


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """NumPy's name for ``movedim``."""
    return movedim(x, source, destination)


def broadcast_to(x: Any, shape: Sequence[int]) -> Any:
    """``x`` repeated to ``shape`` by the rules of broadcasting, without copying."""
    return expand(x, tuple(shape))


def expand_as(x: Any, other: Any) -> Any:
    """``x`` repeated to the shape of ``other``, without copying."""
    return expand(x, tuple(other.shape))


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """All of them in the one shape that they broadcast to, without copying."""
    shapes = [tuple(x.shape) for x in tensors]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError(f"broadcast_tensors: the shapes {', '.join(map(str, shapes))} do not broadcast") from None
    return tuple(expand(x, shape) for x in tensors)


def contiguous(x: Any) -> Any:
    """``x`` itself if its elements lie row by row in memory, else a copy in which they do."""
    return x if getattr(x, "_data", x).flags.c_contiguous else _contiguous(x)


@op(linear=True)
def _contiguous(x: Any) -> Any:
    return np.array(x, order="C", like=like(x))


derivatives(_contiguous, lambda g, out, x: g)


def atleast_1d(*tensors: Any) -> Any:
    """A number as a vector of one element, others as they are. Several arguments give a tuple."""
    return _each(tensors, lambda x: x if x.ndim else reshape(x, 1))


def atleast_2d(*tensors: Any) -> Any:
    """A vector as a matrix of one row, others as they are. Several arguments give a tuple."""
    return _each(tensors, lambda x: x if x.ndim > 1 else reshape(x, (1, -1 if x.size else 0)))


def atleast_3d(*tensors: Any) -> Any:
    """(n,) as (1, n, 1) and (n, m) as (n, m, 1), as in NumPy. Several arguments give a tuple."""
    return _each(tensors, lambda x: x if x.ndim > 2 else unsqueeze(atleast_2d(x), -1))


def _each(tensors: tuple[Any, ...], function: Any) -> Any:
    """f(x) gives one, f(x, y) and f([x, y]) give a tuple."""
    if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
        return function(tensors[0])
    several = tensors[0] if len(tensors) == 1 else tensors
    return tuple(function(x) for x in several)


def _with(shape: tuple[int, ...], dim: int, length: int) -> tuple[int, ...]:
    return (*shape[:dim], length, *shape[dim + 1 :])


def _lengths(given: tuple[Any, ...]) -> tuple[int, ...]:
    """f(2, 3) and f((2, 3)) mean the same."""
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (list, tuple)) else given
