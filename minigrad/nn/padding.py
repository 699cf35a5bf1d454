"""What ``functional.pad`` adds around the last dimensions, as layers, and distances between vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import functional as F
from .module import Module


class _Pad(Module):
    dims: int
    mode = "constant"

    def __init__(self, padding: int | Sequence[int]) -> None:
        each = (padding,) * (2 * self.dims) if isinstance(padding, int) else tuple(padding)
        if len(each) != 2 * self.dims:
            raise ValueError(f"{type(self).__name__} takes a number or {2 * self.dims} of them, got {padding}")
        self.padding = each

    def forward(self, x: Any) -> Any:
        """(..., L) or (..., H, W), longer on all sides."""
        return F.pad(x, self.padding, self.mode)

    def extra_repr(self) -> str:
        """How many elements: before and after, last dimension first."""
        return f"{self.padding}"


class ConstantPad1d(_Pad):
    """``value`` before and after the last dimension; negative numbers cut off."""

    dims = 1

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, x: Any) -> Any:
        """Longer by the padding."""
        return F.pad(x, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """How many elements: before and after, last dimension first; and which."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(ConstantPad1d):
    """``value`` around the last two dimensions: (left, right, top, bottom); negative numbers cut off."""

    dims = 2


class ZeroPad1d(_Pad):
    """Zeros before and after the last dimension; negative numbers cut off."""

    dims = 1


class ZeroPad2d(_Pad):
    """Zeros around the last two dimensions: (left, right, top, bottom); negative numbers cut off."""

    dims = 2


class ReflectionPad1d(_Pad):
    """The last dimension mirrored at both ends, without repeating the border."""

    dims, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The last two dimensions mirrored at their ends, without repeating the border."""

    dims, mode = 2, "reflect"


class ReplicationPad1d(_Pad):
    """The border of the last dimension repeated."""

    dims, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The border of the last two dimensions repeated."""

    dims, mode = 2, "replicate"


class CircularPad1d(_Pad):
    """Beyond one end of the last dimension comes the other."""

    dims, mode = 1, "circular"


class CircularPad2d(_Pad):
    """Beyond one end of each of the last two dimensions comes the other."""

    dims, mode = 2, "circular"


class CosineSimilarity(Module):
    """``functional.cosine_similarity`` along ``dim``."""

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        self.dim, self.eps = dim, eps

    def forward(self, x1: Any, x2: Any) -> Any:
        """Two of one shape -> that shape without ``dim``."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """``functional.pairwise_distance`` along the last dimension."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Any, x2: Any) -> Any:
        """(N, D) and (N, D) -> (N,)."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
