"""The Python array API standard, version 2023.12, for Tensors: what ``tensor.__array_namespace__()`` is.

Code written for the standard computes with Tensors, and its gradients flow wherever the mathematics has them. Not
offered: complex numbers and what needs them. ``Tensor.size`` is PyTorch's method, where the standard has a property.
"""

from math import e, inf, nan, pi

from .. import ops
from . import creation, dtypes, elementwise, manipulation, reductions, searching
from .creation import *  # noqa: F403
from .dtypes import *  # noqa: F403
from .elementwise import *  # noqa: F403
from .info import __array_namespace_info__
from .manipulation import *  # noqa: F403
from .reductions import *  # noqa: F403
from .searching import *  # noqa: F403

if hasattr(ops, "cholesky"):
    from . import linalg  # noqa: F401  # an extension: where there is linear algebra

__array_api_version__ = "2023.12"
newaxis = None
globals().update(dtypes.DTYPES)  # bool, int8, ..., float64

__all__ = ["__array_api_version__", "__array_namespace_info__", "e", "inf", "nan", "newaxis", "pi"]
__all__ += creation.__all__
__all__ += dtypes.__all__
__all__ += list(dtypes.DTYPES)
__all__ += elementwise.__all__
__all__ += manipulation.__all__
__all__ += reductions.__all__
__all__ += searching.__all__
