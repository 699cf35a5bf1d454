"""Averages of a network's parameters over its training: PyTorch's optim.swa_utils."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import StateError
from ..nn.module import IncompatibleKeys, Module
from ..recording import no_grad

__all__ = ["AveragedModel", "get_ema_avg_fn", "get_swa_avg_fn"]

Average = Callable[[Any, Any, int], Any]


def get_swa_avg_fn() -> Average:
    """The plain mean of all parameters seen: ``a + (p - a) / (n + 1)`` (Izmailov et al., 2018)."""
    return lambda average, current, seen: average + (current - average) / (seen + 1)


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The exponential moving average: ``decay a + (1 - decay) p``."""
    if not 0 <= decay <= 1:
        raise ValueError(f"the decay of a moving average lies in [0, 1], got {decay}")
    return lambda average, current, seen: decay * average + (1 - decay) * current


class AveragedModel(Module):
    """A copy of ``model`` whose parameters are averages of the model's: ``update_parameters(model)`` after every step.

    ``avg_fn(average, current, n)``: the next average after n, of arrays; by default the mean. The first update copies.
    ``n_averaged`` counts the updates and is part of the state, as in PyTorch. Buffers, as of BatchNorm, are copied,
    or, those that are floating, averaged too with ``use_buffers``.
    """

    def __init__(self, model: Module, avg_fn: Average | None = None, use_buffers: bool = False) -> None:
        self.module = copy.deepcopy(model)
        self.n_averaged = 0
        self.avg_fn = avg_fn or get_swa_avg_fn()
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **settings: Any) -> Any:
        """The model with the averages for parameters."""
        return self.module(*args, **settings)

    def update_parameters(self, model: Module) -> None:
        """Take the parameters of ``model`` into the averages, and its buffers."""
        with no_grad():
            for average, current in zip(self.module.parameters(), model.parameters(), strict=True):
                self._take(average, current, averaged=True)
            for buffer, now in zip(self.module.buffers(), model.buffers(), strict=True):
                self._take(buffer, now, averaged=self.use_buffers and now.dtype.kind == "f")
        self.n_averaged += 1

    def _take(self, average: Any, current: Any, averaged: bool) -> None:
        first = self.n_averaged == 0
        now = current.data
        average.copy_(self.avg_fn(average.data, now, self.n_averaged) if averaged and not first else now)

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """``n_averaged`` and the averages, named "module.weight" and so on."""
        return {"n_averaged": np.array(self.n_averaged), **super().state_dict()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Go on exactly where ``state_dict`` was taken, here or in PyTorch."""
        if strict and "n_averaged" not in state:
            raise StateError("state does not fit AveragedModel: missing ['n_averaged'], unexpected []")
        keys = super().load_state_dict({name: value for name, value in state.items() if name != "n_averaged"}, strict)
        if "n_averaged" in state:
            self.n_averaged = int(state["n_averaged"])
            return keys
        return IncompatibleKeys(["n_averaged", *keys.missing_keys], keys.unexpected_keys)
