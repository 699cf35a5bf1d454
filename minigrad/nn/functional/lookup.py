"""Vectors for numbers: rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine import Tensor, derivatives, op
from ...ops import getitem, where
from ...ops.norms import vector_norm
from ...ops.placement import array_of, beside, readable
from ...recording import no_grad
from .reduction import raw

__all__ = ["embedding"]


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
) -> Any:
    """``weight[input]``: integers of any shape and a table (count, D) -> (..., D).

    A number taken twice gives its row two gradients. The row ``padding_idx`` gets none; a negative one counts from the
    end. ``max_norm``: the rows taken are shortened to this norm of order ``norm_type`` before, in place.
    ``scale_grad_by_freq``: a row taken k times gets 1 / k of the sum of its gradients.
    """
    index = array_of(input)
    if index.dtype.kind not in "iu" or weight.ndim != 2:
        raise TypeError(
            f"embedding: needs integers and a table (count, D), got {index.dtype} and shape {tuple(weight.shape)}"
        )
    count = weight.shape[0]
    if readable(index) and np.any((index < 0) | (index >= count)):
        raise IndexError(f"embedding: a number is not among the table's rows, 0 to {count - 1}")
    index = beside(weight, index, copy=False)
    if max_norm is not None:
        _shorten(weight, index, max_norm, norm_type)
    rows = getitem(weight, index)
    if scale_grad_by_freq:
        taken = np.bincount(index.ravel(), minlength=count)[index][..., None]
        rows = _scaled_gradient(rows, (1 / taken).astype(weight.dtype))
    if padding_idx is None:
        return rows
    if not -count <= padding_idx < count:
        raise ValueError(f"embedding: padding_idx={padding_idx} is not among the table's rows, 0 to {count - 1}")
    return where((index == padding_idx % count)[..., None], raw(rows), rows)


def _shorten(weight: Any, index: Any, most: float, p: float) -> None:
    """Scale the rows taken whose norm is above ``most``, as PyTorch does: by most / (norm + 1e-7)."""
    values = raw(weight)
    taken = np.unique(index)
    norms = vector_norm(values[taken], p, 1)
    long, norms = taken[norms > most], norms[norms > most]
    if not len(long):
        return
    shorter = values[long] * (most / (norms + 1e-7)).astype(values.dtype)[:, None]
    if isinstance(weight, Tensor):
        with no_grad():
            weight[long] = shorter
    else:
        weight[long] = shorter


@op
def _scaled_gradient(x: Any, factor: Any) -> Any:
    """x itself; its gradient is multiplied by ``factor``."""
    return x.copy()


derivatives(_scaled_gradient, lambda g, out, x, factor: g * factor, None)
