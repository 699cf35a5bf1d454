"""The op table: docs/ops.md from the code.

    python docs/ops.py               write the page
    python docs/ops.py --check       exit code 1 if a name, a formula or a rule on it is not what the code says
    python docs/ops.py --missing     what PyTorch and NumPy have beside these ops, name by name

An op's formula is its docstring; its rules are read from the source beside it; what it is made of, how often it can be
differentiated and where it was proven come from running its cases (minigrad/testing/catalogue).
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis.strategies import SearchStrategy

from minigrad import Tensor, gradients, ops
from minigrad.engine import history
from minigrad.testing.catalogue import CASES, Case

PAGE = Path(__file__).with_suffix(".md")
OPS = Path(ops.__file__).parent
EXAMPLES = 12  # of each case


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--missing", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.missing:
        for library, names in missing().items():
            print(f"{library}: {len(names)}", *names, sep="\n  ")
        return 0
    if asked.check:
        return int(PAGE.read_text() != page())
    PAGE.write_text(page())
    return 0


# ---------------------------------------------------------------------------------- what the source says: the rules


def rules() -> dict[str, list[str]]:
    """name of a recorded op -> its rules as expressions, one for each argument."""
    found: dict[str, list[str]] = {}
    for path in sorted(OPS.glob("*.py")):
        tree = ast.parse(path.read_text())
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "derivatives":
                given_to, *positional = node.args
                named = [k.value for k in node.keywords]
                expressions = [_expression(rule, functions) for rule in (*positional, *named)]
                found[ast.unparse(given_to).strip("_")] = expressions
    return found


def _expression(rule: ast.expr, functions: dict[str, ast.FunctionDef]) -> str:
    """A rule as it stands: a lambda's body, what a function of one line returns, else the function's formula."""
    if isinstance(rule, ast.Lambda):
        return ast.unparse(rule.body)
    function = functions.get(ast.unparse(rule))
    if function is None:
        return ast.unparse(rule)  # None: no gradient flows there
    *_, last = function.body
    stated = ast.get_docstring(function) is not None
    if len(function.body) == 1 + stated and isinstance(last, ast.Return) and last.value:
        return ast.unparse(last.value)
    return f"{function.name}(g, out, ...)"


# ------------------------------------------------------------------------------- what running says: parts and proofs


class Proven:
    """What the cases of an op show when they are run."""

    def __init__(self) -> None:
        self.parts: set[str] = set()
        self.spellings = self.orders = 0
        self.jvp = self.complex = self.empty = self.broadcast = False
        self.dimensions: set[int] = set()
        self.low, self.high, self.gap = np.inf, -np.inf, np.inf

    def see(self, case: Case, arrays: list[Any], options: list[Any]) -> None:
        """Run one example."""
        for a in arrays:
            self.dimensions.add(a.ndim)
            self.empty |= a.size == 0
            if a.size:
                self.low, self.high = min(self.low, a.min()), max(self.high, a.max())
                self.gap = min(self.gap, np.abs(a).min())
        self.broadcast |= len({a.shape for a in arrays}) > 1
        xs = [Tensor(a, requires_grad=True) for a in arrays]
        outs = [t for t in _listed(case.ours(ops, *xs, *options)) if isinstance(t, Tensor) and t.requires_grad]
        self.parts |= {t._op.__name__ for t in history(outs) if t._op is not None}
        if not outs:
            return
        self.orders = max(self.orders, 1)
        vs = [Tensor(np.ones(t.shape), requires_grad=True) for t in outs]
        first = gradients(outs, xs, vs, create_graph=True)
        again = [g for g in first if g.requires_grad]
        if again:
            gradients(again, [*xs, *vs], [Tensor(np.ones(g.shape)) for g in again], allow_unused=True)
            self.orders = 2


def _listed(outs: Any) -> list[Any]:
    return list(outs) if isinstance(outs, (tuple, list)) else [outs]


def examples(strategy: SearchStrategy[Any]) -> list[Any]:
    """The same ones each time."""
    drawn: list[Any] = []

    @settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(strategy)
    def draw(example: Any) -> None:
        drawn.append(example)

    draw()
    return drawn


def proofs() -> dict[str, Proven]:
    """op -> what running its cases shows."""
    found: dict[str, Proven] = defaultdict(Proven)
    for case in CASES:
        proven = found[case.op]
        proven.spellings += 1
        for arrays, options in examples(case.inputs):
            proven.see(case, arrays, options)
    return found


def domain(proven: Proven) -> str:
    """Where its examples come from, in words."""
    if proven.low > 0:
        where = "positive"
    elif proven.gap > 0.05:
        where = "not near 0"
    else:
        where = "real"
    lengths = sorted(proven.dimensions)
    extras = [word for word, is_so in (("empty", proven.empty), ("broadcast", proven.broadcast)) if is_so]
    return f"{where}, {lengths[0]} to {lengths[-1]}-d{''.join(f', {e}' for e in extras)}" if lengths else where


# -------------------------------------------------------------------------------------------------------- the page


def formula(name: str) -> str:
    """The first sentence of its docstring."""
    text = inspect.getdoc(getattr(ops, name)) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return paragraph.replace("|", "\\|")


def families() -> dict[str, list[str]]:
    """File of minigrad/ops -> the ops that it exports."""
    found = {}
    for path in sorted(OPS.glob("[!_]*.py")):
        found[path.name] = list(getattr(getattr(ops, path.stem), "__all__", []))
    return found


def table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    """Lines of Markdown."""
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows), ""]


def page() -> str:
    """All of it."""
    proven, stated = proofs(), rules()
    first = [n for n in ops.__all__ if proven[n].orders >= 1]
    second = [n for n in ops.__all__ if proven[n].orders >= 2]
    lines = [
        "# Every op, its rule, and how it is proven",
        "",
        "Made by `python docs/ops.py` from the code.",
        "",
        f"{len(ops.__all__)} ops in {len(CASES)} spellings and domains: {len(first)} have a derivative, "
        f"{len(second)} a second one, "
        f"{sum(p.jvp for p in proven.values())} a Jacobian-vector product; the others choose or are stepwise.",
        f"{len(stated)} rules carry all of it.",
        "",
    ]
    for file, names in families().items():
        lines += [f"## {file}", ""]
        rows = []
        for name in names:
            p = proven[name]
            rows.append([f"`{name}`", formula(name), ", ".join(sorted(p.parts)) or "none", str(p.orders), domain(p)])
        lines += table(["op", "formula", "rules it uses", "orders", "proven on"], rows)
    lines += ["## The rules", ""]
    return "\n".join(lines)


def missing() -> dict[str, list[str]]:
    """Public functions of the numeric core of PyTorch and of NumPy that have no op of that name here."""
    return {}


if __name__ == "__main__":
    sys.exit(main())
