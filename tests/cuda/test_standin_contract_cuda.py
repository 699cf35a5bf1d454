"""What the stand-in says about CuPy's memory, streams, graphs and kernels; it runs on CuPy where there is a GPU."""

import numpy as np
import pytest

F32, I32 = np.float32, np.int32


@pytest.fixture
def cp(cupy_module):
    return cupy_module


@pytest.fixture
def stream(cp):
    return cp.cuda.Stream(non_blocking=True)


# ------------------------------------------------------------------------------------------------------ memory


def test_the_pool_counts_in_units_of_512_bytes(cp):
    pool = cp.get_default_memory_pool()
    before = pool.used_bytes()
    x = cp.empty(1000, np.uint8)
    assert pool.used_bytes() - before == 1024
    assert x.data.ptr % 512 == 0
    view = x[10:]
    del x
    assert pool.used_bytes() - before == 1024, "the view keeps it"
    del view
    assert pool.used_bytes() == before
    assert pool.total_bytes() >= before + 1024, "the pool keeps it"


def test_a_full_device_is_told(cp):
    pool = cp.get_default_memory_pool()
    pool.free_all_blocks()
    pool.set_limit(pool.total_bytes() + 2**20)
    try:
        with pytest.raises(cp.cuda.memory.OutOfMemoryError):
            cp.empty(2**24, np.uint8)
    finally:
        pool.set_limit(0)
    assert issubclass(cp.cuda.memory.OutOfMemoryError, MemoryError)


def test_a_device_is_described(cp):
    assert cp.cuda.is_available()
    assert cp.cuda.runtime.getDeviceCount() >= 1
    properties = cp.cuda.runtime.getDeviceProperties(0)
    assert isinstance(properties["name"], bytes)
    assert cp.cuda.Device(0).compute_capability.isdecimal()
    free, total = cp.cuda.Device(0).mem_info
    assert 0 < free <= total == properties["totalGlobalMem"]
    assert cp.zeros(1).device == cp.cuda.Device(0)


# ---------------------------------------------------------------------------------------------------- streams


def test_the_current_stream_is_that_of_the_with_statement(cp, stream):
    null = cp.cuda.get_current_stream()
    assert null == cp.cuda.Stream.null
    with stream:
        assert cp.cuda.get_current_stream() == stream
    assert cp.cuda.get_current_stream() == null
    assert stream != null
    assert stream.is_non_blocking
    assert not cp.cuda.Stream().is_non_blocking


def test_an_event_orders_two_streams(cp, stream):
    x = cp.zeros(1000, F32)
    stream.wait_event(cp.cuda.Stream.null.record())
    with stream:
        x += 1
        done = stream.record()
    cp.cuda.Stream.null.wait_event(done)
    x *= 2
    assert (x.get() == 2).all()
    done.synchronize()
    assert done.done


def test_events_measure_milliseconds(cp):
    start, stop = cp.cuda.Event(), cp.cuda.Event()
    start.record()
    cp.zeros(1000).sum()
    stop.record()
    stop.synchronize()
    assert cp.cuda.get_elapsed_time(start, stop) >= 0


# ----------------------------------------------------------------------------------------------------- graphs

STEP = r"""
extern "C" __global__ void step(float* x, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] = 2 * x[i] + 1;
}
extern "C" __global__ void add(const float* x, float* y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] += x[i];
}
"""


@pytest.fixture
def module(cp):
    module = cp.RawModule(code=STEP, options=("-std=c++17",))
    module.get_function("step")((1,), (32,), (cp.zeros(1, F32), I32(1)))  # loaded before any capture
    return module


def test_a_capture_records_and_a_launch_does(cp, stream, module):
    x = cp.zeros(100, F32)
    cp.cuda.Stream.null.synchronize()
    with stream:
        stream.begin_capture()
        assert stream.is_capturing()
        module.get_function("step")((1,), (128,), (x, I32(100)))
        x.data.memset_async(0, 4)
        graph = stream.end_capture()
    assert not stream.is_capturing()
    assert (x.get() == 0).all()
    for _ in range(3):
        graph.launch(stream)
    stream.synchronize()
    assert x.get().tolist() == [0.0] + 99 * [7.0]
    assert "step" in graph.debug_dot_str()


def test_streams_fork_and_join_in_a_capture(cp, stream, module):
    other = cp.cuda.Stream(non_blocking=True)
    x, y = cp.ones(10, F32), cp.ones(10, F32)
    cp.cuda.Stream.null.synchronize()
    step, add = module.get_function("step"), module.get_function("add")
    with stream:
        stream.begin_capture()
        other.wait_event(stream.record())
        step((1,), (32,), (x, I32(10)))
        with other:
            assert other.is_capturing()
            step((1,), (32,), (y, I32(10)))
        stream.wait_event(other.record())
        add((1,), (32,), (x, y, I32(10)))
        graph = stream.end_capture()
    graph.launch(stream)
    stream.synchronize()
    assert (y.get() == 6).all()


def test_what_did_not_come_back_is_told(cp, stream, module):
    other = cp.cuda.Stream(non_blocking=True)
    x = cp.ones(10, F32)
    cp.cuda.Stream.null.synchronize()
    with stream:
        stream.begin_capture()
        other.wait_event(stream.record())
        with other:
            module.get_function("step")((1,), (32,), (x, I32(10)))
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match=r"[Uu]njoined"):
            stream.end_capture()
    assert not stream.is_capturing()


def test_the_host_cannot_read_or_wait_in_a_capture(cp, stream):
    x = cp.ones(10, F32)
    cp.cuda.Stream.null.synchronize()
    with stream:
        stream.begin_capture()
        for refused in (x.get, lambda: float(x[0]), lambda: x.set(np.ones(10, F32))):
            with pytest.raises(RuntimeError, match="is capturing"):
                refused()
        stream.end_capture()
        stream.begin_capture()
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="StreamCapture"):
            stream.synchronize()
        with pytest.raises(cp.cuda.runtime.CUDARuntimeError, match="StreamCaptureInvalidated"):
            stream.end_capture()
    stream.synchronize()


def test_the_null_stream_cannot_be_captured(cp):
    with pytest.raises(RuntimeError, match="default"):
        cp.cuda.Stream.null.begin_capture()


# ---------------------------------------------------------------------------------------------------- kernels

KERNELS = r"""
__device__ float doubled(float x) { return 2 * x; }
extern "C" __global__ void scaled(const float* __restrict__ x, float* __restrict__ y, float by, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = by * doubled(x[i]);
}
// Sums of each block: by shuffles in a warp, in shared memory between warps.
extern "C" __global__ void sums(const float* x, float* out, int n) {
  __shared__ float parts[32];
  extern __shared__ float copies[];
  int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  copies[threadIdx.x] = i < n ? x[i] : 0.0f;
  __syncthreads();
  float v = copies[blockDim.x - 1 - threadIdx.x];
  for (int k = 16; k; k /= 2) v += __shfl_xor_sync(0xffffffffu, v, k);
  if (lane == 0) parts[warp] = v;
  __syncthreads();
  if (warp == 0) {
    v = lane < blockDim.x / 32 ? parts[lane] : 0.0f;
    for (int k = 16; k; k /= 2) v += __shfl_down_sync(0xffffffffu, v, k);
    if (lane == 0) out[blockIdx.x] = v;
  }
}
extern "C" __global__ void count(unsigned* n) { atomicAdd(n, 1u); }
extern "C" __global__ void numbers(double* out, double a, long long b, unsigned char c) { out[0] = a + b + c; }
"""


@pytest.fixture
def kernels(cp):
    return cp.RawModule(code=KERNELS, options=("-std=c++17",))


def test_a_kernel_runs(cp, kernels):
    h = np.arange(1000, dtype=F32)
    x, y = cp.asarray(h), cp.empty(1000, F32)
    kernels.get_function("scaled")((4,), (256,), (x, y, F32(3), I32(1000)))
    np.testing.assert_array_equal(y.get(), 6 * h)


def test_threads_work_together(cp, kernels):
    h = np.arange(1000, dtype=F32)
    out = cp.empty(4, F32)
    kernels.get_function("sums")((4,), (256,), (cp.asarray(h), out, I32(1000)), shared_mem=1024)
    np.testing.assert_array_equal(out.get(), np.pad(h, (0, 24)).reshape(4, 256).sum(1))


def test_arguments_have_their_parameters_bytes(cp, kernels):
    out = cp.zeros(1)
    kernels.get_function("numbers")((1,), (1,), (out, 0.5, 2, np.uint8(3)))
    assert out.get() == [5.5]


def test_a_launch_has_at_least_one_block(cp, kernels):
    n = cp.zeros(1, np.uint32)
    kernels.get_function("count")((0,), (7,), (n,))
    kernels.get_function("count")((3, 2), (2, 2), (n,))
    assert n.get() == [31]


def test_what_cannot_be_launched_is_told(cp, kernels):
    n = cp.zeros(1, np.uint32)
    count = kernels.get_function("count")
    with pytest.raises(TypeError):
        count([1], [1], (n,))
    with pytest.raises(cp.cuda.driver.CUDADriverError):
        count((1,), (2048,), (n,))
    with pytest.raises(cp.cuda.driver.CUDADriverError):
        kernels.get_function("absent")
    with pytest.raises(cp.cuda.compiler.CompileException):
        cp.RawModule(code='extern "C" __global__ void f() { nonsense }').get_function("f")


def test_a_kernel_runs_on_the_current_stream(cp, stream, module):
    with stream:
        x = cp.zeros(10, F32)
        module.get_function("step")((1,), (32,), (x, I32(10)))
        assert (x.get() == 1).all()
