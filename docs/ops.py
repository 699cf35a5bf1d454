"""The op table: docs/ops.md from the code.

    python docs/ops.py               write the page: two minutes
    python docs/ops.py --check       exit code 1 if a name, a formula or a rule on it is not what the code says
    python docs/ops.py --missing     the names of PyTorch and NumPy that are not here

An op's formula is its docstring; its rules are read from the source beside it; what it is made of, how often it can be
differentiated and by whom it was proven come from running its cases (minigrad/testing/catalogue).
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis.strategies import SearchStrategy

import minigrad
from minigrad import Tensor, gradients, ops
from minigrad.engine import history
from minigrad.nn import functional
from minigrad.testing import check_op
from minigrad.testing.catalogue import CASES, Case
from minigrad.transforms import jvp

PAGE = Path(__file__).with_suffix(".md")
PACKAGE = Path(minigrad.__file__).parent
EXAMPLES = 12  # of each case, to see where it leads; and for check_op


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--missing", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.missing:
        for library, names in missing().items():
            print(f"{library}, {len(names)} names: {', '.join(names)}\n")
        return 0
    if asked.check:
        return int(not agrees(PAGE.read_text()))
    PAGE.write_text(page())
    return 0


# ---------------------------------------------------------------------------------- what the source says: the rules


def families() -> dict[str, list[str]]:
    """File -> the ops and functions that it exports. Those of nn.functional that are ops stand under their own file."""
    found = {}
    for folder, package in (("ops", ops), ("nn/functional", functional)):
        for path in sorted((PACKAGE / folder).glob("[!_]*.py")):
            names = getattr(getattr(package, path.stem), "__all__", [])
            if path.stem != "aliases" and names:
                found[f"minigrad/{folder}/{path.name}"] = list(names)
    found["minigrad/nn/functional/__init__.py"] = ["fold", "unfold"]
    return found


def rules() -> dict[str, list[str]]:
    """name of a recorded op -> its rules as expressions, one for each argument."""
    found: dict[str, list[str]] = {}
    for file in families():
        tree = ast.parse((PACKAGE.parent / file).read_text())
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "derivatives":
                given_to, *positional = node.args
                named = [k.value for k in node.keywords]
                found[ast.unparse(given_to).strip("_")] = [_expression(r, functions) for r in (*positional, *named)]
    return found


def _expression(rule: ast.expr, functions: dict[str, ast.FunctionDef]) -> str:
    """A rule as it stands: a lambda's body, what a function of one line returns, else the function by name."""
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


def formula(name: str) -> str:
    """The first paragraph of its docstring."""
    text = inspect.getdoc(getattr(ops, name, None) or getattr(functional, name)) or ""
    paragraph = re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split("\n\n")[0].split()))
    return paragraph.replace("|", "\\|")


# ------------------------------------------------------------------------------- what running says: parts and proofs


class Proven:
    """What the cases of an op show when they are run."""

    def __init__(self) -> None:
        self.parts: set[str] = set()
        self.spellings = self.orders = 0
        self.jvp = self.complex = self.empty = self.broadcast = False
        self.dimensions: set[int] = set()
        self.low, self.gap = np.inf, np.inf

    def see(self, case: Case, arrays: list[Any], options: list[Any]) -> None:
        """Run one example."""
        for a in arrays:
            self.dimensions.add(a.ndim)
            self.empty |= a.size == 0
            self.low, self.gap = min(self.low, a.min(initial=np.inf)), min(self.gap, np.abs(a).min(initial=np.inf))
        self.broadcast |= len({a.shape for a in arrays}) > 1
        xs = [Tensor(a, requires_grad=True) for a in arrays]
        outs = _floating(case.ours(ops, *xs, *options))
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
        rng = np.random.default_rng(0)
        us = [rng.standard_normal(a.shape) for a in arrays]
        pushed = jvp(lambda *given: tuple(_floating(case.ours(ops, *given, *options))), tuple(xs), tuple(us))[1]
        there = sum(float(np.sum(t.data)) for t in pushed)
        back = sum(float(np.sum(g.data * u)) for g, u in zip(first, us, strict=True))
        assert np.isclose(there, back, rtol=1e-9, atol=1e-9), (case.name, there, back)
        self.jvp = True

    def check(self, case: Case) -> None:
        """Which oracles of check_op it passes."""
        inputs = case.inputs.map(lambda drawn: [*map(np.asarray, drawn[0]), tuple(drawn[1])])
        report = check_op(
            lambda *given: case.ours(ops, *given[:-1], *given[-1]),
            inputs,
            max_examples=EXAMPLES,
            broadcasts=False,
            edges=False,
            float32=case.keeps_dtype,
            name=case.name,
        )
        self.complex |= report.complex_step


def _floating(outs: Any) -> list[Any]:
    outs = list(outs) if isinstance(outs, (tuple, list)) else [outs]
    return [t for t in outs if isinstance(t, Tensor) and t.requires_grad]


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
        if case.smooth:
            proven.check(case)
    return found


def domain(proven: Proven) -> str:
    """Where its examples come from, in words."""
    if not proven.dimensions:
        return "settings alone"
    where = "positive" if proven.low > 0 else "not near 0" if proven.gap > 0.05 else "real"
    lengths = sorted(proven.dimensions)
    extras = [word for word, is_so in (("empty", proven.empty), ("broadcast", proven.broadcast)) if is_so]
    return ", ".join([where, f"{lengths[0]} to {lengths[-1]}-d", *extras])


# -------------------------------------------------------------------------------------------------------- the page


def table(head: list[str], rows: Iterable[list[str]]) -> list[str]:
    """Lines of Markdown."""
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows), ""]


def stated() -> tuple[list[list[str]], list[list[str]]]:
    """(name and formula of every op, name and rules of every recorded op): what stands in the code."""
    described = [[f"`{name}`", formula(name)] for names in families().values() for name in names]
    written = [[f"`{name}`", *(f"`{r}`" for r in of)] for name, of in sorted(rules().items())]
    return described, [[name, "; ".join(of).replace("|", "\\|")] for name, *of in written]


def agrees(text: str) -> bool:
    """Whether the page's names, formulas and rules are those of the code."""
    described, written = stated()
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    on_page = sorted(tuple(row[:2]) for row in rows)
    return on_page == sorted(tuple(row) for row in (*described, *written))


def page() -> str:
    """All of it."""
    proven, (_, written) = proofs(), stated()
    everything = [name for names in families().values() for name in names]
    counts = [sum(test(proven[n]) for n in everything) for test in (_has_first, _has_second, _has_jvp, _has_complex)]
    absent = missing()
    prose = (
        f"{len(everything)} ops and functions, in {len(CASES)} spellings and domains. {counts[0]} have a derivative, "
        f"{counts[1]} one of second order (0 where the op is linear), {counts[2]} a Jacobian-vector product (by "
        "differentiating twice); the others choose, count or compare, and no gradient flows through them. "
        f"{len(written)} rules carry all of it; an op without a rule of its own is made of others. "
        f"{len(ops.aliases.__all__)} more names are second names (minigrad/ops/aliases.py).",
        "Every case is run against PyTorch (values, first and second derivatives, float32; what PyTorch refuses is "
        "refused) in tests/minigrad/test_ops_oracles.py and test_errors_like_pytorch.py, and through `gradcheck` and "
        "`gradgradcheck`; every smooth one through `check_op` (differences with error bars, second order, linearity, "
        "purity, layouts, repeated inputs) in test_catalogue.py. *Complex step* is one oracle more, exact to rounding, "
        f"for {counts[3]} ops that take complex numbers.",
        f"Names of PyTorch that are not here: {len(absent['torch'])} of its functions and {len(absent['Tensor'])} of "
        f"its Tensor's methods; of NumPy: {len(absent['numpy'])}. `python docs/ops.py --missing` lists them.",
    )
    lines = ["# Every op, its rule, and how it is proven", "", "<!-- Written by `python docs/ops.py`; do not edit. -->"]
    for paragraph in prose:
        lines += ["", *textwrap.wrap(paragraph, 120, break_on_hyphens=False)]
    lines.append("")
    for file, names in families().items():
        rows = []
        for name in names:
            p = proven[name]
            uses = ", ".join(sorted(p.parts)) or "no rule"
            rows.append([f"`{name}`", formula(name), uses, str(p.orders), "yes" if p.complex else "", domain(p)])
        lines += [f"## {file}", ""]
        lines += table(["op", "formula", "rules used", "orders", "complex step", "proven on"], rows)
    lines += [
        "## The rules",
        "",
        "One for each argument: the gradient handed on, given `g`, which arrives at `out`.",
        "",
    ]
    lines += table(["op", "rules"], written)
    return "\n".join(lines)


def _has_first(p: Proven) -> bool:
    return p.orders >= 1


def _has_second(p: Proven) -> bool:
    return p.orders >= 2


def _has_jvp(p: Proven) -> bool:
    return p.jvp


def _has_complex(p: Proven) -> bool:
    return p.complex


FOREIGN = re.compile(  # what a numeric core on one machine's floats is not about
    r"_$|^_|^is_|cuda|xpu|mps|quant|fake|sparse|complex|conj|imag|real|dtype|device|storage|script|compil|jit|vmap|"
    r"stft|istft|fft|window|rnn|lstm|gru|backward|grad|autocast|deterministic|thread|print|seed|state|fork|cudnn|mkl|"
    r"names?$|rename|align|_copy$|^to_|^from|^save|^load|^sym_|functional|warn|vitals|import|export|profil|fbgemm|"
    r"^str|^char|^byte|nditer|^ma|fromf|txt|poly|busday|datetime|einsum_path|vectorize|piecewise|record|memmap|"
    r"^get_|^set_|^has_|shares|buffer|typename|finfo|iinfo|info$|show|test|bytes|^in_|^can_cast|^result_type|"
    r"^promote|dropout|_out$|batch_norm_|native|lobpcg|dlpack|segment|embedding|rowwise|miopen|numel|ravel_multi|"
    r"^nested|ctc|hspmm|smm|resize|swapped|share|pin|ipu|hpu|cpu|vulkan|layout|coalesce|crow|col_|ccol|row_|values$"
)


def missing() -> dict[str, list[str]]:
    """Public names of PyTorch's functions, its Tensor's methods and NumPy's functions that are not here."""
    import torch

    ours = {*ops.__all__, *functional.__all__, *minigrad.__all__, *minigrad.linalg.__all__, *dir(Tensor)}

    def left(library: Any) -> list[str]:
        names = (n for n in dir(library) if n not in ours and not FOREIGN.search(n) and n.islower())
        return [n for n in names if callable(getattr(library, n)) and not inspect.isclass(getattr(library, n))]

    return {"torch": left(torch), "Tensor": left(torch.Tensor), "numpy": left(np)}


if __name__ == "__main__":
    sys.exit(main())
