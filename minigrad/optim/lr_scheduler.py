"""PyTorch's schedulers of the learning rate: its names, arguments and numbers.

Each is a formula for the rate after t steps, so it goes on exactly from ``state_dict()``, and a rate changed by hand
is overwritten at the next step. On creation it sets the rate of t = 0; ``step()`` comes after the optimiser's.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from .combined import ChainedScheduler, SequentialLR
from .cycles import CyclicLR, OneCycleLR
from .optimizer import Optimizer
from .scheduling import LRScheduler, load_settings, settings_of

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


class LambdaLR(LRScheduler):
    """``base f(t)``, for a function or one for each group."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"LambdaLR got {len(self.lr_lambdas)} functions for {groups} groups")
        super().__init__(optimizer, last_epoch)

    def rates(self, t: int) -> list[float]:
        """Each group by its function."""
        return [base * f(t) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(LambdaLR):
    """``base f(1) f(2) ... f(t)``, for a function or one for each group."""

    multiple = True
    _reached: tuple[int, list[float]]  # t, and the products up to it

    def rates(self, t: int) -> list[float]:
        """Each group by its function; the products of the step before are gone on from."""
        reached, products = getattr(self, "_reached", (0, []))
        if not products or t < reached:
            reached, products = 0, [1.0] * len(self.lr_lambdas)
        for i in range(reached + 1, t + 1):
            products = [product * f(i) for product, f in zip(products, self.lr_lambdas, strict=True)]
        self._reached = t, products
        return [base * product for base, product in zip(self.base_lrs, products, strict=True)]


class StepLR(LRScheduler):
    """``base gamma^floor(t / step_size)``."""

    multiple = True

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        if step_size < 1:
            raise ValueError(f"StepLR needs at least one step between changes, got {step_size}")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        """The formula."""
        return float(base * self.gamma ** (t // self.step_size))


class MultiStepLR(LRScheduler):
    """``base gamma^n``, n the number of ``milestones`` that t has reached; one given twice counts twice."""

    multiple = True

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        """The formula."""
        return float(base * self.gamma ** bisect_right(self.milestones, t))


class ConstantLR(LRScheduler):
    """``base factor`` while t < total_iters, then ``base``."""

    multiple = True

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"ConstantLR: factor lies in [0, 1], got {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        """The formula."""
        return base * (self.factor if t < self.total_iters else 1)


class LinearLR(LRScheduler):
    """``base`` times a factor that goes linearly from start_factor to end_factor in total_iters steps, and stays."""

    multiple = True

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: start_factor lies in (0, 1], got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: end_factor lies in [0, 1], got {end_factor}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        """The formula."""
        done = min(t, self.total_iters) / self.total_iters if self.total_iters else 1
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)


class ExponentialLR(LRScheduler):
    """``base gamma^t``."""

    multiple = True

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        """The formula."""
        return float(base * self.gamma**t)


class PolynomialLR(LRScheduler):
    """``base (1 - t / total_iters)^power``, and 0 from total_iters on."""

    multiple = True

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        """The formula."""
        return float(base * (1 - min(t, self.total_iters) / self.total_iters) ** self.power)


class CosineAnnealingLR(LRScheduler):
    """``eta_min + (base - eta_min) (1 + cos(pi t / T_max)) / 2`` (Loshchilov and Hutter, 2017): down, and up again."""

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        """The formula."""
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / self.T_max)) / 2


class CosineAnnealingWarmRestarts(LRScheduler):
    """The cosine's way down, again and again: first in T_0 steps, then each time in ``T_mult`` times as many."""

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if T_0 < 1 or T_mult < 1:
            raise ValueError(f"CosineAnnealingWarmRestarts: T_0 and T_mult are at least 1, got {T_0} and {T_mult}")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        """The formula."""
        length = self.T_0
        if self.T_mult == 1:
            t %= length
        while t >= length:
            t, length = t - length, length * self.T_mult
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / length)) / 2


class ReduceLROnPlateau:
    """``factor`` times the rate where the metric given to ``step`` has not improved for more than ``patience`` steps.

    Better: below (``mode="min"``) or above ("max") the best by more than ``threshold``, of the best ("rel") or
    absolute ("abs"). For ``cooldown`` steps after a change bad ones do not count; the rate stays above ``min_lr``, and
    a change of ``eps`` or less is not made.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: a factor below 1 reduces, got {factor}")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                'ReduceLROnPlateau: mode is "min" or "max" and threshold_mode "rel" or "abs", '
                f"got {mode!r} and {threshold_mode!r}"
            )
        groups = len(optimizer.param_groups)
        self.min_lrs = list(min_lr) if isinstance(min_lr, Sequence) else [min_lr] * groups
        if len(self.min_lrs) != groups:
            raise ValueError(f"ReduceLROnPlateau got {len(self.min_lrs)} min_lrs for {groups} groups")
        self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
        self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = self.last_epoch = 0

    def is_better(self, metric: float, best: float) -> bool:
        """Whether ``metric`` counts as an improvement on ``best``."""
        lower = self.mode == "min"
        if self.threshold_mode == "rel":
            bound = best * (1 - self.threshold if lower else 1 + self.threshold)
        else:
            bound = best - self.threshold if lower else best + self.threshold
        return metric < bound if lower else metric > bound

    def step(self, metrics: Any) -> None:
        """Take the metric of one more step, a number or a Tensor with one element."""
        metric = float(metrics)
        self.last_epoch += 1
        if self.is_better(metric, self.best):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
            for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                lr = max(group["lr"] * self.factor, least)
                if group["lr"] - lr > self.eps:
                    group["lr"] = lr

    def get_last_lr(self) -> list[float]:
        """The learning rates now, by group."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Where it is, and its settings, under PyTorch's names. The rates are the optimiser's."""
        return settings_of(self)

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken, here or in PyTorch. Settings that it lacks stay as they are."""
        load_settings(self, saved)
