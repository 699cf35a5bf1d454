"""Steps by the sign of the gradient alone, and steps that are averaged: Rprop, ASGD."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import memory
from .optimizer import Array, Optimizer, decayed


class Rprop(Optimizer):
    """Resilient backpropagation (Riedmiller and Braun, 1993): ``p -= s sign(g)``, a step s for each element.

    s begins with ``lr``, grows by the second of ``etas`` where g keeps its sign, and shrinks by the first where it
    turns, between the two ``step_sizes``; where it turns, p stays, and the next g counts as the first.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize})

    def check(self, settings: dict[str, Any]) -> None:
        """One eta below 1, one above."""
        super().check(settings)
        if not 0 < settings["etas"][0] < 1 < settings["etas"][1]:
            raise ValueError(f"Rprop: etas lie in (0, 1) and above 1, got {settings['etas']}")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        if "step" not in state:
            state.update(step=0, prev=memory.zeros_like(p), step_size=memory.zeros_like(p))
            state["step_size"] += group["lr"]
        state["step"] += 1
        g = -g if group["maximize"] else g
        (less, more), (low, high), s = group["etas"], group["step_sizes"], state["step_size"]
        turned = g * state["prev"]
        s *= np.where(turned > 0, more, np.where(turned < 0, less, 1)).astype(p.dtype)
        np.clip(s, low, high, out=s)
        g = np.where(turned < 0, 0, g).astype(p.dtype)
        p -= np.sign(g) * s
        state["prev"][...] = g
        return p


class ASGD(Optimizer):
    """Averaged gradient descent (Polyak and Juditsky, 1992): ``p = (1 - lambd eta) p - eta g``, and the mean of all p.

    ``eta = lr / (1 + lambd lr t)^alpha``. The mean, "ax" in the state, is that of the p since step ``t0``.
    ``weight_decay`` adds that multiple of p to g; ``maximize`` ascends.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay}
        super().__init__(params, {**settings, "maximize": maximize})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        if "step" not in state:
            state.update(step=0, eta=group["lr"], mu=1.0, ax=memory.zeros_like(p))
        state["step"] += 1
        g, t, average = decayed(g, p, group), state["step"], state["ax"]
        p *= 1 - group["lambd"] * state["eta"]
        p -= state["eta"] * g
        if state["mu"] == 1:
            average[...] = p
        else:
            average += state["mu"] * (p - average)
        state["eta"] = group["lr"] / (1 + group["lambd"] * group["lr"] * t) ** group["alpha"]
        state["mu"] = 1 / max(1, t - group["t0"])
        return p
