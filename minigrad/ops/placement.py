"""Where an op makes new arrays: beside those that it was given, in the host's memory or in a device's.

NumPy's functions hand the call on to the library whose arrays they are given, so an op need not know which that is.
Only what makes an array out of numbers has to be told, by NumPy's own ``like=``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..device import CPU, device_of, in_use, library_of
from ..recording import thread


def like(x: Any) -> Any:
    """The array of ``x``, or None (the host), for ``like=`` of ``np.zeros``, ``empty``, ``arange``, ``tri``, ``array``.

    ``np.full``, ``np.ones`` and ``np.eye`` do not take CuPy's: see ``full`` and ``identity`` instead.
    """
    array = getattr(x, "_data", x)
    return array if hasattr(array, "__array_function__") else None


def full(x: Any, shape: Any, value: Any, dtype: Any) -> Any:
    """One number in this shape, beside ``x``."""
    out = np.empty(shape, dtype, like=like(x))
    out[...] = value
    return out


def identity(x: Any, n: int, dtype: Any = bool) -> Any:
    """Ones on the diagonal of an (n, n) matrix, zeros elsewhere, beside ``x``."""
    i = np.arange(n, like=like(x))
    return (i[:, None] == i).astype(dtype)


def array_of(x: Any) -> Any:
    """The array of a Tensor, and an array or a NumPy scalar as it is; anything else as an array of the host."""
    array = getattr(x, "_data", x)
    return array if hasattr(array, "dtype") else np.asarray(array)


def beside(x: Any, values: Any, dtype: Any = None, copy: bool = True) -> Any:
    """``values``, an array, a Tensor, a list or a number, as an array where that of ``x`` is: a copy, if ``copy``.

    This is how what describes an op comes to a device: an index, a mask, a weight for each class. Never back: that
    would wait for the device.
    """
    values, home = getattr(values, "_data", values), like(x)
    if dtype is None and type(values) is type(home):  # the usual case, and the quickest
        return values.copy() if copy else values
    if in_use and device_of(values) != CPU and device_of(x) == CPU:
        raise RuntimeError(
            f"indices, masks and weights should be either on cpu or on the same device as the tensor (cpu), got one of "
            f"shape {values.shape} on {device_of(values)}; move it with .cpu(), or the tensor with .to('cuda')"
        )
    return (np.array if copy else np.asarray)(values, dtype=dtype, like=home)


def readable(array: Any) -> bool:
    """Whether a check may look at the values of an array.

    In the host's memory always. In a device's only within ``detect_anomaly``: to look there is to wait for all that
    the device has been told to do, and no op does that unasked.
    """
    return isinstance(array, (np.ndarray, np.generic)) or bool(thread.watchers)


def in_order(array: Any) -> bool:
    """Whether ``array[index] = values`` writes one value after another, so that the last for one place stays there.

    NumPy promises that; a device writes them all at once, and any one may stay.
    """
    return isinstance(array, np.ndarray)


def strided(x: Any, shape: tuple[int, ...], strides: tuple[int, ...]) -> Any:
    """A view of the memory of ``x`` with these lengths, and these bytes from one element to the next."""
    return library_of(x).lib.stride_tricks.as_strided(x, shape, strides)
