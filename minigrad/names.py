"""What PyTorch's users find at the top beside the ops: dtypes (NumPy's), constants, and questions about a Tensor.

``float`` is float32 and ``int`` int32, as in PyTorch; the Tensors made here are float64 unless said otherwise.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from .creation import empty, full, ones, tensor, zeros
from .engine import Tensor
from .spellings import spelled

__all__ = [
    "bool",
    "can_cast",
    "double",
    "e",
    "finfo",
    "float",
    "float16",
    "float32",
    "float64",
    "half",
    "iinfo",
    "inf",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_floating_point",
    "is_tensor",
    "long",
    "nan",
    "newaxis",
    "numel",
    "pi",
    "result_type",
    "short",
    "uint8",
]

float64 = double = np.dtype("float64")
float32 = float = np.dtype("float32")
float16 = half = np.dtype("float16")
int64 = long = np.dtype("int64")
int32 = int = np.dtype("int32")
int16 = short = np.dtype("int16")
int8 = np.dtype("int8")
uint8 = np.dtype("uint8")
bool = np.dtype("bool")

e, pi, inf, nan, newaxis = math.e, math.pi, math.inf, math.nan, None
finfo, iinfo = np.finfo, np.iinfo


def can_cast(from_: Any, to: Any) -> builtins.bool:
    """Whether the kind of one dtype goes into that of the other: booleans, then whole numbers, then real ones."""
    kinds = {"b": 0, "u": 1, "i": 1, "f": 2}
    return kinds[np.dtype(from_).kind] <= kinds[np.dtype(to).kind]


def result_type(tensor1: Any, tensor2: Any) -> np.dtype[Any]:
    """The dtype of their sum. NumPy's promotion: numbers of Python are weak, arrays without dimensions are not."""
    return np.result_type(*(t._data if isinstance(t, Tensor) else t for t in (tensor1, tensor2)))


def is_tensor(obj: Any) -> builtins.bool:
    """Whether it is a Tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(x: Tensor) -> builtins.bool:
    """Whether the elements are real numbers, so that gradients can flow."""
    return x.is_floating_point()


def numel(x: Tensor) -> builtins.int:
    """Number of elements."""
    return x.numel()


# ---------------------------------------------------------------------- methods: others, of the dtype and device of x


def _as(x: Tensor, dtype: Any, device: Any) -> dict[str, Any]:
    return {"dtype": dtype or x.dtype, "device": device or x.device}


def new_zeros(
    x: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False
) -> Any:
    """Zeros in this shape, in the dtype and on the device of ``x`` unless said otherwise."""
    return zeros(*size, **_as(x, dtype, device), requires_grad=requires_grad)


def new_ones(x: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False) -> Any:
    """Ones in this shape, in the dtype and on the device of ``x`` unless said otherwise."""
    return ones(*size, **_as(x, dtype, device), requires_grad=requires_grad)


def new_empty(
    x: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False
) -> Any:
    """Whatever the memory held, in this shape, in the dtype and on the device of ``x`` unless said otherwise."""
    return empty(*size, **_as(x, dtype, device), requires_grad=requires_grad)


def new_full(
    x: Tensor,
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: builtins.bool = False,
) -> Any:
    """One number in this shape, in the dtype and on the device of ``x`` unless said otherwise."""
    return full(size, fill_value, **_as(x, dtype, device), requires_grad=requires_grad)


def new_tensor(
    x: Tensor, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False
) -> Any:
    """A leaf with a copy of ``data``, in the dtype and on the device of ``x`` unless said otherwise."""
    return tensor(data, **_as(x, dtype, device), requires_grad=requires_grad)


for _function in (new_zeros, new_ones, new_empty, new_full, new_tensor):
    setattr(Tensor, _function.__name__, spelled(_function))
