"""Functions made from functions: ``grad(f)`` is the gradient of f as a function, and so on. JAX's names and order.

All take functions of nested lists, tuples and dicts of arrays, Tensors and numbers (of None as well, which has no
derivative), call them with Tensors, and may be nested in any order: ``grad(grad(f))``, ``jacobian(grad(f))``.

What comes back is of the kind that went in: for a NumPy array or a Python number an array, for a Tensor a Tensor. Two
cases give a Tensor in any case, as it carries a history that an array would lose: the result depends on an argument
of a transform around this one, or on a Tensor outside that requires gradients. Inside ``no_grad`` there is no history.
What is not depended on has a derivative of zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np

from .device import device_of, is_array
from .engine import Tensor, gradients, history
from .ops import clone, reshape, stack
from .recording import enable_grad, thread
from .trees import filled, leaves, mapped, matching

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Function = Callable[..., Any]


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The gradient of a scalar function, as a function of the same arguments.

    It has the structure of argument ``argnums``; for several numbers it is a tuple. With ``has_aux``, f returns
    (scalar, anything), and the gradient comes with the latter: (gradient, anything).
    """
    both = value_and_grad(f, argnums, has_aux)

    def gradient(*args: Any, **settings: Any) -> Any:
        value, found = both(*args, **settings)
        return (found, value[1]) if has_aux else found

    return _named(gradient, "grad", f)


def value_and_grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """As ``grad``, with the function's value first: (value, gradient), or ((value, anything), gradient)."""

    def value_and_gradient(*args: Any, **settings: Any) -> Any:
        call = _Call("grad", f, args, settings, argnums, has_aux)
        [out] = call.outs if len(call.outs) == 1 else [None]
        if out is None or out.shape != ():
            shapes = ", ".join(str(t.shape) for t in call.outs)
            raise ValueError(f"grad needs a function whose value is one number; it returned {shapes or None}")
        if out.dtype.kind != "f":
            raise TypeError(f"grad needs a function whose value is floating; it returned {out.dtype}")
        with call:
            value, aux = call.released(call.value), call.released(call.aux)  # before their graph is freed
            found = call.pulled_back([np.ones_like(out._data)], retain_graph=call.outside)
            return ((value, aux) if has_aux else value), call.structured(found)

    return _named(value_and_gradient, "value_and_grad", f)


def vjp(f: Function, *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """(f(*primals), pull), where ``pull(cotangent)`` is the vector-Jacobian product ``sum_j v_j d out_j / d primals``.

    The cotangent has the structure and the shapes of f's value, the result is a tuple, one for each primal. ``pull``
    may be called again. With ``has_aux`` a third is returned: what f returned as the second of two.
    """
    call = _Call("vjp", f, primals, {}, range(len(primals)), has_aux)

    def pull(cotangent: Any) -> tuple[Any, ...]:
        given = _directions("vjp", "cotangent", call.value, call.outs, cotangent)
        with call:
            found: tuple[Any, ...] = call.structured(call.pulled_back(given))
            return found

    with call:
        value = call.released(call.value)
        return (value, pull, call.released(call.aux)) if has_aux else (value, pull)


def jvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any], has_aux: bool = False) -> tuple[Any, ...]:
    """(f(*primals), ``sum_i d out / d primal_i . tangent_i``), and what else f returned with ``has_aux``.

    By two reverse passes: the vector-Jacobian product ``v J`` is linear in v, and its derivative is J. So f's rules
    must themselves be differentiable, as all of minigrad's are.
    """
    call = _Call("jvp", f, _tuple("jvp", primals), {}, range(len(primals)), has_aux)
    given = _directions("jvp", "tangent", call.primals, call.inputs, _tuple("jvp", tangents))
    dummies = [Tensor(np.zeros_like(out._data), requires_grad=out.dtype.kind == "f") for out in call.outs]
    call.own += dummies
    with call:
        products = call.pulled_back(dummies, create_graph=True)
        tracked = call.recording and any(map(_tracked, given))
        found = _pulled_back(products, dummies, given, create_graph=call.outside or tracked)
        out = call.released(call.value), filled(call.value, [call.handed(t, call.bare) for t in found])
        return (*out, call.released(call.aux)) if has_aux else out


def jacobian(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """All derivatives of ``f``: for every array that it returns, in its place, a structure like the argument's.

    A derivative has the shape (*shape of the output, *shape of the input). Row by row: one reverse pass for each
    element of the outputs. ``has_aux`` as in ``grad``.
    """

    def jacobians(*args: Any, **settings: Any) -> Any:
        call = _Call("jacobian", f, args, settings, argnums, has_aux)
        with call:
            shown = filled(call.value, [call.structured(call.rows(j)) for j in range(len(call.outs))])
            return (shown, call.released(call.aux)) if has_aux else shown

    return _named(jacobians, "jacobian", f)


def hessian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """All second derivatives of a scalar function: ``jacobian(grad(f))``, the argument's structure twice."""
    return _named(jacobian(grad(f, argnums), argnums), "hessian", f)


def hvp(f: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
    """The Hessian of a scalar function times ``tangents``: a tuple, one for each primal.

    The gradient of ``gradient . tangents``: two reverse passes, whatever the size, and no Hessian.
    """
    primals, tangents = _tuple("hvp", primals), _tuple("hvp", tangents)
    given: list[Any] = []  # of the shapes that are checked inside

    def slope(*inner: Any) -> Any:
        found = grad(f, tuple(range(len(inner))))(*inner)
        ours = [_tensor(t) for _, t in leaves(found)]
        given[:] = _directions("hvp", "tangent", found, ours, tangents)
        return sum(((g * v).sum() for g, v in zip(ours, given, strict=True)), start=Tensor(0.0))

    out: tuple[Any, ...] = grad(slope, tuple(range(len(primals))))(*primals)
    return out


# ------------------------------------------------------------------------------------------------ one call of f


class _Call:
    """One call of ``f``, recorded, with the arguments ``argnums`` replaced by Tensors of its own."""

    def __init__(
        self,
        name: str,
        f: Function,
        args: Sequence[Any],
        settings: dict[str, Any],
        argnums: int | Iterable[int],
        has_aux: bool,
    ) -> None:
        self.recording, self.single = thread.recording, isinstance(argnums, int)
        numbers = [_number(name, n, len(args)) for n in ([argnums] if isinstance(argnums, int) else argnums)]
        if len(set(numbers)) < len(numbers):
            raise ValueError(f"{name}: argnums {argnums} has a number twice")
        self.primals = tuple(args[n] for n in numbers)
        given = [
            (f"{name}: argument {n}{path}", leaf)
            for n, primal in zip(numbers, self.primals, strict=True)
            for path, leaf in leaves(primal)
        ]
        self.given = [leaf for _, leaf in given]
        self.bare = not any(isinstance(leaf, Tensor) for leaf in self.given)
        self.inputs = [_variable(where, leaf, self.recording) for where, leaf in given]
        replaced = list(args)
        for n, primal in zip(numbers, filled(self.primals, self.inputs), strict=True):
            replaced[n] = primal
        with enable_grad():
            value = f(*replaced, **settings)
            self.aux = None
            if has_aux:
                if not isinstance(value, tuple) or len(value) != 2:
                    raise TypeError(
                        f"{name}: with has_aux the function returns (value, aux), got {type(value).__name__}"
                    )
                value, self.aux = value
            self.value = mapped(_tensor, value)
        self.outs = [leaf for _, leaf in leaves(self.value)]
        self.own = [t for t in self.inputs if t.is_leaf]
        also = [leaf for _, leaf in leaves(self.aux) if isinstance(leaf, Tensor)]
        self.outside = self.recording and _beyond([*self.outs, *also], self.own)

    def __enter__(self) -> None:
        """Gradients flow to the Tensors of this call ..."""
        for t in self.own:
            t.requires_grad = t.dtype.kind == "f"

    def __exit__(self, *exc: object) -> None:
        """... and no longer once it is over, though a result that is handed out may still have come from them."""
        for t in self.own:
            t.requires_grad = False

    def pulled_back(
        self, cotangents: Sequence[Any], retain_graph: bool = True, create_graph: bool = False
    ) -> list[Any]:
        """The gradients for all inputs; with a history if they depend on anything outside."""
        create_graph = create_graph or self.outside or (self.recording and any(map(_tracked, cotangents)))
        return _pulled_back(self.outs, self.inputs, cotangents, create_graph, retain_graph)

    def rows(self, j: int) -> list[Any]:
        """The derivatives of output ``j`` for all inputs."""
        out = self.outs[j]
        found = []
        for i in range(out.numel()):
            cotangents: list[Any] = [None] * len(self.outs)
            cotangents[j] = np.zeros_like(out._data)
            cotangents[j][np.unravel_index(i, out.shape)] = 1
            found.append(self.pulled_back(cotangents))
        stacked = [stack(column) for column in zip(*found, strict=True)]
        if not found:
            stacked = [Tensor(np.zeros_like(t._data, shape=0)) for t in self.inputs]
        return [reshape(t, (*out.shape, *x.shape)) for t, x in zip(stacked, self.inputs, strict=True)]

    def structured(self, found: Sequence[Tensor]) -> Any:
        """One result for each input, arranged as the arguments were."""
        kinds = zip(found, self.given, strict=True)
        shown: Any = filled(self.primals, [self.handed(t, not isinstance(x, Tensor)) for t, x in kinds])
        return shown[0] if self.single else shown

    def released(self, tree: Any) -> Any:
        """What f returned as it is handed out."""
        return mapped(lambda t: self.handed(t, self.bare) if isinstance(t, Tensor) else t, tree)

    def handed(self, t: Tensor, bare: bool) -> Any:
        """With its history if that leads outside; else without, and if ``bare`` as an array."""
        if self.recording and _beyond([t], self.own):
            return t
        return t.detach() if not bare else t._data if t.ndim else t._data[()]


def _variable(where: str, leaf: Any, recording: bool) -> Tensor:
    """A Tensor to differentiate by in the place of what was given; a part of its graph if it has one."""
    if isinstance(leaf, Tensor) and leaf.requires_grad and recording:
        return clone(leaf)
    try:
        x = leaf.detach() if isinstance(leaf, Tensor) else Tensor(leaf)
    except (TypeError, ValueError):
        raise TypeError(f"{where} is a {type(leaf).__name__}, which has no derivative; see argnums") from None
    if x.dtype.kind != "f":
        raise TypeError(f"{where} is {x.dtype}, which has no derivative; give floating numbers, or see argnums")
    x.requires_grad = True
    return x


def _pulled_back(
    outs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Any],
    create_graph: bool,
    retain_graph: bool = True,
) -> list[Tensor]:
    """The gradients of ``outs`` for all inputs: zeros for one that they do not depend on."""
    reached = [(t, v) for t, v in zip(outs, cotangents, strict=True) if t.requires_grad and v is not None]
    wrt = [x for x in inputs if x.requires_grad]
    found: Sequence[Any] = [None] * len(wrt)
    if reached and wrt:
        tracked, given = zip(*reached, strict=True)
        found = gradients(
            tracked, wrt, given, retain_graph=retain_graph or create_graph, create_graph=create_graph, allow_unused=True
        )
    by_input = {id(x): g for x, g in zip(wrt, found, strict=True) if g is not None}
    return [by_input[id(x)] if id(x) in by_input else Tensor(np.zeros_like(x._data)) for x in inputs]


def _directions(name: str, what: str, tree: Any, ours: Sequence[Tensor], given: Any) -> list[Any]:
    """The arrays of a cotangent or tangent, one for each of ``ours``, which are the leaves of ``tree``."""
    try:
        found = list(matching(tree, given))
    except ValueError as error:
        raise ValueError(f"{name}: the {what} is not arranged as what it belongs to: {error}") from None
    out: list[Any] = []
    for t, v in zip(ours, found, strict=True):
        shape = v.shape if isinstance(v, Tensor) else np.shape(v)
        if shape != t.shape:
            raise ValueError(f"{name}: a {what} has shape {shape}, what it belongs to {t.shape}")
        if isinstance(v, Tensor):
            out.append(v if v.dtype == t.dtype else v.to(t.dtype))
        else:
            out.append(Tensor(v, dtype=t.dtype, device=None if is_array(v) else device_of(t))._data)
    return out


def _beyond(results: Sequence[Tensor], own: Sequence[Tensor]) -> bool:
    """Whether their history leads to a leaf that is not our own."""
    ours = set(map(id, own))
    return any(t.is_leaf and id(t) not in ours for t in history(results))


def _tracked(t: Any) -> bool:
    return isinstance(t, Tensor) and t.requires_grad


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else Tensor(value)


def _number(name: str, n: int, count: int) -> int:
    if not -count <= n < count:
        raise ValueError(f"{name}: argnums has {n}, but the function was called with {count} arguments")
    return n % count


def _tuple(name: str, given: Any) -> tuple[Any, ...]:
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"{name} takes primals and tangents as tuples, (x,) for one; got {type(given).__name__}")
    return tuple(given)


def _named(made: Function, name: str, f: Function) -> Function:
    update_wrapper(made, f)
    made.__name__ = f"{name}({getattr(f, '__name__', type(f).__name__)})"
    return made
