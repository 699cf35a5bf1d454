"""Losses that compare an input with a target of its shape. ``reduction`` is "mean", "sum" or "none"."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import kernels
from ...engine import derivatives, op
from ...ops import abs, clip, exp, log, maximum, softplus, where
from ...ops.placement import array_of, readable
from .reduction import fitting, raw, reduced

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "gaussian_nll_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
]


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """``(x - y)^2``, averaged. The shapes of x and y must be the same."""
    target = fitting("mean squared error", input, target)
    fused = kernels.loss("mse", input, target, reduction)
    return reduced((input - target) ** 2, reduction) if fused is None else fused


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """``|x - y|``, averaged; its derivative at 0 is 0."""
    return reduced(abs(input - fitting("absolute error", input, target)), reduction)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """``d^2 / (2 beta)`` where d = |x - y| < beta, else ``d - beta / 2`` (Girshick, 2015)."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta is a distance of at least 0, got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction)
    return reduced(_quadratic_then_linear("smooth_l1_loss", input, target, beta) / beta, reduction)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """``d^2 / 2`` where d = |x - y| <= delta, else ``delta (d - delta / 2)`` (Huber, 1964)."""
    if not delta > 0:
        raise ValueError(f"huber_loss: delta is a distance above 0, got {delta}")
    return reduced(_quadratic_then_linear("huber_loss", input, target, delta), reduction)


def _quadratic_then_linear(name: str, input: Any, target: Any, bound: float) -> Any:
    """Huber's function. The square is of what lies within the bound, so that no large difference overflows."""
    d = input - fitting(name, input, target)
    within = clip(d, -bound, bound)
    return within * (d - within / 2)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """``-(y log sigmoid(a) + (1 - y) log(1 - sigmoid(a)))`` for logits a and targets y in [0, 1], in nats.

    Computed as ``(1 - y) a + softplus(-a)``, which no logit makes overflow. ``pos_weight`` multiplies the first term,
    ``weight`` each element; ``reduction`` is "mean", "sum" or "none". The shapes of a and y must be the same.
    """
    target = fitting("binary cross entropy", input, target, "logits", "targets")
    if weight is None and pos_weight is None:
        fused = kernels.loss("bce", input, target, reduction)
        if fused is not None:
            return fused
    if pos_weight is None:
        loss = (1 - target) * input + softplus(-input)
    else:
        loss = (1 - target) * input + (1 + (pos_weight - 1) * target) * softplus(-input)
    return reduced(loss if weight is None else loss * weight, reduction)


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """``-(y log p + (1 - y) log(1 - p))`` for probabilities p and targets y in [0, 1], in nats.

    A logarithm is at least -100, and the derivative's denominator at least 1e-12, so that p = 0 and p = 1 have finite
    losses and gradients. From logits, ``binary_cross_entropy_with_logits`` needs neither.
    """
    target = fitting("binary_cross_entropy", input, target, "probabilities", "targets")
    values = raw(input)
    if readable(values) and not np.all((values >= 0) & (values <= 1)):
        raise ValueError(
            "binary_cross_entropy: the input must be probabilities between 0 and 1; for logits there is "
            "binary_cross_entropy_with_logits"
        )
    loss = _cross_entropies(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


@op
def _cross_entropies(p: Any, y: Any) -> Any:
    with np.errstate(divide="ignore"):
        return -(y * np.maximum(np.log(p), -100) + (1 - y) * np.maximum(np.log1p(-p), -100))


derivatives(
    _cross_entropies,
    lambda g, out, p, y: g * (p - y) / maximum(p * (1 - p), 1e-12),
    lambda g, out, p, y: g * (maximum(log(1 - p), -100) - maximum(log(p), -100)),
)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """``q (log q - x)`` for log-probabilities x and probabilities q, in nats; 0 where q is 0.

    ``log_target``: the target is log q. reduction="batchmean" is the sum by the length of the first dimension, which is
    the divergence's mean over a batch of distributions; "mean" divides by the number of elements.
    """
    target = fitting("kl_div", input, target)
    log_q = target if log_target else log(where(target > 0, target, 1))
    loss = (exp(target) if log_target else target) * (log_q - input)
    if reduction == "batchmean":
        return loss.sum() / (input.shape[0] if input.ndim else 1)
    return reduced(loss, reduction)


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """``(log v + (x - y)^2 / v) / 2`` for means x and variances v, where v is at least ``eps``.

    v has the shape of x, or 1 or nothing for its last dimension. The bound leaves gradients as they are. ``full`` adds
    the constant log(2 pi) / 2.
    """
    target = fitting("gaussian_nll_loss", input, target)
    if hasattr(var, "shape") and tuple(var.shape) != tuple(input.shape):
        if tuple(var.shape) == tuple(input.shape[:-1]):
            var = var.reshape((*var.shape, 1))
        elif tuple(var.shape) != (*input.shape[:-1], 1):
            raise ValueError(f"gaussian_nll_loss: input of shape {input.shape}, but variances of shape {var.shape}")
    values = array_of(var)
    if readable(values) and np.any(values < 0):
        raise ValueError("gaussian_nll_loss: a variance is negative")
    var = var + (np.maximum(values, eps) - values).astype(input.dtype)
    loss = (log(var) + (input - target) ** 2 / var) / 2
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Any:
    """``e^x - y x`` for counts y and logarithms x of their mean, or ``x - y log(x + eps)`` for means x.

    ``full`` adds Stirling's approximation of log y!, ``y log y - y + log(2 pi y) / 2``, where y > 1.
    """
    target = fitting("poisson_nll_loss", input, target)
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        y = where(target > 1, target, 1)
        loss = loss + where(target > 1, y * log(y) - y + 0.5 * log(2 * math.pi * y), 0)
    return reduced(loss, reduction)
