"""Gradient descent with momentum: PyTorch's form and pylearn2's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import memory
from .optimizer import Array, Optimizer, decayed


class SGD(Optimizer):
    """Stochastic gradient descent, PyTorch's momentum: ``v = momentum v + (1 - dampening) g``, ``p -= lr v``.

    The first v is g. ``nesterov``: ``p -= lr (g + momentum v)``. ``weight_decay`` adds that multiple of p to g;
    ``maximize`` ascends. The learning rate multiplies v, so changing it changes steps already gathered in v.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, {**settings, "nesterov": nesterov, "maximize": maximize})

    def check(self, settings: dict[str, Any]) -> None:
        """Nesterov's rule needs momentum and no dampening."""
        super().check(settings)
        if settings["nesterov"] and (settings["momentum"] <= 0 or settings["dampening"] != 0):
            raise ValueError("nesterov needs momentum > 0 and dampening = 0")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        momentum = group["momentum"]
        g = decayed(g, p, group)
        if momentum:
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = v = memory.zeros_like(p)
                v += g
            else:
                v = state["momentum_buffer"]
                v *= momentum
                v += g if group["dampening"] == 0 else (1 - group["dampening"]) * g
            g = g + momentum * v if group["nesterov"] else v
        p -= group["lr"] * g
        return p


class Pylearn2Momentum(Optimizer):
    """Classical momentum as pylearn2 has it: ``v = momentum v - lr g``, ``p += v``, from v = 0.

    The learning rate is inside v: steps already gathered keep the rate they were made with. It equals ``SGD`` while
    lr is constant and differs as soon as it changes; the GAN paper's code changes it after every minibatch.
    """

    def __init__(self, params: Iterable[Any], lr: float, momentum: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        if "velocity" not in state:
            state["velocity"] = memory.zeros_like(p)
        v = state["velocity"]
        v *= group["momentum"]
        v -= group["lr"] * g
        p += v
        return p
