"""What becomes of the gradients for weights: stored, or used by an optimiser in the pass that computes them.

A gradient ``A^T B`` (batch m) is computed some rows at a time into a piece of cache, and its parameter and the
optimiser's state are changed before the next rows: it never goes to memory. Equals the product, then ``SGD``,
``Pylearn2Momentum`` or ``Adam``.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from . import fields as f
from .blas import gemm
from .elementwise import LOOSE
from .tiles import FAST, combine
from .vectors import array_at, load, prefetch, store, ticks

CHUNK = 65536  # elements of the gradient that are computed at a time,
CHUNK_PER_SAMPLE = 256  # and more for large batches, where every product packs B anew


@njit(**LOOSE)
def _apply(rule, p, v1, v2, o, g, n, h):
    """Move ``p[o : o + n]`` by the gradient in ``g[:n]``; h: the rule's numbers.

    MOMENTUM: ``G = h0 g + h1 p;  v = h2 v + h3 G;  p += h4 G + h5 v`` (all kinds of SGD).
    ADAM: ``G = h0 g + h1 p;  m = h2 m + (1 - h2) G;  v = h3 v + (1 - h3) G^2;  p -= h4 m / (sqrt(h5 v) + h6)``.
    """
    zero, one, tiny = p.dtype.type(0), p.dtype.type(1), p.dtype.type(1e-35)
    pp = p[o : o + n]
    if rule == f.STORE:
        for i in range(n):
            pp[i] = g[i]
    elif rule == f.MOMENTUM:
        h0, h1, h2, h3, h4, h5 = h[0], h[1], h[2], h[3], h[4], h[5]
        if len(v1) == 0:
            for i in range(n):
                pp[i] += h4 * (h0 * g[i] + h1 * pp[i])
        else:
            vv = v1[o : o + n]
            for i in range(n):
                step = h0 * g[i] + h1 * pp[i]
                v = h2 * vv[i] + h3 * step
                # velocities without gradients halve until they are denormal, and a hundred times as slow
                v = zero if abs(v) < tiny else v
                vv[i] = v
                pp[i] += h4 * step + h5 * v
    else:
        h0, h1, h2, h3, h4, h5, h6 = h[0], h[1], h[2], h[3], h[4], h[5], h[6]
        mm, vv = v1[o : o + n], v2[o : o + n]
        for i in range(n):
            step = h0 * g[i] + h1 * pp[i]
            first = h2 * mm[i] + (one - h2) * step
            second = h3 * vv[i] + (one - h3) * (step * step)
            first = zero if abs(first) < tiny else first
            second = zero if second < tiny else second
            mm[i] = first
            vv[i] = second
            pp[i] -= h4 * first / (math.sqrt(h5 * second) + h6)


@njit(**FAST)
def _add_dense(source, first, r0, r1, rows, columns, g, work, zero):
    """Rows r0 to r1 of ``A^T B``, added to g or, if ``first``, written into it."""
    m = source[f.M]
    a, b = array_at(source[f.A], m * rows, zero), array_at(source[f.BB], m * columns, zero)
    one = a.dtype.type(1)
    beta = zero if first else one
    gemm(work[f.GEMM], True, False, r1 - r0, columns, m, one, a, r0, rows, b, 0, columns, beta, g, 0, columns)


@njit(**FAST)
def _add_sparse(source, r, rows, columns, g, idx, val, ends, zero):
    """Row r of ``A^T B``, added to g[:columns]: only the rows of B that meet something nonzero in A."""
    m = source[f.M]
    a, b = array_at(source[f.A], m * rows, zero), array_at(source[f.BB], m * columns, zero)
    count = 0
    for i in range(m):
        v = load(a, i * rows + r)
        store(idx, count, np.int32(i))
        store(val, count, v)
        count += np.int64(v != zero)
    ends[0, 1] = count
    combine(b, 0, columns, idx, val, ends, 1, 0, g, 0, columns, columns, 0, 1)


@njit(**FAST)
def _list_winners(source, u, units, idx, val, counts, zero):
    """For each piece of unit u: the samples in which it won, and their gradients."""
    m, pieces = source[f.M], source[f.SOURCE_PIECES]
    e, winner = array_at(source[f.A], m * units, zero), array_at(source[f.WINNER], m * units, np.uint8(0))
    for p in range(pieces):
        counts[p] = 0
    for i in range(m):
        v = load(e, i * units + u)
        p = np.int64(load(winner, i * units + u)) if v != zero else 0
        q = p * m + np.int64(counts[p])
        store(idx, q, np.int32(i))
        store(val, q, v)
        counts[p] += np.int32(v != zero)


@njit(**FAST)
def _ask_for(a, start, n):
    """Have a row fetched while its gradient is computed."""
    for c in range(start, start + n, 64 // a.itemsize):
        prefetch(a, c, 16)


@njit(**FAST)
def _rows_of(t, threads, rows, pieces):
    """Thread t's rows, whole units of them."""
    units = rows // pieces
    return units * t // threads * pieces, units * (t + 1) // threads * pieces


@njit(**FAST)
def _update_parameter(t, threads, line, h, sources, work, zero):
    rows, columns = line[f.ROWS], line[f.COLUMNS]
    size = rows * columns
    p = array_at(line[f.P], size, zero)
    v1 = array_at(line[f.STATE1], size if line[f.STATE1] != 0 else 0, zero)
    v2 = array_at(line[f.STATE2], size if line[f.STATE2] != 0 else 0, zero)
    first, last = line[f.FIRST], line[f.LAST]
    how = sources[first, f.HOW]
    if how == f.GIVEN:
        for s in range(first, last):
            r0, r1 = size * t // threads, size * (t + 1) // threads
            _apply(line[f.RULE], p, v1, v2, r0, array_at(sources[s, f.A], size, zero)[r0:], r1 - r0, h)
        return
    at = work[f.SCRATCH] + t * work[f.SCRATCH_BYTES]
    chunk = 1
    if how == f.DENSE:
        chunk = min(rows, max(1, max(CHUNK, CHUNK_PER_SAMPLE * sources[first, f.M]) // columns))
    g = array_at(at, chunk * columns, zero)
    lists = at + (chunk * columns * p.itemsize + 63) // 64 * 64
    pieces = sources[first, f.SOURCE_PIECES]
    r0, r1 = _rows_of(t, threads, rows, pieces)
    if how == f.DENSE:
        for r in range(r0, r1, chunk):
            stop = min(r1, r + chunk)
            for s in range(first, last):
                _add_dense(sources[s], s == first, r, stop, rows, columns, g, work, zero)
            _apply(line[f.RULE], p, v1, v2, r * columns, g, (stop - r) * columns, h)
        return
    total = 0
    for s in range(first, last):
        total += sources[s, f.M] * pieces
    val = array_at(lists, total, zero)
    idx = array_at(lists + total * p.itemsize, total, np.int32(0))
    counts = array_at(lists + total * (p.itemsize + 4), (last - first) * pieces, np.int32(0))
    ends = np.zeros((1, 2), np.int32)
    for r in range(r0, r1):
        if how == f.WINNERS and r % pieces == 0:
            q, k = 0, 0
            for s in range(first, last):
                _list_winners(sources[s], r // pieces, rows // pieces, idx[q:], val[q:], counts[k:], zero)
                q += sources[s, f.M] * pieces
                k += pieces
        _ask_for(p, r * columns, columns)
        if line[f.STATE1] != 0:
            _ask_for(v1, r * columns, columns)
        for c in range(columns):
            g[c] = zero
        q, k = 0, r % pieces
        for s in range(first, last):
            m = sources[s, f.M]
            if how == f.WINNERS:
                at_piece = q + (r % pieces) * m
                ends[0, 1] = counts[k]
                if sources[s, f.BB] == 0:
                    for i in range(counts[k]):
                        store(g, 0, load(g, 0) + load(val, at_piece + i))
                else:
                    b = array_at(sources[s, f.BB], m * columns, zero)
                    combine(b, 0, columns, idx[at_piece:], val[at_piece:], ends, 1, 0, g, 0, columns, columns, 0, 1)
            else:
                _add_sparse(sources[s], r, rows, columns, g, idx, val, ends, zero)
            q += m * pieces
            k += pieces
        _apply(line[f.RULE], p, v1, v2, r * columns, g, columns, h)


def update(table, numbers, sources, work, threads, zero):
    """Move every parameter of the table."""
    for t in prange(threads):
        for k in range(len(table)):
            start = ticks()
            _update_parameter(t, threads, table[k], numbers[k], sources, work, zero)
            if t == 0:
                table[k, f.UPDATE_TICKS] = ticks() - start
