"""minigrad's whole step as one CUDA graph: what `gan train --device cuda` runs."""

from __future__ import annotations

from typing import Any

from gan.captured import CapturedGame

from ..cases import Inputs, TrainingStep
from . import DeviceStep
from .minigrad_steps import LIBRARIES, Training, setup, timed

__all__ = ["LIBRARIES", "SEVERAL", "setup", "step"]

SEVERAL = True


def step(case: TrainingStep, inputs: Inputs, device: str, captured: bool = True) -> DeviceStep:
    training = Training(case, inputs, "fused")
    game = CapturedGame(training.game, case.update, 1, training.z, training.decay, captured=captured)
    last: dict[str, Any] = {}

    def checked() -> None:
        """The sums of losses are those since they were last asked for: of the last step alone."""
        if case.steps > 1:
            game.run(case.steps - 1)
            game.losses()
        game.run(1)
        last.update(game.losses())

    training.losses = lambda: (last["d_loss"], last["g_loss"])
    return timed(training, checked if inputs.draws else lambda: game.run(case.steps))
