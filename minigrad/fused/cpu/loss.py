"""Losses that are means over elements, with their gradients, in one pass over the elements."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from . import fields as f
from .elementwise import LOOSE, exp

SUMS = {**LOOSE, "fastmath": {"contract", "nsz", "reassoc"}}  # sums in the order that vectors like
BLOCK = 4096  # elements summed in their own precision; blocks are summed in float64


@njit(**SUMS)
def _squares(a, t, e, factor):
    """The sum of ``(a - t)^2``; ``e = 2 factor (a - t)``."""
    total, twice = a.dtype.type(0), factor + factor
    for i in range(len(a)):
        d = a[i] - t[i]
        e[i] = twice * d
        total += d * d
    return total


@njit(**SUMS)
def _cross_entropies(a, t, e, factor):
    """The sum of ``max(a, 0) - a t + log(1 + e^-|a|)``; ``e = factor (sigmoid(a) - t)``.

    ``max(a, 0) - a t`` is ``(1 - t) max(a, 0) - t min(a, 0)``, which an infinite logit does not make nan.
    """
    total, zero, one = a.dtype.type(0), a.dtype.type(0), a.dtype.type(1)
    for i in range(len(a)):
        small = exp(-abs(a[i]))
        total += (one - t[i]) * max(a[i], zero) - t[i] * min(a[i], zero) + math.log1p(small)
        e[i] = factor * ((one if a[i] > zero else small) / (one + small) - t[i])
    return total


def loss(kind, a, t, e, factor, sums):
    """``sums[k]``: thread k's part of the sum, before ``factor``; e: the gradient of the sum times ``factor``."""
    threads, blocks = len(sums), (len(a) + BLOCK - 1) // BLOCK
    for k in prange(threads):
        total = np.float64(0)
        for b in range(blocks * k // threads, blocks * (k + 1) // threads):
            start, stop = b * BLOCK, min(len(a), (b + 1) * BLOCK)
            if kind == f.SQUARES:
                total += _squares(a[start:stop], t[start:stop], e[start:stop], factor)
            else:
                total += _cross_entropies(a[start:stop], t[start:stop], e[start:stop], factor)
        sums[k] = total
