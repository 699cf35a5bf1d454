"""Gradients for weights that are not multiplied out until somebody reads them.

The gradient for a weight is a product ``A^T B`` over the batch. An optimiser can use it row by row while it moves the
parameter, and never store it; whoever reads it as an array gets the array.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from ..engine import Tensor
from ..memory import empty
from .cpu import fields as f
from .workspace import address, kernels

Array = np.ndarray[Any, Any]


class Source(NamedTuple):
    """One term of a gradient, as update.py wants it, and what keeps its memory alive."""

    how: int
    m: int
    a: int
    b: int
    winner: int
    pieces: int
    alive: tuple[Any, ...]


class Deferred:
    """A sum of sources in the place of an array of this shape, dtype and order of elements."""

    __slots__ = ("dtype", "fortran", "shape", "sources")
    __array_ufunc__ = None  # array + Deferred must come to __radd__

    def __init__(self, shape: tuple[int, ...], dtype: Any, fortran: bool, sources: tuple[Source, ...]) -> None:
        self.shape, self.dtype, self.fortran, self.sources = shape, dtype, fortran, sources

    @property
    def table(self) -> tuple[int, int]:
        """Rows and columns, as they lie in memory."""
        rows, columns = self.shape if len(self.shape) == 2 else (1, self.shape[0])
        if self.sources[0].how == f.WINS:
            rows, columns = columns, rows
        return (columns, rows) if self.fortran else (rows, columns)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Deferred) and other.fortran == self.fortran:
            return Deferred(self.shape, self.dtype, self.fortran, one_way(self.sources + other.sources))
        return self.value() + (other.value() if isinstance(other, Deferred) else other)

    __radd__ = __add__

    def value(self) -> Array:
        """The array."""
        order: Literal["C", "F"] = "F" if self.fortran else "C"
        out = empty(self.shape, self.dtype, order)
        k = kernels(self.dtype.char)
        rows, columns = self.table
        work = sum(s.m for s in self.sources)
        k.reserve(work, columns, self.sources[0].pieces, len(self.sources))
        k.update(
            np.array([[f.STORE, address(out), rows, columns, 0, 0, 0, len(self.sources), 0]], np.int64),
            np.zeros((1, 8), self.dtype),
            np.array([s[:6] for s in self.sources], np.int64),
            k.threads(2.0 * rows * columns * work),
        )
        return out

    def as_tensor(self) -> Tensor:
        """The Tensor that a user sees."""
        out = DeferredTensor.__new__(DeferredTensor)
        out._gradient, out._value = self, None
        out._grad = out._op = out._changed = out._hooks = None
        out._requires_grad = False
        return out


def one_way(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """All sources taken alike: sparse ones densely if one of them is dense."""
    if len({s.how for s in sources}) == 1:
        return sources
    return tuple(s._replace(how=f.DENSE) if s.how == f.SPARSE else s for s in sources)


class DeferredTensor(Tensor):
    """A Tensor whose array is computed when it is first looked at."""

    __slots__ = ("_gradient", "_value")
    _gradient: Deferred | None
    _value: Any

    @property
    def _data(self) -> Any:
        if self._value is None:
            assert self._gradient is not None
            self._value = self._gradient.value()
            self._gradient = None  # its buffers are free again
        return self._value

    @_data.setter
    def _data(self, value: Any) -> None:
        self._gradient, self._value = None, value

    @property
    def deferred(self) -> Deferred | None:
        """The gradient, while nobody has looked at it."""
        return self._gradient

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each dimension."""
        return self._value.shape if self._gradient is None else self._gradient.shape

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's dtype of the elements."""
        return self._value.dtype if self._gradient is None else self._gradient.dtype  # type: ignore[no-any-return]
