"""cupy.RawModule and cupy.RawKernel: CUDA C that is executed by the CPU, strict about what is passed to it."""

import weakref

import numpy as np

from . import arrays, memory
from .errors import CUDADriverError, StandInError
from .host import Program
from .streams import run

BLOCK, GRID = (1024, 1024, 64), (2**31 - 1, 65535, 65535)
SHARED = 48 * 1024  # bytes without asking for more


class RawModule:
    """cupy.RawModule: compiled when its first function is asked for."""

    def __init__(
        self,
        *,
        code=None,
        path=None,
        options=(),
        backend="nvrtc",
        translate_cucomplex=False,
        enable_cooperative_groups=False,
        name_expressions=None,
        jitify=False,
    ):
        if (code is None) == (path is None):
            raise TypeError("Exactly one of `code` and `path` keyword arguments must be given.")
        if code is None or name_expressions or backend != "nvrtc":
            raise StandInError('the stand-in runs sources with extern "C" kernels: no binaries, no name expressions')
        if not isinstance(options, tuple):
            raise TypeError(f"Expected tuple, got {type(options).__name__}")
        self.code, self.options, self.backend, self.file_path = code, options, backend, None
        self._program = None

    def compile(self, log_stream=None):
        if self._program is None:
            self._program = Program(self.code, self.options)
        return self._program

    def get_function(self, name):
        program = self.compile()
        if name not in program.kernels:
            raise CUDADriverError(500, "CUDA_ERROR_NOT_FOUND", "named symbol not found")
        return Function(program, name)


class RawKernel:
    """cupy.RawKernel: a module of one function."""

    def __init__(self, code, name, options=(), **others):
        self.code, self.name, self.options = code, name, options
        self._module = RawModule(code=code, options=options, **others)

    def __call__(self, grid, block, args, *, shared_mem=0, stream=None):
        self._module.get_function(self.name)(grid, block, args, shared_mem=shared_mem, stream=stream)

    def compile(self, log_stream=None):
        self._module.compile()


class Function:
    """A kernel that can be launched: ``function((blocks,), (threads,), (array, np.int32(n), ...))``."""

    def __init__(self, program, name):
        self.program, self.name = program, name
        self.parameters = program.kernels[name]

    def __call__(self, grid, block, args, *, shared_mem=0, stream=None):
        grid, block = _dims("grid", grid, GRID), _dims("block", block, BLOCK)
        if np.prod(block) > 1024 or shared_mem > SHARED:
            raise CUDADriverError(
                1, "CUDA_ERROR_INVALID_VALUE", f"invalid argument: block {block}, shared {shared_mem}"
            )
        if len(args) != len(self.parameters):
            raise StandInError(f"{self.name} takes {len(self.parameters)} arguments, got {len(args)}")
        passed = [self._passed(i, p, arg) for i, (p, arg) in enumerate(zip(self.parameters, args, strict=True))]
        self._refuse_overlap(passed)
        reads, writes = [], []
        for parameter, arg in zip(self.parameters, args, strict=True):
            if isinstance(arg, (arrays.ndarray, memory.MemoryPointer)):
                (reads if parameter.const else writes).append(_span(arg))
        blocks = [weakref.ref(block) for block, _, _ in reads + writes]

        def work():
            self.program.launch(self.name, grid, block, passed, shared_mem)
            for block_ in blocks:
                block_().check(f"kernel {self.name}")

        dims = ",".join(str(int(np.prod(n))) for n in (grid, block))
        run(self.name, work, reads, writes, f"{dims},{shared_mem}", stream)

    def _passed(self, i, parameter, arg):
        """The argument as bytes for the kernel, if it is exactly what the parameter says."""
        where = f"{self.name}, argument {i} ({parameter})"
        if isinstance(arg, arrays.ndarray):
            if not parameter.pointer:
                raise StandInError(f"{where}: an array was passed for a value")
            if parameter.dtype is not None and arg.dtype != parameter.dtype:
                raise StandInError(f"{where}: an array of {arg.dtype} was passed")
            if not arg._a.flags.c_contiguous:
                raise StandInError(f"{where}: the array is not C-contiguous, its strides are {arg.strides}")
            return arg._a.ctypes.data, arg._a.ctypes.data, arg.nbytes
        if isinstance(arg, memory.MemoryPointer) and parameter.pointer:
            return arg.ptr, arg.ptr, arg.mem.ptr + arg.mem.nbytes - arg.ptr
        if arg is None and parameter.pointer:
            return 0, 0, 0
        if isinstance(arg, np.ndarray) and arg.size != 1:
            raise TypeError(f"{where}: a numpy.ndarray of shape {arg.shape} was passed, not a cupy.ndarray")
        if parameter.pointer:
            raise StandInError(f"{where}: {type(arg).__name__} was passed for a pointer")
        value = np.asarray(arg)  # as CuPy passes it: an int has 8 bytes, a float is a double
        if value.dtype != parameter.dtype or value.size != 1:
            raise StandInError(
                f"{where}: {type(arg).__name__} {arg!r} was passed, which has the bytes of {value.dtype}"
            )
        return value.reshape(())[()]

    def _refuse_overlap(self, passed):
        """Memory that is written and is promised to have no other name must have none."""
        pointers = [(p, arg) for p, arg in zip(self.parameters, passed, strict=True) if p.pointer and arg[2]]
        for i, (p, a) in enumerate(pointers):
            for q, b in pointers[:i]:
                promised = p.restrict and q.restrict and not (p.const and q.const)
                if promised and a[1] < b[1] + b[2] and b[1] < a[1] + a[2]:
                    raise StandInError(f"{self.name}: {p} and {q} overlap, although both are __restrict__")


def _span(arg):
    if isinstance(arg, arrays.ndarray):
        return arrays.span(arg)
    return arg.mem, arg.ptr, arg.mem.ptr + arg.mem.nbytes


def _dims(what, dims, limits):
    if not isinstance(dims, tuple):
        raise TypeError(f"Argument '{what}' has incorrect type (expected tuple, got {type(dims).__name__})")
    dims = tuple(max(1, int(n)) for n in (*dims, 1, 1)[:3])  # CuPy launches one block where none was asked for
    if any(n > limit for n, limit in zip(dims, limits, strict=True)):
        raise CUDADriverError(1, "CUDA_ERROR_INVALID_VALUE", f"invalid argument: {what} {dims}")
    return dims
