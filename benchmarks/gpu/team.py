"""Peers in processes of their own on one GPU: checked, then timed in rounds, in a new order each."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

from .. import runner
from ..cases import Case, to_json
from .worker import environment

PAUSE = 0.02  # seconds between turns
TURN = 0.05  # seconds that a turn takes at least
STARTING = 240.0  # seconds to compile a step and to check it

OPTIONS = runner.Options(rounds=15, budget=25.0, fewest=7)
REHEARSAL = runner.Options(rounds=1, budget=1.0, fewest=1)


@dataclass
class Result(runner.Result):
    """One peer in one case: ``times``, seconds a call, are the device's; the host's where the device has none."""

    host: list[float] = field(default_factory=list)


class Child(runner.Child):
    """A worker of this benchmark."""

    def __init__(self, peer: str, device: str) -> None:
        self.start(["benchmarks.gpu.worker", peer, device], environment(device))


class Team(runner.Team):
    """One child for each peer."""

    def __init__(self, names: list[str], device: str, options: runner.Options, progress: runner.Progress) -> None:
        super().__init__(names, 1, options, progress)
        self.device = device

    def start(self, name: str) -> runner.Child:
        return Child(name, self.device)

    def prepare(self, name: str, case: Case, exact: str) -> runner.Result:
        child = self.child(name)
        if child is None:
            return Result("failed", self.broken[name])
        return Result(**child.ask(STARTING, do="prepare", case=to_json(case), exact=exact))

    def rounds(self, case: Case, results: dict[str, Any]) -> None:
        """In every round each peer once, in a new order."""
        timed = [name for name, result in results.items() if result.status == "ok"]
        calls = {name: min(max(math.ceil(TURN / max(results[name].estimate, 1e-7)), 1), 5000) for name in timed}
        cost = sum(PAUSE + 0.02 + results[name].estimate * calls[name] * 1.3 for name in timed) or 1.0
        rounds = int(min(max(self.options.budget / cost, self.options.fewest), self.options.rounds))
        for _ in range(rounds):
            for name in self.order.permutation(timed):
                time.sleep(PAUSE)
                answer = self.children[name].ask(120, do="turn", calls=calls[name])
                if isinstance(answer, dict):
                    results[name] = Result("failed", f"while timed: {answer['reason']}", results[name].errors)
                    timed.remove(name)
                    continue
                device, host = answer
                results[name].times.append(host if device is None else device)
                results[name].host.append(host)
        for name in timed:
            self.children[name].ask(60, do="release")
