"""The peers of the training step, one file each, in processes of their own. Such a file has

    LIBRARIES = ("torch",)         what has to be importable
    SEVERAL = True                 whether a call of several steps is more than several calls
    setup(device)                  once, before anything else; "cuda", or "cpu" in a rehearsal
    step(case, inputs, device)     a DeviceStep, or None if this peer has none

With ``inputs.draws`` a step takes its random numbers from there; else it draws its own, on the device.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...peers import Step
from ..cases import TrainingStep, checked, inputs_of


@dataclass
class DeviceStep(Step):
    """A step whose time the device can tell; without ``mark`` the host's clock does."""

    mark: Callable[[], Any] | None = None  # an event, recorded now behind all work of the step's stream
    between: Callable[[Any, Any], float] | None = None  # seconds from one event to a later one, both reached


@dataclass(frozen=True)
class Peer:
    """A peer as the parent process sees it, which imports none of them."""

    name: str  # of its file
    label: str
    libraries: tuple[str, ...]
    ours: bool = False
    clock: str = "events"  # or "host": a library that lets nobody into its stream

    def missing(self) -> str | None:
        """Why it cannot run, or None."""
        absent = [library for library in self.libraries if not importlib.util.find_spec(library)]
        return f"{' and '.join(absent)} not installed" if absent else None


CAPTURED, FUSED, PLAIN, FLOOR = "minigrad_captured", "minigrad_fused", "minigrad_plain", "products_only"

PEERS = {
    peer.name: peer
    for peer in (
        Peer(CAPTURED, "minigrad, captured", ("cupy",), ours=True),
        Peer(FUSED, "minigrad, fused kernels one by one", ("cupy",), ours=True),
        Peer(PLAIN, "minigrad, plain ops", ("cupy",), ours=True),
        Peer("torch_eager", "PyTorch eager, D frozen", ("torch",)),
        Peer("torch_compile", "torch.compile, reduce-overhead", ("torch",)),
        Peer("torch_graph", "PyTorch, CUDA graph by hand", ("torch",)),
        Peer("jax_jit", "JAX jit", ("jax",), clock="host"),
        Peer(FLOOR, "matrix products alone", ("cupy",), ours=True),
    )
}


def load(name: str, device: str) -> Any:
    """The peer's module, set up. Imports its library."""
    module = importlib.import_module(f"{__name__}.{name}")
    module.setup(device)
    return module


def build(module: Any, case: TrainingStep, device: str, check: bool = False) -> DeviceStep | None:
    """The peer's step, or None; ``check``: of the case that is checked in its stead, with the reference's numbers."""
    if case.steps > 1 and not module.SEVERAL:
        return None
    if check:
        case = checked(case)
    return module.step(case, inputs_of(case, check), device)
