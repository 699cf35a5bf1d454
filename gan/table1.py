"""Table 1 of the paper: one preset trained from several seeds, each judged once, at its best validation estimate.

Every run is a ``gan train`` in a process of its own and in a folder of its own, DATA-PRESET-SEED, so that several go on
beside each other, and each can be stopped, killed and taken up again alone. What one of them prints is kept in the file
DATA-PRESET-SEED.log beside its folder.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import settings as presets
from .data import Dataset
from .errors import UserError
from .evaluation import SAMPLES, evaluation, evaluation_file
from .files import in_words, parse_json, read_whole
from .interrupt import Interrupt
from .run_folder import RunFolder

PAPER = 225.0, 2.0
"""The paper's row "Adversarial nets", MNIST: mean test log-likelihood and its standard error, nats."""

OWN = ("--seed", "--steps", "--resume", "--out")
"""Options of ``gan train`` that the table decides."""

WATCHED = 0.2  # seconds between looks at the processes


@dataclass
class Plan:
    """One seed's run: its folder, its process's command, and whether it has been trained as far as it should."""

    path: Path
    command: list[str]
    finished: bool

    @property
    def log(self) -> Path:
        """Where its process writes what it would say on a screen."""
        return self.path.with_name(f"{self.path.name}.log")


def plan(
    folder: Path,
    data: str,
    preset: str,
    seeds: Sequence[int],
    epochs: int,
    dataset: Dataset,
    options: Sequence[str],
    asked: Mapping[str, Any],
) -> list[Plan]:
    """What is to be done in ``folder``: runs begun there go on, unless they are of other settings or longer.

    ``options`` are further ones of ``gan train``, and ``asked`` the settings that they make.
    """
    if taken := [o for o in options if o.split("=")[0] in OWN]:
        raise UserError(f"{taken[0]} is not for the runs of a table, which sets it itself: see --seeds and --epochs")
    found = []
    for seed in seeds:
        path = folder / f"{data}-{preset}-{seed}"
        command = [sys.executable, "-m", "gan", "train", "--out", str(path)]
        command += ["--data", data, "--preset", preset, "--seed", str(seed), "--epochs", str(epochs), *options]
        finished = False
        if (path / "settings.json").exists():
            run = RunFolder.read(path)
            presets.require_own(run.settings, {"data": data, "preset": preset, "seed": seed, **asked}, path)
            settings = presets.from_dict(run.settings)
            steps = presets.with_length(settings, None, epochs, len(dataset.train)).steps
            trained = run.load_checkpoint()[1]["step"] if run.checkpoint_file.exists() else 0
            if trained > steps:
                raise UserError(
                    f"{path} is trained to step {trained}, and --epochs {epochs} are {steps}; give more --epochs, or"
                    " another --out"
                )
            finished = trained == steps
            command.append("--resume")
        found.append(Plan(path, command, finished))
    return found


def train(plans: Sequence[Plan], jobs: int, threads: int, say: Callable[[str], None]) -> bool:
    """Train what is not finished, ``jobs`` processes of ``threads`` at a time. False if the user stopped them.

    A process that fails stops the others, which save first; UserError with its last words.
    """
    waiting = [p for p in plans if not p.finished]
    running: dict[subprocess.Popen[bytes], Plan] = {}
    shown = {p.path: len(_estimates(p.path)) for p in plans}
    failed: list[Plan] = []
    stopping = False
    with Interrupt() as interrupt:
        while running or (waiting and not stopping):
            while waiting and len(running) < jobs and not stopping:
                running[_started(waiting[0], threads)] = waiting[0]
                say(f"{waiting.pop(0).path.name}: training")
            time.sleep(WATCHED)
            for process in [p for p in running if p.poll() is not None]:
                done = running.pop(process)
                done.finished = process.returncode == 0
                if process.returncode != 0 and not stopping:
                    failed.append(done)
            for p in plans:
                for line in (lines := _estimates(p.path))[shown[p.path] :]:
                    say(f"{p.path.name}: epoch {line['epoch']}, validation {line['parzen']:.1f} nats")
                shown[p.path] = len(lines)
            if not stopping and (interrupt.requested or failed):
                stopping = True
                for process in running:
                    process.send_signal(signal.SIGINT)
    if failed:
        raise UserError(f"{failed[0].path.name} could not be trained: {_last_words(failed[0])}")
    return all(p.finished for p in plans)


def judge(plans: Sequence[Plan], dataset: Dataset) -> list[dict[str, Any]]:
    """The evaluation of each run, made once for each best checkpoint: see evaluation.py."""
    rows = []
    for p in plans:
        file, run = evaluation_file(p.path, best=True), RunFolder.read(p.path)
        if not run.best_file.exists():
            raise UserError(f"{p.path.name} has no Parzen estimate yet; train for more --epochs, or see --parzen-every")
        record: dict[str, Any] = (parse_json(read_whole(file)) if file.exists() else None) or {}
        made = record.get("step"), record.get("n_samples"), record.get("seed")
        if made != (run.load_checkpoint(best=True)[1]["step"], SAMPLES, 0):
            record = evaluation(p.path, dataset, best=True)
        rows.append(record)
    return rows


def over_seeds(tests: Sequence[float]) -> tuple[float, float]:
    """Mean and standard error, std(ddof=1) / sqrt(n); nan for one seed, which says nothing of others."""
    n, mean = len(tests), math.fsum(tests) / len(tests)
    return mean, math.sqrt(math.fsum((t - mean) ** 2 for t in tests) / (n - 1) / n) if n > 1 else math.nan


def _started(p: Plan, threads: int) -> subprocess.Popen[bytes]:
    """The process, in a session of its own: Ctrl-C reaches it through us, once."""
    with in_words("write", p.log):
        p.log.parent.mkdir(parents=True, exist_ok=True)
        with open(p.log, "ab") as log:
            return subprocess.Popen(
                p.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"NUMBA_NUM_THREADS": str(threads), **os.environ},
                start_new_session=True,
            )


def _estimates(path: Path) -> list[dict[str, Any]]:
    """The lines of validation that have a Parzen estimate."""
    begun = (path / "validation.jsonl").exists()
    return [line for line in RunFolder.read(path).validation() if "parzen" in line] if begun else []


def _last_words(p: Plan) -> str:
    """What a process said before it failed; of one that never began a run nothing stays behind."""
    lines = p.log.read_text(errors="replace").strip().splitlines()
    if not p.path.exists():
        p.log.unlink()
        with suppress(OSError):  # others lie there
            p.log.parent.rmdir()
    return lines[-1].removeprefix("gan: ") if lines else f"it said nothing in {p.log}"
