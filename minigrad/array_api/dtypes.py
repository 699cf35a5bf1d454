"""Data types: NumPy's dtype objects. There are no complex ones, so nothing here has the standard's complex types."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import ops
from ..engine import transfer
from .common import values

__all__ = [
    "astype",
    "can_cast",
    "finfo",
    "iinfo",
    "isdtype",
    "result_type",
]

BOOL = ("bool",)
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
REAL = ("float32", "float64")
DTYPES = {name: np.dtype(name) for name in (*BOOL, *SIGNED, *UNSIGNED, *REAL)}
KINDS = {
    "bool": BOOL,
    "signed integer": SIGNED,
    "unsigned integer": UNSIGNED,
    "integral": SIGNED + UNSIGNED,
    "real floating": REAL,
    "complex floating": (),
    "numeric": SIGNED + UNSIGNED + REAL,
}


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """``x`` as another dtype, or on another device; without ``copy`` it may be x itself."""
    out = x if not copy and x.dtype == dtype else ops.astype(x, dtype)
    return out if device is None else transfer(out, device=device)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether NumPy's promotion leads from the one dtype, or that of an array, to the other."""
    return bool(np.can_cast(getattr(from_, "dtype", from_) if not isinstance(from_, type) else from_, to))


class Floats(NamedTuple):
    """The machine's limits of a floating dtype, as Python's numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: Any


class Integers(NamedTuple):
    """The limits of an integer dtype."""

    bits: int
    max: int
    min: int
    dtype: Any


def finfo(type: Any, /) -> Floats:
    """The limits of a floating dtype, or of an array's."""
    found = np.finfo(_dtype(type))
    eps, largest, smallest, normal = (float(v) for v in (found.eps, found.max, found.min, found.smallest_normal))
    return Floats(found.bits, eps, largest, smallest, normal, np.dtype(found.dtype))


def iinfo(type: Any, /) -> Integers:
    """The limits of an integer dtype, or of an array's."""
    found = np.iinfo(_dtype(type))
    return Integers(found.bits, int(found.max), int(found.min), np.dtype(found.dtype))


def _dtype(of: Any) -> Any:
    return np.dtype(of if isinstance(of, type) or not hasattr(of, "dtype") else of.dtype)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is another, or of a kind such as "real floating", or one of several of these."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str):
        if kind not in KINDS:
            raise ValueError(f"isdtype: the kinds are {', '.join(KINDS)}; got {kind!r}")
        return np.dtype(dtype).name in KINDS[kind]
    return bool(np.dtype(dtype) == kind)


def result_type(*arrays_and_dtypes: Any) -> Any:
    """The dtype that NumPy promotes to; Python's numbers are weak."""
    if not arrays_and_dtypes:
        raise ValueError("result_type needs at least one array or dtype")
    return np.result_type(*map(values, arrays_and_dtypes))
