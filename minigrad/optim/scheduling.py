"""What all schedulers of the learning rate share: a formula for the rate after t steps, and a state."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .optimizer import Optimizer


class LRScheduler:
    """Base: ``rate(base, t)`` is the learning rate after t steps of a group that began with ``base``.

    A group's first rate is kept in it as ``initial_lr``, so that schedulers made later begin with the same.
    ``last_epoch``: t; a scheduler created with another one than -1 goes on behind it.
    """

    multiple = False  # whether its rates are multiples of base: those of several may be multiplied

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__} schedules an Optimizer, got {type(optimizer).__name__}")
        self.optimizer, self.last_epoch = optimizer, last_epoch + 1
        self._set()

    @property
    def base_lrs(self) -> list[float]:
        """Every group's first rate."""
        return [group.setdefault("initial_lr", group["lr"]) for group in self.optimizer.param_groups]

    def rate(self, base: float, t: int) -> float:
        """The learning rate after ``t`` steps."""
        raise NotImplementedError(f"{type(self).__name__} has no rate")

    def rates(self, t: int) -> list[float]:
        """The learning rate of every group after ``t`` steps."""
        return [self.rate(base, t) for base in self.base_lrs]

    def get_last_lr(self) -> list[float]:
        """The learning rates now, by group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def step(self) -> None:
        """Move on by one: after an epoch, or after a minibatch."""
        self.last_epoch += 1
        self._set()

    def _set(self) -> None:
        for group, lr in zip(self.optimizer.param_groups, self.rates(self.last_epoch), strict=True):
            group["lr"] = lr

    def settings(self) -> dict[str, Any]:
        """What it was made with, by name. Of functions the state has nothing: give them anew."""
        return settings_of(self)

    def load_settings(self, saved: dict[str, Any]) -> None:
        """Take over what it was made with, as far as the state has it."""
        load_settings(self, saved)

    def state_dict(self) -> dict[str, Any]:
        """Where it is, and its settings, under PyTorch's names."""
        place = {"base_lrs": self.base_lrs, "last_epoch": self.last_epoch, "_last_lr": self.get_last_lr()}
        return {**self.settings(), **place}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken, here or in PyTorch. Settings that it lacks stay as they are."""
        groups = self.optimizer.param_groups
        if len(saved["base_lrs"]) != len(groups):
            raise ValueError(f"the saved state is of {len(saved['base_lrs'])} groups, the optimizer has {len(groups)}")
        for group, base in zip(groups, saved["base_lrs"], strict=True):
            group["initial_lr"] = base
        self.load_settings(saved)
        self.last_epoch = int(saved["last_epoch"])
        self._set()


def settings_of(scheduler: Any) -> dict[str, Any]:
    """Its attributes but the optimiser; of a function None, of another object that is called a copy of its own."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(v) for v in value]
        return dict(getattr(value, "__dict__", {})) or None if callable(value) else value

    return {k: plain(v) for k, v in vars(scheduler).items() if k != "optimizer" and not k.startswith("_")}


def load_settings(scheduler: Any, saved: dict[str, Any]) -> None:
    """Take over those that the state has, PyTorch's too; functions stay, and get the attributes saved of them."""

    def taken(own: Any, value: Any) -> Any:
        if isinstance(own, list) and isinstance(value, Counter):  # PyTorch's milestones
            return sorted(value.elements())
        if isinstance(own, list) and any(map(callable, own)):
            return [taken(f, v) for f, v in zip(own, value, strict=True)]
        if callable(own):
            if value:
                vars(own).update(value)
            return own
        return list(value) if isinstance(own, list) else value

    for name in settings_of(scheduler):
        if name in saved:
            setattr(scheduler, name, taken(getattr(scheduler, name), saved[name]))
