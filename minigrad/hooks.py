"""What is done to a gradient on its way: ``register_hook``, ``retain_grad``. And the graph as an object: ``grad_fn``.

The walk knows one thing of this file: a Tensor's ``_hooks``, None almost always, is called with the gradient that is
complete at that Tensor, and gives back the one to go on with. Hooks see what PyTorch's see: those of Tensors on the
way to what gradients are wanted for, in the order they were registered, before ``.grad`` is kept or added to.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from .device import bare, copied, device_of, is_array
from .engine import Tensor, _freed
from .errors import require_alike

_numbers = count()


class RemovableHandle:
    """What registering a hook returns: ``remove()`` takes the hook away, and so does the end of a ``with`` block."""

    def __init__(self, hooks: dict[int, Any], hook: Any, first: bool = False) -> None:
        self.hooks, self.id = hooks, next(_numbers)
        others = dict(hooks) if first else {}
        if first:
            hooks.clear()
        hooks[self.id] = hook
        hooks.update(others)

    def remove(self) -> None:
        """Take the hook away; once more does nothing."""
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class Hooks:
    """The hooks of one Tensor."""

    __slots__ = ("after", "before", "retains")

    def __init__(self) -> None:
        self.before: dict[int, Callable[[Tensor], Any]] = {}
        self.after: dict[int, Callable[[Tensor], Any]] = {}
        self.retains = False

    def __bool__(self) -> bool:
        return bool(self.before or self.after or self.retains)

    def __call__(self, node: Tensor, g: Any, create_graph: bool) -> Any:
        """The gradient to go on with."""
        for hook in tuple(self.before.values()):
            replaced = hook(_shown(g))
            if replaced is not None:
                g = _checked(node, hook, replaced, create_graph)
        if self.retains:
            node._grad = _shown(g) if node._grad is None else node._grad + _shown(g)
        return g

    def accumulated(self, tensor: Tensor) -> None:
        """``backward`` has added to ``tensor.grad``."""
        for hook in tuple(self.after.values()):
            hook(tensor)


def _shown(g: Any) -> Tensor:
    """The gradient for a hook to see and to keep: a copy, as the walk may pass the same array elsewhere."""
    if isinstance(g, Tensor):
        return g
    shown: Tensor = Tensor(g) if is_array(g) else g.as_tensor()  # or not yet computed
    return shown


def _checked(node: Tensor, hook: Any, g: Any, create_graph: bool) -> Any:
    name = getattr(hook, "__name__", type(hook).__name__)
    if not isinstance(g, Tensor) and not is_array(g):
        raise TypeError(f"hook {name} returned a {type(g).__name__}; it returns a gradient, or None to keep the old")
    if g.shape != node._data.shape or g.dtype != node._data.dtype:
        raise RuntimeError(
            f"hook {name} returned a gradient of shape {g.shape}, {g.dtype}, for a Tensor of shape {node._data.shape}, "
            f"{node._data.dtype}; both must be the same"
        )
    if device_of(g) != device_of(node):
        raise RuntimeError(f"hook {name} returned a gradient on {device_of(g)} for a Tensor on {device_of(node)}")
    if create_graph:
        return g.clone() if isinstance(g, Tensor) else Tensor(g)
    return bare(copied(g._data if isinstance(g, Tensor) else g))


def register_hook(x: Tensor, hook: Callable[[Tensor], Any]) -> RemovableHandle:
    """Call ``hook(gradient)`` whenever a walk has the whole gradient for this Tensor; what it returns replaces it.

    It returns a gradient of the same shape and dtype, or None. It must not write into the one that it is given.
    """
    if not x._requires_grad:
        raise RuntimeError(
            f"no gradient comes to this Tensor of shape {x.shape}; requires_grad=True lets a hook see it"
        )
    return RemovableHandle(_hooks_of(x).before, hook)


def register_post_accumulate_grad_hook(x: Tensor, hook: Callable[[Tensor], Any]) -> RemovableHandle:
    """Call ``hook(tensor)`` whenever ``backward`` has added to this leaf's ``.grad``."""
    if x._op is not None or not x._requires_grad:
        raise RuntimeError("backward adds to .grad of leaves that require gradients, and this Tensor is none")
    return RemovableHandle(_hooks_of(x).after, hook)


def retain_grad(x: Tensor) -> None:
    """Let walks add to ``.grad`` of this Tensor too, which is no leaf."""
    if not x._requires_grad:
        raise RuntimeError(f"no gradient comes to this Tensor of shape {x.shape}, so there is none to retain")
    if x._op is not None:
        _hooks_of(x).retains = True


def _hooks_of(x: Tensor) -> Hooks:
    if x._hooks is None:
        x._hooks = Hooks()
    assert isinstance(x._hooks, Hooks)
    return x._hooks


class Node:
    """A Tensor's place in the graph: the op that made it, or for a leaf the place where its gradient gathers."""

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def name(self) -> str:
        """The op's name; ``AccumulateGrad`` for a leaf, ``freed`` after a backward pass."""
        op = self._tensor._op
        return "AccumulateGrad" if op is None else str(op.__name__)

    @property
    def variable(self) -> Tensor | None:
        """The leaf, if it is one."""
        return self._tensor if self._tensor._op is None else None

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """For each argument of the op (its node, the number of that node's output); None: no gradient flows there."""
        if self._tensor._op in (None, _freed):
            return ()
        return tuple(_edge(a) for a in self._tensor._args)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and other._tensor is self._tensor

    def __hash__(self) -> int:
        return hash(self._tensor)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


def _edge(x: Any) -> tuple[Node | None, int]:
    if not isinstance(x, Tensor) or not x._requires_grad:
        return None, 0
    if getattr(x._op, "output_of", False):  # one of several outputs: see function.py
        return Node(x._args[0]), x._settings["number"]
    return Node(x), 0


def grad_fn(x: Tensor) -> Node | None:
    """The op that made this Tensor, with a ``name()`` and ``next_functions``; None for a leaf."""
    return None if x._op is None else _edge(x)[0]


def set_grad(x: Tensor, grad: Tensor | None) -> None:
    """``x.grad = grad``: None, or a Tensor of the same shape, dtype and device."""
    if grad is not None:
        require_alike(x, grad)
    x._grad = grad


for _name, _function in {
    "grad": property(lambda x: x._grad, set_grad),
    "register_hook": register_hook,
    "register_post_accumulate_grad_hook": register_post_accumulate_grad_hook,
    "retain_grad": retain_grad,
    "retains_grad": property(lambda x: x._hooks is not None and x._hooks.retains),
    "grad_fn": property(grad_fn),
}.items():
    setattr(Tensor, _name, _function)
