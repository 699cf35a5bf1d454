"""minigrad op by op on the device, as gan/algorithm.py is written: CuPy's kernels, and a host that waits for losses."""

from __future__ import annotations

from gan.algorithm import alternating, simultaneous
from minigrad.optim import Scheduler

from ..cases import Inputs, TrainingStep
from . import DeviceStep
from .minigrad_steps import LIBRARIES, Training, setup, timed

__all__ = ["LIBRARIES", "SEVERAL", "setup", "step"]

SEVERAL = False


def step(case: TrainingStep, inputs: Inputs, device: str) -> DeviceStep:
    training = Training(case, inputs, "plain")
    schedulers = [Scheduler(o, lr=training.decay) for o in training.moves]
    iteration = alternating if case.update == "alternating" else simultaneous

    def run() -> None:
        for _ in range(case.steps):
            losses = iteration(training.game)
            for scheduler in schedulers:
                scheduler.step()
        training.losses = lambda: (losses.d_loss.item(), losses.g_loss.item())

    return timed(training, run)
