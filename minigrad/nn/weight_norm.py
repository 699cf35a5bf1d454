"""A weight as length times direction, or divided by its largest singular value, recomputed before every ``forward``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import random
from ..engine import Tensor
from ..ops import reshape, sqrt, sum
from ..random import Generator
from ..recording import no_grad
from .hooks import RemovableHandle
from .module import Module, Parameter

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Make ``weight = g v / |v|`` of two parameters, weight_g and weight_v (Salimans and Kingma, 2016).

    The lengths |v| are those along all dimensions but ``dim``; of all of v for None or, as in PyTorch, -1.
    Returns the module, whose ``weight`` is then no parameter but what its next ``forward`` computes with.
    """
    weight = _taken("weight_norm", module, name)
    dim = None if dim in (None, -1) else dim % weight.ndim
    others = tuple(d for d in range(weight.ndim) if d != dim)

    def lengths(v: Any) -> Any:
        return sqrt(sum(v * v, others, True)) if dim is not None else sqrt(sum(v * v))

    def current(v: Any, g: Any) -> Any:
        return v * (g / lengths(v))

    _replace(module, name, "g", lengths(weight.detach()))
    _replace(module, name, "v", weight.detach())

    def recompute(module: Module, _: Any) -> None:
        setattr(module, name, current(getattr(module, f"{name}_v"), getattr(module, f"{name}_g")))

    _register(module, name, "weight_norm", recompute, ("g", "v"))
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight a parameter again, with its present value."""
    return _removed(module, name, "weight_norm")


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
    generator: Generator | None = None,
) -> Module:
    """Make ``weight = w / s`` of the parameter weight_orig, w, s its largest singular value (Miyato et al., 2018).

    w counts as a matrix whose rows are those of ``dim`` (1 for transposed convolutions, else 0). Each ``forward`` while
    training takes ``n_power_iterations`` steps towards the singular vectors, the buffers weight_u and weight_v.
    """
    weight = _taken("spectral_norm", module, name)
    dim = (1 if getattr(module, "transposed", False) else 0) if dim is None else dim % weight.ndim
    order = (dim, *(d for d in range(weight.ndim) if d != dim))
    rows, columns = weight.shape[dim], math.prod(weight.shape) // weight.shape[dim]
    draw = generator or random.default_generator
    kind = weight.dtype

    def unit(x: Any) -> Any:
        return x / max(float(np.sqrt((x * x).sum())), eps)

    _replace(module, name, "orig", weight.detach())
    for letter, size in (("u", rows), ("v", columns)):
        start = unit(draw.normal(0, 1, size, np.float64)).astype(kind)
        module.register_buffer(f"{name}_{letter}", Tensor(start, device=weight.device))

    def recompute(module: Module, _: Any) -> None:
        w, u, v = (getattr(module, f"{name}_{part}") for part in ("orig", "u", "v"))
        matrix = reshape(w.permute(order), (rows, columns))
        if module.training:
            with no_grad():
                for _step in range(n_power_iterations):
                    v.copy_(unit(matrix._data.T @ u._data))
                    u.copy_(unit(matrix._data @ v._data))
        u, v = u.data.copy(), v.data.copy()  # what the backward pass needs stays as it is
        setattr(module, name, w / ((matrix @ v) * u).sum())

    _register(module, name, "spectral_norm", recompute, ("orig", "u", "v"))
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight a parameter again, with its present value."""
    return _removed(module, name, "spectral_norm")


def _taken(what: str, module: Module, name: str) -> Parameter:
    """The parameter, which is no longer the module's."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Parameter):
        raise ValueError(f"{what}: {type(module).__name__} has no parameter {name!r}, or it was taken already")
    delattr(module, name)
    return weight


def _replace(module: Module, name: str, part: str, value: Any) -> None:
    module.register_parameter(f"{name}_{part}", Parameter(value))


def _register(module: Module, name: str, what: str, recompute: Any, parts: tuple[str, ...]) -> None:
    _recompute(module, recompute)
    handle = module.register_forward_pre_hook(recompute)
    known = vars(module).setdefault("_recomputed", {})
    known[name] = (what, handle, parts, recompute)


def _recompute(module: Module, recompute: Any) -> None:
    """Set the weight, without the steps that training takes."""
    training, module.training = module.training, False
    recompute(module, ())
    module.training = training


def _removed(module: Module, name: str, what: str) -> Module:
    known: dict[str, tuple[str, RemovableHandle, tuple[str, ...], Any]] = vars(module).get("_recomputed", {})
    if name not in known or known[name][0] != what:
        raise ValueError(f"{what} of {name!r} was not applied to {type(module).__name__}")
    _, handle, parts, recompute = known.pop(name)
    with no_grad():
        _recompute(module, recompute)
    handle.remove()
    value = getattr(module, name).detach()
    for part in (name, *(f"{name}_{part}" for part in parts)):
        delattr(module, part)
    module._buffers = {buffer: kept for buffer, kept in module._buffers.items() if buffer in vars(module)}
    setattr(module, name, Parameter(value))
    return module
