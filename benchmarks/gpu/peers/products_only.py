"""The matrix products of a step alone, by cuBLAS, in one CUDA graph: a floor for whoever computes them so."""

from __future__ import annotations

from typing import Any

from minigrad.device import cupy
from minigrad.fused.cuda.blas import Blas
from minigrad.fused.cuda.graph import capture

from ..cases import Inputs, TrainingStep
from ..operands import Operands
from . import DeviceStep
from .minigrad_steps import LIBRARIES, setup

__all__ = ["LIBRARIES", "SEVERAL", "setup", "step"]

SEVERAL = True


def step(case: TrainingStep, inputs: Inputs, device: str) -> DeviceStep:
    cuda = cupy().cuda
    stream = cuda.Stream(non_blocking=True)
    blas = Blas(stream, "high" if case.precision == "tf32" else "highest")
    operands = Operands(case)

    def products() -> None:
        for product, a, b, out in operands.all:
            blas.gemm(a, b, out, product.turned_a, product.turned_b)

    graph = capture(products, stream=stream)

    def mark() -> Any:
        event = cuda.Event()
        event.record(stream)
        return event

    def run() -> None:
        with stream:
            graph.replay(case.steps)

    return DeviceStep(run, None, stream.synchronize, mark, lambda a, b: cuda.get_elapsed_time(a, b) * 1e-3)
