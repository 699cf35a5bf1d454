"""Settings that change over time, as functions of time: the paper's schedules, for any setting of an optimiser.

PyTorch's schedulers of the learning rate, with its names, are in minigrad/optim/lr_scheduler.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .optimizer import Optimizer

Schedule = Callable[[int], float]
"""A setting as a function of how many times ``Scheduler.step`` was called."""


@dataclass(frozen=True)
class ExponentialDecay:
    """``max(start / factor^t, minimum)``: pylearn2's form."""

    start: float
    factor: float
    minimum: float = 0.0

    def __call__(self, t: int) -> float:
        """The value at ``t``."""
        return max(self.start * self.factor**-t, self.minimum)  # factor^t itself may be too large for a float


@dataclass(frozen=True)
class LinearRamp:
    """From ``start``, linearly over ``steps`` steps, to ``end``, and there it stays."""

    start: float
    end: float
    steps: int

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"LinearRamp needs at least one step from start to end, got {self.steps}")

    def __call__(self, t: int) -> float:
        """The value at ``t``."""
        return self.start + (self.end - self.start) * min(1.0, t / self.steps)


class Scheduler:
    """Sets an optimiser's settings, in all groups, by schedules: ``Scheduler(sgd, lr=f, momentum=h)``.

    On creation to ``f(0)``, at the n-th ``step()`` to ``f(n)``.
    """

    def __init__(self, optimizer: Optimizer, **schedules: Schedule) -> None:
        unknown = schedules.keys() - optimizer.defaults.keys()
        if unknown:
            raise ValueError(f"{type(optimizer).__name__} has no setting {', '.join(sorted(unknown))} to schedule")
        self.optimizer, self.schedules, self.count = optimizer, schedules, 0
        self._set()

    def step(self) -> None:
        """Move on by one: after a minibatch, or after an epoch."""
        self.count += 1
        self._set()

    def _set(self) -> None:
        for group in self.optimizer.param_groups:
            group.update({name: schedule(self.count) for name, schedule in self.schedules.items()})

    def state_dict(self) -> dict[str, int]:
        """How often it stepped."""
        return {"count": self.count}

    def load_state_dict(self, saved: dict[str, int]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self.count = int(saved["count"])
        self._set()
