"""The stages of the GPU benchmark, one file each: ``measure(context)`` gives what goes into results.json.

A stage that finds something wrong says so in a sentence under "failed". In a rehearsal, on the CPU, everything runs at
small sizes on the stand-in for CuPy, and no time is kept.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Context:
    """What a stage is told."""

    stage: str
    device: str  # "cuda", or "cpu" in a rehearsal
    file: Path

    @property
    def rehearsal(self) -> bool:
        return self.device == "cpu"

    def keep(self, data: dict[str, Any]) -> None:
        """Write what there is so far: the parent reads it, also if it has to end this stage."""
        write_json(self.file, data)


def write_json(path: Path, data: Any) -> None:
    """Whole or not at all."""
    other = path.with_suffix(".part")
    other.write_text(json.dumps(data, indent=1) + "\n")
    os.replace(other, path)
