"""What a user sees while a run goes on: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from tqdm import tqdm

SMOOTHING = 0.05  # share of the newest step in the numbers shown beside the bar


class Progress:
    """Losses, D's verdicts, steps per second and time left, on standard error."""

    def __init__(self, step: int, steps: int, log_every: int) -> None:
        self.step, self.steps, self.log_every = step, steps, log_every
        self.shown: dict[str, float] = {}
        self.jsd: float | None = None  # the last reading of the gauge
        self.shows = True
        self.first, self.started = step, time.perf_counter()
        self.bar = tqdm(
            initial=step,
            total=steps,
            unit="step",
            disable=None,  # where standard error is no terminal
            dynamic_ncols=True,
            smoothing=0.1,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(OSError):
            self.bar.close()

    def advance(self, step: int, now: Mapping[str, float]) -> None:
        """Take in the numbers of one step, or the means over several."""
        for name, number in now.items():
            self.shown[name] = number + (1 - SMOOTHING) * (self.shown.get(name, number) - number)
        try:
            self._show(step)
        except OSError:  # nobody reads any more: the run goes on
            self.shows = False

    def _show(self, step: int) -> None:
        if not self.shows:
            return
        if not self.bar.disable:
            self.bar.set_postfix_str(self._numbers(), refresh=False)
            self.bar.update(step - self.bar.n)
        elif step % self.log_every == 0 or step == self.steps:
            rate = (step - self.first) / (time.perf_counter() - self.started)
            left = tqdm.format_interval((self.steps - step) / rate)
            print(f"step {step}/{self.steps}  {self._numbers()}  {rate:.1f} steps/s  {left} left", file=sys.stderr)

    def _numbers(self) -> str:
        s = self.shown
        gauge = "" if self.jsd is None else f"  JSD >= {self.jsd:.3f}"
        losses = f"D loss {s['d_loss']:.3f}  G loss {s['g_loss']:.3f}"
        return f"{losses}  D(x) {s['d_real']:.2f}  D(G(z)) {s['d_fake']:.2f}{gauge}"
