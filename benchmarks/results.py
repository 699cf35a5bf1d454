"""The committed results: `run` makes them anew into docs/results/, `page` writes docs/results.md from them.

    python -m benchmarks.results run digits            a minute
    python -m benchmarks.results run mnist --data-dir DIR
    python -m benchmarks.results run overhead
    python -m benchmarks.results run planted           ten minutes
    python -m benchmarks.results page

Nothing on the page is typed by hand: every figure comes from a file that a command wrote.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "results.md"

THREADS = "OPENBLAS_NUM_THREADS"
"""One BLAS thread for every run: steadier where a core is busy with something else, and said in the command."""

RUNS = {
    "digits": ["--data", "digits", "--preset", "paper"],
    "mnist": ["--data", "mnist", "--preset", "authors", "--epochs", "20"],
}


MEASUREMENTS = ("overhead", "planted")


def run(name: str, data_dir: str | None) -> None:
    """Train, evaluate, and keep what the page needs: settings, metrics, sessions, evaluation, last picture."""
    if name in MEASUREMENTS:
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(RESULTS / f"{name}.json")]
        subprocess.run(command, cwd=ROOT, check=True)
        return
    where = ["--data-dir", str(Path(data_dir).absolute())] if data_dir else []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "runs" / name
        train = ["gan", "train", *RUNS[name], "--out", f"runs/{name}"]
        evaluate = ["gan", "evaluate", f"runs/{name}"]
        for command in (train, evaluate):
            one = {**os.environ, THREADS: "1"}
            subprocess.run([sys.executable, "-m", "gan", *command[1:], *where], cwd=folder, env=one, check=True)
        kept = RESULTS / name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        shutil.copy(out / "metrics.jsonl", kept)
        shutil.copy(max((out / "samples").iterdir()), kept / "samples.png")
        for file in ("settings.json", "evaluation.json"):
            document = json.loads((out / file).read_text())
            document["command"] = " ".join(
                train if file == "settings.json" else evaluate
            )  # without this machine's paths
            (kept / file).write_text(json.dumps(document, indent=2) + "\n")
        session = json.loads((out / "sessions.jsonl").read_text().splitlines()[-1])
        kept_session = {
            k: session[k] for k in ("first_step", "last_step", "seconds", "steps_per_second", "blas_threads")
        }
        (kept / "session.json").write_text(json.dumps(kept_session, indent=2) + "\n")


def page() -> str:
    """docs/results.md."""
    parts = [
        "# Results",
        "",
        "Written by `python -m benchmarks.results page` from the files in [results/](results); made again by",
        "`python -m benchmarks.results run NAME`. One seed each: the +- is the standard error over test examples, and",
        "says nothing about other seeds. Wall time is that of one machine with two cores.",
        "",
    ]
    for name in RUNS:
        if (RESULTS / name).exists():
            parts += section(name)
    if (RESULTS / "overhead.json").exists():
        parts += overhead(json.loads((RESULTS / "overhead.json").read_text()))
    if (RESULTS / "planted.json").exists():
        parts += planted(json.loads((RESULTS / "planted.json").read_text()))
    return "\n".join(parts)


def section(name: str) -> list[str]:
    """One run: what was typed, how long it took, what came."""
    read: Any = {f.stem: json.loads(f.read_text()) for f in (RESULTS / name).glob("*.json")}
    settings, session, parzen = read["settings"], read["session"], read["evaluation"]
    last = json.loads((RESULTS / name / "metrics.jsonl").read_text().splitlines()[-1])
    versions = ", ".join(
        f"{k} {v}" for k, v in settings["versions"].items() if k in ("python", "numpy", "minigrad-gan")
    )
    return [
        f"## {name}",
        "",
        "```sh",
        f"{THREADS}=1 {settings['command']}",
        parzen["command"],
        "```",
        "",
        "| | |",
        "|---|---|",
        f"| steps | {session['last_step']} ({last['epoch']} epochs at the last line of metrics) |",
        f"| wall time | {session['seconds']:.0f} s, {session['steps_per_second']:.1f} steps/s, pictures included;"
        f" {session['blas_threads']} BLAS thread(s) |",
        f"| D's loss, G's loss | {last['d_loss']:.3f}, {last['g_loss']:.3f} nats (means of the last line of metrics) |",
        f"| D(x), D(G(z)) | {last['d_real']:.3f}, {last['d_fake']:.3f} |",
        f"| Parzen width sigma | {parzen['sigma']:.4f}, chosen on {min(parzen['n_valid'], 1000)} validation examples |",
        f"| Parzen log-likelihood, validation | {parzen['validation']:.1f} nats |",
        f"| **Parzen log-likelihood, test** | **{parzen['log_likelihood']:.1f} +- {parzen['standard_error']:.1f} nats**"
        f" ({parzen['n_samples']} samples, {parzen['n_test']} test examples) |",
        f"| seed, versions | {settings['seed']}; {versions} |",
        "",
        f"![64 samples, none chosen](results/{name}/samples.png)",
        "",
    ]


def overhead(result: dict[str, Any]) -> list[str]:
    """What one op costs, beside PyTorch."""
    low, high = result["ratio_quartiles"]
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    return [
        "## Overhead of one op",
        "",
        f"`{result['command']}`: {result['case']}; gradients compared before timing.",
        "",
        "| | us per op |",
        "|---|---|",
        f"| minigrad | {result['minigrad_us_per_op']} |",
        f"| PyTorch eager | {result['torch_us_per_op']} |",
        "",
        f"Ratio {result['ratio']} (quartiles {low} to {high} over {result['rounds']} interleaved rounds; {versions}).",
        "",
    ]


def planted(result: dict[str, Any]) -> list[str]:
    """What three broken algorithms reach."""
    seeds = sorted({row["seed"] for row in result["rows"]})
    lines = [
        "## Three planted bugs",
        "",
        f"`{result['command']}`: digits, {result['steps']} steps; validation Parzen log-likelihood in nats,",
        "and D(x) over the last 1000 steps. The floors of tests/project/test_package.py lie between the first row",
        "and the others.",
        "",
        f"| planted | {' | '.join(f'seed {s}' for s in seeds)} |",
        f"|---|{'---|' * len(seeds)}",
    ]
    for bug in dict.fromkeys(row["bug"] for row in result["rows"]):
        rows = [row for row in result["rows"] if row["bug"] == bug]
        cells = ["diverged" if r["validation"] is None else f"{r['validation']:.1f}, {r['d_real']:.2f}" for r in rows]
        lines.append(f"| {bug} | {' | '.join(cells)} |")
    return [*lines, ""]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    runs = commands.add_parser("run")
    runs.add_argument("name", choices=[*RUNS, *MEASUREMENTS])
    runs.add_argument("--data-dir")
    commands.add_parser("page")
    arguments = parser.parse_args()
    if arguments.what == "run":
        RESULTS.mkdir(exist_ok=True)
        run(arguments.name, arguments.data_dir)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
