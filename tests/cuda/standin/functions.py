"""The functions of the stand-in's modules: CuPy's parameters, NumPy's arithmetic, results in device memory.

What is not written out here is NumPy's function of the same name, called with the arrays' numbers. A keyword that
CuPy's function lacks is refused, and so is a NumPy array among device arrays.
"""

import functools
import inspect
import json
from pathlib import Path

import numpy as np

from . import arrays
from .arrays import fresh, ndarray, span, wrap
from .streams import current, host_read, refuse_in_capture, touch
from .ufuncs import OTHERS, operand, ufunc

TABLE = json.loads(Path(__file__).with_name("names.json").read_text())
NAMES = {}  # cupy.<name>, and cupy.<module>.<name> under dotted names
PLAIN = {"shape", "ndim", "size", "result_type", "can_cast", "may_share_memory", "shares_memory", "iscomplexobj"}
PLAIN |= {"isrealobj", "isscalar", "broadcast_shapes", "isdtype", "issubdtype", "promote_types", "isfortran"}
PLAIN |= {"min_scalar_type", "common_type", "einsum_path", "ndindex"}
FROM_HOST = {"array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "isscalar"}
CREATORS = {"arange", "linspace", "logspace", "zeros", "ones", "full", "empty", "eye", "identity", "tri", "indices"}
CREATORS |= {"diag_indices", "tril_indices", "triu_indices", "fromfunction", "meshgrid", "can_cast", "promote_types"}
CREATORS |= {"result_type", "broadcast_shapes", "isdtype", "issubdtype", "hanning", "hamming", "blackman", "bartlett"}
WAITING = {"nonzero", "argwhere", "flatnonzero", "unique", "unique_all", "unique_counts", "unique_inverse", "extract"}
WAITING |= {"unique_values", "bincount", "histogram", "delete", "trim_zeros", "union1d", "intersect1d", "setdiff1d"}


def signature(words):
    """An inspect.Signature from a line of the table."""
    kinds = inspect.Parameter
    parameters, kind, default = [], kinds.POSITIONAL_OR_KEYWORD, kinds.empty
    for word in words.split():
        if word == "|":
            default = None
        elif word == "*":
            kind = kinds.KEYWORD_ONLY
        elif word.startswith("**"):
            parameters.append(kinds(word[2:], kinds.VAR_KEYWORD))
        elif word.startswith("*"):
            parameters.append(kinds(word[1:], kinds.VAR_POSITIONAL))
            kind = kinds.KEYWORD_ONLY
        else:
            parameters.append(kinds(word, kind, default=default))
    return inspect.Signature(parameters)


def on_host(x, owners):
    """An argument for NumPy: device arrays in it as their numbers, noted in ``owners``."""
    if isinstance(x, ndarray):
        owners.append(x)
        return x._a
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    if type(x) in (list, tuple):
        return type(x)(on_host(y, owners) for y in x)
    if type(x) is dict:
        return {key: on_host(y, owners) for key, y in x.items()}
    return x


def on_device(x, owners):
    """A result of NumPy: every array and NumPy scalar in it as a device array."""
    if isinstance(x, (np.ndarray, np.generic)):
        return wrap(np.asarray(x), *owners)
    if isinstance(x, (list, tuple)):
        parts = [on_device(y, owners) for y in x]
        return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
    if type(x) is bool:
        return fresh(np.bool_(x))
    return x


def generic(name, words, host):
    """A function of CuPy that does what NumPy's does."""
    bound = signature(words) if words is not None else None

    @functools.wraps(host, assigned=("__name__", "__doc__"), updated=())
    def function(*args, **kwargs):
        if bound is not None:
            bound.bind(*args, **kwargs)
        owners = []
        out = kwargs.get("out")
        args, kwargs = on_host(args, owners), on_host(kwargs, owners)
        if name in PLAIN:
            return host(*args, **kwargs)
        if not owners and name not in CREATORS:
            raise TypeError(f"cupy.{name} needs a cupy.ndarray, got {', '.join(type(x).__name__ for x in args)}")
        refuse_in_capture(f"{name} is one of CuPy's own kernels")
        if name in WAITING or (name == "repeat" and len(owners) > 1):
            host_read(f"{name}, for the size of its result,")
        with np.errstate(all="ignore"):
            result = host(*args, **kwargs)
        if out is not None:
            touch(current(), name, [span(x) for x in owners], [span(out)])
            return out
        return on_device(result, owners)

    del function.__wrapped__
    return function


def own(name=None):
    """Register a function that is written out."""

    def register(function):
        OWN[name or function.__name__] = function
        return function

    return register


OWN = {}


@own()
def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    if isinstance(obj, ndarray):
        refuse_in_capture("an array is copied into a new one")
        a = np.array(obj._a, dtype, copy=copy, order=order, ndmin=ndmin)
        return fresh(a, obj) if copy or a is not obj._a else obj
    owners = []
    numbers = np.array(on_host(obj, owners) if isinstance(obj, (list, tuple)) else obj, dtype, ndmin=ndmin)
    if numbers.dtype.kind not in arrays.KINDS:
        raise ValueError(f"Unsupported dtype {numbers.dtype}")
    refuse_in_capture("a host array is copied to the device")
    return fresh(numbers)


@own()
def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    if isinstance(a, ndarray) and not copy and (dtype is None or np.dtype(dtype) == a.dtype):
        return a
    return array(a, dtype, order=order or "K")


OWN["asanyarray"] = asarray


@own()
def ascontiguousarray(a, dtype=None):
    if isinstance(a, ndarray) and a.flags.c_contiguous and (dtype is None or np.dtype(dtype) == a.dtype):
        return a
    return fresh(np.ascontiguousarray(a._a if isinstance(a, ndarray) else a, dtype))


@own()
def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    return a.get(stream, order, out) if isinstance(a, ndarray) else np.asarray(a, order=order)


@own()
def empty(shape, dtype=float, order="C"):
    return ndarray(shape, dtype, order=order)


@own()
def empty_like(prototype, dtype=None, order="K", subok=None, shape=None):
    return ndarray(prototype.shape if shape is None else shape, prototype.dtype if dtype is None else dtype)


@own()
def zeros(shape, dtype=float, order="C"):
    out = ndarray(shape, dtype, order=order)
    out.fill(0)
    return out


@own()
def zeros_like(a, dtype=None, order="K", subok=None, shape=None):
    out = empty_like(a, dtype, order, subok, shape)
    out.fill(0)
    return out


@own()
def full(shape, fill_value, dtype=None, order="C"):
    if dtype is None:
        dtype = fill_value.dtype if isinstance(fill_value, (ndarray, np.ndarray)) else np.array(fill_value).dtype
    out = ndarray(shape, dtype, order=order)
    out.fill(fill_value)
    return out


@own()
def full_like(a, fill_value, dtype=None, order="K", subok=None, shape=None):
    out = empty_like(a, dtype, order, subok, shape)
    out.fill(fill_value)
    return out


@own()
def get_array_module(*args):
    from . import cupy

    return cupy if any(isinstance(arg, ndarray) for arg in args) else np


@own()
def copyto(dst, src, casting="same_kind", where=None):
    if not isinstance(dst, ndarray):
        raise TypeError("dst must be an array")
    refuse_in_capture("copyto is one of CuPy's own kernels")
    np.copyto(dst._a, operand(src), casting, **({} if where is None else {"where": operand(where)}))


@own()
def where(condition, x=None, y=None):
    if (x is None) != (y is None):
        raise ValueError("Must provide both 'x' and 'y' or neither.")
    if x is None:
        return condition.nonzero()
    return WHERE(condition.astype("?") if isinstance(condition, ndarray) else condition, x, y)


OTHERS["where"] = np.where
WHERE = ufunc("where", [f"?{c}{c}->{c}" for c in "?bBhHiIlLqQefdFD"])


def build(path):
    """{name: function} of one of CuPy's modules, from the table."""
    from . import companion

    source = functools.reduce(getattr, path.split("."), np) if path else np
    names = {}
    for name, words in TABLE["modules"][path].items():
        host = getattr(source, name, None)
        dotted = f"{path}.{name}".lstrip(".")
        if dotted in OWN:
            names[name] = OWN[dotted]
        elif isinstance(words, list):
            names[name] = ufunc(name, words)
        elif host is None or isinstance(host, type(np)):
            continue
        elif callable(host) and not isinstance(host, type):
            if path == "linalg":
                host = companion.quietly(host)
            names[name] = generic(name, words, host)
        else:
            names[name] = host  # dtypes, constants
    return names


def dispatched(function, types, args, kwargs):
    """``__array_function__`` of cupy.ndarray."""
    path = function.__module__.split(".", 1)[1:]
    own = NAMES.get(".".join([*path, function.__name__]))
    if own is None or own is function:
        return NotImplemented
    if not all(issubclass(t, (ndarray, np.ndarray)) for t in types):
        return NotImplemented
    return own(*args, **kwargs)
