"""One stage in a process of its own, so that what hangs or dies takes nothing with it.

python -m benchmarks.gpu.stage NAME DEVICE FILE
"""

from __future__ import annotations

import importlib
import signal
import sys
from pathlib import Path

from .plan import NAMES, STAGES
from .stages import Context


def main() -> None:
    name, device, file = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended: its time was over"))  # so that children are ended too
    stage = STAGES[NAMES.index(name)]
    if device == "cpu":
        from tests.cuda import standin

        standin.install()
    module = importlib.import_module(f"{__package__}.stages.{stage.module}")
    context = Context(name, device, Path(file))
    context.keep(module.measure(context))


if __name__ == "__main__":
    main()
