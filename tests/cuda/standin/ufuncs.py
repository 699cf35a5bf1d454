"""CuPy's ufuncs: their loops are chosen by CuPy's rule from CuPy's own list of types, and computed by NumPy."""

import functools

import numpy as np

from . import arrays
from .streams import current, refuse_in_capture, touch

WEAK = {int: np.dtype(np.int64), float: np.dtype(np.float64), complex: np.dtype(np.complex128)}
INTEGERS = "iIlLqQ"
SCATTERED = {  # what has `at`, and for which dtypes there are atomic operations
    "add": INTEGERS + "efdFD",
    "subtract": "iI",
    "maximum": INTEGERS + "fd",
    "minimum": INTEGERS + "fd",
    "bitwise_and": INTEGERS,
    "bitwise_or": INTEGERS,
    "bitwise_xor": INTEGERS,
}
RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


class ufunc:
    """cupy.ufunc: ``types`` in the order in which they are tried."""

    def __init__(self, name, types):
        self.name = self.__name__ = name
        self.types = types
        self.loops = [
            tuple(tuple(map(np.dtype, side)) for side in line.split("->")) for line in types if "E" not in line
        ]  # E is bfloat16
        self.nin, self.nout = len(self.loops[0][0]), len(self.loops[0][1])
        self.nargs = self.nin + self.nout
        self._numpy = OTHERS.get(name) or getattr(np, name)
        self._chosen = functools.cache(self._choose)

    def __repr__(self):
        return f"<ufunc '{self.name}'>"

    def __call__(self, *args, out=None, dtype=None, casting="same_kind", **others):
        if others:
            raise TypeError(f"Wrong arguments {others}")
        if not self.nin <= len(args) <= self.nargs:
            raise TypeError(
                f"Wrong number of arguments for {self.name!r}. It must be either {self.nin} or {self.nargs} "
                f"(with outputs), but given {len(args)}."
            )
        outs = args[self.nin :] or (out if isinstance(out, tuple) else (out,))
        if out is not None and len(args) > self.nin:
            raise ValueError("Cannot specify 'out' as both a positional and keyword argument")
        refuse_in_capture(f"{self.name} is one of CuPy's own kernels")
        values = [operand(arg) for arg in args[: self.nin]]
        ins, results = self._loop(args[: self.nin], dtype)
        with np.errstate(all="ignore"):
            computed = self._numpy(*(np.asarray(v).astype(d, copy=False) for v, d in zip(values, ins, strict=True)))
        computed = computed if isinstance(computed, tuple) else (computed,)
        if len(outs) == 1 and outs[0] is None:
            outs = (None,) * self.nout
        read = [arg for arg in args[: self.nin] if isinstance(arg, arrays.ndarray)]
        given = tuple(_stored(r, d, o, casting, read) for r, d, o in zip(computed, results, outs, strict=True))
        return given if self.nout > 1 else given[0]

    def _loop(self, args, dtype):
        if dtype is not None:
            dtype = np.dtype(dtype)
            for loop in self.loops:
                if all(t == dtype for t in loop[1]):
                    return loop
            raise TypeError(f"Wrong type ({dtype}) of arguments for {self.name}")
        types, weaks = [], []
        for arg in args:
            weak = type(arg) if type(arg) in WEAK else None
            types.append(WEAK[weak] if weak else arg.dtype if hasattr(arg, "dtype") else np.dtype(bool))
            weaks.append(weak)
        return self._chosen(tuple(types), tuple(weaks))

    def _choose(self, types, weaks):
        """The first loop that takes arrays and NumPy scalars safely, and Python scalars without promotion."""
        strong = [RANK[t.kind] for t, weak in zip(types, weaks, strict=True) if not weak]
        soft = [RANK[t.kind] for t, weak in zip(types, weaks, strict=True) if weak]
        if not strong or not soft or max(strong) < max(soft):
            weaks = (None,) * len(types)
        for loop in self.loops:
            if all(
                np.can_cast(t, wanted) or (weak and np.result_type(weak(0), wanted) == wanted)
                for t, weak, wanted in zip(types, weaks, loop[0], strict=True)
            ):
                return loop
        raise TypeError(f"Wrong type ({', '.join(map(str, types))}) of arguments for {self.name}")

    def outer(self, A, B, **kwargs):
        A, B = _device(A), _device(B)
        return self(A.reshape(A.shape + (1,) * B.ndim), B.reshape((1,) * A.ndim + B.shape), **kwargs)

    def at(self, a, indices, b=None):
        if self.name not in SCATTERED:
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        if a.dtype.char not in SCATTERED[self.name]:
            raise TypeError(f"cupy.{self.name}.at does not support {a.dtype}")
        refuse_in_capture(f"{self.name}.at is one of CuPy's own kernels")
        index, _ = arrays.indices(a, indices)
        touch(current(), f"{self.name}.at", writes=[arrays.span(a)])
        self._numpy.at(a._a, index, np.asarray(operand(b)).astype(a.dtype, copy=False))

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False):
        if self.name == "add":
            return array.sum(axis, dtype, out, keepdims)
        if self.name == "multiply":
            return array.prod(axis, dtype, out, keepdims)
        raise NotImplementedError(f"`{self.name}.reduce` is not supported yet")

    def accumulate(self, array, axis=0, dtype=None, out=None):
        if self.name == "add":
            return array.cumsum(axis, dtype, out)
        if self.name == "multiply":
            return array.cumprod(axis, dtype, out)
        raise NotImplementedError(f"`{self.name}.accumulate` is not supported yet")

    def reduceat(self, array, indices, axis=0, dtype=None, out=None):
        raise NotImplementedError(f"`{self.name}.reduceat` is not in the stand-in")


def _fix(x):
    return np.trunc(x) if x.dtype.kind == "f" else x.copy()


SPECIAL = {}  # of cupyx.scipy.special
OTHERS = {"fix": _fix, "i0": np.i0, "sinc": np.sinc}


def operand(x):
    """The host's view of a device array, or a scalar; anything else CuPy refuses."""
    if isinstance(x, arrays.ndarray):
        return x._a
    if isinstance(x, arrays.SCALARS):
        return x
    raise TypeError(f"Unsupported type {type(x)}")


def _device(x):
    return x if isinstance(x, arrays.ndarray) else arrays.fresh(np.asarray(x))


def _stored(result, dtype, out, casting, read):
    if out is None:
        return arrays.fresh(np.asarray(result).astype(dtype, copy=False), *read)
    if not isinstance(out, arrays.ndarray):
        raise TypeError("Output arguments type must be cupy.ndarray")
    if not np.can_cast(dtype, out.dtype, casting):
        raise TypeError(
            f"output (typecode '{dtype.char}') could not be coerced to provided output parameter "
            f"(typecode '{out.dtype.char}') according to the casting rule \"{casting}\""
        )
    if np.broadcast_shapes(np.shape(result), out.shape) != out.shape:
        raise ValueError(f"Out shape is mismatched: {out.shape} for a result of {np.shape(result)}")
    touch(current(), "an operation of CuPy's", [arrays.span(x) for x in read], [arrays.span(out)])
    with np.errstate(all="ignore"):
        out._a[...] = result
    return out


def dispatched(function, method, inputs, kwargs):
    """``__array_ufunc__`` of cupy.ndarray."""
    from . import functions

    operands = inputs
    if "out" in kwargs:
        if len(kwargs["out"]) != 1:
            raise ValueError("The 'out' parameter must have exactly one array value")
        operands = inputs + kwargs["out"]
        kwargs = {**kwargs, "out": kwargs["out"][0]}
    if method not in ("__call__", "outer", "at", "reduce", "accumulate", "reduceat"):
        return NotImplemented
    own = functions.NAMES.get(function.__name__) or SPECIAL.get(function.__name__)
    own = own if method == "__call__" else getattr(own, method, None)
    if own is None:
        return NotImplemented
    if not all(isinstance(x, (*arrays.SCALARS, arrays.ndarray, np.ndarray)) for x in operands):
        return NotImplemented
    if function.__name__ in ("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"):
        inputs = tuple(x.item() if isinstance(x, np.ndarray) and not x.ndim else x for x in inputs)
    return own(*inputs, **kwargs)
