"""Derivatives that are wrong on purpose, by classes of mistakes: who checks the checker.

definitions.py has the ops, right; formulas.py, shapes.py, regions.py and conduct.py have what can go wrong with them.
"""

from . import conduct, formulas, regions, shapes
from .definitions import DEFINITIONS
from .mutant import Definition, Kind, Mutant

KINDS: list[Kind] = [*formulas.KINDS, *shapes.KINDS, *regions.KINDS, *conduct.KINDS]
MUTANTS: list[Mutant] = [mutant for kind in KINDS for mutant in kind.mutants]

__all__ = ["DEFINITIONS", "KINDS", "MUTANTS", "Definition", "Kind", "Mutant"]
