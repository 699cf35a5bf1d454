"""One peer in a process of its own, on a GPU or, in a rehearsal, beside one.

python -m benchmarks.gpu.worker PEER DEVICE     answer requests, one JSON text a line
"""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import Any

from .. import reference
from ..cases import from_json
from ..worker import serve
from . import peers
from .cases import checked
from .reference import TOLERANCES, start

WARM = 0.02  # seconds of work before every measurement: an idle GPU lowers its clocks


def environment(device: str) -> dict[str, str]:
    """What a process must see before it imports a peer: memory as it is needed, since all peers share one GPU."""
    if device == "cpu":
        return {**os.environ, "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, "JAX_PLATFORMS": device, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


class Worker:
    """A peer's step for one case at a time."""

    def __init__(self, peer: str, device: str) -> None:
        self.device, self.module = device, peers.load(peer, device)
        self.step: Any = None

    def prepare(self, case: dict[str, Any], exact: str) -> dict[str, Any]:
        """Compare a first call with the reference in the file ``exact``, then warm up."""
        self.release()
        loaded: Any = from_json(case)
        first = peers.build(self.module, loaded, self.device, check=True)
        if first is None:
            return {"status": "not applicable"}
        errors: dict[str, float] = {}
        if first.read is not None:
            first.run()
            first.wait()
            errors = reference.errors(first.read(), reference.read(exact), start(checked(loaded)))
        del first
        if any(not error <= TOLERANCES[loaded.precision] for error in errors.values()):
            return {"status": "wrong", "errors": errors}
        self.step = peers.build(self.module, loaded, self.device)
        self.time(3)
        return {"status": "ok", "errors": errors, "estimate": min(self.time(3)[1] for _ in range(3))}

    def turn(self, calls: int) -> tuple[float | None, float]:
        """Seconds a call by the device's events, if it has them, and by the host's clock."""
        end = time.perf_counter() + WARM
        while time.perf_counter() < end:
            self.time(max(1, calls // 4))
        return self.time(calls)

    def time(self, calls: int) -> tuple[float | None, float]:
        step, device = self.step, None
        begin = time.perf_counter()
        first = step.mark and step.mark()
        for _ in range(calls):
            step.run()
        last = step.mark and step.mark()
        step.wait()
        host = time.perf_counter() - begin
        if step.mark:
            device = step.between(first, last) / calls
        return device, host / calls

    def release(self) -> None:
        self.step = None
        gc.collect()


if __name__ == "__main__":
    serve(lambda: Worker(sys.argv[1], sys.argv[2]))
