"""Every op: its forward and, under it, its derivatives. By family, in reading order.

arithmetic -> elementary -> activations -> reductions -> shape, and of matrices: products -> contractions -> linalg
-> decompositions -> norms.
This file only gathers them, and hangs them on Tensor as operators and methods (declared for type checkers in
minigrad/_methods.pyi).
"""

from typing import Any

from ..engine import Tensor
from . import (
    activations,
    arithmetic,
    contractions,
    decompositions,
    elementary,
    linalg,
    norms,
    products,
    reductions,
    shape,
)
from .activations import *  # noqa: F403
from .arithmetic import *  # noqa: F403
from .contractions import *  # noqa: F403
from .decompositions import *  # noqa: F403
from .elementary import *  # noqa: F403
from .linalg import *  # noqa: F403
from .norms import *  # noqa: F403
from .products import *  # noqa: F403
from .reductions import *  # noqa: F403
from .shape import *  # noqa: F403

_FUNCTIONS_ONLY = {
    "cat",
    "stack",
    "where",
    "linear",
    "einsum",
    "multi_dot",
    "chain_matmul",
    "cdist",
}  # their first argument is not *the* Tensor

__all__: list[str] = []
__all__ += arithmetic.__all__
__all__ += products.__all__
__all__ += contractions.__all__
__all__ += linalg.__all__
__all__ += decompositions.__all__
__all__ += norms.__all__
__all__ += elementary.__all__
__all__ += activations.__all__
__all__ += reductions.__all__
__all__ += shape.__all__


def _reflected(function: Any) -> Any:
    """``y - x`` where only ``x`` is a Tensor: Python asks x.__rsub__(y)."""
    return lambda x, y: function(y, x)


_OPERATORS = {
    "__add__": arithmetic.add,
    "__radd__": _reflected(arithmetic.add),
    "__sub__": arithmetic.subtract,
    "__rsub__": _reflected(arithmetic.subtract),
    "__mul__": arithmetic.multiply,
    "__rmul__": _reflected(arithmetic.multiply),
    "__truediv__": arithmetic.divide,
    "__rtruediv__": _reflected(arithmetic.divide),
    "__pow__": arithmetic.power,
    "__rpow__": _reflected(arithmetic.power),
    "__matmul__": products.matmul,
    "__rmatmul__": _reflected(products.matmul),
    "__neg__": arithmetic.negative,
    "__abs__": elementary.abs,
    "__getitem__": shape.getitem,
    "__eq__": arithmetic.equal,
    "__ne__": arithmetic.not_equal,
    "__lt__": arithmetic.less,
    "__le__": arithmetic.less_equal,
    "__gt__": arithmetic.greater,
    "__ge__": arithmetic.greater_equal,
    "__and__": arithmetic.logical_and,
    "__rand__": _reflected(arithmetic.logical_and),
    "__or__": arithmetic.logical_or,
    "__ror__": _reflected(arithmetic.logical_or),
    "__invert__": arithmetic.logical_not,
    "T": property(lambda x: shape.permute(x, *range(x.ndim)[::-1])),
    "mT": property(lambda x: shape.transpose(x, -2, -1)),
    "where": lambda x, condition, other: elementary.where(condition, x, other),
    "to": lambda x, dtype: x if x.dtype == dtype else elementary.astype(x, dtype),
    "float": lambda x: x.to("float32"),
    "double": lambda x: x.to("float64"),
    "view": shape.reshape,
    "pow": arithmetic.power,
    "sub": arithmetic.subtract,
    "mul": arithmetic.multiply,
    "div": arithmetic.divide,
    "neg": arithmetic.negative,
    "clamp": elementary.clip,
}

for _name, _function in {
    **{n: globals()[n] for n in __all__ if n not in _FUNCTIONS_ONLY},
    **_OPERATORS,
}.items():
    setattr(Tensor, _name, _function)
