"""Reverse-mode automatic differentiation, small enough to read.

Start with minigrad/engine.py (a Tensor and the walk), go on with minigrad/ops (every derivative beside its forward),
then minigrad/nn and minigrad/optim. Importing it needs NumPy and nothing else.
"""

from . import inplace, kernels, nn, ops, optim, random
from .engine import Tensor, derivatives, gradients, op
from .interop import numpy_calls  # noqa: F401  # NumPy's functions find Tensors' answers
from .interop.exchange import from_dlpack
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
    "from_dlpack",
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
    *(name for name in _ops if name not in ("abs", "max", "min", "pow", "round", "sum")),  # import * keeps Python's own
]
