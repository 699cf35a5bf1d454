"""The layers' formulas as functions: no state, and none but those of dropout draw. PyTorch's names, argument order.

Activations, ``linear``, convolutions and pooling are ops (minigrad/ops); the other families lie beside this file.
"""

from ...ops import activations, convolution, linear, log_softmax, one_hot, pad, pooling, softmax
from ...ops.activations import *  # noqa: F403
from ...ops.convolution import *  # noqa: F403
from ...ops.pooling import *  # noqa: F403
from ...ops.windows import fold, unfold
from ...spellings import respell
from . import classification, distances, dropping, images, lookup, losses, margins, normalization
from .classification import *  # noqa: F403
from .distances import *  # noqa: F403
from .dropping import *  # noqa: F403
from .images import *  # noqa: F403
from .lookup import *  # noqa: F403
from .losses import *  # noqa: F403
from .margins import *  # noqa: F403
from .normalization import *  # noqa: F403

__all__ = ["fold", "linear", "log_softmax", "one_hot", "pad", "softmax", "unfold"]
__all__ += activations.__all__
__all__ += convolution.__all__
__all__ += pooling.__all__
__all__ += classification.__all__
__all__ += distances.__all__
__all__ += dropping.__all__
__all__ += lookup.__all__
__all__ += images.__all__
__all__ += losses.__all__
__all__ += margins.__all__
__all__ += normalization.__all__
respell(globals(), __all__)
