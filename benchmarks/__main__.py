"""minigrad beside its peers: correct first, then ratios with confidence intervals.

    python -m benchmarks                                    everything: one to two hours on two cores
    python -m benchmarks --short                            a smoke test: under three minutes
    python -m benchmarks --checkpoint FILE --data-dir DIR   also a GAN step in the middle of that run
    python -m benchmarks report FILE                        tables and pictures again, from results.json

Exit code 1: a peer computes wrong numbers; 2: bad arguments.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gan.errors import UserError

from . import machine, runner, suite
from .cases import PAPER, SMALL, to_json
from .checkpoint import in_a_run, without_path
from .peers import OURS, PEERS
from .report import SCHEMA, load, write

SHORT = runner.Options(rounds=5, budget=3.0, fewest=3, cap=1.0, repeats=1)
SHORT_STARTS = (OURS, "torch_eager")  # start and memory of these only


def listed(known: Any, what: str) -> Any:
    """An argument type: names of ``known``, separated by commas."""

    def parse(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"there is no {what} {name!r}; choose from {', '.join(known)}")
        return names

    return parse


def numbers(text: str) -> list[int]:
    found = [int(n) for n in text.split(",") if n.isdigit() and int(n) > 0]
    if len(found) != len(text.split(",")):
        raise argparse.ArgumentTypeError(f"threads are numbers from 1 on, such as 1,2; got {text!r}")
    if max(found) > machine.cores():
        raise argparse.ArgumentTypeError(f"{max(found)} threads on {machine.cores()} cores would wait for each other")
    return found


def positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"rounds are a number from 1 on; got {text!r}")
    return int(text)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        "python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--short", action="store_true", help="a smoke test")
    made.add_argument("--out", default="runs/benchmark", help="folder for results.json, report.md and pictures")
    made.add_argument("--only", type=listed(suite.GROUPS, "group"), help=f"of {', '.join(suite.GROUPS)}")
    made.add_argument("--peers", type=listed(PEERS, "peer"), default=list(PEERS), help=f"of {', '.join(PEERS)}")
    made.add_argument("--threads", type=numbers, default=None, help="such as 1,2")
    made.add_argument("--rounds", type=positive, help="at most")
    made.add_argument("--checkpoint", help="checkpoint.safetensors of a run of gan train")
    made.add_argument("--data-dir", help="where the data set of that run lies")
    commands = made.add_subparsers(dest="command", metavar="report")
    again = commands.add_parser("report", help="tables and pictures from a results.json")
    again.add_argument("file")
    again.add_argument("--out", dest="to", help="folder; by default that of the file")
    return made


def run(arguments: argparse.Namespace, out: Path, folder: Path) -> dict[str, Any]:
    """Measure everything that is asked for, writing results.json after every cell."""
    options = SHORT if arguments.short else runner.Options()
    if arguments.rounds:
        options.rounds, options.fewest = arguments.rounds, min(options.fewest, arguments.rounds)
    case, told = in_a_run(arguments.checkpoint, arguments.data_dir, folder) if arguments.checkpoint else (None, None)
    most = min(2, machine.cores())
    threads = arguments.threads or ([most] if arguments.short else sorted({1, most}))
    cells = (suite.short if arguments.short else suite.full)(threads, case)
    cells = [cell for cell in cells if not arguments.only or cell.group in arguments.only]
    names = [OURS, *(name for name in arguments.peers if name != OURS)]
    peers = machine.peers(names)
    present = [name for name in names if "missing" not in peers[name]]
    started = [name for name in present if not arguments.short or name in SHORT_STARTS]
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "short": arguments.short,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.describe(),
        "bandwidth": {str(n): machine.bandwidth(n) for n in threads},
        "options": asdict(options),
        "run": told,
        "peers": peers,
        "cells": [],
        "start": {},
        "imports": {},
    }

    def keep(cell: suite.Cell | None = None, results: dict[str, runner.Result] | None = None) -> None:
        if cell and results:
            measured = {name: asdict(results[name]) for name in present}
            written = to_json(without_path(cell.case))
            document["cells"].append(
                {"group": cell.group, "case": written, "threads": cell.threads, "results": measured}
            )
        text = json.dumps(document, indent=1) + "\n"
        (out / "results.json").write_text(text)

    with tqdm(total=len(cells) * len(present) + len(started), unit="cell", smoothing=0, dynamic_ncols=True) as bar:

        def progress(what: str, done: float) -> None:
            bar.set_postfix_str(what[:60], refresh=not done)
            bar.update(done)

        bar.bar_format = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining} {postfix}"
        runner.measure(cells, present, options, progress, keep)
        for name in started:
            progress(f"{name}: start and memory", 0)
            library = PEERS[name].library
            if library not in document["imports"]:
                document["imports"][library] = machine.import_seconds(library, max(threads), options.repeats)
            of = case or (SMALL if arguments.short else PAPER)
            document["start"][name] = [runner.fresh(name, max(threads), of) for _ in range(options.repeats)]
            document["start_case"] = to_json(without_path(of))
            progress(name, 1)
    keep()
    return document


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    made = parser()
    arguments = made.parse_args(argv)
    try:
        if arguments.command == "report":
            document, out = load(arguments.file), Path(arguments.to or Path(arguments.file).parent)
            out.mkdir(parents=True, exist_ok=True)
        else:
            if arguments.data_dir and not arguments.checkpoint:
                made.error("--data-dir is where the data of a run lies: it needs --checkpoint")
            out = Path(arguments.out)
            out.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory() as folder:
                document = run(arguments, out, Path(folder))
    except (UserError, OSError) as error:
        made.error(str(error))
    except KeyboardInterrupt:
        print(f"\nStopped; what was measured is in {out / 'results.json'}", file=sys.stderr)
        return 130
    print(write(document, out))
    print(f"{out / 'report.md'} and its pictures are written")
    if arguments.command == "report":
        return 0
    wrong = [r for cell in document["cells"] for r in cell["results"].values() if r["status"] == "wrong"]
    ours = [cell["results"].get(OURS, {}).get("status") == "failed" for cell in document["cells"]]
    return 1 if wrong or any(ours) else 0


if __name__ == "__main__":
    sys.exit(main())
