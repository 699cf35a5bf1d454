"""What each idea of the fused step gains: the GAN step in the middle of a real run, one idea taken back at a time.

python -m benchmarks.ablation RUN [--data-dir DIR] [--rounds N] [--json F] [--page F]     RUN: a folder of `gan train`

Prints the step's time with each idea taken back, as a ratio to the whole (median over interleaved rounds), and where
the time of the whole step goes. Every variant is first compared with the plain step: same losses.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from threadpoolctl import threadpool_limits

import minigrad
from gan import algorithm, settings
from gan.data import load
from gan.errors import UserError
from gan.run_folder import RunFolder
from gan.training import Training
from gan.training import load as load_checkpoint
from minigrad import kernels
from minigrad.fused import workspace
from minigrad.fused.cpu import fields as f
from minigrad.fused.deferred import Deferred

STEPS = 8  # in one turn of a variant


@contextmanager
def nothing(_: Training) -> Iterator[None]:
    yield


def limit(*columns: int) -> Callable[[Training], Any]:
    """No gathering: the dense product in these places."""

    @contextmanager
    def dense(_: Training) -> Iterator[None]:
        work = workspace.kernels("f").work
        before = work[list(columns)].copy()
        work[list(columns)] = 0
        yield
        work[list(columns)] = before

    return dense


@contextmanager
def in_turn(_: Training) -> Iterator[None]:
    """First the gradients of all layers, then the optimiser: ``minimize`` takes the general way."""
    with mock.patch.object(kernels, "minimized", return_value=False):
        yield


@contextmanager
def multiplied_out(training: Training) -> Iterator[None]:
    """Every gradient is an array before the optimiser sees it."""
    plain = Deferred.as_tensor

    def at_once(self: Deferred) -> Any:
        tensor = plain(self)
        tensor.data  # noqa: B018  looking computes it
        return tensor

    with in_turn(training), mock.patch.object(Deferred, "as_tensor", at_once):
        yield


@contextmanager
def plain(_: Training) -> Iterator[None]:
    with minigrad.use_kernels("plain"), threadpool_limits(minigrad.get_num_threads(), user_api="blas"):
        yield
        time.sleep(0.05)  # its threads go on spinning for a while


@contextmanager
def one_thread(_: Training) -> Iterator[None]:
    n = minigrad.get_num_threads()
    minigrad.set_num_threads(1)
    yield
    minigrad.set_num_threads(n)


@contextmanager
def two_pools(_: Training) -> Iterator[None]:
    """BLAS keeps threads of its own inside ours."""
    with threadpool_limits(minigrad.get_num_threads(), user_api="blas"):
        yield


@contextmanager
def between_lines(training: Training) -> Iterator[None]:
    """Weights 16 bytes past a cache line, where NumPy puts large arrays."""
    homes = []
    for net in (training.G, training.D):
        for p in net.parameters():
            homes.append((p, p.data))
            memory = np.empty(p.data.nbytes + 128, np.uint8)
            start = -memory.ctypes.data % 64 + 16
            away = memory[start : start + p.data.nbytes].view(p.data.dtype)
            order = "C" if p.data.flags.c_contiguous else "F"
            away = away.reshape(p.data.shape, order=order)
            away[...] = p.data
            p.data = away
    yield
    for p, home in homes:
        home[...] = p.data
        p.data = home


VARIANTS: dict[str, tuple[Callable[[Training], Any], float]] = {  # and the ratio expected before it was measured
    "all of them": (nothing, 1.0),
    "relu's zeros multiplied, forward": (limit(f.LIMIT_FORWARD), 1.10),
    "relu's zeros multiplied, gradients for inputs": (limit(f.LIMIT_BACKWARD), 1.08),
    "relu's zeros multiplied, gradients for weights": (limit(f.LIMIT_UPDATE), 1.10),
    "relu's zeros multiplied everywhere": (limit(f.LIMIT_FORWARD, f.LIMIT_BACKWARD, f.LIMIT_UPDATE), 1.30),
    "all gradients first, then the optimiser": (in_turn, 1.09),
    "gradients written to memory before the optimiser": (multiplied_out, 1.20),
    "weights across cache lines": (between_lines, 1.15),
    "BLAS with threads of its own": (two_pools, 3.0),
    "one thread": (one_thread, 1.8),
    "plain kernels": (plain, 2.5),
}


def opened(folder: str, data_dir: str | None) -> Training:
    """The state of a run at its checkpoint."""
    with RunFolder.read(Path(folder)) as run:
        chosen = settings.from_dict(run.settings)
        training = Training(chosen, load(chosen.data, data_dir=data_dir, seed=chosen.seed))
        load_checkpoint(training, run)
    return training


def step(training: Training) -> algorithm.Losses:
    if training.settings.update == "simultaneous":
        return algorithm.simultaneous(training.game)
    return algorithm.alternating(training.game, training.settings.k)


def check(make: Callable[[], Training]) -> None:
    """Each variant's losses, three steps from the checkpoint, are the plain ones."""

    def losses(variant: Callable[[Training], Any]) -> list[float]:
        training = make()
        with variant(training):
            found = [step(training) for _ in range(3)]
        return [value.item() for loss in found for value in (loss.d_loss, loss.g_loss)]

    wanted = losses(plain)
    for name, (variant, _) in VARIANTS.items():
        np.testing.assert_allclose(losses(variant), wanted, rtol=1e-3, err_msg=name)


def measure(training: Training, rounds: int) -> dict[str, Any]:
    times: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in range(rounds):
        for name, (variant, _) in VARIANTS.items():
            with variant(training):
                step(training)
                start = time.perf_counter()
                for _ in range(STEPS):
                    step(training)
                times[name].append((time.perf_counter() - start) / STEPS)
    whole = times["all of them"]
    ratios = {name: [t / w for t, w in zip(ts, whole, strict=True)] for name, ts in times.items()}
    return {
        name: {
            "ms": round(1e3 * statistics.median(times[name]), 2),
            "ratio": round(statistics.median(ratios[name]), 3),
            "expected": VARIANTS[name][1],
            "quartiles": [round(q, 3) for q in np.percentile(ratios[name], [25, 75]).tolist()],
        }
        for name in VARIANTS
    }


def profile(training: Training, steps: int = 60) -> list[dict[str, Any]]:
    """Milliseconds of each part of a step: the kernels' own time stamps, and all the rest."""
    parts: dict[str, list[int]] = {}
    calls = 0

    def stamped(method: str) -> Callable[..., None]:
        run = getattr(workspace.Kernels, method)

        def wrapped(self: workspace.Kernels, table: Any, *rest: Any) -> None:
            nonlocal calls
            run(self, table, *rest)
            calls += 1
            column = {"forward": f.FORWARD_TICKS, "backward": f.BACKWARD_TICKS, "update": f.UPDATE_TICKS}[method]
            for line in table:
                if method == "update":
                    size = f"{line[f.ROWS]} x {line[f.COLUMNS]}"
                else:
                    size = f"{line[f.IN]} -> {line[f.UNITS]}" + (" maxout" if line[f.KIND] == f.MAXOUT else "")
                parts.setdefault(f"{calls:2} {method} {size}", []).append(int(line[column]))

        return wrapped

    with mock.patch.multiple(workspace.Kernels, **{name: stamped(name) for name in ("forward", "backward", "update")}):
        first, start = time.perf_counter(), _stamp()
        for _ in range(steps):
            calls = 0
            step(training)
        seconds, ticks = time.perf_counter() - first, _stamp() - start
    ms = seconds / ticks * 1e3
    rows = [{"part": name, "ms": round(statistics.median(t) * ms, 3)} for name, t in parts.items()]
    rows = [row for row in rows if row["ms"] >= 0.01 and len(parts[str(row["part"])]) > steps / 2]
    spent = sum(row["ms"] for row in rows)  # type: ignore[misc]
    return [*rows, {"part": "the rest: Python, random numbers, losses", "ms": round(1e3 * seconds / steps - spent, 3)}]


def _stamp() -> int:
    """The processor's time stamp, as the kernels read it."""
    from numba import njit

    from minigrad.fused.cpu.vectors import ticks

    if not hasattr(_stamp, "read"):
        _stamp.read = njit(lambda: ticks())  # type: ignore[attr-defined]
        _stamp.read()  # type: ignore[attr-defined]
    return int(_stamp.read())  # type: ignore[attr-defined]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.ablation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("--data-dir")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json")
    parser.add_argument("--page", help="a markdown file to write the tables to")
    arguments = parser.parse_args()
    try:
        with minigrad.use_kernels("fused"):
            check(lambda: opened(arguments.run, arguments.data_dir))
            training = opened(arguments.run, arguments.data_dir)
            table, parts = measure(training, arguments.rounds), profile(training)
    except UserError as error:
        print(f"benchmarks.ablation: {error}", file=sys.stderr)
        sys.exit(2)
    lines = [
        f"GAN step of {training.settings.data}, {training.settings.preset}, from step {training.step} of a run;",
        f"{minigrad.get_num_threads()} threads, {arguments.rounds} rounds of {STEPS} steps; losses compared first.",
        "",
        "| taken back | step | ratio to all of them [quartiles] | expected |",
        "|---|---|---|---|",
    ]
    for name, row in table.items():
        low, high = row["quartiles"]
        lines.append(f"| {name} | {row['ms']} ms | {row['ratio']} [{low}, {high}] | {row['expected']} |")
    lines += ["", "| part of the step | ms |", "|---|---|", *(f"| {p['part']} | {p['ms']} |" for p in parts)]
    print("\n".join(lines))
    if arguments.page:
        command = f"python -m benchmarks.ablation RUN --rounds {arguments.rounds}"
        head = ["# What each idea of the fused step gains", "", f"Printed by `{command}`.", ""]
        Path(arguments.page).write_text("\n".join([*head, *lines, ""]))
    if arguments.json:
        document = {
            "command": f"python -m benchmarks.ablation RUN --rounds {arguments.rounds}",
            "run": {"data": training.settings.data, "preset": training.settings.preset, "step": training.step},
            "ablation": table,
            "profile": parts,
        }
        Path(arguments.json).write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
