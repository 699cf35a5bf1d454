"""The kernels and products of minigrad's captured step, launched one by one: what the graph saves."""

from __future__ import annotations

from functools import partial

from . import minigrad_captured
from .minigrad_steps import LIBRARIES, setup

__all__ = ["LIBRARIES", "SEVERAL", "setup", "step"]

SEVERAL = False

step = partial(minigrad_captured.step, captured=False)
