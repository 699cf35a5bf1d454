"""compute-sanitizer over benchmarks/gpu/once.py: bad addresses and leaks of bounds, races, divergent barriers."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import Any

from . import ROOT, Context

CHECKS = ("memcheck", "racecheck", "synccheck")
SHOWN = 4000  # characters of what a check found


def measure(context: Context) -> dict[str, Any]:
    """In a rehearsal the program runs by itself."""
    program = [sys.executable, "-m", "benchmarks.gpu.once", context.device]
    if context.rehearsal:
        return checked([("alone", program)], context)
    tool = shutil.which("compute-sanitizer")
    if not tool:
        return {"missing": "compute-sanitizer, of the CUDA toolkit, is not on this machine"}
    return checked([(check, [tool, "--tool", check, *program]) for check in CHECKS], context)


def checked(commands: list[tuple[str, list[str]]], context: Context) -> dict[str, Any]:
    data: dict[str, Any] = {"checks": {}}
    for check, command in commands:
        ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(ended.stdout, flush=True)
        data["checks"][check] = summary(ended.stdout, ended.returncode)
        context.keep(data)
    wrong = [f"{name}: {c['says']}" for name, c in data["checks"].items() if not c["clean"]]
    return data | ({"failed": "; ".join(wrong)} if wrong else {})


def summary(output: str, code: int) -> dict[str, Any]:
    """What the tool says at its end. A program that did not come to its end was not checked."""
    ran = len(re.findall(r"^ran ", output, re.MULTILINE))
    told = re.search(r"(ERROR|RACECHECK) SUMMARY: (.*)", output)
    errors = int(re.findall(r"\d+", told[2])[0]) if told else 0
    clean = code == 0 and errors == 0 and ran > 0
    says = told[2].strip() if told else f"no summary, code {code}"
    return {"clean": clean, "ran": ran, "says": says} | ({} if clean else {"output": output[-SHOWN:]})
