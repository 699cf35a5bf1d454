"""Which code takes a run's iterations: the ops, one iteration at a time, or on a GPU one captured graph for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad import optim

from .settings import Settings

if TYPE_CHECKING:
    from .captured import CapturedGame
    from .training import Training


def momentum_ramp(s: Settings) -> optim.LinearRamp:
    """Momentum by epochs, as the released code raises it."""
    return optim.LinearRamp(s.momentum_start, s.momentum_end, s.momentum_epochs - 1)


def learning_rate_decay(s: Settings) -> optim.ExponentialDecay:
    """The learning rate by iterations."""
    return optim.ExponentialDecay(s.learning_rate, s.learning_rate_decay, s.learning_rate_min)


def captured(training: Training) -> CapturedGame | None:
    """The run's iterations as one graph, from where it stands; None where they are taken op by op.

    That is on the cpu, with plain kernels, and for what no kernel was written for (gan/captured.py, ``unfit``).
    """
    s = training.settings
    if s.device != "cuda" or s.kernels != "fused":
        return None
    from .captured import CapturedGame, unfit  # loads the room of the kernels

    ramp = None if s.optimizer == "adam" else momentum_ramp(s)
    if unfit(training.game, ramp):
        return None
    z = training.z if s.noise == "uniform" else None
    return CapturedGame(training.game, s.update, s.k, z, learning_rate_decay(s), ramp, training.step)


def until_due(s: Settings, step: int) -> int:
    """How many iterations may be taken before the next thing is written down: at least 1 while step < s.steps."""
    every = (s.log_every, s.validate_every, s.parzen_every, s.sample_every, s.checkpoint_every)
    return min(s.steps - step, *(n - step % n for n in every))
