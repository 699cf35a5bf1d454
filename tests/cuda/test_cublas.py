"""The calls of cuBLAS's C functions: the sentences when they fail, the stand-in's checks, and NVIDIA's own headers."""

import ctypes
import re
from pathlib import Path

import numpy as np
import pytest

from minigrad.device import DeviceError
from minigrad.fused.cuda import cublas
from minigrad.fused.cuda.blas import WORKSPACE, Blas
from minigrad.fused.cuda.graph import capture

F32 = np.float32


def test_a_handle_goes_with_its_blas(fake_cublas, fake_cupy):
    stream, before = fake_cupy.cuda.Stream(non_blocking=True), fake_cublas.handles()
    made = [Blas(stream), Blas(stream, tune=True)]
    assert fake_cublas.handles() == before + 3
    pool = fake_cupy.get_default_memory_pool().used_bytes()
    made.clear()  # without the garbage collector
    assert fake_cublas.handles() == before
    assert fake_cupy.get_default_memory_pool().used_bytes() <= pool - 2 * WORKSPACE


def test_a_refusal_says_which_call_and_why(fake_cublas, fake_cupy, monkeypatch):
    with fake_cupy.cuda.Stream(non_blocking=True) as stream:
        blas = Blas(stream)
        blas._compute = 70
        with pytest.raises(
            cublas.CublasError, match="cublasGemmEx answers 15, NOT_SUPPORTED: it has no such"
        ) as caught:
            blas.gemm(*(fake_cupy.zeros((2, 2), F32) for _ in range(3)))
    assert caught.value.status == 15
    assert fake_cublas.complaint() == "compute type 70"
    assert "99, a status that is not documented" in str(cublas.CublasError("f", 99))


def test_without_cublas_a_sentence_says_what_to_install(monkeypatch):
    pathfinder = pytest.importorskip("cuda.pathfinder")

    def missing(name):
        raise pathfinder.DynamicLibNotFoundError(name)

    monkeypatch.setattr(pathfinder, "load_nvidia_dynamic_lib", missing)
    with pytest.raises(DeviceError, match=r"libcublasLt is not on this machine.*pip install nvidia-cublas"):
        cublas._load("cublasLt")
    monkeypatch.setitem(__import__("sys").modules, "cuda.pathfinder", None)
    with pytest.raises(DeviceError, match=r"cuda.pathfinder, which comes with CuPy 14.*minigrad-gan\[cuda\]"):
        cublas._load("cublas")


@pytest.fixture
def c(fake_cublas, fake_cupy):
    """The stand-in's C functions, a handle with stream and workspace, and an array of 12 elements."""
    lib = cublas.blas()
    handle, memory = cublas.created(lib.cublasCreate_v2), fake_cupy.empty(WORKSPACE + 512, np.uint8)
    workspace = -(-memory.data.ptr // 256) * 256
    stream = fake_cupy.cuda.Stream(non_blocking=True)
    lib.cublasSetStream_v2(handle, stream.ptr)
    lib.cublasSetWorkspace_v2(handle, workspace, WORKSPACE)
    x, one = fake_cupy.zeros(12, F32), ctypes.c_float(1)
    fake_cupy.cuda.get_current_stream().synchronize()

    def gemm(m=3, n=3, k=4, lda=3, ldb=4, ldc=3, a=x.data.ptr, out=x.data.ptr, alpha=None, handle=handle):
        scalar = ctypes.addressof(one)
        lib.cublasGemmEx(
            handle, 0, 0, m, n, k, alpha or scalar, a, 0, lda, x.data.ptr, 0, ldb, scalar, out, 0, ldc, 68, -1
        )  # fmt: skip

    gemm.lib, gemm.handle, gemm.stream, gemm.workspace, gemm.x = lib, handle, stream, workspace, x
    gemm.keep = memory
    yield gemm
    if gemm.handle is not None:
        lib.cublasDestroy_v2(handle)


WRONG = {
    "a negative size": ({"m": -1}, 7),
    "lda is too small": ({"lda": 2}, 7),
    "ldb is too small": ({"ldb": 3}, 7),
    "ldc is too small": ({"ldc": 2}, 7),
    "A is not in an array": ({"lda": 5}, 13),
    "B is not in an array": ({"ldb": 5}, 13),
    "C is not in an array": ({"ldc": 5}, 13),
}


@pytest.mark.parametrize("what", WRONG)
def test_the_stand_in_finds_wrong_sizes(fake_cublas, c, what):
    arguments, status = WRONG[what]
    c()
    with pytest.raises(cublas.CublasError) as caught:
        c(**arguments)
    assert (fake_cublas.complaint(), caught.value.status) == (what, status)


def test_the_stand_in_finds_wrong_addresses(fake_cublas, fake_cupy, c):
    gone = fake_cupy.zeros(12, F32)
    address = gone.data.ptr
    del gone
    for arguments, what in (
        ({"a": address}, "A is not in an array"),
        ({"out": c.x.data.ptr + 16}, "C is not in an array"),
        ({"out": np.zeros(12, F32).ctypes.data}, "C is not in an array"),
        ({"alpha": c.x.data.ptr}, "the host reads a scalar of device memory"),
        ({"handle": ctypes.c_void_p(1)}, "there is no such handle"),
    ):
        with pytest.raises(cublas.CublasError):
            c(**arguments)
        assert fake_cublas.complaint() == what
    c.lib.cublasSetPointerMode_v2(c.handle, cublas.DEVICE)
    with pytest.raises(cublas.CublasError):
        c()
    assert fake_cublas.complaint() == "a scalar is not in device memory"


def test_the_stand_in_finds_products_that_nothing_orders(fake_cupy, c):
    """x was written on another stream, which the product does not wait for."""
    c()
    c.stream.synchronize()
    with fake_cupy.cuda.Stream(non_blocking=True):
        c.x.fill(1)
    with pytest.raises(RuntimeError, match="nothing orders them"):
        c()


def test_the_stand_in_finds_one_workspace_on_two_streams(fake_cublas, fake_cupy):
    streams = [fake_cupy.cuda.Stream(non_blocking=True) for _ in range(2)]
    made = [Blas(stream) for stream in streams]
    x, *outs = (fake_cupy.zeros((2, 2), F32) for _ in range(3))
    fake_cupy.cuda.get_current_stream().synchronize()

    def multiply(i):
        with streams[i]:
            made[i].gemm(x, x, outs[i])

    for i in (0, 1):
        multiply(i)
    made[0]._lib.cublasSetWorkspace_v2(made[0]._handle, made[1]._workspace, WORKSPACE)
    with pytest.raises(RuntimeError, match="nothing orders them"):
        multiply(0)


def test_the_stand_in_finds_a_workspace_that_was_taken_away(fake_cublas, fake_cupy, c):
    """Setting the stream resets the workspace: in the other order a capture would allocate."""
    with c.stream:
        c.lib.cublasSetStream_v2(c.handle, c.stream.ptr)
        c()
        with pytest.raises(cublas.CublasError, match="13, EXECUTION_FAILED"):
            capture(c, warmups=1, stream=c.stream)
        assert fake_cublas.complaint().startswith("captured without a workspace of 32 MiB")
        c.lib.cublasSetWorkspace_v2(c.handle, c.workspace, WORKSPACE)
        assert capture(c, stream=c.stream).nodes == ["sgemm_nn"]
    for address, nbytes in ((c.workspace + 128, 1024), (c.workspace, WORKSPACE + 4096)):
        with pytest.raises(cublas.CublasError, match="cublasSetWorkspace_v2 answers 7, INVALID_VALUE"):
            c.lib.cublasSetWorkspace_v2(c.handle, address, nbytes)


# ------------------------------------------- against cuBLAS itself, which needs no GPU to read what it is told


@pytest.fixture
def header():
    """The text of cuBLAS's headers, where they are installed (they are where cuBLAS is)."""
    pathfinder = pytest.importorskip("cuda.pathfinder")
    folder = pathfinder.find_nvidia_header_directory("cublas")
    if folder is None:
        pytest.skip("not run: cuBLAS's headers are not on this machine")
    return "".join((Path(folder) / name).read_text() for name in ("cublas_api.h", "cublasLt.h"))


WORDS = {"int": "i", "size_t": "L", "uint64_t": "L", "int64_t": "l", "cudaDataType": "i", "cudaDataType_t": "i"}


@pytest.mark.parametrize("name", [*cublas.BLAS, *cublas.LT])
def test_prototypes_are_those_of_the_header(header, name):
    found = re.search(rf"cublasStatus_t CUBLASWINAPI\s+{name}\(([^;]*?)\);", re.sub(r"//.*|/\*.*?\*/", "", header))
    letters = []
    for argument in found[1].split(","):
        pointer = "*" in argument or "[" in argument
        kind = re.sub(r"\bconst\b", "", argument).strip().rsplit(None, 1)[0]
        enumerated = r"cublas(Operation|ComputeType|GemmAlgo|PointerMode|LtMatmul\w+Attributes)_t"
        letters.append("P" if pointer else WORDS.get(kind, "i" if re.fullmatch(enumerated, kind) else "P"))
    ours = (cublas.BLAS | cublas.LT)[name]
    assert letters == [getattr(x, "_type_", "P") if x._type_ in ("i", "L", "l") else "P" for x in ours]


def test_numbers_are_those_of_the_header(header):
    numbers = {name: int(value) for name, value in re.findall(r"\b(CUBLAS\w+) *= *(-?\d+)", header)}
    expected = {
        "CUBLAS_COMPUTE_32F": cublas.COMPUTE["highest"],
        "CUBLAS_COMPUTE_32F_FAST_TF32": cublas.COMPUTE["high"],
        "CUBLAS_POINTER_MODE_HOST": cublas.HOST,
        "CUBLAS_POINTER_MODE_DEVICE": cublas.DEVICE,
        "CUBLAS_GEMM_DEFAULT": cublas.DEFAULT_ALGORITHM,
        "CUBLASLT_MATMUL_DESC_POINTER_MODE": cublas.DESC_POINTER_MODE,
        "CUBLASLT_MATMUL_DESC_TRANSA": cublas.DESC_TRANSPOSE_A,
        "CUBLASLT_MATMUL_DESC_TRANSB": cublas.DESC_TRANSPOSE_B,
        "CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES": cublas.PREFER_WORKSPACE,
        **{
            f"CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_{x}_BYTES": n
            for x, n in zip("ABCD", cublas.PREFER_ALIGNMENT, strict=True)
        },
        **{f"CUBLAS_STATUS_{word}": status for status, (word, _) in cublas._STATUS.items()},
    }
    assert {name: numbers[name] for name in expected} == expected


@pytest.fixture
def real_lt():
    """The real libcublasLt, which takes descriptions without a driver."""
    try:
        return cublas.declare(cublas._load("cublasLt"), cublas.LT)
    except DeviceError as missing:
        pytest.skip(f"not run: {missing}")


def test_the_real_cublaslt_takes_our_descriptions(real_lt):
    description = cublas.created(real_lt.cublasLtMatmulDescCreate, cublas.COMPUTE["high"], cublas.R_32F)
    layout = cublas.created(real_lt.cublasLtMatrixLayoutCreate, cublas.R_32F, 5, 7, 9)
    preference = cublas.created(real_lt.cublasLtMatmulPreferenceCreate)

    def read(function, of, which, kind):
        value, written = kind(), ctypes.c_size_t()
        size = ctypes.sizeof(kind)
        function(of, ctypes.c_int(which), ctypes.byref(value), ctypes.c_size_t(size), ctypes.byref(written))
        assert written.value == size
        return value.value

    for which in (cublas.DESC_POINTER_MODE, cublas.DESC_TRANSPOSE_A, cublas.DESC_TRANSPOSE_B):
        cublas.attribute(real_lt.cublasLtMatmulDescSetAttribute, description, which, ctypes.c_int32(1))
        assert read(real_lt.cublasLtMatmulDescGetAttribute, description, which, ctypes.c_int32) == 1
    assert read(real_lt.cublasLtMatmulDescGetAttribute, description, 0, ctypes.c_int32) == 77
    for which, expected in enumerate((cublas.R_32F, 1, 5, 7, 9)):  # type, order (by columns), rows, columns, stride
        kind = (ctypes.c_uint32, ctypes.c_int32, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_int64)[which]
        assert read(real_lt.cublasLtMatrixLayoutGetAttribute, layout, which, kind) == expected * (which != 1)
    for which in (cublas.PREFER_WORKSPACE, *cublas.PREFER_ALIGNMENT):
        kind = ctypes.c_uint64 if which == cublas.PREFER_WORKSPACE else ctypes.c_uint32
        cublas.attribute(real_lt.cublasLtMatmulPreferenceSetAttribute, preference, which, kind(64))
        assert read(real_lt.cublasLtMatmulPreferenceGetAttribute, preference, which, kind) == 64
    with pytest.raises(cublas.CublasError, match="INVALID_VALUE"):
        cublas.attribute(real_lt.cublasLtMatmulDescSetAttribute, description, 3, ctypes.c_int64(1))
    real_lt.cublasLtMatmulPreferenceDestroy(preference)
    real_lt.cublasLtMatrixLayoutDestroy(layout)
    real_lt.cublasLtMatmulDescDestroy(description)
