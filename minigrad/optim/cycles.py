"""Learning rates that go up and down, and the momentum against them (Smith, 2017; Smith and Topin, 2018)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .optimizer import Optimizer
from .scheduling import LRScheduler


class _Cycle(LRScheduler):
    """Rates between two for each group; and where ``cycle_momentum``, momenta: "momentum", or the first of "betas"."""

    cycle_momentum: bool

    def _each(self, name: str, value: float | Sequence[float], groups: Sequence[Any]) -> list[float]:
        values = list(value) if isinstance(value, Sequence) else [value] * len(groups)
        if len(values) != len(groups):
            raise ValueError(f"{type(self).__name__} got {len(values)} of {name} for {len(groups)} groups")
        return values

    def _begin(self, optimizer: Optimizer, rates: Sequence[float], last_epoch: int) -> None:
        """The first rates, which an optimiser that goes on has already."""
        settings = optimizer.defaults
        if self.cycle_momentum and not {"momentum", "betas"} & settings.keys():
            raise ValueError(
                f"{type(optimizer).__name__} has neither momentum nor betas to cycle; set cycle_momentum=False"
            )
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            if last_epoch == -1 or "initial_lr" not in group:
                group["initial_lr"] = rate

    def momenta(self, t: int) -> list[float]:
        """The momentum of every group after ``t`` steps."""
        raise NotImplementedError(f"{type(self).__name__} has no momenta")

    def _set(self) -> None:
        super()._set()
        if not self.cycle_momentum:
            return
        for group, momentum in zip(self.optimizer.param_groups, self.momenta(self.last_epoch), strict=True):
            if "momentum" in group:
                group["momentum"] = momentum
            else:
                group["betas"] = (momentum, *group["betas"][1:])


class CyclicLR(_Cycle):
    """``base_lr + (max_lr - base_lr) h s``: h goes from 0 up to 1 in step_size_up steps, and down in step_size_down.

    s is 1 in mode "triangular", 2^-n in the n-th cycle from 0 in "triangular2", ``gamma^t`` in "exp_range", or
    ``scale_fn`` of the cycle from 1, or of t for scale_mode="iterations". The momentum goes the other way.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8,
        max_momentum: float | Sequence[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(f'CyclicLR: mode is "triangular", "triangular2" or "exp_range", got {mode!r}')
        groups = optimizer.param_groups
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        self.mode, self.gamma, self.scale_fn, self.cycle_momentum = mode, gamma, scale_fn, cycle_momentum
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.max_lrs = self._each("max_lr", max_lr, groups)
        self.base_momentums = self._each("base_momentum", base_momentum, groups)
        self.max_momentums = self._each("max_momentum", max_momentum, groups)
        self._begin(optimizer, self._each("base_lr", base_lr, groups), last_epoch)
        super().__init__(optimizer, last_epoch)

    def _height(self, t: int) -> float:
        """h s."""
        cycle = math.floor(1 + t / self.total_size)
        at = 1 + t / self.total_size - cycle
        h = at / self.step_ratio if at <= self.step_ratio else (at - 1) / (self.step_ratio - 1)
        by: float = cycle if self.scale_mode == "cycle" else t
        if self.scale_fn is not None:
            return h * self.scale_fn(by)
        return float(h * {"triangular": 1.0, "triangular2": 2.0 ** (1 - by), "exp_range": self.gamma**by}[self.mode])

    def rates(self, t: int) -> list[float]:
        """The formula."""
        h = self._height(t)
        return [base + (top - base) * h for base, top in zip(self.base_lrs, self.max_lrs, strict=True)]

    def momenta(self, t: int) -> list[float]:
        """``max_momentum - (max_momentum - base_momentum) h s``."""
        h = self._height(t)
        return [top - (top - low) * h for low, top in zip(self.base_momentums, self.max_momentums, strict=True)]


class OneCycleLR(_Cycle):
    """Up from max_lr / div_factor to max_lr in the first ``pct_start`` of all steps, then down to nearly nothing.

    The last rate is the first by ``final_div_factor``. ``three_phase``: down to the first rate as fast as up, then on
    to the last. On the way ``anneal_strategy`` is "cos" or "linear". The momentum goes the other way, from max_momentum
    to base_momentum and back. All steps: ``total_steps``, or ``epochs`` times ``steps_per_epoch``; more raise.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if total_steps < 1:
            raise ValueError(f"OneCycleLR needs at least one step, got {total_steps}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: pct_start is a part of all steps, from 0 to 1, got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'OneCycleLR: anneal_strategy is "cos" or "linear", got {anneal_strategy!r}')
        groups = optimizer.param_groups
        self.total_steps, self.pct_start, self.three_phase = total_steps, pct_start, three_phase
        self.anneal_strategy, self.cycle_momentum = anneal_strategy, cycle_momentum
        self.max_lrs = self._each("max_lr", max_lr, groups)
        self.base_momentums = self._each("base_momentum", base_momentum, groups)
        self.max_momentums = self._each("max_momentum", max_momentum, groups)
        self.final_div_factor = final_div_factor
        self._begin(optimizer, [lr / div_factor for lr in self.max_lrs], last_epoch)
        super().__init__(optimizer, last_epoch)

    def _between(self, t: int, starts_and_peaks: Sequence[tuple[float, float, float]]) -> list[float]:
        """For (first, peak, last) of each group, the value after t steps."""
        if not 0 <= t < self.total_steps:
            raise ValueError(f"OneCycleLR has {self.total_steps} steps in all, from 0; there is none of number {t}")
        up, end = self.pct_start * self.total_steps - 1, self.total_steps - 1.0
        ends = [up, 2 * up, end] if self.three_phase else [up, end]
        phase = next((i for i, last in enumerate(ends) if t <= last), len(ends) - 1)
        begin = ends[phase - 1] if phase else 0.0
        done = (t - begin) / (ends[phase] - begin) if ends[phase] != begin else 1.0
        done = done if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * done)) / 2
        found = []
        for first, peak, last in starts_and_peaks:
            points = [first, peak, first, last] if self.three_phase else [first, peak, last]
            found.append(points[phase] + (points[phase + 1] - points[phase]) * done)
        return found

    def rates(self, t: int) -> list[float]:
        """The formula."""
        bases = zip(self.base_lrs, self.max_lrs, strict=True)
        return self._between(t, [(base, top, base / self.final_div_factor) for base, top in bases])

    def momenta(self, t: int) -> list[float]:
        """The momentum, against the rate."""
        pairs = zip(self.base_momentums, self.max_momentums, strict=True)
        return self._between(t, [(top, low, top) for low, top in pairs])
