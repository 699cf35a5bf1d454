"""What makes a Tensor look like an array and like a number to Python: no mathematics and no graph here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .engine import Tensor


class ArrayProtocol:
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

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        text = np.array2string(self._data, separator=", ", prefix="tensor(")
        if not self._data.size and self._data.ndim > 1:
            text += f", shape={self._data.shape}"
        if self._data.dtype not in (np.float64, np.int64, np.bool_):
            text += f", dtype={self._data.dtype}"
        if self._op is not None:
            text += f", op={self._op.__name__}"
        elif self._requires_grad:
            text += ", requires_grad=True"
        return f"tensor({text})"
