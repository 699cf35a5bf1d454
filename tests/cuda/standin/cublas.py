"""libcublas and libcublasLt of the stand-in: cublas.cpp, built by g++, whose products NumPy computes.

What arrives in C is what is computed: a product of columns with the addresses, sizes and strides of the call. In a
capture of its stream the product becomes a node, and reads alpha and beta at the replay if they are on the device.
"""

import ctypes
import functools
import hashlib
import os
import subprocess
import tempfile
from ctypes import c_char_p, c_float, c_int, c_int32, c_int64, c_void_p
from pathlib import Path

import numpy as np

from . import memory, streams

SOURCE = Path(__file__).with_name("cublas.cpp")


class Job(ctypes.Structure):
    """Of cublas.cpp."""

    _fields_ = (
        *((name, c_int32) for name in ("algorithm", "compute", "device_scalars", "transpose_a", "transpose_b")),
        *((name, c_int64) for name in ("m", "n", "k", "lda", "ldb", "ldc")),
        *((name, c_void_p) for name in ("a", "b", "c", "alpha_at", "beta_at")),
        *((name, c_float) for name in ("alpha", "beta")),
        ("workspace", c_void_p),
        ("workspace_bytes", c_int64),
    )

    @property
    def name(self):
        """As cuBLAS's kernels are named: precision, transposes of A and B, and which algorithm of cuBLASLt's."""
        precision = {68: "sgemm", 77: "tf32gemm"}[self.compute]
        transposes = "nt"[self.transpose_a] + "nt"[self.transpose_b]
        return f"{precision}_{transposes}" + (f"_algorithm{self.algorithm}" if self.algorithm else "")

    def do(self):
        """C = alpha op(A) op(B) + beta C."""
        a = _matrix(self.a, self.lda, *((self.k, self.m) if self.transpose_a else (self.m, self.k)))
        b = _matrix(self.b, self.ldb, *((self.n, self.k) if self.transpose_b else (self.k, self.n)))
        c = _matrix(self.c, self.ldc, self.m, self.n)
        if self.compute == 77:
            a, b = _tf32(a), _tf32(b)
        alpha, beta = self.alpha, self.beta
        if self.device_scalars:
            alpha, beta = (c_float.from_address(at).value for at in (self.alpha_at, self.beta_at))
        with np.errstate(all="ignore"):  # a GPU does not tell either
            product = np.float32(alpha) * np.matmul(a.T if self.transpose_a else a, b.T if self.transpose_b else b)
            c[...] = product if beta == 0 else product + np.float32(beta) * c


def _matrix(address, stride, rows, columns):
    """A matrix by columns, ``stride`` elements from one to the next."""
    if not rows or not columns:
        return np.zeros((rows, columns), np.float32)
    elements = (c_float * ((columns - 1) * stride + rows)).from_address(address)
    return np.ndarray((rows, columns), np.float32, elements, strides=(4, 4 * stride))


def _tf32(a):
    """Rounded to 10 bits behind the point, halves away from zero."""
    bits = a.view(np.uint32) if a.flags.c_contiguous else np.array(a, order="C").view(np.uint32)
    return ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)


@functools.cache
def library():
    """The built library, its callbacks connected."""
    mark = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    built = Path(tempfile.gettempdir()) / f"minigrad-stand-in-{os.getuid()}" / f"cublas-{mark}.so"
    if not built.exists():
        built.parent.mkdir(mode=0o700, exist_ok=True)
        fresh = built.with_suffix(f".{os.getpid()}")
        subprocess.run(["g++", "-std=c++17", "-O1", "-shared", "-fPIC", "-o", fresh, SOURCE], check=True)
        fresh.replace(built)
    lib = ctypes.CDLL(str(built))
    lib.stand_in_complaint.restype = c_char_p
    lib.callbacks = (
        ctypes.CFUNCTYPE(c_int, c_void_p)(lambda stream: streams.capturing(stream or 0)),
        ctypes.CFUNCTYPE(c_int64, c_void_p)(lambda address: memory.extent(address or 0)),
        ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(Job))(_submit),
    )
    lib.stand_in_install(*lib.callbacks)
    return lib


_raised = []  # by a callback, through which no exception passes


def _submit(stream, job):
    job = Job.from_buffer_copy(job.contents)
    a = _spans(job.a, job.lda, *((job.k, job.m) if job.transpose_a else (job.m, job.k)))
    b = _spans(job.b, job.ldb, *((job.n, job.k) if job.transpose_b else (job.k, job.n)))
    reads = a + b + _spans(job.alpha_at, 1, 1, 1) + _spans(job.beta_at, 1, 1, 1)
    writes = _spans(job.c, job.ldc, job.m, job.n) + _spans(job.workspace, 1, job.workspace_bytes // 4, 1)
    try:
        streams.submit(stream or 0, job.name, job.do, reads, writes)
    except Exception as error:
        _raised.append(error)


def _checked(check, status, function, arguments):
    """minigrad's own check of a status, after what a callback raised."""
    if _raised:
        raise _raised.pop()
    return check(status, function, arguments)


def _spans(address, ld, rows, columns):
    """The bytes that a matrix lies in, as streams.submit wants them; none for a matrix without elements."""
    if not (address and rows and columns):
        return []
    return [(memory.block_at(address), address, address + 4 * ((columns - 1) * ld + rows))]


def complaint():
    """Why the last call was refused."""
    return library().stand_in_complaint().decode()


def handles():
    """How many handles there are."""
    return library().stand_in_handles()


_before = {}


def install():
    """Make minigrad call this library in the place of cuBLAS and cuBLASLt."""
    from minigrad.fused.cuda import cublas

    if not _before:
        _before.update(blas=cublas.blas, lt=cublas.lt)
        both = cublas.declare(library(), cublas.BLAS | cublas.LT)
        for name in cublas.BLAS | cublas.LT:
            getattr(both, name).errcheck = functools.partial(_checked, cublas._checked)
        cublas.blas = cublas.lt = lambda: both


def uninstall():
    """Undo ``install``."""
    from minigrad.fused.cuda import cublas

    for name, function in _before.items():
        setattr(cublas, name, function)
    _before.clear()
