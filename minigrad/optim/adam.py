"""Adam and its kin: steps scaled by the moments of the gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from .. import memory
from .optimizer import Array, Optimizer, decayed


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): ``p -= lr m' / (sqrt(v') + eps)``, m' and v' the unbiased moments of g.

    ``m = beta1 m + (1 - beta1) g``, ``v = beta2 v + (1 - beta2) g^2``, ``m' = m / (1 - beta1^t)``, likewise v'.
    ``weight_decay`` adds that multiple of p to g; ``maximize`` ascends. ``amsgrad`` (Reddi et al., 2018): the largest v
    so far in the place of v.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(params, {**settings, "maximize": maximize})

    def check(self, settings: dict[str, Any]) -> None:
        """Both betas lie in [0, 1)."""
        super().check(settings)
        if not all(0 <= b < 1 for b in settings["betas"]):
            raise ValueError(f"{type(self).__name__}: betas lie in [0, 1), got {settings['betas']}")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        if "step" not in state:
            state.update(step=0, exp_avg=memory.zeros_like(p), exp_avg_sq=memory.zeros_like(p))
        if group["amsgrad"] and "max_exp_avg_sq" not in state:
            state["max_exp_avg_sq"] = memory.zeros_like(p)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        m, v, t = state["exp_avg"], state["exp_avg_sq"], state["step"]
        g = self.slope(g, p, group)
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * (g * g)
        if group["amsgrad"]:
            v = np.maximum(state["max_exp_avg_sq"], v, out=state["max_exp_avg_sq"])
        p -= group["lr"] / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + group["eps"])
        return p

    def slope(self, g: Array, p: Array, group: dict[str, Any]) -> Array:
        """The gradient whose moments are taken."""
        return decayed(g, p, group)


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019): first ``p *= 1 - lr weight_decay``, then Adam."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

    def slope(self, g: Array, p: Array, group: dict[str, Any]) -> Array:
        """The gradient alone: the parameter itself has decayed."""
        return _decoupled(g, p, group)


def _decoupled(g: Array, p: Array, group: dict[str, Any]) -> Array:
    p *= 1 - group["lr"] * group["weight_decay"]
    return -g if group["maximize"] else g


class NAdam(Adam):
    """Adam with Nesterov's momentum (Dozat, 2016): ``p -= lr (a g + b m) / (sqrt(v') + eps)``.

    ``a = (1 - u_t) / (1 - u_1 ... u_t)``, ``b = u_(t+1) / (1 - u_1 ... u_(t+1))``,
    ``u_t = beta1 (1 - 0.96^(t momentum_decay) / 2)``.
    ``decoupled_weight_decay``: as AdamW.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        own = {"momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay}
        Optimizer.__init__(self, params, {**settings, **own})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        if "step" not in state:
            state.update(step=0, mu_product=1.0, exp_avg=memory.zeros_like(p), exp_avg_sq=memory.zeros_like(p))
        state["step"] += 1
        beta1, beta2 = group["betas"]
        m, v, t = state["exp_avg"], state["exp_avg_sq"], state["step"]
        g = _decoupled(g, p, group) if group["decoupled_weight_decay"] else decayed(g, p, group)
        now, then = (beta1 * (1 - 0.5 * 0.96 ** (i * group["momentum_decay"])) for i in (t, t + 1))
        state["mu_product"] *= now
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * (g * g)
        root = np.sqrt(v / (1 - beta2**t)) + group["eps"]
        p -= group["lr"] * (1 - now) / (1 - state["mu_product"]) * g / root
        p -= group["lr"] * then / (1 - state["mu_product"] * then) * m / root
        return p


class RAdam(Adam):
    """Rectified Adam (Liu et al., 2020): Adam's step by r once its variance is tractable, before ``p -= lr m'``.

    ``r^2 = (q - 4) (q - 2) n / ((n - 4) (n - 2) q)``, ``n = 2 / (1 - beta2) - 1``,
    ``q = n - 2 t beta2^t / (1 - beta2^t)``, tractable where q > 5. ``decoupled_weight_decay``: as AdamW.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        Optimizer.__init__(self, params, {**settings, "decoupled_weight_decay": decoupled_weight_decay})

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        if "step" not in state:
            state.update(step=0, exp_avg=memory.zeros_like(p), exp_avg_sq=memory.zeros_like(p))
        state["step"] += 1
        beta1, beta2 = group["betas"]
        m, v, t = state["exp_avg"], state["exp_avg_sq"], state["step"]
        g = _decoupled(g, p, group) if group["decoupled_weight_decay"] else decayed(g, p, group)
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * (g * g)
        n = 2 / (1 - beta2) - 1
        q = n - 2 * t * beta2**t / (1 - beta2**t)
        step = group["lr"] / (1 - beta1**t) * m
        if q > 5:
            r = math.sqrt((q - 4) * (q - 2) * n / ((n - 4) * (n - 2) * q))
            step = step * (r * math.sqrt(1 - beta2**t)) / (np.sqrt(v) + group["eps"])
        p -= step
        return p


class Adamax(Adam):
    """Adam in the largest-value norm: ``u = max(beta2 u, |g| + eps)``, ``p -= lr / (1 - beta1^t) m / u``."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        Optimizer.__init__(self, params, settings)

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        if "step" not in state:
            state.update(step=0, exp_avg=memory.zeros_like(p), exp_inf=memory.zeros_like(p))
        state["step"] += 1
        beta1, beta2 = group["betas"]
        m, u = state["exp_avg"], state["exp_inf"]
        g = decayed(g, p, group)
        m *= beta1
        m += (1 - beta1) * g
        u[...] = np.maximum(beta2 * u, np.abs(g) + group["eps"])
        p -= group["lr"] / (1 - beta1 ** state["step"]) * m / u
        return p
