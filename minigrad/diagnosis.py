"""Where did the nan come from? Reads a graph that is still whole; nothing here runs unless asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from .engine import Tensor, history


def first_nonfinite(out: Tensor) -> str | None:
    """Name the earliest op on the way to ``out`` whose result is not finite, and what it was given. None if all are.

    Ask before the backward pass, which frees the graph.
    """
    nodes = [t for t in history([out]) if t._op is not None]
    for node in sorted(nodes, key=lambda t: t._time):
        if _kind(node._data):
            given = [f"argument {i} of shape {np.shape(a)} with {kind}" for i, a, kind in _bad(node._args)]
            source = f"given {', '.join(given)}" if given else "from finite arguments"
            shapes = ", ".join(str(np.shape(_array(a))) for a in node._args)
            return f"{node._op.__name__} of shapes {shapes} made {_kind(node._data)} {source}"
    return None if _kind(out._data) is None else f"the value itself, of shape {out.shape}, has {_kind(out._data)}"


def _bad(args: tuple[Any, ...]) -> list[tuple[int, Any, str]]:
    kinds = [(i, _array(a), _kind(_array(a))) for i, a in enumerate(args)]
    return [(i, a, kind) for i, a, kind in kinds if kind]


def _array(a: Any) -> Any:
    return a._data if isinstance(a, Tensor) else a


def _kind(a: Any) -> str | None:
    a = np.asarray(a)
    if a.dtype.kind != "f" or np.isfinite(a).all():
        return None
    return "nan" if np.isnan(a).any() else "inf"
