"""Lengths and angles: cosine similarity, distances, vectors of length 1, and products of two vectors with a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import expand, maximum, sum
from ...ops.norms import vector_norm

__all__ = ["bilinear", "cosine_similarity", "normalize", "pairwise_distance"]


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """``x1 . x2 / (max(|x1|, eps) max(|x2|, eps))`` along ``dim``, the cosine of the angle; the shapes broadcast."""
    shape = np.broadcast_shapes(tuple(x1.shape), tuple(x2.shape))
    x1, x2 = expand(x1, shape), expand(x2, shape)
    return sum(normalize(x1, 2, dim, eps) * normalize(x2, 2, dim, eps), dim)


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """``|x1 - x2 + eps|_p`` along the last dimension: (N, D) and (N, D) -> (N,), or (D,) for one of them."""
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)


def normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    """``x / max(|x|_p, eps)`` along ``dim``: of length 1, unless nearly 0."""
    return x / maximum(vector_norm(x, p, dim, True), eps)


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
