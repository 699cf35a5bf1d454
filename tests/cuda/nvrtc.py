"""NVRTC by its C interface: CUDA C to a cubin, with the compiler's report. It needs no driver and no GPU."""

import ctypes
import importlib.util
from pathlib import Path


def load():
    """The library, from the wheel nvidia-cuda-nvrtc or from where the system has it; OSError if it has none."""
    nvidia = importlib.util.find_spec("nvidia")
    folders = [Path(p) for p in nvidia.submodule_search_locations] if nvidia else []
    for path in sorted(p for folder in folders for p in folder.glob("*/lib/libnvrtc.so.*")):
        for builtins in path.parent.glob("libnvrtc-builtins.so.*"):  # it would look for this one elsewhere
            ctypes.CDLL(str(builtins), mode=ctypes.RTLD_GLOBAL)
        return ctypes.CDLL(str(path))
    return ctypes.CDLL("libnvrtc.so.13")


def compiled(library, source, architecture, options):
    """(cubin, log); SyntaxError with the log where the source does not compile."""
    program, size = ctypes.c_void_p(), ctypes.c_size_t()
    flags = [f"--gpu-architecture={architecture}", "--ptxas-options=-v", *options]
    encoded = (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))
    assert library.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"kernels.cu", 0, None, None) == 0
    try:
        failed = library.nvrtcCompileProgram(program, len(flags), encoded)
        library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        library.nvrtcGetProgramLog(program, log)
        if failed:
            raise SyntaxError(log.value.decode())
        library.nvrtcGetCUBINSize(program, ctypes.byref(size))
        cubin = ctypes.create_string_buffer(size.value)
        library.nvrtcGetCUBIN(program, cubin)
        return cubin.raw, log.value.decode()
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))
