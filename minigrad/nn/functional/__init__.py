"""The layers' formulas as functions: no state, no drawing of random numbers. PyTorch's names and argument order.

Activations, ``linear``, convolutions and pooling are ops (minigrad/ops); the other families lie beside this file.
"""

from ...ops import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    avg_pool1d,
    avg_pool2d,
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose2d,
    leaky_relu,
    linear,
    log_softmax,
    logsigmoid,
    max_pool1d,
    max_pool2d,
    maxout,
    relu,
    sigmoid,
    softmax,
    softplus,
    tanh,
)
from ...ops.windows import fold, unfold
from . import classification, distances, dropping, images, lookup, losses, margins, normalization
from .classification import *  # noqa: F403
from .distances import *  # noqa: F403
from .dropping import *  # noqa: F403
from .images import *  # noqa: F403
from .lookup import *  # noqa: F403
from .losses import *  # noqa: F403
from .margins import *  # noqa: F403
from .normalization import *  # noqa: F403

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "fold",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "max_pool1d",
    "max_pool2d",
    "maxout",
    "relu",
    "sigmoid",
    "softmax",
    "softplus",
    "tanh",
    "unfold",
]
__all__ += classification.__all__
__all__ += distances.__all__
__all__ += dropping.__all__
__all__ += lookup.__all__
__all__ += images.__all__
__all__ += losses.__all__
__all__ += margins.__all__
__all__ += normalization.__all__
