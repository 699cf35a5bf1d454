"""What the namespace can do, and with what: the standard's inspection."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..device import CPU, CUDA, is_available
from .dtypes import DTYPES, isdtype


class Info:
    """The standard's inspection object."""

    def capabilities(self) -> dict[str, Any]:
        """Boolean masks as indices and shapes that depend on data: both."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Any:
        """Where arrays are made unless told otherwise."""
        return CPU

    def devices(self) -> list[Any]:
        """All there are."""
        return [CPU, CUDA] if is_available() else [CPU]

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """What Python's numbers become, on every device."""
        float64, int64 = np.dtype("float64"), np.dtype("int64")
        return {"real floating": float64, "integral": int64, "indexing": int64}

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """The data types, all or of a kind, the same on every device."""
        return {name: dtype for name, dtype in DTYPES.items() if kind is None or isdtype(dtype, kind)}


def __array_namespace_info__() -> Info:
    """The inspection object."""
    return Info()
