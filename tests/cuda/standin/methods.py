"""The methods and operators of cupy.ndarray that compute: by the functions and ufuncs of the same names."""

import numpy as np

from . import functions
from .arrays import dtype_of, fresh, ndarray, span, wrap
from .functions import signature
from .streams import current, host_read, refuse_in_capture, touch

METHODS = {  # parameters behind self, as compiled CuPy has them
    "all": "| axis out keepdims",
    "any": "| axis out keepdims",
    "argmax": "| axis out dtype keepdims",
    "argmin": "| axis out dtype keepdims",
    "argpartition": "kth | axis",
    "argsort": "| axis kind",
    "choose": "choices | out mode",
    "clip": "| min max out",
    "compress": "condition | axis out",
    "conj": "",
    "conjugate": "",
    "cumprod": "| axis dtype out",
    "cumsum": "| axis dtype out",
    "diagonal": "| offset axis1 axis2",
    "dot": "b | out",
    "flatten": "| order",
    "max": "| axis out keepdims",
    "mean": "| axis dtype out keepdims",
    "min": "| axis out keepdims",
    "nonzero": "",
    "prod": "| axis dtype out keepdims",
    "ravel": "| order",
    "repeat": "repeats | axis",
    "round": "| decimals out",
    "searchsorted": "v | side sorter",
    "squeeze": "| axis",
    "std": "| axis dtype out ddof keepdims",
    "sum": "| axis dtype out keepdims",
    "swapaxes": "axis1 axis2",
    "take": "indices | axis out",
    "trace": "| offset axis1 axis2 dtype out",
    "var": "| axis dtype out ddof keepdims",
}


def method(name, words):
    """A method that is NumPy's, with CuPy's parameters."""
    bound = signature(words)

    def call(self, *args, **kwargs):
        if name == "clip":
            return functions.NAMES["clip"](self, *args, **kwargs)
        bound.bind(*args, **kwargs)
        owners = [self]
        out = kwargs.get("out")
        args, kwargs = functions.on_host(args, owners), functions.on_host(kwargs, owners)
        if name in ("argmax", "argmin") and "dtype" in kwargs:
            raise TypeError(f"{name} with a dtype is not in the stand-in")
        views = name in ("diagonal", "ravel", "squeeze", "swapaxes")
        with np.errstate(all="ignore"):
            result = getattr(self._a, name)(*args, **kwargs)
        if not (views and np.may_share_memory(result, self._a)):
            refuse_in_capture(f"{name} is one of CuPy's own kernels")
        if name in functions.WAITING or (name == "repeat" and len(owners) > 1):
            host_read(f"{name}, for the size of its result,")
        if out is not None:
            touch(current(), name, [span(x) for x in owners], [span(out)])
            return out
        return fresh(result, self) if name in ("flatten", "take", "repeat") else functions.on_device(result, owners)

    call.__name__ = name
    return call


for _name, _words in METHODS.items():
    setattr(ndarray, _name, method(_name, _words))


def _method(function):
    setattr(ndarray, function.__name__, function)
    return function


@_method
def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
    dtype = dtype_of(dtype)
    if casting is not None:
        raise TypeError("casting is not supported yet")
    if subok is not None:
        raise TypeError("subok is not supported yet")
    if not copy and dtype == self.dtype:
        return self
    refuse_in_capture("astype copies into a new array")
    with np.errstate(all="ignore"):
        return fresh(self._a.astype(dtype, order=order), self)


@_method
def copy(self, order="C"):
    refuse_in_capture("copy makes a new array")
    return fresh(self._a.copy(order), self)


ndarray.__copy__ = lambda self: self.copy()
ndarray.__deepcopy__ = lambda self, memo: self.copy()


@_method
def view(self, dtype=None, array_class=None):
    return wrap(self._a.view(self.dtype if dtype is None else dtype_of(dtype)), self)


@_method
def reshape(self, *shape, order="C", copy=None):
    shape = shape[0] if len(shape) == 1 else shape
    a = self._a.reshape(shape, order=order)
    if not np.may_share_memory(a, self._a):
        refuse_in_capture("reshape of this layout copies")
        return fresh(a, self)
    return wrap(a, self)


@_method
def transpose(self, *axes):
    return wrap(self._a.transpose(*axes), self)


@_method
def put(self, indices, values, mode="wrap"):
    refuse_in_capture("put is one of CuPy's own kernels")
    touch(current(), "put", writes=[span(self)])
    owners = []
    self._a.put(functions.on_host(indices, owners), functions.on_host(values, owners), mode=mode)


@_method
def sort(self, axis=-1, kind=None):
    refuse_in_capture("sort is one of CuPy's own kernels")
    touch(current(), "sort", writes=[span(self)])
    if kind not in (None, "stable"):
        raise ValueError("kind can only be None or 'stable'")
    self._a.sort(axis=axis, kind="stable")


@_method
def partition(self, kth, axis=-1):
    refuse_in_capture("partition is one of CuPy's own kernels")
    touch(current(), "partition", writes=[span(self)])
    self._a.partition(kth, axis=axis)


BINARY = [
    "add",
    "sub",
    "mul",
    "matmul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "lshift",
    "rshift",
    "and",
    "or",
    "xor",
    "divmod",
]
UFUNCS = {
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "lshift": "left_shift",
    "rshift": "right_shift",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}
COMPARISONS = {
    "lt": "less",
    "le": "less_equal",
    "eq": "equal",
    "ne": "not_equal",
    "gt": "greater",
    "ge": "greater_equal",
}


def _defers(x, y):
    """Whether y's own operator shall be asked, as NEP 13 says."""
    missing = object()
    theirs = getattr(y, "__array_ufunc__", missing)
    if theirs is not missing:
        return theirs is None
    return getattr(x, "__array_priority__", 0) < getattr(y, "__array_priority__", 0)


def _operator(name, symbol):
    def forward(self, other):
        if isinstance(other, ndarray):
            return functions.NAMES[name](self, other)
        return NotImplemented if _defers(self, other) else getattr(np, name)(self, other)

    def backward(self, other):
        return getattr(np, name)(other, self)

    setattr(ndarray, f"__{symbol}__", forward)
    setattr(ndarray, f"__r{symbol}__", backward)
    if symbol not in ("matmul", "divmod"):  # CuPy has no @= and no in-place divmod
        setattr(ndarray, f"__i{symbol}__", lambda self, other: functions.NAMES[name](self, other, self))


for _symbol in BINARY:
    _operator(UFUNCS.get(_symbol, _symbol), _symbol)


def _comparison(name, symbol):
    def compare(self, other):
        if isinstance(other, ndarray):
            return functions.NAMES[name](self, other)
        if _defers(self, other):
            return NotImplemented
        if isinstance(other, np.ndarray) and not other.ndim:
            other = other.item()
        if symbol in ("eq", "ne") and (other is None or type(other).__eq__ is object.__eq__):
            return functions.NAMES["full"](self.shape, symbol == "ne", bool)
        return getattr(np, name)(self, other)

    setattr(ndarray, f"__{symbol}__", compare)


for _symbol, _name in COMPARISONS.items():
    _comparison(_name, _symbol)
ndarray.__hash__ = None
ndarray.__neg__ = lambda self: functions.NAMES["negative"](self)
ndarray.__pos__ = lambda self: functions.NAMES["positive"](self)
ndarray.__abs__ = lambda self: functions.NAMES["absolute"](self)
ndarray.__invert__ = lambda self: functions.NAMES["invert"](self)
