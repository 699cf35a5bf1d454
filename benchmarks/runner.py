"""Peers in processes of their own, checked, then timed in rounds: each in its turn, asleep out of it."""

from __future__ import annotations

import contextlib
import json
import math
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from . import reference
from .cases import Case, Chain, to_json
from .peers import FLOOR
from .suite import Cell
from .worker import environment

ROOT = Path(__file__).parents[1]

PAUSE = 0.1  # seconds between turns: thread pools of the last peer spin for some hundredths before they sleep
TURN = 0.02  # seconds that a turn takes at least
STARTING = 180.0  # seconds to import a peer, or to compile a step


@dataclass
class Options:
    """How long to measure."""

    rounds: int = 15
    budget: float = 40.0  # seconds for a cell's rounds: beyond it there are fewer
    fewest: int = 5
    cap: float = 10.0  # seconds: no slower step is timed
    repeats: int = 3  # fresh processes for start and memory
    seed: int = 0


@dataclass
class Result:
    """One peer in one cell, as it is written to JSON."""

    status: str  # "ok"; "not applicable", "too slow", "wrong", "failed": then not timed
    reason: str = ""
    errors: dict[str, float] = field(default_factory=dict)
    estimate: float = 0.0
    times: list[float] = field(default_factory=list)  # seconds a step, round by round


class Child:
    """A worker process and the pipe to it."""

    def __init__(self, peer: str, threads: int, *arguments: str) -> None:
        self.start(["benchmarks.worker", peer, str(threads), *arguments], environment(threads))

    def start(self, module: list[str], env: dict[str, str]) -> None:
        """A Python module with its arguments."""
        command = [sys.executable, "-m", *module]
        self.buffer = b""
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the parent, which ends its children
        )
        self.hello = self.answer(STARTING)

    def ask(self, timeout: float, **request: Any) -> Any:
        """The answer, or a Result-like dictionary with "failed" if none came."""
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")  # type: ignore[union-attr]
            self.process.stdin.flush()  # type: ignore[union-attr]
        except BrokenPipeError:
            return self.gone()
        return self.answer(timeout)

    def answer(self, timeout: float) -> Any:
        pipe, end = self.process.stdout.fileno(), time.monotonic() + timeout  # type: ignore[union-attr]
        while b"\n" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                self.end()
                return {"status": "failed", "reason": f"no answer in {timeout:.0f} s"}
            came = os.read(pipe, 65536)
            if not came:
                return self.gone()
            self.buffer += came
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def gone(self) -> dict[str, str]:
        code = self.process.wait()
        self.end()
        return {"status": "failed", "reason": f"killed by signal {-code}" if code < 0 else f"ended with code {code}"}

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        """Now, whatever it and the compilers that it started do."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):  # a request that never left it is in its buffer
                    pipe.close()


Progress = Callable[[str, float], None]  # what happens now, and how many cells of one peer are done by it


class Team:
    """One child for each peer, all with one number of threads."""

    def __init__(self, names: list[str], threads: int, options: Options, progress: Progress) -> None:
        self.threads, self.options, self.progress = threads, options, progress
        self.names = sorted(names, key=lambda name: name != FLOOR)  # if that is too slow, all are
        self.children: dict[str, Child] = {}
        self.broken: dict[str, str] = {}  # why a peer cannot start
        self.chains: dict[str, tuple[int, float]] = {}  # longest chain yet, and its seconds
        self.order = np.random.default_rng(options.seed)

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *exc: object) -> None:
        for child in self.children.values():
            child.end()

    def start(self, name: str) -> Child:
        return Child(name, self.threads)

    def child(self, name: str) -> Child | None:
        """A living one; None if it does not start."""
        if name in self.broken:
            return None
        if name not in self.children or not self.children[name].alive:
            child = self.children[name] = self.start(name)
            if child.hello["status"] != "ready":
                self.broken[name] = child.hello["reason"]
                child.end()
                return None
        return self.children[name]

    def measure(self, case: Case) -> dict[str, Result]:
        """Every peer's Result."""
        results: dict[str, Result] = {}
        with tempfile.TemporaryDirectory() as folder:
            exact = str(Path(folder) / "reference.npz")
            for name in self.names:
                self.progress(f"{name}: {case.title}", 0)
                floor = results.get(FLOOR)
                if floor and floor.status == "too slow":
                    results[name] = Result("too slow", f"the products alone: {floor.reason}")
                else:
                    if name != FLOOR and not os.path.exists(exact):
                        reference.write(exact, reference.reference(case))
                    results[name] = self.prepare(name, case, exact)
                self.progress(f"{name}: {case.title}", 0.5)
        self.rounds(case, results)
        return results

    def prepare(self, name: str, case: Case, exact: str) -> Result:
        cap = self.options.cap
        child = self.child(name)
        if child is None:
            return Result("failed", self.broken[name])
        if isinstance(case, Chain) and name in self.chains:
            length, seconds = self.chains[name]
            if seconds * case.length / length > cap:
                return Result("too slow", f"{seconds:.2g} s at length {length:,}")
        answer = child.ask(STARTING + 8 * cap, do="prepare", case=to_json(case), exact=exact, seconds=cap)
        result = Result(**answer)
        if isinstance(case, Chain) and case.op == "add" and result.status != "not applicable":
            self.chains[name] = (case.length, result.estimate if result.status == "ok" else math.inf)
        return result

    def rounds(self, case: Case, results: dict[str, Result]) -> None:
        """In every round each peer once, in a new order."""
        timed = [name for name, result in results.items() if result.status == "ok"]
        if not timed:
            self.progress(case.title, 0.5 * len(self.names))
            return
        steps = {name: min(max(math.ceil(TURN / max(results[name].estimate, 1e-7)), 1), 2000) for name in timed}
        cost = sum(PAUSE + results[name].estimate * (steps[name] + 1) for name in timed)
        rounds = int(min(max(self.options.budget / cost, self.options.fewest), self.options.rounds))
        for _ in range(rounds):
            for name in self.order.permutation(timed):
                time.sleep(PAUSE)
                estimate = results[name].estimate
                answer = self.children[name].ask(60 + 20 * estimate * steps[name], do="turn", steps=steps[name])
                if isinstance(answer, dict):
                    results[name] = Result("failed", f"while timed: {answer['reason']}", results[name].errors)
                    timed.remove(name)
                else:
                    results[name].times.append(answer)
            self.progress(case.title, 0.5 * len(self.names) / rounds)
        for name in timed:
            self.children[name].ask(60, do="release")


def measure(
    cells: list[Cell], names: list[str], options: Options, progress: Progress, keep: Callable[..., None]
) -> None:
    """All cells, by threads; ``keep`` gets every one with its results as soon as it is measured."""
    for threads in dict.fromkeys(cell.threads for cell in cells):
        with Team(names, threads, options, progress) as team:
            for cell in cells:
                if cell.threads == threads:
                    keep(cell, team.measure(cell.case))


def fresh(name: str, threads: int, case: Case) -> dict[str, Any]:
    """First step and memory, each in a process that does nothing else."""
    told: dict[str, Any] = {}
    for what in ("start", "memory"):
        child = Child(name, threads, what, json.dumps(to_json(case)))
        child.end()
        told |= child.hello
        if told["status"] != "ok":
            break
    return told
