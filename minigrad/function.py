"""``Function``: an op whose backward pass is written by hand, as PyTorch's ``autograd.Function``.

In the graph one call is one hidden node, with the inputs as its arguments, and each output is a part of that node. So
``backward`` runs once for all outputs. The gradients of the outputs arrive at the node as one ``_Bundle``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from types import SimpleNamespace
from typing import Any

import numpy as np

from .device import as_array, device_of, is_array
from .engine import Tensor, _new, _without_history, derivatives, op
from .errors import written
from .recording import enable_grad, no_grad, thread
from .versions import clock, share_memory, version


class Context:
    """What ``forward`` leaves for ``backward``: ``save_for_backward``, and any attribute."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self._saved: list[tuple[Tensor | None, int]] = []
        self._constant: set[int] = set()  # ids of the outputs that gradients do not flow through
        self._materialize = True
        self._outputs: list[Tensor] = []
        self._node: Tensor | None = None  # while backward itself is recorded

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep Tensors, inputs or outputs mostly, for ``saved_tensors``, where a change in place is noticed."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(f"save_for_backward keeps Tensors, got {type(t).__name__}; set others as attributes")
        self._saved = [(t, 0 if t is None else version(t)) for t in tensors]

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What was given to ``save_for_backward``; RuntimeError if one was changed in place since."""
        out: list[Tensor | None] = []
        for i, (t, then) in enumerate(self._saved):
            if t is not None and version(t) != then:
                assert t._changed is not None
                raise RuntimeError(
                    f"saved tensor {i}, of shape {t.shape}, was changed in place after it was saved "
                    f"(changed at {written(t._changed.place)}); save a copy, or run backward before the change"
                )
            number = next((k for k, o in enumerate(self._outputs) if o is t), None)
            if self._node is not None and number is not None:  # an output with its history, which it cannot hold itself
                t = self._node._op.part(self._node, number=number, value=t)
            out.append(t)
        return tuple(out)

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Let no gradient flow through these outputs: they get ``requires_grad=False``. Integers never let it."""
        self._constant.update(map(id, outputs))

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` gets zeros (the default), or None, for an output that no gradient arrived at."""
        self._materialize = value


class Function:
    """Base of ops with a backward pass of their own. Write two static methods and call ``apply``::

        class Square(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return 2 * x * g

    ``forward(ctx, *args)`` computes, unrecorded, a Tensor or a tuple of them. With a third static method,
    ``setup_context(ctx, inputs, output)``, it is ``forward(*args)``, and the other gets the tuple of the arguments and
    what forward returned. ``backward(ctx, *gradients)`` takes one gradient for each output and returns one for each
    argument: a Tensor (or an array) of its shape, or one that broadcasting made larger, or None where nothing flows.
    Written in ops, it can be differentiated itself.
    """

    _op: Any  # one for each class

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        """Compute the outputs."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep what backward needs, for a ``forward`` without a context."""
        raise NotImplementedError("setup_context(ctx, inputs, output) is for a Function to write, or to leave out")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Compute the gradients of the inputs from those of the outputs."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *gradients)")

    def __init__(self, *args: Any) -> None:
        raise TypeError(f"{type(self).__name__} is not made but applied: {type(self).__name__}.apply(...)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Call ``forward``, and record the call."""
        for name in ("forward", "setup_context", "backward"):
            if not isinstance(next(vars(c)[name] for c in cls.__mro__ if name in vars(c)), staticmethod):
                raise TypeError(f"{cls.__name__}.{name} must be a @staticmethod")
        ctx = Context(tuple(isinstance(a, Tensor) and a._requires_grad for a in args))
        with no_grad():
            if cls.setup_context is Function.setup_context:
                returned = cls.forward(ctx, *args)
            else:
                returned = cls.forward(*args)
                cls.setup_context(ctx, args, returned)
        outputs = []
        for i, o in enumerate(returned if isinstance(returned, tuple) else (returned,)):
            if not _is_array(o):
                raise TypeError(f"{cls.__name__}.forward returned a {type(o).__name__} as output {i}, not a Tensor")
            constant = id(o) in ctx._constant or o.dtype.kind != "f"
            if not isinstance(o, Tensor):
                o = Tensor(o)
            elif any(o is a for a in args):  # the same memory, but no longer the input
                o = o.detach()
            outputs.append((o, constant))
        ctx._outputs = [o for o, _ in outputs]
        if thread.recording and any(ctx.needs_input_grad):
            node = _node(cls, ctx, args)
            parts = enumerate(outputs)
            out = [o if constant else _linked(node, k, o) for k, (o, constant) in parts]
        else:
            out = ctx._outputs
        return tuple(out) if isinstance(returned, tuple) else out[0]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._op = SimpleNamespace(__name__=cls.__name__, linear=False, part=_part_of(cls.__name__))
        derivatives(cls._op, together=partial(_pulled_back, cls))


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a ``backward`` that is not written in ops: it runs unrecorded, and differentiating it raises."""

    @wraps(backward)
    def once(ctx: Context, *gradients: Any) -> Any:
        node, ctx._node = ctx._node, None
        with no_grad():
            returned = backward(ctx, *gradients)
        if node is None:
            return returned
        sources = [t for t in (*gradients, *node._args) if isinstance(t, Tensor) and t._requires_grad]
        several = returned if isinstance(returned, tuple) else (returned,)
        with enable_grad():
            return tuple(None if g is None else _once(g, *sources, function=node._op.__name__) for g in several)

    return once


@op
def _once(g: Any, *sources: Any, function: str) -> Any:
    return g.copy()


def _refuse(i: int, g: Any, out: Any, *args: Any, function: str) -> Any:
    raise RuntimeError(f"{function}.backward is marked once_differentiable, and here its derivative is asked for")


derivatives(_once, each=_refuse)


# ------------------------------------------------------------------------------------------- one call as a node


class _Hub:
    """What a node with several outputs has in the place of an array."""

    shape, dtype = (), object()


class _Bundle:
    """Gradients by the number of their output, added number by number."""

    shape, dtype = _Hub.shape, _Hub.dtype

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def __add__(self, other: _Bundle) -> _Bundle:
        sums = dict(self.parts)
        for number, g in other.parts.items():
            sums[number] = sums[number] + g if number in sums else g
        return _Bundle(sums)


def _part_of(name: str) -> Any:
    """The op that takes one output from the node of a Function of this name."""

    def part(hub: Any, *, number: int, value: Tensor) -> Any:
        return value._data

    part.__name__ = name
    made: Any = op(part, linear=True)
    derivatives(made, lambda g, out, hub, number, value: _Bundle({number: g}))
    made.output_of = True
    return made


def _node(function: type[Function], ctx: Context, args: tuple[Any, ...]) -> Tensor:
    node = _without_history(_new(Tensor), _Hub)
    node._requires_grad = True
    node._op, node._settings, node._time = function._op, {"ctx": ctx}, next(clock)
    # constants of this call, also if they require gradients later
    node._args = tuple(a.detach() if isinstance(a, Tensor) and not a._requires_grad else a for a in args)
    return node


def _linked(node: Tensor, number: int, value: Tensor) -> Tensor:
    """The output that a user gets: the same memory, and a history."""
    out: Tensor = node._op.part(node, number=number, value=value)
    share_memory(out, value)
    return out


def _pulled_back(
    function: type[Function], needed: Sequence[int], g: _Bundle, out: Any, *args: Any, ctx: Context
) -> dict[int, Any]:
    """Call ``backward`` and check what it returns: the gradients for the arguments that need one, by number."""
    ctx._node = out if isinstance(out, Tensor) else None
    given = [_gradient(g.parts.get(k), o, ctx._materialize) for k, o in enumerate(ctx._outputs)]
    try:
        returned = function.backward(ctx, *given)
    finally:
        ctx._node = None
    several = returned if isinstance(returned, tuple) else (returned,)
    name = f"{function.__name__}.backward"
    if len(several) < len(args) or any(r is not None for r in several[len(args) :]):
        raise RuntimeError(
            f"{name} returned {len(several)} gradients for {len(args)} arguments; give None where none flows"
        )
    arrays = [a._data if isinstance(a, Tensor) else a for a in (*args, *given, *(t for t, _ in ctx._saved))]
    found = {}
    for i, (r, x) in enumerate(zip(several, args, strict=False)):
        if r is not None:
            _check(f"{name} returned as gradient of argument {i}", r, x, ctx.needs_input_grad[i])
            if i in needed:
                data = r._data if isinstance(r, Tensor) else as_array(r)
                shared = any(
                    np.may_share_memory(data, a) for a in arrays if is_array(a) and device_of(a) == device_of(data)
                )
                r = r if isinstance(r, Tensor) else Tensor(r)
                r = r.clone() if shared else r
                found[i] = r if isinstance(out, Tensor) else r._data
    return found


def _gradient(g: Any, output: Tensor, materialize: bool) -> Tensor | None:
    """The gradient of an output as ``backward`` gets it."""
    if g is None:
        return Tensor(np.zeros_like(output._data)) if materialize else None
    return g if isinstance(g, Tensor) else _without_history(_new(Tensor), g)


def _is_array(x: Any) -> bool:
    """Of an array or of a Tensor."""
    return isinstance(x, Tensor) or is_array(x)


def _check(what: str, g: Any, x: Any, needed: bool) -> None:
    if not _is_array(g):
        raise TypeError(f"{what} a {type(g).__name__}, which is no Tensor")
    if not needed:
        if not _is_array(x):
            raise RuntimeError(f"{what} a Tensor, but that argument is a {type(x).__name__}; return None for it")
        return
    if g.dtype.kind != "f":
        raise TypeError(f"{what} {g.dtype}; gradients are floating")
    if len(g.shape) < len(x.shape) or any(n not in (1, m) for n, m in zip(x.shape[::-1], g.shape[::-1], strict=False)):
        raise RuntimeError(f"{what} one of shape {g.shape}; the argument has shape {x.shape}")
