"""Every op of minigrad in every spelling, where its inputs come from, and how PyTorch writes it.

One file for each file of minigrad/ops. The tests prove each line against PyTorch and against differences, the op table
of the docs is made from it, and it is the 200 right derivatives on which a checker must not cry wolf.
"""

from . import (
    activations,
    arithmetic,
    contractions,
    decompositions,
    elementary,
    linalg,
    norms,
    products,
    reductions,
    shape,
)
from .case import Case

CASES: list[Case] = [
    *arithmetic.CASES,
    *products.CASES,
    *contractions.CASES,
    *linalg.CASES,
    *decompositions.CASES,
    *norms.CASES,
    *elementary.CASES,
    *activations.CASES,
    *reductions.CASES,
    *shape.CASES,
]

__all__ = ["CASES", "Case"]
