"""cuBLAS and cuBLASLt by ctypes: where they are, the prototypes of what is used of them, and what a status means.

CuPy refuses its own cuBLAS calls while a stream is captured; the same library, called past it, can be captured.
Prototypes and numbers are those of CUDA 13's cublas_api.h and cublasLt.h.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, c_int, c_int64, c_size_t, c_uint64, c_void_p
from functools import cache
from typing import Any

from ...device import DeviceError

R_32F = 0  # CUDA_R_32F, of cudaDataType_t
COMPUTE = {"highest": 68, "high": 77}  # CUBLAS_COMPUTE_32F and CUBLAS_COMPUTE_32F_FAST_TF32
HOST, DEVICE = 0, 1  # cublasPointerMode_t: where alpha and beta are read
DEFAULT_ALGORITHM = -1  # CUBLAS_GEMM_DEFAULT

# cublasLtMatmulDescAttributes_t and cublasLtMatmulPreferenceAttributes_t
DESC_POINTER_MODE, DESC_TRANSPOSE_A, DESC_TRANSPOSE_B = 2, 3, 4
PREFER_WORKSPACE, PREFER_ALIGNMENT = 1, (5, 6, 7, 8)  # bytes; of A, B, C, D


class Candidate(ctypes.Structure):
    """cublasLtMatmulHeuristicResult_t: an algorithm, the bytes of workspace that it needs, and whether it can run."""

    _fields_ = (
        ("algorithm", c_uint64 * 8),
        ("workspace", c_size_t),
        ("state", c_int),
        ("waves", ctypes.c_float),
        ("reserved", c_int * 4),
    )


# handle, transa, transb, m, n, k, alpha, A, type, lda, B, type, ldb, beta, C, type, ldc, compute, algorithm
_GEMM = (
    *(c_void_p, c_int, c_int, c_int, c_int, c_int, c_void_p),
    *(c_void_p, c_int, c_int) * 2,
    *(c_void_p, c_void_p, c_int, c_int, c_int, c_int),
)
BLAS: dict[str, tuple[Any, ...]] = {
    "cublasCreate_v2": (POINTER(c_void_p),),
    "cublasDestroy_v2": (c_void_p,),
    "cublasSetStream_v2": (c_void_p, c_void_p),
    "cublasSetWorkspace_v2": (c_void_p, c_void_p, c_size_t),
    "cublasSetPointerMode_v2": (c_void_p, c_int),
    "cublasGemmEx": _GEMM,
}
LT: dict[str, tuple[Any, ...]] = {
    "cublasLtCreate": (POINTER(c_void_p),),
    "cublasLtDestroy": (c_void_p,),
    "cublasLtMatmulDescCreate": (POINTER(c_void_p), c_int, c_int),
    "cublasLtMatmulDescSetAttribute": (c_void_p, c_int, c_void_p, c_size_t),
    "cublasLtMatmulDescDestroy": (c_void_p,),
    "cublasLtMatrixLayoutCreate": (POINTER(c_void_p), c_int, c_uint64, c_uint64, c_int64),
    "cublasLtMatrixLayoutDestroy": (c_void_p,),
    "cublasLtMatmulPreferenceCreate": (POINTER(c_void_p),),
    "cublasLtMatmulPreferenceSetAttribute": (c_void_p, c_int, c_void_p, c_size_t),
    "cublasLtMatmulPreferenceDestroy": (c_void_p,),
    # handle, description, A, B, C, D, preference, how many are wanted, the results, how many there are
    "cublasLtMatmulAlgoGetHeuristic": (*(c_void_p,) * 7, c_int, POINTER(Candidate), POINTER(c_int)),
    # handle, description, alpha, A and its layout, B .., beta, C .., D .., algorithm, workspace, its bytes, stream
    "cublasLtMatmul": (*(c_void_p,) * 14, c_size_t, c_void_p),
}

_STATUS = {
    1: ("NOT_INITIALIZED", "it could not start on this device: see minigrad.cuda.is_available()"),
    3: ("ALLOC_FAILED", "no memory is left for it on the device: see minigrad.cuda.empty_cache()"),
    7: ("INVALID_VALUE", "an argument is not one it takes"),
    8: ("ARCH_MISMATCH", "it has no such product for this GPU"),
    11: ("MAPPING_ERROR", "the GPU's memory cannot be reached"),
    13: ("EXECUTION_FAILED", "the GPU failed, here or in a kernel launched before: an address was wrong"),
    14: ("INTERNAL_ERROR", "the GPU failed, here or in a kernel launched before"),
    15: ("NOT_SUPPORTED", "it has no such product for these sizes and addresses"),
}


class CublasError(RuntimeError):
    """cuBLAS refused a call; ``status`` is its number for why."""

    def __init__(self, function: str, status: int) -> None:
        name, meaning = _STATUS.get(status, ("a status that is not documented", "see the manual of cuBLAS"))
        super().__init__(f"{function} answers {status}, {name}: {meaning}")
        self.status = status


def _checked(status: int, function: Any, arguments: tuple[Any, ...]) -> int:
    if status:
        raise CublasError(function.__name__, status)
    return status


def declare(library: ctypes.CDLL, prototypes: dict[str, tuple[Any, ...]]) -> ctypes.CDLL:
    """The library, its functions with their arguments' types; a status other than 0 raises CublasError."""
    for name, arguments in prototypes.items():
        function = getattr(library, name)
        function.argtypes, function.restype, function.errcheck = arguments, c_int, _checked
    return library


def _load(name: str) -> ctypes.CDLL:
    """The library that CuPy itself would load: of the nvidia wheels, of Conda, or of a toolkit."""
    try:
        from cuda.pathfinder import DynamicLibNotFoundError, load_nvidia_dynamic_lib
    except ImportError as error:
        raise DeviceError(
            f"cuda.pathfinder, which comes with CuPy 14 and finds lib{name}, cannot be imported ({error}): "
            "pip install 'minigrad-gan[cuda]'"
        ) from None
    try:
        path = load_nvidia_dynamic_lib(name).abs_path
    except DynamicLibNotFoundError:
        raise DeviceError(
            f"lib{name} is not on this machine, neither in the nvidia wheels nor in a CUDA toolkit: "
            "pip install nvidia-cublas, or set CUDA_HOME to the toolkit's folder"
        ) from None
    return ctypes.CDLL(path)


@cache
def blas() -> ctypes.CDLL:
    """libcublas, ready to call. DeviceError if it is not on this machine."""
    return declare(_load("cublas"), BLAS)


@cache
def lt() -> ctypes.CDLL:
    """libcublasLt, ready to call. DeviceError if it is not on this machine."""
    return declare(_load("cublasLt"), LT)


def created(create: Callable[..., int], *arguments: Any) -> c_void_p:
    """What cuBLAS's functions of creation write through their first argument: a handle, a description, a layout."""
    handle = c_void_p()
    create(ctypes.byref(handle), *arguments)
    return handle


def attribute(set_attribute: Callable[..., int], of: c_void_p, which: int, value: Any) -> None:
    """Set an attribute to a value of ctypes, whose size is the attribute's."""
    set_attribute(of, which, ctypes.byref(value), ctypes.sizeof(value))
