"""Minibatches without end: the examples in a new random order every epoch. Where it stands can be saved."""

from __future__ import annotations

from typing import Any

from minigrad import Generator
from minigrad.device import put

from ..errors import UserError


class Minibatches:
    """Iterator over ``data`` (n, d) in minibatches (batch_size, d); an epoch leaves out what fills none.

    All of the data is on ``device``, and so are the minibatches.
    """

    def __init__(self, data: Any, batch_size: int, generator: Generator, device: str = "cpu") -> None:
        if not 1 <= batch_size <= len(data):
            raise UserError(f"batch_size is {batch_size}, but there are {len(data)} training examples; take fewer")
        self.data, self.batch_size, self.generator, self.device = put(data, device), batch_size, generator, device
        self.per_epoch = len(data) // batch_size
        self._shuffle()

    def _shuffle(self) -> None:
        self._start = self.generator.state_dict()
        self.order = self.generator.permutation(len(self.data), self.device)
        self.position = 0

    def __iter__(self) -> Minibatches:
        return self

    def __next__(self) -> Any:
        return self.data[self.rows()]

    def rows(self) -> Any:
        """The next minibatch's places in the data, (batch_size,) integers."""
        self.ahead()
        start = self.position * self.batch_size
        self.position += 1
        return self.order[start : start + self.batch_size]

    def ahead(self) -> int:
        """How many minibatches the epoch still has; of the next one, if it is over."""
        if self.position == self.per_epoch:
            self._shuffle()
        return self.per_epoch - self.position

    def state_dict(self) -> dict[str, Any]:
        """The generator as it was before this epoch's order was drawn, and how many minibatches were taken since."""
        return {"generator": self._start, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on exactly where ``state_dict`` was taken."""
        self.generator.load_state_dict(state["generator"])
        self._shuffle()
        self.position = int(state["position"])
