"""What makes a Tensor look like an array and like a number to Python: no mathematics and no graph here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .interop.printing import text

if TYPE_CHECKING:
    from .engine import Tensor


class Conversions:
    """Other dtypes, under PyTorch's names: all are ``astype`` but ``to``, ``cpu`` and ``type_as`` may return self."""

    __slots__ = ()
    astype: Any
    dtype: Any

    def to(self, target: Any) -> Tensor:
        """As ``target``: a dtype, a Tensor whose dtype is meant, or the only device, "cpu". Itself if so already."""
        if isinstance(target, str) and target == "cpu":
            return self  # type: ignore[return-value]
        dtype = np.dtype(target.dtype if isinstance(target, Conversions) else target)
        return self if self.dtype == dtype else self.astype(dtype)  # type: ignore[return-value]

    def type_as(self, other: Any) -> Tensor:
        """As the dtype of ``other``."""
        return self.to(other.dtype)

    def cpu(self) -> Tensor:
        """Itself: it is there."""
        return self  # type: ignore[return-value]

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
    def device(self) -> str:
        """Where the memory is: "cpu"."""
        return "cpu"

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
        """Address of the first element; of a Tensor without dimensions, which has no memory of its own, 0."""
        return int(self._data.__array_interface__["data"][0]) if self._data.ndim else 0

    def size(self, dim: int | None = None) -> Any:
        """The shape, or its length along ``dim`` (PyTorch's ``size``; the element count is ``numel()``)."""
        return self._data.shape if dim is None else self._data.shape[dim]

    def dim(self) -> int:
        """Number of dimensions."""
        return self._data.ndim  # type: ignore[no-any-return]

    def numel(self) -> int:
        """Number of elements."""
        return int(self._data.size)

    def item(self) -> Any:
        """The only element, as a Python number."""
        if self._data.size != 1:
            raise ValueError(f"item() needs exactly one element; this Tensor has shape {self._data.shape}")
        return self._data.item()

    def tolist(self) -> Any:
        """Nested Python lists of the elements."""
        return self._data.tolist()

    def numpy(self) -> np.ndarray[Any, Any]:
        """The array, sharing memory if it has dimensions; refused where that would drop the graph unseen."""
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
        """Itself: "cpu" is the only device."""
        if device != "cpu" or stream is not None:
            raise ValueError(f'the only device is "cpu", without streams; got {device!r}, stream {stream!r}')
        return self  # type: ignore[return-value]

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
        return text(self._data, grad_fn, self._requires_grad)
