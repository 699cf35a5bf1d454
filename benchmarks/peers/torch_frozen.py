"""PyTorch eager with D frozen in G's update, so that no gradients of D are computed there: a GAN's step only."""

from __future__ import annotations

from functools import partial

from . import torch_eager
from .torch_eager import LIBRARY, setup

__all__ = ["LIBRARY", "gan", "setup"]

gan = partial(torch_eager.gan, frozen=True)
