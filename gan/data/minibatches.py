"""Minibatches without end: the examples in a new random order every epoch. Where it stands can be saved."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import Generator

from ..errors import UserError


class Minibatches:
    """Iterator over ``data`` (n, d) in minibatches (batch_size, d); an epoch leaves out what fills none."""

    def __init__(self, data: np.ndarray[Any, Any], batch_size: int, generator: Generator) -> None:
        if not 1 <= batch_size <= len(data):
            raise UserError(f"batch_size is {batch_size}, but there are {len(data)} training examples; take fewer")
        self.data, self.batch_size, self.generator = data, batch_size, generator
        self.per_epoch = len(data) // batch_size
        self._shuffle()

    def _shuffle(self) -> None:
        self._start = self.generator.state_dict()
        self._order = self.generator.permutation(len(self.data))
        self.position = 0

    def __iter__(self) -> Minibatches:
        return self

    def __next__(self) -> np.ndarray[Any, Any]:
        if self.position == self.per_epoch:
            self._shuffle()
        rows = self._order[self.position * self.batch_size : (self.position + 1) * self.batch_size]
        self.position += 1
        return self.data[rows]

    def state_dict(self) -> dict[str, Any]:
        """The generator as it was before this epoch's order was drawn, and how many minibatches were taken since."""
        return {"generator": self._start, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self.generator.load_state_dict(state["generator"])
        self._shuffle()
        self.position = int(state["position"])
