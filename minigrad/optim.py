"""Optimisers and schedules, in order of increasing complexity: SGD, pylearn2's momentum, Adam.

``step()`` uses the parameters' ``.grad``; ``step(gradients)`` uses what it is given, in the order of the parameters;
``minimize(loss)`` takes the gradients itself.
Updates are in place. Settings live in ``param_groups``, as in PyTorch, and may be changed between steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from . import kernels, memory
from .engine import Tensor, gradients

Array = np.ndarray[Any, Any]


class Move(NamedTuple):
    """A parameter to move, by what, with its state and its group's settings."""

    p: Tensor
    g: Tensor
    state: dict[str, Any]
    group: dict[str, Any]


class Optimizer:
    """The parameters in their groups, and the state of each parameter by its number."""

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[int, dict[str, Any]] = {}
        if isinstance(params, Tensor):
            raise TypeError(f"an optimizer takes a list of Tensors, got one of shape {params.shape}: write [tensor]")
        groups = list(params)
        if not groups:
            raise ValueError("the optimizer got no parameters")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters with settings of their own: ``{"params": [...], "lr": 0.1}``."""
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        unknown = group.keys() - self.defaults.keys() - {"params"}
        if unknown:
            raise ValueError(f"{type(self).__name__} has no setting {', '.join(sorted(unknown))}")
        known = {id(p) for g in self.param_groups for p in g["params"]}
        for p in params:
            if not isinstance(p, Tensor) or not p.is_leaf:
                raise TypeError(f"an optimizer moves leaf Tensors, got {type(p).__name__}")
            if id(p) in known:
                raise ValueError(f"a parameter of shape {p.shape} is given twice")
            known.add(id(p))
        settings = {**self.defaults, **group, "params": params}
        self.check(settings)
        self.param_groups.append(settings)

    def check(self, settings: dict[str, Any]) -> None:
        """Raise ValueError for settings that make no sense."""
        for name in ("lr", "momentum", "weight_decay", "eps"):
            if not settings.get(name, 0) >= 0:
                raise ValueError(f"{type(self).__name__}: {name} must not be negative, got {settings[name]}")

    def parameters(self) -> list[Tensor]:
        """All parameters, group by group: the order of ``step(gradients)``."""
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for p in self.parameters():
            p.grad = None

    def step(self, gradients: Sequence[Tensor | None] | None = None) -> None:
        """Move every parameter that has a gradient."""
        params = self.parameters()
        grads = [p.grad for p in params] if gradients is None else list(gradients)
        if len(grads) != len(params):
            raise ValueError(f"step got {len(grads)} gradients for {len(params)} parameters")
        moves, i = [], 0
        for group in self.param_groups:
            for p in group["params"]:
                g = grads[i]
                if g is not None:
                    if not isinstance(g, Tensor):
                        raise TypeError(f"the gradient of parameter {i} is a {type(g).__name__}, not a Tensor")
                    if g.shape != p.shape:
                        raise ValueError(f"the gradient of parameter {i} has shape {g.shape}, the parameter {p.shape}")
                    moves.append(Move(p, g, self.state.setdefault(i, {}), group))
                i += 1
        for p, g, state, group in kernels.not_updated(self, moves):
            array = p.data if p.ndim else np.array(p._data)
            p.data = self.update(array, g.data, state, group)

    def minimize(self, loss: Tensor, *, retain_graph: bool | None = None, allow_unused: bool = False) -> None:
        """One step down the gradient of ``loss``: ``step(gradients(loss, parameters()))``, and no ``.grad`` is touched.

        Faster than these two where fused kernels run: a parameter moves in the pass that computes its gradient.
        """
        if not kernels.minimized(self, loss, retain_graph):
            wrt = self.parameters()
            self.step(gradients(loss, wrt, retain_graph=retain_graph, allow_unused=allow_unused))

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """Move one parameter in place: ``p`` its array, ``g`` the gradient (not to be written into)."""
        raise NotImplementedError(f"{type(self).__name__} has no update")

    def state_dict(self) -> dict[str, Any]:
        """Copies of the state and the settings, PyTorch's layout: parameters are numbered."""
        groups, start = [], 0
        for group in self.param_groups:
            stop = start + len(group["params"])
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": list(range(start, stop))})
            start = stop
        return {"state": _copied(self.state, self.parameters()), "param_groups": groups}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken. All must fit, or nothing is taken."""
        groups, params = saved["param_groups"], self.parameters()
        counts = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
        if counts[0] != counts[1]:
            raise ValueError(f"the saved state is of groups with {counts[0]} parameters, these have {counts[1]}")
        own = {"params", *self.defaults}
        for loaded in groups:
            if loaded.keys() != own:
                raise ValueError(
                    f"the saved settings are {sorted(loaded)}, those of {type(self).__name__} {sorted(own)}"
                )
        for i, state in saved["state"].items():
            if i not in range(len(params)):
                raise ValueError(f"the saved state has a parameter {i!r}; they are numbered 0 to {len(params) - 1}")
            for name, value in state.items():
                if isinstance(value, np.ndarray) and value.shape != params[i].shape:
                    raise ValueError(f"{name} of parameter {i} has shape {value.shape}, not {params[i].shape}")
        self.state = _copied(saved["state"], params)
        for group, loaded in zip(self.param_groups, saved["param_groups"], strict=True):
            group.update({k: v for k, v in loaded.items() if k != "params"})


def _copied(state: dict[int, dict[str, Any]], params: Sequence[Tensor]) -> dict[int, dict[str, Any]]:
    """Arrays in the order of elements that their parameter has."""

    def copied(value: Any, p: Any) -> Any:
        return memory.copied(value, like=p) if isinstance(value, np.ndarray) else value

    return {i: {k: copied(v, params[i]._data) for k, v in s.items()} for i, s in state.items()}


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
        if group["maximize"]:
            g = -g
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
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


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): ``p -= lr m' / (sqrt(v') + eps)``, m' and v' the unbiased moments of g.

    ``m = beta1 m + (1 - beta1) g``, ``v = beta2 v + (1 - beta2) g^2``, ``m' = m / (1 - beta1^t)``, likewise v'.
    ``weight_decay`` adds that multiple of p to g; ``maximize`` ascends.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        settings = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, settings)

    def check(self, settings: dict[str, Any]) -> None:
        """Both betas lie in [0, 1)."""
        super().check(settings)
        if not all(0 <= b < 1 for b in settings["betas"]):
            raise ValueError(f"Adam: betas lie in [0, 1), got {settings['betas']}")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """One step."""
        if "step" not in state:
            state.update(step=0, exp_avg=memory.zeros_like(p), exp_avg_sq=memory.zeros_like(p))
        state["step"] += 1
        beta1, beta2 = group["betas"]
        m, v, t = state["exp_avg"], state["exp_avg_sq"], state["step"]
        if group["maximize"]:
            g = -g
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        m *= beta1
        m += (1 - beta1) * g
        v *= beta2
        v += (1 - beta2) * (g * g)
        p -= group["lr"] / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + group["eps"])
        return p


# -------------------------------------------------------------------------------------------------- schedules

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
