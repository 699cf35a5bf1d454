"""What all losses have in common: the mean or the sum over their elements, and shapes that must fit."""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError

__all__: list[str] = []


def reduced(loss: Any, reduction: str) -> Any:
    """The mean of the elements, their sum, or themselves."""
    match reduction:
        case "mean":
            return loss.mean()
        case "sum":
            return loss.sum()
        case "none":
            return loss
    raise ValueError(f'reduction is "mean", "sum" or "none", got {reduction!r}')


def fitting(name: str, input: Any, target: Any, what: str = "input", other: str = "target") -> Any:
    """The target, once its shape is the input's: (n,) with (n, 1) would be n^2 differences. A number stands for all.

    Integers and booleans take the input's dtype, so that a float32 input stays float32.
    """
    shape = getattr(target, "shape", None)
    if shape is None:
        return target
    if tuple(shape) != tuple(input.shape):
        raise ShapeError(f"{name}: {what} of shape {tuple(input.shape)}, but {other} of shape {tuple(shape)}")
    return target.astype(input.dtype) if target.dtype.kind in "iub" and input.dtype.kind == "f" else target


def raw(x: Any) -> Any:
    """The values as an array that no gradient flows through."""
    return getattr(x, "_data", x)
