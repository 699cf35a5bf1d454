"""The layers' formulas as functions: no state, no drawing of random numbers. PyTorch's names and argument order."""

from __future__ import annotations

from typing import Any

from .. import kernels
from ..ops import (
    leaky_relu,
    linear,
    log_softmax,
    logsigmoid,
    maxout,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
)
from ..ops.windows import fold, unfold

__all__ = [
    "binary_cross_entropy_with_logits",
    "dropout",
    "fold",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "maxout",
    "mse_loss",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
    "unfold",
]


def dropout(x: Any, mask: Any, p: float = 0.5) -> Any:
    """Inverted dropout (Srivastava et al., 2014): ``x mask / (1 - p)``, mask True where an element is kept.

    ``p`` is the probability of dropping. The mask is an argument: ``nn.Dropout`` draws it.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout drops with a probability between 0 and 1, got p={p}")
    return x * (mask * x.dtype.type(0 if p == 1 else 1 / (1 - p)))


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """``-(y log sigmoid(a) + (1 - y) log(1 - sigmoid(a)))`` for logits a and targets y in [0, 1], in nats.

    Computed as ``(1 - y) a + softplus(-a)``, which no logit makes overflow. ``pos_weight`` multiplies the first term,
    ``weight`` each element; ``reduction`` is "mean", "sum" or "none". The shapes of a and y must be the same.
    """
    if getattr(target, "shape", input.shape) != input.shape:
        raise ValueError(f"binary cross entropy: logits of shape {input.shape}, but targets of shape {target.shape}")
    if hasattr(target, "dtype") and target.dtype.kind in "iub":  # classes 0 and 1: float32 logits stay float32
        target = target.astype(input.dtype)
    if weight is None and pos_weight is None:
        fused = kernels.loss("bce", input, target, reduction)
        if fused is not None:
            return fused
    if pos_weight is None:
        loss = (1 - target) * input + softplus(-input)
    else:
        loss = (1 - target) * input + (1 + (pos_weight - 1) * target) * softplus(-input)
    return _reduce(loss if weight is None else loss * weight, reduction)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """``(x - y)^2``, averaged. The shapes of x and y must be the same."""
    if input.shape != target.shape:
        raise ValueError(f"mean squared error: input of shape {input.shape}, but target of shape {target.shape}")
    fused = kernels.loss("mse", input, target, reduction)
    return _reduce((input - target) ** 2, reduction) if fused is None else fused


def _reduce(loss: Any, reduction: str) -> Any:
    match reduction:
        case "mean":
            return loss.mean()
        case "sum":
            return loss.sum()
        case "none":
            return loss
    raise ValueError(f'reduction is "mean", "sum" or "none", got {reduction!r}')
