"""A stand-in for CuPy on a machine without a GPU: ``install()`` makes it what ``import cupy`` gives.

Arrays are NumPy arrays in memory that the host cannot see, kernels are CUDA C that g++ compiles, a capture records and
a graph replays. What it has, and what its functions take, is CuPy's: names.json is read from the real package.

It is stricter than CuPy wherever a GPU would go wrong without a word: StandInError for an argument of other bytes than
its parameter's, for work of two streams that nothing orders, for an allocation or CuPy's own kernels in a capture, for
a graph over freed memory. ``running("reversed")`` runs the last block and thread first; a sanitizer, "address" or
"thread", finds accesses outside of an array and races (``running(sanitizer="thread")``); ``device_only()`` forbids the
host to read. What it cannot show: time, the rounding of the device's own exp and log (the host's libm is used), memory
that is freed while another stream still uses it, tensor cores, more than one device; and it has no cupy.random.
"""

import sys
import types

from . import arrays, companion, errors, functions, graphs, memory, modules, runtime, streams
from .host import available, running  # noqa: F401
from .streams import device_only  # noqa: F401

MODULES = (
    "linalg",
    "lib",
    "lib.stride_tricks",
    "cuda",
    "cuda.runtime",
    "cuda.memory",
    "cuda.stream",
    "cuda.driver",
    "cuda.compiler",
    "exceptions",
)


def _module(name, doc, **members):
    module = types.ModuleType(f"cupy.{name}".rstrip("."), doc)
    module.__dict__.update(members)
    return module


def _build():
    parts = {path: functions.build(path) for path in ("", "linalg", "lib.stride_tricks")}
    for path, names in parts.items():
        functions.NAMES.update({f"{path}.{name}".lstrip("."): value for name, value in names.items()})
    from . import methods  # noqa: F401 - which hangs them on ndarray

    stream = _module("cuda.stream", "Streams.", Stream=streams.Stream, Event=streams.Event)
    stream.get_current_stream = streams.get_current_stream
    store = _module("cuda.memory", "Memory.", OutOfMemoryError=errors.OutOfMemoryError)
    store.MemoryPointer, store.MemoryPool = memory.MemoryPointer, memory.MemoryPool
    driver = _module("cuda.driver", "The driver.", CUDADriverError=errors.CUDADriverError)
    compiler = _module("cuda.compiler", "The compiler.", CompileException=errors.CompileException)
    cuda = _module(
        "cuda",
        "Devices, streams, memory.",
        compiler=compiler,
        driver=driver,
        Device=runtime.Device,
        Event=streams.Event,
        Graph=graphs.Graph,
        MemoryPointer=memory.MemoryPointer,
        MemoryPool=memory.MemoryPool,
        Stream=streams.Stream,
        get_current_stream=streams.get_current_stream,
        get_device_id=runtime.getDevice,
        get_elapsed_time=streams.get_elapsed_time,
        is_available=lambda: True,
        memory=store,
        runtime=runtime,
        stream=stream,
        using_allocator=memory.using_allocator,
    )
    lib = _module("lib", "NumPy's lib.")
    lib.stride_tricks = _module("lib.stride_tricks", "Views.", **parts["lib.stride_tricks"])
    top = _module("", __doc__, **parts[""])
    top.__path__ = []
    top.__file__ = __file__
    top.__version__ = functions.TABLE["version"]
    top.ndarray, top.ufunc = arrays.ndarray, functions.ufunc
    top.cuda, top.lib = cuda, lib
    top.RawModule, top.RawKernel = modules.RawModule, modules.RawKernel
    top.linalg = _module("linalg", "Linear algebra.", **parts["linalg"])
    top.exceptions = __import__("numpy").exceptions
    top.is_available = cuda.is_available
    top.get_default_memory_pool = lambda: memory.pool
    top.is_stand_in = True
    return top


cupy = _build()
CUPYX = companion.build()


def _entries():
    yield "cupy", cupy
    for path in MODULES:
        value = cupy
        for name in path.split("."):
            value = getattr(value, name)
        yield f"cupy.{path}", value
    yield from CUPYX.items()


_before = {}


def install():
    """Make ``import cupy`` give the stand-in, as after a start; returns it."""
    streams.reset()
    if sys.modules.get("cupy") is not cupy:
        _before.update({name: m for name, m in sys.modules.items() if name.split(".")[0] in ("cupy", "cupyx")})
        for name in _before:
            del sys.modules[name]
        sys.modules.update(_entries())
    return cupy


def uninstall():
    """Take the stand-in out of ``sys.modules``; a real CuPy that was imported before comes back."""
    if sys.modules.get("cupy") is cupy:
        for name, _ in _entries():
            del sys.modules[name]
        sys.modules.update(_before)
        _before.clear()
