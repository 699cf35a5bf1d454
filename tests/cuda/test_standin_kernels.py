"""The stand-in executes kernels so that planted mistakes are found: in arguments, barriers, bounds and races."""

import numpy as np
import pytest

from tests.cuda import standin
from tests.cuda.standin.errors import StandInError

F32, I32 = np.float32, np.int32


@pytest.fixture
def cp(fake_cupy):
    if not standin.available():
        pytest.skip("not run: there is no g++ here")
    return fake_cupy


@pytest.fixture
def build(cp):
    """A kernel from its body and parameters."""
    return lambda body, parameters="float* x, int n", before="": cp.RawModule(
        code=f'{before}\nextern "C" __global__ void kernel({parameters}) {{\n{body}\n}}'
    ).get_function("kernel")


# ---------------------------------------------------------------------------------------------------- arguments

PARAMETERS = "const float* __restrict__ x, float* __restrict__ y, int n, float a"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({2: 3}, r"argument 2 \(int n\): int 3 was passed, which has the bytes of int64"),
        ({3: 0.5}, r"argument 3 \(float a\): float 0.5 was passed, which has the bytes of float64"),
        ({2: F32(3)}, r"argument 2 \(int n\): float32"),
        ({2: "x"}, r"argument 2 \(int n\): an array was passed for a value"),
        ({0: I32(3)}, r"argument 0 \(float\* x\): int32 was passed for a pointer"),
        ({0: "double"}, r"argument 0 \(float\* x\): an array of float64"),
        ({0: "columns"}, r"argument 0 \(float\* x\): the array is not C-contiguous"),
        ({1: "x"}, "overlap, although both are __restrict__"),
        ({4: I32(1)}, "takes 4 arguments, got 5"),
    ],
)
def test_what_cupy_would_pass_without_a_word(cp, build, change, told):
    arrays = {"x": cp.ones(4, F32), "double": cp.ones(4), "columns": cp.ones((4, 2), F32)[:, 0]}
    good = {0: arrays["x"], 1: cp.ones(4, F32), 2: I32(4), 3: F32(1)}
    kernel = build("if (threadIdx.x < n) y[threadIdx.x] = a * x[threadIdx.x];", PARAMETERS)
    kernel((1,), (32,), tuple(good.values()))
    bad = {i: arrays[v] if isinstance(v, str) else v for i, v in change.items()}
    with pytest.raises(StandInError, match=told):
        kernel((1,), (32,), tuple((good | bad).values()))


def test_numpy_arrays_are_refused(cp, build):
    with pytest.raises(TypeError, match=r"a numpy.ndarray of shape \(4,\) was passed"):
        build("")((1,), (32,), (np.ones(4, F32), I32(4)))


@pytest.mark.parametrize("sanitizer", [None, "address"])
def test_none_is_a_null_pointer(cp, build, sanitizer):
    y = cp.zeros(1, I32)
    with standin.running(sanitizer=sanitizer):
        build("y[0] = x ? 1 : 2;", "const float* x, int* y")((1,), (1,), (None, y))
    assert y.get() == [2]


def test_macros_and_typedefs_are_read(cp):
    code = """
    typedef unsigned char byte;
    #define KERNEL(name, T) extern "C" __global__ void name(T* x /* , int n */) { x[0] += OFFSET; }
    KERNEL(bytes, byte)  // KERNEL(nothing, int)
    KERNEL(floats, float)
    """
    module = cp.RawModule(code=code, options=("-DOFFSET=3",))
    x, y = cp.zeros(1, np.uint8), cp.zeros(1, F32)
    module.get_function("bytes")((1,), (1,), (x,))
    module.get_function("floats")((1,), (1,), (y,))
    assert (x.get(), y.get()) == ([3], [3])


def test_a_kernel_may_have_a_name_of_the_c_librarys(cp):
    x = cp.zeros(1, F32)
    code = """
    extern "C" __attribute__((noinline)) void advance(float* x);
    extern "C" __global__ void advance(float* x) { x[0] = 1; }
    """
    cp.RawModule(code=code).get_function("advance")((1,), (1,), (x,))
    assert x.get() == [1]


# ----------------------------------------------------------------------------------------------- bounds and memory


@pytest.mark.parametrize(("index", "place"), [("n", "behind"), ("-1", "before")])
def test_a_write_outside_of_an_array(cp, build, index, place):
    with pytest.raises(MemoryError, match=f"kernel kernel wrote {place} an array of 20 bytes"):
        build(f"x[{index}] = 1;")((1,), (1,), (cp.ones(5, F32), I32(5)))


def test_a_read_outside_of_an_array_is_found_by_a_sanitizer(cp, build):
    kernel = build("x[0] = x[n];")
    kernel((1,), (1,), (cp.ones(5, F32), I32(5)))
    with standin.running(sanitizer="address"):
        kernel((1,), (1,), (cp.ones(5, F32), I32(4)))
        with pytest.raises(StandInError, match=r"heap-buffer-overflow[^$]*READ of size 4[^$]*kernels.cu"):
            kernel((1,), (1,), (cp.ones(5, F32), I32(5)))


def test_shared_memory_outside_of_its_array_is_found_by_a_sanitizer(cp, build):
    kernel = build("__shared__ float a[4], b[4]; b[threadIdx.x] = 0; a[n] = 1; x[0] = b[0];")
    with standin.running(sanitizer="address"):
        kernel((1,), (4,), (cp.ones(5, F32), I32(3)))
        with pytest.raises(StandInError, match="use-after-poison"):
            kernel((1,), (4,), (cp.ones(5, F32), I32(4)))


@pytest.mark.parametrize("sanitizer", [None, "address", "thread"])
def test_shared_memory_is_fresh_in_each_block(cp, build, sanitizer):
    """What a block did not write there is poison, whatever the block before it wrote."""
    x = cp.zeros(3, F32)
    with standin.running(sanitizer=sanitizer):
        kernel = build(
            "__shared__ float s[2][3];\nx[blockIdx.x] = s[0][blockIdx.x];\nfor (int i = 0; i < 3; i++) s[0][i] = 1;"
        )
        kernel((3,), (1,), (x, I32(3)))
    assert np.isnan(x.get()).all()


# ------------------------------------------------------------------------------------------------ order and races

SUM = """
__shared__ float s[64];
int t = threadIdx.x;
s[t] = x[t];
BARRIER
float total = 0;
for (int i = 0; i < n; i++) total += s[i];
x[64 + t] = total;
"""


@pytest.mark.parametrize("order", ["forward", "reversed"])
@pytest.mark.parametrize("sanitizer", [None, "address", "thread"])
def test_with_its_barrier_it_is_right_in_every_order(cp, build, order, sanitizer):
    x = cp.ones(128, F32)
    with standin.running(order, sanitizer):
        build(SUM.replace("BARRIER", "__syncthreads();"))((1,), (64,), (x, I32(64)))
    assert (x.get()[64:] == 64).all()


@pytest.mark.parametrize("order", ["forward", "reversed"])
def test_a_missing_barrier_is_wrong_in_both_orders(cp, build, order):
    x = cp.ones(128, F32)
    with standin.running(order):
        build(SUM.replace("BARRIER", ""))((1,), (64,), (x, I32(64)))
    assert np.isnan(x.get()[64:]).any(), "somebody read poison"


@pytest.mark.parametrize("order", ["forward", "reversed"])
def test_a_missing_barrier_is_a_race_for_a_sanitizer(cp, build, order):
    with standin.running(order, "thread"), pytest.raises(StandInError, match="data race"):
        build(SUM.replace("BARRIER", ""))((1,), (64,), (cp.ones(128, F32), I32(64)))


RACES = {  # body: whether two threads meet in it
    "x[0] += 1;": True,  # of one block
    "if (threadIdx.x == 0) x[0] += 1;": True,  # of two blocks
    "if (threadIdx.x < 2) x[threadIdx.x * n] = 1;": True,
    "__shared__ float s[32]; s[threadIdx.x] = 1; x[32 * blockIdx.x + threadIdx.x] = s[0];": True,
    "atomicAdd(x, 1.0f);": False,
    "if (threadIdx.x == 0) x[blockIdx.x] = 1;": False,
    "__shared__ float s; if (threadIdx.x == 0) s = 1; __syncthreads(); if (threadIdx.x == 1) s = 2;": False,
    "__shared__ float s[32]; s[threadIdx.x] = 1; __syncwarp(); x[32 * blockIdx.x + threadIdx.x] = s[0];": False,
}


@pytest.mark.parametrize("body", RACES)
def test_races_of_blocks_and_threads(cp, body):
    kernels = [
        f'extern "C" __global__ void k{i}(float* x, int n) {{\n{text}\n}}' for i, text in enumerate(RACES)
    ]  # one source: compiled once
    kernel = cp.RawModule(code="\n".join(kernels)).get_function(f"k{list(RACES).index(body)}")
    x = cp.zeros(64, F32)
    with standin.running(sanitizer="thread"):
        if RACES[body]:
            with pytest.raises(StandInError, match="data race"):
                kernel((2,), (32,), (x, I32(0)))
        else:
            kernel((2,), (32,), (x, I32(0)))


def test_both_orders_are_run(cp, build):
    out = []
    for order in ("forward", "reversed"):
        x = cp.zeros(1, F32)
        with standin.running(order):
            build("x[0] = 10 * blockIdx.x + threadIdx.x;")((3,), (4,), (x, I32(0)))
        out.append(x.get()[0])
    assert out == [23, 0]


# -------------------------------------------------------------------------------------------- barriers and shuffles


def test_threads_at_different_barriers(cp, build):
    with pytest.raises(StandInError, match="wait at different __syncthreads"):
        build("if (threadIdx.x < 16) {\n__syncthreads();\n} else {\n__syncthreads();\n}")((1,), (32,), (None, I32(0)))


def test_a_barrier_that_some_never_reach(cp, build):
    with pytest.raises(StandInError, match="deadlock: 16 of 32 threads"):
        build("if (threadIdx.x < 16) __syncthreads(); else __syncwarp();")((1,), (32,), (None, I32(0)))
    kernel = build("x[threadIdx.x] = __shfl_sync(0xffffffffu, x[threadIdx.x], 0);")
    kernel((1,), (32,), (cp.ones(32, F32), I32(0)))  # and after a deadlock all is well again


SHUFFLES = {  # expression: what thread t gets, who has v = t
    "__shfl_sync(0xffffffffu, v, 5)": lambda t: t // 32 * 32 + 5,
    "__shfl_sync(0xffffffffu, v, 2, 8)": lambda t: t // 8 * 8 + 2,
    "__shfl_down_sync(0xffffffffu, v, 3)": lambda t: np.where(t % 32 < 29, t + 3, t),
    "__shfl_down_sync(0xffffffffu, v, 3, 8)": lambda t: np.where(t % 8 < 5, t + 3, t),
    "__shfl_up_sync(0xffffffffu, v, 3)": lambda t: np.where(t % 32 >= 3, t - 3, t),
    "__shfl_xor_sync(0xffffffffu, v, 16)": lambda t: t ^ 16,
    "__popc(__ballot_sync(0xffffffffu, v < 8))": lambda t: np.where(t < 32, 8, 0),
    "__any_sync(0xffffffffu, v == 40) ? 1 : 0": lambda t: t // 32,
    "__all_sync(0xffffffffu, v < 40) ? 1 : 0": lambda t: 1 - t // 32,
}


def test_shuffles(cp):
    code = "".join(
        f'extern "C" __global__ void k{i}(float* x) {{ float v = x[threadIdx.x]; x[threadIdx.x] = {expression}; }}\n'
        for i, expression in enumerate(SHUFFLES)
    )
    module, t = cp.RawModule(code=code), np.arange(64)
    for i, (expression, expected) in enumerate(SHUFFLES.items()):
        x = cp.asarray(t.astype(F32))
        module.get_function(f"k{i}")((1,), (64,), (x,))
        np.testing.assert_array_equal(x.get(), expected(t), err_msg=expression)


def test_a_lane_that_has_left_shows_poison(cp, build):
    x = cp.ones(32, F32)
    kernel = build("if (threadIdx.x >= 16) return;\nx[threadIdx.x] = __shfl_down_sync(0xffffffffu, 1.0f, 8);")
    kernel((1,), (32,), (x, I32(0)))
    assert np.isnan(x.get()[8:16]).all()
    assert (x.get()[:8] == 1).all()
