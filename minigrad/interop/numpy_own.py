"""Functions of NumPy's that minigrad has under other names or in another order of arguments; NumPy's own signatures.

Each returns NotImplemented where NumPy means something that no op here computes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import array_api, ops
from ..array_api import linalg
from ..ops.norms import norm_of_vector_or_matrix

METHODS = ("linear", "lower", "higher", "midpoint")  # of quantile, in both
MODES = {"constant": "constant", "edge": "replicate", "reflect": "reflect", "wrap": "circular"}  # of pad: here


def cross(a: Any, b: Any, axis: int = -1) -> Any:
    """Of vectors of three. (NumPy gives those of two a third element, 0.)"""
    if axis >= 0 and a.ndim == b.ndim:
        axis -= a.ndim
    if axis >= 0 or not (-axis <= min(a.ndim, b.ndim) and a.shape[axis] == b.shape[axis] == 3):
        return NotImplemented
    return linalg.cross(a, b, axis=axis)


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """A number before or after stands for a slice full of it."""
    if a.dtype.kind == "b":
        return NotImplemented
    shape = [1 if i == axis % a.ndim else k for i, k in enumerate(a.shape)]
    ends = (np.full(shape, e) if e is not None and np.ndim(e) == 0 else e for e in (prepend, append))
    return ops.diff(a, n, axis, *ends)


def nansum(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Of real numbers; others have no nan, and are summed in another dtype."""
    return ops.nansum(a, axis=axis, keepdims=keepdims) if a.dtype.kind == "f" else NotImplemented


def nanmean(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Of the numbers that are none of nan."""
    return ops.nanmean(a, axis=axis, keepdims=keepdims)


def pad(array: Any, pad_width: Any, mode: Any = "constant", constant_values: Any = 0) -> Any:
    """``pad_width``: (before, after) for each axis, or for all, or one number."""
    if mode not in MODES or isinstance(pad_width, dict) or np.ndim(constant_values):
        return NotImplemented
    widths = np.broadcast_to(pad_width, (array.ndim, 2))
    longest = {"reflect": -1, "wrap": 0}.get(mode)  # what goes round or back more than once
    if longest is not None and any(max(w) > n + longest for w, n in zip(widths, array.shape, strict=True)):
        return NotImplemented
    return ops.pad(array, [int(n) for pair in widths[::-1] for n in pair], MODES[mode], constant_values)


def quantile(a: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False) -> Any:
    """``q`` is a constant, of at most one dimension."""
    if method not in METHODS or isinstance(axis, tuple) or np.ndim(q) > 1 or getattr(q, "requires_grad", False):
        return NotImplemented
    return ops.quantile(a, q, axis=axis, keepdims=keepdims, interpolation=method)


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """A list; a number of sections must divide the length."""
    if isinstance(indices_or_sections, (int, np.integer)) and ary.shape[axis] % indices_or_sections:
        raise ValueError(f"split of length {ary.shape[axis]} into {indices_or_sections}: not an equal division")
    return array_split(ary, indices_or_sections, axis)


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """A list; the first sections are longer by one where the number does not divide the length."""
    return list(ops.tensor_split(ary, indices_or_sections, axis))


def vdot(a: Any, b: Any) -> Any:
    """Of arrays of any shape, row by row."""
    return ops.dot(ops.reshape(a, -1), ops.reshape(b, -1))


def lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    """(solution, sums of squared residuals, rank, singular values)."""
    if a.ndim != 2 or b.ndim > 2 or (rcond is not None and rcond < 0):
        return NotImplemented
    columns = b if b.ndim == 2 else ops.unsqueeze(b, 1)
    solution, s = ops.lstsq(a, columns, rcond), ops.svdvals(a)
    m, n = a.shape
    values = np.asarray(getattr(s, "_data", s))
    tolerance = np.finfo(values.dtype).eps * max(m, n) if rcond is None else rcond
    rank = int(np.sum(values > tolerance * values.max(initial=0)))
    off = columns - ops.matmul(a, solution)
    residuals = ops.sum(off * off, 0) if rank == n and m > n else ops.sum(off * off, 0)[:0]
    return (solution if b.ndim == 2 else ops.squeeze(solution, 1)), residuals, rank, s


def qr(a: Any, mode: str = "reduced") -> Any:
    """Q and R, or R alone with the mode "r"."""
    if mode not in ("reduced", "complete", "r"):
        return NotImplemented
    return ops.qr(a).R if mode == "r" else ops.qr(a, mode)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """U, S and Vh, or S alone."""
    return ops.svd(a, full_matrices) if compute_uv else ops.svdvals(a)


OF_NUMPY: dict[str, Callable[..., Any]] = {
    "array_split": array_split,
    "cross": cross,
    "diag": lambda v, k=0: ops.diag(v, k),
    "diagonal": lambda a, offset=0, axis1=0, axis2=1: ops.diagonal(a, offset, axis1, axis2),
    "diff": diff,
    "nanmean": nanmean,
    "nansum": nansum,
    "pad": pad,
    "quantile": quantile,
    "sinc": ops.sinc,
    "split": split,
    "vdot": vdot,
}
OF_LINALG: dict[str, Callable[..., Any]] = {
    "cond": lambda x, p=None: ops.cond(x, p),
    "cross": linalg.cross,
    "diagonal": linalg.diagonal,
    "lstsq": lstsq,
    "matmul": array_api.matmul,
    "matrix_transpose": array_api.matrix_transpose,
    "norm": lambda x, ord=None, axis=None, keepdims=False: norm_of_vector_or_matrix(x, ord, axis, keepdims),
    "outer": linalg.outer,
    "qr": qr,
    "svd": svd,
    "tensordot": array_api.tensordot,
    "trace": linalg.trace,
    "vecdot": array_api.vecdot,
}
