"""Functions given by their values at points: derivatives by differences, integrals by trapezoids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index as _dim
from numpy.lib.array_utils import normalize_axis_tuple

from .cumulative import cumsum, diff
from .elementary import floating
from .joining import cat, narrow
from .placement import beside, full
from .reductions import _one, sum
from .shape import reshape

__all__ = ["cumulative_trapezoid", "gradient", "trapezoid", "trapz"]


def trapezoid(
    y: Any, x: Any = None, *, dx: float | None = None, dim: int | None = None, axis: int | None = None
) -> Any:
    """``sum (y[i] + y[i + 1]) / 2 (x[i + 1] - x[i])`` along ``dim``, the last by default: the integral of y.

    The points ``x`` are a vector or broadcast with y; without them they are ``dx`` (1) apart.
    """
    areas, at = _areas(y, x, dx, _one(dim, axis), "trapezoid")
    return sum(areas, at)


def trapz(y: Any, x: Any = None, *, dx: float | None = None, dim: int | None = None, axis: int | None = None) -> Any:
    """``trapezoid``, the older name."""
    return trapezoid(y, x, dx=dx, dim=dim, axis=axis)


def cumulative_trapezoid(
    y: Any, x: Any = None, *, dx: float | None = None, dim: int | None = None, axis: int | None = None
) -> Any:
    """The integrals from the first point to the second, to the third ...: as ``trapezoid``, one element less than y."""
    areas, at = _areas(y, x, dx, _one(dim, axis), "cumulative_trapezoid")
    return cumsum(areas, at)


def _areas(y: Any, x: Any, dx: float | None, dim: int | None, name: str) -> tuple[Any, int]:
    """The trapezoids between neighbours, and the dimension that they lie along, counted from the last: -1, -2 ..."""
    if x is not None and dx is not None:
        raise TypeError(f"{name} takes the points x or their distance dx, got both")
    if not y.ndim:
        raise ValueError(f"{name} is along a dimension, and a Tensor without dimensions has none")
    y, at = floating(y), _dim(-1 if dim is None else dim, y.ndim) - y.ndim
    n = y.shape[at]
    heights = (narrow(y, at, 0, max(n - 1, 0)) + narrow(y, at, min(n, 1), max(n - 1, 0))) / 2
    if x is None:
        return heights * (1 if dx is None else dx), at
    x = x if hasattr(x, "ndim") else beside(y, x)
    if x.ndim == 1:
        x = reshape(x, (-1,) + (1,) * (-1 - at))
    elif x.ndim < y.ndim:
        x = reshape(x, (1,) * (y.ndim - x.ndim) + tuple(x.shape))
    if x.shape[at] != n:
        raise ValueError(f"{name}: {n} values along dim {dim} have {x.shape[at]} points")
    return heights * diff(x, dim=at), at


def gradient(
    x: Any, *, spacing: Any = 1, dim: int | Sequence[int] | None = None, axis: Any = None, edge_order: int = 1
) -> tuple[Any, ...]:
    """Derivatives along each of ``dim`` (None: all), from the values ``x``, in the shape of x: a tuple.

    Inside by the parabola through three neighbours, at the ends by the line through two (``edge_order`` 1) or that
    parabola (2). ``spacing``: the distance of neighbours, or for each dimension that or the vector of the points.
    """
    dim = _one(dim, axis)
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order is 1 or 2, got {edge_order!r}")
    x = floating(x)
    dims = tuple(range(x.ndim)) if dim is None else normalize_axis_tuple(dim, x.ndim, "dim")
    one_for_all = isinstance(spacing, (int, float, np.generic))
    each = [spacing] * len(dims) if one_for_all else list(spacing)
    if len(each) != len(dims):
        raise ValueError(
            f"gradient along {len(dims)} dimensions needs as many spacings, or one number, got {len(each)}"
        )
    return tuple(_derivative(x, d, points, edge_order) for d, points in zip(dims, each, strict=True))


def _derivative(x: Any, dim: int, points: Any, edge_order: int) -> Any:
    n = x.shape[dim]
    if n < edge_order + 1:
        raise ValueError(f"gradient along dim {dim} with edge_order={edge_order} needs more than {n} values")
    column = (1,) * dim + (-1,) + (1,) * (x.ndim - 1 - dim)
    if not isinstance(points, (int, float, np.generic)):
        points = points if hasattr(points, "ndim") else beside(x, points, x.dtype)
        if tuple(points.shape) != (n,):
            raise ValueError(f"gradient: {n} values along dim {dim} have points of shape {tuple(points.shape)}")
        widths = reshape(diff(points), column)
        slopes = diff(x, dim=dim) / widths
    else:
        widths = full(x, (n - 1,), 1, x.dtype).reshape(column)
        slopes = diff(x, dim=dim) / points

    def ends(i: int, j: int) -> Any:
        """The derivative at the end beside slope i, whose neighbour is slope j."""
        here, next_ = narrow(slopes, dim, i, 1), narrow(slopes, dim, j, 1)
        width, after = narrow(widths, dim, i, 1), narrow(widths, dim, j, 1)
        return here if edge_order == 1 else here + (here - next_) * (width / (width + after))

    left, right = (narrow(slopes, dim, i, n - 2) for i in (0, 1))
    before, after = (narrow(widths, dim, i, n - 2) for i in (0, 1))
    inside = left * (after / (before + after)) + right * (before / (before + after))
    return cat([ends(0, min(1, n - 2)), inside, ends(n - 2, max(n - 3, 0))], dim)
