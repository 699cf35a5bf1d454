"""Layers: parameters and settings around the formulas of functional.py. PyTorch's names, defaults and layout."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from .. import random
from ..random import Generator
from . import functional as F
from . import init
from .module import Module, Parameter


class Linear(Module):
    """``y = x W^T + b``: weight (out_features, in_features), bias (out_features).

    Both start from U(-1/sqrt(in), 1/sqrt(in)), drawn from ``generator``.
    """

    memory_order: Literal["C", "F"] = "F"

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        dtype: Any = np.float32,
        generator: Generator | None = None,
    ) -> None:
        if min(in_features, out_features) < 1:
            raise ValueError(f"Linear needs sizes of at least 1, got {in_features} -> {out_features}")
        self.in_features, self.out_features = in_features, out_features
        bound = 1 / math.sqrt(in_features)
        # Stored by inputs, so that what an input of 0 would meet is skipped in one piece (minigrad/fused).
        self.weight = Parameter(np.empty((out_features, in_features), dtype, order=self.memory_order))
        init.uniform_(self.weight, -bound, bound, generator)
        self.bias = Parameter(np.empty(out_features, dtype)) if bias else None
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound, generator)

    def forward(self, x: Any) -> Any:
        """(..., in_features) -> (..., out_features)."""
        return F.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Maxout(Linear):
    """``y_u = max_i (x W^T + b)_(u pieces + i)``: the largest of ``pieces`` affine maps (Goodfellow et al., 2013).

    weight (units pieces, in_features), bias (units pieces): those of ``Linear(in_features, units * pieces)``.
    """

    memory_order = "C"  # by units: a unit that is dropped is skipped

    def __init__(
        self,
        in_features: int,
        units: int,
        pieces: int,
        dtype: Any = np.float32,
        generator: Generator | None = None,
    ) -> None:
        if min(units, pieces) < 1:
            raise ValueError(f"Maxout needs at least one unit and one piece, got {units} x {pieces}")
        super().__init__(in_features, units * pieces, dtype=dtype, generator=generator)
        self.units, self.pieces = units, pieces

    def forward(self, x: Any) -> Any:
        """(..., in_features) -> (..., units)."""
        return F.maxout(super().forward(x), self.pieces)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"in_features={self.in_features}, units={self.units}, pieces={self.pieces}"


class ReLU(Module):
    """``max(x, 0)``."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.relu(x)


class LeakyReLU(Module):
    """``x`` where x > 0, else ``negative_slope x``."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}"


class Sigmoid(Module):
    """``1 / (1 + e^-x)``."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.sigmoid(x)


class Tanh(Module):
    """Hyperbolic tangent."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.tanh(x)


class Softplus(Module):
    """``log(1 + e^x)``."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return F.softplus(x)


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
        mask = self.draw(x.shape)
        return x if mask is None else F.dropout(x, mask, self.p)

    def draw(self, shape: tuple[int, ...]) -> Any:
        """A mask for an input of this shape, None if nothing is to be dropped."""
        if not self.training or self.p == 0:
            return None
        return (self.generator or random.default_generator).bernoulli(1 - self.p, shape)

    def extra_repr(self) -> str:
        """The probability of dropping."""
        return f"p={self.p}"


class BCEWithLogitsLoss(Module):
    """``functional.binary_cross_entropy_with_logits`` with its settings fixed."""

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        self.weight, self.reduction, self.pos_weight = weight, reduction, pos_weight

    def forward(self, input: Any, target: Any) -> Any:
        """Logits and targets in [0, 1] of one shape -> a scalar, or that shape for reduction="none"."""
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)
