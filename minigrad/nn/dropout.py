"""Dropout as layers: they draw the masks, from a generator that can be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..random import Generator
from . import functional as F
from .functional.dropping import draw_mask
from .module import Module


class Dropout(Module):
    """While training: drop each element with probability ``p``, multiply the others by 1 / (1 - p). Else: nothing.

    The mask of each call is drawn from ``generator`` (``minigrad.random.default_generator`` if None). ``inplace`` is
    taken for PyTorch's sake: the value is the same, and nothing is changed in place.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, generator: Generator | None = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout drops with a probability between 0 and 1, got p={p}")
        if not isinstance(inplace, bool):
            raise TypeError(f"{type(self).__name__}: inplace is True or False; write generator=... for a Generator")
        self.p, self.inplace, self.generator = p, inplace, generator

    def forward(self, x: Any) -> Any:
        """Element by element, each with a coin of its own."""
        return F.dropout(x, self.p, self.training, generator=self.generator)

    def draw(self, shape: tuple[int, ...]) -> Any:
        """A mask for an input of this shape, on the cpu; None if nothing is to be dropped."""
        return draw_mask(None, shape, self.p, self.training, self.generator)

    def extra_repr(self) -> str:
        """The probability of dropping."""
        return f"p={self.p}, inplace={self.inplace}"


class _Channels(Dropout):
    function: ClassVar[Callable[..., Any]]

    def forward(self, x: Any) -> Any:
        """Every channel with a coin of its own."""
        return type(self).function(x, self.p, self.training, generator=self.generator)


class Dropout1d(_Channels):
    """As ``Dropout``, but whole channels of (N, C, L) or (C, L) at once: one coin for each (Tompson et al., 2015)."""

    function = staticmethod(F.dropout1d)


class Dropout2d(_Channels):
    """As ``Dropout``, but whole channels of (N, C, H, W), or (N, C, L), at once."""

    function = staticmethod(F.dropout2d)


class AlphaDropout(_Channels):
    """While training: ``functional.alpha_dropout``, which keeps mean 0 and variance 1. Else: nothing."""

    function = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(_Channels):
    """As ``AlphaDropout``, but whole channels of (N, C, ...) at once."""

    function = staticmethod(F.feature_alpha_dropout)
