"""What stands between a method of launch.py and its kernel: compilation, exact types, scratch memory, the launch.

Arguments go by the names that the CUDA source gives them. It also says their types: a number is made one of that type,
an array that is of another is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...device import cupy, is_array
from .graph import hold
from .source import OPTIONS, Parameter, family_of, signatures, source

Array = Any  # CuPy's
Shape = tuple[int | None, ...] | int
Grid = tuple[int, ...]

LARGEST = 2**31 - 1  # elements: sizes are int32
LARGEST_GRID = 65_535  # blocks along y


class Module:
    """Kernels of the current device, compiled when they are first used."""

    _made: tuple[Any, Any] | None = None  # CuPy, and the one object for it

    @classmethod
    def of_the_device(cls) -> Any:
        """The one object for the process's GPU."""
        library = cupy()
        if cls._made is None or cls._made[0] is not library:
            cls._made = library, cls(library)
        return cls._made[1]

    def __init__(self, library: Any) -> None:
        self.library = library
        self._functions: dict[str, tuple[Any, tuple[Parameter, ...]]] = {}
        self._modules: dict[str, Any] = {}
        self._scratch: dict[tuple[int, str], Array] = {}
        self._outgrown: list[Array] = []  # a graph that was captured with them still writes there

    def function(self, kernel: str) -> tuple[Any, tuple[Parameter, ...]]:
        """What launches this kernel, and its parameters."""
        found = self._functions.get(kernel)
        if found is None:
            family = family_of(kernel)
            if family not in self._modules:
                self._modules[family] = self.library.RawModule(code=source(family), options=OPTIONS)
            found = self._modules[family].get_function(kernel), signatures(family)[kernel]
            self._functions[kernel] = found
        return found

    def launch(self, kernel: str, grid: Grid, block: Grid, **given: Any) -> None:
        """Launch on the current stream. None is a null pointer; partial and tickets are scratch memory."""
        if 0 in grid:
            return
        if len(grid) > 1 and grid[1] > LARGEST_GRID:
            raise ValueError(f"{kernel}: too many rows, they take {grid[1]:,} blocks and a grid has {LARGEST_GRID:,}")
        function, parameters = self.function(kernel)
        arguments = []
        for name, dtype, array_wanted in parameters:
            if name in given:
                value = given[name]
                if not array_wanted:
                    value = np.dtype(dtype).type(value)
                elif value is not None:
                    value = self._checked(kernel, name, value, dtype)
            elif name == "partial":
                value = self.scratch(dtype, grid[0] * block[0] * grid[1] if len(grid) > 1 else grid[0])
            elif name == "tickets":
                value = self.scratch(dtype, grid[0])
            else:
                raise TypeError(f"{kernel} takes {name}, which is not given")
            arguments.append(value)
        function(grid, block, tuple(arguments))
        hold(*arguments)  # a graph that records this launch will need them

    def _checked(self, kernel: str, name: str, array: Any, dtype: str) -> Array:
        if not isinstance(array, self.library.ndarray):
            what = "an array of NumPy, on the cpu" if is_array(array) else f"a {type(array).__name__}"
            raise TypeError(f"{kernel}: {name} is {what}; put it on the device, with minigrad.device.put(x, 'cuda')")
        if array.dtype != dtype:
            if not (dtype == "uint8" and array.dtype == bool):
                raise TypeError(f"{kernel}: {name} is {array.dtype}, needed {dtype}; other types take the plain ops")
            array = array.view("uint8")
        if not array.flags.c_contiguous:
            raise ValueError(f"{kernel}: {name} {array.shape} is not contiguous; give a copy in C order")
        if array.size > LARGEST:
            raise ValueError(f"{kernel}: {name} has {array.size:,} elements, more than the {LARGEST:,} of a kernel")
        return array

    def scratch(self, dtype: str, n: int) -> Array:
        """Memory for n numbers, of the current stream's own: kernels of two streams run at the same time. Born 0."""
        key = self.library.cuda.get_current_stream().ptr, dtype
        found = self._scratch.get(key)
        if found is None or found.size < n:
            if found is not None:
                self._outgrown.append(found)
            found = self._scratch[key] = self.library.zeros(max(n, 4096), dtype)
        return found


# ------------------------------------------------------------------------------------------------------- shapes


def need(kernel: str, **arguments: tuple[Array | None, Shape]) -> list[tuple[int, ...]]:
    """The shapes of what is given; ValueError where it is not what is needed.

    Needed is a shape, None in it for any size, or a number of elements, in any shape.
    """
    shapes = []
    for name, (array, shape) in arguments.items():
        if array is None:
            continue
        if isinstance(shape, int):
            if array.size != shape:
                raise ValueError(f"{kernel}: {name} is {array.shape}, needed {shape} elements")
        elif len(array.shape) != len(shape) or any(
            b is not None and a != b for a, b in zip(array.shape, shape, strict=True)
        ):
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise ValueError(f"{kernel}: {name} is {array.shape}, needed ({wanted}{',' * (len(shape) == 1)})")
        shapes.append(array.shape)
    return shapes


def matrix(kernel: str, name: str, array: Array) -> tuple[int, int]:
    """The two sizes of an array that must have two."""
    if array.ndim != 2:
        raise ValueError(f"{kernel}: {name} is {array.shape}, needed two dimensions")
    m, n = array.shape
    return m, n


def whole(kernel: str, n: int) -> int:
    """``n``, not 0: a mean over nothing is no number."""
    if n == 0:
        raise ValueError(f"{kernel} of no element: a loss needs one at least")
    return n
