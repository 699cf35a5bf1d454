"""Arrays out of nothing, numbers, or other arrays. All are leaves that require no gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import ops
from ..device import CPU, beside, device_of, put
from ..engine import Tensor
from ..interop.exchange import from_dlpack
from .common import on, values, wrapped

__all__ = [
    "arange",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "from_dlpack",
    "full",
    "full_like",
    "linspace",
    "meshgrid",
    "ones",
    "ones_like",
    "tril",
    "triu",
    "zeros",
    "zeros_like",
]

Shape = int | Sequence[int]


def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
    """A Tensor of numbers, nested lists, or an array; a Tensor keeps its history.

    ``copy``: True always copies, False raises ValueError where it would have to, None copies where it has to.
    """
    if isinstance(obj, Tensor):
        if device is not None and obj.device != device:
            if copy is False:
                raise ValueError(f"asarray: what is on {obj.device} cannot be on {device} without a copy")
            obj = obj.to(device=device)
        if dtype is not None and obj.dtype != dtype:
            if copy is False:
                raise ValueError(f"asarray: {obj.dtype} cannot become {dtype} without a copy")
            return ops.astype(obj, dtype)
        return ops.clone(obj) if copy else obj
    there = device_of(obj) != CPU
    array = obj if there else np.asarray(_unwrapped(obj), dtype=dtype, copy=copy)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"Tensor holds real numbers or booleans; got {array.dtype} from {type(obj).__name__}")
    if there:
        return asarray(wrapped(array), dtype=dtype, device=device, copy=copy)
    return wrapped(array if device is None else put(array, device))


def _unwrapped(obj: Any) -> Any:
    return [_unwrapped(v) for v in obj] if isinstance(obj, (list, tuple)) else values(obj)


def arange(
    start: float, /, stop: float | None = None, step: float = 1, *, dtype: Any = None, device: Any = None
) -> Tensor:
    """``start, start + step, ...`` before ``stop``; with one number, from 0 to before it."""
    start, stop = (0, start) if stop is None else (start, stop)
    return wrapped(np.arange(start, stop, step, dtype=dtype, like=on(device)))


def empty(shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Whatever is in the memory."""
    return wrapped(np.empty(shape, dtype, like=on(device)))


def empty_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """As ``empty``, with the shape and dtype of ``x``."""
    return empty(x.shape, dtype=dtype or x.dtype, device=device or device_of(x))


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: Any = None) -> Tensor:
    """Ones on the k-th diagonal, zeros elsewhere."""
    ones = np.eye(n_rows, n_cols, k, dtype=float if dtype is None else dtype)
    return wrapped(ones if device is None else put(ones, device))


def full(shape: Shape, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """One number everywhere."""
    number = beside(values(fill_value), 0) if isinstance(fill_value, Tensor) else fill_value
    out = np.empty(shape, np.asarray(number).dtype if dtype is None else dtype, like=on(device))
    out[...] = number
    return wrapped(out)


def full_like(x: Any, /, fill_value: Any, *, dtype: Any = None, device: Any = None) -> Tensor:
    """As ``full``, with the shape and dtype of ``x``."""
    return full(x.shape, fill_value, dtype=dtype or x.dtype, device=device or device_of(x))


def linspace(
    start: float, stop: float, /, num: int, *, dtype: Any = None, device: Any = None, endpoint: bool = True
) -> Tensor:
    """``num`` numbers at equal distances, from ``start`` to ``stop``, with or without the latter."""
    numbers = np.linspace(start, stop, num, endpoint=endpoint, dtype=dtype)
    return wrapped(numbers if device is None else put(numbers, device))


def meshgrid(*arrays: Any, indexing: str = "xy") -> list[Any]:
    """Every 1-D array along a dimension of its own, repeated along the others; "xy" exchanges the first two."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f'meshgrid: indexing is "xy" or "ij", got {indexing!r}')
    n = len(arrays)
    order = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    lengths = [int(np.prod(a.shape)) for a in arrays]
    shape = [lengths[i] for i in order]
    placed = [[length if i == at else 1 for i in range(n)] for length, at in zip(lengths, order, strict=True)]
    return [ops.expand(ops.reshape(a, *to), *shape) for a, to in zip(arrays, placed, strict=True)]


def ones(shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
    """1 everywhere."""
    return full(shape, 1.0, dtype=dtype, device=device)


def ones_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """As ``ones``, with the shape and dtype of ``x``."""
    return ones(x.shape, dtype=dtype or x.dtype, device=device or device_of(x))


def tril(x: Any, /, *, k: int = 0) -> Any:
    """The elements on the k-th diagonal of the last two dimensions and below it; 0 above."""
    return _where(np.tri(x.shape[-2], x.shape[-1], k, dtype=bool, like=on(device_of(x))), x)


def triu(x: Any, /, *, k: int = 0) -> Any:
    """The elements on the k-th diagonal of the last two dimensions and above it; 0 below."""
    return _where(~np.tri(x.shape[-2], x.shape[-1], k - 1, dtype=bool, like=on(device_of(x))), x)


def _where(kept: Any, x: Any) -> Any:
    return ops.where(kept, x, np.zeros((), x.dtype)[()])


def zeros(shape: Shape, *, dtype: Any = None, device: Any = None) -> Tensor:
    """0 everywhere."""
    return wrapped(np.zeros(shape, dtype, like=on(device)))


def zeros_like(x: Any, /, *, dtype: Any = None, device: Any = None) -> Tensor:
    """As ``zeros``, with the shape and dtype of ``x``."""
    return zeros(x.shape, dtype=dtype or x.dtype, device=device or device_of(x))
