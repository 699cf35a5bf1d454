"""What a failed check says: the sentence, the numbers, the inputs as code, a guess, and a test to paste."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from .diagnosis import diagnosis
from .properties import Finding

_MOST_LINES = 6


class OpError(AssertionError):
    """An op's derivative is wrong. The text is for people; ``property``, ``inputs`` and ``diagnosis`` for programs."""

    def __init__(self, text: str, finding: Finding | None = None, guess: str = "") -> None:
        super().__init__(text)
        self.property = finding.property if finding else None
        self.inputs = finding.point.inputs if finding else None
        self.diagnosis = guess


def failure(found: Finding, name: str, others: Sequence[Finding], options: Mapping[str, Any]) -> OpError:
    """The error to raise for this counterexample; ``others``: failures met on the way to it.

    ``options``: those of check_op and check_at that were not left as they are.
    """
    point = found.point
    for k in found.wrong if found.property == "gradient" else ():
        if k not in found.right and (known := point.one_by_one(k)) is not None:
            found.right[k], found.tolerance[k] = known
    guess = diagnosis(found, others)
    lines = [f"{name} on {point.engine.name}: {found.sentence} (property: {found.property})", ""]
    lines += [f"    x{k} = {code(a)}" for k, a in enumerate(point.inputs)]
    if found.wrong:
        lines += [f"    v{j} = {code(v)}" for j, v in enumerate(point.cotangents)]
    lines += ["", *elements(found), ""] if found.wrong else [""]
    if guess:
        lines += [f"A guess: {guess}.", ""]
    lines += ["As a test:", "", *pasted(found, name, options).splitlines()]
    return OpError("\n".join(lines), found, guess)


def elements(found: Finding) -> list[str]:
    """The elements that differ most, one line each: analytic, numeric and its bar."""
    numeric = "numeric" if found.property in ("gradient", "second_order") else "expected"
    rows: list[tuple[float, str]] = []
    for k, wrong in found.wrong.items():
        if k not in found.right:
            rows.append((0.0, f"    input {k}: {np.size(wrong):,} elements, too many to say which is wrong"))
            continue
        right, tolerance = found.right[k], found.tolerance.get(k)
        for at in np.ndindex(np.shape(right)):
            if tolerance is not None and not np.isfinite(tolerance[at]):
                continue
            bar = f" ± {tolerance[at]:.0e}" if tolerance is not None else ""
            with np.errstate(all="ignore"):
                off = np.nan_to_num(abs(wrong[at] - right[at]), nan=np.inf)
            if off > (tolerance[at] if tolerance is not None else 0):
                where = f"x{k}{list(map(int, at)) if at else ''}"
                what = "d<v, fn>" if found.property != "second_order" else "d<vjp(v), u>"
                values = f"analytic {wrong[at]:.10g}   {numeric} {right[at]:.10g}{bar}"
                rows.append((off, f"    {what}/d {where}:  {values}"))
    rows.sort(key=lambda row: -row[0])
    more = [f"    and {len(rows) - _MOST_LINES} more"] if len(rows) > _MOST_LINES else []
    return [line for _, line in rows[:_MOST_LINES]] + more


def code(a: Any) -> str:
    """The Python that makes this value."""
    if isinstance(a, (tuple, list)):
        inside = ", ".join(map(code, a))
        return f"[{inside}]" if isinstance(a, list) else f"({inside}{',' * (len(a) == 1)})"
    if not isinstance(a, np.ndarray):
        written = repr(a.item() if isinstance(a, np.generic) else a)
        return written if isinstance(a, str) else re.sub(r"\b(nan|inf)\b", r"np.\1", written)
    kind = "" if a.dtype in (np.float64, np.int64, np.bool_) and a.size else f", np.{a.dtype.name}"
    if not a.size:
        return f"np.zeros({a.shape}{kind if a.dtype != np.float64 else ''})"
    listed = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(a.tolist()))
    return f"np.array({listed}{kind})"


def name_of(fn: Any) -> str:
    """What to call a function in a report: "sin", "Square.apply", "Net.forward"; a class for an object of it."""
    name = str(getattr(fn, "__name__", type(fn).__name__))
    owner = getattr(fn, "__self__", None)
    if owner is None or isinstance(owner, ModuleType):
        return name
    return f"{(owner if isinstance(owner, type) else type(owner)).__name__}.{name}"


def pasted(found: Finding, name: str, settings: Mapping[str, Any]) -> str:
    """A test of this one point, which runs as it stands; or it says in a comment which function to put where."""
    point = found.point
    before, function = reached(point.fn, name)
    named = re.sub(r"\W+", "_", name).strip("_") or "op"
    options = [f"seed={point.seed}"]
    if point.engine.name in ("torch", "jax", "autograd", "mygrad"):
        options.append(f'engine="{point.engine.name}"')
    elif point.engine.name != "minigrad":
        before.append(f"engine = ...  # put your Engine here, {point.engine.name!r}")
        options.append("engine=engine")
    for key, value in settings.items():
        if key != "reference":
            options.append(f"{key}={value!r}")
            continue
        lines, other = reached(value, name_of(value))
        if any(line.startswith("fn =") for line in lines) or other == function:
            lines, other = [f"reference = ...  # put the reference here: {name_of(value)}"], "reference"
        before += lines
        options.append(f"reference={other}")
    arguments = ", ".join(f"x{k}" for k in range(len(point.inputs)))
    imports = [line for line in before if line.startswith("from ")]
    return "\n".join(
        [
            "import numpy as np",
            *imports,
            "from minigrad.testing import check_at",
            "",
            f"def test_{named}_{found.property}():",
            *(f"    {line}" for line in before if line not in imports),
            *(f"    x{k} = {code(a)}" for k, a in enumerate(point.inputs)),
            f"    check_at({function}, [{arguments}], {', '.join(options)})",
        ]
    )


def reached(fn: Any, name: str) -> tuple[list[str], str]:
    """(lines of Python that lead to the function, how it is called after them)."""
    owner = getattr(fn, "__self__", None)
    method = isinstance(owner, type)
    target = owner if method else fn
    path, module = getattr(target, "__qualname__", ""), getattr(target, "__module__", None)
    call = f"{path}.{fn.__name__}" if method else path
    root = path.partition(".")[0]
    if path and _at(sys.modules.get(str(module)), path) is target:
        return ([] if module == "__main__" else [f"from {module} import {root}"]), call
    if path.isidentifier() and path == name:
        return [], name  # known to no module, as in a notebook: the test belongs beside it
    place = None if method else getattr(inspect.unwrap(fn), "__code__", None)
    where = f", line {place.co_firstlineno} of {os.path.basename(place.co_filename)}" if place else ""
    if name.isidentifier() and name != name_of(fn):
        return [f"# put the function here, as {name}: {name_of(fn)}{where}"], name
    return [f"fn = ...  # put the function here: {name}{where}"], "fn"


def _at(module: Any, path: str) -> Any:
    for name in path.split("."):
        module = getattr(module, name, None)
    return module
