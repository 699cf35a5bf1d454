"""Functions called around a Module's ``forward``, to look at what goes in and out, or to replace it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .module import Module

_numbers = count()


class Hooks:
    """Those of one Module, in the order in which they are called: number -> (function, whether it takes keywords)."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Callable[..., Any], bool]] = {}
        self.after: dict[int, tuple[Callable[..., Any], bool]] = {}

    def __bool__(self) -> bool:
        return bool(self.before or self.after)

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
        out = module.forward(*args, **settings)
        for hook, takes_settings in list(self.after.values()):
            changed = hook(module, args, settings, out) if takes_settings else hook(module, args, out)
            out = out if changed is None else changed
        return out


class RemovableHandle:
    """What registering a hook returns: ``remove()`` takes the hook away; so does the end of a ``with`` block."""

    def __init__(self, hooks: dict[int, Any], hook: Any, first: bool) -> None:
        self.hooks, self.id = hooks, next(_numbers)
        others = dict(hooks) if first else {}
        if first:
            hooks.clear()
        hooks[self.id] = hook
        hooks.update(others)

    def remove(self) -> None:
        """Take the hook away. A second time does nothing."""
        self.hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()
