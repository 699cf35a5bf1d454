"""Random numbers as an argument: a Generator is seeded, splits into independent ones, and its state can be saved."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import kernels
from .device import Array, put


class Generator:
    """Philox4x64-10 (Salmon et al., 2011), a counter-based generator: same seed and same NumPy, same numbers.

    Methods return arrays of ``dtype`` (float32 by default) on ``device`` (the cpu by default) and move the state on.
    The numbers, and the state after them, are the same on every device. Coins and float32 uniforms are computed on the
    GPU; all others, and all with ``use_kernels("plain")``, on the processor, and copied.
    """

    def __init__(self, seed: int = 0) -> None:
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> Generator:
        """Start anew from ``seed``."""
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ValueError(f"a seed is an integer >= 0, got {seed!r}")
        self._start(np.random.SeedSequence(int(seed)))
        return self

    def _start(self, sequence: np.random.SeedSequence) -> None:
        self._sequence = sequence
        self._philox = np.random.Philox(sequence)
        self._numbers = np.random.Generator(self._philox)

    def split(self, n: int = 2) -> list[Generator]:
        """``n`` generators independent of this one and of each other; every call gives new ones."""
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
            raise ValueError(f"split makes an integer number of generators, got {n!r}")
        children = []
        for sequence in self._sequence.spawn(n):
            child = Generator.__new__(Generator)
            child._start(sequence)
            children.append(child)
        return children

    def uniform(self, low: float, high: float, size: Any, dtype: Any = np.float32, device: Any = None) -> Array:
        """Uniform on [low, high), where rounding may still give ``high``."""
        out = kernels.uniform(self, low, high, _shape(size), dtype, device)
        return (
            _put(moved(self._numbers.random(size, dtype=dtype), high - low, low, dtype), device) if out is None else out
        )

    def normal(self, mean: float, std: float, size: Any, dtype: Any = np.float32, device: Any = None) -> Array:
        """Gaussian with this mean and standard deviation.

        Computed on the processor: NumPy's ziggurat uses up as many words as chance has it, one sample after another.
        """
        return _put(moved(self._numbers.standard_normal(size, dtype=dtype), std, mean, dtype), device)

    def bernoulli(self, p: float, size: Any, device: Any = None) -> Array:
        """True with probability ``p``, rounded to a multiple of 2^-16. A fair coin takes one random bit, others 16."""
        if not 0 <= p <= 1:
            raise ValueError(f"bernoulli needs a probability between 0 and 1, got p={p}")
        shape = _shape(size)
        out = kernels.bernoulli(self, p, shape, device)
        if out is not None:
            return out
        n = math.prod(shape)
        if p == 0.5:
            coins = np.unpackbits(self._philox.random_raw(-(-n // 64)).view(np.uint8), count=n).view(bool)
        else:
            coins = self._philox.random_raw(-(-n // 4)).view(np.uint16)[:n] < round(p * 2**16)
        return _put(coins.reshape(shape), device)

    def permutation(self, n: int, device: Any = None) -> Array:
        """The numbers 0 ... n-1 in random order (int64)."""
        return _put(self._numbers.permutation(n), device)

    def integers(self, low: int, high: int, size: Any, device: Any = None) -> Array:
        """Uniform on low ... high-1 (int64)."""
        return _put(self._numbers.integers(low, high, size), device)

    # --------------------------------------------------------------------------- for who computes numbers elsewhere

    def place(self) -> tuple[tuple[int, ...], int]:
        """The key, and 4 times the counter plus how many words of its block are taken: where the next word is."""
        state: Any = self._philox.state
        words = 4 * _number(state["state"]["counter"]) + int(state["buffer_pos"])
        return tuple(int(k) for k in state["state"]["key"]), words

    def skip(self, words: int, halves: int = 0) -> None:
        """Go on as if so many 64-bit words had been drawn, and then so many halves of words: a float32 takes one.

        NumPy keeps the second half of a word for the next who wants one, whoever takes whole words in between.
        """
        if words < 0 or halves < 0:
            raise ValueError(f"a generator cannot go back; got {words} words and {halves} halves to skip")
        fresh = halves - (halves > 0 and self.take_half() is not None)
        words += -(-fresh // 2)
        if not words:
            return
        state: Any = self._philox.state
        block, taken = divmod(int(state["buffer_pos"]) + words - 1, 4)
        # one block earlier, so that drawing what is taken of the last one fills the buffer
        state["state"]["counter"] = _counter(_number(state["state"]["counter"]) + block - 1)
        state["buffer_pos"] = 4
        self._philox.state = state
        last = int(self._philox.random_raw(taken + 1)[-1])
        if fresh:
            state = self._philox.state
            state["has_uint32"], state["uinteger"] = fresh % 2, last >> 32
            self._philox.state = state

    def take_half(self) -> int | None:
        """The half that is left of a word of which a float32 took the other, for who draws the next. None: none is."""
        state: Any = self._philox.state
        if not state["has_uint32"]:
            return None
        state["has_uint32"] = 0
        self._philox.state = state
        return int(state["uinteger"])

    def state_dict(self) -> dict[str, Any]:
        """The whole state, in numbers, strings and lists: fit for JSON."""
        state: Any = self._philox.state
        return {
            "entropy": self._sequence.entropy,
            "spawn_key": [int(k) for k in self._sequence.spawn_key],
            "n_children_spawned": self._sequence.n_children_spawned,
            "counter": [int(c) for c in state["state"]["counter"]],
            "key": [int(k) for k in state["state"]["key"]],
            "buffer": [int(b) for b in state["buffer"]],
            "buffer_pos": int(state["buffer_pos"]),
            "has_uint32": int(state["has_uint32"]),
            "uinteger": int(state["uinteger"]),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken. What is no such state raises ValueError and changes nothing."""
        _check(state)
        sequence = np.random.SeedSequence(
            state["entropy"], spawn_key=state["spawn_key"], n_children_spawned=state["n_children_spawned"]
        )
        if state["key"] != sequence.generate_state(2, np.uint64).tolist():
            raise ValueError("this is not the state of a Generator: its key does not follow from entropy and spawn_key")
        self._start(sequence)
        words = {name: np.array(state[name], np.uint64) for name in ("counter", "key", "buffer")}
        self._philox.state = {
            "bit_generator": "Philox",
            "state": {"counter": words["counter"], "key": words["key"]},
            "buffer": words["buffer"],
            "buffer_pos": state["buffer_pos"],
            "has_uint32": state["has_uint32"],
            "uinteger": state["uinteger"],
        }


def _shape(size: Any) -> tuple[int, ...]:
    return (int(size),) if isinstance(size, (int, np.integer)) else tuple(size or ())


def _put(x: Any, device: Any) -> Any:
    return x if device is None else put(x, device)


def _number(counter: Any) -> int:
    """The 256 bits of a counter, its lowest word first."""
    return sum(int(word) << 64 * i for i, word in enumerate(counter))


def _counter(number: int) -> Array:
    """Its words again; after the last number comes 0."""
    return np.array([number >> 64 * i & 2**64 - 1 for i in range(4)], np.uint64)


def moved(x: Any, scale: float, shift: float, dtype: Any) -> Any:
    """``x scale + shift``, rounded twice, in the memory of x, if x is an array."""
    x *= np.asarray(scale, dtype)
    x += np.asarray(shift, dtype)
    return x if x.ndim else x[()]


_FIELDS: dict[str, tuple[str, int | None, int, float]] = {  # of a state: kind, length of a list, low <= n < high
    "entropy": ("number", None, 0, math.inf),
    "spawn_key": ("list", None, 0, 2**32),
    "n_children_spawned": ("number", None, 0, 2**32),
    "counter": ("list", 4, 0, 2**64),
    "key": ("list", 2, 0, 2**64),
    "buffer": ("list", 4, 0, 2**64),
    "buffer_pos": ("number", None, 1, 5),
    "has_uint32": ("number", None, 0, 2),
    "uinteger": ("number", None, 0, 2**32),
}


def _check(state: Any) -> None:
    """Raise ValueError for what ``state_dict`` never returns. NumPy takes some of it, and reads outside its buffer."""
    if not isinstance(state, dict) or state.keys() != _FIELDS.keys():
        raise ValueError(f"this is not the state of a Generator, which has the fields {', '.join(_FIELDS)}")
    for name, (kind, length, low, high) in _FIELDS.items():
        value = state[name]
        numbers = value if kind == "list" else [value]
        fits = isinstance(numbers, list) and length in (None, len(numbers))
        if not fits or not all(type(n) is int and low <= n < high for n in numbers):
            raise ValueError(f"this is not the state of a Generator: its {name} cannot be right")


default_generator = Generator(0)
"""What layers use that are given no generator. Starts from seed 0; ``manual_seed`` starts it anew."""


def manual_seed(seed: int) -> Generator:
    """Start the default generator anew from ``seed``."""
    return default_generator.manual_seed(seed)
