"""Lengths and angles: cosine similarity, distances, vectors of length 1, and products of two vectors with a tensor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...engine import derivatives, op
from ...ops import abs, amax, expand, maximum, sum, where

__all__ = ["bilinear", "cosine_similarity", "normalize", "pairwise_distance"]


def length(x: Any, p: float, dim: int, keepdim: bool = False) -> Any:
    """``(sum |x|^p)^(1/p)`` along a dimension, the largest |x| for p = inf; where it is 0, so is its gradient."""
    if p == math.inf:
        return amax(abs(x), dim, keepdim)
    if p == 1:
        return sum(abs(x), dim, keepdim)
    if not p > 0:
        raise ValueError(f"a norm of order p needs p > 0, got {p}")
    return _root(sum(x * x if p == 2 else abs(x) ** p, dim, keepdim), power=1 / p)


@op
def _root(x: Any, *, power: float) -> Any:
    return np.sqrt(x) if power == 0.5 else x**power


derivatives(
    _root,
    lambda g, out, x, power: g * power * where(x == 0, 0, where(x == 0, 1, out) / where(x == 0, 1, x)),
)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """``x1 . x2 / (max(|x1|, eps) max(|x2|, eps))`` along ``dim``, the cosine of the angle; the shapes broadcast."""
    shape = np.broadcast_shapes(tuple(x1.shape), tuple(x2.shape))
    x1, x2 = expand(x1, shape), expand(x2, shape)
    return sum(x1 * x2, dim) / (maximum(length(x1, 2, dim), eps) * maximum(length(x2, 2, dim), eps))


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """``|x1 - x2 + eps|_p`` along the last dimension: (N, D) and (N, D) -> (N,), or (D,) for one of them."""
    return length(x1 - x2 + eps, p, -1, keepdim)


def normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """``x / max(|x|_p, eps)`` along ``dim``: of length 1, unless nearly 0."""
    return x / maximum(length(x, p, dim, True), eps)


def bilinear(x1: Any, x2: Any, weight: Any, bias: Any = None) -> Any:
    """``x1 W_o x2 + b_o``: (..., n), (..., k), weight (out, n, k), bias (out,) or None -> (..., out)."""
    fits = weight.ndim == 3 and (x1.shape[-1:], x2.shape[-1:]) == (weight.shape[1:2], weight.shape[2:])
    if not fits or x1.shape[:-1] != x2.shape[:-1]:
        raise ValueError(
            f"bilinear: inputs of shape {tuple(x1.shape)} and {tuple(x2.shape)} and a weight {tuple(weight.shape)}; "
            "(..., n) and (..., k) need the weight (out, n, k)"
        )
    if bias is not None and tuple(bias.shape) != weight.shape[:1]:
        raise ValueError(f"bilinear: the bias needs shape {tuple(weight.shape[:1])}, got {tuple(bias.shape)}")
    products = x1.reshape((*x1.shape, 1)) * x2.reshape((*x2.shape[:-1], 1, x2.shape[-1]))
    count = weight.shape[1] * weight.shape[2]
    rows = products.reshape((*x1.shape[:-1], count)) @ weight.reshape((weight.shape[0], count)).T
    return rows if bias is None else rows + bias
