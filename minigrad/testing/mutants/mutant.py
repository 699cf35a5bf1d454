"""What a mutant is: an op with a derivative that is wrong on purpose, and the right one beside it.

An op is written once, in the functions of ``m``, a library's own by NumPy's names (libraries.py): ``forward(m, *args)``
and one rule for each argument, ``rule(m, g, out, *args)``. From this one definition every library gets the op through
its own mechanism for users' functions, so that every library's own checker judges the same mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis.strategies import SearchStrategy

Rule = Callable[..., Any]


@dataclass(frozen=True)
class Definition:
    """An op: ``forward(m, *args)``, its rules, and ``inputs``, which draws the list of its arguments.

    The op is smooth on the whole of ``inputs``: whoever complains about the right rules is wrong. ``options``
    for `check_op`: broadcasts=False where the forward would take shapes that the op is not meant for.
    """

    name: str
    forward: Callable[..., Any]
    rules: tuple[Rule, ...]
    inputs: SearchStrategy[list[Any]]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Mutant:
    """``right`` with ``wrong`` in place of some of its rules, and perhaps with another forward.

    ``kind`` is the class of mistakes, of which ``story`` says where such a one was made. ``needs`` names what a library
    must have for the mistake to be possible in it at all (FEATURES in libraries.py).
    """

    name: str
    kind: str
    right: Definition
    wrong: Definition
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Kind:
    """A class of mistakes, and the real-world bug that it stands for."""

    name: str
    story: str
    mutants: list[Mutant] = field(default_factory=list)

    def mutant(
        self,
        of: Definition,
        what: str,
        *rules: Rule | None,
        forward: Callable[..., Any] | None = None,
        inputs: SearchStrategy[list[Any]] | None = None,
        needs: str = "",
    ) -> None:
        """Add a mutant of ``of``: ``rules`` stand in for its own, None keeps one; ``inputs`` narrows the domain."""
        of = of if inputs is None else replace(of, inputs=inputs)
        kept = list(of.rules)
        for i, rule in enumerate(rules):
            kept[i] = rule or kept[i]
        wrong = replace(of, forward=forward or of.forward, rules=tuple(kept))
        name = f"{of.name}: {what}"
        self.mutants.append(Mutant(name, self.name, of, wrong, frozenset(needs.split())))
