"""PyTorch's eager step captured by hand in one CUDA graph, optimisers and schedules with it: torch.cuda.graph."""

from __future__ import annotations

import torch

from ..cases import Inputs, TrainingStep
from . import DeviceStep
from .torch_steps import LIBRARIES, Training, each, setup, timed

__all__ = ["LIBRARIES", "SEVERAL", "setup", "step"]

SEVERAL = True

WARM = 3  # calls on a stream of their own before the capture, as PyTorch's manual has it


def step(case: TrainingStep, inputs: Inputs, device: str) -> DeviceStep | None:
    training = Training(case, inputs, device, static=True)
    one = training.simultaneous
    if case.update == "alternating":
        one = lambda t: training.alternating(t, training.loss_D, training.loss_G)
    run = each(training, one)
    if device == "cpu":  # nothing to capture: the same code, call by call
        return timed(training, run)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    training.restore()
    torch.cuda.synchronize()
    return timed(training, graph.replay)
