"""Second names: NumPy's where an op has PyTorch's name, PyTorch's where it has NumPy's. The same functions."""

from .activations import silu as swish
from .arithmetic import divide as div
from .arithmetic import divide as true_divide
from .arithmetic import multiply as mul
from .arithmetic import negative as neg
from .arithmetic import power as pow
from .arithmetic import subtract as sub
from .comparison import greater as gt
from .comparison import greater_equal as ge
from .comparison import less as lt
from .comparison import less_equal as le
from .comparison import not_equal as ne
from .elementary import abs as absolute
from .elementary import clip as clamp
from .elementary import sign as sgn
from .rounding import remainder as mod
from .rounding import trunc as fix
from .trigonometric import acos as arccos
from .trigonometric import acosh as arccosh
from .trigonometric import asin as arcsin
from .trigonometric import asinh as arcsinh
from .trigonometric import atan as arctan
from .trigonometric import atan2 as arctan2
from .trigonometric import atanh as arctanh
from .trigonometric import deg2rad as radians
from .trigonometric import rad2deg as degrees

__all__ = [
    "absolute",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "clamp",
    "degrees",
    "div",
    "fix",
    "ge",
    "gt",
    "le",
    "lt",
    "mod",
    "mul",
    "ne",
    "neg",
    "pow",
    "radians",
    "sgn",
    "sub",
    "swish",
    "true_divide",
]
