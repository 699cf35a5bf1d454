"""Arrays that begin at a cache line: a processor loads a vector that straddles two lines at half speed.

On a GPU every array begins at one.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from .device import CPU, Array, beside, device_of

LINE = 64  # bytes


def empty(shape: tuple[int, ...], dtype: Any, order: Literal["C", "F"] = "C") -> np.ndarray[Any, Any]:
    """An uninitialised array, in the processor's memory, whose first element lies at a multiple of 64 bytes."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % LINE
    out: np.ndarray[Any, Any] = memory[start : start + size].view(dtype).reshape(shape, order=order)
    return out


def copied(array: Array, like: Array | None = None) -> Array:
    """A copy that begins at a cache line, on the device and in the order of elements of ``like`` (itself)."""
    out = _empty(array, array if like is None else like)
    out[...] = beside(array, out)
    return out


def zeros_like(array: Array) -> Array:
    """Zeros of the same shape, dtype, device and order that begin at a cache line."""
    out = _empty(array, array)
    out[...] = 0
    return out


def _empty(array: Array, like: Array) -> Array:
    """For what ``array`` holds, on the device and in the order of elements of ``like``."""
    order: Literal["C", "F"] = "F" if like.flags.f_contiguous and not like.flags.c_contiguous else "C"
    if device_of(like) == CPU:
        return empty(array.shape, array.dtype, order)
    return np.empty_like(like, array.dtype, order, shape=array.shape)
