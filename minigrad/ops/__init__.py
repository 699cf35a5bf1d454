"""Every op: its forward and, under it, its derivatives. By family, in reading order.

arithmetic -> comparison -> elementary -> trigonometric -> special -> rounding -> activations -> reductions -> shape ->
joining -> indexing -> scattering -> rearranging -> diagonals -> cumulative -> calculus -> sorting -> counting ->
statistics; of matrices: products -> contractions -> linalg -> decompositions -> factorizations -> norms; of networks:
convolution -> pooling; aliases.py has the second names. This file only gathers them, and hangs them on Tensor as
operators and methods (declared for type checkers in minigrad/_methods.pyi).
"""

from typing import Any

from ..engine import Tensor
from ..spellings import respell, spelled
from . import (
    activations,
    aliases,
    arithmetic,
    calculus,
    comparison,
    contractions,
    convolution,
    counting,
    cumulative,
    decompositions,
    diagonals,
    elementary,
    factorizations,
    indexing,
    joining,
    linalg,
    norms,
    pooling,
    products,
    rearranging,
    reductions,
    rounding,
    scattering,
    shape,
    sorting,
    special,
    statistics,
    trigonometric,
)
from .activations import *  # noqa: F403
from .aliases import *  # noqa: F403
from .arithmetic import *  # noqa: F403
from .calculus import *  # noqa: F403
from .comparison import *  # noqa: F403
from .contractions import *  # noqa: F403
from .convolution import *  # noqa: F403
from .counting import *  # noqa: F403
from .cumulative import *  # noqa: F403
from .decompositions import *  # noqa: F403
from .diagonals import *  # noqa: F403
from .elementary import *  # noqa: F403
from .factorizations import *  # noqa: F403
from .indexing import *  # noqa: F403
from .joining import *  # noqa: F403
from .linalg import *  # noqa: F403
from .norms import *  # noqa: F403
from .pooling import *  # noqa: F403
from .products import *  # noqa: F403
from .rearranging import *  # noqa: F403
from .reductions import *  # noqa: F403
from .rounding import *  # noqa: F403
from .scattering import *  # noqa: F403
from .shape import *  # noqa: F403
from .sorting import *  # noqa: F403
from .special import *  # noqa: F403
from .statistics import *  # noqa: F403
from .trigonometric import *  # noqa: F403

_FUNCTIONS_ONLY = {"cat", "rsub", "stack", "where", "linear", "polygamma"}  # their first argument is not *the* Tensor
_FUNCTIONS_ONLY |= {*convolution.__all__, *pooling.__all__}  # layers' formulas: no methods, as in PyTorch
_FUNCTIONS_ONLY |= {"atleast_1d", "atleast_2d", "atleast_3d", "broadcast_tensors", "cartesian_prod", "meshgrid"}
_FUNCTIONS_ONLY |= {"column_stack", "concat", "concatenate", "dstack", "hstack", "vstack"}
_FUNCTIONS_ONLY |= {"bucketize", "one_hot", "pad", "searchsorted"}
_FUNCTIONS_ONLY |= {*factorizations.__all__}  # of linalg, in PyTorch too
_FUNCTIONS_ONLY |= {"isin", "pdist", "vander"}
_FUNCTIONS_ONLY |= {"block_diag", "cumulative_trapezoid", "gradient", "trapezoid", "trapz"}
_FUNCTIONS_ONLY |= {"cdist", "chain_matmul", "einsum", "multi_dot"}

__all__: list[str] = []
__all__ += arithmetic.__all__
__all__ += products.__all__
__all__ += contractions.__all__
__all__ += linalg.__all__
__all__ += decompositions.__all__
__all__ += factorizations.__all__
__all__ += norms.__all__
__all__ += comparison.__all__
__all__ += elementary.__all__
__all__ += trigonometric.__all__
__all__ += special.__all__
__all__ += rounding.__all__
__all__ += activations.__all__
__all__ += reductions.__all__
__all__ += shape.__all__
__all__ += convolution.__all__
__all__ += pooling.__all__
__all__ += joining.__all__
__all__ += indexing.__all__
__all__ += scattering.__all__
__all__ += rearranging.__all__
__all__ += diagonals.__all__
__all__ += cumulative.__all__
__all__ += calculus.__all__
__all__ += sorting.__all__
__all__ += counting.__all__
__all__ += statistics.__all__
__all__ += aliases.__all__
respell(globals(), __all__)


def _reflected(function: Any) -> Any:
    """``y - x`` where only ``x`` is a Tensor: Python asks x.__rsub__(y)."""
    return lambda x, y: function(y, x)


def _adjoint(x: Any) -> Any:
    if x.ndim != 2:
        raise ValueError(f"H is the transpose of a matrix, got shape {x.shape}; mH is that of the last two dimensions")
    return shape.transpose(x, 0, 1)


_OPERATORS = {
    "__add__": arithmetic._add,
    "__radd__": _reflected(arithmetic._add),
    "__sub__": arithmetic._subtract,
    "__rsub__": _reflected(arithmetic._subtract),
    "__mul__": arithmetic.multiply,
    "__rmul__": _reflected(arithmetic.multiply),
    "__truediv__": arithmetic._divide,
    "__rtruediv__": _reflected(arithmetic._divide),
    "__pow__": arithmetic.power,
    "__rpow__": _reflected(arithmetic.power),
    "__matmul__": products.matmul,
    "__rmatmul__": _reflected(products.matmul),
    "__neg__": arithmetic.negative,
    "__pos__": arithmetic.positive,
    "__abs__": elementary.abs,
    "__floordiv__": rounding.floor_divide,
    "__rfloordiv__": _reflected(rounding.floor_divide),
    "__mod__": rounding.remainder,
    "__rmod__": _reflected(rounding.remainder),
    "__divmod__": lambda x, y: (x // y, x % y),
    "__rdivmod__": lambda x, y: (y // x, y % x),
    "__getitem__": indexing.getitem,
    "__eq__": comparison.eq,
    "__ne__": comparison.not_equal,
    "__lt__": comparison.less,
    "__le__": comparison.less_equal,
    "__gt__": comparison.greater,
    "__ge__": comparison.greater_equal,
    "__and__": comparison.bitwise_and,
    "__rand__": _reflected(comparison.bitwise_and),
    "__or__": comparison.bitwise_or,
    "__ror__": _reflected(comparison.bitwise_or),
    "__xor__": comparison.bitwise_xor,
    "__rxor__": _reflected(comparison.bitwise_xor),
    "__invert__": comparison.bitwise_not,
    "T": property(lambda x: shape.permute(x, *range(x.ndim)[::-1])),
    "H": property(_adjoint),  # all numbers here are real, and their own conjugates
    "mH": property(lambda x: shape.transpose(x, -2, -1)),
    "mT": property(lambda x: shape.transpose(x, -2, -1)),
    "where": lambda x, condition, other: elementary.where(condition, x, other),
    "view": spelled(shape.reshape),
    "polygamma": lambda x, n: special.polygamma(n, x),
}

for _name, _function in {
    **{n: globals()[n] for n in __all__ if n not in _FUNCTIONS_ONLY},
    **_OPERATORS,
}.items():
    setattr(Tensor, _name, _function)
