"""Every op of minigrad in every spelling, where its inputs come from, and how PyTorch writes it.

One file for each file of minigrad/ops. The tests prove each line against PyTorch and against differences, the op table
of the docs is made from it, and it is the 200 right derivatives on which a checker must not cry wolf.
"""

from . import (
    activations,
    arithmetic,
    comparison,
    counting,
    cumulative,
    diagonals,
    elementary,
    indexing,
    joining,
    rearranging,
    reductions,
    rounding,
    shape,
    sorting,
    special,
    trigonometric,
)
from .case import Case

CASES: list[Case] = [
    *arithmetic.CASES,
    *comparison.CASES,
    *elementary.CASES,
    *trigonometric.CASES,
    *special.CASES,
    *rounding.CASES,
    *activations.CASES,
    *reductions.CASES,
    *shape.CASES,
    *joining.CASES,
    *indexing.CASES,
    *rearranging.CASES,
    *diagonals.CASES,
    *cumulative.CASES,
    *sorting.CASES,
    *counting.CASES,
]

__all__ = ["CASES", "Case"]
