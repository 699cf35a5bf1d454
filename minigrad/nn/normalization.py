"""Normalisation as layers: scale and shift, and the statistics that batch normalisation keeps for use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engine import Tensor
from ..recording import no_grad
from . import functional as F
from .module import Module, Parameter


def _affine(module: Any, shape: Any, weight: bool, bias: bool | None, dtype: Any) -> None:
    """weight, 1, and bias, 0: parameters, or None. No bias at all if that is None."""
    module.register_parameter("weight", Parameter(np.ones(shape, dtype)) if weight else None)
    if bias is not None:
        module.register_parameter("bias", Parameter(np.zeros(shape, dtype)) if bias else None)


def _start(module: Any) -> None:
    for name, value in (("weight", 1.0), ("bias", 0.0)):
        parameter = getattr(module, name, None)
        if parameter is not None:
            with no_grad():
                parameter.fill_(value)


class _ByChannel(Module):
    """weight and bias (num_features), 1 and 0, if ``affine``; running statistics, 0 and 1, if they are tracked.

    Buffers: running_mean, running_var (num_features) and num_batches_tracked, an integer. ``momentum=None``: running
    statistics are the average over all batches so far.
    """

    dims: tuple[int, ...]  # how many the input may have
    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = np.float32,
        *,
        bias: bool = True,
    ) -> None:
        if num_features < 1:
            raise ValueError(f"{type(self).__name__} needs at least one feature, got {num_features}")
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        _affine(self, num_features, affine, affine and bias, dtype)
        tracked = track_running_stats
        self.running_mean: Any
        self.running_var: Any
        self.num_batches_tracked: Any
        self.register_buffer("running_mean", Tensor(np.zeros(num_features, dtype)) if tracked else None)
        self.register_buffer("running_var", Tensor(np.ones(num_features, dtype)) if tracked else None)
        self.register_buffer("num_batches_tracked", Tensor(0) if tracked else None)

    def reset_running_stats(self) -> None:
        """Start the running statistics anew."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Start anew: weight 1, bias 0, and the running statistics."""
        self.reset_running_stats()
        _start(self)

    def _require(self, x: Any) -> None:
        if x.ndim not in self.dims:
            wanted = " or ".join(map(str, self.dims))
            raise ValueError(f"{type(self).__name__} takes inputs of {wanted} dimensions, got {tuple(x.shape)}")

    def extra_repr(self) -> str:
        """The settings."""
        settings = f"eps={self.eps}, momentum={self.momentum}, affine={self.affine}, bias={self.bias is not None}"
        return f"{self.num_features}, {settings}, track_running_stats={self.track_running_stats}"


class _BatchNorm(_ByChannel):
    def forward(self, x: Any) -> Any:
        """The input's shape; see ``functional.batch_norm``."""
        self._require(x)
        moved = self.training and self.running_mean is not None
        momentum = 0.0 if self.momentum is None else self.momentum
        if moved:
            with no_grad():
                self.num_batches_tracked += 1
            momentum = 1 / self.num_batches_tracked._data if self.momentum is None else momentum
        running = self.running_mean, self.running_var
        return F.batch_norm(
            x, *running, self.weight, self.bias, self.training or running[0] is None, momentum, self.eps
        )


class BatchNorm1d(_BatchNorm):
    """``functional.batch_norm`` of (N, C) or (N, C, L): by the batch while training, by running statistics in use."""

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """``functional.batch_norm`` of (N, C, H, W): by the batch while training, by running statistics in use."""

    dims = (4,)


class _InstanceNorm(_ByChannel):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: Any = np.float32,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias=bias)

    def forward(self, x: Any) -> Any:
        """The input's shape; see ``functional.instance_norm``. Without N too."""
        self._require(x)
        single = x.ndim == min(self.dims)
        own = self.training or not self.track_running_stats
        settings = self.running_mean, self.running_var, self.weight, self.bias, own, self.momentum, self.eps
        out = F.instance_norm(x.reshape((1, *x.shape)) if single else x, *settings)  # type: ignore[arg-type]
        return out.reshape(x.shape) if single else out


class InstanceNorm1d(_InstanceNorm):
    """``functional.instance_norm`` of (N, C, L) or (C, L)."""

    dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """``functional.instance_norm`` of (N, C, H, W) or (C, H, W)."""

    dims = (3, 4)


class LayerNorm(Module):
    """``functional.layer_norm`` over the last dimensions, with weight 1 and bias 0 of their shape to start with."""

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = shape, eps, elementwise_affine
        _affine(self, shape, elementwise_affine, elementwise_affine and bias, dtype)

    def reset_parameters(self) -> None:
        """Start anew: weight 1, bias 0."""
        _start(self)

    def forward(self, x: Any) -> Any:
        """The input's shape."""
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        settings = f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        return f"{self.normalized_shape}, eps={self.eps}, {settings}"


class RMSNorm(Module):
    """``functional.rms_norm`` over the last dimensions, with weight 1 of their shape to start with."""

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps, self.elementwise_affine = shape, eps, elementwise_affine
        _affine(self, shape, elementwise_affine, None, dtype)

    def reset_parameters(self) -> None:
        """Start anew: weight 1."""
        _start(self)

    def forward(self, x: Any) -> Any:
        """The input's shape."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """``functional.group_norm`` of (N, C, ...), with weight 1 and bias 0 for each channel to start with."""

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: Any = np.float32,
        *,
        bias: bool = True,
    ) -> None:
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_groups} groups must divide {num_channels} channels")
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        _affine(self, num_channels, affine, affine and bias, dtype)

    def reset_parameters(self) -> None:
        """Start anew: weight 1, bias 0."""
        _start(self)

    def forward(self, x: Any) -> Any:
        """The input's shape."""
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        settings = f"eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"
        return f"{self.num_groups}, {self.num_channels}, {settings}"


class LocalResponseNorm(Module):
    """``functional.local_response_norm`` over neighbouring channels."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Any) -> Any:
        """The input's shape."""
        return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The settings."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
