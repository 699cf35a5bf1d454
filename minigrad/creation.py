"""Tensors from nothing: of a number, counted, drawn, or around an array. PyTorch's names and arguments.

Where no dtype is named it is what NumPy gives: float64, or int64 for whole numbers in tensor, full and arange. Where no
device is named it is the cpu, or that of an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import random
from .device import CPU, device_of, is_array, like, put
from .engine import Tensor

__all__ = [
    "arange",
    "as_tensor",
    "empty",
    "empty_like",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "tensor",
    "tril_indices",
    "triu_indices",
    "zeros",
    "zeros_like",
]


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A leaf with a copy of ``data``: a number, a nested list, an array or a Tensor."""
    return Tensor(data, requires_grad, dtype, device)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a Tensor: itself if it is one so already, in the memory of such an array, else a copy."""
    if isinstance(data, Tensor):
        return data.to(None, dtype, device=device)
    same = is_array(data) and (dtype is None or data.dtype == dtype)
    if same and not isinstance(data, np.generic) and device in (None, device_of(data)):
        return _around(_real(data), False)
    return Tensor(data, dtype=dtype, device=device)


def from_numpy(array: Any) -> Tensor:
    """A leaf in the memory of ``array``: what changes one changes the other, unseen by the engine. 0-d is copied."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy takes an array, got {type(array).__name__}; tensor() takes lists and numbers")
    return _around(_real(array), False)


def _real(array: Any) -> Any:
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a Tensor holds real numbers or booleans; got {array.dtype}")
    return array


def _around(array: Any, requires_grad: bool) -> Tensor:
    """A leaf whose memory is the array's."""
    out = Tensor(0 if array.dtype.kind != "f" else 0.0)
    out.data = array
    out.requires_grad = requires_grad
    return out


def _on(device: Any, array: Any, requires_grad: bool) -> Tensor:
    """A leaf around what was made on the cpu, on the device."""
    return _around(array if device is None else put(array, device), requires_grad)


def _filled(shape: tuple[int, ...], number: Any, dtype: Any, device: Any) -> Any:
    out = np.empty(shape, dtype, like=like(device))
    out[...] = number
    return out


def _size(size: tuple[Any, ...], name: str) -> tuple[int, ...]:
    """f(2, 3) and f((2, 3)) mean the same."""
    lengths = tuple(size[0]) if len(size) == 1 and isinstance(size[0], (list, tuple)) else size
    for n in lengths:
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
            raise TypeError(f"{name}: a length is a whole number, got {n!r}; values go through tensor()")
        if n < 0:
            raise ValueError(f"{name}: a length is 0 or more, got {lengths}")
    return tuple(int(n) for n in lengths)


# ------------------------------------------------------------------------------------------------- of one number


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros in this shape, float64 unless said otherwise."""
    return _around(np.zeros(_size(size, "zeros"), dtype or np.float64, like=like(device)), requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in this shape, float64 unless said otherwise."""
    return _around(_filled(_size(size, "ones"), 1, dtype or np.float64, device), requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Whatever the memory held, in this shape, float64 unless said otherwise."""
    return _around(np.empty(_size(size, "empty"), dtype or np.float64, like=like(device)), requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """One number in this shape, in the dtype that the number alone would have unless said otherwise."""
    number = fill_value._data if isinstance(fill_value, Tensor) else fill_value
    if np.ndim(number):
        raise ValueError(f"full: the value is one number, got shape {np.shape(number)}; expand repeats several")
    number = put(number, CPU) if is_array(number) else number
    kind = np.asarray(number).dtype if dtype is None else dtype
    return _around(_filled(_size((size,), "full"), number, kind, device), requires_grad)


def zeros_like(x: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros in the shape and, unless said otherwise, the dtype and device of ``x``."""
    return zeros(tuple(x.shape), dtype=dtype or x.dtype, device=device or device_of(x), requires_grad=requires_grad)


def ones_like(x: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in the shape and, unless said otherwise, the dtype and device of ``x``."""
    return ones(tuple(x.shape), dtype=dtype or x.dtype, device=device or device_of(x), requires_grad=requires_grad)


def empty_like(x: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Whatever the memory held, in the shape and, unless said otherwise, the dtype and device of ``x``."""
    return empty(tuple(x.shape), dtype=dtype or x.dtype, device=device or device_of(x), requires_grad=requires_grad)


def full_like(x: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """One number in the shape and, unless said otherwise, the dtype and device of ``x``."""
    place = device or device_of(x)
    return full(tuple(x.shape), fill_value, dtype=dtype or x.dtype, device=place, requires_grad=requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix, zeros elsewhere; square without ``m``."""
    rows, columns = _size((n, n if m is None else m), "eye")
    return _on(device, np.eye(rows, columns, dtype=dtype or np.float64), requires_grad)


# ------------------------------------------------------------------------------------------------------ counted


def arange(
    start: Any = None,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """start, start + step, ... up to but without ``end``; ``arange(end)`` counts from 0. int64 if all are whole."""
    if start is None and end is None:
        raise TypeError("arange needs the end to count to: arange(end), or arange(start, end, step)")
    first, last = (0, start) if end is None else (0 if start is None else start, end)
    if step == 0 or (last - first) / step < 0:
        raise ValueError(f"arange from {first} to {last} in steps of {step} never arrives")
    return _around(np.arange(first, last, step, dtype=dtype, like=like(device)), requires_grad)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` numbers from ``start`` to ``end``, both included, evenly apart."""
    (count,) = _size((steps,), "linspace")
    return _on(device, np.linspace(start, end, count, dtype=dtype or np.float64), requires_grad)


def logspace(
    start: float,
    end: float,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``base`` to the powers ``linspace(start, end, steps)``."""
    (count,) = _size((steps,), "logspace")
    return _on(device, np.logspace(start, end, count, base=base, dtype=dtype or np.float64), requires_grad)


def tril_indices(row: int, col: int, offset: int = 0, *, device: Any = None) -> Tensor:
    """(2, count) of int64: rows and columns of the elements on and below diagonal ``offset`` of a (row, col) matrix."""
    n, m = _size((row, col), "tril_indices")
    return _on(device, np.array(np.tril_indices(n, offset, m), np.int64), False)


def triu_indices(row: int, col: int, offset: int = 0, *, device: Any = None) -> Tensor:
    """(2, count) of int64: rows and columns of the elements on and above diagonal ``offset`` of a (row, col) matrix."""
    n, m = _size((row, col), "triu_indices")
    return _on(device, np.array(np.triu_indices(n, offset, m), np.int64), False)


# -------------------------------------------------------------------------- drawn; from minigrad.random's by default


def rand(
    *size: Any,
    generator: random.Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform on [0, 1), float64 (or float32) in this shape."""
    shape, dtype = _size(size, "rand"), _drawn(dtype, "rand")
    return _around(_or_default(generator).uniform(0, 1, shape, dtype, device), requires_grad)


def randn(
    *size: Any,
    generator: random.Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Gaussian with mean 0 and variance 1, float64 (or float32) in this shape."""
    shape, dtype = _size(size, "randn"), _drawn(dtype, "randn")
    return _around(_or_default(generator).normal(0, 1, shape, dtype, device), requires_grad)


def rand_like(
    x: Any,
    *,
    generator: random.Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``rand`` in the shape and, unless said otherwise, the dtype and device of ``x``."""
    place = device or device_of(x)
    return rand(tuple(x.shape), generator=generator, dtype=dtype or x.dtype, device=place, requires_grad=requires_grad)


def randn_like(
    x: Any,
    *,
    generator: random.Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``randn`` in the shape and, unless said otherwise, the dtype and device of ``x``."""
    place = device or device_of(x)
    return randn(tuple(x.shape), generator=generator, dtype=dtype or x.dtype, device=place, requires_grad=requires_grad)


def randint(
    low: int | None = None,
    high: int | Sequence[int] | None = None,
    size: Sequence[int] | None = None,
    *,
    generator: random.Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Whole numbers, uniform on low ... high-1, int64 unless said otherwise; ``randint(high, size)`` starts at 0."""
    first, last, shape = (0 if low is None else low, high, size) if size is not None else (0, low, high)
    if size is not None and high is None:  # randint(5, size=(2, 3))
        first, last = 0, low
    if shape is None or isinstance(shape, int) or not isinstance(last, (int, np.integer)):
        raise TypeError(
            f"randint takes (low, high, size) or (high, size), and a size is a tuple; got {low}, {high}, {size}"
        )
    if first >= last:
        raise ValueError(f"randint draws from low to high - 1; there is no number from {first} to {last - 1}")
    numbers = np.asarray(_or_default(generator).integers(first, last, _size((shape,), "randint")))
    return _on(device, numbers.astype(dtype or np.int64), requires_grad)


def randperm(
    n: int,
    *,
    generator: random.Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers 0 ... n-1 in random order, int64 unless said otherwise."""
    (count,) = _size((n,), "randperm")
    return _on(device, _or_default(generator).permutation(count).astype(dtype or np.int64), requires_grad)


def _or_default(generator: random.Generator | None) -> random.Generator:
    return random.default_generator if generator is None else generator


def _drawn(dtype: Any, name: str) -> Any:
    wanted = np.dtype(dtype or np.float64)
    if wanted not in (np.float32, np.float64):
        raise TypeError(f"{name} draws float32 or float64, not {wanted}; astype converts what was drawn")
    return wanted
