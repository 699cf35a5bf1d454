"""A step as one graph: what it records, when it may be replayed, and the sentence for what cannot stand in it."""

import gc
import weakref

import numpy as np
import pytest

from minigrad.fused.cuda import graph as graph_module
from minigrad.fused.cuda.blas import Blas
from minigrad.fused.cuda.graph import CaptureError, capture, hold, node_names

F32 = np.float32


@pytest.fixture
def cp(cupy_cublas):
    return cupy_cublas


@pytest.fixture
def stream(cp):
    return cp.cuda.Stream(non_blocking=True)


class Walk:
    """A step that changes its state: x becomes scale w @ x, and the scale is read from the device."""

    def __init__(self, cp, stream):
        rng = np.random.default_rng(0)
        with stream:
            self.blas = Blas(stream)
            self.w = cp.asarray(rng.standard_normal((4, 4), dtype=F32))
            self.x = cp.asarray(rng.standard_normal((4, 3), dtype=F32))
            self.one, self.before = cp.asarray(np.eye(4, dtype=F32)), cp.empty((4, 3), F32)
            self.scale = cp.asarray([0.5], F32)
            self.steps = 0
        stream.synchronize()
        self.expected = self.x.get().astype(float)

    def __call__(self):
        self.steps += 1
        self.blas.gemm(self.one, self.x, self.before)
        self.blas.gemm(self.w, self.before, self.x, alpha=self.scale)

    def check(self, n, *scales):
        """It is where n more steps lead, with these scales or 0.5."""
        for scale in scales or (0.5,) * n:
            self.expected = scale * self.w.get().astype(float) @ self.expected
        np.testing.assert_allclose(self.x.get(), self.expected, atol=1e-5 * np.abs(self.expected).max())


@pytest.fixture
def walk(cp, stream):
    return Walk(cp, stream)


def test_warm_ups_are_steps_recording_does_nothing_replays_go_on(cp, stream, walk):
    graph = capture(walk, stream=stream)
    assert walk.steps == 3, "two warm-ups and the recording"
    walk.check(2)
    graph.replay()
    walk.check(1)
    graph.replay(3)
    walk.check(3)
    walk.scale.fill(0.25)
    graph.replay(n=2)
    walk.check(2, 0.25, 0.25)
    assert walk.steps == 3, "Python runs once"


def test_a_replay_is_ordered_by_the_callers_stream(cp, stream, walk):
    graph = capture(walk, warmups=1, stream=stream)
    with cp.cuda.Stream(non_blocking=True) as other:
        graph.replay()
        walk.scale.fill(1)
        graph.replay()
    other.synchronize()
    walk.check(3, 0.5, 0.5, 1.0)


def test_a_stream_is_made_where_none_is_given(cp):
    x, y = cp.ones(3, F32), cp.ones(3, F32)
    graph = capture(lambda: y.fill(0))
    y[...] = x
    graph.replay()
    assert (y.get() == 0).all()
    assert cp.cuda.get_current_stream() == cp.cuda.Stream.null


def test_the_nodes_are_named_in_order(fake_cupy, fake_cublas):
    stream = fake_cupy.cuda.Stream(non_blocking=True)
    walk = Walk(fake_cupy, stream)
    graph = capture(walk, stream=stream)
    assert graph.nodes == ["sgemm_nn", "sgemm_nn"]
    assert graph.dot().startswith("digraph")
    assert repr(graph) == "<Graph of 2 nodes>"


def test_the_nodes_on_a_gpu(gpu):
    stream = gpu.cuda.Stream(non_blocking=True)
    graph = capture(Walk(gpu, stream), stream=stream)
    assert sum("gem" in name for name in graph.nodes) >= 2, graph.nodes
    assert not any(name.startswith(("MEM_ALLOC", "MEM_FREE")) for name in graph.nodes), graph.nodes


BRIEF = r"""digraph dot {
subgraph cluster_1 {
label="graph_1" graph[style="dashed"];
"graph_1_node_0"[style="bold" shape="octagon" label="0
bias_maxout\<\<\<38,256,0\>\>\>
"];
"graph_1_node_1"[style="solid" shape="trapezium" label="1
MEMCPY
(DtoD,48)
"];
"graph_1_node_2"[style="bold" shape="octagon" label="2
_Z5scalePfi
"];
"graph_1_node_0" -> "graph_1_node_1";
}
}
"""
VERBOSE = r"""digraph dot {
subgraph cluster_1 {
label="graph_1" graph[style="dashed"];
"graph_1_node_0"[style="bold" shape="record" label="{KERNEL
| {ID | 0 (topoId: 2) | bias_maxout\<\<\<38,256,0\>\>\>}
| {{node handle | func handle} | {0x000055D0 | 0x000055D8}}
| {cooperative | 0}
}"];
"graph_1_node_1"[style="solid" shape="record" label="{
MEMCPY
| {{ID | node handle} | {1 (topoId: 1) | 0x000055E0}}
| {kind | DtoD (DEVICE to DEVICE)}
}"];
"graph_1_node_2"[style="bold" shape="record" label="{KERNEL
| {ID | 2 (topoId: 0) | _Z5scalePfi\<\<\<1,128,0\>\>\>}
| {priority | 0}
}"];
"graph_1_node_0" -> "graph_1_node_1" [headlabel=0];
"graph_1_node_1" -> "graph_1_node_2" [headlabel=0];
}
}
"""


@pytest.mark.parametrize("dot", [BRIEF, VERBOSE], ids=["brief", "verbose"])
def test_names_are_read_from_what_cuda_prints(dot):
    assert node_names(dot) == ["bias_maxout", "MEMCPY", "_Z5scalePfi"]
    assert node_names("digraph dot {\n}\n") == []


# ------------------------------------------------------------------------------ what cannot stand in a step


def allocates(cp, x):
    return x + 1


def makes(cp, x):
    return cp.zeros(7, F32)


def reads(cp, x):
    return float(x[0])


def writes(cp, x):
    x.set(np.zeros(3, F32))


def waits(cp, x):
    cp.cuda.get_current_stream().synchronize()


def multiplies(cp, x):
    return cp.matmul(x, x)


BETWEEN = "the host reads and writes them between replays"
# The stand-in refuses CuPy's own kernels before their memory.
CULPRITS = [
    (allocates, r"return x \+ 1: (it allocates 12 bytes|.*add is one of CuPy's own)"),
    (makes, r"return cp.zeros\(7, F32\): it allocates 28 bytes; make every buffer before the capture"),
    (reads, rf"return float\(x\[0\]\): .*capturing.*; .*{BETWEEN}"),
    (writes, rf"x.set\(np.zeros\(3, F32\)\): .*capturing.*; .*{BETWEEN}"),
    (waits, rf"cp.cuda.get_current_stream\(\).synchronize\(\): .*[cC]aptur.*; .*{BETWEEN}"),
    (multiplies, r"return cp.matmul\(x, x\): "),
]


@pytest.mark.parametrize(("culprit", "sentence"), CULPRITS, ids=lambda x: getattr(x, "__name__", ""))
def test_the_culprit_is_named_and_the_stream_goes_on(cp, stream, walk, culprit, sentence):
    x, recording = cp.zeros(3, F32), iter([False, True])

    def step():
        walk()
        if next(recording):
            culprit(cp, x)

    with pytest.raises(
        CaptureError, match=rf"^the step cannot be captured, because of \S*test_capture.py:\d+: {sentence}"
    ):
        capture(step, warmups=1, stream=stream)
    assert gc.isenabled()
    assert graph_module._held is None
    assert not stream.is_capturing()
    graph = capture(walk, warmups=1, stream=stream)  # the stream, and memory, can be used again
    graph.replay()
    cp.zeros(3, F32)
    walk.check(3)


def test_the_culprit_is_not_a_line_of_cupys(cp, stream, walk):
    """Whose files Cython names without their folder, as they were where CuPy was built."""
    text = "def refused():\n    raise RuntimeError('the current stream is capturing')\n"
    names, runs = {}, iter([False, True])
    exec(compile(text, "cupy/_core/core.pyx", "exec"), names)

    def step():
        walk()
        next(runs) and names["refused"]()

    with pytest.raises(
        CaptureError, match=r'test_capture.py:\d+: next\(runs\) and names\["refused"\]\(\): the current'
    ):
        capture(step, warmups=1, stream=stream)


def test_a_step_of_ops_with_fresh_results_is_refused(cp, stream):
    """The culprit is the user's line, not the op's."""
    import minigrad as mg

    x = mg.tensor(np.ones(3, F32)).to("cuda")
    with pytest.raises(
        CaptureError, match=r"test_capture.py:\d+: capture\(lambda: x \* 2.*(allocates 12 bytes|multiply is one of)"
    ):
        capture(lambda: x * 2, stream=stream)


def test_errors_of_the_steps_own_go_through(cp, stream, walk):
    runs = iter([False, True])

    def step():
        walk()
        if next(runs):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        capture(step, warmups=1, stream=stream)
    assert not stream.is_capturing()
    walk.check(1)


def test_a_step_that_launches_elsewhere_is_refused(cp, stream, walk):
    with pytest.raises(CaptureError, match=r"launched nothing on the current stream.*capture\(step, stream=\.\.\.\)"):
        capture(lambda: None, stream=stream)
    with pytest.raises(CaptureError, match="bound to the stream"):
        capture(walk)


def test_what_capture_is_given(cp, stream, walk):
    for wrong in (0, -1, 1.5):
        with pytest.raises(ValueError, match=f"warmups is a positive integer .*got {wrong}"):
            capture(walk, warmups=wrong, stream=stream)
    for blocking in (cp.cuda.Stream(), cp.cuda.Stream.null):
        with pytest.raises(CaptureError, match=r"cupy.cuda.Stream\(non_blocking=True\)"):
            capture(walk, stream=blocking)
    assert walk.steps == 0
    graph = capture(walk, warmups=1, stream=stream)
    for wrong in (0, -2, 2.0):
        with pytest.raises(ValueError, match=f"positive integer, got {wrong}"):
            graph.replay(wrong)


def test_how_a_step_is_recorded(cp, stream, walk, monkeypatch):
    """No collection of garbage, which could free a stream, and not in the mode that lets copies past the graph."""
    collects, modes, begin = [], [], cp.cuda.Stream.begin_capture
    if getattr(cp, "is_stand_in", False):
        monkeypatch.setattr(cp.cuda.Stream, "begin_capture", lambda s, mode=None: modes.append(mode) or begin(s, mode))

    def step():
        collects.append(gc.isenabled())
        walk()

    capture(step, stream=stream)
    assert collects == [True, True, False]
    assert gc.isenabled()
    assert modes in ([], [cp.cuda.runtime.streamCaptureModeThreadLocal])
    gc.disable()
    try:
        capture(walk, stream=stream)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_captures_do_not_nest(cp, stream, walk):
    other = Walk(cp, cp.cuda.Stream(non_blocking=True))
    runs = iter([False, True])

    def step():
        walk()
        if next(runs):
            capture(other, stream=other.blas.stream)

    with pytest.raises(CaptureError, match="one graph is recorded at a time"):
        capture(step, warmups=1, stream=stream)


class Backward:
    """The gradients of a layer: that of the weight on a second stream, which the first does not wait for in between."""

    def __init__(self, cp, joined=True):
        self.stream, self.side = (cp.cuda.Stream(non_blocking=True) for _ in range(2))
        self.fork, self.join, self.joined = cp.cuda.Event(), cp.cuda.Event(), joined
        self.blas, self.beside = Blas(self.stream), Blas(self.side)
        rng = np.random.default_rng(0)
        self.x, self.w, self.g = (cp.asarray(rng.standard_normal(s, dtype=F32)) for s in ((5, 3), (4, 3), (5, 4)))
        self.dx, self.dw = cp.zeros((5, 3), F32), cp.zeros((4, 3), F32)
        cp.cuda.get_current_stream().synchronize()

    def __call__(self):
        self.fork.record(self.stream)
        self.side.wait_event(self.fork)
        with self.side:
            self.beside.gemm(self.g, self.x, self.dw, transpose_a=True)
            self.join.record(self.side)
        self.blas.gemm(self.g, self.w, self.dx)
        if self.joined:
            self.stream.wait_event(self.join)


def test_a_second_stream_is_forked_and_joined(cp):
    step = Backward(cp)
    graph = capture(step, stream=step.stream)
    step.dx.fill(0), step.dw.fill(0)
    graph.replay()
    x, w, g = (v.get().astype(float) for v in (step.x, step.w, step.g))
    np.testing.assert_allclose(step.dx.get(), g @ w, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(step.dw.get(), g.T @ x, rtol=1e-5, atol=1e-6)


def test_a_second_stream_that_is_not_joined_is_refused(cp):
    step = Backward(cp, joined=False)
    with pytest.raises(CaptureError, match=r"invalidated.*a second stream was not joined \(stream.wait_event"):
        capture(step, stream=step.stream)
    assert not step.stream.is_capturing()


# --------------------------------------------------------------------------------------- what a graph keeps


def test_a_graph_keeps_what_it_was_recorded_with(cp, stream):
    """Even what only the call of gemm saw: the memory would be given to others while the graph writes into it."""
    with stream:
        used = {"blas": Blas(stream), "a": cp.asarray([[2]], F32), "b": cp.asarray([[3]], F32)}
        used |= {"out": cp.empty((1, 1), F32), "alpha": cp.asarray([5], F32)}
    graph = capture(
        lambda: used["blas"].gemm(*(used[k] for k in ("a", "b", "out")), alpha=used["alpha"]), 1, stream=stream
    )
    alive = {name: weakref.ref(value) for name, value in used.items()}
    out = used["out"]
    used.clear()
    gc.collect()
    assert [name for name, ref in alive.items() if ref() is None] == []
    out.fill(0)
    graph.replay()
    assert out.get() == 30
    del graph, out
    gc.collect()
    assert [name for name, ref in alive.items() if ref() is not None] == []


def test_hold_is_for_recording_only(cp, stream):
    x = cp.zeros(3, F32)
    hold(x)
    alive = weakref.ref(x)
    del x
    assert alive() is None


def test_a_graph_whose_array_was_replaced_is_refused(cp, stream, walk):
    graph = capture(walk, warmups=1, stream=stream, watch=lambda: [walk.w, walk.x])
    graph.replay()
    walk.x[...] = 1  # in place is no replacement
    graph.replay()
    old = walk.x.get()
    walk.x = cp.ones((4, 3), F32)
    with pytest.raises(
        CaptureError, match=r"array 1 of those watched, \(4, 3\) float32, was replaced.*capture the step"
    ):
        graph.replay()
    assert (walk.x.get() == 1).all()
    walk.x = None
    walk.x = cp.asarray(old)
    with pytest.raises(CaptureError, match="was replaced"):
        graph.replay()
    again = capture(walk, warmups=1, stream=stream)
    again.replay()


def test_a_graph_that_watches_another_number_of_arrays_is_refused(cp, stream, walk):
    watched = [walk.w, walk.x]
    graph = capture(walk, warmups=1, stream=stream, watch=lambda: watched)
    watched.pop()
    with pytest.raises(CaptureError, match="watched 2 arrays when it was captured, and there are 1 now"):
        graph.replay()
