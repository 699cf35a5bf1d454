"""What a checker must be able to ask of an automatic-differentiation engine, and minigrad's answers.

Arrays go in and arrays come out, so that one set of properties judges every engine.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..device import bare
from ..engine import Tensor, gradients
from ..transforms import jvp
from ..trees import leaves


@dataclass(frozen=True)
class Engine:
    """An automatic-differentiation engine as functions of NumPy arrays. ``value`` and ``vjp`` are enough.

    ``fn`` is a function of the engine's own arrays that returns one of them, or several in tuples, lists and dicts.
    ``inputs`` are NumPy arrays and other Python values: the engine wraps what it must and passes the rest on. It
    neither copies nor writes where it can do without, so that a function that changes its input is seen. Only outputs
    of floating type count. For one that is no array of the engine it raises NoArray (``arrays_in``): what left the
    engine has no gradient to be judged.

    - ``value(fn, inputs)``: the floating outputs, a list of NumPy arrays. It may refuse complex inputs, by any error.
    - ``vjp(fn, inputs, cotangents)``: one entry for each input, with a cotangent for each of the outputs of ``value``:
      an array for a floating array, zeros where ``fn`` does not depend on it; None for anything else.
    - ``jvp(fn, inputs, tangents)``: one array for each output. ``tangents``: one for each input, None where it is not
      a floating array. NoForwardMode where an operation inside of ``fn`` has none.
    - ``gradient(fn, count)``: a function of this engine, of ``count`` inputs and then a cotangent for each output. It
      returns the tuple of the gradients of the floating inputs and is itself differentiable. None: no second order.
    - ``jvp_by_rules``: whether ``jvp`` differentiates the derivatives that it is compared with, so that it needs
      second order itself and cannot see a factor that both sides have.
    """

    name: str
    value: Callable[..., list[Any]]
    vjp: Callable[..., list[Any]]
    jvp: Callable[..., list[Any]] | None = None
    gradient: Callable[[Callable[..., Any], int], Callable[..., tuple[Any, ...]]] | None = None
    jvp_by_rules: bool = False


def is_floating(a: Any) -> bool:
    """Whether this is an array of real floating-point numbers: what is differentiated."""
    return isinstance(a, np.ndarray) and a.dtype.kind == "f"


class NoForwardMode(Exception):
    """An operation has no forward mode: J u can still be had, as the derivative of the VJP by its cotangent."""


class NoArray(TypeError):
    """A function returned what is no array of the engine: nothing that a gradient could be judged by."""


def arrays_in(returned: Any, is_array: Callable[[Any], bool], expected: str, who: str = "fn") -> list[tuple[str, Any]]:
    """(path, array) of all that a function returned: an array, or several in lists, tuples and dicts.

    Raises NoArray for anything else, None too: ``who`` returned it, where ``expected``, as in "a Tensor", belongs.
    """
    found = list(leaves(returned, none=True))
    for path, leaf in found:
        if not is_array(leaf):
            what = "None" if leaf is None else f"{leaf!r:.40} of type {type(leaf).__name__}"
            place = f" at {path}" if path else ""
            raise NoArray(
                f"{who} returned {what}{place}, which is not {expected}, so that no gradient can be judged; return "
                f"{expected}, or several in lists, tuples and dicts"
            )
    return found


def _wrapped(a: Any, requires_grad: bool) -> Any:
    """A Tensor around the array itself: layout, write protection and all. Other values as they are."""
    if not is_floating(a):
        return a
    tensor = Tensor(0.0, requires_grad, dtype=a.dtype)
    tensor._data = bare(a)  # it is no change: .data = a would remember this line, each time
    return tensor


def _called(fn: Callable[..., Any], arguments: Sequence[Any]) -> list[Any]:
    """The floating outputs. Bare arrays are among them only if some went in: integers, or complex numbers."""
    bare = any(isinstance(a, np.ndarray) for a in arguments) or not any(isinstance(a, Tensor) for a in arguments)
    taken = (Tensor, np.ndarray, np.generic) if bare else Tensor
    outs = arrays_in(fn(*arguments), lambda out: isinstance(out, taken), "a Tensor")
    return [out for _, out in outs if out.dtype.kind in "fc"]


def _value(fn: Callable[..., Any], inputs: Sequence[Any]) -> list[Any]:
    outs = _called(fn, [_wrapped(a, False) for a in inputs])
    return [np.asarray(out._data if isinstance(out, Tensor) else out) for out in outs]


def _pulled(outs: Sequence[Any], wrt: list[Tensor], seeds: Sequence[Any], **options: Any) -> list[Any]:
    """The gradients of ``wrt``, None for those that no output depends on."""
    pairs = [(out, v) for out, v in zip(outs, seeds, strict=True) if isinstance(out, Tensor) and out.requires_grad]
    if not pairs or not wrt:
        return [None] * len(wrt)
    return list(gradients([out for out, _ in pairs], wrt, [v for _, v in pairs], allow_unused=True, **options))


def _vjp(fn: Callable[..., Any], inputs: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
    arguments = [_wrapped(a, True) for a in inputs]
    wrt = [t for a, t in zip(inputs, arguments, strict=True) if is_floating(a)]  # a Tensor that came in is a constant
    found = iter(_pulled(_called(fn, arguments), wrt, cotangents))
    pulled = [next(found) if is_floating(a) else None for a in inputs]
    return [
        g.data if g is not None else np.zeros(a.shape, a.dtype) if is_floating(a) else None
        for a, g in zip(inputs, pulled, strict=True)
    ]


def _jvp(fn: Callable[..., Any], inputs: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
    """J u by ``minigrad.jvp``: no rules of its own, but the rules' derivatives by their cotangents."""
    floating = [k for k, a in enumerate(inputs) if is_floating(a)]

    def of_floating(*xs: Any) -> list[Any]:
        given = dict(zip(floating, xs, strict=True))
        return _called(fn, [given.get(k, a) for k, a in enumerate(inputs)])

    _, pushed = jvp(of_floating, [inputs[k] for k in floating], [tangents[k] for k in floating])
    return [np.asarray(t.data if isinstance(t, Tensor) else t) for t in pushed]


def _gradient(fn: Callable[..., Any], count: int) -> Callable[..., tuple[Any, ...]]:
    def first(*args: Any) -> tuple[Any, ...]:
        wrt = [t for t in args[:count] if isinstance(t, Tensor)]
        tracked = [t if t.requires_grad else Tensor(t, requires_grad=True) for t in wrt]
        renewed = iter(tracked)
        arguments = [next(renewed) if isinstance(t, Tensor) else t for t in args[:count]]
        found = _pulled(_called(fn, arguments), tracked, args[count:], create_graph=True)
        return tuple(Tensor(np.zeros(t.shape, t.dtype)) if g is None else g for t, g in zip(wrt, found, strict=True))

    return first


MINIGRAD = Engine("minigrad", _value, _vjp, _jvp, _gradient, jvp_by_rules=True)


def engine_named(engine: str | Engine) -> Engine:
    """The Engine itself, or that of a name: "minigrad", or one of minigrad/testing/adapters.py, loaded when asked for.

    Raises ValueError for a name that nobody knows.
    """
    if isinstance(engine, Engine):
        return engine
    if engine == "minigrad":
        return MINIGRAD
    found: Engine = importlib.import_module(f"{__package__}.adapters").adapter(engine)
    return found
