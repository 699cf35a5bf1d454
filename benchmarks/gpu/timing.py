"""Seconds of work on the device: repeats captured as one graph, CUDA events around its replays, the median."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.device import cupy
from minigrad.fused.cuda.graph import capture

REPEATS, ROUNDS = 20, 9


def seconds(call: Callable[[], Any], stream: Any, repeats: int = REPEATS, rounds: int = ROUNDS) -> float:
    """Of one ``call``, without the host's cost of launching it; ``call`` may be captured (graph.py says what may)."""

    def several() -> None:
        for _ in range(repeats):
            call()

    graph = capture(several, warmups=1, stream=stream)
    return median_of(graph.replay, stream, rounds) / repeats


def median_of(work: Callable[[], Any], stream: Any, rounds: int = ROUNDS) -> float:
    """Seconds of ``work`` on this stream, the median after one that is not counted."""
    cuda = cupy().cuda
    times = []
    with stream:
        for _ in range(rounds + 1):
            first, last = cuda.Event(), cuda.Event()
            first.record(stream)
            work()
            last.record(stream)
            last.synchronize()
            times.append(cuda.get_elapsed_time(first, last) * 1e-3)
    return float(np.median(times[1:]))
