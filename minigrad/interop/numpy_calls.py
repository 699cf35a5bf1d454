"""NumPy's functions, called with Tensors: ``np.exp(t)``, ``np.concatenate([t, array])``, ``np.add.reduce(t)``.

``array * tensor`` comes here too, and is one op. A ufunc is the op of its name; other functions are answered by
minigrad.array_api, which has NumPy's names and semantics. What has no answer is computed by NumPy from the values,
giving arrays, if no Tensor among the arguments requires gradients; else it is refused, since it would drop them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

import numpy as np

from .. import array_api, ops
from ..array_api.common import constant
from ..device import as_array
from ..engine import Tensor
from ..protocols import ArrayProtocol
from .numpy_own import OF_LINALG, OF_NUMPY

Function = Callable[..., Any]

# ---------------------------------------------------------------------------------------------------- ufuncs

UFUNCS = {  # NumPy's name: ours, where they differ
    **{f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{"absolute": "abs", "fabs": "abs", "arctan2": "atan2", "conjugate": "positive", "rint": "round"},
    **{"radians": "deg2rad", "degrees": "rad2deg", "float_power": "power", "equal": "eq"},
}
OPERATORS = {
    **{"bitwise_and": "__and__", "bitwise_or": "__or__", "bitwise_xor": "__xor__", "invert": "__invert__"},
    **{"left_shift": "__lshift__", "right_shift": "__rshift__", "floor_divide": "__floordiv__", "remainder": "__mod__"},
}
REDUCE = {
    **{"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"},
    **{"logical_and": "all", "logical_or": "any"},
}
ACCUMULATE = {"add": "cumulative_sum", "multiply": "cumulative_prod"}

_ops: dict[Any, Function] = {}  # by ufunc, as they are found


def _op(ufunc: Any) -> Function | None:
    """The op that a ufunc is, if there is one."""
    name = ufunc.__name__
    op = getattr(Tensor, OPERATORS[name], None) if name in OPERATORS else _public(UFUNCS.get(name, name))
    if op is not None:
        _ops[ufunc] = op
    return op


def _public(name: str) -> Function | None:
    return getattr(ops, name) if name in ops.__all__ else None


def __array_ufunc__(self: Tensor, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
    """NumPy's protocol for ufuncs, their ``reduce``, ``accumulate`` and ``outer``."""
    if method == "__call__" and not settings:
        op = _ops.get(ufunc) or _op(ufunc)
        if op is not None:
            return op(*inputs)
    answer = _method(ufunc, method, inputs, settings)
    if answer is not None:
        return answer
    name = f"np.{ufunc.__name__}" + (f".{method}" if method != "__call__" else "")
    return _of_the_values(getattr(ufunc, method), name, inputs, settings)


def _method(ufunc: Any, method: str, inputs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """The answer to ``ufunc.reduce``, ``.accumulate`` or ``.outer``, or None."""
    if method == "outer" and not settings and (op := _ops.get(ufunc) or _op(ufunc)) is not None:
        x, y = (v if isinstance(v, Tensor) else as_array(v) for v in inputs)
        return op(x.reshape((*x.shape, *[1] * y.ndim)), y)
    table = {"reduce": REDUCE, "accumulate": ACCUMULATE}.get(method, {})
    function = getattr(array_api, table.get(ufunc.__name__, ""), None)
    if function is None or len(inputs) > 2:
        return None
    settings = {"axis": 0, **({"axis": inputs[1]} if len(inputs) == 2 else {}), **settings}
    return function(inputs[0], **settings) if _takes(function, inputs[:1], settings) else None


# ------------------------------------------------------------------------------------------ other functions

SAME = (  # in NumPy as in the standard
    *("all", "any", "argmax", "argmin", "argsort", "astype", "broadcast_arrays", "broadcast_to", "clip", "concat"),
    *("count_nonzero", "cumulative_prod", "cumulative_sum", "empty_like", "expand_dims", "flip", "full_like", "max"),
    *("matrix_transpose", "mean", "meshgrid", "min", "moveaxis", "nonzero", "ones_like", "permute_dims", "prod"),
    *("repeat", "reshape", "roll", "searchsorted", "sort", "squeeze", "stack", "std", "sum", "take", "take_along_axis"),
    *("tensordot", "tile", "tril", "triu", "unique_all", "unique_counts", "unique_inverse", "unique_values"),
    *("unstack", "var", "where", "zeros_like"),
)
RENAMED = {"concatenate": "concat", "amax": "max", "amin": "min"}
OURS = (  # in NumPy as in minigrad.ops
    *("atleast_1d", "atleast_2d", "atleast_3d", "column_stack", "dstack", "einsum", "fliplr", "flipud", "hstack"),
    *("inner", "isclose", "kron", "nan_to_num", "rot90", "trace", "vstack"),
)
LINALG = (
    *("cholesky", "det", "eigh", "eigvalsh", "inv", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "pinv"),
    *("slogdet", "solve", "svdvals", "vector_norm"),
)
PARAMETERS = {"a_min": "min", "a_max": "max", "ddof": "correction"}
UNCHANGED = {  # values that mean what leaving the argument out means
    **{"order": ("C", "K", "A", None), "kind": (None,), "mode": ("raise",), "casting": ("same_kind",), "out": (None,)},
    **{"subok": (False, True)},
}
FACTS = (  # no gradient passes through the answer
    *("allclose", "array_equal", "array_equiv", "can_cast", "common_type", "iscomplexobj", "isrealobj", "ndim"),
    *("may_share_memory", "min_scalar_type", "result_type", "shares_memory", "size"),
)


def _transpose(a: Any, axes: Any = None) -> Any:
    return ops.permute(a, tuple(range(a.ndim)[::-1] if axes is None else axes))


def _flattened(function: str) -> Function:
    def cumulative(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
        a, axis = (ops.reshape(a, -1), 0) if axis is None else (a, axis)
        return getattr(array_api, function)(a, axis=axis, dtype=dtype)

    return cumulative


def _dot(a: Any, b: Any) -> Any:
    """For matrices and vectors their product; a number scales; else the last axis of a meets the last but one of b."""
    if not np.ndim(a) or not np.ndim(b):
        return ops.multiply(a, b)
    return ops.matmul(a, b) if b.ndim <= 2 else array_api.tensordot(a, b, axes=((-1,), (-2,)))


def _round(a: Any, decimals: int = 0) -> Any:
    op = _public("round")
    return constant(np.round, a, decimals) if op is None else op(a, decimals=decimals)


OWN: dict[str, Function] = {
    **OF_NUMPY,
    "transpose": _transpose,
    "swapaxes": lambda a, axis1, axis2: ops.transpose(a, axis1, axis2),
    "ravel": lambda a: ops.reshape(a, -1),
    "copy": lambda a: ops.clone(a),
    "dot": _dot,
    "outer": lambda a, b: ops.reshape(a, (-1, 1)) * ops.reshape(b, (1, -1)),
    "cumsum": _flattened("cumulative_sum"),
    "cumprod": _flattened("cumulative_prod"),
    "round": _round,
    "around": _round,
}


@cache
def _answer(function: Any) -> Function | None:
    """What a function of NumPy's is here, if it is anything."""
    name, module = function.__name__, function.__module__
    if module == "numpy.linalg":
        if name in OF_LINALG:
            return OF_LINALG[name]
        found = getattr(import_module("minigrad"), "linalg", None) if name in LINALG else None
        return getattr(found, name, None)
    if module != "numpy":
        return None
    if name in OWN:
        return OWN[name]
    if name in SAME or name in RENAMED:
        return getattr(array_api, RENAMED.get(name, name), None)
    return _public(name) if name in OURS else None


_signature = cache(signature)


def __array_function__(self: Tensor, function: Any, types: Any, args: Any, settings: Any) -> Any:
    """NumPy's protocol for functions that are no ufuncs."""
    if function is np.shape:
        return self.shape
    if function.__name__ in FACTS and function.__module__ == "numpy":
        return function(*_stripped(args), **_stripped(settings))
    answer = _answer(function)
    if answer is not None:
        positional, named = _as_written(function, args, settings)
        if _takes(answer, positional, named):
            out = answer(*positional, **named)
            if out is not NotImplemented:
                return out
    name = function.__module__.replace("numpy", "np") + "." + function.__name__
    return _of_the_values(function, name, args, settings)


def _as_written(function: Any, args: tuple[Any, ...], settings: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The same call: what has no default by position, the rest by name unless it changes nothing."""
    parameters = _signature(function).parameters.values()
    if any(p.kind is Parameter.VAR_POSITIONAL for p in parameters):
        return list(args), dict(settings)
    positional = [p for p in parameters if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
    given = {**{p.name: v for p, v in zip(positional, args, strict=False)}, **settings}
    defaults = {p.name: p.default for p in parameters}
    first = [n for n, d in defaults.items() if d is Parameter.empty and n in given]
    if function is np.where:  # whose arguments are all data
        first = list(given)
    named = {
        PARAMETERS.get(n, n): v
        for n, v in given.items()
        if n not in first and v is not defaults.get(n) and not any(v is u for u in UNCHANGED.get(n, ()))
    }
    return [given[n] for n in first], named


def _takes(function: Function, positional: Any, named: Mapping[str, Any]) -> bool:
    try:
        _signature(function).bind(*positional, **named)
    except TypeError:
        return False
    return True


# ----------------------------------------------------------------------------------- what has no answer here


def _tensors(given: Any) -> Iterator[Tensor]:
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, (list, tuple, dict)):
        for v in given.values() if isinstance(given, dict) else given:
            yield from _tensors(v)


def _stripped(given: Any) -> Any:
    """The same with arrays for Tensors."""
    if isinstance(given, Tensor):
        return given._data
    if isinstance(given, (list, tuple)):
        return type(given)(map(_stripped, given)) if type(given) in (list, tuple) else given
    return {k: _stripped(v) for k, v in given.items()} if isinstance(given, dict) else given


def _of_the_values(function: Function, name: str, args: Any, settings: dict[str, Any]) -> Any:
    """NumPy's answer for the values, refused where it would drop a gradient or write behind the engine's back."""
    if any(True for _ in _tensors(settings.get("out"))):
        raise TypeError(f"{name}: out cannot be a Tensor, whose changes are recorded; take the result, or copy_ it")
    if any(t._requires_grad for t in _tensors([args, settings])):
        how = f" with {', '.join(settings)}" if settings else ""
        own = name.rpartition(".")[2]
        instead = (
            f"minigrad.{own}, which is PyTorch's and may mean another thing" if _public(own) else "an op of minigrad"
        )
        raise TypeError(
            f"{name}{how} has no derivative here, and would drop the gradient of a Tensor; "
            f"use {instead}, or give it tensor.detach() to compute with the values alone"
        )
    return function(*_stripped(args), **_stripped(settings))


def _reflected(function: Function) -> Function:
    return lambda x, y: function(y, x)


for _name in ("left", "right"):  # shifts of integers have no op: nothing flows through them
    _shift = getattr(array_api, f"bitwise_{_name}_shift")
    setattr(ArrayProtocol, f"__{_name[0]}shift__", _shift)
    setattr(ArrayProtocol, f"__r{_name[0]}shift__", _reflected(_shift))

for _protocol in (__array_ufunc__, __array_function__):
    setattr(ArrayProtocol, _protocol.__name__, _protocol)
