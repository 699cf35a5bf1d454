"""What a Generator draws on cuda: the numbers that NumPy would draw next, computed by kernels from where it stands.

The generator's state stays where it is, in NumPy. A copy of a state lies on the device; how far the generator has come
since is counted in words of 64 bits, which a kernel skips. So a draw is one launch, and nothing is copied.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ...device import CUDA, Array, cupy, put
from ...random import Generator, moved
from .launch import kernels

LONGEST = 2**62  # words after which a new copy is made: kernels count in int64


class Copy(NamedTuple):
    """A generator's state in device memory, uint64[8], and what it is a copy of."""

    library: Any
    key: tuple[int, ...]
    words: int  # 4 counter + position
    state: Array


_copies: WeakKeyDictionary[Generator, Copy] = WeakKeyDictionary()


def _place(generator: Generator) -> tuple[Array, int]:
    """A state on the device that the generator has passed through, and how many words ago."""
    key, words = generator.place()
    known = _copies.get(generator)
    if known is None or known.key != key or known.library is not cupy() or not 0 <= words - known.words < LONGEST:
        counter, position = divmod(words - 1, 4)  # a position is 1 to 4
        state = [*(counter >> 64 * i & 2**64 - 1 for i in range(4)), *key, position + 1, 0]
        known = _copies[generator] = Copy(cupy(), key, words, put(np.array(state, np.uint64), CUDA))
    return known.state, words - known.words


def uniform(generator: Generator, low: float, high: float, shape: tuple[int, ...]) -> Array:
    """``Generator.uniform``, float32."""
    n = math.prod(shape)
    out = cupy().empty(n, np.float32)
    rest = out
    if n and (half := generator.take_half()) is not None:  # of a word that was drawn before
        u = np.asarray(half >> 8, np.float32) * np.float32(2**-24)
        out[0] = moved(u, high - low, low, np.float32)
        rest = out[1:]
    if rest.size:
        state, words = _place(generator)
        kernels().uniform(rest, state, words, low, high)
        generator.skip(0, halves=rest.size)
    return out.reshape(shape)


def bernoulli(generator: Generator, p: float, shape: tuple[int, ...]) -> Array:
    """``Generator.bernoulli``: booleans."""
    n = math.prod(shape)
    out = cupy().empty(n, np.bool_)
    state, words = _place(generator)
    kernels().bernoulli(out, state, words, p)
    generator.skip(-(-n // (64 if p == 0.5 else 4)))
    return out.reshape(shape)
