"""Functions called around a Module's ``forward`` and its backward pass, to look at what goes in and out, or replace it.

What goes in passes a gate, and what comes out another: ops that change nothing, whose backward passes call the hooks.
There are none where no backward hook is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine import Tensor
from ..function import Function
from ..hooks import RemovableHandle
from ..recording import is_grad_enabled

__all__ = ["Hooks", "RemovableHandle"]

if TYPE_CHECKING:
    from .module import Module


class Hooks:
    """Those of one Module, in the order in which they are called: number -> (function, whether it takes keywords)."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Callable[..., Any], bool]] = {}
        self.after: dict[int, tuple[Callable[..., Any], bool]] = {}
        self.backward_before: dict[int, Callable[..., Any]] = {}
        self.backward: dict[int, Callable[..., Any]] = {}

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.backward_before or self.backward)

    def call(self, module: Module, args: tuple[Any, ...], settings: dict[str, Any]) -> Any:
        """``forward`` with the hooks around it."""
        for hook, takes_settings in list(self.before.values()):
            changed = hook(module, args, settings) if takes_settings else hook(module, args)
            if changed is None:
                continue
            if takes_settings:
                args, settings = changed
            else:
                args = changed if isinstance(changed, tuple) else (changed,)
        watched = _Backward(self, module) if self.backward_before or self.backward else None
        if watched is not None:
            args = watched.entered(args)
        out = module.forward(*args, **settings)
        for hook, takes_settings in list(self.after.values()):
            changed = hook(module, args, settings, out) if takes_settings else hook(module, args, out)
            out = out if changed is None else changed
        return out if watched is None else watched.left(out)


class _Gate(Function):
    """The same Tensors; their gradients are those that ``passed`` makes of the gradients that arrive."""

    @staticmethod
    def forward(ctx: Any, passed: Callable[[tuple[Any, ...]], tuple[Any, ...]], *tensors: Tensor) -> Any:
        ctx.passed = passed
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(t for t in tensors if not t._requires_grad))
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return (None, *ctx.passed(gradients))


class _Backward:
    """The backward pass of one call: gradients of all outputs arrive together, and those of all inputs leave together.

    PyTorch's rules: hooks see None for what is no Tensor, and for an output that no gradient arrives at, but zeros for
    an input that none leaves through, if one leaves through another. Without any input that needs a gradient, they see
    those of the outputs, and replace nothing.
    """

    def __init__(self, hooks: Hooks, module: Module) -> None:
        self.hooks, self.module = hooks, module
        self.inputs = 0
        self.has_gate = False
        self.arrived: tuple[Any, ...] | None = None  # at the outputs

    def entered(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, behind a gate."""
        self.inputs = len(args)
        places = _places(args)
        self.has_gate = bool(places)
        inside = [args[i] for i in places]
        return _behind(args, places, lambda given: self._leaving(_filled(given, inside), places))

    def left(self, out: Any) -> Any:
        """The output, behind a gate."""
        several = out if isinstance(out, tuple) else (out,)
        count = len(several)
        places = _places(several)
        gated = _behind(several, places, lambda given: self._arriving(given, places, count))
        return gated if isinstance(out, tuple) else gated[0]

    def _arriving(self, given: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
        grads = _packed(given, places, count)
        for hook in list(self.hooks.backward_before.values()):
            grads = self._replaced(hook, hook(self.module, grads), grads, "grad_output")
        if self.has_gate:
            self.arrived = grads
        else:
            nothing = (None,) * self.inputs
            for hook in list(self.hooks.backward.values()):
                returned = hook(self.module, nothing, grads)
                if returned is not None and any(g is not None for g in returned):
                    raise RuntimeError("no input of the Module requires a gradient, so a backward hook replaces none")
        return tuple(grads[i] for i in places)

    def _leaving(self, given: tuple[Any, ...], places: list[int]) -> tuple[Any, ...]:
        if self.arrived is None:  # a gradient that did not come through the output
            return given
        grads, arrived = _packed(given, places, self.inputs), self.arrived
        for hook in list(self.hooks.backward.values()):
            grads = self._replaced(hook, hook(self.module, grads, arrived), grads, "grad_input")
        self.arrived = None
        return tuple(grads[i] for i in places)

    def _replaced(self, hook: Any, returned: Any, grads: tuple[Any, ...], what: str) -> tuple[Any, ...]:
        if returned is None:
            return grads
        several = returned if isinstance(returned, tuple) else (returned,)
        if len(several) != len(grads):
            name = getattr(hook, "__name__", type(hook).__name__)
            raise RuntimeError(f"backward hook {name} returned {len(several)} of {what}, expected {len(grads)}")
        return several


def _places(values: tuple[Any, ...]) -> list[int]:
    """The numbers of the floating Tensors, if any of them needs a gradient."""
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.dtype.kind == "f"]
    return places if is_grad_enabled() and any(values[i]._requires_grad for i in places) else []


def _behind(values: tuple[Any, ...], places: list[int], passed: Any) -> tuple[Any, ...]:
    if not places:
        return values
    gated = dict(zip(places, _Gate.apply(passed, *(values[i] for i in places)), strict=True))
    return tuple(gated.get(i, v) for i, v in enumerate(values))


def _filled(gradients: tuple[Any, ...], tensors: list[Tensor]) -> tuple[Any, ...]:
    """Zeros in the place of None."""
    pairs = zip(gradients, tensors, strict=True)
    return tuple(Tensor(np.zeros_like(x._data)) if g is None else g for g, x in pairs)


def _packed(given: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
    found = dict(zip(places, given, strict=True))
    return tuple(found.get(i) for i in range(count))
