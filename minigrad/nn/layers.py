"""Affine layers and changes of shape: parameters and settings around the formulas of functional. PyTorch's layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from ..engine import Tensor
from ..ops import flatten, reshape
from ..random import Generator
from ..recording import no_grad
from . import functional as F
from . import init
from .module import Module, Parameter


def _draw(module: Module, fan_in: int, generator: Generator | None) -> None:
    """All parameters from U(-b, b), b = 1/sqrt(fan_in); zeros for a layer of no inputs."""
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound, generator)


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
        if min(in_features, out_features) < 0:
            raise ValueError(f"Linear needs sizes of at least 0, got {in_features} -> {out_features}")
        self.in_features, self.out_features = in_features, out_features
        # Stored by inputs, so that what an input of 0 would meet is skipped in one piece (minigrad/fused).
        self.weight = Parameter(np.empty((out_features, in_features), dtype, order=self.memory_order))
        self.bias: Parameter | None
        self.register_parameter("bias", Parameter(np.empty(out_features, dtype)) if bias else None)
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw weight and bias anew."""
        _draw(self, self.in_features, generator)

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


class Bilinear(Module):
    """``y_o = x1 W_o x2 + b_o``: weight (out_features, in1_features, in2_features), bias (out_features).

    Both start from U(-1/sqrt(in1), 1/sqrt(in1)), drawn from ``generator``.
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        dtype: Any = np.float32,
        generator: Generator | None = None,
    ) -> None:
        if min(in1_features, in2_features, out_features) < 1:
            raise ValueError(
                f"Bilinear needs sizes of at least 1, got {in1_features}, {in2_features} -> {out_features}"
            )
        self.in1_features, self.in2_features, self.out_features = in1_features, in2_features, out_features
        self.weight = Parameter(np.empty((out_features, in1_features, in2_features), dtype))
        self.bias: Parameter | None
        self.register_parameter("bias", Parameter(np.empty(out_features, dtype)) if bias else None)
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw weight and bias anew."""
        _draw(self, self.in1_features, generator)

    def forward(self, input1: Any, input2: Any) -> Any:
        """(..., in1_features) and (..., in2_features) -> (..., out_features)."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        sizes = f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}"
        return f"{sizes}, bias={self.bias is not None}"


class Embedding(Module):
    """A table of vectors: weight (num_embeddings, embedding_dim), from N(0, 1), drawn from ``generator``.

    The row ``padding_idx`` starts as zeros and gets no gradient. ``max_norm``: each call shortens, in place, the rows
    that it takes to this norm of order ``norm_type``. ``scale_grad_by_freq``: a row that is taken k times gets 1 / k of
    the sum of its gradients.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        dtype: Any = np.float32,
        generator: Generator | None = None,
    ) -> None:
        if min(num_embeddings, embedding_dim) < 1:
            raise ValueError(f"Embedding needs sizes of at least 1, got {num_embeddings} x {embedding_dim}")
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"padding_idx={padding_idx} is not among the rows, 0 to {num_embeddings - 1}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), dtype))
        self.reset_parameters(generator)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
    ) -> Any:
        """A copy of the table ``embeddings`` (count, D); ``freeze``: it requires no gradient."""
        table = embeddings if isinstance(embeddings, Tensor) else Tensor(embeddings)
        if table.ndim != 2:
            raise ValueError(f"from_pretrained takes a table (count, D), got the shape {table.shape}")
        count, width = table.shape
        made = cls(count, width, padding_idx, max_norm, norm_type, scale_grad_by_freq, table.dtype)
        made.weight = Parameter(table.detach(), requires_grad=not freeze)
        return made

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the table anew."""
        init.normal_(self.weight, generator=generator)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, input: Any) -> Any:
        """Integers of any shape -> (..., embedding_dim)."""
        settings = self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq
        return F.embedding(input, self.weight, *settings)

    def extra_repr(self) -> str:
        """The sizes."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, usual in (("padding_idx", None), ("max_norm", None), ("norm_type", 2), ("scale_grad_by_freq", False)):
            value = getattr(self, name)
            text += "" if value == usual else f", {name}={value}"
        return text


class Identity(Module):
    """What comes in. Takes any arguments, so that it can stand in the place of any Module."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        pass

    def forward(self, x: Any) -> Any:
        """The input itself."""
        return x


class Flatten(Module):
    """Dimensions start_dim to end_dim joined into one; the first, that of the batch, is kept unless told otherwise."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Any:
        """(N, C, H, W) -> (N, C H W)."""
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """The dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One dimension made into several, of the lengths ``unflattened_size``, one of which may be -1."""

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, x: Any) -> Any:
        """(N, C H W) -> (N, C, H, W)."""
        if not -x.ndim <= self.dim < x.ndim:
            raise IndexError(f"Unflatten of dimension {self.dim}: the input has the shape {tuple(x.shape)}")
        at = self.dim % x.ndim
        return reshape(x, (*x.shape[:at], *self.unflattened_size, *x.shape[at + 1 :]))

    def extra_repr(self) -> str:
        """The dimension and its new lengths."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
