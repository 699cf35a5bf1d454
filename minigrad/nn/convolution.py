"""Convolutions as layers. PyTorch's names, defaults and layout.

``padding_mode``: what stands beyond the border, "zeros", or what ``functional.pad`` makes of the input.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..random import Generator
from . import functional as F
from . import init
from .module import Module, Parameter

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    """weight (out, in / groups, *kernel), transposed (in, out / groups, *kernel); bias (out).

    Both start from U(-b, b), b = 1/sqrt(weight's second length times the kernel's elements), drawn from ``generator``.
    """

    dims: int
    transposed = False

    def _make(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        dtype: Any,
        generator: Generator | None,
    ) -> None:
        modes = ("zeros",) if self.transposed else PADDING_MODES
        if padding_mode not in modes:
            raise ValueError(f"{type(self).__name__}: padding_mode is one of {', '.join(modes)}, got {padding_mode!r}")
        self.padding_mode = padding_mode
        if min(in_channels, out_channels, groups) < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{type(self).__name__}: groups must divide the channels, got {in_channels} -> {out_channels} channels "
                f"in {groups} groups"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = self._each(kernel_size), self._each(stride)
        self.padding = padding if isinstance(padding, str) else self._each(padding)
        self.dilation = self._each(dilation)
        channels = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(np.empty((channels[0], channels[1] // groups, *self.kernel_size), dtype))
        self.bias: Parameter | None
        self.register_parameter("bias", Parameter(np.empty(out_channels, dtype)) if bias else None)
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw weight and bias anew."""
        bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound, generator)

    def _each(self, value: Any) -> tuple[int, ...]:
        return tuple(value) if isinstance(value, (tuple, list)) else (value,) * self.dims

    def extra_repr(self) -> str:
        """Channels, and the settings that are not as usual."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        usual = {"padding": 0, "dilation": 1, "output_padding": 0}
        for name, value in usual.items():
            given = getattr(self, name, self._each(value))
            text += f", {name}={given}" if given != self._each(value) else ""
        text += f", groups={self.groups}" if self.groups != 1 else ""
        text += "" if self.bias is not None else ", bias=False"
        return text if self.padding_mode == "zeros" else f"{text}, padding_mode={self.padding_mode}"


class _Conv(_Convolution):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: Any = np.float32,
        generator: Generator | None = None,
    ) -> None:
        settings = kernel_size, stride, padding, dilation, groups, bias, padding_mode, dtype, generator
        self._make(in_channels, out_channels, *settings)

    def _padded(self, x: Any) -> tuple[Any, Any]:
        """The input, and how much of zeros is still to be added: other paddings are there already."""
        if self.padding_mode == "zeros":
            return x, self.padding
        each = self._each(0 if self.padding == "valid" else self.padding)
        sides = [(n, n) for n in each]
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            sides = [(n // 2, n - n // 2) for n in totals]
        return F.pad(x, [n for pair in reversed(sides) for n in pair], self.padding_mode), 0


class Conv1d(_Conv):
    """``functional.conv1d`` with weight (out_channels, in_channels / groups, k) and bias (out_channels).

    Both start from U(-b, b) with b = 1/sqrt(in_channels / groups k), drawn from ``generator``.
    """

    dims = 1

    def forward(self, x: Any) -> Any:
        """(N, C, L) -> (N, out_channels, L')."""
        x, padding = self._padded(x)
        return F.conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """``functional.conv2d`` with weight (out_channels, in_channels / groups, kh, kw) and bias (out_channels).

    Both start from U(-b, b) with b = 1/sqrt(in_channels / groups kh kw), drawn from ``generator``.
    """

    dims = 2

    def forward(self, x: Any) -> Any:
        """(N, C, H, W) -> (N, out_channels, H', W')."""
        x, padding = self._padded(x)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _ConvTranspose(_Convolution):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        *,
        dtype: Any = np.float32,
        generator: Generator | None = None,
    ) -> None:
        self.output_padding = self._each(output_padding)
        settings = kernel_size, stride, padding, dilation, groups, bias, padding_mode, dtype, generator
        self._make(in_channels, out_channels, *settings)

    def _settings(self) -> tuple[Any, ...]:
        return self.stride, self.padding, self.output_padding, self.groups, self.dilation


class ConvTranspose1d(_ConvTranspose):
    """``functional.conv_transpose1d`` with weight (in_channels, out_channels / groups, k) and bias (out_channels).

    Both start from U(-b, b) with b = 1/sqrt(out_channels / groups k), drawn from ``generator``.
    """

    dims = 1

    def forward(self, x: Any) -> Any:
        """(N, C, L) -> (N, out_channels, L')."""
        return F.conv_transpose1d(x, self.weight, self.bias, *self._settings())


class ConvTranspose2d(_ConvTranspose):
    """``functional.conv_transpose2d`` with weight (in_channels, out_channels / groups, kh, kw), bias (out_channels).

    Both start from U(-b, b) with b = 1/sqrt(out_channels / groups kh kw), drawn from ``generator``.
    """

    dims = 2

    def forward(self, x: Any) -> Any:
        """(N, C, H, W) -> (N, out_channels, H', W')."""
        return F.conv_transpose2d(x, self.weight, self.bias, *self._settings())
