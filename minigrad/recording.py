"""Whether ops are being recorded, and who looks on: ``no_grad`` and its kin, for each thread its own."""

import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from copy import copy
from typing import Any


class _Thread(threading.local):
    recording = True
    walking = False  # inside a backward pass
    watchers: tuple["watch", ...] = ()  # who looks at every op: see diagnosis.py


thread = _Thread()


class recording(ContextDecorator):
    """Record ops, or do not, inside a ``with`` block or a decorated function."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        self.outer = thread.recording
        thread.recording = self.mode

    def __exit__(self, *exc: object) -> None:
        thread.recording = self.outer

    def _recreate_cm(self) -> "recording":  # a decorated function may call itself, or run in two threads
        return recording(self.mode)


class walking(recording):
    """A backward pass: its ops are recorded, or not, and no watcher takes them for calls of the user."""

    def __enter__(self) -> None:
        super().__enter__()
        self.within, thread.walking = thread.walking, True

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        thread.walking = self.within


class set_grad_enabled(recording):
    """Record ops, or do not: from here on, or until the end of the ``with`` block that it opens."""

    def __init__(self, mode: bool) -> None:
        super().__init__(mode)
        self.outer = thread.recording
        thread.recording = mode

    def __enter__(self) -> None:
        thread.recording = self.mode

    def __call__(self, function: Callable[..., Any]) -> Any:
        """As a decorator it decides inside the function only."""
        thread.recording = self.outer
        return super().__call__(function)


class no_grad(recording):
    """Compute without recording: results have no history. ``with no_grad():``, ``@no_grad()`` or ``@no_grad``."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        """An instance, or the function decorated."""
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        super().__init__(False)


class enable_grad(recording):
    """Record again inside ``no_grad``."""

    def __init__(self) -> None:
        super().__init__(True)


class inference_mode(recording):
    """PyTorch's name for ``no_grad``; there is nothing more to save here. ``inference_mode(False)`` records again."""

    def __new__(cls, mode: Any = True) -> Any:
        """An instance, or the function decorated."""
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: Any = True) -> None:
        super().__init__(not mode)


def is_grad_enabled() -> bool:
    """Whether this thread records ops."""
    return thread.recording


watching: list[Any] = []  # the watchers of all threads: while there are none, ops need not ask further


class watch(ContextDecorator):
    """Base of the modes that look at every op: its ``called`` and ``derived`` are told. One of a kind at a time."""

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        self.outer = thread.watchers
        others = tuple(w for w in self.outer if type(w).called is not type(self).called)
        _set_watchers((*others, self) if self.mode else others)

    def __exit__(self, *exc: object) -> None:
        _set_watchers(self.outer)

    def _recreate_cm(self) -> "watch":
        return copy(self)

    def called(self, op: Any, out: Any, args: tuple[Any, ...]) -> None:
        """An op has made ``out``."""

    def derived(self, node: Any, i: int, g: Any) -> None:
        """The rule of ``node``'s op for argument i has made ``g``."""


def _set_watchers(watchers: tuple[watch, ...]) -> None:
    old, thread.watchers = thread.watchers, watchers
    watching.extend(watchers)
    for watcher in old:
        watching.remove(watcher)


def tell(event: str, *what: Any) -> None:
    """Call this method of this thread's watchers."""
    for watcher in thread.watchers:
        getattr(watcher, event)(*what)
