"""The peers, one file each, and what such a file has.

    LIBRARY = "torch"              what has to be importable
    setup(threads)                 once, before anything else
    mlp(case, inputs)              builds a Step; likewise chain(case), gan(case, inputs, draws), optimiser(case,
                                   inputs) and hvp(case, inputs). What a peer cannot do it leaves out.

`gan` takes the random numbers of its first step from ``draws``, or draws its own if that is None.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import cases
from ..cases import Case


@dataclass
class Step:
    """A step that can be repeated, and what the first one computed, named as in reference.py."""

    run: Callable[[], Any]
    read: Callable[[], dict[str, list[Any]]] | None  # after one run; None: computes nothing to compare
    wait: Callable[[], Any] = lambda: None  # until all runs have ended


@dataclass(frozen=True)
class Peer:
    """A peer as the parent process sees it, which imports none of them."""

    name: str  # of its file
    label: str
    library: str
    distribution: str = ""

    def missing(self) -> str | None:
        """Why it cannot run, or None."""
        return None if importlib.util.find_spec(self.library) else f"{self.library} is not installed"

    def version(self) -> str:
        try:
            return importlib.metadata.version(self.distribution or self.library)
        except importlib.metadata.PackageNotFoundError:
            return "unknown"


OURS, PLAIN, FLOOR = "minigrad_fused", "minigrad_plain", "gemm_floor"

PEERS = {
    peer.name: peer
    for peer in (
        Peer(OURS, "minigrad", "minigrad", "minigrad-gan"),
        Peer(PLAIN, "minigrad, plain kernels", "minigrad", "minigrad-gan"),
        Peer("torch_eager", "PyTorch eager", "torch"),
        Peer("torch_frozen", "PyTorch eager, D frozen", "torch"),
        Peer("torch_compile", "torch.compile", "torch"),
        Peer("jax_jit", "JAX jit", "jax"),
        Peer("hips_autograd", "HIPS autograd", "autograd"),
        Peer("mygrad_tape", "MyGrad", "mygrad"),
        Peer("tinygrad_jit", "tinygrad TinyJit", "tinygrad"),
        Peer("numpy_by_hand", "NumPy by hand", "numpy"),
        Peer(FLOOR, "GEMM floor", "numpy"),
    )
}


def load(name: str, threads: int) -> Any:
    """The peer's module, set up. Imports its library."""
    module = importlib.import_module(f"{__name__}.{name}")
    module.setup(threads)
    return module


def build(module: Any, case: Case, checked: bool = False) -> Step | None:
    """The peer's Step for a case, None if it has none; ``checked``: with the random numbers of the reference."""
    builder = getattr(module, case.kind, None)
    if builder is None:
        return None
    match case:
        case cases.Chain():
            return builder(case)
        case cases.GAN():
            inputs = cases.gan_inputs(case)
            return builder(case, inputs, inputs.draws if checked else None)
        case cases.MLP():
            return builder(case, cases.mlp_inputs(case))
        case cases.Optimiser():
            return builder(case, cases.optimiser_inputs(case))
        case cases.HVP():
            return builder(case, cases.hvp_inputs(case))
