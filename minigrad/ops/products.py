"""Products of vectors and matrices: matmul, and its relatives under their own names. Only matmul has a rule of its own.

Leading dimensions are a batch and broadcast; dtypes are NumPy's. The products that PyTorch restricts to certain
numbers of dimensions (dot, mv, mm, bmm and the sums addmv, addmm, baddbmm) are restricted here too. For einsum and
tensordot see minigrad/ops/contractions.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..engine import derivatives, op
from ..errors import ShapeError
from .indexing import getitem
from .joining import cat
from .shape import reshape, squeeze, transpose, unsqueeze

__all__ = [
    "addbmm",
    "addmm",
    "addmv",
    "addr",
    "baddbmm",
    "bmm",
    "chain_matmul",
    "cross",
    "dot",
    "ger",
    "inner",
    "kron",
    "linear",
    "matmul",
    "mm",
    "multi_dot",
    "mv",
    "outer",
    "vdot",
    "vecdot",
]


def matmul(x: Any, y: Any) -> Any:
    """Matrix product ``x @ y``: (..., n, k) @ (..., k, m) -> (..., n, m); 1-D arguments lose their dimension.

    The leading dimensions broadcast. d/dx = g y^T, d/dy = x^T g.
    """
    x_ndim, y_ndim = getattr(x, "ndim", 0), getattr(y, "ndim", 0)
    x_is_vector, y_is_vector = x_ndim == 1, y_ndim == 1
    if x_ndim == 0 or y_ndim == 0:
        raise ShapeError(f"matmul of {np.shape(x)} and {np.shape(y)}: needs arrays of one dimension or more; * scales")
    out = _matmul(unsqueeze(x, 0) if x_is_vector else x, unsqueeze(y, 1) if y_is_vector else y)
    if y_is_vector:
        out = squeeze(out, -1)
    return squeeze(out, -1 if y_is_vector else -2) if x_is_vector else out


@op
def _matmul(x: Any, y: Any) -> Any:
    return x @ y


derivatives(
    _matmul,
    lambda g, out, x, y: g @ transpose(y, -2, -1),
    lambda g, out, x, y: transpose(x, -2, -1) @ g,
)


@op
def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """``x W^T + b``: (..., n) and weight (m, n), bias (m,) or None -> (..., m). PyTorch's layout."""
    if weight.ndim != 2:
        raise ShapeError("the weight must be (out, in)")
    if bias is not None and bias.ndim > 1:
        raise ShapeError("the bias must be (out,)")
    return x @ weight.T if bias is None else x @ weight.T + bias


derivatives(
    linear,
    lambda g, out, x, weight, bias=None: g @ weight,
    lambda g, out, x, weight, bias=None: transpose(_rows(g), 0, 1) @ _rows(x),
    lambda g, out, x, weight, bias=None: g,
)


def _rows(x: Any) -> Any:
    """All but the last dimension joined: (..., n) -> (rows, n)."""
    return x if x.ndim == 2 else x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


# ------------------------------------------------------------------- matmul, for given numbers of dimensions


def dot(x: Any, y: Any) -> Any:
    """``sum_i x_i y_i`` of two vectors of one length."""
    _require_ndims("dot", (x, 1), (y, 1))
    _require_one_length("dot", x, y)
    return matmul(x, y)


def vdot(x: Any, y: Any) -> Any:
    """``dot``: the numbers are real, so there is nothing to conjugate."""
    return dot(x, y)


def vecdot(x: Any, y: Any, dim: int = -1, *, axis: int | None = None) -> Any:
    """``sum x y`` along one dimension; the others broadcast."""
    return (x * y).sum(axis=dim if axis is None else axis)


def mv(x: Any, vec: Any) -> Any:
    """Matrix times vector: (n, k) and (k,) -> (n,)."""
    _require_ndims("mv", (x, 2), (vec, 1))
    return matmul(x, vec)


def mm(x: Any, mat2: Any) -> Any:
    """Matrix times matrix: (n, k) and (k, m) -> (n, m). ``matmul`` broadcasts, this does not."""
    _require_ndims("mm", (x, 2), (mat2, 2))
    return matmul(x, mat2)


def bmm(x: Any, mat2: Any) -> Any:
    """As many matrices times as many: (b, n, k) and (b, k, m) -> (b, n, m). ``matmul`` broadcasts, this does not."""
    _require_ndims("bmm", (x, 3), (mat2, 3))
    if x.shape[0] != mat2.shape[0]:
        raise ShapeError(f"bmm of {tuple(x.shape)} and {tuple(mat2.shape)}: the batches differ; matmul broadcasts")
    return matmul(x, mat2)


def inner(x: Any, y: Any) -> Any:
    """``sum_k x_(...k) y_(...k)``, every row of x with every row of y: (..., k) and (..., k) -> (..., ...).

    Of something without dimensions: the ordinary product.
    """
    if not np.ndim(x) or not np.ndim(y):
        return x * y
    _require_one_length("inner", x, y)
    out = matmul(_rows(x), transpose(_rows(y), 0, 1))
    return reshape(out, (*x.shape[:-1], *y.shape[:-1]))


def outer(x: Any, vec2: Any) -> Any:
    """``x_i y_j`` of two vectors: (n,) and (m,) -> (n, m)."""
    _require_ndims("outer", (x, 1), (vec2, 1))
    return unsqueeze(x, 1) * vec2


# --------------------------------------------------------------------------------- beta input + alpha product


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta input + alpha mat1 @ mat2``; input broadcasts, and with beta = 0 it is not even looked at."""
    return _sum_of(input, mm(mat1, mat2), beta, alpha)


def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta input + alpha mat @ vec``, as ``addmm``."""
    return _sum_of(input, mv(mat, vec), beta, alpha)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta input + alpha outer(vec1, vec2)``, as ``addmm``."""
    return _sum_of(input, outer(vec1, vec2), beta, alpha)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta input + alpha bmm(batch1, batch2)``, as ``addmm``."""
    return _sum_of(input, bmm(batch1, batch2), beta, alpha)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """``beta input + alpha sum_b batch1_b @ batch2_b``, as ``addmm``."""
    return _sum_of(input, bmm(batch1, batch2).sum(axis=0), beta, alpha)


def _sum_of(input: Any, product: Any, beta: float, alpha: float) -> Any:
    shape = tuple(product.shape)
    behind = shape[len(shape) - input.ndim :]
    if input.ndim > len(shape) or any(n not in (1, m) for n, m in zip(input.shape, behind, strict=True)):
        raise ShapeError(f"the input of shape {tuple(input.shape)} does not broadcast to that of the product, {shape}")
    product = product if alpha == 1 else alpha * product
    if beta == 0:
        return product
    return (input if beta == 1 else beta * input) + product


# ------------------------------------------------------------------------------------------- other products


def ger(x: Any, vec2: Any) -> Any:
    """``outer``, under its name in BLAS."""
    return outer(x, vec2)


def kron(x: Any, y: Any) -> Any:
    """Kronecker product: ``out[i n + k, j m + l] = x[i, j] y[k, l]`` for y (n, m), and so in every dimension.

    Where one has fewer dimensions, dimensions of length 1 are put before them.
    """
    ndim = max(x.ndim, y.ndim)
    a, b = ((1,) * (ndim - t.ndim) + tuple(t.shape) for t in (x, y))
    pairs_a, pairs_b = ([n for pair in pairs for n in pair] for pairs in (((n, 1) for n in a), ((1, n) for n in b)))
    return reshape(reshape(x, pairs_a) * reshape(y, pairs_b), tuple(n * m for n, m in zip(a, b, strict=True)))


def cross(x: Any, y: Any, dim: int = -1, *, axis: int | None = None) -> Any:
    """Cross product of vectors of three along ``dim``, which is the last (PyTorch's linalg); the others broadcast."""
    if x.ndim != y.ndim:
        raise ShapeError(f"cross of {tuple(x.shape)} and {tuple(y.shape)}: needs as many dimensions in both")
    at = normalize_axis_index(dim if axis is None else axis, x.ndim) - x.ndim
    for t in (x, y):
        if t.shape[at] != 3:
            raise ShapeError(f"cross of {tuple(x.shape)} and {tuple(y.shape)}: dim {at} must have length 3 in both")

    def part(t: Any, i: int) -> Any:
        return getitem(t, (..., slice(i, i + 1), *[slice(None)] * (-at - 1)))

    following = [(1, 2), (2, 0), (0, 1)]
    return cat([part(x, i) * part(y, j) - part(x, j) * part(y, i) for i, j in following], at)


def multi_dot(tensors: Sequence[Any]) -> Any:
    """Product of several matrices, in the order of multiplications that takes the least arithmetic.

    The first may be a row and the last a column without their second dimension, which the result then lacks too.
    """
    tensors = list(tensors)
    if len(tensors) < 2:
        raise ShapeError(f"multi_dot multiplies at least two matrices, got {len(tensors)}")
    for i, t in enumerate(tensors):
        if t.ndim != 2 and not (t.ndim == 1 and i in (0, len(tensors) - 1)):
            raise ShapeError(f"multi_dot: factor {i} is {tuple(t.shape)}; only the first and the last may be vectors")
    row, column = tensors[0].ndim == 1, tensors[-1].ndim == 1
    tensors[0] = unsqueeze(tensors[0], 0) if row else tensors[0]
    tensors[-1] = unsqueeze(tensors[-1], 1) if column else tensors[-1]
    for i, (a, b) in enumerate(pairwise(tensors)):
        if a.shape[1] != b.shape[0]:
            raise ShapeError(f"multi_dot: factor {i} is {tuple(a.shape)} and the next {tuple(b.shape)}")
    out = _product(tensors, _best_splits([t.shape[0] for t in tensors] + [tensors[-1].shape[1]]), 0, len(tensors) - 1)
    return reshape(out, tuple(n for n, gone in zip(out.shape, (row, column), strict=True) if not gone))


def chain_matmul(*matrices: Any) -> Any:
    """``multi_dot`` of its arguments; one alone is returned."""
    return multi_dot(matrices) if len(matrices) != 1 else matrices[0]


def _best_splits(lengths: list[int]) -> dict[tuple[int, int], int]:
    """Where to cut the chain of factors i to j: matrix i has shape (lengths[i], lengths[i + 1])."""
    count = len(lengths) - 1
    cost = {(i, i): 0 for i in range(count)}
    split = {}
    for size in range(1, count):
        for i in range(count - size):
            j = i + size
            costs = {k: cost[i, k] + cost[k + 1, j] + lengths[i] * lengths[k + 1] * lengths[j + 1] for k in range(i, j)}
            split[i, j] = min(costs, key=costs.__getitem__)
            cost[i, j] = costs[split[i, j]]
    return split


def _product(factors: list[Any], split: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return factors[i]
    return matmul(_product(factors, split, i, split[i, j]), _product(factors, split, split[i, j] + 1, j))


def _require_ndims(name: str, *given: tuple[Any, int]) -> None:
    if any(np.ndim(t) != ndim for t, ndim in given):
        shapes = " and ".join(str(tuple(np.shape(t))) for t, _ in given)
        wanted = " and ".join(str(ndim) for _, ndim in given)
        raise ShapeError(f"{name} of {shapes}: these must have {wanted} dimensions; matmul takes any")


def _require_one_length(name: str, x: Any, y: Any) -> None:
    if x.shape[-1] != y.shape[-1]:
        raise ShapeError(f"{name} of {tuple(x.shape)} and {tuple(y.shape)}: the last lengths differ")
