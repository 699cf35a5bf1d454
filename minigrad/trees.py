"""Nested containers: lists, tuples, named tuples and dicts, with anything else at their leaves. None has no leaf."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def leaves(tree: Any, path: str = "", none: bool = False) -> Iterator[tuple[str, Any]]:
    """(path, leaf) of every leaf, in order; the path as it is written in Python: ``[0]['weight']``.

    ``none``: None is a leaf too.
    """
    if isinstance(tree, dict):
        for key, branch in tree.items():
            yield from leaves(branch, f"{path}[{key!r}]", none)
    elif isinstance(tree, (list, tuple)):
        names = getattr(tree, "_fields", None)
        for i, branch in enumerate(tree):
            yield from leaves(branch, f"{path}.{names[i]}" if names else f"{path}[{i}]", none)
    elif none or tree is not None:
        yield path, tree


def mapped(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same containers with ``function(leaf)`` in the place of every leaf."""
    if isinstance(tree, dict):
        out = copy.copy(tree)  # a subclass keeps what it knows besides its items
        for key, branch in tree.items():
            out[key] = mapped(function, branch)
        return out
    if isinstance(tree, (list, tuple)):
        branches = [mapped(function, branch) for branch in tree]
        return type(tree)(*branches) if hasattr(tree, "_fields") else type(tree)(branches)
    return None if tree is None else function(tree)


def filled(tree: Any, values: Iterable[Any]) -> Any:
    """The same containers with ``values`` at the leaves, in their order."""
    following = iter(values)
    return mapped(lambda _: next(following), tree)


def matching(tree: Any, other: Any, path: str = "") -> Iterator[Any]:
    """The leaves of ``other`` in the order of those of ``tree``; ValueError where the containers differ."""
    if isinstance(tree, dict):
        if not isinstance(other, dict) or tree.keys() != other.keys():
            raise ValueError(f"{path or 'the top'} needs a dict with the keys {list(tree)}, got {_kind(other)}")
        for key, branch in tree.items():
            yield from matching(branch, other[key], f"{path}[{key!r}]")
    elif isinstance(tree, (list, tuple)):
        if not isinstance(other, (list, tuple)) or len(tree) != len(other):
            raise ValueError(f"{path or 'the top'} needs a {type(tree).__name__} of {len(tree)}, got {_kind(other)}")
        for i, branch in enumerate(tree):
            yield from matching(branch, other[i], f"{path}[{i}]")
    elif tree is None:
        if other is not None:
            raise ValueError(f"{path or 'the top'} needs None, got {_kind(other)}")
    elif other is None or isinstance(other, (dict, list, tuple)):
        raise ValueError(f"{path or 'the top'} needs an array, got {_kind(other)}")
    else:
        yield other


def _kind(tree: Any) -> str:
    if isinstance(tree, dict):
        return f"a dict with the keys {list(tree)}"
    return f"a {type(tree).__name__} of {len(tree)}" if isinstance(tree, (list, tuple)) else repr(tree)[:40]
