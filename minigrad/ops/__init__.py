"""Every op: its forward and, under it, its derivatives. By family, in reading order.

arithmetic -> elementary -> activations -> reductions -> shape. This file only gathers them, and hangs them on Tensor
as operators and methods (declared for type checkers in minigrad/_methods.pyi).
"""

from typing import Any

from ..engine import Tensor
from . import activations, arithmetic, elementary, reductions, shape
from .activations import leaky_relu, logsigmoid, maxout, relu, sigmoid, softplus, tanh
from .arithmetic import (
    add,
    divide,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    linear,
    logical_and,
    logical_not,
    logical_or,
    matmul,
    multiply,
    negative,
    not_equal,
    power,
    subtract,
)
from .elementary import abs, astype, clip, clone, exp, log, maximum, minimum, sign, sqrt, where
from .reductions import (
    amax,
    amin,
    argmax,
    argmin,
    log_softmax,
    logsumexp,
    max,
    mean,
    min,
    softmax,
    std,
    sum,
    var,
)
from .shape import (
    cat,
    expand,
    flatten,
    getitem,
    narrow,
    permute,
    reshape,
    split,
    squeeze,
    stack,
    take_along_dim,
    transpose,
    unsqueeze,
)

_FAMILIES = (arithmetic, elementary, activations, reductions, shape)
_FUNCTIONS_ONLY = {"cat", "stack", "where", "linear"}  # their first argument is not *the* Tensor

__all__ = [
    "abs",
    "add",
    "amax",
    "amin",
    "argmax",
    "argmin",
    "astype",
    "cat",
    "clip",
    "clone",
    "divide",
    "equal",
    "exp",
    "expand",
    "flatten",
    "getitem",
    "greater",
    "greater_equal",
    "leaky_relu",
    "less",
    "less_equal",
    "linear",
    "log",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsigmoid",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "maxout",
    "mean",
    "min",
    "minimum",
    "multiply",
    "narrow",
    "negative",
    "not_equal",
    "permute",
    "power",
    "relu",
    "reshape",
    "sigmoid",
    "sign",
    "softmax",
    "softplus",
    "split",
    "sqrt",
    "squeeze",
    "stack",
    "std",
    "subtract",
    "sum",
    "take_along_dim",
    "tanh",
    "transpose",
    "unsqueeze",
    "var",
    "where",
]


def _reflected(function: Any) -> Any:
    """``y - x`` where only ``x`` is a Tensor: Python asks x.__rsub__(y)."""
    return lambda x, y: function(y, x)


_OPERATORS = {
    "__add__": add,
    "__radd__": _reflected(add),
    "__sub__": subtract,
    "__rsub__": _reflected(subtract),
    "__mul__": multiply,
    "__rmul__": _reflected(multiply),
    "__truediv__": divide,
    "__rtruediv__": _reflected(divide),
    "__pow__": power,
    "__rpow__": _reflected(power),
    "__matmul__": matmul,
    "__rmatmul__": _reflected(matmul),
    "__neg__": negative,
    "__abs__": abs,
    "__getitem__": getitem,
    "__eq__": equal,
    "__ne__": not_equal,
    "__lt__": less,
    "__le__": less_equal,
    "__gt__": greater,
    "__ge__": greater_equal,
    "__and__": logical_and,
    "__rand__": _reflected(logical_and),
    "__or__": logical_or,
    "__ror__": _reflected(logical_or),
    "__invert__": logical_not,
    "T": property(lambda x: permute(x, *range(x.ndim)[::-1])),
    "mT": property(lambda x: transpose(x, -2, -1)),
    "where": lambda x, condition, other: where(condition, x, other),
    "to": lambda x, dtype: x if x.dtype == dtype else astype(x, dtype),
    "float": lambda x: x.to("float32"),
    "double": lambda x: x.to("float64"),
    "view": reshape,
    "pow": power,
    "sub": subtract,
    "mul": multiply,
    "div": divide,
    "neg": negative,
    "clamp": clip,
}

for _name, _function in {
    **{n: globals()[n] for n in __all__ if n not in _FUNCTIONS_ONLY},
    **_OPERATORS,
}.items():
    setattr(Tensor, _name, _function)
