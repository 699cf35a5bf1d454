"""PyTorch compiled with ``mode="reduce-overhead"``: each loss, forward and backward, is a CUDA graph of its own.

The optimisers are PyTorch's fused ones, between the graphs.
"""

from __future__ import annotations

from typing import Any

import torch

from ..cases import Inputs, TrainingStep
from . import DeviceStep
from .torch_steps import LIBRARIES, Training, each, setup, timed

__all__ = ["LIBRARIES", "SEVERAL", "setup", "step"]

SEVERAL = False


def step(case: TrainingStep, inputs: Inputs, device: str) -> DeviceStep | None:
    """None for simultaneous updates: a compiled backward pass computes both players' gradients for either loss."""
    if case.update == "simultaneous":
        return None
    torch._dynamo.reset()
    training = Training(case, inputs, device, static=False)
    loss_D, loss_G = compiled(training.loss_D), compiled(training.loss_G)

    def one(t: int) -> None:
        torch.compiler.cudagraph_mark_step_begin()
        training.alternating(t, loss_D, loss_G)

    return timed(training, each(training, one))


def compiled(function: Any) -> Any:
    return torch.compile(function, mode="reduce-overhead", dynamic=False)
