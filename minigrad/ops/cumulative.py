"""Running sums, products, extremes and differences along one dimension.

cumsum | cumsum from the other end. Products and log-sums are scans of a two-argument op, so that no derivative divides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index as _dim

from ..engine import derivatives, op
from .elementary import floating
from .indexing import found, take_along_dim
from .joining import cat, narrow
from .placement import array_of, full, like
from .reductions import Extremes
from .shape import expand, reshape
from .special import logaddexp

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "diff", "logcumsumexp"]


def _one_dim(x: Any, dim: int | None, axis: int | None, name: str) -> int:
    """The dimension, counted from 0; a number counts as a vector of one element."""
    if dim is not None and axis is not None:
        raise TypeError(f"dim and axis are two names for one argument, got dim={dim} and axis={axis}")
    if dim is None and axis is None:
        raise TypeError(f"{name} needs the dimension to run along: dim=0; flatten() first for all elements")
    return _dim(axis if dim is None else dim, x.ndim or 1)  # type: ignore[arg-type]


def cumsum(x: Any, dim: int | None = None, *, axis: int | None = None) -> Any:
    """``out[i] = x[0] + ... + x[i]`` along ``dim``."""
    return _cumsum(x, dim=_one_dim(x, dim, axis, "cumsum"))


@op(linear=True)
def _cumsum(x: Any, *, dim: int) -> Any:
    return np.cumsum(x if x.ndim else x.reshape(1), axis=dim).reshape(x.shape)


derivatives(_cumsum, lambda g, out, x, dim: _cumsum_from_the_end(g, dim=dim))  # type: ignore[has-type]


@op(linear=True)
def _cumsum_from_the_end(x: Any, *, dim: int) -> Any:
    """``out[i] = x[i] + ... + x[-1]`` along ``dim``."""
    return np.flip(np.cumsum(np.flip(x, dim), axis=dim), dim) if x.ndim else x


derivatives(_cumsum_from_the_end, lambda g, out, x, dim: _cumsum(g, dim=dim))


def cumprod(x: Any, dim: int | None = None, *, axis: int | None = None) -> Any:
    """``out[i] = x[0] ... x[i]`` along ``dim``; right also where elements are 0; see ``_scan`` for its cost."""
    at = _one_dim(x, dim, axis, "cumprod")
    if x.dtype.kind != "f":
        return _whole_cumprod(x, dim=at)
    with np.errstate(over="ignore", invalid="ignore"):
        return _scan(lambda a, b: a * b, x, at)


@op
def _whole_cumprod(x: Any, *, dim: int) -> Any:
    return np.cumprod(x if x.ndim else x.reshape(1), axis=dim).reshape(x.shape)


def logcumsumexp(x: Any, dim: int | None = None, *, axis: int | None = None) -> Any:
    """``out[i] = log(exp x[0] + ... + exp x[i])`` along ``dim``, without overflow."""
    return _scan(logaddexp, floating(x), _one_dim(x, dim, axis, "logcumsumexp"))


def _scan(combine: Callable[[Any, Any], Any], x: Any, dim: int) -> Any:
    """``out[i] = combine(... combine(x[0], x[1]) ..., x[i])`` for an associative ``combine``.

    Hillis and Steele (1986): in round k each element takes in the one 2^k before it. These are log2(n) calls on the
    whole, whose derivatives of any order are those of ``combine``.
    """
    n, step = x.shape[dim] if x.ndim else 1, 1
    out = reshape(x, tuple(x.shape))
    while step < n:
        taken = combine(narrow(out, dim, 0, n - step), narrow(out, dim, step, n - step))
        out = cat([narrow(out, dim, 0, step), taken], dim)
        step *= 2
    return out


def cummax(x: Any, dim: int | None = None, *, axis: int | None = None) -> Extremes:
    """The largest element so far and its position, along ``dim``; of equal ones the last, which takes the gradient."""
    return _so_far(x, _one_dim(x, dim, axis, "cummax"), np.maximum)


def cummin(x: Any, dim: int | None = None, *, axis: int | None = None) -> Extremes:
    """The smallest element so far and its position, along ``dim``; of equal ones the last, which takes the gradient."""
    return _so_far(x, _one_dim(x, dim, axis, "cummin"), np.minimum)


def _so_far(x: Any, dim: int, extreme: Any) -> Extremes:
    if not x.ndim:
        return Extremes(reshape(x, ()), found(x, array=np.zeros((), np.int64, like=like(x))[()]))
    array = array_of(x)
    best = _accumulated(extreme, array, dim)
    position = np.arange(array.shape[dim], like=like(x)).reshape([-1 if d == dim else 1 for d in range(array.ndim)])
    at = _accumulated(np.maximum, np.where((array == best) | (array != array), position, 0), dim)
    return Extremes(take_along_dim(x, at, dim), found(x, array=at))


def _accumulated(extreme: Any, array: Any, dim: int) -> Any:
    """``extreme.accumulate``, or the scan that computes it where the array's library has only sums and products."""
    try:
        return extreme.accumulate(array, axis=dim)
    except NotImplementedError:
        return _scan(extreme, array, dim)


def diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, *, axis: int | None = None) -> Any:
    """Differences of neighbours along ``dim``, ``n`` times over, of ``x`` with ``prepend`` and ``append`` joined on."""
    if not x.ndim:
        raise ValueError("diff is of neighbours, and a Tensor without dimensions has none")
    at = _dim(dim if axis is None else axis, x.ndim)
    if n < 0:
        raise ValueError(f"diff is taken n >= 0 times, got {n}")
    if prepend is not None or append is not None:
        x = cat([_wide(e, x, at) for e in (prepend, x, append) if e is not None], at)
    for _ in range(min(n, x.shape[at])):
        last = x.shape[at] - 1
        before, after = narrow(x, at, 0, last), narrow(x, at, 1, last)
        x = after != before if x.dtype == np.bool_ else after - before
    return x


def _wide(edge: Any, x: Any, dim: int) -> Any:
    """A Python number as a slice of length 1."""
    if not hasattr(edge, "ndim"):
        return expand(full(x, (1,) * x.ndim, edge, x.dtype), (*x.shape[:dim], 1, *x.shape[dim + 1 :]))
    if edge.ndim != x.ndim:
        raise ValueError(
            f"diff: what is joined on to {tuple(x.shape)} needs as many dimensions, got {tuple(edge.shape)}"
        )
    return edge
