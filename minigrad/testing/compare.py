"""Whether two arrays are the same number for number, and where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np

from .differences import UNIT_ROUNDOFF

ROUNDING = 2**12 * UNIT_ROUNDOFF  # of the largest number, where two computations of one thing are compared
UNDERFLOW = 1e-290  # below, float64 has fewer digits


def excess(ours: Any, right: Any, tolerance: Any) -> Any:
    """By how much they differ beyond the tolerance; infinitely where ours is no number and the tolerance is one."""
    with np.errstate(all="ignore"):
        excess = np.nan_to_num(np.abs(ours - right), nan=np.inf) - (tolerance + UNDERFLOW)
    return np.where(np.isinf(tolerance), -np.inf, excess)


def same(a: Any, b: Any, size: float = 0.0, wide: float = 16.0) -> bool:
    """Equal but for rounding; what is not finite in both is passed over."""
    if a.shape != b.shape:
        return False
    finite = np.isfinite(a) & np.isfinite(b)
    size = max(size, float(np.abs(b).max(initial=0, where=finite)))
    return bool(
        (np.isfinite(a) == np.isfinite(b)).all()
        and (np.abs(a[finite] - b[finite]) <= wide * ROUNDING * size + UNDERFLOW).all()
    )


def worst(a: Any, b: Any) -> str:
    """ "1.5, and 2 at [0, 1]" for the elements that differ most."""
    if a.shape != b.shape:
        return f"of shape {a.shape}, and {b.shape}"
    with np.errstate(all="ignore"):
        at = np.unravel_index(np.nan_to_num(np.abs(a - b), nan=np.inf).argmax(), a.shape)
    place = f" at {[int(i) for i in at]}" if at else ""
    return f"{a[at]:.12g}{place}, and {b[at]:.12g}"


def only(k: int, arrays: Any) -> dict[int, Any]:
    """Input k's alone."""
    return {k: arrays[k]}
