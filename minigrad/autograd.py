"""PyTorch's names for what the engine does: ``from minigrad import autograd``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .diagnosis import detect_anomaly, set_detect_anomaly
from .engine import Tensor, accumulate, gradients
from .function import Function, once_differentiable
from .recording import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled

if TYPE_CHECKING:
    from .testing.gradcheck import gradcheck, gradgradcheck

__all__ = [
    "Function",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    *,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """``minigrad.gradients`` with PyTorch's signature: always a tuple, one for each of ``inputs``.

    ``materialize_grads``: zeros for an input that the outputs do not depend on; so it allows that.
    (``minigrad.grad`` is another thing: it makes the gradient of a function a function.)
    """
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: materialize_grads gives zeros for unused inputs, so allow_unused cannot be False")
    wrt = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    allowed = bool(allow_unused) or materialize_grads
    found: tuple[Tensor | None, ...] = gradients(
        outputs, wrt, grad_outputs, retain_graph=retain_graph, create_graph=create_graph, allow_unused=allowed
    )
    if materialize_grads:
        return tuple(Tensor(np.zeros(x.shape, x.dtype)) if g is None else g for x, g in zip(wrt, found, strict=True))
    return found


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """``Tensor.backward`` of several Tensors at once: their gradients are added to ``.grad`` of the leaves."""
    accumulate(tensors, grad_tensors, retain_graph, create_graph, inputs)


def __getattr__(name: str) -> Any:
    """The checks of minigrad/testing/gradcheck.py, loaded when one is asked for."""
    if name not in ("gradcheck", "gradgradcheck"):
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from .testing import gradcheck, gradgradcheck

    return gradcheck if name == "gradcheck" else gradgradcheck
