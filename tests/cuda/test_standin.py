"""Where the stand-in is stricter than CuPy: what a GPU would do without a word, and wrongly, it refuses."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cuda import standin
from tests.cuda.standin import errors, functions, memory, streams

F32, I32 = np.float32, np.int32
StandInError = errors.StandInError


@pytest.fixture
def cp(fake_cupy):
    return fake_cupy


@pytest.fixture
def stream(cp):
    return cp.cuda.Stream(non_blocking=True)


# ------------------------------------------------------------------------------------------------- what there is

CLASSES = ("ndarray", "cuda.Stream", "cuda.Event", "cuda.Graph", "cuda.Device", "cuda.MemoryPointer", "cuda.MemoryPool")
OWN = {"is_stand_in", "allocations", "take", "give", "nodes", "clock", "tick", "capture", "mem", "ptr", "device_id"}


def reached(module, path):
    for name in path.split(".") if path else ():
        module = getattr(module, name)
    return module


@pytest.mark.parametrize("path", ["", "linalg", "lib.stride_tricks", "cuda", "cuda.runtime", "cuda.memory"])
def test_there_is_nothing_that_cupy_has_not(cp, path):
    names = {name for name in dir(reached(cp, path)) if not name.startswith("_")}
    ours = {"np", "memory", "synchronize_device", "Device"} if path == "cuda.runtime" else OWN
    assert names - ours <= set(functions.TABLE["modules"][path])


@pytest.mark.parametrize("path", CLASSES)
def test_classes_have_no_members_of_their_own(cp, path):
    members = {name for name in dir(reached(cp, path)) if not name.startswith("_")}
    assert members - OWN <= set(functions.TABLE["classes"][path])


def test_operators_are_those_of_cupy(cp):
    ours = {name for name in vars(cp.ndarray) if name.startswith("__") and callable(getattr(cp.ndarray, name))}
    python = {"__setitem__", "__weakref__", "__rdivmod__"}
    assert ours - python <= set(functions.TABLE["classes"]["ndarray"])


def test_the_table_is_that_of_the_installed_cupy():
    """Its names, parameters and types are read from the package, which needs no driver for that."""
    script = (
        "import json, warnings; warnings.simplefilter('ignore'); import cupy; "
        "from tests.cuda.standin.table import table; print(json.dumps(table(cupy)))"
    )
    root = Path(__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=root)
    if "No module named 'cupy'" in result.stderr:
        pytest.skip("not run: CuPy is not installed")
    assert not result.returncode, result.stderr
    found = json.loads(result.stdout)
    if found["version"] != functions.TABLE["version"]:
        pytest.skip(f"not run: the table is of CuPy {functions.TABLE['version']}, here is {found['version']}")
    for kind in ("modules", "classes"):
        for name, group in functions.TABLE[kind].items():
            assert found[kind][name] == group, name


def test_it_is_there_only_while_it_is_installed():
    before = sys.modules.get("cupy")
    cupy = standin.install()
    import cupy.cuda as cuda

    assert cuda is standin.cupy.cuda
    assert cupy is sys.modules["cupy"]
    standin.uninstall()
    assert sys.modules.get("cupy") is before


# ------------------------------------------------------------------------------------------------------- memory


def test_fresh_memory_is_poison(cp):
    assert np.isnan(cp.empty(5).get()).all()
    assert (cp.empty_like(cp.zeros(5, I32)).get() == -1).all()


def test_memory_is_poisoned_when_its_last_array_goes(cp):
    x = cp.zeros(5)
    view, address = x[1:], x.data.ptr
    del x
    assert (view.get() == 0).all()
    assert memory.extent(address) == 40
    del view
    assert memory.extent(address) == 0


def test_an_operand_that_nobody_keeps_is_read_before_it_goes(cp):
    x = cp.arange(6)
    assert x[x > 2].get().tolist() == [3, 4, 5]
    x[x > 2] = x[x > 2] * 10
    assert x.get().tolist() == [0, 1, 2, 30, 40, 50]


def test_of_two_values_for_one_element_the_first_stays(cp):
    x = cp.zeros(3)
    x[cp.asarray([1, 1, 2])] = cp.asarray([1.0, 2.0, 3.0])
    assert x.get().tolist() == [0, 1, 3]


def test_what_the_host_reads_can_be_forbidden(cp):
    x = cp.arange(4.0)
    reads = streams.State.host_reads
    with standin.device_only():
        y = np.exp(x) + x.sum()
        for read in (x.get, lambda: float(x[0]), lambda: bool(x[0]), lambda: x[x > 1], lambda: np.nonzero(x), x.tolist):
            with pytest.raises(StandInError, match="reads device memory"):
                read()
    assert streams.State.host_reads == reads + 6
    y.get()
    assert streams.State.host_reads == reads + 7


# ------------------------------------------------------------------------------------------------------ streams


def test_two_streams_that_nothing_orders(cp, stream):
    x = cp.zeros(10)
    with stream:
        with pytest.raises(StandInError, match="nothing orders them"):
            x += 1
        stream.wait_event(cp.cuda.Stream.null.record())
        x += 1
    with pytest.raises(StandInError, match="nothing orders them"):
        x.get()
    with cp.cuda.Stream(non_blocking=True), pytest.raises(StandInError, match="nothing orders them"):
        x.fill(0)
    stream.synchronize()
    assert (x.get() == 1).all()


def test_reading_twice_is_no_race_and_neither_are_two_halves(cp, stream):
    x = cp.zeros(10)
    cp.cuda.Stream.null.synchronize()
    with stream:
        y = x[:5] + 2
        x[:5].fill(0)
    x[5:].fill(0)
    stream.synchronize()
    with cp.cuda.Stream(non_blocking=True) as other:
        z = y + 1
    y.get()
    other.synchronize()
    assert (z.get() == 3).all()


def test_blocking_streams_wait_for_the_null_stream(cp):
    x = cp.zeros(10)
    with cp.cuda.Stream():
        x += 1
    assert (x.get() == 1).all()
    with cp.cuda.Stream() as one:
        x += 1
    with cp.cuda.Stream(), pytest.raises(StandInError, match=f"on stream {one.ptr} writes"):
        x += 1


# -------------------------------------------------------------------------------------------- captures and graphs


@pytest.fixture
def add(cp):
    code = """extern "C" __global__ void add(const float* x, float* y, int n) {
      int i = blockIdx.x * blockDim.x + threadIdx.x;
      if (i < n) y[i] += x[i];
    }"""
    function = cp.RawModule(code=code).get_function("add")
    return lambda x, y: function((1,), (32,), (x, y, I32(x.size)))


@contextlib.contextmanager
def captured(stream, graphs):
    with stream:
        stream.begin_capture()
        try:
            yield
        finally:
            graphs.append(stream.end_capture())


def test_what_cannot_stand_in_a_capture(cp, stream):
    x = cp.ones(4)
    cp.cuda.Stream.null.synchronize()
    with captured(stream, []):
        for refused in (
            lambda: cp.empty(3),
            lambda: x + 1,
            lambda: np.add(x, 1, out=x),
            lambda: x.fill(1),
            lambda: x[::2].fill(0),
            lambda: x.sum(),
            lambda: x.copy(),
            lambda: x.astype(F32),
            lambda: x.__setitem__(0, 1.0),
            lambda: x[[0, 1]],
            lambda: x.sort(),
            lambda: np.matmul(x, x),
            lambda: cp.asarray(np.ones(3)),
        ):
            with pytest.raises(StandInError, match="is capturing"):
                refused()
        x[1:].reshape(3, 1).fill(0)
    assert (x.get() == 1).all()


def test_work_of_the_null_stream_breaks_a_capture(cp, stream, add):
    x, y = cp.ones(4, F32), cp.ones(4, F32)
    with stream:
        stream.begin_capture()
        with cp.cuda.Stream.null, pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="Implicit"):
            add(x, y)
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="Invalidated"):
            stream.end_capture()


def test_a_graph_over_freed_memory(cp, stream, add):
    x, y, graphs = cp.ones(4, F32), cp.ones(4, F32), []
    with captured(stream, graphs):
        add(x, y)
        y.fill(0)
    cp.cuda.Stream.null.synchronize()
    graphs[0].launch()
    del y
    with pytest.raises(StandInError, match=r"add \(node 0\) uses memory that was freed"):
        graphs[0].launch()


def test_a_launch_is_ordered_like_other_work(cp, stream, add):
    x, y, graphs = cp.ones(4, F32), cp.ones(4, F32), []
    with captured(stream, graphs):
        add(x, y)
    with pytest.raises(StandInError, match="a graph on stream"):
        graphs[0].launch(stream)
    cp.cuda.Stream.null.synchronize()
    graphs[0].launch(stream)
    with pytest.raises(StandInError, match="what a graph on stream"):
        y.get()


def test_two_branches_of_a_graph_that_race(cp, stream, add):
    x, y, other = cp.ones(4, F32), cp.ones(4, F32), cp.cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        other.wait_event(stream.record())
        add(x, y)
        with other:
            add(x, y)
        stream.wait_event(other.record())
        with pytest.raises(StandInError, match=r"add \(node 0\) and add \(node 1\) use the same memory"):
            stream.end_capture()


def test_the_nodes_are_told_in_cudas_words(cp, stream, add):
    x, y, graphs = cp.ones(4, F32), cp.ones(4, F32), []
    with captured(stream, graphs):
        y.fill(0)
        add(x, y)
    brief, verbose = graphs[0].debug_dot_str(), graphs[0].debug_dot_str(1)
    assert brief.index("MEMSET") < brief.index(r"add\<\<\<1,32,0\>\>\>") < brief.index('"graph_1_node_0" -> ')
    assert verbose.index("MEMSET") < verbose.index("KERNEL") < verbose.index("add")
