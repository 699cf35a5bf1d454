"""The stages, in order, each with the minutes that it is planned for and those after which it is ended."""

from __future__ import annotations

from dataclasses import dataclass

BATCHES = (100, 1_000, 10_000)


@dataclass(frozen=True)
class Stage:
    """One process's work. ``module``: its file in stages/."""

    name: str
    module: str
    minutes: float
    limit: float
    what: str


STAGES = (
    Stage("inventory", "inventory", 1, 3, "device, versions, libraries, tools; the ceilings of copies and of products"),
    Stage("tests", "suites", 4, 8, "pytest -m gpu tests/cuda: all that a GPU has a say in, on the device"),
    Stage("contract", "suites", 1, 3, "what the stand-in says of CuPy, on the real one"),
    Stage("kernels", "kernels", 1, 4, "every kernel: its numbers, its time, the bytes that it moves"),
    Stage("products", "products", 2, 5, "every matrix product of a step: cuBLAS's choice and the best of cublasLt's"),
    *(
        Stage(f"steps-{n}", "steps", 3, 8, f"the training step at batch {n:,}, ours beside the others'")
        for n in BATCHES
    ),
    Stage("sanitizer", "sanitizer", 2, 6, "compute-sanitizer over every kernel and a step: memory, races, barriers"),
)
NAMES = tuple(stage.name for stage in STAGES)
