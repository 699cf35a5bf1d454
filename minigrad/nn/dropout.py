"""Dropout as layers: they draw the masks, from a generator that can be given."""

from __future__ import annotations

from typing import Any

from .. import random
from ..device import device_of
from ..random import Generator
from . import functional as F
from .module import Module


class Dropout(Module):
    """While training: drop each element with probability ``p``, multiply the others by 1 / (1 - p). Else: nothing.

    The mask of each call is drawn from ``generator`` (``minigrad.random.default_generator`` if None).
    """

    def __init__(self, p: float = 0.5, generator: Generator | None = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout drops with a probability between 0 and 1, got p={p}")
        self.p, self.generator = p, generator

    def forward(self, x: Any) -> Any:
        """Element by element, each with a coin of its own."""
        mask = self.draw(x.shape, device_of(x))
        return x if mask is None else F.dropout(x, mask, self.p)

    def draw(self, shape: tuple[int, ...], device: Any = None) -> Any:
        """A mask for an input of this shape, on this device, None if nothing is to be dropped."""
        if not self.training or self.p == 0:
            return None
        return (self.generator or random.default_generator).bernoulli(1 - self.p, shape, device)

    def extra_repr(self) -> str:
        """The probability of dropping."""
        return f"p={self.p}"


class Dropout1d(Dropout):
    """As ``Dropout``, but whole channels of (N, C, L) or (C, L) at once: one coin for each (Tompson et al., 2015)."""

    channels_of: tuple[int, ...] = (2, 3)

    def forward(self, x: Any) -> Any:
        """Every channel with a coin of its own."""
        if x.ndim not in self.channels_of:
            wanted = " or ".join(map(str, self.channels_of))
            raise ValueError(f"{type(self).__name__} takes inputs of {wanted} dimensions, got {tuple(x.shape)}")
        kept = 1 if x.ndim == 2 else 2
        mask = self.draw((*x.shape[:kept], *[1] * (x.ndim - kept)), device_of(x))
        return x if mask is None else F.dropout(x, mask, self.p)


class Dropout2d(Dropout1d):
    """As ``Dropout``, but whole channels of (N, C, H, W), or (N, C, L), at once."""

    channels_of = (3, 4)
