"""Random numbers as an argument: a Generator is seeded, splits into independent ones, and its state can be saved."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Generator:
    """Philox4x64-10 (Salmon et al., 2011), a counter-based generator: same seed and same NumPy, same numbers.

    Methods return NumPy arrays of ``dtype`` (float32 by default) and move the state on.
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

    def uniform(self, low: float, high: float, size: Any, dtype: Any = np.float32) -> Array:
        """Uniform on [low, high), where rounding may still give ``high``."""
        out: Array = _moved(self._numbers.random(size, dtype=dtype), high - low, low, dtype)
        return out

    def normal(self, mean: float, std: float, size: Any, dtype: Any = np.float32) -> Array:
        """Gaussian with this mean and standard deviation."""
        out: Array = _moved(self._numbers.standard_normal(size, dtype=dtype), std, mean, dtype)
        return out

    def bernoulli(self, p: float, size: Any) -> Array:
        """True with probability ``p``, rounded to a multiple of 2^-16. A fair coin takes one random bit, others 16."""
        if not 0 <= p <= 1:
            raise ValueError(f"bernoulli needs a probability between 0 and 1, got p={p}")
        shape = (size,) if isinstance(size, (int, np.integer)) else tuple(size)
        n = math.prod(shape)
        if p == 0.5:
            bits = np.unpackbits(self._philox.random_raw(-(-n // 64)).view(np.uint8), count=n)
            return bits.view(bool).reshape(shape)
        coins = self._philox.random_raw(-(-n // 4)).view(np.uint16)[:n]
        out: Array = (coins < round(p * 2**16)).reshape(shape)
        return out

    def permutation(self, n: int) -> Array:
        """The numbers 0 ... n-1 in random order (int64)."""
        return self._numbers.permutation(n)

    def integers(self, low: int, high: int, size: Any) -> Array:
        """Uniform on low ... high-1 (int64)."""
        out: Array = self._numbers.integers(low, high, size)
        return out

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


def _moved(x: Any, scale: float, shift: float, dtype: Any) -> Any:
    """``x scale + shift`` in the memory of x, if x is an array."""
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
