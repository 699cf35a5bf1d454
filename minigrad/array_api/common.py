"""What the parts of the namespace share: in and out of Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import Tensor, _new, _without_history


def wrapped(array: Any) -> Tensor:
    """A Tensor around an array, uncopied."""
    array = np.asarray(array)
    return _without_history(_new(Tensor), array if array.ndim else array[()])


def values(x: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return x._data if isinstance(x, Tensor) else x


def constant(function: Callable[..., Any], *arguments: Any, **settings: Any) -> Tensor:
    """NumPy's function of the values, for what is piecewise constant: nothing flows back through it."""
    return wrapped(function(*map(values, arguments), **settings))


def on(device: Any) -> None:
    """There is one device."""
    if device not in (None, "cpu"):
        raise ValueError(f'the only device is "cpu", got {device!r}')
