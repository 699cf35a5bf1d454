"""Initial values: each function overwrites a Tensor with draws from a generator and returns it. PyTorch's names.

fan_in and fan_out are the lengths of a weight's second and first dimension, (out, in) or (out, in, *kernel), PyTorch's
layout, times the elements of the kernel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import random
from ..engine import Tensor
from ..random import Generator
from ..recording import no_grad


@no_grad()
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """U[a, b)."""
    draw = (generator or random.default_generator).uniform(a, b, tensor.shape, _drawn(tensor))
    return tensor.copy_(draw)


@no_grad()
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(mean, std^2)."""
    draw = (generator or random.default_generator).normal(mean, std, tensor.shape, _drawn(tensor))
    return tensor.copy_(draw)


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """All elements ``val``."""
    return tensor.fill_(val)


def zeros_(tensor: Tensor) -> Tensor:
    """All elements 0."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """All elements 1."""
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """U(-a, a) with a = gain sqrt(6 / (fan_in + fan_out)). Glorot and Bengio, 2010."""
    a = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -a, a, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """N(0, s^2) with s = gain sqrt(2 / (fan_in + fan_out)). Glorot and Bengio, 2010."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """U(-b, b) with b = gain sqrt(3 / fan). He et al., 2015. ``a``: the negative slope of the leaky relu."""
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """N(0, s^2) with s = gain / sqrt(fan). He et al., 2015. ``a``: the negative slope of the leaky relu."""
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)), generator)


@no_grad()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """N(mean, std^2) within [a, b]: what falls outside is drawn again."""
    if not (a < b and std > 0):
        raise ValueError(f"trunc_normal_ needs a < b and std > 0, got a={a}, b={b}, std={std}")
    draw, n = generator or random.default_generator, tensor.numel()
    likeliest = min(max(mean, a), b)  # the density's maximum; 9 deviations from there nothing is left
    low, high = max(a, likeliest - 9 * std), min(b, likeliest + 9 * std)
    found = np.empty(0)
    while len(found) < n:  # uniform draws, kept with the probability of their density
        x = draw.uniform(low, high, 2 * n + 100, np.float64)
        density = np.exp(-((x - mean) ** 2 - (likeliest - mean) ** 2) / (2 * std**2))
        found = np.concatenate([found, x[draw.uniform(0, 1, len(x), np.float64) < density]])
    return tensor.copy_(found[:n].reshape(tensor.shape))


@no_grad()
def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Rows, or columns if there are fewer of them, orthogonal and of length ``gain``. Saxe et al., 2014.

    All dimensions but the first count as one. No direction is likelier than another.
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_ needs a matrix, (out, in) or (out, in, *kernel); got shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    tall = max(rows, columns), min(rows, columns)
    q, r = np.linalg.qr((generator or random.default_generator).normal(0, 1, tall, np.float64))
    q = q * np.where(np.diagonal(r) < 0, -1, 1)  # else QR prefers some signs
    return tensor.copy_(gain * (q if rows >= columns else q.T).reshape(tensor.shape))


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix."""
    if tensor.ndim != 2:
        raise ValueError(f"eye_ needs a matrix, got shape {tensor.shape}")
    with no_grad():
        return tensor.copy_(np.eye(tensor.shape[0], tensor.shape[1]))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution that hands its input on: (out, in / groups, *kernel) with ones in the middle of the kernel."""
    if tensor.ndim < 3 or tensor.shape[0] % groups:
        raise ValueError(f"dirac_ needs (out, in / groups, *kernel) and groups that divide out, got {tensor.shape}")
    value: Any = np.zeros(tensor.shape)
    middle = tuple(k // 2 for k in tensor.shape[2:])
    outs = tensor.shape[0] // groups
    for i in range(min(outs, tensor.shape[1])):
        value[(slice(i, None, outs), i, *middle)] = 1
    with no_grad():
        return tensor.copy_(value)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """What keeps the variance of a layer's output: sqrt(2 / (1 + slope^2)) for leaky_relu, 5/3 for tanh, ..."""
    slope = 0.01 if param is None else param
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2.0), "selu": 3 / 4}
    gains |= dict.fromkeys(("conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"), 1.0)
    gains["leaky_relu"] = math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in gains:
        raise ValueError(f"no gain is known for {nonlinearity!r}; known are {', '.join(sorted(gains))}")
    return gains[nonlinearity]


def _fans(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ValueError(
            f"fan_in and fan_out are those of a weight matrix (out, in); this Tensor has shape {tensor.shape}"
        )
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def _fan(tensor: Tensor, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f'mode is "fan_in" or "fan_out", got {mode!r}')
    return _fans(tensor)[mode == "fan_out"]


def _drawn(tensor: Tensor) -> Any:
    """Draw in the Tensor's precision, at least float32."""
    return "float64" if tensor.dtype == "float64" else "float32"
