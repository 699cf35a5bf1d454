"""Reverse-mode automatic differentiation, small enough to read.

Start with minigrad/engine.py (a Tensor and the walk), go on with minigrad/ops (every derivative beside its forward),
then minigrad/nn and minigrad/optim. Importing it needs NumPy and nothing else.
"""

from . import autograd, cuda, hooks, inplace, kernels, linalg, nn, ops, optim, random, transforms
from .creation import *  # noqa: F403
from .creation import __all__ as _creation
from .device import DeviceError, device, get_float32_matmul_precision, set_float32_matmul_precision
from .diagnosis import detect_anomaly, set_detect_anomaly, strict_broadcasting
from .engine import Tensor, derivatives, gradients, op
from .errors import BroadcastingWarning
from .interop import numpy_calls  # noqa: F401  # NumPy's functions find Tensors' answers
from .interop.exchange import from_dlpack
from .kernels import get_num_threads, set_num_threads, use_kernels
from .names import *  # noqa: F403
from .names import __all__ as _names
from .ops import *  # noqa: F403
from .ops import __all__ as _ops
from .random import Generator, manual_seed
from .recording import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .spellings import respell
from .transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__all__ = [
    "BroadcastingWarning",
    "DeviceError",
    "Generator",
    "Tensor",
    "autograd",
    "cuda",
    "derivatives",
    "detect_anomaly",
    "device",
    "enable_grad",
    "from_dlpack",
    "get_float32_matmul_precision",
    "get_num_threads",
    "grad",
    "gradients",
    "hessian",
    "hooks",
    "hvp",
    "inference_mode",
    "inplace",
    "is_grad_enabled",
    "jacobian",
    "jvp",
    "kernels",
    "linalg",
    "manual_seed",
    "nn",
    "no_grad",
    "op",
    "ops",
    "optim",
    "random",
    "set_detect_anomaly",
    "set_float32_matmul_precision",
    "set_grad_enabled",
    "set_num_threads",
    "strict_broadcasting",
    "transforms",
    "use_kernels",
    "value_and_grad",
    "vjp",
    # import * keeps Python's own
    *(name for name in _ops if name not in ("abs", "all", "any", "max", "min", "pow", "round", "sum")),
    *_creation,
    *(name for name in _names if name not in ("bool", "float", "int")),
]
respell(globals(), (*_creation, "is_floating_point", "numel", "result_type"))
