"""Who kills which mutant: every checker on the same planted mistakes, and on right derivatives, which it must let pass.

A checker kills a mutant if it complains about the wrong half and, at the same draw, not about the right half. A mutant
that cannot be made in a checker's library, or that its functions cannot show, is not counted there.
"""

from __future__ import annotations

import importlib.metadata
import platform
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import numpy as np

from .. import ops
from ..engine import Tensor
from .adapters import package
from .catalogue import CASES, Case
from .check_op import EXAMPLES
from .checkers import CHECKERS, SEED, Checker
from .draws import draws
from .mutants import KINDS, MUTANTS, Definition, Kind, Mutant
from .mutants.libraries import library

DRAWS = 10  # for checkers that do not draw for themselves
PART = 20  # cases of the catalogue that one process judges at a time
KILLED, SURVIVED, NOT_APPLICABLE = "killed", "survived", "n/a"


@dataclass
class Column:
    """What one checker said: a verdict for each mutant, and the right ops that it complained about."""

    checker: Checker
    verdicts: dict[str, str] = field(default_factory=dict)
    judged: int = 0
    alarms: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, part: Column) -> None:
        """Take in what the same checker said of other mutants and ops."""
        self.verdicts |= part.verdicts
        self.judged += part.judged
        self.alarms |= part.alarms
        self.seconds += part.seconds

    def count(self, verdict: str, mutants: Iterable[Mutant]) -> int:
        """How many of these got this verdict."""
        return sum(self.verdicts.get(m.name) == verdict for m in mutants)

    def killed_of(self, mutants: Sequence[Mutant]) -> str:
        """ "2/3", or "n/a" if none of them can be made there."""
        killed, lived = self.count(KILLED, mutants), self.count(SURVIVED, mutants)
        return f"{killed}/{killed + lived}" if killed + lived else NOT_APPLICABLE

    def survivors(self) -> list[str]:
        """The names of mutants that live."""
        return [name for name, verdict in self.verdicts.items() if verdict == SURVIVED]


@dataclass
class Table:
    """The columns, and what they stand for."""

    mutants: list[Mutant]
    columns: list[Column]
    draws: int = DRAWS

    def kinds(self) -> list[tuple[Kind, list[Mutant]]]:
        """The classes that have mutants here, with these."""
        names = {m.name for m in self.mutants}
        found = [(kind, [m for m in kind.mutants if m.name in names]) for kind in KINDS]
        return [(kind, mutants) for kind, mutants in found if mutants]


def kill_table(
    checkers: Sequence[str],
    mutants: Sequence[Mutant] = MUTANTS,
    *,
    count: int = DRAWS,
    catalogue: bool = True,
    jobs: int = 1,
    watch: Callable[[Iterable[Column], int], Iterable[Column]] | None = None,
) -> Table:
    """Let each of ``checkers`` judge all mutants, and the right halves; ours and PyTorch's the catalogue as well.

    ``count``: how many draws a checker gets that does not draw for itself. ``jobs``: so many processes, which share
    the work in parts. ``watch(parts, of how many)`` hands the parts on as they are done, for a progress bar.
    ImportError if a package is missing.
    """
    for name in checkers:
        package(CHECKERS[name].package)
    smooth = range(sum(case.smooth for case in CASES)) if catalogue else range(0)
    parts: list[tuple[str, Sequence[Mutant], range, int]] = [(name, mutants, range(0), count) for name in checkers]
    parts += [
        (name, [], smooth[start : start + PART], count)
        for name in ("check_op", "gradcheck", "torch")
        if name in checkers
        for start in range(0, len(smooth), PART)
    ]
    columns = {name: Column(CHECKERS[name]) for name in checkers}
    with _judged(parts, jobs) as done:
        for column in watch(done, len(parts)) if watch else done:
            columns[column.checker.name].add(column)
    return Table(list(mutants), list(columns.values()), count)


@contextmanager
def _judged(parts: Sequence[tuple[str, Sequence[Mutant], range, int]], jobs: int) -> Iterator[Iterable[Column]]:
    """The parts' columns, in order; of several jobs from other processes, where mutants do not go, but their names."""
    if jobs == 1:
        yield (_part(*part) for part in parts)
        return
    if any(m not in MUTANTS for _, mutants, _, _ in parts for m in mutants):
        raise ValueError("other processes know minigrad's own mutants only; judge others with jobs=1")
    tasks = [(name, [m.name for m in mutants], cases, count) for name, mutants, cases, count in parts]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        yield pool.map(_part_by_names, tasks)


def _part_by_names(task: tuple[str, list[str], range, int]) -> Column:
    name, mutants, cases, count = task
    return _part(name, [m for m in MUTANTS if m.name in set(mutants)], cases, count)


def _part(name: str, mutants: Sequence[Mutant], cases: range, count: int) -> Column:
    """What a checker says of some mutants and some of the catalogue's smooth cases."""
    checker = CHECKERS[name]
    column, started = Column(checker), time.perf_counter()
    with quiet():
        _judge_mutants(checker, mutants, column, count)
        _judge_catalogue(checker, [case for case in CASES if case.smooth][cases.start : cases.stop], column, count)
    column.seconds = time.perf_counter() - started
    return column


def _judge_mutants(checker: Checker, mutants: Sequence[Mutant], column: Column, count: int) -> None:
    made_in = library(checker.library)
    fair: dict[str, list[Any]] = {}
    for mutant in mutants:
        if mutant.needs & set(made_in.lacks):
            column.verdicts[mutant.name] = NOT_APPLICABLE
            continue
        right, wrong = made_in.function(mutant.right), made_in.function(mutant.wrong)
        of, key = mutant.right, f"{mutant.right.name} on {id(mutant.right.inputs)}"
        if key not in fair:
            inputs = [of.inputs] if checker.draws else draws(of.inputs, count, SEED)
            complaints = [_complaint(checker, right, given, of) for given in inputs]
            fair[key] = [given for given, said in zip(inputs, complaints, strict=True) if said is None]
            column.judged += 1
            for said in filter(None, complaints):
                column.alarms[of.name] = said
        caught = any(_complaint(checker, wrong, given, of) is not None for given in fair[key])
        column.verdicts[mutant.name] = KILLED if caught else SURVIVED


def _complaint(checker: Checker, function: Any, given: Any, of: Definition) -> str | None:
    """What the checker said, None if it let the function pass. A function that raises is found, whoever is asked."""
    try:
        checker.check(function, given, **(of.options if checker.draws else {}))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


@dataclass(frozen=True)
class _Settings:
    """What a case's op takes beside its arrays: one value, which no checker looks into."""

    values: Sequence[Any]


def _judge_catalogue(checker: Checker, cases: Sequence[Case], column: Column, count: int) -> None:
    """Right ops: those of minigrad for our checkers, the same in PyTorch for its own."""
    for case in cases:
        column.judged += 1
        if checker.draws:
            inputs = case.inputs.map(lambda drawn: [*map(np.asarray, drawn[0]), _Settings(drawn[1])])
            options = {} if case.keeps_dtype else {"float32": False}
            of = Definition(case.name, case.ours, (), inputs, options)
            said = _complaint(checker, lambda *args, c=case: c.ours(ops, *args[:-1], *args[-1].values), inputs, of)
            if said is not None:
                column.alarms[case.name] = said
            continue
        for arrays, options in draws(case.inputs, max(2, count // 3), SEED):
            of = Definition(case.name, case.ours, (), case.inputs.map(list))
            if checker.library == "torch":  # whose batch_norm (2.13, CPU) is itself wrong where its weight is strided
                arrays = [np.array(a, order="C") for a in arrays]
            said = _complaint(checker, _with_settings(checker, case, options), arrays, of)
            if said is not None:
                column.alarms[case.name] = said


def _with_settings(checker: Checker, case: Case, options: Sequence[Any]) -> Any:
    if checker.library == "minigrad":
        return lambda *tensors: case.ours(ops, *tensors, *options)
    torch = package("torch")
    given = [_for_torch(torch, option) for option in options]
    return lambda *tensors: case.theirs(torch, *tensors, *given)


def _for_torch(torch: Any, option: Any) -> Any:
    if isinstance(option, tuple):
        return tuple(_for_torch(torch, o) for o in option)
    if isinstance(option, Tensor):
        option = option.data
    return torch.tensor(option.copy()) if isinstance(option, np.ndarray) else option


@contextmanager
def quiet() -> Iterator[None]:
    """Infinite values and what libraries say of themselves are no news here."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---------------------------------------------------------------------------------------------------- output


def versions(table: Table) -> dict[str, str]:
    """Of Python and of the packages that were asked."""
    names = {"numpy": "numpy", "hypothesis": "hypothesis"}
    names |= {c.checker.package: c.checker.package for c in table.columns if c.checker.package != "minigrad"}
    return {"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in sorted(names)}}


def rows(table: Table) -> list[list[str]]:
    """The head, a row for each class, and the sums."""
    found = [["class of mistakes", *(c.checker.name for c in table.columns)]]
    found += [[kind.name, *(c.killed_of(mutants) for c in table.columns)] for kind, mutants in table.kinds()]
    found.append(["all", *(c.killed_of(table.mutants) for c in table.columns)])
    found.append(["not applicable", *(str(c.count(NOT_APPLICABLE, table.mutants)) for c in table.columns)])
    found.append(["false alarms", *(f"{len(c.alarms)}/{c.judged}" for c in table.columns)])
    return found


def as_text(table: Table) -> str:
    """Columns of one width, and who survived where."""
    cells = rows(table)
    width = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, width, strict=True)).rstrip() for row in cells]
    for column in table.columns:
        lines += ["", f"{column.checker.name}: {column.checker.title}, {column.seconds:.0f} s"]
        lines += [f"  survives: {name}" for name in column.survivors()]
        lines += [f"  false alarm: {name}: {said.splitlines()[0][:150]}" for name, said in column.alarms.items()]
    return "\n".join(lines)


def as_json(table: Table) -> dict[str, Any]:
    """All verdicts, with what they were made by."""
    return {
        "versions": versions(table),
        "seed": SEED,
        "draws": table.draws,
        "examples": EXAMPLES,
        "kinds": {kind.name: [m.name for m in mutants] for kind, mutants in table.kinds()},
        "columns": {
            c.checker.name: {
                "title": c.checker.title,
                "verdicts": c.verdicts,
                "judged": c.judged,
                "alarms": c.alarms,
                "seconds": round(c.seconds, 1),
            }
            for c in table.columns
        },
    }
