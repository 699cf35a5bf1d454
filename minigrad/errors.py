"""Errors that say which op was given what, and where in the user's code."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from types import FrameType
from typing import Any

import numpy as np

from .device import explained as explained_by_devices
from .device import is_array


class LinAlgError(np.linalg.LinAlgError, RuntimeError):
    """A matrix lacks what was asked of it, as an inverse: NumPy's error and, as PyTorch's is, a RuntimeError."""


class StateError(ValueError, RuntimeError):
    """A saved state does not fit: a value that cannot be used and, as PyTorch's is, a RuntimeError."""


class ShapeError(ValueError, RuntimeError):
    """Shapes that do not fit each other or what is asked of them: NumPy's ValueError, and PyTorch's RuntimeError."""


REFUSALS = (IndexError, TypeError, ValueError)
FAILURES = (*REFUSALS, AttributeError, MemoryError, NotImplementedError)  # the latter three are explained on cuda only


def explained(error: Exception, name: str, values: Sequence[Any]) -> Exception:
    """The same error, saying which op was given what; or what it has to do with the devices that they are on."""
    of_devices = explained_by_devices(error, name, values)
    if of_devices is not None:
        return of_devices
    given = ", ".join(f"{v.shape} {v.dtype}" if is_array(v) else repr(v)[:40] for v in values)
    if isinstance(error, np.linalg.LinAlgError):
        return LinAlgError(f"{name} of {given}: {error}")
    kind = next((k for k in REFUSALS if isinstance(error, k)), None)
    kind = ShapeError if kind is ValueError else kind  # what an op finds wrong with values it finds in their shapes
    return error if kind is None else kind(f"{name} of {given}: {error}")


def require_alike(tensor: Any, grad: Any) -> None:
    """Raise unless ``grad`` can be the gradient of ``tensor``."""
    if not hasattr(grad, "_grad"):  # every Tensor has one
        raise TypeError(f".grad is a Tensor or None, got {type(grad).__name__}; Tensor(...) makes one")
    for what in ("shape", "dtype", "device"):
        ours, theirs = getattr(tensor, what), getattr(grad, what)
        if ours != theirs:
            raise RuntimeError(f".grad of {what} {theirs} does not fit a Tensor of {what} {ours}")
    if grad is tensor:
        raise RuntimeError("a Tensor cannot be its own .grad; clone() makes another")


class BroadcastingWarning(UserWarning):
    """Two arguments of an op made each other larger; see ``strict_broadcasting``."""


_PACKAGE = os.path.dirname(__file__) + os.sep


def calling_frame() -> FrameType | None:
    """The innermost frame that is not minigrad's own: the user's code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return frame


def calling_line() -> tuple[str, int] | None:
    """File and line of ``calling_frame``, which is not kept: it would hold on to all its variables."""
    frame = calling_frame()
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def warn(text: str, kind: type[Warning]) -> None:
    """A warning that is the user's line's: said once for each, unless the filters say otherwise."""
    frame = calling_frame()
    if frame is None:
        warnings.warn(text, kind, stacklevel=2)
    else:
        known = frame.f_globals.setdefault("__warningregistry__", {})
        module = frame.f_globals.get("__name__")
        warnings.warn_explicit(text, kind, frame.f_code.co_filename, frame.f_lineno, module, registry=known)


def written(place: tuple[str, int] | None) -> str:
    """``file:line``; the file as seen from the working directory, if it is below."""
    if place is None:
        return "an unknown place"
    here = os.getcwd() + os.sep
    return f"{place[0].removeprefix(here)}:{place[1]}"
