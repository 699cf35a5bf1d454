"""Every kernel once, and one small step eagerly and captured: what compute-sanitizer watches.

python -m benchmarks.gpu.once DEVICE

Arrays are not taken from CuPy's pool, whose blocks lie in one allocation: there a kernel that leaves its array would
only meet the next one.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from minigrad.device import cupy

from . import kernel_table, peers
from .cases import TINY_STEP
from .peers import CAPTURED, FUSED
from .peers.minigrad_steps import setup

ROWS = 33  # odd, so that no grid is filled exactly


def main() -> None:
    device = sys.argv[1]
    setup(device)
    with cupy().cuda.using_allocator():
        every_kernel()
        steps(device)


def every_kernel() -> None:
    for name, make in kernel_table.KERNELS.items():
        make(kernel_table.Arrays(ROWS, small=True)).call()
        cupy().cuda.Device().synchronize()
        print("ran", name, flush=True)


def steps(device: str) -> None:
    for name in (FUSED, CAPTURED):
        for case in (TINY_STEP, replace(TINY_STEP, update="simultaneous", max_norm=0.9)):
            step = peers.build(peers.load(name, device), case, device)
            assert step is not None
            for _ in range(3):
                step.run()
            step.wait()
            print("ran", name, case.title, flush=True)


if __name__ == "__main__":
    main()
