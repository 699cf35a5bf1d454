"""Activations and their derivatives over blocks of a matrix, in loops that the compiler turns into vectors."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numba.extending import overload

from . import fields as f
from .tiles import FAST
from .vectors import float_of_bits

LOOSE = {**FAST, "fastmath": {"contract", "nsz"}}  # x y + z may round once

LOG2E, LOG2 = np.float32(1 / math.log(2)), np.float32(355 / 512)  # the latter exact in 9 bits,
LOG2_REST = np.float32(math.log(2) - 355 / 512)  # and what it lacks
C2, C3, C4, C5, C6, C7 = (np.float32(1 / math.factorial(k)) for k in range(2, 8))
ONE, HALF, LOWEST, HIGHEST = np.float32(1), np.float32(0.5), np.float32(-87), np.float32(88)


def exp(x):
    """``e^x``."""
    return np.exp(x)


@overload(exp, inline="always")
def _exp(x):
    if x != types.float32:
        return lambda x: np.exp(x)

    def exp32(x):  # 2^n e^r, |r| <= log(2) / 2; vectorises, which a call into the C library does not
        y = LOWEST if x < LOWEST else x
        y = HIGHEST if y > HIGHEST else y  # nan stays nan
        n = np.floor(y * LOG2E + HALF)
        r = (y - n * LOG2) - n * LOG2_REST
        q = C2 + r * (C3 + r * (C4 + r * (C5 + r * (C6 + r * C7))))
        return (ONE + (r + r * r * q)) * float_of_bits((np.int32(n) + np.int32(127)) << np.int32(23))

    return exp32


@njit(**LOOSE)
def activate(act, slope, y, ld, i0, i1, c0, c1, bias, has_bias):
    """``y = act(y + bias)`` in rows i0 to i1, columns c0 to c1; how many results are positive, counted for relu."""
    zero, one = y.dtype.type(0), y.dtype.type(1)
    positive = 0
    for i in range(i0, i1):
        row = y[i * ld + c0 : i * ld + c1]
        b = bias[c0:c1]
        if has_bias:
            for c in range(c1 - c0):
                row[c] += b[c]
        if act == f.RELU:
            count = np.int32(0)
            for c in range(c1 - c0):
                row[c] = zero if row[c] < zero else row[c]  # nan stays nan
                count += np.int32(row[c] > zero)
            positive += count
        elif act == f.LEAKY_RELU:
            for c in range(c1 - c0):
                row[c] = row[c] if row[c] > zero else slope * row[c]
        elif act == f.SIGMOID:
            for c in range(c1 - c0):
                row[c] = one / (one + exp(-row[c]))
        elif act == f.TANH:
            for c in range(c1 - c0):
                row[c] = math.tanh(row[c])
        elif act == f.SOFTPLUS:
            for c in range(c1 - c0):
                row[c] = max(row[c], zero) + math.log1p(math.exp(-abs(row[c])))
    return positive


@njit(**LOOSE)
def copy_dropped(x, y, start, stop, mask, scale):
    """``y = x mask scale`` for elements start to stop."""
    xx, yy, kept = x[start:stop], y[start:stop], mask[start:stop]
    for i in range(stop - start):
        yy[i] = xx[i] * (scale * kept[i])


@njit(**LOOSE)
def drop(y, ld, i0, i1, c0, c1, mask, scale):
    """``y *= mask scale``: dropout. What is dropped becomes 0, be it nan."""
    for i in range(i0, i1):
        row, kept = y[i * ld + c0 : i * ld + c1], mask[i * ld + c0 : i * ld + c1]
        for c in range(c1 - c0):
            v = row[c] * scale
            row[c] = v if kept[c] else y.dtype.type(0)


@njit(**LOOSE)
def differentiate(act, slope, g, y, e, ld, i0, i1, c0, c1, mask, has_mask, scale):
    """``e = g act'(.)``, the derivative taken from y, the dropped and scaled output of the activation."""
    zero, one = y.dtype.type(0), y.dtype.type(1)
    rest = one / scale
    for i in range(i0, i1):
        o, ee, gg = y[i * ld + c0 : i * ld + c1], e[i * ld + c0 : i * ld + c1], g[i * ld + c0 : i * ld + c1]
        n = c1 - c0
        if act == f.RELU:
            for c in range(n):
                v = gg[c] * scale  # computed everywhere and then chosen: a branch would be guessed wrong half the time
                ee[c] = v if o[c] > zero else zero
        elif act == f.LEAKY_RELU:
            for c in range(n):
                v, positive = gg[c] * scale, o[c] > zero
                ee[c] = v if positive else v * slope
        elif act == f.SIGMOID:
            for c in range(n):
                v = o[c] * rest
                ee[c] = gg[c] * scale * (v * (one - v))
        elif act == f.TANH:
            for c in range(n):
                v = o[c] * rest
                ee[c] = gg[c] * scale * (one - v * v)
        elif act == f.SOFTPLUS:  # y = log(1 + e^x), so e^-y = 1 - sigmoid(x)
            for c in range(n):
                ee[c] = gg[c] * scale * -math.expm1(-o[c] * rest)
        else:
            for c in range(n):
                ee[c] = gg[c] * scale
        if has_mask:
            kept = mask[i * ld + c0 : i * ld + c1]
            for c in range(n):
                v = ee[c]
                ee[c] = v if kept[c] else zero
