"""Whether ops are being recorded: ``no_grad`` and its kin, for each thread its own."""

import threading
from contextlib import ContextDecorator


class _Thread(threading.local):
    recording = True


thread = _Thread()


class set_grad_enabled(ContextDecorator):
    """Record ops, or do not, inside a ``with`` block or a decorated function."""

    def __init__(self, mode: bool) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        self.outer = thread.recording
        thread.recording = self.mode

    def __exit__(self, *exc: object) -> None:
        thread.recording = self.outer

    def _recreate_cm(
        self,
    ) -> "set_grad_enabled":  # a decorated function may call itself, or run in two threads
        return set_grad_enabled(self.mode)


class no_grad(set_grad_enabled):
    """Compute without recording: results have no history."""

    def __init__(self) -> None:
        super().__init__(False)


class enable_grad(set_grad_enabled):
    """Record again inside ``no_grad``."""

    def __init__(self) -> None:
        super().__init__(True)


def is_grad_enabled() -> bool:
    """Whether this thread records ops."""
    return thread.recording
