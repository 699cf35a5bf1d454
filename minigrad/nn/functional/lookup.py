"""Vectors for numbers: rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import getitem, where
from ...ops.placement import array_of, beside, readable
from .reduction import raw

__all__ = ["embedding"]


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """``weight[input]``: integers of any shape and a table (count, D) -> (..., D).

    A number taken twice gives its row two gradients. The row ``padding_idx`` gets none; a negative one counts from the
    end.
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
    rows = getitem(weight, index)
    if padding_idx is None:
        return rows
    if not -count <= padding_idx < count:
        raise ValueError(f"embedding: padding_idx={padding_idx} is not among the table's rows, 0 to {count - 1}")
    return where((index == padding_idx % count)[..., None], raw(rows), rows)
