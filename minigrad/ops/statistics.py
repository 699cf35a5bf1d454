"""How variables vary together: covariance and correlation. Variables are rows, observations are columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import warn
from .diagonals import diagonal
from .elementary import clip, floating, sqrt
from .placement import array_of, beside, readable
from .products import matmul
from .reductions import sum
from .shape import reshape, squeeze

__all__ = ["corrcoef", "cov"]


def cov(x: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """Covariances ``sum_k w_k (x_ik - mean_i) (x_jk - mean_j) / degrees`` of n variables: (n, count) -> (n, n).

    A vector is one variable, whose variance comes without dimensions. An observation counts ``fweights`` (integers)
    times and weighs ``aweights``; weights are constants. degrees = sum w - correction sum(w aweights) / sum w.
    """
    if x.ndim > 2:
        raise ValueError(f"cov is of rows of observations, got shape {tuple(x.shape)}; it needs two dimensions at most")
    x = floating(x)
    rows = reshape(x, (1, -1)) if x.ndim < 2 else x
    often, heavy = _weights(rows, fweights, "fweights"), _weights(rows, aweights, "aweights")
    weights = often if heavy is None else heavy if often is None else often * heavy
    total: Any = rows.shape[1] if weights is None else weights.sum()
    degrees = total - correction * (1 if heavy is None else (weights * heavy).sum() / total)
    few = None if hasattr(degrees, "dtype") and not readable(degrees) else degrees <= 0
    if few:
        warn(f"cov of shape {tuple(x.shape)} is nan: it needs more than {correction} observations", RuntimeWarning)
    with np.errstate(divide="ignore", invalid="ignore"):
        centred = rows - sum(rows if weights is None else rows * weights, 1, True) / total
        out = matmul(centred if weights is None else centred * weights, centred.mT) / (
            np.maximum(degrees, 0) if few is None else 0 if few else degrees
        )
    return squeeze(out)


def _weights(rows: Any, weights: Any, name: str) -> Any:
    """One for each observation, in the dtype of the rows."""
    if weights is None:
        return None
    array = beside(rows, array_of(weights))
    if array.shape != rows.shape[1:]:
        raise ValueError(f"cov: {name} has shape {array.shape}, the number of observations is {rows.shape[1]}")
    if name == "fweights" and array.dtype.kind not in "iu":
        raise TypeError(f"cov: fweights say how often, so they are integers; got {array.dtype}")
    return array.astype(rows.dtype)


def corrcoef(x: Any) -> Any:
    """Correlations ``cov_ij / sqrt(cov_ii cov_jj)`` of n variables, in [-1, 1]: (n, count) -> (n, n); of a vector 1."""
    c = cov(x)
    if not c.ndim:
        return c / c
    deviation = sqrt(diagonal(c))
    return clip(c / reshape(deviation, (-1, 1)) / deviation, -1, 1)
