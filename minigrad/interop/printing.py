"""The text of a Tensor: PyTorch's, to the letter, with float64 and int64 as the dtypes that need no mention.

Four digits after the point; whole numbers show none. More than 1000 elements: three at each end of every dimension.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

DIGITS, THRESHOLD, EDGE, LINE = 4, 1000, 3, 80
UNSAID = ("float64", "int64", "bool")


def text(array: Any, grad_fn: str | None, requires_grad: bool, place: str | None = None) -> str:
    """``tensor(...)`` of an array, the device that it came from if that is worth saying, its history and its dtype."""
    array = np.asarray(array)
    said = array.dtype.name in UNSAID
    notes = [] if place is None else [f"device='{place}'"]
    if array.size:
        body = _block(array, _formatter(_ends(array)), len("tensor("))
    else:
        body = "[]"
        notes += [f"size={array.shape}"] if array.ndim != 1 else []
        said = array.dtype.name == "float64"  # of no elements the text does not tell
    notes += [] if said else [f"dtype={array.dtype.name}"]
    if grad_fn is not None:
        notes.append(f"grad_fn=<{grad_fn}>")
    elif requires_grad:
        notes.append("requires_grad=True")
    out = f"tensor({body}"
    room = LINE - (len(out) - out.rfind("\n") + 1)  # as PyTorch counts
    for note in notes:
        if len(note) + 2 > room:
            out, room = f"{out},\n{' ' * len('tensor(')}{note}", LINE - len("tensor(") - len(note)
        else:
            out, room = f"{out}, {note}", room - len(note) - 2
    return out + ")"


def _ends(array: Any) -> Any:
    """The elements that are shown."""
    if array.size > THRESHOLD:
        for axis, length in enumerate(array.shape):
            if length > 2 * EDGE:
                array = np.take(array, [*range(EDGE), *range(length - EDGE, length)], axis)
    return array


def _formatter(shown: Any) -> Callable[[Any], str]:
    """How an element is written, so that all have one width."""
    if shown.dtype.kind != "f":
        width = max(len(str(v)) for v in shown.ravel().tolist())
        return lambda v: f"{v!s:>{width}}"
    values = shown.astype(np.float64).ravel()
    values = values[np.isfinite(values) & (values != 0)]
    whole = bool((values == np.ceil(values)).all())
    least, most = (np.abs(values).min(), np.abs(values).max()) if values.size else (1.0, 1.0)
    spread = most > 1e8 or most > 1000 * least
    how = f".{DIGITS}e" if spread or (not whole and least < 1e-4) else ".0f" if whole else f".{DIGITS}f"

    def written(v: float) -> str:
        out = f"{v:{how}}"
        return f"{out}." if how == ".0f" and math.isfinite(v) else out

    width = max((len(written(v)) for v in values.tolist()), default=0)
    return lambda v: f"{written(v):>{width}}"


def _block(array: Any, written: Callable[[Any], str], indent: int, summarised: bool | None = None) -> str:
    """The elements in brackets, rows under each other."""
    summarised = array.size > THRESHOLD if summarised is None else summarised
    if array.ndim == 0:
        return written(array.item())
    short = summarised and len(array) > 2 * EDGE
    if array.ndim == 1:
        values = array.tolist()
        parts = [written(v) for v in (*values[:EDGE], *values[-EDGE:])] if short else [written(v) for v in values]
        in_a_line = max(1, (LINE - indent) // (len(parts[0]) + 2)) if parts else 1
        if short:
            parts.insert(EDGE, " ...")
        lines = [", ".join(parts[i : i + in_a_line]) for i in range(0, len(parts), in_a_line)]
        return _bracketed(lines, 1, indent)
    rows: Sequence[Any] = [*array[:EDGE], *array[-EDGE:]] if short else array
    blocks = [_block(row, written, indent + 1, summarised) for row in rows]
    if short:
        blocks.insert(EDGE, "...")
    return _bracketed(blocks, array.ndim - 1, indent)


def _bracketed(parts: Sequence[str], newlines: int, indent: int) -> str:
    separator = "," + "\n" * newlines + " " * (indent + 1)
    return f"[{separator.join(parts)}]"
