"""Reverse-mode automatic differentiation, small enough to read.

Start with minigrad/engine.py (a Tensor and the walk), go on with minigrad/ops (every derivative beside its forward),
then minigrad/nn and minigrad/optim.py. Importing it needs NumPy and nothing else.
"""

from . import inplace, kernels, nn, ops, optim, random
from .creation import *  # noqa: F403
from .creation import __all__ as _creation
from .engine import Tensor, derivatives, gradients, op
from .kernels import get_num_threads, set_num_threads, use_kernels
from .mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from .ops import *  # noqa: F403
from .ops import __all__ as _ops
from .random import Generator, manual_seed

__all__ = [
    "Generator",
    "Tensor",
    "derivatives",
    "enable_grad",
    "get_num_threads",
    "gradients",
    "inplace",
    "is_grad_enabled",
    "kernels",
    "manual_seed",
    "nn",
    "no_grad",
    "op",
    "ops",
    "optim",
    "random",
    "set_grad_enabled",
    "set_num_threads",
    "use_kernels",
    *(
        n for n in _ops if n not in ("abs", "all", "any", "max", "min", "pow", "round", "sum")
    ),  # import * keeps Python's
    *_creation,
]
