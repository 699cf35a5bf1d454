"""The same inputs in other shapes: of length 1, empty, without dimensions, broadcast. Edges that draws may miss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .engines import is_floating


def _each(inputs: Sequence[Any], change: Callable[[Any], Any]) -> list[Any]:
    return [change(a) if isinstance(a, np.ndarray) else a for a in inputs]


def _alike(inputs: Sequence[Any]) -> None:
    """Only arrays of one shape are cut all alike: of others nobody knows which lengths belong together."""
    if len({a.shape for a in inputs if isinstance(a, np.ndarray)}) != 1:
        raise ValueError("arrays of several shapes")


def one_of_length_one(inputs: Sequence[Any], number: int) -> list[Any]:
    """One floating input is cut to length 1 along one dimension: it will be broadcast."""
    places = [(k, d) for k, a in enumerate(inputs) if is_floating(a) for d in range(a.ndim)]
    k, d = places[number % len(places)]
    return [*inputs[:k], np.take(inputs[k], [0], d), *inputs[k + 1 :]]


def one_of_fewer_dimensions(inputs: Sequence[Any], number: int) -> list[Any]:
    """One floating input loses its first dimension: it will be broadcast."""
    places = [k for k, a in enumerate(inputs) if is_floating(a) and a.ndim]
    k = places[number % len(places)]
    return [*inputs[:k], np.array(inputs[k][0]), *inputs[k + 1 :]]


def all_of_length_one(inputs: Sequence[Any], number: int) -> list[Any]:
    """All arrays are cut to length 1 along one dimension, counted from the last."""
    _alike(inputs)
    d = 1 + number % max(a.ndim for a in inputs if is_floating(a))
    return _each(inputs, lambda a: np.take(a, [0], -d) if a.ndim >= d else a)


def without_dimensions(inputs: Sequence[Any], number: int) -> list[Any]:
    """Of every array one element, 0-d."""
    _alike(inputs)
    return _each(inputs, lambda a: np.array(a.flat[number % a.size]))


def empty(inputs: Sequence[Any], number: int) -> list[Any]:
    """Of every array nothing: its first dimension has length 0."""
    _alike(inputs)
    return _each(inputs, lambda a: a[:0] if a.ndim else a)


BROADCAST = (one_of_length_one, one_of_fewer_dimensions)
EDGES = (all_of_length_one, without_dimensions, empty)


def varied(make: Callable[..., list[Any]], inputs: Sequence[Any], number: int) -> list[Any] | None:
    """The variant, None where these inputs have none."""
    try:
        found = make(inputs, number)
    except (ZeroDivisionError, IndexError, ValueError):  # nothing to cut
        return None
    same = all(np.shape(a) == np.shape(b) for a, b in zip(found, inputs, strict=True))
    return None if same else found
