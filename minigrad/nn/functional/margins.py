"""Losses that ask for a margin: between scores, between distances, or between an example and the wrong side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import ShapeError
from ...ops import clip, logsigmoid, minimum, softplus, sqrt, sum, take_along_dim, where
from ...ops.placement import array_of, beside, like, readable
from .distances import pairwise_distance
from .reduction import fitting, raw, reduced

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """``log(1 + e^(-y x))`` for scores x and sides y, 1 or -1."""
    return reduced(softplus(-fitting("soft_margin_loss", input, target) * input), reduction)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """``-(y log sigmoid(x) + (1 - y) log sigmoid(-x))``, averaged over the classes, the last dimension."""
    target = fitting("multilabel_soft_margin_loss", input, target)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    return reduced((loss if weight is None else loss * weight).mean(-1), reduction)


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """``x`` where y = 1 and ``max(0, margin - x)`` where y = -1, for distances x."""
    y = raw(fitting("hinge_embedding_loss", input, target))
    return reduced(where(y == 1, input, clip(margin - input, min=0)), reduction)


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``max(0, -y (x1 - x2) + margin)``: y = 1 wants x1 to be the larger, y = -1 wants x2."""
    input2 = fitting("margin_ranking_loss", input1, input2, "input1", "input2")
    target = fitting("margin_ranking_loss", input1, target, "input1")
    return reduced(clip(-target * (input1 - input2) + margin, min=0), reduction)


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """``1 - cos`` where y = 1 and ``max(0, cos - margin)`` where y = -1: (N, D), (N, D) and y (N,), or without N."""
    input2 = fitting("cosine_embedding_loss", input1, input2, "input1", "input2")
    if input1.ndim not in (1, 2) or tuple(np.shape(raw(target))) != tuple(input1.shape[:-1]):
        raise ValueError(
            f"cosine_embedding_loss: inputs of shape {tuple(input1.shape)} need to be (N, D) or (D,), and a target of "
            f"shape {tuple(input1.shape[:-1])}, got {np.shape(raw(target))}"
        )
    tiny = 1e-12  # inside the root, so that vectors of zeros have a gradient
    squares = (sum(input1 * input1, -1) + tiny) * (sum(input2 * input2, -1) + tiny)
    cosine = sum(input1 * input2, -1) / sqrt(squares)
    return reduced(where(raw(target) == 1, 1 - cosine, clip(cosine - margin, min=0)), reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """``max(0, |a - p| - |a - n| + margin)`` of (N, D) or (D,): the positive nearer than the negative by a margin.

    ``swap``: the negative's distance is that from the positive, where that is smaller (Balntas et al., 2016).
    """
    for other, what in ((positive, "positive"), (negative, "negative")):
        fitting("triplet_margin_loss", anchor, other, "anchor", what)
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(clip(near - far + margin, min=0), reduction)


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """``triplet_margin_loss`` by any ``distance_function`` of two inputs; ``pairwise_distance`` unless given."""
    shapes = [tuple(x.shape) for x in (anchor, positive, negative)]
    if len({len(shape) for shape in shapes}) > 1:  # else (N, D) and (D,) would broadcast to N distances
        raise ShapeError(
            "triplet_margin_with_distance_loss: anchor, positive and negative need as many dimensions each, "
            f"but have the shapes {shapes[0]}, {shapes[1]} and {shapes[2]}"
        )
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(clip(near - far + margin, min=0), reduction)


def multilabel_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """``sum_(j, i) max(0, 1 - x[y_j] + x[i]) / C``: every right class above every other by 1, scores (N, C) or (C,).

    A target of that shape lists the right classes, up to the first -1; i runs over all others.
    """
    y = array_of(target)
    shape = tuple(input.shape)
    if input.ndim not in (1, 2) or y.shape != shape or y.dtype.kind not in "iu":
        raise ValueError(
            f"multilabel_margin_loss: scores (N, C) and integers of that shape, got {shape}, {y.dtype} of {y.shape}"
        )
    classes = shape[-1]
    if readable(y) and np.any((y < -1) | (y >= classes)):
        raise IndexError(f"multilabel_margin_loss: a class is not among {classes} classes, 0 to {classes - 1}, or -1")
    listed = np.cumprod(y >= 0, axis=-1).astype(bool)
    at = np.where(listed, y, 0)
    others = np.arange(classes, like=like(input))
    wrong = ~np.any((at[..., :, None] == others) & listed[..., :, None], axis=-2)  # (..., C): no right class
    right = take_along_dim(input, at, -1)
    terms = clip(1 - right.reshape((*shape, 1)) + input.reshape((*shape[:-1], 1, classes)), min=0)
    counted = listed[..., :, None] & wrong[..., None, :]
    return reduced(sum(where(counted, terms, 0), (-2, -1)) / classes, reduction)


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Any:
    """``sum_(i != y) max(0, margin - x[y] + x[i])^p / C`` of scores (N, C) or (C,), for the right classes y."""
    y = array_of(target)
    if p not in (1, 2) or input.ndim not in (1, 2) or y.shape != tuple(input.shape[:-1]) or y.dtype.kind not in "iu":
        raise ValueError(
            f"multi_margin_loss: scores (N, C) and integers (N,), with p 1 or 2; got {tuple(input.shape)}, "
            f"{y.dtype} of shape {y.shape}, p={p}"
        )
    right, classes = np.expand_dims(y, -1), input.shape[-1]
    if readable(y) and np.any((y < 0) | (y >= classes)):
        raise IndexError(f"multi_margin_loss: a class is not among {classes} classes, 0 to {classes - 1}")
    terms = clip(margin - take_along_dim(input, right, -1) + input, min=0)
    terms = terms if p == 1 else terms * terms
    if weight is not None:
        terms = terms * beside(input, weight, input.dtype, copy=False)[right]
    return reduced(sum(where(np.arange(classes, like=like(input)) == right, 0, terms), -1) / classes, reduction)
