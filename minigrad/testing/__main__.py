"""``python -m minigrad.testing kill-table``: which checker finds which mistake. ``--help`` says more."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from .checkers import CHECKERS, ENGINES, OURS, PEERS
from .killpage import as_markdown
from .killtable import DRAWS, Column, as_json, as_text, kill_table
from .mutants import MUTANTS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m minigrad.testing", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    table = commands.add_parser("kill-table", help="run checkers on mutants: wrong derivatives, planted on purpose")
    table.add_argument("--ours", nargs="*", choices=OURS, default=OURS, help="checkers of minigrad (default: both)")
    table.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS, help="other libraries' (default: all)")
    table.add_argument("--engines", nargs="*", choices=ENGINES, default=(), help="check_op on these engines too")
    table.add_argument("--only", metavar="TEXT", default="", help="mutants whose class or name has this in it")
    table.add_argument("--draws", type=_count, default=DRAWS, help="inputs for each op (default: %(default)s)")
    table.add_argument("--jobs", type=_count, default=1, help="processes that share the work")
    table.add_argument("--no-catalogue", action="store_true", help="false alarms on the mutants' right halves alone")
    table.add_argument("--json", type=Path, metavar="FILE", help="all verdicts")
    table.add_argument("--markdown", type=Path, metavar="FILE", help="the page of the docs")
    return parser


def _count(text: str) -> int:
    """1 or more."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"a whole number of 1 or more is needed, got {text!r}")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit code: 1 if check_op let a mutant live or complained about a right op."""
    args = _parser().parse_args(arguments)
    mutants = [m for m in MUTANTS if args.only in m.kind or args.only in m.name]
    if not mutants:
        print(f"kill-table: no mutant has {args.only!r} in its class or name", file=sys.stderr)
        return 2
    for file in filter(None, (args.json, args.markdown)):
        if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
            print(f"kill-table: {file} cannot be written; name a file in a folder that there is", file=sys.stderr)
            return 2
    names = [n for n in CHECKERS if n in {*args.ours, *args.peers, *(f"check_op@{e}" for e in args.engines)}]
    try:
        table = kill_table(
            names, mutants, count=args.draws, catalogue=not args.no_catalogue, jobs=args.jobs, watch=_progress
        )
    except ImportError as error:
        print(f"kill-table: {error}; or leave it out of --peers and --engines", file=sys.stderr)
        return 2
    print(as_text(table))
    if args.json:
        args.json.write_text(json.dumps(as_json(table), indent=1) + "\n")
    if args.markdown:
        args.markdown.write_text(as_markdown(table))
    ours = [c for c in table.columns if c.checker.name.startswith("check_op")]
    return int(any(c.survivors() or c.alarms for c in ours))


def _progress(parts: Iterable[Column], count: int) -> Iterable[Column]:
    """A bar on a terminal, where tqdm is installed: all of it takes the better part of an hour."""
    try:
        from tqdm import tqdm
    except ImportError:
        return parts
    bar: Iterable[Column] = tqdm(parts, total=count, unit="part", disable=None)
    return bar


if __name__ == "__main__":
    sys.exit(main())
