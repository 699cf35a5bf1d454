"""CUDA C executed by the CPU: g++ compiles a module's source behind cuda_host.hpp, ctypes calls it.

``Program(code)`` has the kernels' names and parameters. ``launch`` runs one in this process; with a sanitizer, in a
process of its own: "address" finds accesses outside of an array, "thread" finds two threads that touch the same memory
without a barrier between them, whatever the order of execution was.
"""

import contextlib
import ctypes
import functools
import hashlib
import os
import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from .errors import CompileException, StandInError

HERE = Path(__file__).parent
TYPES = {
    "bool": np.bool_,
    "char": np.int8,
    "signed char": np.int8,
    "unsigned char": np.uint8,
    "short": np.int16,
    "unsigned short": np.uint16,
    "int": np.int32,
    "unsigned": np.uint32,
    "unsigned int": np.uint32,
    "long": np.int64,
    "unsigned long": np.uint64,
    "long long": np.int64,
    "unsigned long long": np.uint64,
    "float": np.float32,
    "double": np.float64,
    "int8_t": np.int8,
    "uint8_t": np.uint8,
    "int16_t": np.int16,
    "uint16_t": np.uint16,
    "int32_t": np.int32,
    "uint32_t": np.uint32,
    "int64_t": np.int64,
    "uint64_t": np.uint64,
    "size_t": np.uint64,
}
BOUNDS = r"(?:__launch_bounds__\([^)]*\)\s*)?"
KERNEL = re.compile(rf'extern\s+"C"\s+{BOUNDS}__global__\s+{BOUNDS}void\s+{BOUNDS}(\w+)\s*\(([^)]*)\)\s*\{{')
FLAGS = ["-std=c++20", "-fno-strict-aliasing", "-ffp-contract=off", "-w"]
SANITIZERS = {
    None: ["-O2"],
    "address": ["-O1", "-g", "-fsanitize=address"],
    "thread": ["-O1", "-g", "-fsanitize=thread"],
}


class Settings:
    """How kernels run now: the order of blocks and threads, and the sanitizer that watches."""

    reversed = False
    sanitizer = None


@contextlib.contextmanager
def running(order=None, sanitizer=None):
    """``with running("reversed")``: the last block and the last thread first; ``sanitizer``: "address" or "thread"."""
    before = Settings.reversed, Settings.sanitizer
    if order not in (None, "forward", "reversed") or sanitizer not in SANITIZERS:
        raise ValueError(f'order is "forward" or "reversed", sanitizer "address" or "thread", got {order}, {sanitizer}')
    if order is not None:
        Settings.reversed = order == "reversed"
    if sanitizer is not None:
        Settings.sanitizer = sanitizer
    try:
        yield
    finally:
        Settings.reversed, Settings.sanitizer = before


class Parameter:
    """One parameter of a kernel: ``dtype`` of the scalar or of what the pointer points at (None for void)."""

    def __init__(self, text, types):
        words = re.sub(r"\b(?:const|__restrict__|__restrict|volatile)\b", " ", text)
        self.const = bool(re.search(r"\bconst\b[^*]*\*", text))
        self.restrict = "__restrict" in text
        self.pointer = "*" in words
        self.name = re.search(r"(\w+)\s*$", words).group(1)
        self.type = " ".join(re.sub(r"\w+\s*$", "", words).replace("*", " ").split())
        self.dtype = np.dtype(types[self.type]) if types.get(self.type) else None
        self.spelled = self.type + ("*" if self.pointer else "")

    def __repr__(self):
        return f"{self.spelled} {self.name}"


def _compiler():
    return shutil.which("g++") or shutil.which("clang++")


@functools.cache
def available():
    """Whether kernels can be executed on this machine."""
    return _compiler() is not None


def _cache():
    folder = Path(tempfile.gettempdir()) / f"minigrad-kernels-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


class Program:
    """The kernels of one source. ``kernels``: {name: [Parameter, ...]}."""

    def __init__(self, code, options=()):
        if not available():
            raise StandInError("kernels cannot be executed here: there is no g++")
        self.options = [option for option in options if option.startswith(("-D", "-U", "-I"))]
        self.code = _shared(code)
        self.kernels = {}
        self._library = None
        text = self._preprocessed(code)
        names = dict(TYPES)
        for known, name in re.findall(r"\btypedef\s+([\w ]+?)\s+(\w+)\s*;", text):
            names[name] = names.get(known)
        for name, parameters in KERNEL.findall(text):
            self.kernels[name] = [Parameter(words, names) for words in parameters.split(",") if words.strip()]
        self._built(None)

    def _preprocessed(self, code):
        """The code without comments and macros, so that a kernel that a macro writes is found too."""
        command = [_compiler(), "-E", "-P", "-x", "c++", *self.options, "-"]
        result = subprocess.run(command, input=code, capture_output=True, text=True)
        if result.returncode:
            raise CompileException(result.stderr)
        return result.stdout

    def _source(self):
        lines = ['#include "cuda_host.hpp"', '#line 1 "kernels.cu"', self.code, '#line 1 "launches"']
        for name, parameters in self.kernels.items():
            args = ", ".join(f"*({p.spelled} *)host_args[{i}]" for i, p in enumerate(parameters))
            lines += [
                f'extern "C" const char *launch_{name}(',
                "const unsigned *host_dims, size_t host_bytes, int host_reversed, void **host_args) {",
                "dim3 host_grid(host_dims[0], host_dims[1], host_dims[2]);",
                "dim3 host_block(host_dims[3], host_dims[4], host_dims[5]);",
                f"return host::run(host_grid, host_block, host_bytes, host_reversed, [&] {{ {name}({args}); }});",
                "}",
            ]
        return "\n".join(lines) + "\n"

    def _built(self, sanitizer):
        """The library, or the program that a sanitizer watches; made once for each source, and kept."""
        source = self._source()
        if sanitizer:
            table = ", ".join(f'{{"{name}", launch_{name}}}' for name in self.kernels)
            source += f'#include "cuda_main.hpp"\nconst Kernel kernels[] = {{{table}}};\n'
        headers = "".join((HERE / name).read_text() for name in ("cuda_host.hpp", "cuda_words.hpp", "cuda_main.hpp"))
        shared = ["-fPIC", "-shared", "-Wl,-Bsymbolic"] if sanitizer is None else []
        flags = [*FLAGS, *SANITIZERS[sanitizer], *self.options, *shared]
        key = hashlib.sha256("\0".join([source, headers, *flags]).encode()).hexdigest()[:20]
        target = _cache() / (f"{key}.so" if sanitizer is None else key)
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=_cache()) as folder:
                made = Path(folder) / "made"
                command = [_compiler(), *flags, f"-I{HERE}", "-x", "c++", "-", "-o", str(made)]
                result = subprocess.run(command, input=source, capture_output=True, text=True)
                if result.returncode:
                    raise CompileException(result.stderr)
                os.replace(made, target)
        return target

    def launch(self, name, grid, block, args, shared_mem=0):
        """Run a kernel; ``args`` are NumPy scalars and addresses (``(address, first byte, bytes)`` of their memory)."""
        if Settings.sanitizer:
            return self._watched(name, grid, block, args, shared_mem)
        self._library = self._library or ctypes.CDLL(str(self._built(None)))
        call = getattr(self._library, f"launch_{name}")
        call.restype = ctypes.c_char_p
        held = [np.array([arg[0]], np.uint64) if isinstance(arg, tuple) else np.array([arg]) for arg in args]
        pointers = (ctypes.c_void_p * max(len(held), 1))(*[h.ctypes.data for h in held])
        dims = (ctypes.c_uint * 6)(*grid, *block)
        error = call(dims, ctypes.c_size_t(shared_mem), int(Settings.reversed), pointers)
        if error:
            raise StandInError(f"kernel {name}: {error.decode()}")
        return None

    def _watched(self, name, grid, block, args, shared_mem):
        segments = _segments([arg for arg in args if isinstance(arg, tuple) and arg[0]])
        parts = [struct.pack("6IQi", *grid, *block, shared_mem, Settings.reversed), struct.pack("I", len(segments))]
        for start, stop in segments:
            parts += [struct.pack("Q", stop - start), ctypes.string_at(start, stop - start)]
        parts.append(struct.pack("I", len(args)))
        for arg in args:
            if isinstance(arg, tuple) and not arg[0]:
                parts.append(struct.pack("=iQ16x", -1, 0))
            elif isinstance(arg, tuple):
                n = next((i for i, (a, b) in enumerate(segments) if a <= arg[0] < b or a == b == arg[0]), 0)
                parts.append(struct.pack("=iQ16x", n, arg[0] - segments[n][0]))
            else:
                parts.append(struct.pack("=iQ16s", -1, 0, np.asarray(arg).tobytes()))
        program = self._built(Settings.sanitizer)
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(b"".join(parts))
            environment = {
                **os.environ,
                "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0",
                "TSAN_OPTIONS": "halt_on_error=1:history_size=0",
            }
            environment.pop("LD_PRELOAD", None)
            command = [str(program), file.name, name]
            result = subprocess.run(command, capture_output=True, text=True, env=environment)
            if result.returncode:
                raise StandInError(f"kernel {name}: {_told(result.stderr)}")
            content = Path(file.name).read_bytes()
        for start, stop in segments:
            ctypes.memmove(start, content, stop - start)
            content = content[stop - start :]


def _told(report):
    """A sanitizer's report without what is not about the kernel."""
    lines = [line for line in report.splitlines() if line.strip() and not line.startswith("=====")]
    return "\n".join(lines[:24])


def _segments(pointers):
    """The memory that arguments lie in, each piece once: [(start, stop), ...]."""
    merged = []
    for _, start, nbytes in sorted(pointers, key=lambda arg: arg[1]):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], start + nbytes))
        else:
            merged.append((start, start + nbytes))
    return merged


def _shared(code):
    """Declarations of shared memory as places in the block's arena, on the lines where they stand."""
    code = re.sub(
        r"extern\s+__shared__\s+(?:__align__\(\d+\)\s+)?([\w ]+?)\s+(\w+)\s*\[\s*\]\s*;",
        r"\1 *\2 = (\1 *)host::dynamic();",
        code,
    )

    def declared(match):
        kind = match.group(1)
        out = []
        for declarator in re.split(r",(?![^\[]*\])", match.group(2)):
            name, sizes = re.fullmatch(r"\s*(\w+)\s*((?:\[[^\]]*\]\s*)*)", declarator).groups()
            out.append(
                f"typedef {kind} shared_{name} {sizes}; "
                f"shared_{name} &{name} = *(shared_{name} *)host::shared(__COUNTER__, sizeof(shared_{name}));"
            )
        return " ".join(out)

    kind = r"((?:__align__\(\d+\)\s+|volatile\s+|unsigned\s+|long\s+)*\w+)"
    return re.sub(rf"(?:static\s+)?__shared__\s+{kind}\s+(\w+\s*[^;=\n]*);", declared, code)
