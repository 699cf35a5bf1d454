"""Images made larger by moving elements: the nearest neighbour, and channels that become pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...ops import getitem, permute, reshape
from ...ops.placement import full

__all__ = ["interpolate", "pixel_shuffle", "pixel_unshuffle"]


def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest") -> Any:
    """(N, C, L) or (N, C, H, W) to ``size``, or to lengths times ``scale_factor``, by the nearest neighbour.

    Element i is that at floor(i / scale). There is no other mode.
    """
    n = input.ndim - 2
    if mode != "nearest" or n < 1:
        raise ValueError(f'interpolate: (N, C, ...) by mode="nearest", got {tuple(input.shape)} and mode={mode!r}')
    if (size is None) == (scale_factor is None):
        raise ValueError("interpolate: give the size or the scale_factor, one of them")
    given = scale_factor if size is None else size
    given = tuple(given) if isinstance(given, (tuple, list)) else (given,) * n
    if len(given) != n or min(given) <= 0:
        raise ValueError(f"interpolate: needs {n} numbers above 0, got {given}")
    lengths = input.shape[2:]
    if 0 in lengths:
        raise ValueError(f"interpolate: an image of {tuple(input.shape)} has no elements to take")
    sizes = [math.floor(k * s) for k, s in zip(lengths, given, strict=True)] if size is None else list(given)
    scales = given if size is None else [s / k for k, s in zip(lengths, given, strict=True)]
    if all(f == s // k for k, s, f in zip(lengths, sizes, scales, strict=True)):  # repeated, whose adjoint is a sum
        times = [s // k for k, s in zip(lengths, sizes, strict=True)]
        apart = reshape(input, (*input.shape[:2], *(m for k in lengths for m in (k, 1))))
        ones = full(input, [m for t in times for m in (1, t)], 1, input.dtype)
        return reshape(apart * ones, (*input.shape[:2], *sizes))
    out = input
    for d, (k, s, f) in enumerate(zip(lengths, sizes, scales, strict=True)):
        index = np.minimum((np.arange(s) / f).astype(int), k - 1)
        out = getitem(out, (*[slice(None)] * (2 + d), index))
    return out


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """(..., C r^2, H, W) -> (..., C, H r, W r): r^2 channels become a square of pixels (Shi et al., 2016)."""
    r = upscale_factor
    if input.ndim < 3 or r < 1 or input.shape[-3] % (r * r):
        raise ValueError(f"pixel_shuffle: {tuple(input.shape)} needs a multiple of {r}^2 channels")
    *lead, c, h, w = input.shape
    n = len(lead)
    x = reshape(input, (*lead, c // (r * r), r, r, h, w))
    x = permute(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(x, (*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """(..., C, H r, W r) -> (..., C r^2, H, W): the mirror image of ``pixel_shuffle``."""
    r = downscale_factor
    if input.ndim < 3 or r < 1 or input.shape[-1] % r or input.shape[-2] % r:
        raise ValueError(f"pixel_unshuffle: height and width of {tuple(input.shape)} need to be multiples of {r}")
    *lead, c, h, w = input.shape
    n = len(lead)
    x = reshape(input, (*lead, c, h // r, r, w // r, r))
    x = permute(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(x, (*lead, c * r * r, h // r, w // r))
