"""The GPU: is there one, what is it called, how much memory is in use, has it finished. PyTorch's names.

Tensors and networks go there by ``.to("cuda")``. Work is queued: a call returns before the GPU has done it, and what
reads a value (``item()``, ``cpu()``, printing) waits. To measure times, call ``synchronize()`` first.
"""

from __future__ import annotations

from typing import Any

from .device import DeviceError, OutOfMemoryError, is_available, library

__all__ = [
    "DeviceError",
    "OutOfMemoryError",
    "capture",  # noqa: F822  # by __getattr__
    "current_device",
    "device_count",
    "empty_cache",
    "get_device_name",
    "is_available",
    "memory_allocated",
    "memory_reserved",
    "synchronize",
]


def device_count() -> int:
    """1 if there is a GPU, else 0: a process uses the first that it can see."""
    return int(is_available())


def current_device() -> int:
    """The number of the GPU in use: 0."""
    library()
    return 0


def get_device_name() -> str:
    """What the GPU is called, "NVIDIA H200" say."""
    name = library().cuda.runtime.getDeviceProperties(0)["name"]
    return name.decode() if isinstance(name, bytes) else str(name)


def synchronize() -> None:
    """Wait until the GPU has done all that it was given."""
    library().cuda.runtime.deviceSynchronize()


def memory_allocated() -> int:
    """Bytes of all arrays on the GPU."""
    return int(library().get_default_memory_pool().used_bytes())


def memory_reserved() -> int:
    """Bytes that the pool of memory holds: those of arrays, and those it keeps for the next."""
    return int(library().get_default_memory_pool().total_bytes())


def empty_cache() -> None:
    """Give back to the GPU what the pool of memory keeps, for other programs to use."""
    library().get_default_memory_pool().free_all_blocks()


def __getattr__(name: str) -> Any:
    if name == "capture":  # later, when it is wanted: it loads the room of the kernels
        from .fused.cuda.graph import capture

        return capture
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
