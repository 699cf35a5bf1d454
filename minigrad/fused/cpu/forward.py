"""The forward pass of a whole network: products, biases, activations, dropout.

Equals ``maxout(linear(x, W, b))`` or ``act(linear(x, W, b))``, then ``functional.masked_dropout``, layer by layer.
Zeros are not multiplied: an input that relu or dropout has made mostly zero is gathered, and maxout computes no unit
that dropout drops. (Such a unit is 0 here; in the plain layers it is nan times 0 if it was nan or infinite.)
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from . import fields as f
from .blas import gemm
from .elementwise import activate, copy_dropped, drop
from .tiles import BLOCK, FAST, combine, dots, part
from .vectors import array_at, load, store, ticks, vadd, vload4, vpick, vset4, vstore

SMALL = 64  # matrices with a side below this are always multiplied densely,
LARGE = (
    2**18
)  # and those with more elements than a second-level cache holds, which gathering would read again and again


CACHED = 2**16  # elements of a result that are computed before they are looked at again, while they are in cache,
PACKED = 2**17  # if the weights, which every product packs anew, have no more than so many


@njit(**FAST)
def shares(m, columns, t, threads):
    """Rows i0 to i1, columns c0 to c1 of a product (m, columns) that are thread t's: a share of the longer side."""
    if m < columns and columns >= 32 * threads:
        return 0, m, part(columns, t, threads), part(columns, t + 1, threads)
    return m * t // threads, m * (t + 1) // threads, 0, columns


@njit(**FAST)
def is_sparse(layer, m, limit):
    """Whether a linear layer's input is worth gathering, and its weight stored by inputs."""
    n, units = layer[f.IN], layer[f.UNITS]
    fits = min(n, units) >= SMALL and m * max(n, units) <= LARGE
    return fits and layer[f.TRANSPOSED] == 1 and layer[f.DENSITY] < limit


@njit(**FAST)
def _compress(x, n, i0, i1, idx, val, ends, blocks):
    """List the nonzero elements of rows of x, block by block of columns."""
    for i in range(i0, i1):
        q = i * n
        store(ends, i * (blocks + 1), np.int32(0))
        for b in range(blocks):
            for j in range(b * BLOCK, min(n, (b + 1) * BLOCK)):
                v = load(x, i * n + j)
                store(idx, q, np.int32(j))
                store(val, q, v)
                q += np.int64(v != x.dtype.type(0))
            store(ends, i * (blocks + 1) + b + 1, np.int32(q - i * n))


@njit(**FAST)
def linear_layer(t, threads, m, layer, numbers, work, zero):
    """Thread t's part of ``y = dropout(act(x W^T + b))``; how many outputs are positive, counted for relu."""
    n, units = layer[f.IN], layer[f.UNITS]
    w = array_at(layer[f.W], n * units, zero)
    bias = array_at(layer[f.B], units, zero)
    x, y = array_at(layer[f.X], m * n, zero), array_at(layer[f.Y], m * units, zero)
    biased, masked = layer[f.B] != 0, layer[f.MASK] != 0
    mask = array_at(layer[f.MASK], m * units, np.uint8(0))
    act, slope, scale = layer[f.ACT], numbers[f.SLOPE], numbers[f.SCALE]
    positive = 0
    if is_sparse(layer, m, work[f.LIMIT_FORWARD]):
        i0, i1 = m * t // threads, m * (t + 1) // threads
        blocks = (n + BLOCK - 1) // BLOCK
        idx, val = array_at(work[f.IDX], m * n, np.int32(0)), array_at(work[f.VAL], m * n, zero)
        ends = array_at(work[f.ENDS], m * (blocks + 1), np.int32(0))
        _compress(x, n, i0, i1, idx, val, ends, blocks)
        for i in range(i0, i1):
            for c in range(units):
                y[i * units + c] = bias[c] if biased else zero
        c0 = np.int64(0)
        combine(w, c0, units, idx, val, ends, blocks, n, y, c0, units, units, i0, i1)
        positive = activate(act, slope, y, units, i0, i1, c0, units, bias, np.bool_(False))
        if masked:
            drop(y, units, i0, i1, c0, units, mask, scale)
        return positive
    i0, i1, c0, c1 = shares(m, units, t, threads)
    one, columns = x.dtype.type(1), c1 - c0
    at_once = max(1, CACHED // max(1, columns)) if n * columns <= PACKED else m
    for i in range(i0, i1 if columns > 0 else i0, at_once):
        stop = min(i1, i + at_once)
        if layer[f.TRANSPOSED] == 1:
            gemm(work[f.GEMM], False, False, stop - i, columns, n, one, x, i * n, n, w, c0, units, zero, y,
                 i * units + c0, units)  # fmt: skip
        else:
            gemm(work[f.GEMM], False, True, stop - i, columns, n, one, x, i * n, n, w, c0 * n, n, zero, y,
                 i * units + c0, units)  # fmt: skip
        positive += activate(act, slope, y, units, i, stop, c0, c1, bias, biased)
        if masked:
            drop(y, units, i, stop, c0, c1, mask, scale)
    return positive


@njit(**FAST)
def maxout_layer(t, threads, m, layer, numbers, work, zero):
    """Thread t's units of ``y_u = dropout(max_p (x W^T + b)_(u pieces + p))``, and the first largest p in ARG."""
    n, units, pieces = layer[f.IN], layer[f.UNITS], layer[f.PIECES]
    w, bias = array_at(layer[f.W], n * units * pieces, zero), array_at(layer[f.B], units * pieces, zero)
    x, y = array_at(layer[f.X], m * n, zero), array_at(layer[f.Y], m * units, zero)
    winner = array_at(layer[f.ARG], m * units, np.uint8(0))
    masked = layer[f.MASK] != 0
    mask = array_at(layer[f.MASK], m * units, np.uint8(0))
    scratch = work[f.SCRATCH] + t * work[f.SCRATCH_BYTES]
    kept = array_at(scratch, m, np.int32(0))
    s = array_at(scratch + 4 * (m + m % 2), 4 * pieces + 8, zero)
    u0, u1 = units * t // threads, units * (t + 1) // threads
    for i in range(m):
        y[i * units + u0 : i * units + u1] = zero
    for u in range(u0, u1):
        count = 0
        for i in range(m):
            store(kept, count, np.int32(i))
            count += np.int64(not masked or load(mask, i * units + u) != 0)
        for q in range(0, count, 4):
            dots(x, n, kept, q, count - 1, w, u * pieces * n, n, pieces, n, s)
            best, arg = vadd(vload4(s, 0), vset4(load(bias, u * pieces))), vset4(zero)
            for p in range(1, pieces):
                v = vadd(vload4(s, 4 * p), vset4(load(bias, u * pieces + p)))
                arg = vpick(v, best, vset4(x.dtype.type(p)), arg)
                best = vpick(v, best, v, best)
            vstore(s, 0, best)
            vstore(s, 4, arg)
            for k in range(min(4, count - q)):
                at = np.int64(load(kept, q + k)) * units + u
                store(y, at, load(s, k) * numbers[f.SCALE])
                store(winner, at, np.uint8(load(s, 4 + k)))


@njit(**FAST)
def _enter(t, threads, m, first, entry, scale, zero):
    """Thread t's rows of the first X: a copy of the input, dropped if it has a mask."""
    n = first[f.IN]
    i0, i1 = m * t // threads, m * (t + 1) // threads
    x, source = array_at(first[f.X], m * n, zero), array_at(entry[f.SOURCE], m * n, zero)
    if entry[f.INPUT_MASK] != 0:
        copy_dropped(source, x, i0 * n, i1 * n, array_at(entry[f.INPUT_MASK], m * n, np.uint8(0)), scale)
    else:
        for i in range(i0 * n, i1 * n):
            store(x, i, load(source, i))


def forward(plan, numbers, entry, work, m, threads, zero):
    """Run every layer of the plan. Y of the last belongs to the caller."""
    positive = np.zeros(threads, np.int64)
    if entry[f.SOURCE] != 0:
        for t in prange(threads):
            _enter(np.int64(t), threads, m, plan[0], entry, numbers[-1, f.SCALE], zero)
    for k in range(len(plan)):
        layer, scales, start = plan[k], numbers[k], ticks()
        layer[f.DENSITY] = 1000
        if k > 0 and plan[k - 1, f.ACT] == f.RELU:
            layer[f.DENSITY] = 1000 * positive.sum() // max(1, m * layer[f.IN])
        if layer[f.KIND] == f.MAXOUT:
            for t in prange(threads):
                maxout_layer(np.int64(t), threads, m, layer, scales, work, zero)
        else:
            for t in prange(threads):
                positive[t] = linear_layer(np.int64(t), threads, m, layer, scales, work, zero)
        layer[f.FORWARD_TICKS] = ticks() - start
