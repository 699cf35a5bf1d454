"""What was expected before anything was measured, and what it is meant to reach. None of this is a measurement.

Written down in November 2026, before the first run on a GPU, for one H200: 67 TFLOP/s in float32 and 494 in TF32 by
its data sheet, 4.3 TB/s of copies. At batch 100 a step is latency: some 20 products in a row of 3 to 9 us each in
float32, and as many kernels of 1 to 2.5 us; PyTorch launches 150 to 190 of them from Python; JAX has about 60 left
after fusion, in command buffers. At 10,000 it is arithmetic.
"""

from __future__ import annotations

from .cases import TrainingStep, products
from .peers import CAPTURED, FLOOR, FUSED, PLAIN

FLOPS = {"float32": 67e12, "tf32": 494e12}
BYTES = 4.3e12

AT_100: dict[str, dict[str, tuple[float, float]]] = {  # microseconds a step, from and to
    "float32": {
        CAPTURED: (150, 200),
        FUSED: (250, 500),
        PLAIN: (3_000, 8_000),
        "torch_eager": (1_200, 2_500),
        "torch_compile": (500, 1_200),
        "torch_graph": (350, 600),
        "jax_jit": (200, 350),
        FLOOR: (110, 160),
    },
    "tf32": {
        CAPTURED: (100, 140),
        FUSED: (250, 500),
        PLAIN: (3_000, 8_000),
        "torch_eager": (1_200, 2_500),
        "torch_compile": (400, 1_100),
        "torch_graph": (300, 550),
        "jax_jit": (180, 300),
        FLOOR: (60, 100),
    },
}

GOALS = {"float32": 200e-6, "tf32": 140e-6}  # seconds of the captured step at batch 100
RATIOS = {"jax_jit": 0.6, "torch_eager": 0.15}  # of the captured step's time to theirs, float32, batch 100
SHARE = 0.8  # of the rate of the products alone, at batch 10,000


def floor(case: TrainingStep) -> float:
    """Seconds under which no step of this arithmetic stays: operations at the data sheet's rate, or bytes once."""
    every = products(case)
    parameters = 4 * 3_735_425 * 5  # read p, v, g; write p, v
    return max(
        sum(p.flops for p in every) / FLOPS[case.precision],
        (sum(p.bytes for p in every) + parameters) / BYTES,
    )


def expected(case: TrainingStep, peer: str) -> str:
    """In words, for one step: what was predicted, else the arithmetic floor."""
    if case.batch == 100 and peer in AT_100[case.precision]:
        low, high = AT_100[case.precision][peer]
        return f"{low:,.0f}-{high:,.0f} us"
    return f"over {floor(case) * 1e6:,.0f} us"
