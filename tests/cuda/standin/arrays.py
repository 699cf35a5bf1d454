"""ndarray of the stand-in: NumPy's arithmetic in device memory that the host cannot see."""

import math
import warnings

import numpy as np

from . import memory
from .streams import current, host_read, refuse_copy, refuse_in_capture, touch

SCALARS = (bool, int, float, complex, np.generic)
KINDS = "biufc"  # of CuPy's dtypes: no objects, no strings, no dates
LIMIT = "the dtype %s is not one of CuPy's: booleans, integers, floats of 16, 32, 64 bits and complex numbers"


def dtype_of(dtype):
    """The dtype, if CuPy has it."""
    dtype = np.dtype(dtype)
    if dtype.kind not in KINDS or dtype.char in "gG":
        raise ValueError(f"Unsupported dtype {dtype}")
    return dtype


class ndarray:
    """cupy.ndarray. ``_a`` is the NumPy array in which its numbers are: nothing but the stand-in may look at it."""

    __slots__ = ("__weakref__", "_a", "_block", "base")
    __array_priority__ = 100
    __hash__ = None

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C"):
        dtype = dtype_of(dtype)
        shape = (int(shape),) if np.ndim(shape) == 0 else tuple(int(n) for n in shape)
        if any(n < 0 for n in shape):
            raise ValueError("Negative dimensions are not allowed")
        self.base = None
        if memptr is None:
            self._block = memory.Block(math.prod(shape) * dtype.itemsize)
            offset = 0
        else:
            self._block, offset = memptr.mem, memptr.ptr - memptr.mem.ptr
        self._a = np.ndarray(shape, dtype, np.asarray(self._block), offset, strides, None if strides else order)

    # the data and its form

    shape = property(lambda self: self._a.shape, lambda self, shape: _reshape_in_place(self, shape))
    dtype = property(lambda self: self._a.dtype)
    ndim = property(lambda self: self._a.ndim)
    size = property(lambda self: self._a.size)
    itemsize = property(lambda self: self._a.itemsize)
    nbytes = property(lambda self: self._a.nbytes)
    strides = property(lambda self: self._a.strides)
    T = property(lambda self: self.transpose())
    mT = property(lambda self: wrap(self._a.mT, self))

    @property
    def flags(self):
        return Flags(self)

    @property
    def data(self):
        return memory.MemoryPointer(self._block, self._a.ctypes.data - self._block.ptr)

    @property
    def device(self):
        from .runtime import Device

        return Device(0)

    @property
    def real(self):
        return wrap(self._a.real, self)

    @real.setter
    def real(self, value):
        self.real[...] = value

    @property
    def imag(self):
        return wrap(self._a.imag, self) if self.dtype.kind == "c" else fresh(self._a.imag)

    @imag.setter
    def imag(self, value):
        self.imag[...] = value

    # to the host and back

    def get(self, stream=None, order="C", out=None, blocking=True):
        stream = stream or current()
        refuse_copy("D2H")
        host_read("get")
        touch(stream, "a copy to the host", [span(self)])
        if blocking:
            stream.synchronize()
        if out is None:
            return np.array(self._a, order=order, copy=True)
        if not isinstance(out, np.ndarray):
            raise TypeError("Only numpy.ndarray can be obtained from cupy.ndarray")
        if out.dtype != self.dtype:
            raise TypeError(f"{out.dtype} array cannot be obtained from {self.dtype} array")
        if out.shape != self.shape:
            raise ValueError(f"Shape mismatch. Expected shape: {self.shape}, actual shape: {out.shape}")
        out[...] = self._a
        return out

    def set(self, arr, stream=None):
        if not isinstance(arr, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if arr.dtype != self.dtype:
            raise TypeError(f"{arr.dtype} array cannot be set to {self.dtype} array")
        if arr.shape != self.shape:
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}")
        if not (self._a.flags.c_contiguous or self._a.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        refuse_copy("H2D")
        touch(stream or current(), "a copy from the host", writes=[span(self)])
        self._a[...] = arr

    def item(self):
        if self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def tobytes(self, order="C"):
        return self.get().tobytes(order)

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def __bool__(self):
        if self.size == 0:
            warnings.warn("The truth value of an empty array is ambiguous.", DeprecationWarning, stacklevel=2)
            return False
        if self.size > 1:
            raise ValueError(
                "The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()"
            )
        return bool(self.get())

    __int__ = lambda self: int(self.get())
    __float__ = lambda self: float(self.get())
    __complex__ = lambda self: complex(self.get())
    __repr__ = lambda self: repr(self.get())
    __str__ = lambda self: str(self.get())
    __format__ = lambda self, spec: format(self.get(), spec)
    __reduce__ = lambda self: (_rebuilt, (self.get(),))

    def __len__(self):
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    # indices

    def __getitem__(self, index):
        index, copies = indices(self, index)
        if not copies:
            return wrap(self._a[index], self)
        refuse_in_capture("elements are gathered into a new array")
        if any(isinstance(part, np.ndarray) and part.dtype == bool for part in index):
            host_read("a boolean mask, whose count is the size of the result,")
        return fresh(self._a[index], self)

    def __setitem__(self, index, value):
        refuse_in_capture("elements are assigned by CuPy's own kernels")
        index, gathers = indices(self, index)
        reads = [span(value)] if isinstance(value, ndarray) else []
        if isinstance(value, ndarray):
            value = value._a
        elif gathers:
            value = np.asarray(value, self.dtype)  # CuPy copies it to the device
        elif isinstance(value, np.ndarray) and value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        elif not isinstance(value, (np.ndarray, *SCALARS)):
            raise TypeError(f"Unsupported type {type(value)}")
        touch(current(), "an assignment", reads, [span(self)])
        with np.errstate(all="ignore"):
            if gathers:
                self._scatter(index, value)
            else:
                self._a[index] = value

    def _scatter(self, index, value):
        """Of several values for one element the first stays here, the last in NumPy, and any one on a device."""
        places = np.arange(self.size).reshape(self.shape)[index]
        values = np.broadcast_to(value, places.shape)
        self._a.flat[places.ravel()[::-1]] = values.ravel()[::-1]

    def fill(self, value):
        if isinstance(value, ndarray):
            self[...] = value
            return
        if isinstance(value, np.ndarray) and value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        if value == 0 and self._a.flags.c_contiguous:
            self.data.memset_async(0, self.nbytes)
            return
        refuse_in_capture("an array is filled by CuPy's own kernels; only 0 in contiguous memory is a memset")
        touch(current(), "fill", writes=[span(self)])
        self._a.fill(value)

    # NumPy's protocols

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        from . import ufuncs

        return ufuncs.dispatched(ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        from . import functions

        return functions.dispatched(function, types, args, kwargs)


class Flags:
    """What CuPy's flags say: contiguity and whether the array owns its memory."""

    def __init__(self, array):
        self.c_contiguous = array._a.flags.c_contiguous
        self.f_contiguous = array._a.flags.f_contiguous
        self.forc = self.c_contiguous or self.f_contiguous
        self.fnc = self.f_contiguous and not self.c_contiguous
        self.owndata = array.base is None

    def __getitem__(self, name):
        return getattr(self, name.lower())


def _rebuilt(array):
    return fresh(array)


def _reshape_in_place(array, shape):
    array._a.shape = shape


def wrap(a, *owners):
    """The NumPy array ``a`` as a device array: in the memory of one of ``owners`` if it lies there, else in new."""
    if a.size:
        for owner in owners:
            if a.ctypes.data in owner._block:
                out = object.__new__(ndarray)
                out._a, out._block, out.base = a, owner._block, owner if owner.base is None else owner.base
                return out
    return fresh(a, *owners)


def fresh(a, *read):
    """A new device array with the numbers of a NumPy array or scalar, computed from the arrays ``read``."""
    a = np.asarray(a)
    out = ndarray(a.shape, a.dtype, order="F" if a.flags.fnc else "C")
    touch(current(), "an operation of CuPy's", [span(x) for x in read], [span(out)])
    out._a[...] = a
    return out


def span(array):
    """The bytes of a block that an array lies in: (block, first, behind the last)."""
    low, high = np.lib.array_utils.byte_bounds(array._a)
    return array._block, low, high


def indices(array, index):
    """The index for NumPy, and whether it copies. Integer arrays wrap around at the ends, as on the device."""
    parts = index if isinstance(index, tuple) else (index,)
    parts = [np.asarray(part) if isinstance(part, list) else part for part in parts]
    parts = [part._a if isinstance(part, ndarray) else part for part in parts]
    used = sum(_consumed(part) for part in parts)
    copies, dim, out = False, 0, []
    for part in parts:
        if part is Ellipsis:
            dim += array.ndim - used
        elif isinstance(part, np.ndarray):
            copies = True
            if part.dtype.kind == "f" and part.size == 0:
                part = part.astype(np.int64)
            if part.dtype.kind in "iu" and dim < array.ndim:
                part = part % max(array.shape[dim], 1)
            dim += _consumed(part)
        else:
            dim += _consumed(part)
        out.append(part)
    if not any(part is Ellipsis for part in parts):
        out.append(Ellipsis)  # so that one element is an array without dimensions, not a NumPy scalar
    return tuple(out), copies


def _consumed(part):
    """How many dimensions a part of an index uses up."""
    if part is None or part is Ellipsis or isinstance(part, (bool, np.bool_)):
        return 0
    if isinstance(part, np.ndarray) and part.dtype == bool:
        return part.ndim
    return 1
