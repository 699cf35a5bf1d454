"""Arrays that begin at a cache line: a processor loads a vector that straddles two lines at half speed."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

LINE = 64  # bytes


def empty(shape: tuple[int, ...], dtype: Any, order: Literal["C", "F"] = "C") -> np.ndarray[Any, Any]:
    """An uninitialised array whose first element lies at a multiple of 64 bytes."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % LINE
    out: np.ndarray[Any, Any] = memory[start : start + size].view(dtype).reshape(shape, order=order)
    return out


def copied(array: np.ndarray[Any, Any], like: np.ndarray[Any, Any] | None = None) -> np.ndarray[Any, Any]:
    """A copy that begins at a cache line, its elements in Fortran's order if those of ``like`` (itself) are."""
    flags = (array if like is None else like).flags
    fortran = flags.f_contiguous and not flags.c_contiguous
    out = empty(array.shape, array.dtype, "F" if fortran else "C")
    out[...] = array
    return out


def zeros_like(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Zeros of the same shape, dtype and order that begin at a cache line."""
    out = copied(array)
    out[...] = 0
    return out
