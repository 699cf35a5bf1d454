"""pytest on the device: the suite's tests that are marked gpu, and what the stand-in says of CuPy."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from . import ROOT, Context

CONTRACT = "tests/cuda/test_standin_contract.py"
SHOWN = 40  # names of failed tests, at most

ARGUMENTS = {"tests": ["-m", "gpu", "tests/cuda"], "contract": [CONTRACT]}


def measure(context: Context) -> dict[str, Any]:
    """Counts and names. In a rehearsal the tests are only collected: CI runs them on the stand-in."""
    if not context.rehearsal:
        return result_of(ARGUMENTS[context.stage])
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", *ARGUMENTS[context.stage]]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = sum("::" in line for line in listed.stdout.splitlines())
    return {"collected": found} | ({} if found else {"failed": f"no test was found: {listed.stdout[-300:]}"})


def result_of(arguments: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "junit.xml"
        options = ["-q", "-p", "no:cacheprovider", f"--junitxml={file}"]
        ended = subprocess.run([sys.executable, "-m", "pytest", *options, *arguments], cwd=ROOT)
        if not file.exists():
            return {"failed": f"pytest ended with code {ended.returncode} before any test: log.txt says why"}
        return counted(file)


def counted(file: Path) -> dict[str, Any]:
    """From pytest's JUnit file."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    names = []
    for case in ET.parse(file).getroot().iter("testcase"):
        wrong = case.find("failure") is not None or case.find("error") is not None
        kind = "failed" if wrong else "skipped" if case.find("skipped") is not None else "passed"
        counts[kind] += 1
        if wrong:
            names.append(f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}")
    data: dict[str, Any] = {"counts": counts, "names": names[:SHOWN]}
    if names or not counts["passed"]:
        data["failed"] = f"{counts['failed']} of {sum(counts.values())} tests failed, {counts['passed']} passed"
    return data
