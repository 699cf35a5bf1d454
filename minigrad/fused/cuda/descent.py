"""An optimiser's step over an MLP's flat buffers, its state in buffers like them. Equals ``Optimizer.update``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...device import put
from ...optim import SGD, Adam, Optimizer, Pylearn2Momentum
from .launch import kernels
from .mlp import MLP

Array = Any

STATES: dict[type[Optimizer], tuple[str, ...]] = {  # what each rule keeps for a parameter
    Pylearn2Momentum: ("velocity",),
    SGD: ("momentum_buffer",),
    Adam: ("exp_avg", "exp_avg_sq"),
}


def unfit(optimizer: Optimizer) -> str | None:
    """Why an optimiser's step cannot be computed here, in words; None if it can."""
    if type(optimizer) not in STATES:
        known = ", ".join(kind.__name__ for kind in STATES)
        return f"{type(optimizer).__name__} has no kernel; {known} have"
    if len(optimizer.param_groups) > 1:
        return "it has several groups of parameters"
    (group,) = optimizer.param_groups
    if group.get("amsgrad"):
        return "there is no kernel for amsgrad"
    if group.get("dampening"):
        return "there is no kernel for a dampening that begins at the second step"
    return None


def numbers_of(optimizer: Optimizer) -> Array:
    """Its settings in device memory, float64, as its kernel reads them: learning rate, momentum (Adam: beta1), ..."""
    (group,) = optimizer.param_groups
    sign = -1.0 if group.get("maximize") else 1.0
    numbers = [group["lr"]]
    if isinstance(optimizer, Adam):
        numbers += [*group["betas"], group["eps"], group["weight_decay"], sign]
    else:
        numbers.append(group["momentum"])
    if isinstance(optimizer, SGD):
        numbers += [1, group["weight_decay"], sign]
    return put(np.array(numbers, np.float64), "cuda")


class Descent:
    """Moves an MLP by its gradients. ``numbers``: of ``numbers_of``; two optimisers with equal settings may share them.

    ``limit``: of the norm of each row of each weight after every step, 0 for none. The optimiser's state becomes views
    of the buffers here. RuntimeError for an optimiser that is ``unfit``.
    """

    def __init__(self, mlp: MLP, optimizer: Optimizer, numbers: Array, limit: float = 0.0) -> None:
        if reason := unfit(optimizer):
            raise RuntimeError(f"the kernels for cuda cannot take this optimiser's step: {reason}; use the plain ops")
        if list(map(id, optimizer.parameters())) != list(map(id, mlp.parameters)):
            raise RuntimeError("the optimiser's parameters are not the network's, all of them, in its order")
        self.mlp, self.optimizer, self.numbers, self.limit = mlp, optimizer, numbers, limit
        self.states = [mlp.flat.zeros() for _ in STATES[type(optimizer)]]
        (self.group,) = optimizer.param_groups
        if not isinstance(optimizer, SGD) or self.group["momentum"]:  # without momentum the plain SGD keeps nothing
            for name, buffer in zip(STATES[type(optimizer)], self.states, strict=True):
                self._bind(name, mlp.flat.views(buffer))
        taken = 0
        if isinstance(optimizer, Adam):
            taken = optimizer.state[0].setdefault("step", 0)
            for state in optimizer.state.values():
                state["step"] = taken
        self.clock = put(np.array([taken, 0], np.uint32), "cuda")
        self.rows = mlp.flat.rows() if limit else None
        self.weights = [w for w in mlp.flat.views(mlp.values) if w.ndim == 2]
        self.k = kernels()

    def _bind(self, name: str, views: list[Array]) -> None:
        for i, view in enumerate(views):
            state = self.optimizer.state.setdefault(i, {})
            if name in state:
                view[...] = put(state[name], "cuda")
            state[name] = view

    def step(self) -> None:
        """Move the parameters by the gradients; then limit the norms."""
        p, g, k = self.mlp.values, self.mlp.gradients, self.k
        if isinstance(self.optimizer, Pylearn2Momentum) and self.limit:
            k.momentum_max_norm(p, self.states[0], g, self.numbers, self.rows, self.limit)
            return
        if isinstance(self.optimizer, Pylearn2Momentum):
            k.momentum(p, self.states[0], g, self.numbers)
        elif isinstance(self.optimizer, SGD):
            k.sgd(p, self.states[0], g, self.numbers, self.group["nesterov"])
        else:
            m, v = self.states
            k.adam(p, m, v, g, self.numbers, self.clock)
        if self.limit:
            for weight in self.weights:
                k.max_norm(weight, self.limit)

    def write_back(self) -> None:
        """Count Adam's steps in the optimiser's state, where the kernel has counted. Waits for the device."""
        if isinstance(self.optimizer, Adam):
            taken = int(self.clock.get()[0])
            for state in self.optimizer.state.values():
                state["step"] = taken
