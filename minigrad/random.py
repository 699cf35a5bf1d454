"""Random numbers as an argument: a Generator is seeded, splits into independent ones, and its state can be saved."""

from __future__ import annotations

from typing import Any

import numpy as np


class Generator:
    """Philox4x64-10 (Salmon et al., 2011), a counter-based generator: same seed, same numbers, on every machine.

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
        children = []
        for sequence in self._sequence.spawn(n):
            child = Generator.__new__(Generator)
            child._start(sequence)
            children.append(child)
        return children

    def uniform(self, low: float, high: float, size: Any, dtype: Any = np.float32) -> np.ndarray[Any, Any]:
        """Uniform on [low, high)."""
        return self._numbers.random(size, dtype=dtype) * np.asarray(high - low, dtype) + np.asarray(low, dtype)

    def normal(self, mean: float, std: float, size: Any, dtype: Any = np.float32) -> np.ndarray[Any, Any]:
        """Gaussian with this mean and standard deviation."""
        return self._numbers.standard_normal(size, dtype=dtype) * np.asarray(std, dtype) + np.asarray(mean, dtype)

    def bernoulli(self, p: float, size: Any) -> np.ndarray[Any, Any]:
        """True with probability ``p`` (to within 2^-24)."""
        return self._numbers.random(size, dtype=np.float32) < p

    def permutation(self, n: int) -> np.ndarray[Any, Any]:
        """The numbers 0 ... n-1 in random order (int64)."""
        return self._numbers.permutation(n)

    def integers(self, low: int, high: int, size: Any) -> np.ndarray[Any, Any]:
        """Uniform on low ... high-1 (int64)."""
        return self._numbers.integers(low, high, size)

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
        """Go on exactly where ``state_dict`` was taken."""
        try:
            self._start(
                np.random.SeedSequence(
                    state["entropy"],
                    spawn_key=state["spawn_key"],
                    n_children_spawned=state["n_children_spawned"],
                )
            )
            self._philox.state = {
                "bit_generator": "Philox",
                "state": {
                    "counter": np.array(state["counter"], np.uint64),
                    "key": np.array(state["key"], np.uint64),
                },
                "buffer": np.array(state["buffer"], np.uint64),
                "buffer_pos": state["buffer_pos"],
                "has_uint32": state["has_uint32"],
                "uinteger": state["uinteger"],
            }
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"this is not the state of a Generator: {error!r}") from None


default_generator = Generator(0)
"""What layers use that are given no generator. Starts from seed 0; ``manual_seed`` starts it anew."""


def manual_seed(seed: int) -> Generator:
    """Start the default generator anew from ``seed``."""
    return default_generator.manual_seed(seed)
