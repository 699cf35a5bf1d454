"""Whether ops are being recorded, and who looks on: ``no_grad`` and its kin, for each thread its own."""

import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any


class _Thread(threading.local):
    recording = True
    walking = False  # inside a backward pass
    watchers: tuple[Any, ...] = ()  # who looks at every op: see diagnosis.py


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


def is_grad_enabled() -> bool:
    """Whether this thread records ops."""
    return thread.recording


watching: list[Any] = []  # one entry for each watcher of each thread: while it is empty, ops need not ask further


def tell(event: str, *what: Any) -> None:
    """Call this method of this thread's watchers."""
    for watcher in thread.watchers:
        getattr(watcher, event)(*what)
