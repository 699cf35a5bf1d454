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
from .tiles import FAST, combine_row, part
from .vectors import array_at, load, prefetch, store, ticks

CHUNK = 65536  # elements of the gradient that are computed at a time,
CHUNK_PER_SAMPLE = 256  # and more for large batches, where every product packs B anew


@njit(**LOOSE)
def apply(rule, p, v1, v2, o, g, n, h):
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
def _move_densely(t, threads, line, h, sources, work, p, v1, v2, at, zero):
    """Thread t's part of a parameter whose gradient is a dense product, piece by piece.

    Parts are of columns where these are many: then each thread reads its own part of B only.
    """
    rows, columns, first = line[f.ROWS], line[f.COLUMNS], line[f.FIRST]
    by_columns = columns >= 32 * threads
    r0, r1 = (0, rows) if by_columns else (rows * t // threads, rows * (t + 1) // threads)
    c0, c1 = (part(columns, t, threads), part(columns, t + 1, threads)) if by_columns else (0, columns)
    n, one = c1 - c0, zero + p.dtype.type(1)
    chunk = max(1, max(CHUNK, CHUNK_PER_SAMPLE * sources[first, f.M]) // max(1, n))
    g = array_at(at, min(chunk, rows) * n, zero)
    for r in range(r0, r1 if n > 0 else r0, chunk):
        stop = min(r1, r + chunk)
        for s in range(first, line[f.LAST]):
            m = sources[s, f.M]
            a, b = array_at(sources[s, f.A], m * rows, zero), array_at(sources[s, f.BB], m * columns, zero)
            beta = zero if s == first else one
            gemm(work[f.GEMM], True, False, stop - r, n, m, one, a, r, rows, b, c0, columns, beta, g, 0, n)
        for i in range(r, stop):
            apply(line[f.RULE], p, v1, v2, i * columns + c0, g[(i - r) * n :], n, h)


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
    store(ends, 1, np.int32(count))
    combine_row(b, columns, idx, val, ends, g, columns)


@njit(**FAST)
def _list_winners(source, u, units, idx, val, counts, zero):
    """For each piece of unit u: the samples in which it won, and their gradients."""
    m, pieces = source[f.M], source[f.SOURCE_PIECES]
    e, winner = array_at(source[f.A], m * units, zero), array_at(source[f.WINNER], m * units, np.uint8(0))
    for p in range(pieces):
        counts[p] = 0
    for i in range(m):
        v = load(e, i * units + u)
        p = min(np.int64(load(winner, i * units + u)), pieces - 1)  # where dropout drops nobody has won, and v is 0
        q = p * m + np.int64(counts[p])
        store(idx, q, np.int32(i))
        store(val, q, v)
        counts[p] += np.int32(v != zero)


@njit(**LOOSE)
def _add_rows(source, c0, n, columns, g, zero):
    """The sum of A's rows in n columns from c0 on, added to ``g[:n]``."""
    m = source[f.M]
    a = array_at(source[f.A], m * columns, zero)
    for i in range(m):
        row = a[i * columns + c0 : i * columns + c0 + n]
        for c in range(n):
            g[c] += row[c]


@njit(**FAST)
def _add_winners(source, r0, n, rows, g, zero):
    """For rows r0 to r0 + n, whole units: the gradients of the samples in which each won, added to ``g[:n]``."""
    m, pieces = source[f.M], source[f.SOURCE_PIECES]
    units, u0 = rows // pieces, r0 // pieces
    e, winner = array_at(source[f.A], m * units, zero), array_at(source[f.WINNER], m * units, np.uint8(0))
    for i in range(m):
        for u in range(n // pieces):
            at = i * units + u0 + u
            v = load(e, at)
            p = min(np.int64(load(winner, at)), pieces - 1)  # where dropout drops nobody has won, and v is 0
            store(g, u * pieces + p, load(g, u * pieces + p) + v)


@njit(**FAST)
def _move_bias(t, threads, line, h, sources, p, v1, v2, g, zero):
    """Thread t's part of a bias: its gradient is a sum over the batch, no product."""
    rows, columns, first = line[f.ROWS], line[f.COLUMNS], line[f.FIRST]
    pieces = sources[first, f.SOURCE_PIECES]
    units = max(rows, columns) // pieces
    start, stop = units * t // threads * pieces, units * (t + 1) // threads * pieces
    chunk = CHUNK // pieces * pieces
    for c in range(start, stop, chunk):
        n = min(chunk, stop - c)
        g[:n] = zero
        for s in range(first, line[f.LAST]):
            if sources[s, f.HOW] == f.ROW_SUMS:
                _add_rows(sources[s], c, n, columns, g, zero)
            else:
                _add_winners(sources[s], c, n, rows, g, zero)
        apply(line[f.RULE], p, v1, v2, c, g, n, h)


@njit(**FAST)
def ask_for(a, start, n):
    """Have a row fetched while its gradient is computed."""
    for c in range(start, start + n, 64 // a.itemsize):
        prefetch(a, c, 16)


@njit(**FAST)
def _rows_of(t, threads, rows, pieces):
    """Thread t's rows, whole units of them."""
    units = rows // pieces
    return units * t // threads * pieces, units * (t + 1) // threads * pieces


@njit(**FAST)
def update_parameter(t, threads, line, h, sources, work, zero):
    """Thread t's part of one parameter: rows, or columns of what is dense."""
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
            apply(line[f.RULE], p, v1, v2, r0, array_at(sources[s, f.A], size, zero)[r0:], r1 - r0, h)
        return
    at = work[f.SCRATCH] + t * work[f.SCRATCH_BYTES]
    if how == f.ROW_SUMS or how == f.WINS:
        _move_bias(t, threads, line, h, sources, p, v1, v2, array_at(at, CHUNK, zero), zero)
        return
    if how == f.DENSE:
        _move_densely(t, threads, line, h, sources, work, p, v1, v2, at, zero)
        return
    g = array_at(at, columns, zero)
    lists = at + (columns * p.itemsize + 63) // 64 * 64
    pieces = sources[first, f.SOURCE_PIECES]
    r0, r1 = _rows_of(t, threads, rows, pieces)
    total = 0
    for s in range(first, last):
        total += sources[s, f.M] * pieces
    val = array_at(lists, total, zero)
    idx = array_at(lists + total * p.itemsize, total, np.int32(0))
    counts = array_at(lists + total * (p.itemsize + 4), (last - first) * pieces, np.int32(0))
    ends = np.zeros(2, np.int32)
    for r in range(r0, r1):
        if how == f.WINNERS and r % pieces == 0:
            q, k = 0, 0
            for s in range(first, last):
                _list_winners(sources[s], r // pieces, rows // pieces, idx[q:], val[q:], counts[k:], zero)
                q += sources[s, f.M] * pieces
                k += pieces
        ask_for(p, r * columns, columns)
        if line[f.STATE1] != 0:
            ask_for(v1, r * columns, columns)
        for c in range(columns):
            g[c] = zero
        q, k = 0, r % pieces
        for s in range(first, last):
            m = sources[s, f.M]
            if how == f.WINNERS:
                at_piece = q + (r % pieces) * m
                ends[1] = counts[k]
                b = array_at(sources[s, f.BB], m * columns, zero)
                combine_row(b, columns, idx[at_piece:], val[at_piece:], ends, g, columns)
            else:
                _add_sparse(sources[s], r, rows, columns, g, idx, val, ends, zero)
            q += m * pieces
            k += pieces
        apply(line[f.RULE], p, v1, v2, r * columns, g, columns, h)


def update(table, numbers, sources, work, threads, zero):
    """Move every parameter of the table."""
    for t in prange(threads):
        for k in range(len(table)):
            start = ticks()
            update_parameter(np.int64(t), threads, table[k], numbers[k], sources, work, zero)
            if t == 0:
                table[k, f.UPDATE_TICKS] = ticks() - start
