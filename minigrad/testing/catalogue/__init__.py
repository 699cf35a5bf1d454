"""Every op of minigrad in every spelling, where its inputs come from, and how PyTorch writes it.

One file for each file of minigrad/ops. The tests prove each line against PyTorch and against differences, the op table
of the docs is made from it, and it is the 200 right derivatives on which a checker must not cry wolf.
"""

from . import (
    activations,
    arithmetic,
    calculus,
    comparison,
    contractions,
    convolution,
    counting,
    cumulative,
    decompositions,
    diagonals,
    elementary,
    factorizations,
    functional,
    indexing,
    joining,
    linalg,
    losses,
    norms,
    pooling,
    products,
    rearranging,
    reductions,
    rounding,
    scattering,
    shape,
    sorting,
    special,
    statistics,
    trigonometric,
)
from .case import Case

CASES: list[Case] = [
    *arithmetic.CASES,
    *comparison.CASES,
    *products.CASES,
    *contractions.CASES,
    *linalg.CASES,
    *decompositions.CASES,
    *factorizations.CASES,
    *norms.CASES,
    *elementary.CASES,
    *trigonometric.CASES,
    *special.CASES,
    *rounding.CASES,
    *activations.CASES,
    *reductions.CASES,
    *shape.CASES,
    *convolution.CASES,
    *pooling.CASES,
    *functional.CASES,
    *losses.CASES,
    *joining.CASES,
    *indexing.CASES,
    *scattering.CASES,
    *rearranging.CASES,
    *diagonals.CASES,
    *cumulative.CASES,
    *calculus.CASES,
    *sorting.CASES,
    *counting.CASES,
    *statistics.CASES,
]

__all__ = ["CASES", "Case"]
