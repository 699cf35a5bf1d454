"""Losses of classifiers: the negative logarithm of the right class's probability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops import log_softmax, squeeze, take_along_dim, where
from ...ops.placement import array_of, beside, readable
from .reduction import reduced

__all__ = ["cross_entropy", "nll_loss"]


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """``-log softmax(a)[y]`` in nats: logits a (N, C), (N, C, d1, ...) or (C,), and the numbers y of the right classes.

    y holds integers, (N,), (N, d1, ...) or (), or the probabilities of all classes in the shape of a. ``weight`` (C,)
    multiplies each class's losses, and "mean" divides by the weights of the right classes. Elements of class
    ``ignore_index`` do not count. ``label_smoothing`` e: probabilities (1 - e) y + e / C (Szegedy et al., 2016).
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing is between 0 and 1, got {label_smoothing}")
    dim = _class_dim("cross_entropy", input)
    log_p, classes = log_softmax(input, dim), input.shape[dim]
    w = _class_weights("cross_entropy", weight, input, dim)
    if np.dtype(target.dtype).kind == "f":
        if tuple(target.shape) != tuple(input.shape):
            raise ValueError(
                f"cross_entropy: logits of shape {tuple(input.shape)}, but probabilities of shape "
                f"{tuple(target.shape)}; targets that are class numbers must be integers"
            )
        p = target * (1 - label_smoothing) + label_smoothing / classes
        loss = -(log_p * p if w is None else log_p * p * w).sum(dim)
        return loss.sum() / (math.prod(input.shape) // classes) if reduction == "mean" else reduced(loss, reduction)
    loss, valid, count = _of_right_class("cross_entropy", log_p, target, w, ignore_index, dim)
    if label_smoothing:
        uniform = where(valid, -(log_p if w is None else log_p * w).sum(dim), 0) / classes
        loss = (1 - label_smoothing) * loss + label_smoothing * uniform
    return _mean_by(loss, count, reduction)


def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """``-x[y]`` for log-probabilities x and the numbers y of the right classes, as those of ``cross_entropy``."""
    dim = _class_dim("nll_loss", input)
    w = _class_weights("nll_loss", weight, input, dim)
    loss, _, count = _of_right_class("nll_loss", input, target, w, ignore_index, dim)
    return _mean_by(loss, count, reduction)


def _of_right_class(name: str, log_p: Any, target: Any, w: Any, ignore_index: int, dim: int) -> tuple[Any, Any, Any]:
    """The losses, where they count, and what "mean" divides their sum by."""
    y, wanted = array_of(target), (*log_p.shape[:dim], *log_p.shape[dim + 1 :])
    if y.dtype.kind not in "iu" or y.shape != wanted:
        raise ValueError(
            f"{name}: an input of shape {tuple(log_p.shape)} needs class numbers, integers of shape {wanted}, got "
            f"{y.dtype} of shape {y.shape}"
        )
    valid = y != ignore_index
    classes = log_p.shape[dim]
    if readable(y) and np.any(valid & ((y < 0) | (y >= classes))):
        wrong = y[valid & ((y < 0) | (y >= classes))]
        raise IndexError(f"{name}: class {wrong[0]} is not among {classes} classes, 0 to {classes - 1}")
    y = np.where(valid, y, 0)
    loss = -squeeze(take_along_dim(log_p, np.expand_dims(y, dim), dim), dim)
    weights = valid.astype(log_p.dtype) if w is None else np.where(valid, w.reshape(-1)[y], 0)
    return where(valid, loss * weights, 0), valid, weights.sum()


def _mean_by(loss: Any, count: Any, reduction: str) -> Any:
    if reduction != "mean":
        return reduced(loss, reduction)
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing counts: nan, as PyTorch
        return loss.sum() / count


def _class_dim(name: str, input: Any) -> int:
    if not input.ndim:
        raise ValueError(f"{name}: the input must be (C,), (N, C) or (N, C, d1, ...), got a number")
    return 1 if input.ndim > 1 else 0


def _class_weights(name: str, weight: Any, input: Any, dim: int) -> Any:
    """An array that broadcasts against the input, in its dtype; None if there are none."""
    if weight is None:
        return None
    w = beside(input, weight, input.dtype, copy=False)
    if w.shape != (input.shape[dim],):
        raise ValueError(f"{name}: weight has one number for each of {input.shape[dim]} classes, got {w.shape}")
    return w.reshape(-1, *[1] * (input.ndim - dim - 1))
