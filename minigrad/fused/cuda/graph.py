"""A step of training as one CUDA graph: recorded once, then replayed without the host's launches.

CUDA records what is launched on a stream instead of doing it; the recording is fixed, with the addresses of its
arrays and the values of its numbers, and a replay costs the host one call. [CUDA Programming Guide, CUDA Graphs]
"""

from __future__ import annotations

import gc
import linecache
import os
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any

import numpy as np

from ...device import cupy
from ...errors import written

Array = Any  # CuPy's


class CaptureError(RuntimeError):
    """A step cannot be captured, or its graph cannot be replayed any more: the sentence says why, and where."""


class _Allocation(Exception):
    """Memory was asked for while a step was recorded."""

    def __init__(self, nbytes: int) -> None:
        super().__init__(f"it allocates {nbytes:,} bytes")


_held: list[Any] | None = None  # what a step that is being recorded uses


def hold(*used: Any) -> None:
    """Keep these alive as long as the graph that is being recorded, if one is. Whoever launches calls it."""
    if _held is not None:
        _held.extend(used)


class Graph:
    """A captured step. Made by ``capture``."""

    def __init__(self, graph: Any, keep: list[Any], watch: Callable[[], Iterable[Array]] | None) -> None:
        self._graph, self._keep, self._watch = graph, keep, watch
        self._seen = self._watched()

    def _watched(self) -> list[tuple[int, Any, Any]]:
        return [(x.data.ptr, x.shape, x.dtype) for x in self._watch()] if self._watch else []

    def replay(self, n: int = 1) -> None:
        """Do the step ``n`` times on the current stream; the host does not wait for it.

        CaptureError if an array that ``watch`` gives is not the one that was captured: the graph would go on with
        the old one. Two replays on two streams at the same time would write into the same buffers: order them.
        """
        if not isinstance(n, int) or n < 1:
            raise ValueError(f"n is how many steps to do, a positive integer, got {n!r}")
        if self._watch:
            self._check(self._watched())
        for _ in range(n):
            self._graph.launch()  # on the current stream

    def _check(self, watched: list[tuple[int, Any, Any]]) -> None:
        if len(watched) != len(self._seen):
            raise CaptureError(
                f"the graph watched {len(self._seen)} arrays when it was captured, and there are {len(watched)} now; "
                "capture the step again"
            )
        for i, (now, then) in enumerate(zip(watched, self._seen, strict=True)):
            if now != then:
                raise CaptureError(
                    f"array {i} of those watched, {then[1]} {then[2]}, was replaced after the capture by {now[1]} "
                    f"{now[2]} at another address; the graph would go on with the old one. Write into the array "
                    "(x[...] = value), or capture the step again"
                )

    def dot(self) -> str:
        """The graph as CUDA prints it, in the language of Graphviz."""
        return str(self._graph.debug_dot_str(1))  # 1: cudaGraphDebugDotFlagsVerbose, with the kinds of the nodes

    @property
    def nodes(self) -> list[str]:
        """Names in the order of recording: of a kernel its own, else CUDA's word for what it is, as MEMSET.

        A matrix product can be two, where cuBLAS splits the sum and adds the parts.
        """
        return node_names(self.dot())

    def __repr__(self) -> str:
        return f"<Graph of {len(self.nodes)} nodes>"


_NODE = re.compile(r'^"\w+_node_\d+"\s*\[(?P<body>.*?)"\s*\];', re.DOTALL | re.MULTILINE)
_LABEL = re.compile(r'label="\{?\s*(?P<label>.*)', re.DOTALL)
_KERNEL = re.compile(r"(?P<name>[^|{}\s]+)\s*\\<\\<\\<")


def node_names(dot: str) -> list[str]:
    """The names of the nodes in what cudaGraphDebugDotPrint writes, brief or verbose, in its order."""
    names = []
    for node in _NODE.finditer(dot):
        found = _LABEL.search(node["body"])
        label = found["label"] if found else ""
        kernel = _KERNEL.search(label)
        words = re.findall(r"[^\s|{}]+", label)
        if words and words[0].isdecimal():  # brief: its number, then its name
            words = words[1:]
        names.append(kernel["name"] if kernel else words[0] if words else "unknown")
    return names


def capture(
    step: Callable[[], Any],
    warmups: int = 2,
    stream: Any = None,
    watch: Callable[[], Iterable[Array]] | None = None,
) -> Graph:
    """Record what ``step()`` launches on a stream, as a graph to replay.

    First ``step`` runs ``warmups`` times (at least once: kernels are compiled and loaded, algorithms are chosen).
    **These are steps like any other**: with the default, two steps have been done when ``capture`` returns; the
    recording itself does nothing. ``stream`` is a non-blocking stream of CuPy's, the one that the step's ``Blas`` is
    bound to; by default a new one. ``watch()`` gives the arrays that may be replaced behind the graph's back, as
    parameters: each replay looks whether they are still where they were.

    What may stand in a step: kernels launched by ``kernels()`` or of a RawModule, ``Blas.gemm``, CuPy's functions with
    ``out=`` that need no memory of their own, ``fill`` and copies on the device, a second stream that is forked and
    joined by events made before. What may not: an allocation, and so any op with a fresh result; reading (``.numpy()``,
    ``float(x)``, ``print``) or writing from the host; waiting; CuPy's own matrix products and random numbers. Python
    in it runs once: numbers and branches are frozen, and what changes from step to step (a learning rate, the random
    state, the place in the data) is kept in device memory, where a kernel of the step advances it.

    CaptureError says what cannot stand there, and where it is written. Errors of the step's own go through as they
    are. Either way the stream can be used again. The graph keeps the step and all arrays that it was recorded with.
    """
    global _held
    cp = cupy()
    if not isinstance(warmups, int) or warmups < 1:
        raise ValueError(f"warmups is a positive integer (the first run of a kernel loads it), got {warmups!r}")
    if cp.cuda.get_current_stream().is_capturing():
        raise CaptureError("capture was called while the current stream is capturing; one graph is recorded at a time")
    if stream is None:
        stream = cp.cuda.Stream(non_blocking=True)
    elif not stream.is_non_blocking:
        raise CaptureError(
            "the stream blocks, or is blocked by, the default stream, which cannot be while it is captured; "
            "make it with cupy.cuda.Stream(non_blocking=True)"
        )
    cp.cuda.get_current_stream().synchronize()  # what the step reads has been written
    with stream:
        for _ in range(warmups):
            step()
    stream.synchronize()
    gc.collect()
    held: list[Any] = []
    outer, _held = _held, held
    try:
        recorded = record(stream, step)
    finally:
        _held = outer
    graph = Graph(recorded, [step, stream, *{id(x): x for x in held}.values()], watch)
    if not graph.nodes:
        raise CaptureError(
            "the step launched nothing on the current stream; does it launch on a stream of its own? "
            "Give that to capture(step, stream=...)"
        )
    recorded.upload(stream)  # so that the first replay is as fast as the others
    stream.synchronize()
    return graph


def record(stream: Any, work: Callable[[], Any]) -> Any:
    """CuPy's graph of what ``work()`` launches on the stream, which is usable again whatever happens."""
    cuda = cupy().cuda

    def refuse(nbytes: int) -> None:
        raise _Allocation(nbytes)

    # Not the relaxed mode, CuPy's default: it lets a copy or an allocation past the graph, where it happens once.
    mode = cuda.runtime.streamCaptureModeThreadLocal
    collects = gc.isenabled()
    gc.disable()  # a collection could free a handle or a stream, which invalidates the capture
    try:
        with stream, cuda.using_allocator(refuse):
            stream.begin_capture(mode)
            try:
                work()
            except BaseException as error:
                with suppress(RuntimeError):  # it may be invalidated, which the first error explains
                    stream.end_capture()
                sentence = _explained(error)
                if sentence is None:
                    raise
                raise CaptureError(sentence) from error
            try:
                return stream.end_capture()
            except RuntimeError as error:
                raise CaptureError(
                    f"the capture was invalidated ({error}): something in the step waited or asked whether the GPU is "
                    "done, or a second stream was not joined (stream.wait_event at the end of the step)"
                ) from error
    finally:
        if collects:
            gc.enable()


def _explained(error: BaseException) -> str | None:
    """What a failure has to do with capturing; None: nothing."""
    what = str(error).strip()
    if isinstance(error, _Allocation):
        advice = "make every buffer before the capture, and write into it (out=)"
    elif isinstance(error, NotImplementedError) and "capture" in what:
        advice = "use minigrad's Blas.gemm and kernels in place of CuPy's calls of CUDA's libraries"
    elif isinstance(error, RuntimeError) and ("capturing" in what or "StreamCapture" in what):
        advice = "a step uses arrays made before it, and the host reads and writes them between replays"
    else:
        return None
    return f"the step cannot be captured, because of {_culprit(error.__traceback__)}: {what}; {advice}"


def _culprit(traceback: TracebackType | None) -> str:
    """``file:line: text`` of the innermost line that is the step's: not CuPy's or NumPy's, nor, if possible, ours."""
    files = (getattr(module, "__file__", None) for module in (np, sys.modules["cupy"]))
    libraries = tuple(os.path.dirname(file) + os.sep for file in files if file)
    package = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep
    place, outer = None, None
    while traceback is not None:
        file, line = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        if not file.startswith(libraries) and not file.endswith((".pyx", ".pxi")):  # Cython's, named without a folder
            place = (file, line)
            outer = outer if file.startswith(package) else place
        traceback = traceback.tb_next
    found = outer or place
    text = linecache.getline(*found).strip() if found else ""
    return f"{written(found)}: {text}" if text else written(found)
