"""Errors that say which op was given what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class LinAlgError(np.linalg.LinAlgError, RuntimeError):
    """A matrix lacks what was asked of it, as an inverse: NumPy's error and, as PyTorch's is, a RuntimeError."""


def explained(error: Exception, name: str, values: Sequence[Any]) -> Exception:
    """The same error, saying which op was given what."""
    arrays = (np.ndarray, np.generic)
    given = ", ".join(f"{v.shape} {v.dtype}" if isinstance(v, arrays) else repr(v)[:40] for v in values)
    if isinstance(error, np.linalg.LinAlgError):
        return LinAlgError(f"{name} of {given}: {error}")
    kind = next(k for k in (IndexError, TypeError, ValueError) if isinstance(error, k))
    return kind(f"{name} of {given}: {error}")
