"""What a line of the catalogue is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Case:
    """An op in one spelling: ``ours(m, *tensors, *settings)`` with m = minigrad.ops, ``theirs`` with m = torch.

    ``name`` is the op's, and after a colon the spelling; a name alone is the function, which takes bare arrays too.
    ``inputs`` draws ([arrays], [settings]) from the domain. Not ``smooth``: piecewise constant, no gradient flows.
    Not ``keeps_dtype``: float32 in is float64 out, because the spelling says so.
    """

    name: str
    ours: Callable[..., Any]
    inputs: SearchStrategy[tuple[list[Any], list[Any]]]
    theirs: Callable[..., Any]
    smooth: bool = True
    keeps_dtype: bool = True

    @property
    def op(self) -> str:
        """The op's name."""
        return self.name.partition(":")[0]


def collect(cases: list[Case]) -> Callable[..., None]:
    """``case(name, ours, inputs, theirs=None, smooth=True, keeps_dtype=True)``, which adds a line to ``cases``."""

    def case(
        name: str, ours: Any, inputs: Any, theirs: Any = None, smooth: bool = True, keeps_dtype: bool = True
    ) -> None:
        cases.append(Case(name, ours, inputs, theirs or ours, smooth, keeps_dtype))

    return case
