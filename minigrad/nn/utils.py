"""PyTorch's nn.utils: clipping between ``backward()`` and ``step()``, parameters as one vector, weights recomputed."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ..engine import Tensor
from ..ops import cat, reshape
from ..recording import no_grad
from . import weight_norm as _weights
from .weight_norm import *  # noqa: F403

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "get_total_norm",
    "parameters_to_vector",
    "vector_to_parameters",
]
__all__ += _weights.__all__


def _given(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    """The gradients that are there."""
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [p.grad for p in listed if p.grad is not None]


def get_total_norm(tensors: Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Tensor:
    """``(sum |x|^p)^(1/p)`` over all elements of all tensors, p = norm_type; the largest |x| for p = inf.

    A norm that is nan or infinite raises RuntimeError with ``error_if_nonfinite``.
    """
    p, arrays = float(norm_type), [t.detach().data for t in tensors]
    if not arrays:
        return Tensor(0.0)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if math.isinf(p):
            extreme = np.max if p > 0 else np.min
            total = extreme(np.stack([extreme(np.abs(a)) for a in arrays if a.size] or [np.float64(0)]))
        elif p == 0:
            total = sum(np.count_nonzero(a) for a in arrays)
        else:
            # each array's own norm first, as PyTorch rounds it
            norms = np.stack([np.sum(np.abs(a) ** p) ** (1 / p) for a in arrays])
            total = np.sum(norms**p) ** (1 / p)
    if error_if_nonfinite and not np.isfinite(total):
        raise RuntimeError(f"the gradients' total norm of order {p} is {total}; look for the first that is not finite")
    return Tensor(total, dtype=np.result_type(*(a.dtype for a in arrays)))


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients, in place, by ``max_norm / (total + 1e-6)`` if that is below 1; return the total norm.

    ``total``: get_total_norm of the gradients, as they were. On cuda this waits for it.
    """
    grads = _given(parameters)
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    factor = min(1.0, max_norm / (float(total) + 1e-6)) if not math.isnan(float(total)) else math.nan
    with no_grad(), np.errstate(invalid="ignore"):  # 0 times an infinite element
        for g in grads:
            g *= factor
    return total


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit every element of every gradient, in place, to [-clip_value, clip_value]."""
    limit = float(clip_value)
    with no_grad():
        for g in _given(parameters):
            g.copy_(g.detach().clip(-limit, limit))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters, one after another; gradients flow back."""
    parts = [reshape(p, -1) for p in parameters]
    if not parts:
        raise ValueError("parameters_to_vector: there are no parameters")
    joined: Tensor = cat(parts)
    return joined


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Overwrite the parameters with the elements of ``vec``, in the order of ``parameters_to_vector``."""
    listed = list(parameters)
    total = sum(p.numel() for p in listed)
    if tuple(vec.shape) != (total,):
        raise ValueError(f"vector_to_parameters: {total} elements are needed, the vector has shape {tuple(vec.shape)}")
    start = 0
    with no_grad():
        for p in listed:
            p.copy_(vec.detach()[start : start + p.numel()].reshape(p.shape))
            start += p.numel()
