"""Where arrays are: in the processor's memory (NumPy's) or a CUDA GPU's (CuPy's). The one file that tells them apart.

Ops say ``np`` and no more: NumPy's own protocols hand a call with a CuPy array to CuPy. What is left to say is said
here: which of the two an array is, how values get from one memory to the other (``put``, and only that), how to make
an array where another one is, and what to do when there is no GPU, or no memory left on it.

CuPy is imported when the first thing is asked of the GPU, never before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final

import numpy as np

__all__ = [
    "DeviceError",
    "OutOfMemoryError",
    "device",
    "get_float32_matmul_precision",
    "set_float32_matmul_precision",
]

Array = Any  # NumPy's or CuPy's


class DeviceError(RuntimeError):
    """The GPU cannot be used as asked: the sentence says why, and what to do."""


class OutOfMemoryError(DeviceError, MemoryError):
    """The GPU's memory is full."""


class device:
    """A memory and what computes in it: ``device("cpu")``, ``device("cuda")`` or ``device("cuda:0")``, PyTorch's names.

    ``type`` is "cpu" or "cuda"; ``index`` None or 0. A process uses one GPU, the first that it can see: "cuda" and
    "cuda:0" are one device, and CUDA_VISIBLE_DEVICES says which GPU that is. Equal to the same in words.
    """

    __slots__ = ("_type",)
    _type: str

    def __init__(self, device: Any, index: int | None = None) -> None:
        said = str(device) if index is None else f"{device}:{index}"
        kind, _, number = said.partition(":")
        if kind not in ("cpu", "cuda") or number not in ("", "0"):
            if kind == "cuda" and number.isdigit():
                raise DeviceError(
                    f"a process uses one GPU, cuda:0; got {said!r}: set CUDA_VISIBLE_DEVICES={number} before it starts"
                )
            raise DeviceError(f'a device is "cpu" or "cuda", got {said!r}')
        self._type = kind

    @property
    def type(self) -> str:
        """ "cpu" or "cuda"."""
        return self._type

    @property
    def index(self) -> int | None:
        """The number of the GPU, None for the processor."""
        return 0 if self._type == "cuda" else None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return other in (str(self), self._type)
        return isinstance(other, device) and other._type == self._type

    def __hash__(self) -> int:
        return hash(self._type)

    def __str__(self) -> str:
        return "cuda:0" if self._type == "cuda" else "cpu"

    def __repr__(self) -> str:
        return "device(type='cuda', index=0)" if self._type == "cuda" else "device(type='cpu')"

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (str(self),)


CPU: Final = device("cpu")
CUDA: Final = device("cuda")

in_use: list[device] = []
"""CUDA, once it has been used: while this is empty nobody need ask where an array is."""
_found: Any = None  # the module CuPy that was found to have a GPU


# --------------------------------------------------------------------------------------------------- the library


def cupy() -> Any:
    """The module CuPy, imported at first use. DeviceError says what is missing: CuPy, the driver or a GPU."""
    global _found
    try:
        import cupy
    except ImportError as error:
        raise DeviceError(
            f"cuda needs CuPy, which cannot be imported ({error}): pip install 'minigrad-gan[cuda]', or stay on the cpu"
        ) from None
    if cupy is not _found:
        if not cupy.cuda.is_available():
            raise DeviceError(f"cuda: {_why_not(cupy.cuda.runtime)}")
        _found = cupy
        in_use[:] = [CUDA]
        _use_precision()
    return cupy


library = cupy  # for the files that do not say whose it is


def is_available() -> bool:
    """Whether there are CuPy, a driver and a GPU."""
    try:
        cupy()
    except DeviceError:
        return False
    return True


def _why_not(runtime: Any) -> str:
    """What keeps an installed CuPy from a GPU."""
    try:
        driver, needed = runtime.driverGetVersion(), runtime.runtimeGetVersion()
        if driver == 0:
            return "this machine has no NVIDIA driver; install one (nvidia-smi shows it), or stay on the cpu"
        if driver // 1000 < needed // 1000:
            return (
                f"the NVIDIA driver is of CUDA {_version(driver)}, too old for this CuPy's CUDA {_version(needed)}; "
                f"update the driver, or install the CuPy of the older one, cupy-cuda{driver // 1000}x"
            )
        if runtime.getDeviceCount() == 0:
            raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")
        return "the GPU was not there when it was first looked for; start the process again"
    except RuntimeError as error:  # CuPy's CUDARuntimeError, whose text begins with CUDA's name for it
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        hidden = "" if visible is None else f" (CUDA_VISIBLE_DEVICES is {visible!r})"
        if "NoDevice" in str(error):
            return f"the driver shows this process no GPU{hidden}; see what nvidia-smi lists, or stay on the cpu"
        return f"the GPU does not answer{hidden}: {error}"


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


# ------------------------------------------------------------------------------------------------------- arrays


def _on_cuda(x: Any) -> bool:
    library = sys.modules.get("cupy")
    return library is not None and isinstance(x, getattr(library, "ndarray", ()))


def is_array(x: Any) -> bool:
    """Whether ``x`` is an array, on whichever device; NumPy's scalars are."""
    return isinstance(x, (np.ndarray, np.generic)) or _on_cuda(x)


def device_of(x: Any) -> device:
    """Where an array, or the array of a Tensor, is. Python's numbers and lists are on the cpu."""
    return CUDA if _on_cuda(getattr(x, "_data", x)) else CPU


def as_array(x: Any, dtype: Any = None) -> Array:
    """``x`` itself if it is an array with this dtype, on whichever device; else one on the cpu with its values."""
    if _on_cuda(x):
        return x if dtype is None else x.astype(dtype, copy=False)
    return np.asarray(x, dtype)


def copied(x: Any, dtype: Any = None) -> Array:
    """A new array with the values of ``x``, where it is."""
    return x.astype(x.dtype if dtype is None else dtype) if _on_cuda(x) else np.array(x, dtype)


def bare(array: Array) -> Array:
    """As the engine keeps it: on the cpu an array without dimensions is a NumPy scalar, which computes faster."""
    return array[()] if isinstance(array, np.ndarray) and not array.ndim else array


def writable(array: Array) -> Array:
    """The array itself if it can be written into; of a NumPy scalar a copy."""
    return np.array(array) if isinstance(array, np.generic) else array


def put(array: Array, to: Any) -> Array:
    """The array on this device: itself if it is there, else a copy, in C order. Nothing else copies between devices.

    On the way to the cpu it waits until the GPU has computed it.
    """
    to = to if isinstance(to, device) else device(to)
    if to == device_of(array):
        return array
    if to == CPU:
        return array.get()
    array = np.asarray(array)
    if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
        raise TypeError(f"cuda has no {array.dtype}, only booleans, integers, float16, float32 and float64")
    with memory_explained(array.nbytes):
        return cupy().asarray(np.ascontiguousarray(array).reshape(array.shape))  # which would give 0-d a dimension


def beside(array: Array, other: Array) -> Array:
    """``put(array, device_of(other))``."""
    return put(array, device_of(other))


def like(to: Any) -> Array | None:
    """What NumPy's creation functions take as ``like`` to make an array on this device: ``np.zeros(3, like=...)``.

    Nothing for the cpu, or for no device.
    """
    return None if to is None or device(to) == CPU else cupy().empty(0)


def address(array: Array) -> int:
    """Where the first element lies, in the memory of the array's device."""
    return int(array.data.ptr) if _on_cuda(array) else int(array.__array_interface__["data"][0])


# ------------------------------------------------------------------------------------------------------ refusals


_UNANSWERED = ("no implementation found", "returned NotImplemented")  # by a protocol of NumPy's


def explained(error: Exception, name: str, values: Sequence[Any]) -> Exception | None:
    """What an op's failure has to do with devices: arrays of two, a function CuPy lacks, memory. None: nothing."""
    arrays = [v for v in values if is_array(v)]
    if not any(map(_on_cuda, arrays)):
        return None
    given = ", ".join(f"{v.shape} {v.dtype} on {device_of(v)}" for v in arrays)
    if any(not _on_cuda(v) and v.ndim for v in arrays):
        return RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! "
            f"{name} got {given}; move one of them with .to(device)"
        )
    if isinstance(error, DeviceError):
        return error
    if isinstance(error, MemoryError):
        return _out_of_memory(error, f"{name} of {given}")
    lacking = isinstance(error, (NotImplementedError, AttributeError))
    if lacking or any(said in str(error) for said in _UNANSWERED):
        return NotImplementedError(
            f"{name} of {given} is not possible on cuda, where CuPy lacks a part of it ({error}); "
            "compute it on the cpu, x.cpu(), and take the result back with .to('cuda')"
        )
    return None


class memory_explained:
    """A block in which the GPU's memory runs out with a sentence: for what, or so many bytes, and what to do."""

    __slots__ = ("_what",)

    def __init__(self, what: str | int) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        # of the processor's memory NumPy says as much
        if isinstance(error, MemoryError) and kind.__name__ == "OutOfMemoryError" and kind is not OutOfMemoryError:
            what = f"an array of {self._what:,} bytes" if isinstance(self._what, int) else self._what
            raise _out_of_memory(error, what) from None


def _out_of_memory(error: Exception, what: str) -> Exception:
    try:
        free, total = cupy().cuda.runtime.memGetInfo()
        room = f"; {free:,} of the GPU's {total:,} bytes are free outside the pool"
    except (AttributeError, RuntimeError):
        room = ""
    return OutOfMemoryError(
        f"out of memory on cuda: {what} found no room ({error}){room}; take smaller batches, keep fewer Tensors, "
        "or give back what the pool holds with minigrad.cuda.empty_cache()"
    )


# ----------------------------------------------------------------------------------------------------- precision

_precision = "highest"


def set_float32_matmul_precision(precision: str) -> None:
    """How float32 matrix products are computed on cuda, PyTorch's setting: "highest", the default, is float32.

    "high": TF32, factors rounded to 10 bits behind the point and summed in float32; several times as fast.
    A step that has been captured keeps the precision it was captured with. The cpu computes in float32 always.
    """
    global _precision
    if precision not in ("highest", "high"):
        raise ValueError(f'a precision is "highest" (float32) or "high" (TF32), got {precision!r}')
    _precision = precision
    if _found is not None:
        _use_precision()


def get_float32_matmul_precision() -> str:
    """ "highest" or "high"."""
    return _precision


def _use_precision() -> None:
    """Tell CuPy, whose own public word for it is read once, from the environment (CUPY_TF32)."""
    linalg = getattr(getattr(_found, "_core", None), "_routines_linalg", None)
    if linalg is not None:
        kind = linalg.COMPUTE_TYPE_TF32 if _precision == "high" else linalg.COMPUTE_TYPE_DEFAULT
        linalg.set_compute_type(np.dtype(np.float32), kind)


# ------------------------------------------------------------------------------------------- what ops ask of it


def library_of(x: Any) -> Any:
    """The module whose array ``x`` is, for the few functions that NumPy does not hand on."""
    return cupy() if _on_cuda(x) else np


def special_functions(x: Any) -> Any:
    """The module of the error function, the gamma function and their like for this array: SciPy's, or CuPy's."""
    if _on_cuda(x):
        from cupyx.scipy import special
    else:
        from scipy import special
    return special


def linalg_errors(x: Any) -> Any:
    """A block in which ``np.linalg`` raises for a matrix that has no answer; left alone, CuPy returns nan.

    So on cuda it waits for the GPU, as PyTorch does, to look at what the decomposition reports.
    """
    if _on_cuda(x):
        import cupyx

        return cupyx.errstate(linalg="raise")
    return nullcontext()
