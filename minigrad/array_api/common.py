"""What the parts of the namespace share: in and out of Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..device import as_array, bare, like
from ..engine import Tensor, _new, _without_history


def wrapped(array: Any) -> Tensor:
    """A Tensor around an array, uncopied."""
    return _without_history(_new(Tensor), bare(as_array(array)))


def values(x: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return x._data if isinstance(x, Tensor) else x


def constant(function: Callable[..., Any], *arguments: Any, **settings: Any) -> Tensor:
    """NumPy's function of the values, for what is piecewise constant: nothing flows back through it."""
    return wrapped(function(*map(values, arguments), **settings))


def on(device: Any) -> Any:
    """What NumPy's creation functions take as ``like`` to make an array there; None: on the cpu."""
    return None if device is None else like(device)
