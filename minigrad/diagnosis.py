"""Where did the nan come from, where the extra dimension? Nothing here runs unless asked.

``first_nonfinite`` reads a graph that is still whole. ``detect_anomaly`` and ``strict_broadcasting`` are modes, each
thread's own, that look at every op as it is called, and the former also at every derivative as it is taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .device import as_array, is_array
from .engine import Tensor, history
from .errors import BroadcastingWarning, calling_line, warn, written
from .recording import thread, watch
from .versions import Tick


def first_nonfinite(out: Tensor) -> str | None:
    """Name the earliest op on the way to ``out`` whose result is not finite, and what it was given. None if all are.

    Ask before the backward pass, which frees the graph.
    """
    nodes = [t for t in history([out]) if t._op is not None]
    for node in sorted(nodes, key=lambda t: t._time):
        if _kind(node._data):
            return f"{_shapes(node._op, node._args)} made {_kind(node._data)} {_source(node._args)}"
    return None if _kind(out._data) is None else f"the value itself, of shape {out.shape}, has {_kind(out._data)}"


def _shapes(op: Any, args: tuple[Any, ...]) -> str:
    return f"{op.__name__} of shapes {', '.join(str(np.shape(_array(a))) for a in args)}"


def _source(args: tuple[Any, ...]) -> str:
    given = [f"argument {i} of shape {np.shape(a)} with {kind}" for i, a, kind in _bad(args)]
    return f"given {', '.join(given)}" if given else "from finite arguments"


def _bad(args: tuple[Any, ...]) -> list[tuple[int, Any, str]]:
    kinds = [(i, _array(a), _kind(_array(a))) for i, a in enumerate(args)]
    return [(i, a, kind) for i, a, kind in kinds if kind]


def _array(a: Any) -> Any:
    return a._data if isinstance(a, Tensor) else a


def _kind(a: Any) -> str | None:
    a = as_array(a)
    if a.dtype.kind != "f" or np.isfinite(a).all():
        return None
    return "nan" if np.isnan(a).any() else "inf"


class detect_anomaly(watch):
    """``with detect_anomaly():`` raise RuntimeError at the first result or derivative that is not finite.

    The error names the op, the shapes of its arguments, which of them were not finite already, and the line that
    called the op, for a derivative too if the op was called inside the block. Errors of changes in place name it too.
    ``check_inf=False`` lets infinities pass, ``check_nan=False`` both: then only the lines are kept.
    PyTorch looks at derivatives only, and at nan only.
    """

    def __init__(self, check_nan: bool = True, check_inf: bool = True) -> None:
        super().__init__()
        self.check_nan, self.check_inf = check_nan, check_inf and check_nan

    def called(self, op: Any, out: Tensor, args: tuple[Any, ...]) -> None:
        """Note the line, look at the value."""
        place = calling_line()
        nodes = (out, args[0]) if getattr(op, "output_of", False) else (out,)  # of a Function: see function.py
        for node in nodes:
            if node._op is not None:
                node._time = tick = Tick(node._time)
                tick.place = place
        if not thread.walking and (kind := self._found(out._data)):
            args = nodes[-1]._args if len(nodes) > 1 else args
            raise RuntimeError(f"{_shapes(op, args)} made {kind} {_source(args)}; called at {written(place)}")

    def derived(self, node: Tensor, i: int, g: Any) -> None:
        """Look at a gradient that a rule has made."""
        if hasattr(g, "parts"):
            return  # of a Function's outputs, on the way to its backward
        if kind := self._found(g.value() if hasattr(g, "value") else g):
            raise RuntimeError(
                f"the derivative of {_shapes(node._op, node._args)} for argument {i} made {kind} "
                f"{_source(node._args)}; the op was called at {written(getattr(node._time, 'place', None))}"
            )

    def _found(self, value: Any) -> str | None:
        kind = _kind(_array(value)) if self.check_nan else None
        return None if kind == "inf" and not self.check_inf else kind


class set_detect_anomaly(detect_anomaly):
    """Detect anomalies, or do not: from here on, or until the end of the ``with`` block that it opens."""

    def __init__(self, mode: bool, check_nan: bool = True, check_inf: bool = True) -> None:
        super().__init__(check_nan, check_inf)
        self.mode = mode
        super().__enter__()

    def __enter__(self) -> None:
        """It is on, or off, already."""


class strict_broadcasting(watch):
    """``with strict_broadcasting():`` warn where two arguments make each other larger, as (n,) and (n, 1) do.

    A BroadcastingWarning for ops that work element by element, with the shapes and the line that called the op. Where
    it is meant, write ``expand`` for one of the two. Off: ``strict_broadcasting(False)`` for a block inside.
    """

    def called(self, op: Any, out: Tensor, args: tuple[Any, ...]) -> None:
        """Compare the sizes."""
        arrays = [_array(a) for a in args]
        sizes = [a.size for a in arrays if is_array(a)]
        if len(sizes) < 2 or max(sizes) >= out._data.size or thread.walking or not _elementwise(op.__name__):
            return
        shapes = " and ".join(str(np.shape(a)) for a in arrays)
        made = f"{op.__name__} of {shapes} made {out._data.shape}"
        warn(f"{made}: each made the other larger; expand() one if it is meant", BroadcastingWarning)


def _elementwise(name: str) -> bool:
    ufunc = getattr(np, name, None)
    return name in ("where", "clip", "power_of_two_tensors") or (isinstance(ufunc, np.ufunc) and not ufunc.signature)
