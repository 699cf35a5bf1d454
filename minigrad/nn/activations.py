"""Activations as layers."""

from __future__ import annotations

from typing import Any

from . import functional as F
from .module import Module


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
