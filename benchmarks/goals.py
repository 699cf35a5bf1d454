"""What minigrad is meant to reach: the largest ratio of its time to a peer's."""

from __future__ import annotations

from .cases import GAN, MLP, Case, Chain
from .peers import FLOOR, OURS, PLAIN

GEMM_BOUND = 0.7  # share of the best peer's time that the dense products alone take
LEVEL = 1.05  # where there is nothing but products: no more than noise behind

IN_A_RUN = {FLOOR: 0.65, "jax_jit": 0.55, "torch_frozen": 0.45, "torch_compile": 0.40}
SMALL_GAN = {"jax_jit": 0.35, "torch_frozen": 0.20}
MEMORY = {"torch_eager": 0.50}
OVERHEAD = {"torch_eager": 0.65}

WORDS = f"""\
The goal of a cell is the largest ratio that is won. GAN step in a real run of MNIST: {IN_A_RUN[FLOOR]} of the GEMM
floor, {IN_A_RUN["jax_jit"]} of JAX jit, {IN_A_RUN["torch_frozen"]} of PyTorch eager with D frozen, \
{IN_A_RUN["torch_compile"]} of torch.compile. Small GAN:
{SMALL_GAN["jax_jit"]} of JAX jit, {SMALL_GAN["torch_frozen"]:.2f} of PyTorch eager. MLP: 0.5 of every peer up to \
width 64 and batch 128, 1 beyond, and {LEVEL} where the
products alone take {GEMM_BOUND} of the best peer's time. Overhead of an op, plain kernels: \
{OVERHEAD["torch_eager"]} of PyTorch eager. Peak memory: {MEMORY["torch_eager"]} of
PyTorch eager. Everything else: 1, that is, faster than the peer."""


def subject(case: Case) -> str:
    """Whose time is compared: scalars meet no kernels."""
    return PLAIN if isinstance(case, Chain) else OURS


def goal(case: Case, peer: str, medians: dict[str, float]) -> float | None:
    """The largest ratio to this peer that is won; None: a yardstick, no goal."""
    if peer == PLAIN:
        return LEVEL
    match case:
        case GAN() if case.source and case.dimension == 784:
            return IN_A_RUN.get(peer, 1.0)
        case GAN() if case.name.startswith("small"):
            return SMALL_GAN.get(peer, None if peer == FLOOR else 1.0)
        case MLP() if peer != FLOOR:
            best = min(t for name, t in medians.items() if name not in (OURS, PLAIN, FLOOR))
            if medians.get(FLOOR, 0) >= GEMM_BOUND * best:
                return LEVEL
            return 0.5 if case.width <= 64 and case.batch <= 128 else 1.0
        case Chain(op="mul"):
            if peer == "jax_jit":
                return None  # it compiles the chain away: no op is left that could have an overhead
            return OVERHEAD.get(peer, 1.0)
    return None if peer == FLOOR else 1.0
