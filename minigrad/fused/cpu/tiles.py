"""The kernels that do the arithmetic where BLAS would multiply zeros: rows combined, dots of chosen rows, and both.

All keep a tile of sums in registers. How many words a tile has depends on the processor and is fixed when this
module is imported: 16 registers of 512 bits, 8 of 256, 16 of 128.

Here and in the kernels numbers are passed as ``np.int64(0)``, not 0, and the threads of a prange as ``np.int64(t)``:
for a literal, and for an unsigned number, Numba would compile one more version of all that is called.
"""

from __future__ import annotations

import platform
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numba import config, njit

from .vectors import load, prefetch, store, vcat, vfma, vinto, vload, vrepeat, vset, vstore, vsums, vtile

FAST: Any = {"error_model": "numpy", "boundscheck": False}
INLINED: Any = {**FAST, "forceinline": True}


def _register_words() -> int:
    """32-bit words in a vector register of the processor that Numba compiles for."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return 4
    if config.CPU_FEATURES is not None or config.CPU_NAME is not None:
        return 16 if "+avx512f" in (config.CPU_FEATURES or "") else 8
    return 16 if llvm.get_host_cpu_features().get("avx512f") else 8


REGISTER = _register_words()
TILE4, TILE2, TILE1 = 16 * REGISTER, 8 * REGISTER, 4 * REGISTER  # words of 4, 2 and 1 rows' sums
WIDE = {16: 256, 8: 64, 4: 64}[REGISTER]  # half of the registers hold sums, the others operands
MIDDLE, NARROW = (64, 16) if WIDE == 256 else (32, 8)
ROWS = 2 if REGISTER == 8 else 4  # rows of a tile of dots: ROWS x 4 sums
BLOCK = 32  # rows of w that stay in the first-level cache while all rows of out pass


@njit(**FAST)
def part(n, t, threads):
    """Where thread t of so many begins among n columns: a multiple of 16, so that parts are whole vectors."""
    return n if t == threads else n * t // threads // 16 * 16


def _combine_tile(words):
    @njit(**INLINED)
    def tile(w, w0, ldw, idx, val, ends, blocks, ldi, out, o0, ldo, i0, i1):
        for b in range(blocks):
            for i in range(i0, i1):
                if b + 1 < blocks and i - i0 < BLOCK:
                    prefetch(w, w0 + ((b + 1) * BLOCK + i - i0) * ldw, words)
                begin = i * (blocks + 1) + b
                sums = vload(out, o0 + i * ldo, words)
                for q in range(i * ldi + np.int64(load(ends, begin)), i * ldi + np.int64(load(ends, begin + 1))):
                    row = vload(w, w0 + np.int64(load(idx, q)) * ldw, words)
                    sums = vfma(vset(load(val, q), words), row, sums)
                vstore(out, o0 + i * ldo, sums)

    return tile


_combine_wide, _combine_middle, _combine_narrow = (_combine_tile(n) for n in (WIDE, MIDDLE, NARROW))


@njit(**FAST)
def combine(w, w0, ldw, idx, val, ends, blocks, ldi, out, o0, ldo, n, i0, i1):
    """``out_i += sum_q val_iq w_(idx_iq)`` for rows i0 <= i < i1 of n elements.

    Row i lists its rows of w in ``idx, val[i ldi + ends[i, 0] : i ldi + ends[i, blocks]]``, cut into blocks of BLOCK
    rows of w, or one block for all. ``w0, o0``: the first element; ``ldw, ldo``: from row to row.
    """
    scale = w.itemsize // 4
    c = np.int64(0)
    while c + WIDE // scale <= n:
        _combine_wide(w, w0 + c, ldw, idx, val, ends, blocks, ldi, out, o0 + c, ldo, i0, i1)
        c += WIDE // scale
    while c + MIDDLE // scale <= n:
        _combine_middle(w, w0 + c, ldw, idx, val, ends, blocks, ldi, out, o0 + c, ldo, i0, i1)
        c += MIDDLE // scale
    while c + NARROW // scale <= n:
        _combine_narrow(w, w0 + c, ldw, idx, val, ends, blocks, ldi, out, o0 + c, ldo, i0, i1)
        c += NARROW // scale
    if c < n:
        for i in range(i0, i1):
            begin = i * (blocks + 1)
            for q in range(i * ldi + np.int64(load(ends, begin)), i * ldi + np.int64(load(ends, begin + blocks))):
                x, row = load(val, q), w0 + np.int64(load(idx, q)) * ldw
                for j in range(c, n):
                    store(out, o0 + i * ldo + j, load(out, o0 + i * ldo + j) + x * load(w, row + j))


@njit(**FAST)
def combine_row(w, ldw, idx, val, ends, out, n):
    """``out[:n] += sum_q val_q w_(idx_q)``: one row, which is listed in ``idx, val[ends[0] : ends[1]]``."""
    first, one = np.int64(0), np.int64(1)
    combine(w, first, ldw, idx, val, ends, one, first, out, first, n, n, first, one)


@njit(inline="always")
def _four(x, a, b, c, d):
    """One register from each of four places."""
    return vcat(vcat(vload(x, a, REGISTER), vload(x, b, REGISTER)), vcat(vload(x, c, REGISTER), vload(x, d, REGISTER)))


@njit(**INLINED)
def _dots4(x, a, b, c, d, w, p, ldw, n, s):
    sums = vset(x.dtype.type(0), TILE4)
    for k in range(0, n, REGISTER * 4 // x.itemsize):
        xs = _four(x, a + k, b + k, c + k, d + k)
        ws = _four(w, p + k, p + ldw + k, p + 2 * ldw + k, p + 3 * ldw + k)
        sums = vfma(vrepeat(ws, REGISTER, 4), vtile(xs, 4), sums)
    vstore(s, 0, vsums(sums, REGISTER))


@njit(**INLINED)
def _dots2(x, a, b, c, d, w, p, ldw, n, s):
    sums = vset(x.dtype.type(0), TILE2)
    for k in range(0, n, REGISTER * 4 // x.itemsize):
        xs = _four(x, a + k, b + k, c + k, d + k)
        ws = vcat(vload(w, p + k, REGISTER), vload(w, p + ldw + k, REGISTER))
        sums = vfma(vrepeat(ws, REGISTER, 4), vtile(xs, 2), sums)
    vstore(s, 0, vsums(sums, REGISTER))


@njit(**INLINED)
def _dots1(x, a, b, c, d, w, p, n, s):
    sums = vset(x.dtype.type(0), TILE1)
    for k in range(0, n, REGISTER * 4 // x.itemsize):
        xs = _four(x, a + k, b + k, c + k, d + k)
        sums = vfma(vtile(vload(w, p + k, REGISTER), 4), xs, sums)
    vstore(s, 0, vsums(sums, REGISTER))


@njit(**INLINED)
def dots(x, ldx, rows, q, last, w, p, ldw, count, n, s):
    """``s[4 r + m] = x_(rows[q + m]) . w_r`` for r < count and four m, rows past ``last`` read again.

    Rows of x begin at multiples of ldx, rows of w at p + r ldw; all have n elements.
    """
    a, b = np.int64(load(rows, q)) * ldx, np.int64(load(rows, min(q + 1, last))) * ldx
    c, d = np.int64(load(rows, min(q + 2, last))) * ldx, np.int64(load(rows, min(q + 3, last))) * ldx
    whole = n - n % (REGISTER * 4 // x.itemsize)
    r = 0
    while r < count:
        if ROWS == 4 and r + 4 <= count:
            height = 4
            _dots4(x, a, b, c, d, w, p + r * ldw, ldw, whole, s[4 * r :])
        elif r + 2 <= count:
            height = 2
            _dots2(x, a, b, c, d, w, p + r * ldw, ldw, whole, s[4 * r :])
        else:
            height = 1
            _dots1(x, a, b, c, d, w, p + r * ldw, whole, s[4 * r :])
        if whole < n:
            for h in range(r, r + height):
                row = p + h * ldw
                for k in range(whole, n):
                    weight = load(w, row + k)
                    store(s, 4 * h, load(s, 4 * h) + weight * load(x, a + k))
                    store(s, 4 * h + 1, load(s, 4 * h + 1) + weight * load(x, b + k))
                    store(s, 4 * h + 2, load(s, 4 * h + 2) + weight * load(x, c + k))
                    store(s, 4 * h + 3, load(s, 4 * h + 3) + weight * load(x, d + k))
        r += height


def _combine_and_dot_tile(words):
    @njit(**INLINED)
    def tile(e, e0, lde, idx, val, count, w, w0, g, c, s):
        row, sums = vload(w, w0, words), vset(e.dtype.type(0), words)
        for q in range(count):
            one = vload(e, e0 + np.int64(load(idx, q)) * lde, words)
            sums = vfma(vset(load(val, q), words), one, sums)
            at = q * (REGISTER * 4 // e.itemsize)
            vstore(s, at, vinto(one, row, vload(s, at, REGISTER)))
        vstore(g, c, sums)

    return tile


_both_wide, _both_middle, _both_narrow = (_combine_and_dot_tile(n * REGISTER) for n in (8 if REGISTER > 8 else 4, 2, 1))
BOTH_WIDE = REGISTER * (8 if REGISTER > 8 else 4)


@njit(**FAST)
def combine_and_dot(e, lde, idx, val, count, w, w0, g, n, s, d, d0, ldd):
    """``g = sum_q val_q e_(idx_q)`` and ``d[d0 + idx_q ldd] = e_(idx_q) . w``: each element of e is read once for both.

    Rows of e begin at multiples of lde; they, w from w0 on, and g have n elements. s: scratch, a register for each q
    and four more.
    """
    lanes = REGISTER * 4 // e.itemsize
    scale = e.itemsize // 4
    s[: (count + 4) * lanes] = e.dtype.type(0)
    c = np.int64(0)
    while c + BOTH_WIDE // scale <= n:
        _both_wide(e, c, lde, idx, val, count, w, w0 + c, g, c, s)
        c += BOTH_WIDE // scale
    while c + 2 * REGISTER // scale <= n:
        _both_middle(e, c, lde, idx, val, count, w, w0 + c, g, c, s)
        c += 2 * REGISTER // scale
    while c + REGISTER // scale <= n:
        _both_narrow(e, c, lde, idx, val, count, w, w0 + c, g, c, s)
        c += REGISTER // scale
    if c < n:
        g[c:n] = e.dtype.type(0)
        for q in range(count):
            row = np.int64(load(idx, q)) * lde
            for k in range(c, n):
                store(g, k, load(g, k) + load(val, q) * load(e, row + k))
                store(s, q * lanes, load(s, q * lanes) + load(w, w0 + k) * load(e, row + k))
    for q in range(0, count, 4):
        vstore(s, q, vsums(vload(s, q * lanes, TILE1), REGISTER))  # q < 4 q: what is read next is not written yet
        for k in range(q, min(q + 4, count)):
            store(d, d0 + np.int64(load(idx, k)) * ldd, load(s, k))
