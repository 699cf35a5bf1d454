"""The one place that decides whether plain or fused code runs. Both compute the same numbers, up to rounding.

Plain: the ops, one after another, as they are read. Fused: a whole run of layers as one op, its arithmetic in compiled
kernels (minigrad/fused). Fused code runs where it applies: on 2-D float32 or float64 inputs of ``nn.Sequential``s made
of Linear, Maxout, activations and Dropout. Everything else, and every second derivative, takes the plain path.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from .recording import thread

if TYPE_CHECKING:
    from .engine import Tensor
    from .nn.containers import Sequential
    from .optim import Move, Optimizer
    from .random import Generator

MODES = ("auto", "plain", "fused")
JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")  # what Numba looks at too
WARM = 100  # passes of a network, gradients recorded, before "auto" thinks kernels worth their loading

_passes: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


class use_kernels:
    """``use_kernels("fused")`` from here on, or for a ``with`` block: "plain", "fused" or "auto".

    "auto", the default, is plain for a network's first 100 recorded passes and fused after them: a short script does
    not wait for the kernels to load, or for their compilation (some 40 s, once on a machine). It is plain again for a
    network whose gradients were differentiated: the plain layers are recomputed for that, so they come first.
    """

    mode = "auto"

    def __init__(self, mode: str) -> None:
        if mode not in MODES:
            raise ValueError(f'kernels are "auto", "plain" or "fused", got {mode!r}')
        self.outer = use_kernels.mode
        use_kernels.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        use_kernels.mode = self.outer


def _wanted(network: Any) -> bool:
    if use_kernels.mode != "auto":
        return use_kernels.mode == "fused"
    if not JIT:
        return False
    passes = _passes.get(network, 0)
    if passes < WARM and thread.recording:
        _passes[network] = passes + 1
    return passes >= WARM


def run(network: Sequential, x: Any) -> Any:
    """Apply the modules of a Sequential one after another, or runs of them at once if none has hooks."""
    if _wanted(network) and not any(module._hooks for module in network.children()):
        from .fused.mlp import fused

        parts = fused(network)
        if use_kernels.mode == "fused" or not any(getattr(part, "differentiated_twice", False) for part in parts):
            for part in parts:
                x = part(x)
            return x
    for module in network.children():
        x = module(x)
    return x


def loss(kind: str, input: Any, target: Any, reduction: str) -> Any:
    """The loss by a kernel, or None where the plain ops apply. "auto" is fused for what a fused network says."""
    mode = use_kernels.mode
    if mode == "plain" or reduction not in ("mean", "sum") or not getattr(input, "_requires_grad", False):
        return None
    if mode == "auto" and not getattr(input._op, "fused", False):
        return None
    from .fused.loss import fits, loss

    return loss(kind, input, target, reduction == "mean") if fits(input, target) else None


def minimized(optimizer: Optimizer, loss: Tensor, retain_graph: bool | None) -> bool:
    """Whether fused code took this step: the parameters must all be of networks that it has run."""
    if use_kernels.mode == "plain" or "minigrad.fused.mlp" not in sys.modules:
        return False
    from .fused.descent import minimize

    return minimize(optimizer, loss, retain_graph)


def not_updated(optimizer: Optimizer, moves: Sequence[Move]) -> Sequence[Move]:
    """Move the parameters that fused code can move; return the moves that are left for the plain code."""
    mode = use_kernels.mode
    if mode == "plain" or (mode == "auto" and not any(hasattr(move.g, "deferred") for move in moves)):
        return moves
    from .fused.optim import step

    return step(optimizer, moves)


def uniform(generator: Generator, low: float, high: float, shape: tuple[int, ...], dtype: Any, place: Any) -> Any:
    """Numbers of ``generator.uniform`` by a kernel on cuda, or None where NumPy draws them."""
    if place is None or place == "cpu" or use_kernels.mode == "plain" or dtype not in (np.float32, "float32"):
        return None
    from .fused.cuda.draws import uniform

    return uniform(generator, low, high, shape)


def bernoulli(generator: Generator, p: float, shape: tuple[int, ...], place: Any) -> Any:
    """Coins of ``generator.bernoulli`` by a kernel on cuda, or None where NumPy tosses them."""
    if place is None or place == "cpu" or use_kernels.mode == "plain":
        return None
    from .fused.cuda.draws import bernoulli

    return bernoulli(generator, p, shape)


def set_num_threads(n: int) -> None:
    """How many threads fused kernels use. Once they have started, BLAS has one: two pools would fight for the cores."""
    from .fused.cpu.compiled import set_num_threads

    set_num_threads(n)


def get_num_threads() -> int:
    """How many threads fused kernels use: as many as there are cores for this process, unless told otherwise."""
    from .fused.cpu.compiled import get_num_threads

    return get_num_threads()
