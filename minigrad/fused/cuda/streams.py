"""A Generator's state in the form that the kernels take, and back: they draw what it would draw.

uint64[8] = counter[4], key[2], position, half word; kernels/random.cu says how words follow from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...random import Generator

Array = np.ndarray[Any, Any]

HALF = 1 << 32  # set in the last word if a half word waits to be drawn
COUNTER = 1 << 256


def packed(generator: Generator) -> Array:
    """The state of a Generator, uint64[8] in host memory."""
    s = generator.state_dict()
    half = s["uinteger"] + HALF * s["has_uint32"]
    return np.array([*s["counter"], *s["key"], s["buffer_pos"], half], np.uint64)


def unpack(words: Array, generator: Generator) -> None:
    """Set a Generator to the state that kernels have left: it goes on where they stopped."""
    *_, position, half = map(int, words)
    counter = sum(int(word) << 64 * i for i, word in enumerate(words[:4]))
    before = (counter - 1) % COUNTER  # so that drawing the words in use fills the buffer as it was
    s = generator.state_dict()
    s.update(counter=[before >> 64 * i & 2**64 - 1 for i in range(4)], buffer_pos=4)
    generator.load_state_dict(s)
    generator._philox.random_raw(position)
    s = generator.state_dict()
    s.update(has_uint32=half >> 32, uinteger=half % HALF)
    generator.load_state_dict(s)
