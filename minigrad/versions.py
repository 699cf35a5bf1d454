"""Changes in place are noticed: a record of changes for each piece of memory, on one clock with the recorded ops.

The Tensors that share memory share one record, so that a change of one is a change of all.
"""

from __future__ import annotations

from itertools import count
from threading import Lock
from typing import Any

from .errors import calling_line, written

clock = count(1)  # ticks for each recorded op and each change in place, so that the two can be put in order
latest = [0]  # when anything was last changed: what was recorded later needs no look at each of its values
_one_at_a_time = Lock()  # so that `latest` never goes back


class Changes:
    """When memory was last written in place, how often before, and on which line of whose file."""

    __slots__ = ("count", "place", "time")

    def __init__(self) -> None:
        self.time, self.count = 0, 0
        self.place: tuple[str, int] | None = None


class Tick(int):
    """A time that knows its place: the line that called an op (recorded by ``detect_anomaly`` only)."""

    place: tuple[str, int] | None


def share_memory(out: Any, source: Any) -> None:
    """What changes one Tensor in place changes the other: let both have one record."""
    if source._changed is None:
        source._changed = Changes()
    out._changed = source._changed


def mark_changed(tensor: Any) -> None:
    """Say that ``tensor._data`` was written in place, so that no walk takes the new value for the old."""
    if tensor._changed is None:
        tensor._changed = Changes()
    changes = tensor._changed
    changes.count, changes.place = changes.count + 1, calling_line()
    with _one_at_a_time:
        changes.time = latest[0] = next(clock)


def version(tensor: Any) -> int:
    """How often its memory was written in place."""
    return 0 if tensor._changed is None else int(tensor._changed.count)


def check_unchanged(node: Any) -> None:
    """Raise if the op's result or an argument was written after the op was recorded."""
    for t in (node, *node._args):
        changes = getattr(t, "_changed", None)
        if changes is not None and changes.time > node._time:
            what = "the result" if t is node else "an argument"
            raise RuntimeError(
                f"{what} of {node._op.__name__}, of shape {t._data.shape}, was changed in place after it was recorded, "
                "and its gradient needs the old value; run backward before the change, or change a copy "
                f"({history_of(node, changes)})"
            )


def history_of(node: Any, changes: Changes) -> str:
    """Both places: where the op was called, if that is known, and where the memory was changed."""
    called = getattr(node._time, "place", None)
    op = f"{node._op.__name__} called at {written(called)}, " if called else ""
    return f"{op}changed at {written(changes.place)}"
