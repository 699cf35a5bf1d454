"""Schedulers made of others: one after another, or several at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from .optimizer import Optimizer
from .scheduling import LRScheduler


class SequentialLR(LRScheduler):
    """One scheduler after another: the i-th begins, at its own t = 0, when t reaches ``milestones[i - 1]``."""

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedulers have {len(schedulers) - 1} milestones between them, "
                f"got {len(milestones)}"
            )
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"SequentialLR: scheduler {i} is a {type(scheduler).__name__}, no formula of the step")
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"SequentialLR: scheduler {i} belongs to another optimizer")
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        super().__init__(optimizer, last_epoch)

    def rates(self, t: int) -> list[float]:
        """Those of the scheduler whose turn it is."""
        i = bisect_right(self.milestones, t)
        return self.schedulers[i].rates(t - (self.milestones[i - 1] if i else 0))

    def settings(self) -> dict[str, Any]:
        """The milestones, and the states of the schedulers."""
        return {"_milestones": list(self.milestones), "_schedulers": [s.state_dict() for s in self.schedulers]}

    def load_settings(self, saved: dict[str, Any]) -> None:
        """The milestones, and the schedulers' settings."""
        self.milestones = list(saved.get("_milestones", self.milestones))
        _load_parts("SequentialLR", self.schedulers, saved)


class ChainedScheduler(LRScheduler):
    """Several at once: ``base`` times the factors of all. Each must be a multiple of ``base`` at every step.

    Those are StepLR, MultiStepLR, ConstantLR, LinearLR, ExponentialLR, PolynomialLR and MultiplicativeLR.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        if not schedulers:
            raise ValueError("ChainedScheduler needs at least one scheduler")
        for i, scheduler in enumerate(schedulers):
            if not getattr(scheduler, "multiple", False):
                kind = type(scheduler).__name__
                raise TypeError(f"ChainedScheduler: scheduler {i} is a {kind}, whose rates are no multiples of base")
            if scheduler.optimizer is not (optimizer or schedulers[0].optimizer):
                raise ValueError(f"ChainedScheduler: scheduler {i} belongs to another optimizer")
        self.schedulers = list(schedulers)
        super().__init__(schedulers[0].optimizer, schedulers[0].last_epoch - 1)

    def rates(self, t: int) -> list[float]:
        """All factors multiplied."""
        bases = self.base_lrs
        found = list(bases)
        for scheduler in self.schedulers:
            rates = zip(found, scheduler.rates(t), bases, strict=True)
            found = [lr * (rate / base) if base else 0.0 for lr, rate, base in rates]
        return found

    def settings(self) -> dict[str, Any]:
        """The states of the schedulers."""
        return {"_schedulers": [s.state_dict() for s in self.schedulers]}

    def load_settings(self, saved: dict[str, Any]) -> None:
        """The schedulers' settings."""
        _load_parts("ChainedScheduler", self.schedulers, saved)

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken, here or in PyTorch, whose state is that of the parts alone."""
        parts = saved.get("_schedulers") or [{}]
        super().load_state_dict({**{k: v for k, v in parts[0].items() if k in ("base_lrs", "last_epoch")}, **saved})


def _load_parts(name: str, schedulers: Sequence[LRScheduler], saved: dict[str, Any]) -> None:
    parts = saved.get("_schedulers")
    if parts is None:
        return
    if len(parts) != len(schedulers):
        raise ValueError(f"the saved state is of {len(parts)} schedulers, {name} has {len(schedulers)}")
    for scheduler, part in zip(schedulers, parts, strict=True):
        scheduler.load_settings(part)
