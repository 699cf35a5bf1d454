"""PyTorch compiled: both losses, forward and backward, and the optimisers' fused kernels between them."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from . import torch_eager
from .torch_eager import LIBRARY, setup

__all__ = ["LIBRARY", "gan", "mlp", "setup"]


def compiled(function: Any) -> Any:
    """Anew for every case: what an earlier one compiled must not count as this one's, nor make it general."""
    torch._dynamo.reset()
    return torch.compile(function, dynamic=False)


mlp = partial(torch_eager.mlp, compiled=compiled)
gan = partial(torch_eager.gan, compiled=compiled, frozen=True)
