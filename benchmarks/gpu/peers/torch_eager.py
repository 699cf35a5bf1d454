"""PyTorch eager as its tutorials write it, with the fused optimiser, and D frozen in G's update."""

from __future__ import annotations

from ..cases import Inputs, TrainingStep
from . import DeviceStep
from .torch_steps import LIBRARIES, Training, each, setup, timed

__all__ = ["LIBRARIES", "SEVERAL", "setup", "step"]

SEVERAL = False


def step(case: TrainingStep, inputs: Inputs, device: str) -> DeviceStep | None:
    training = Training(case, inputs, device, static=False)
    if case.update == "simultaneous":
        return timed(training, each(training, training.simultaneous))
    return timed(training, each(training, lambda t: training.alternating(t, training.loss_D, training.loss_G)))
