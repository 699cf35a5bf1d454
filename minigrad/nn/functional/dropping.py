"""Dropout with the mask as an argument: the layers draw it (minigrad/nn/dropout.py)."""

from __future__ import annotations

from typing import Any

__all__ = ["dropout"]


def dropout(x: Any, mask: Any, p: float = 0.5) -> Any:
    """Inverted dropout (Srivastava et al., 2014): ``x mask / (1 - p)``, mask True where an element is kept.

    ``p`` is the probability of dropping. The mask is an argument: ``nn.Dropout`` draws it. One that broadcasts, such as
    (N, C, 1, 1) for (N, C, H, W), drops whole channels.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout drops with a probability between 0 and 1, got p={p}")
    return x * (mask * x.dtype.type(0 if p == 1 else 1 / (1 - p)))
