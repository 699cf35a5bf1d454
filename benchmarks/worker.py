"""One peer in a process of its own: it answers the lines of its parent, and sleeps on a pipe between them.

python -m benchmarks.worker PEER THREADS             answer requests, one JSON text a line
python -m benchmarks.worker PEER THREADS --fresh C   first step and memory of the case C (JSON), and end
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WARM = 3  # runs before a step is steady: TinyJit captures its second, fused kernels may be chosen later than the first


def environment(threads: int) -> dict[str, str]:
    """What a process must see before it imports a peer: as many threads as it is allowed, and no accelerator."""
    names = (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    )
    return {**os.environ, **dict.fromkeys(names, str(threads)), "JAX_PLATFORMS": "cpu", "DEV": "CPU", "TRAINING": "1"}


def confine(threads: int) -> None:
    """To as many cores as threads: XLA and tinygrad ask for nothing else."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[-threads:])


class Worker:
    """A peer's Step for one case at a time."""

    def __init__(self, peer: str, threads: int) -> None:
        from . import peers  # NumPy comes with it

        self.peers = peers
        self.module = peers.load(peer, threads)
        self.step: Any = None

    def prepare(self, case: dict[str, Any], exact: str, seconds: float) -> dict[str, Any]:
        """Compare a first step with the reference in the file ``exact``, then warm up; longest step: ``seconds``."""
        from . import reference
        from .cases import from_json

        self.release()
        loaded = from_json(case)
        checked = self.peers.build(self.module, loaded, checked=True)
        if checked is None:
            return {"status": "not applicable"}
        errors: dict[str, float] = {}
        if checked.read is not None:
            checked.run()
            checked.wait()
            errors = reference.errors(checked.read(), reference.read(exact), reference.start(loaded))
        del checked
        if any(not error <= reference.TOLERANCE for error in errors.values()):
            return {"status": "wrong", "errors": errors}
        self.step = self.peers.build(self.module, loaded)
        for _ in range(WARM):
            estimate = self.time(1)  # the last counts: the first ones compile
        if estimate > seconds:
            self.release()
            return {"status": "too slow", "errors": errors, "reason": f"a step of {estimate:.2g} s"}
        return {"status": "ok", "errors": errors, "estimate": min(estimate, self.time(1))}

    def build(self, case: dict[str, Any]) -> None:
        """As it is timed, unchecked."""
        from .cases import from_json

        self.step = self.peers.build(self.module, from_json(case))
        if self.step is None:
            raise NotImplementedError("not applicable")

    def turn(self, steps: int) -> float:
        """Seconds a step, after one that wakes threads and caches."""
        self.time(1)
        return self.time(steps) / steps

    def time(self, steps: int) -> float:
        run = self.step.run
        start = time.perf_counter()
        for _ in range(steps):
            run()
        self.step.wait()
        return time.perf_counter() - start

    def release(self) -> None:
        self.step = None
        gc.collect()


def fresh_start(worker: Worker, case: dict[str, Any]) -> dict[str, float]:
    """Seconds to build, of the first step, of a steady one."""
    start = time.perf_counter()
    worker.build(case)
    built = time.perf_counter() - start
    first = worker.time(1)
    worker.time(WARM)
    return {"build": built, "first": first, "steady": sorted(worker.time(1) for _ in range(5))[2]}


def fresh_memory(worker: Worker, case: dict[str, Any]) -> dict[str, float]:
    """The peak of the resident memory, and how far it lies above what the imports left.

    Libraries load their kernels and thread pools at the first step: the digits come before the count, in all.
    """
    from .cases import DIGITS, to_json

    worker.build(to_json(DIGITS))
    worker.time(WARM)
    worker.release()
    before = forget_peak()
    worker.build(case)
    worker.time(WARM + 2)
    return {"peak": peak() - before, "process": peak()}


def status_of(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(name)


def peak() -> int:
    """The highest resident memory so far, in bytes."""
    try:
        return status_of("VmHWM")
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def forget_peak() -> int:
    """Start the peak anew where the system lets us; the resident memory now, in bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return status_of("VmRSS")
    except OSError:
        return peak()


def reason(error: BaseException) -> str:
    """One line that tells what went wrong."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


FRESH = {"start": fresh_start, "memory": fresh_memory}


def serve(make: Callable[[], Any], once: Callable[[Any], dict[str, Any]] | None = None) -> None:
    """Answer the parent's requests, methods of what ``make`` makes, until it closes the pipe; or only ``once``."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not get between the answers

    def answer(value: Any) -> None:
        out.write(json.dumps(value) + "\n")
        out.flush()

    try:
        worker = make()
        if once:
            answer({"status": "ok", **once(worker)})
            return
    except Exception as error:
        answer({"status": "failed", "reason": reason(error)})
        return
    answer({"status": "ready"})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer(getattr(worker, request.pop("do"))(**request))
        except Exception as error:
            worker.release()
            answer({"status": "failed", "reason": reason(error)})


def main() -> None:
    peer, threads = sys.argv[1], int(sys.argv[2])
    confine(threads)
    once = sys.argv[3:] and (lambda worker: FRESH[sys.argv[3]](worker, json.loads(sys.argv[4])))
    serve(lambda: Worker(peer, threads), once or None)


if __name__ == "__main__":
    main()
