"""Tools for those who write derivatives, or doubt them.

``gradcheck`` and ``gradgradcheck`` need NumPy alone. ``check_op`` and the strategies draw their examples with
Hypothesis (``pip install minigrad-gan[testing]``), which is loaded when one of them is first used.
"""

import importlib
from typing import Any

from .check_op import Report, check_at, check_op
from .engines import Engine
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .kinks import is_smooth
from .report import OpError

__all__ = [
    "Engine",
    "GradcheckError",
    "OpError",
    "Report",
    "check_at",
    "check_op",
    "gradcheck",
    "gradgradcheck",
    "is_smooth",
]

_STRATEGIES = (
    *("arrays", "away_from_kinks", "broadcastable", "mlps"),
    *("programs", "shapes", "tensors", "well_conditioned"),
)
__all__ += [*_STRATEGIES]


def __getattr__(name: str) -> Any:
    if name not in _STRATEGIES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(f"{__name__}.strategies"), name)
