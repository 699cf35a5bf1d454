"""A step size for every element, from its own past gradients: Adagrad, RMSprop, Adadelta.

In all: ``weight_decay`` adds that multiple of p to g, ``maximize`` ascends, t counts the steps of the parameter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import memory
from .optimizer import Array, Optimizer, decayed


class Adagrad(Optimizer):
    """Adagrad (Duchi et al., 2011): ``s += g^2``, ``p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)``.

    s begins at ``initial_accumulator_value``.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        start = {"initial_accumulator_value": initial_accumulator_value}
        settings = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay, **start}
        super().__init__(params, {**settings, "maximize": maximize})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        if "step" not in state:
            state.update(step=0, sum=memory.zeros_like(p))
            state["sum"] += group["initial_accumulator_value"]
        state["step"] += 1
        g, s = decayed(g, p, group), state["sum"]
        s += g * g
        p -= group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"]) * g / (np.sqrt(s) + group["eps"])
        return p


class RMSprop(Optimizer):
    """RMSprop (Hinton, 2012): ``s = alpha s + (1 - alpha) g^2``, ``p -= lr g / (sqrt(s) + eps)``.

    ``centered``: the variance of g in place of s, ``s - m^2`` with ``m = alpha m + (1 - alpha) g``.
    ``momentum``: ``v = momentum v + g / (sqrt(s) + eps)``, ``p -= lr v``.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, {**settings, "centered": centered, "maximize": maximize})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        alpha = group["alpha"]
        if "step" not in state:
            state.update(step=0, square_avg=memory.zeros_like(p))
        for name, needed in (("momentum_buffer", group["momentum"] > 0), ("grad_avg", group["centered"])):
            if needed and name not in state:
                state[name] = memory.zeros_like(p)
        state["step"] += 1
        g, s = decayed(g, p, group), state["square_avg"]
        s *= alpha
        s += (1 - alpha) * (g * g)
        spread = s
        if group["centered"]:
            m = state["grad_avg"]
            m *= alpha
            m += (1 - alpha) * g
            spread = np.maximum(s - m * m, 0)  # of a constant gradient, rounding can leave less than nothing
        g = g / (np.sqrt(spread) + group["eps"])
        if group["momentum"] > 0:
            v = state["momentum_buffer"]
            v *= group["momentum"]
            v += g
            g = v
        p -= group["lr"] * g
        return p


class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012): ``s = rho s + (1 - rho) g^2``, ``d = sqrt(u + eps) / sqrt(s + eps) g``, ``p -= lr d``.

    u is the same average of d^2 as s of g^2, so that a step has the units of the parameter.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings)

    def check(self, settings: dict[str, Any]) -> None:
        """``rho`` lies in [0, 1]."""
        super().check(settings)
        if not 0 <= settings["rho"] <= 1:
            raise ValueError(f"Adadelta: rho lies in [0, 1], got {settings['rho']}")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        if "step" not in state:
            state.update(step=0, square_avg=memory.zeros_like(p), acc_delta=memory.zeros_like(p))
        state["step"] += 1
        rho, eps, s, u = group["rho"], group["eps"], state["square_avg"], state["acc_delta"]
        g = decayed(g, p, group)
        s *= rho
        s += (1 - rho) * (g * g)
        d = np.sqrt(u + eps) / np.sqrt(s + eps) * g
        u *= rho
        u += (1 - rho) * (d * d)
        p -= group["lr"] * d
        return p
