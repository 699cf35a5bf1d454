"""The training step at one batch size: every peer checked against float64, then timed in interleaved rounds."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from ...cases import to_json
from .. import reference  # noqa: F401 - which the team's checks look up
from ..cases import PAPER_STEP, PRECISIONS, TINY_STEP, TrainingStep
from ..peers import PEERS
from ..team import OPTIONS, REHEARSAL, Team
from . import Context

SEVERAL = 10  # steps a call

MAX_NORM = 1.9365  # of the released faces configuration


def cells(batch: int) -> list[TrainingStep]:
    """Both precisions, one step and several a call; at the paper's batch also the other update, and a largest norm."""
    case = replace(PAPER_STEP, batch=batch)
    found = [replace(case, precision=p, steps=n) for p in PRECISIONS for n in (1, SEVERAL)]
    if batch == PAPER_STEP.batch:
        found += [replace(case, precision=p, update="simultaneous") for p in PRECISIONS]
        found.append(replace(case, max_norm=MAX_NORM))
    return found


def rehearsed() -> list[TrainingStep]:
    simultaneous = replace(TINY_STEP, update="simultaneous", max_norm=0.9, steps=2, decay=1.2)
    return [replace(TINY_STEP, precision="tf32"), simultaneous]


def measure(context: Context) -> dict[str, Any]:
    """Every cell with every installed peer. torch.compile is left out of a rehearsal: it compiles for minutes."""
    present = [name for name, peer in PEERS.items() if not missing(name, context.rehearsal)]
    data: dict[str, Any] = {"cells": [], "absent": {name: missing(name, context.rehearsal) for name in PEERS}}
    data["absent"] = {name: why for name, why in data["absent"].items() if why}
    options = REHEARSAL if context.rehearsal else OPTIONS
    wrong: dict[str, str] = {}

    def progress(what: str, done: float) -> None:
        if not done:
            print(what, flush=True)

    with Team(present, context.device, options, progress) as team:
        for case in rehearsed() if context.rehearsal else cells(int(context.stage.split("-")[1])):
            results = {name: asdict(result) for name, result in team.measure(case).items()}
            for name, result in results.items():
                if context.rehearsal:
                    result |= {"times": [], "host": [], "estimate": 0.0}
                if result["status"] == "wrong" or (result["status"] == "failed" and PEERS[name].ours):
                    why = result["reason"] or ", ".join(f"{k} {v:.0e}" for k, v in result["errors"].items())
                    wrong.setdefault(f"{name}: {why}", case.title)  # one case tells as much as all
            data["cells"].append({"case": to_json(case), "results": results})
            context.keep(data)
    return data | ({"failed": "; ".join(f"{why} ({title})" for why, title in wrong.items())} if wrong else {})


def missing(name: str, rehearsal: bool) -> str | None:
    """Why a peer takes no part. The stand-in is a CuPy that is always there."""
    peer = PEERS[name]
    if rehearsal:
        if name == "torch_compile":
            return "not rehearsed"
        if peer.libraries == ("cupy",):
            return None
    return peer.missing()
