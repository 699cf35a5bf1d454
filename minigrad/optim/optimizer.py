"""What all optimisers share: parameters in groups, settings, state, and one step.

``step()`` uses the parameters' ``.grad``; ``step(closure)`` too, once the closure has computed them;
``step(gradients)`` uses what it is given, in the order of the parameters; ``minimize(loss)`` takes them itself.
Updates are in place, and a parameter's state follows it to another device. Settings live in ``param_groups``, as in
PyTorch, and may be changed between steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .. import kernels, memory
from ..device import CPU, beside, device_of, in_use, is_array, memory_explained, put, writable
from ..engine import Tensor, gradients
from ..recording import enable_grad

Array = np.ndarray[Any, Any]

# PyTorch's: how it computes, not what, and what its cycles of the learning rate keep here; passed over
FOREIGN = {"foreach", "fused", "capturable", "differentiable", "param_names"}
FOREIGN |= {"max_lr", "min_lr", "max_momentum", "base_momentum", "swa_lr"}
NEWER = {"amsgrad", "initial_lr", "decoupled_weight_decay"}  # settings that a saved state may have or lack
RATES = ("lr", "momentum", "weight_decay", "eps", "alpha", "lr_decay", "momentum_decay", "initial_accumulator_value")
COUNTS = {"step": int, "mu_product": float, "eta": float, "mu": float}  # in PyTorch tensors without dimensions


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
        """Add parameters with settings of their own: ``{"params": [...], "lr": 0.1}``.

        As ``named_parameters()`` has them, (name, parameter), they leave their names in the group: "param_names".
        """
        params = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
        unknown = group.keys() - self.defaults.keys() - {"params"}
        named = [p for p in params if isinstance(p, tuple)]
        if named and len(named) != len(params):
            raise ValueError(f"of {len(params)} parameters {len(named)} have names; give all of them names, or none")
        if self.param_groups and bool(named) != ("param_names" in self.param_groups[0]):
            raise ValueError("some groups of parameters have names and others none; give all of them names, or none")
        if named:
            group = {**group, "param_names": [name for name, _ in named]}
            params = [p for _, p in named]
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
        for name in RATES:
            if not settings.get(name, 0) >= 0:
                raise ValueError(f"{type(self).__name__}: {name} must not be negative, got {settings[name]}")

    def parameters(self) -> list[Tensor]:
        """All parameters, group by group: the order of ``step(gradients)``."""
        return [p for group in self.param_groups for p in group["params"]]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters; not ``set_to_none``: those that there are become zeros."""
        for p in self.parameters():
            p.grad = None if set_to_none or p.grad is None else zeros_of(p)

    def step(
        self,
        gradients: Sequence[Tensor | None] | Callable[[], Any] | None = None,
        *,
        closure: Callable[[], Any] | None = None,
    ) -> Any:
        """Move every parameter that has a gradient.

        ``closure()``, as the first argument or by name, is called before: it computes the loss and, by ``backward``,
        the gradients. What it returns is returned. Else None is.
        """
        if closure is not None and gradients is not None:
            raise TypeError("step takes the gradients or a closure that computes them, not both")
        if callable(gradients):
            gradients, closure = None, gradients
        if closure is None:
            self._move(gradients)
            return None
        with enable_grad():
            loss = closure()
        self._move(None)
        return loss

    def _move(self, gradients: Sequence[Tensor | None] | None) -> None:
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
                    if in_use and device_of(g) != device_of(p):
                        raise RuntimeError(
                            f"the gradient of parameter {i} is on {device_of(g)}, the parameter on {device_of(p)}; "
                            "compute it anew after moving the parameter"
                        )
                    moves.append(Move(p, g, self.state.setdefault(i, {}), group))
                i += 1
        with memory_explained("an optimiser's step"):
            for p, g, state, group in kernels.not_updated(self, moves):
                array = writable(p._data)
                if in_use:
                    _follow(state, array)
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

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([f"{type(self).__name__} (", *lines, ")"])

    def state_dict(self) -> dict[str, Any]:
        """Copies of the state, on the cpu, and the settings, PyTorch's layout: parameters are numbered."""
        groups, start = [], 0
        for group in self.param_groups:
            stop = start + len(group["params"])
            groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": list(range(start, stop))})
            start = stop
        return {"state": _copied(self.state, self.parameters(), CPU), "param_groups": groups}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken, here or in PyTorch. All must fit, or nothing is taken."""
        groups, params = saved["param_groups"], self.parameters()
        counts = [len(g["params"]) for g in groups], [len(g["params"]) for g in self.param_groups]
        if counts[0] != counts[1]:
            raise ValueError(f"the saved state is of groups with {counts[0]} parameters, these have {counts[1]}")
        own = {"params", *self.defaults}
        for loaded in groups:
            if own - loaded.keys() - NEWER or loaded.keys() - own - FOREIGN - NEWER:
                raise ValueError(
                    f"the saved settings are {sorted(loaded)}, those of {type(self).__name__} {sorted(own)}"
                )
        saved_state = {i: {k: _plain(k, v) for k, v in state.items()} for i, state in saved["state"].items()}
        for i, state in saved_state.items():
            if i not in range(len(params)):
                raise ValueError(f"the saved state has a parameter {i!r}; they are numbered 0 to {len(params) - 1}")
            for name, value in state.items():
                if is_array(value) and value.shape != params[i].shape:
                    raise ValueError(f"{name} of parameter {i} has shape {value.shape}, not {params[i].shape}")
        self.state = _copied(saved_state, params, None)
        for group, loaded in zip(self.param_groups, groups, strict=True):
            group.update({k: v for k, v in loaded.items() if k != "params" and k not in FOREIGN})


def zeros_of(p: Tensor) -> Tensor:
    """A gradient of zeros."""
    return Tensor(np.zeros_like(p._data))


def _plain(name: str, value: Any) -> Any:
    """An array, or for a count a number, of what may be another library's tensor."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    if not is_array(value) and hasattr(value, "__array__"):
        value = np.asarray(value)
    if name in COUNTS and is_array(value):
        return COUNTS[name](value)
    return value


def _copied(state: dict[int, dict[str, Any]], params: Sequence[Tensor], to: Any) -> dict[int, dict[str, Any]]:
    """Arrays on the device ``to`` (None: their parameter's), in the order of elements that the parameter has there."""

    def copied(value: Any, p: Any) -> Any:
        if not is_array(value):
            return value
        elsewhere = to is not None and to != device_of(p)
        return np.array(put(value, to)) if elsewhere else memory.copied(value, like=p)

    return {i: {k: copied(v, params[i]._data) for k, v in s.items()} for i, s in state.items()}


def _follow(state: dict[str, Any], p: Array) -> None:
    """Move the state to where its parameter has gone since the last step."""
    for name, value in state.items():
        if is_array(value):
            state[name] = beside(value, p)


def decayed(g: Array, p: Array, group: dict[str, Any]) -> Array:
    """The gradient to go down: turned round to ``maximize``, with ``weight_decay`` times p added."""
    if group["maximize"]:
        g = -g
    return g + group["weight_decay"] * p if group["weight_decay"] else g
