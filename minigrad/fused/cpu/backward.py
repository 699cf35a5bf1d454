"""The backward pass of a whole network: from the gradient for its output to those for each ``x W^T + b``.

Equals the walk through the plain layers. The gradients for the weights are products of what is left in X and E here;
update.py takes them where they are used. A pass may be told to move the parameters itself, each as soon as nothing more
is computed from its old value. Maxout hands the gradient to the winners of kept units only: 1 of ``pieces``
rows of W; where relu was 0 nothing is computed.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from . import fields as f
from .blas import gemm
from .elementwise import copy_dropped, differentiate
from .forward import CACHED, PACKED, is_sparse, shares
from .tiles import FAST, REGISTER, combine, combine_and_dot, dots, part
from .update import apply, ask_for, update_parameter
from .vectors import array_at, load, store, ticks


@njit(**FAST)
def _through_activation(m, layer, numbers, i0, i1, c0, c1, zero):
    """E from G for a piece of a linear layer."""
    units = layer[f.UNITS]
    g, y = array_at(layer[f.G], m * units, zero), array_at(layer[f.Y], m * units, zero)
    e = array_at(layer[f.E], m * units, zero)
    mask = array_at(layer[f.MASK], m * units, np.uint8(0))
    act, slope, scale = layer[f.ACT], numbers[f.SLOPE], numbers[f.SCALE]
    differentiate(act, slope, g, y, e, units, i0, i1, c0, c1, mask, layer[f.MASK] != 0, scale)


@njit(**FAST)
def _through_maximum(t, threads, m, layer, numbers, work, zero):
    """E from G for thread t's rows of a maxout layer, and for each row the list of its winners and their gradients."""
    units, pieces = layer[f.UNITS], layer[f.PIECES]
    g, e = array_at(layer[f.G], m * units, zero), array_at(layer[f.E], m * units, zero)
    winner, mask = array_at(layer[f.ARG], m * units, np.uint8(0)), array_at(layer[f.MASK], m * units, np.uint8(0))
    idx, val = array_at(work[f.IDX], m * units, np.int32(0)), array_at(work[f.VAL], m * units, zero)
    ends = array_at(work[f.ENDS], 2 * m, np.int32(0))
    masked, scale = layer[f.MASK] != 0, numbers[f.SCALE]
    for i in range(m * t // threads, m * (t + 1) // threads):
        q = i * units
        for u in range(units):
            v, at = load(g, i * units + u) * scale, i * units + u
            keep = True if not masked else load(mask, at) != 0
            v = v if keep else zero
            store(e, at, v)
            store(idx, q, np.int32(u * pieces + np.int64(load(winner, at))))
            store(val, q, v)
            q += np.int64(keep)
        store(ends, 2 * i, np.int32(0))
        store(ends, 2 * i + 1, np.int32(q - i * units))


@njit(**FAST)
def _winners_to_input(t, threads, m, layer, work, zero):
    """Thread t's columns of DX of a maxout layer: the winners' rows of W, combined."""
    n, units, pieces = layer[f.IN], layer[f.UNITS], layer[f.PIECES]
    c0, c1 = part(n, t, threads), part(n, t + 1, threads)
    w, dx = array_at(layer[f.W], n * units * pieces, zero), array_at(layer[f.DX], m * n, zero)
    idx, val = array_at(work[f.IDX], m * units, np.int32(0)), array_at(work[f.VAL], m * units, zero)
    ends = array_at(work[f.ENDS], 2 * m, np.int32(0))
    for i in range(m):
        dx[i * n + c0 : i * n + c1] = zero
        combine(w, c0, n, idx, val, ends, np.int64(1), units, dx, c0, n, c1 - c0, i, i + 1)


@njit(**FAST)
def _linear_to_input(t, threads, m, layer, work, zero, below, scales):
    """Thread t's part of ``DX = E W``; where relu made the input 0, possibly anything finite.

    If ``below`` is a linear layer, the part goes through its activation at once, while it is in cache.
    """
    n, units = layer[f.IN], layer[f.UNITS]
    w, dx = array_at(layer[f.W], n * units, zero), array_at(layer[f.DX], m * n, zero)
    e = array_at(layer[f.E], m * units, zero)
    i0, i1, c0, c1 = shares(m, n, t, threads)
    if is_sparse(layer, m, work[f.LIMIT_BACKWARD]):
        x = array_at(layer[f.X], m * n, zero)
        scratch = work[f.SCRATCH] + t * work[f.SCRATCH_BYTES]
        active, s = array_at(scratch, m, np.int32(0)), array_at(scratch + 4 * (m + m % 2), 8, zero)
        c0, c1 = part(n, t, threads), part(n, t + 1, threads)
        for i in range(m):
            dx[i * n + c0 : i * n + c1] = zero
        for c in range(c0, c1, 2):  # two columns share what they read of e
            two = min(2, c1 - c)
            count = 0
            for i in range(m):
                store(active, count, np.int32(i))
                count += np.int64((load(x, i * n + c) != zero) | (load(x, i * n + c + two - 1) != zero))
            for q in range(0, count, 4):
                dots(e, units, active, q, count - 1, w, c * units, units, two, units, s)
                for k in range(min(4, count - q)):
                    at = np.int64(load(active, q + k)) * n + c
                    store(dx, at, load(s, k))
                    if two == 2:
                        store(dx, at + 1, load(s, 4 + k))
        if below[f.KIND] == f.LINEAR:
            _through_activation(m, below, scales, np.int64(0), m, c0, c1, zero)
        return
    one, columns = e.dtype.type(1), c1 - c0
    at_once = max(1, CACHED // max(1, columns)) if units * columns <= PACKED else m
    for i in range(i0, i1 if columns > 0 else i0, at_once):
        stop = min(i1, i + at_once)
        if layer[f.TRANSPOSED] == 1:
            gemm(work[f.GEMM], False, True, stop - i, columns, units, one, e, i * units, units, w, c0 * units, units,
                 zero, dx, i * n + c0, n)  # fmt: skip
        else:
            gemm(work[f.GEMM], False, False, stop - i, columns, units, one, e, i * units, units, w, c0, n, zero,
                 dx, i * n + c0, n)  # fmt: skip
        if below[f.KIND] == f.LINEAR:
            _through_activation(m, below, scales, i, stop, c0, c1, zero)


@njit(**FAST)
def _descend(t, threads, m, layer, line, h, work, zero, below, scales):
    """Thread t's columns of ``DX = E W`` where relu left the input nonzero, and these inputs' weights moved.

    The gradient for the weights of an input is a combination of the very rows of E that W's are multiplied by.
    """
    n, units = layer[f.IN], layer[f.UNITS]
    w, dx = array_at(layer[f.W], n * units, zero), array_at(layer[f.DX], m * n, zero)
    e, x = array_at(layer[f.E], m * units, zero), array_at(layer[f.X], m * n, zero)
    v1 = array_at(line[f.STATE1], n * units if line[f.STATE1] != 0 else 0, zero)
    v2 = array_at(line[f.STATE2], n * units if line[f.STATE2] != 0 else 0, zero)
    lanes = REGISTER * 4 // e.itemsize
    at = work[f.SCRATCH] + t * work[f.SCRATCH_BYTES]
    g = array_at(at, units, zero)
    at += (units * e.itemsize + 63) // 64 * 64
    s = array_at(at, (m + 4) * lanes, zero)
    val = array_at(at + (m + 4) * REGISTER * 4, m, zero)
    idx = array_at(at + (m + 4) * REGISTER * 4 + m * e.itemsize, m, np.int32(0))
    c0, c1 = part(n, t, threads), part(n, t + 1, threads)
    for c in range(c0, c1):
        ask_for(w, min(c + 1, n - 1) * units, units)
        if line[f.STATE1] != 0:
            ask_for(v1, c * units, units)
        count = np.int64(0)
        for i in range(m):
            v = load(x, i * n + c)
            store(dx, i * n + c, zero)
            store(idx, count, np.int32(i))
            store(val, count, v)
            count += np.int64(v != zero)
        combine_and_dot(e, units, idx, val, count, w, c * units, g, units, s, dx, c, n)
        apply(line[f.RULE], w, v1, v2, c * units, g, units, h)
    if below[f.KIND] == f.LINEAR:
        _through_activation(m, below, scales, np.int64(0), m, c0, c1, zero)


def backward(plan, numbers, entry, work, m, threads, lowest, zero, table, steps, sources):
    """From the last layer down to ``lowest``: E of each, DX where wanted, and the parameters of the table moved."""
    nothing = np.full(f.PLAN_COLUMNS, -1, np.int64)
    for k in range(len(plan) - 1, lowest - 1, -1):
        layer, scales, start = plan[k], numbers[k], ticks()
        weight, bias = layer[f.MOVES_W], layer[f.MOVES_B]
        below, below_scales = (plan[k - 1], numbers[k - 1]) if k > lowest else (nothing, scales)
        units = layer[f.UNITS]
        if layer[f.KIND] == f.MAXOUT:
            for t in prange(threads):
                _through_maximum(np.int64(t), threads, m, layer, scales, work, zero)
            if layer[f.DX] != 0:
                for t in prange(threads):
                    _winners_to_input(np.int64(t), threads, m, layer, work, zero)
                    if below[f.KIND] == f.LINEAR:
                        n = layer[f.IN]
                        c0, c1 = part(n, np.int64(t), threads), part(n, np.int64(t) + 1, threads)
                        _through_activation(m, below, below_scales, np.int64(0), m, c0, c1, zero)
        else:
            if k == len(plan) - 1:  # else the layer above has done so
                for t in prange(threads):
                    i0, i1, c0, c1 = shares(m, units, np.int64(t), threads)
                    _through_activation(m, layer, scales, i0, i1, c0, c1, zero)
            if layer[f.DX] != 0 and weight >= 0 and is_sparse(layer, m, work[f.LIMIT_BACKWARD]):
                for t in prange(threads):
                    _descend(
                        np.int64(t), threads, m, layer, table[weight], steps[weight], work, zero, below, below_scales
                    )
                weight = -1
            elif layer[f.DX] != 0:
                for t in prange(threads):
                    _linear_to_input(np.int64(t), threads, m, layer, work, zero, below, below_scales)
        if weight >= 0 or bias >= 0:
            for t in prange(threads):
                if weight >= 0:
                    update_parameter(np.int64(t), threads, table[weight], steps[weight], sources, work, zero)
                if bias >= 0:
                    update_parameter(np.int64(t), threads, table[bias], steps[bias], sources, work, zero)
        layer[f.BACKWARD_TICKS] = ticks() - start
    if lowest == 0 and len(plan) > 0 and plan[0, f.DX] != 0 and entry[f.INPUT_MASK] != 0:
        n = plan[0, f.IN]
        for t in prange(threads):
            dx, mask = array_at(plan[0, f.DX], m * n, zero), array_at(entry[f.INPUT_MASK], m * n, np.uint8(0))
            copy_dropped(dx, dx, m * t // threads * n, m * (t + 1) // threads * n, mask, numbers[-1, f.SCALE])
