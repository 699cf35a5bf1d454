"""The CUDA C of the kernels, and what it says of itself: which kernels there are, and the types of their parameters.

A family is a file of kernels/, compiled as one module behind common.cuh. The signatures are read from the source, so
that no second list can differ from it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "kernels"
FAMILIES = ("random", "data", "affine", "maxout", "losses", "update")
OPTIONS = ("-std=c++17",)  # for NVRTC; the architecture is the device's

DTYPES = {  # the types of parameters, which are C's own, as NumPy names them
    "unsigned char": "uint8",
    "int": "int32",
    "unsigned int": "uint32",
    "long long": "int64",
    "unsigned long long": "uint64",
    "float": "float32",
    "double": "float64",
}


class Parameter(NamedTuple):
    """One parameter of a kernel: a number, or an array of them."""

    name: str
    dtype: str
    is_array: bool


@cache
def source(family: str) -> str:
    """The text of one module. A compiler's messages name the file and line as they are in kernels/."""
    files = ("common.cuh", f"{family}.cu")
    return "\n".join(f'#line 1 "{name}"\n{(FOLDER / name).read_text()}' for name in files)


_KERNEL = re.compile(r'extern\s+"C"\s+__global__\s+void\s+(\w+)\s*\(([^)]*)\)')


@cache
def signatures(family: str) -> dict[str, tuple[Parameter, ...]]:
    """The kernels of a family, and their parameters."""
    found = _KERNEL.findall(source(family))
    return {name: tuple(_parameter(declared) for declared in parameters.split(",")) for name, parameters in found}


def _parameter(declared: str) -> Parameter:
    words = re.sub(r"\b(?:const|__restrict__)\b|\*", " ", declared).split()
    return Parameter(words[-1], DTYPES[" ".join(words[:-1])], "*" in declared)


@cache
def family_of(kernel: str) -> str:
    """The family that has this kernel."""
    return next(family for family in FAMILIES if kernel in signatures(family))
