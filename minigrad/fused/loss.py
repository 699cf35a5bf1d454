"""Losses as one op: value and gradient from one pass over the elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..engine import Tensor, derivatives, gradients, op
from ..memory import empty
from ..nn import functional as F
from .cpu import fields as f
from .workspace import kernels

Array = np.ndarray[Any, Any]

PLAIN: dict[int, Callable[[Any, Any], Any]] = {  # what the kernel equals, element by element
    f.SQUARES: lambda a, t: (a - t) ** 2,
    f.CROSS_ENTROPIES: lambda a, t: (1 - t) * a + F.softplus(-a),
}
KINDS = {"mse": f.SQUARES, "bce": f.CROSS_ENTROPIES}
OPERATIONS = {f.SQUARES: 5, f.CROSS_ENTROPIES: 50}  # for an element, about


class Slope:
    """The gradient of a loss for its input, until somebody takes it: it is handed on without a copy."""

    __slots__ = ("array",)
    array: Array | None

    def __init__(self) -> None:
        self.array = None


def fits(input: Any, target: Any) -> bool:
    """Whether the kernel can take these arrays."""
    a, t = (v._data if isinstance(v, Tensor) else v for v in (input, target))
    if (
        not isinstance(a, np.ndarray)
        or not isinstance(t, np.ndarray)
        or (isinstance(target, Tensor) and target._requires_grad)
    ):
        return False
    contiguous = a.flags.c_contiguous and t.flags.c_contiguous
    return a.dtype.char in "fd" and t.dtype == a.dtype and t.shape == a.shape and a.size > 0 and contiguous


def loss(kind: str, input: Any, target: Any, mean: bool) -> Any:
    """The loss summed over all elements, or averaged."""
    return _loss(input, target, kind=KINDS[kind], factor=1 / input._data.size if mean else 1.0, slope=Slope())


@op
def _loss(input: Any, target: Any, *, kind: int, factor: float, slope: Slope) -> Any:
    value, slope.array = _evaluate(input, target, kind, factor)
    return value


def _evaluate(input: Array, target: Array, kind: int, factor: float) -> tuple[Any, Array]:
    k, e, scalar = kernels(input.dtype.char), empty(input.shape, input.dtype), input.dtype.type
    sums = np.empty(k.threads(OPERATIONS[kind] * input.size))
    k.loss(kind, input.reshape(-1), target.reshape(-1), e.reshape(-1), scalar(factor), sums)
    return scalar(sums.sum() * factor), e


def _rule(g: Any, out: Any, input: Any, target: Any, *, kind: int, factor: float, slope: Slope) -> Any:
    if isinstance(g, Tensor):
        a = input.clone()  # so that the walk ends here
        return gradients((PLAIN[kind](a, target) * factor).sum(), a, g, create_graph=True)
    e, slope.array = slope.array, None
    if e is None:  # taken by an earlier walk of the same graph
        _, e = _evaluate(input, target, kind, factor)
    return e if g == 1 else np.multiply(e, g, out=e)


derivatives(_loss, _rule, None)
