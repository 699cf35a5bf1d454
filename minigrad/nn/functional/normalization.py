"""Normalisation: elements moved and scaled to mean 0 and variance 1, over a batch, a layer, a group or an instance.

All are one op, ``(x - mean) / sqrt(var + eps)`` over different dimensions, then scaled and shifted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...engine import Tensor, derivatives, op
from ...ops import mean, reshape, sqrt, var
from ...ops.elementary import in_float32
from ...ops.placement import like
from ...recording import no_grad
from .reduction import raw

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]


def _standard(x: Any, dims: tuple[int, ...], eps: float) -> Any:
    """What all of them are made of; of float16 in float32, where its squares do not overflow."""
    if x.dtype == np.float16:
        return in_float32(_standardized, x, dims=dims, eps=eps)
    return _standardized(x, dims=dims, eps=eps)


@op
def _standardized(x: Any, *, dims: tuple[int, ...], eps: float) -> Any:
    """``(x - mean) / sqrt(var + eps)`` over ``dims``, with the variance that divides by the count."""
    if 0 in x.shape:
        return x.copy()
    centred = x - x.mean(axis=dims, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(axis=dims, keepdims=True) + eps)


def _standardized_derivative(g: Any, out: Any, x: Any, *, dims: tuple[int, ...], eps: float) -> Any:
    """``(g - mean g - out mean(g out)) / sqrt(var + eps)``: what the mean and the variance give away is taken back."""
    if 0 in x.shape:
        return g
    taken = mean(g, axis=dims, keepdim=True) + out * mean(g * out, axis=dims, keepdim=True)
    return (g - taken) / sqrt(var(x, axis=dims, correction=0, keepdim=True) + eps)


derivatives(_standardized, _standardized_derivative)


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """``(x - mean) / sqrt(var + eps) weight + bias`` per channel of (N, C, ...); Ioffe and Szegedy, 2015.

    While training mean and variance are the batch's; else the running ones, which have to be given.
    Training moves the running ones, in place: ``running += momentum (batch's - running)``, with the unbiased variance.
    """
    if input.ndim < 2:
        raise ValueError(f"batch_norm: the input must be (N, C) or (N, C, ...), got {tuple(input.shape)}")
    channels = input.shape[1]
    for name, given in (
        ("running_mean", running_mean),
        ("running_var", running_var),
        ("weight", weight),
        ("bias", bias),
    ):
        if given is not None and tuple(given.shape) != (channels,):
            raise ValueError(f"batch_norm: {name} needs one number for each of {channels} channels, got {given.shape}")
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("batch_norm: without training=True it needs running_mean and running_var")
        moved = (input - _by_channel(running_mean, input)) / sqrt(_by_channel(running_var, input) + eps)
        return _scaled(moved, weight, bias, input)
    dims = (0, *range(2, input.ndim))
    count = math.prod(input.shape[d] for d in dims)
    if count < 2:
        raise ValueError(
            f"batch_norm: training needs more than one element for each channel, got an input {tuple(input.shape)}; "
            "use a larger batch, or eval()"
        )
    values = raw(input)
    if running_mean is not None:
        _move(running_mean, values.mean(axis=dims), momentum)
    if running_var is not None:
        _move(running_var, values.var(axis=dims, ddof=1), momentum)
    return _scaled(_standard(input, dims, eps), weight, bias, input)


@no_grad()
def _move(running: Any, new: Any, momentum: float) -> None:
    value = raw(running) + momentum * (new - raw(running))
    if isinstance(running, Tensor):
        running.copy_(value)
    else:
        running[...] = value


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """Each channel of each example on its own: (N, C, ...); Ulyanov et al., 2016.

    Running statistics move towards the examples' means and variances, averaged over the batch;
    ``use_input_stats=False`` uses them.
    """
    if input.ndim < 3:
        raise ValueError(f"instance_norm: the input must be (N, C, d1, ...), got {tuple(input.shape)}")
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    dims, values = tuple(range(2, input.ndim)), raw(input)
    if math.prod(input.shape[2:]) < 2:
        raise ValueError(f"instance_norm: needs more than one element for each channel, got {tuple(input.shape)}")
    if running_mean is not None:
        _move(running_mean, values.mean(axis=dims).mean(axis=0), momentum)
    if running_var is not None:
        _move(running_var, values.var(axis=dims, ddof=1).mean(axis=0), momentum)
    return _scaled(_standard(input, dims, eps), weight, bias, input)


def layer_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Each example on its own, over the last dimensions, ``normalized_shape``; Ba et al., 2016."""
    dims = _last("layer_norm", input, normalized_shape, weight, bias)
    out = _standard(input, dims, eps)
    out = out if weight is None else out * weight
    return out if bias is None else out + bias


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Groups of neighbouring channels of each example: (N, C, ...); Wu and He, 2018."""
    if input.ndim < 2 or num_groups < 1 or input.shape[1] % num_groups:
        raise ValueError(f"group_norm: {num_groups} groups must divide the channels of {tuple(input.shape)}")
    groups = reshape(input, (input.shape[0], num_groups, math.prod(input.shape[1:]) // num_groups))
    out = reshape(_standard(groups, (2,), eps), tuple(input.shape))
    return _scaled(out, weight, bias, input)


def rms_norm(input: Any, normalized_shape: int | Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """``x / sqrt(mean x^2 + eps) weight`` over the last dimensions (Zhang and Sennrich, 2019).

    ``eps`` is the dtype's (the distance from 1 to the next number) unless given.
    """
    dims = _last("rms_norm", input, normalized_shape, weight, None)
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    half = input.dtype == np.float16
    out = in_float32(_by_root_mean_square, input, dims, eps) if half else _by_root_mean_square(input, dims, eps)
    return out if weight is None else out * weight


def _by_root_mean_square(x: Any, dims: tuple[int, ...], eps: float) -> Any:
    return x / sqrt(mean(x * x, dims, True) + eps)


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """``x / (k + alpha mean x^2)^beta``, the mean over ``size`` neighbouring channels of (N, C, ...).

    Beyond the first and the last are zeros. Krizhevsky et al., 2012, whose alpha is this one by ``size``.
    """
    if input.ndim < 3 or size < 1:
        raise ValueError(f"local_response_norm: needs (N, C, ...) and a size of at least 1, got {input.shape}, {size}")
    squares, channels = input * input, input.shape[1]
    at = np.arange(channels, like=like(input))
    near = (at >= at[:, None] - size // 2) & (at <= at[:, None] + (size - 1) // 2)
    flat = reshape(squares, (input.shape[0], channels, math.prod(input.shape[2:])))
    sums = reshape(near.astype(input.dtype) @ flat, tuple(input.shape))
    return input / (k + alpha / size * sums) ** beta


def _by_channel(x: Any, like: Any) -> Any:
    """(C,) as it broadcasts against (N, C, ...)."""
    if tuple(x.shape) != like.shape[1:2]:
        raise ValueError(f"weight and bias need one number for each of {like.shape[1]} channels, got {tuple(x.shape)}")
    return reshape(x, (1, -1, *[1] * (like.ndim - 2)))


def _scaled(x: Any, weight: Any, bias: Any, like: Any) -> Any:
    x = x if weight is None else x * _by_channel(weight, like)
    return x if bias is None else x + _by_channel(bias, like)


def _last(name: str, input: Any, normalized_shape: int | Sequence[int], *parameters: Any) -> tuple[int, ...]:
    """The dimensions of ``normalized_shape``, which must be the input's last and the parameters'."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        raise ValueError(f"{name}: the last dimensions of {tuple(input.shape)} must be normalized_shape, {shape}")
    for given in parameters:
        if given is not None and tuple(given.shape) != shape:
            raise ValueError(f"{name}: weight and bias must have the shape {shape}, got {tuple(given.shape)}")
    return tuple(range(input.ndim - len(shape), input.ndim))
