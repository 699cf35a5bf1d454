"""What makes a Tensor look like an array and like a number to Python: no mathematics and no graph here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .device import CPU, CUDA, address, device_of, is_array, put
from .device import device as Device
from .interop.printing import text

if TYPE_CHECKING:
    from .engine import Tensor


def destination(target: Any, dtype: Any, place: Any) -> tuple[Device | None, np.dtype[Any] | None]:
    """The device and the dtype that ``to(target, dtype=..., device=...)`` means; None: as it is.

    ``target``: a device, a dtype, or a Tensor or array whose device and dtype are meant.
    """
    if isinstance(target, Device) or (isinstance(target, str) and target.startswith(("cpu", "cuda"))):
        target, place = None, target
    elif isinstance(target, Conversions) or is_array(target):
        target, dtype, place = None, target.dtype, device_of(target)
    wanted = dtype if target is None else target
    return None if place is None else Device(place), None if wanted is None else np.dtype(wanted)


class Conversions:
    """Other dtypes and devices, under PyTorch's names: all may return the Tensor itself if nothing is to be changed.

    Gradients flow back through them, to the device and dtype that they came from.
    """

    __slots__ = ()
    _data: Any
    astype: Any
    dtype: Any

    def to(self, target: Any = None, dtype: Any = None, *, device: Any = None) -> Tensor:
        """As ``target``: a device, a dtype, or a Tensor whose device and dtype are meant. ``to("cuda", "float32")``."""
        place, kind = destination(target, dtype, device)
        out: Any = self if kind is None or kind == self.dtype else self.astype(kind)
        if place is not None and place != device_of(self):
            from .engine import transfer

            out = transfer(out, device=place)
        return out  # type: ignore[no-any-return]

    def type_as(self, other: Any) -> Tensor:
        """As the dtype of ``other``."""
        return self.to(other.dtype)

    def cpu(self) -> Tensor:
        """On the cpu."""
        return self.to(CPU)

    def cuda(self) -> Tensor:
        """On the GPU."""
        return self.to(CUDA)

    def double(self) -> Tensor:
        """As float64."""
        return self.to(np.float64)

    def half(self) -> Tensor:
        """As float16."""
        return self.to(np.float16)

    def short(self) -> Tensor:
        """As int16."""
        return self.to(np.int16)

    def long(self) -> Tensor:
        """As int64."""
        return self.to(np.int64)

    def bool(self) -> Tensor:
        """As booleans: whether not zero."""
        return self.to(np.bool_)

    def int(self) -> Tensor:
        """As int32."""
        return self.to(np.int32)

    def float(self) -> Tensor:
        """As float32."""
        return self.to(np.float32)


class ArrayProtocol(Conversions):
    """Shape, dtype, conversion to Python and NumPy, printing. ``self._data`` is the array."""

    __slots__ = ()
    data: Any
    _data: Any
    _op: Any
    _requires_grad: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each dimension."""
        return self._data.shape  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return self._data.ndim  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's dtype of the elements."""
        return self._data.dtype  # type: ignore[no-any-return]

    @property
    def is_leaf(self) -> bool:
        """Whether the user made it, rather than an op."""
        return self._op is None

    @property
    def device(self) -> Device:
        """Where the memory is: ``device("cpu")`` or ``device("cuda")``, which also equal these words."""
        return device_of(self)

    @property
    def is_cuda(self) -> bool:
        """Whether the memory is a GPU's."""
        return device_of(self) == CUDA

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return int(self._data.nbytes)

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return int(self._data.itemsize)

    def element_size(self) -> int:
        """Bytes of one element (PyTorch's name for ``itemsize``)."""
        return int(self._data.itemsize)

    @property
    def strides(self) -> tuple[int, ...]:
        """Bytes from one element to the next along each dimension (NumPy's; PyTorch's ``stride()`` counts elements)."""
        return self._data.strides  # type: ignore[no-any-return]

    def stride(self, dim: int | None = None) -> Any:
        """Elements from one to the next along each dimension, or along ``dim``."""
        steps = tuple(n // self._data.itemsize for n in self._data.strides)
        return steps if dim is None else steps[dim]

    def is_contiguous(self) -> bool:
        """Whether the elements lie row by row in memory, without gaps."""
        return bool(self._data.flags.c_contiguous)

    def is_floating_point(self) -> bool:
        """Whether the elements are real numbers, so that gradients can flow."""
        return bool(self._data.dtype.kind == "f")

    def data_ptr(self) -> int:
        """Address of the first element; 0 for one without dimensions on the cpu, which has no memory of its own."""
        return 0 if isinstance(self._data, np.generic) else address(self._data)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or its length along ``dim`` (PyTorch's ``size``; the element count is ``numel()``)."""
        return self._data.shape if dim is None else self._data.shape[dim]

    def dim(self) -> int:
        """Number of dimensions."""
        return self._data.ndim  # type: ignore[no-any-return]

    def numel(self) -> int:
        """Number of elements."""
        return int(self._data.size)

    def nelement(self) -> int:
        """Number of elements: ``numel()``."""
        return int(self._data.size)

    def ndimension(self) -> int:
        """Number of dimensions: ``dim()``."""
        return self._data.ndim  # type: ignore[no-any-return]

    def item(self) -> Any:
        """The only element, as a Python number. On cuda this waits until it is computed."""
        if self._data.size != 1:
            raise ValueError(f"item() needs exactly one element; this Tensor has shape {self._data.shape}")
        return self._data.item()

    def tolist(self) -> Any:
        """Nested Python lists of the elements. On cuda this waits until they are computed."""
        return self._data.tolist()

    def numpy(self) -> np.ndarray[Any, Any]:
        """The array, sharing memory if it has dimensions; refused where that would drop the graph unseen.

        Refused on cuda too: a copy from there is made by ``cpu()``, which says so.
        """
        if device_of(self) != CPU:
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
                "memory first."
            )
        if self._requires_grad:
            raise RuntimeError("numpy() would drop this Tensor's gradient; say so with .detach().numpy()")
        array: np.ndarray[Any, Any] = self.data
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.array(self.numpy(), dtype=dtype, copy=copy)

    if TYPE_CHECKING:  # hung here by minigrad/interop

        def __dlpack__(
            self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
        ) -> Any: ...
        def __dlpack_device__(self) -> Any: ...
        def __lshift__(self, y: Any) -> Tensor: ...
        def __rlshift__(self, y: Any) -> Tensor: ...
        def __rshift__(self, y: Any) -> Tensor: ...
        def __rrshift__(self, y: Any) -> Tensor: ...
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any: ...
        def __array_function__(self, function: Any, types: Any, args: Any, settings: Any) -> Any: ...

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The array API standard's functions for Tensors: minigrad.array_api."""
        from . import array_api

        if api_version not in (None, "2021.12", "2022.12", array_api.__array_api_version__):
            raise ValueError(f"the array API here is of {array_api.__array_api_version__}, not {api_version}")
        return array_api

    def to_device(self, device: Any, /, *, stream: Any = None) -> Tensor:
        """On this device: ``to(device)``, the array API standard's name. It takes no stream."""
        if stream is not None:
            raise ValueError(f"to_device copies on the stream that is in use; got stream {stream!r}")
        return self.to(device=device)

    def __len__(self) -> int:
        if not self._data.shape:
            raise TypeError("len() of a Tensor without dimensions")
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        len(self)
        return iter(self.unbind())  # type: ignore[attr-defined]

    def __bool__(self) -> bool:
        return bool(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iu":
            raise TypeError(f"only an integer Tensor can be an index, this one is {self._data.dtype}")
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        grad_fn = None if self._op is None else self._op.__name__
        place = None if device_of(self) == CPU else str(self.device)
        return text(put(self._data, CPU), grad_fn, self._requires_grad, place)
