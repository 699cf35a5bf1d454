"""The engine: a Tensor remembers how it was made, and one walk sends gradients back along that memory.

Reading order: `Tensor` (a value and its history), `op` and `derivatives` (how history is written),
`gradients` and `_walk` (the chain rule). How a stale value is noticed is the business of versions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, ParamSpec, overload

import numpy as np

from .device import as_array, bare, copied, device_of, in_use, is_array, memory_explained, put
from .errors import FAILURES, explained
from .protocols import ArrayProtocol
from .recording import tell, thread, walking, watching
from .spellings import Keywords
from .versions import Changes, check_unchanged, clock, latest, mark_changed, share_memory

if TYPE_CHECKING:
    from ._methods import TensorMethods
else:
    TensorMethods = ArrayProtocol  # the methods are hung on Tensor by minigrad/ops/__init__.py

P = ParamSpec("P")
Rule = Callable[..., Any]  # of the chain: see derivatives()


class Tensor(TensorMethods):
    """An array with a history: ``data`` (a copy of what is given, NumPy's dtypes) and, on leaves, ``grad``.

    It is on the device of what is given, or on ``device`` (minigrad/device.py).
    A leaf is made by the user; it collects gradients in ``.grad`` if ``requires_grad`` (floating types only).
    Every other Tensor was made by an op and holds that op with its arguments: this is the graph. Tensors point
    only backwards, so a graph that nobody holds is freed at once, without the garbage collector.
    """

    __slots__: tuple[str, ...] = ("__weakref__", "_args", "_changed", "_data", "_grad", "_hooks", "_op")
    __slots__ += ("_requires_grad", "_settings", "_time")
    __hash__ = object.__hash__  # == compares elements, as in NumPy, so identity is the key

    _data: Any  # an array; for 0-d a NumPy scalar, as NumPy's own results, which compute much faster
    _grad: Tensor | None
    _op: Any  # the op that made this Tensor; None: a leaf; `_freed`: a backward pass has used it up
    _args: tuple[Any, ...]
    _settings: dict[str, Any]
    _time: int  # when the op was recorded
    _changed: Changes | None  # when this memory was last written in place; all its views share the record
    _hooks: Any  # None, or what is done to the gradient that arrives here: see hooks.py
    _requires_grad: bool

    def __init__(self, data: Any, requires_grad: bool = False, dtype: Any = None, device: Any = None) -> None:
        array = copied(data._data if isinstance(data, Tensor) else data, dtype)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"Tensor holds real numbers or booleans; got {array.dtype} from {type(data).__name__}")
        _without_history(self, bare(array if device is None else put(array, device)))
        self.requires_grad = requires_grad

    @property
    def data(self) -> Any:
        """The array. Writing into it is unseen by the engine; ``t.data = array`` and ``t[...] = array`` are seen.

        On the cpu and without dimensions it is a read-only copy.
        """
        array = as_array(self._data)
        if array is not self._data:
            array.flags.writeable = False
        return array

    @data.setter
    def data(self, value: Any) -> None:
        value = copied(value._data) if isinstance(value, Tensor) else as_array(value)
        if value.dtype.kind not in ("f" if self._requires_grad else "fiub"):
            raise TypeError(f"data of a Tensor that is {self._data.dtype} cannot become {value.dtype}")
        self._data = bare(value)
        mark_changed(self)

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this Tensor."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self._op is not None:
            raise RuntimeError("requires_grad can be set on leaves only; detach() cuts the graph")
        if value and self._data.dtype.kind != "f":
            raise TypeError(f"only floating Tensors can require gradients, not {self._data.dtype}; pass dtype=float")
        self._requires_grad = bool(value)

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add d(self)/d(leaf), weighted by ``gradient`` (default 1, for scalars), to ``.grad`` of every leaf.

        ``inputs``, a Tensor or several, leaves or not: to their ``.grad`` instead, and to no other.
        """
        accumulate(self, [gradient], retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same value without the history, in the same memory if it has dimensions."""
        out = _without_history(_new(Tensor), self._data)
        share_memory(out, self)
        return out


_new = Tensor.__new__


def _without_history(tensor: Tensor, data: Any) -> Tensor:
    """Fill the slots of a Tensor as those of a leaf around ``data``, uncopied."""
    tensor._data = data
    tensor._grad = tensor._op = tensor._changed = tensor._hooks = None
    tensor._requires_grad = False
    return tensor


# ------------------------------------------------------------------------------------------------ recording


@overload
def op(forward: Callable[P, Any], *, linear: bool = ..., view: bool = ...) -> Callable[P, Tensor]: ...
@overload
def op(*, linear: bool = ..., view: bool = ...) -> Callable[[Callable[P, Any]], Callable[P, Tensor]]: ...
def op(forward: Any = None, *, linear: bool = False, view: bool = False) -> Any:
    """Make a pure function of arrays an op: given a Tensor, it returns a Tensor that remembers the call.

    Positional arguments are data, keyword arguments are settings. Given bare arrays it returns a bare array.
    Arrays among Tensors are constants, neither copied nor watched: leave them as they are until the backward pass.
    ``linear``: no rule reads the arguments' values, so they may change before the backward pass.
    ``view``: the result may share the first argument's memory.
    """
    if forward is None:
        return lambda forward: op(forward, linear=linear, view=view)

    name, keywords = forward.__name__.strip("_"), Keywords(forward)
    of_settings = keywords.settings

    def apply(*args: Any, **settings: Any) -> Any:
        if settings and not of_settings.issuperset(settings):  # data given by name, as in linear(x, weight, bias=b)
            args, settings = keywords.arranged(args, settings, data=True)
        values, needed = [], set()
        for a in args:
            if isinstance(a, Tensor):
                needed.add(a._requires_grad)
                a = a._data
            values.append(a)
        try:
            data = forward(*values, **settings)
        except FAILURES as error:
            raise explained(error, name, values) from None
        if not needed:  # no argument is a Tensor
            return data
        out = _new(Tensor)
        out._data = data
        out._grad = out._changed = out._hooks = None
        if True in needed and apply.rules and thread.recording:  # type: ignore[attr-defined]
            out._requires_grad = True
            if False in needed:  # constants of this op, also if they require gradients later
                args = tuple(a.detach() if isinstance(a, Tensor) and not a._requires_grad else a for a in args)
            out._op, out._args, out._settings, out._time = apply, args, settings, next(clock)
        else:
            out._requires_grad = False
            out._op = None
        if view and isinstance(args[0], Tensor) and np.may_share_memory(data, values[0]):
            share_memory(out, args[0])
        if watching:
            tell("called", apply, out, args)
        return out

    apply.rules, apply.together, apply.linear = (), None, linear  # type: ignore[attr-defined]
    update_wrapper(apply, forward).__name__ = name
    return apply


def derivatives(of: Any, *rules: Rule | None, each: Rule | None = None, together: Rule | None = None) -> None:
    """State the derivatives of the op ``of``, one rule per argument (None: no gradient flows there).

    A rule is a vector-Jacobian product ``(g, out, *args, **settings) -> gradient for its argument``, where ``g`` is
    the gradient arriving at ``out``. It may leave broadcasting undone, the walk undoes it. It is written in
    operators and ops, so that it runs on arrays and, when derivatives of it are wanted, on Tensors.
    An op of any number of arguments has one rule for ``each``, which takes the argument's number first. An op whose
    derivatives share their work has one for all ``together``: it takes the numbers of the arguments that gradients
    are wanted for, and returns these gradients by number.
    """
    numbered = each or together
    of.rules, of.together = _Each(numbered) if numbered else rules, together


class _Each:
    """As many rules as there are arguments."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def __getitem__(self, i: int) -> Callable[..., Any]:
        return partial(self.rule, i)


# ------------------------------------------------------------------------------------------------- the walk


def gradients(
    out: Tensor | Sequence[Tensor],
    wrt: Any,
    grad_outputs: Any = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> Any:
    """Gradients of ``out`` with respect to ``wrt``, stored nowhere: a Tensor for a Tensor, a tuple for several.

    ``sum_j grad_outputs_j . d out_j / d wrt_i``; grad_outputs, a list for several outs, default to 1 for scalars.
    ``create_graph`` records the gradients' own history, for higher derivatives; else the graph is freed, unless
    ``retain_graph``. ``wrt`` that ``out`` does not depend on raises RuntimeError, or gives None with ``allow_unused``.
    """
    inputs, (outs, seeds) = _inputs(wrt), _outs_and_seeds(out, grad_outputs)
    found = {id(t): g for t, g in _walk(outs, seeds, inputs, retain_graph, create_graph)}
    if not allow_unused and len(found) < len({id(t) for t in inputs}):
        raise RuntimeError("gradients: out does not depend on all of wrt; allow_unused=True gives None for such a one")
    return found.get(id(wrt)) if isinstance(wrt, Tensor) else tuple(found.get(id(t)) for t in inputs)


def accumulate(out: Any, grad_outputs: Any, retain_graph: bool | None, create_graph: bool, inputs: Any) -> None:
    """As ``gradients``, but add to ``.grad`` of ``inputs`` (None: of every leaf that ``out`` depends on)."""
    outs, seeds = _outs_and_seeds(out, grad_outputs)
    wrt = None if inputs is None else _inputs(inputs)
    if wrt == []:
        raise RuntimeError("backward: inputs is empty; leave it out to add to .grad of all leaves")
    for t, g in _walk(outs, seeds, wrt, retain_graph, create_graph):
        if t._hooks is None or not t._hooks.retains:  # a Tensor that retains its gradient has it already
            t._grad = g if t._grad is None else t._grad + g
        if t._hooks is not None:
            t._hooks.accumulated(t)


def _outs_and_seeds(out: Any, given: Any) -> tuple[list[Tensor], list[Any]]:
    outs = [out] if isinstance(out, Tensor) else list(out)
    seeds = [None] * len(outs) if given is None else list(given) if isinstance(given, (list, tuple)) else [given]
    if len(seeds) != len(outs):
        raise RuntimeError(f"gradients: {len(outs)} outs but {len(seeds)} grad_outputs; give one for each")
    return outs, seeds


def _inputs(wrt: Any) -> list[Tensor]:
    inputs = [wrt] if isinstance(wrt, Tensor) else list(wrt)
    for t in inputs:
        if not t._requires_grad:
            raise RuntimeError(f"gradients: wrt has a Tensor of shape {t._data.shape} that does not require gradients")
    return inputs


def _walk(
    outs: Sequence[Tensor],
    seeds: Sequence[Any],
    wrt: Sequence[Tensor] | None,
    retain_graph: bool | None,
    create_graph: bool,
    order: list[Tensor] | None = None,
    owned: bool = True,
) -> list[tuple[Tensor, Any]]:
    """The chain rule. Results come before their arguments; each hands ``rule(g, out, *args)`` to every argument.

    Returns (Tensor, its gradient) for each of ``wrt`` (None: every leaf) that ``outs`` depend on.
    ``order``: ``history(outs)``, if it is known. Not ``owned``: arrays as the rules gave them, which may share memory.
    """
    retain_graph = create_graph if retain_graph is None else retain_graph
    order = history(outs) if order is None else order
    useful, passed = _on_a_path_to(wrt, order)
    kept = useful if retain_graph else _linear_in_leaves(order)
    wanted = {id(t) for t in order if t._op is None} if wrt is None else {id(t) for t in wrt}
    found: list[tuple[Tensor, Any]] = []
    grads: dict[int, Any] = {}  # the gradient gathered so far for each Tensor, by id
    # Derivatives are infinite where they are (sqrt at 0): IEEE values, as in PyTorch, not warnings.
    with walking(create_graph), np.errstate(all="ignore"), memory_explained("a backward pass"):
        given = [_seed(out, seed, create_graph) for out, seed in zip(outs, seeds, strict=True)]
        for out, g in zip(outs, given, strict=True):
            grads[id(out)] = grads[id(out)] + g if id(out) in grads else g
        while order:
            node = order.pop()
            g = grads.pop(id(node), None)
            if g is None:
                continue
            if node._hooks is not None and id(node) in useful:
                g = node._hooks(node, g, create_graph)
            if id(node) in wanted:
                found.append((node, g))
            if id(node) not in passed:
                continue
            apply, args, out = node._op, node._args, node
            values: Sequence[Any] = args
            if latest[0] > node._time and not apply.linear:
                check_unchanged(node)
            if not create_graph:
                out, values = node._data, [a._data if isinstance(a, Tensor) else a for a in args]
            if apply.together:
                needed = [i for i, a in enumerate(args) if isinstance(a, Tensor) and id(a) in useful]
                gathered = apply.together(needed, g, out, *values, **node._settings)
            for i, a in enumerate(args):
                if isinstance(a, Tensor) and id(a) in useful:
                    rule = apply.rules[i]
                    ga = gathered.get(i) if apply.together else rule and rule(g, out, *values, **node._settings)
                    if ga is None:  # nothing flows there
                        continue
                    if watching:
                        tell("derived", node, i, ga)
                    x = a._data
                    if ga.shape != x.shape:
                        ga = _unbroadcast(ga, x.shape, apply.__name__)
                    if ga.dtype is not x.dtype:
                        ga = ga.astype(x.dtype)
                    if in_use and not x.shape and device_of(ga) != device_of(x):  # a number on the cpu met an array
                        ga = transfer(ga, device=device_of(x))
                    key = id(a)
                    grads[key] = grads[key] + ga if key in grads else ga
            if id(node) not in kept:
                node._op, node._args, node._settings = _freed, (), {}
        return _owned(found, given) if owned else found


def history(roots: Iterable[Tensor]) -> list[Tensor]:
    """Every Tensor that gradients of ``roots`` pass through, arguments before results. Linear, not recursive."""
    order: list[Tensor] = []
    seen: set[int] = set()
    stack: list[Any] = list(roots)
    while stack:
        node = stack.pop()
        if node is None:  # the mark: all that the next one depends on is in order already
            order.append(stack.pop())
        elif node._requires_grad and id(node) not in seen:
            seen.add(id(node))
            if node._op is None:
                order.append(node)
                continue
            if node._op is _freed:
                raise RuntimeError(
                    "this graph was freed by an earlier backward pass; give that one retain_graph=True to walk it twice"
                )
            stack += (node, None)
            stack += [a for a in node._args if isinstance(a, Tensor)]
    return order


def _freed() -> None:
    """Stand in the place of an op whose arguments were given back."""


_freed.__name__ = "freed"


def _on_a_path_to(wrt: Sequence[Tensor] | None, order: Sequence[Tensor]) -> tuple[set[int], set[int]]:
    """Ids of ``wrt`` (None: all leaves) with all that depends on them, and of the latter alone, from ``order``."""
    if wrt is None:
        return {id(t) for t in order}, {id(t) for t in order if t._op is not None}
    useful, passed = {id(t) for t in wrt}, set()
    for node in order:
        if node._op is not None and not useful.isdisjoint(map(id, node._args)):
            useful.add(id(node))
            passed.add(id(node))
    return useful, passed


def _linear_in_leaves(order: Iterable[Tensor]) -> set[int]:
    """The ids of what a second walk needs no values for: linear ops of leaves, and of such results."""
    kept: set[int] = set()
    for node in order:
        op = node._op
        if op is None or (op.linear and all(id(a) in kept for a in node._args if isinstance(a, Tensor))):
            kept.add(id(node))
    return kept


def _seed(out: Tensor, seed: Any, create_graph: bool) -> Any:
    """The gradient that the walk starts with at ``out``: an array, or a Tensor for ``create_graph``."""
    if not out._requires_grad:
        raise RuntimeError(
            f"no gradient reaches this Tensor of shape {out._data.shape}: nothing it came from requires one"
        )
    if seed is None:
        if out._data.size != 1:
            raise RuntimeError(f"a Tensor of shape {out._data.shape} is not a scalar; pass the gradient to start from")
        seed = np.ones_like(out._data)
    if not isinstance(seed, Tensor):
        seed = Tensor(seed, dtype=out._data.dtype, device=None if is_array(seed) else device_of(out))
    elif seed._data.dtype != out._data.dtype:
        seed = seed.astype(out._data.dtype)
    if seed._data.shape != out._data.shape:
        raise RuntimeError(f"the gradient has shape {seed._data.shape}, the Tensor it belongs to {out._data.shape}")
    if device_of(seed) != device_of(out):
        raise RuntimeError(f"the gradient is on {device_of(seed)}, the Tensor it belongs to on {device_of(out)}")
    return seed if create_graph else seed._data


def _unbroadcast(g: Any, shape: tuple[int, ...], name: str) -> Any:
    """Sum ``g`` over the axes along which an argument of this shape was repeated: broadcasting's adjoint."""
    lead = g.ndim - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, g.shape[lead:], strict=True)):
        raise RuntimeError(f"the derivative of {name} has shape {g.shape}, which {shape} cannot be broadcast to")
    axes = tuple(i for i, m in enumerate(g.shape) if i < lead or shape[i - lead] != m)
    return g.sum(axis=axes, keepdims=True).reshape(shape)


def _owned(found: list[tuple[Tensor, Any]], given: Iterable[Any]) -> list[tuple[Tensor, Tensor]]:
    """Gradients as Tensors that share memory with nothing: rules may hand on ``g`` itself or a view of it.

    ``given`` is what the walk started with, which belongs to the caller.
    """
    owned, seen = [], {id(g) for g in given}
    for t, g in found:
        shared = id(g) in seen
        seen.add(id(g))
        if isinstance(g, Tensor):
            g = g.clone() if shared or g._data.base is not None else g
        elif not is_array(g):  # a gradient that nobody has computed yet
            g = g.as_tensor()
        else:
            g = _without_history(_new(Tensor), copied(g) if shared or g.base is not None else as_array(g))
        owned.append((t, g))
    return owned


# ------------------------------------------------------------------------------------------ between two devices


@op(linear=True)
def transfer(x: Any, *, device: Any) -> Any:
    """The same values on another device."""
    return bare(put(x, device))


derivatives(transfer, lambda g, out, x, *, device: transfer(g, device=device_of(x)))
