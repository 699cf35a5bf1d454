"""Copies, pickles and shared memory.

A copy or pickle takes values, not history, so only leaves have one, as in PyTorch. DLPack hands the memory itself to
another library, and takes it from one.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from .. import memory
from ..device import CPU, CUDA, bare, copied, device_of, library, put, writable
from ..device import device as Device
from ..engine import Tensor, _new, _without_history
from ..protocols import ArrayProtocol
from ..versions import share_memory

__all__ = ["from_dlpack"]

GPU = 2  # the number of CUDA's memory in DLPack


def _leaf(tensor: Tensor, what: str) -> None:
    if tensor._op is not None:
        raise RuntimeError(
            f"only leaves can be {what}: this Tensor of shape {tensor.shape} was computed by {tensor._op.__name__}; "
            "detach() gives its value without the graph"
        )


def _attributes(out: Tensor, of: dict[str, Any]) -> None:
    """What a class of the user's gave its instances beside the slots."""
    for name, value in of.items():
        setattr(out, name, value)


def __copy__(x: Tensor) -> Tensor:
    """The same value, and history, in the same memory."""
    out = _new(type(x))
    for kind in type(x).__mro__:
        for name in getattr(kind, "__slots__", ()):
            if name != "__weakref__" and hasattr(x, name):
                setattr(out, name, getattr(x, name))
    _attributes(out, getattr(x, "__dict__", {}))
    share_memory(out, x)
    return out


def __deepcopy__(x: Tensor, memo: dict[int, Any]) -> Tensor:
    """A copy of a leaf, on its device, with ``requires_grad`` and a copy of its gradient."""
    _leaf(x, "deep-copied")
    out = _without_history(_new(type(x)), x._data if isinstance(x._data, np.generic) else memory.copied(x._data))
    memo[id(x)] = out
    out._requires_grad, out._grad = x._requires_grad, copy.deepcopy(x.grad, memo)
    _attributes(out, copy.deepcopy(getattr(x, "__dict__", {}), memo))
    return out


def __reduce_ex__(x: Tensor, protocol: Any) -> Any:
    """How pickle takes a leaf apart: its class, array, ``requires_grad``, gradient."""
    _leaf(x, "pickled")
    parts = (type(x), np.asarray(put(x._data, CPU)), x._requires_grad, x.grad, str(x.device))
    return _rebuilt, parts, getattr(x, "__dict__", None) or None


def _rebuilt(kind: type[Tensor], array: Any, requires_grad: bool, grad: Tensor | None, device: str = "cpu") -> Tensor:
    """What ``__reduce_ex__`` took apart, on the device where it was."""
    array = put(array, device)
    out = _without_history(_new(kind), memory.copied(array) if array.ndim else bare(array))
    out._requires_grad, out._grad = requires_grad, grad
    return out


def __dlpack__(
    x: Tensor, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
) -> Any:
    """The memory, for another library: writing there is writing here, and unseen by the engine.

    Without dimensions, on the cpu, it is a copy. Refused with BufferError for a Tensor that requires gradients, as in
    PyTorch.
    """
    if x._requires_grad:
        raise BufferError("DLPack would drop this Tensor's gradient; say so with .detach()")
    array = writable(x._data)
    return array.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)


def __dlpack_device__(x: Tensor) -> Any:
    """The processor: (1, 0). A GPU: (2, 0)."""
    return writable(x._data).__dlpack_device__()


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A Tensor in the memory of another library's array. It requires no gradient.

    ``copy``: True copies, False raises where that cannot be helped, None copies only then. ``device``: where the Tensor
    shall be; None: where the array is.
    """
    array = _taken(x, None if device is None else Device(device), copy)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"Tensor holds real numbers or booleans; got {array.dtype} from {type(x).__name__}")
    return _without_history(_new(Tensor), bare(array))


def _taken(x: Any, to: Device | None, copy: bool | None) -> Any:
    """The memory as an array of the device's own library."""
    if x.__dlpack_device__()[0] != GPU:
        array = np.from_dlpack(x, device=None if to is None else "cpu", copy=copy)
    else:
        array = library().from_dlpack(x)
        array = copied(array) if copy and to in (None, CUDA) else array
    if to is None or to == device_of(array):
        return array
    if copy is False:
        raise ValueError(f"from_dlpack: what is on {device_of(array)} cannot be on {to} without a copy")
    return put(array, to)


for _method in (__copy__, __deepcopy__, __reduce_ex__, __dlpack__, __dlpack_device__):
    setattr(ArrayProtocol, _method.__name__, _method)
