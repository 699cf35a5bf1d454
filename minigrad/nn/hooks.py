"""Functions called around a Module's ``forward``, to look at what goes in and out, or to replace it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..hooks import RemovableHandle

__all__ = ["Hooks", "RemovableHandle"]

if TYPE_CHECKING:
    from .module import Module


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
