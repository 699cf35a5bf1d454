"""The kill table as a page of the docs."""

from __future__ import annotations

from .check_op import EXAMPLES
from .checkers import NO_CHECKER, SEED
from .killtable import Table, rows, versions

_HEAD = """\
# The kill table: which checker finds which mistake

<!-- Written by `python -m minigrad.testing kill-table --markdown docs/kill-table.md`; do not edit. -->

A checker of derivatives is itself checked with mutants: ops whose derivative is wrong on purpose, each after a mistake
that was made somewhere. Every mutant is written once, in minigrad/testing/mutants, and planted in each library by that
library's own mechanism: `op` and `derivatives`, `torch.autograd.Function`, `jax.custom_vjp`,
`autograd.extend.primitive`, and a plain function with its gradient for SciPy. So each checker judges the same mistake
in its own library.

A cell says how many of the class were killed, of those that can be made in that library: the checker complained about
the wrong op and, at the same input, not about the right one. `n/a`: none can be made there, because arrays cannot be
written, have no strides or are hidden by tracers (JAX), or because the checker takes functions without second
derivatives (SciPy).
"""


def as_markdown(table: Table) -> str:
    """The page: how, the table, the classes, the survivors."""
    head, *body = rows(table)
    lines = [_HEAD, f"{len(table.mutants)} mutants in {len(table.kinds())} classes.", ""]
    lines += ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in body]
    lines += [
        "",
        "False alarms: complaints about right ops, of how many were judged: the ops that the mutants are made of; for "
        "our checkers, and for PyTorch's on its own ops, also [the catalogue](ops.md). PyTorch gets its arrays in C "
        "order: where the weight is strided, its batch_norm (2.13, on a CPU) is wrong, and its checker says so.",
        "",
        "## The checkers",
        "",
    ]
    lines += ["| column | checker | seconds |", "|---|---|---|"]
    lines += [f"| {c.checker.name} | `{c.checker.title}` | {c.seconds:.0f} |" for c in table.columns]
    lines += [
        "",
        f"`check_op` draws {EXAMPLES} examples for itself. All others are called at the same {table.draws} draws"
        f" of each domain (Hypothesis, seed {SEED}), in float64, with the documented defaults: small shapes,"
        " also empty and without dimensions, which favours them. SciPy's number counts as a complaint above 1e-5 of the"
        " gradient's norm. " + "; ".join(NO_CHECKER.values()) + ".",
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in versions(table).items()) + ".",
        "",
        "## The classes",
        "",
        "| class | what it stands for | mutants |",
        "|---|---|---|",
    ]
    lines += [f"| {k.name} | {k.story} | {'; '.join(m.name for m in ms)} |" for k, ms in table.kinds()]
    lines += ["", "## Who survives where", ""]
    lines += [f"- **{c.checker.name}**: " + ("; ".join(c.survivors()) or "none") + "." for c in table.columns]
    lines += ["", "## False alarms", ""]
    lines += [f"- **{c.checker.name}**: " + ("; ".join(c.alarms) or "none") + "." for c in table.columns]
    return "\n".join(lines) + "\n"
