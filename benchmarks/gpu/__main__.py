"""minigrad on a GPU: what is there, whether it is right, how fast it is; PyTorch and JAX beside it.

    python -m benchmarks.gpu --out DIR                 everything, planned to 20 minutes
    python -m benchmarks.gpu --out DIR --minutes 9     the stages for which that is enough; call it again for the rest
    python -m benchmarks.gpu --out DIR --only steps-100,products
    python -m benchmarks.gpu --rehearse --out DIR      with no GPU: everything small, on a stand-in for CuPy; no times
    python -m benchmarks.gpu report DIR                the table again, from DIR/results.json

What a stage has found is kept in DIR/results.json, and a second call goes on behind it, as long as device, versions and
code are the same; otherwise it begins anew, and what was there is put aside. Exit code 1: something is wrong; 2: bad
arguments.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from .. import machine
from .plan import BATCHES, NAMES, STAGES, Stage
from .report import SCHEMA, load, write
from .stages import ROOT, write_json

GRACE = 10.0  # seconds for a stage to end its children


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        "python -m benchmarks.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--out", default="runs/gpu", help="folder of results.json, report.md and log.txt")
    made.add_argument("--minutes", type=minutes, default=60.0, help="begin nothing that is planned to end later")
    made.add_argument("--only", type=stages, default=list(NAMES), help=f"of {', '.join(NAMES)}")
    made.add_argument("--again", type=stages, default=[], help="stages to do once more though they are done")
    made.add_argument("--rehearse", action="store_true", help="with no GPU, small, on a stand-in for CuPy")
    commands = made.add_subparsers(dest="command", metavar="report")
    commands.add_parser("report", help="the table again").add_argument("folder")
    return made


def minutes(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"minutes are a number above 0, such as 9; got {text!r}")
    return found


def stages(text: str) -> list[str]:
    for name in text.split(","):
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"there is no stage {name!r}; choose from {', '.join(NAMES)}")
    return text.split(",")


def code() -> str:
    """A digest of everything whose change makes an earlier measurement another program's."""
    digest = hashlib.sha256()
    for package in ("minigrad", "gan", "benchmarks"):
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in (".py", ".cu", ".cuh"):
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def run(stage: Stage, device: str, limit: float, log: Any) -> dict[str, Any]:
    """A stage in its own process: what it found, and how it ended."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stage.json"
        command = [sys.executable, "-m", "benchmarks.gpu.stage", stage.name, device, str(file)]
        env = {**os.environ, "PYTHONUNBUFFERED": "1"}
        log.write(f"\n---- {stage.name}\n")
        log.flush()
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log, start_new_session=True)
        reason = ""
        try:
            process.wait(limit * 60)
        except subprocess.TimeoutExpired:
            reason = f"not done after {limit:g} minutes"
        finally:
            end(process)
        data = json.loads(file.read_text()) if file.exists() else {}
    if not reason and process.returncode:
        reason = f"it ended with code {process.returncode}: log.txt says why"
    reason = reason or data.pop("failed", "")
    status = "not measured" if data.get("missing") else "failed" if reason else "ok"
    seconds = round(time.monotonic() - start, 1)
    return {"status": status, "reason": data.pop("missing", reason), "seconds": seconds, "data": data}


def end(process: subprocess.Popen[bytes]) -> None:
    """It and its children, if it still runs."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, how)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            continue


def fresh(rehearsal: bool) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "rehearsal": rehearsal,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine.describe(),
        "code": code(),
        "identity": None,
        "stages": {},
    }


def measure(arguments: argparse.Namespace, out: Path) -> dict[str, Any]:
    """Everything that is asked for and not done, writing results.json after every stage."""
    end_at = time.monotonic() + arguments.minutes * 60
    device = "cpu" if arguments.rehearse else "cuda"
    document = fresh(arguments.rehearse)
    inventory, *others = STAGES
    if arguments.rehearse:  # which is of one size
        others = [stage for stage in others if stage.module != "steps" or stage.name == f"steps-{BATCHES[0]}"]
    with (out / "log.txt").open("a") as log:
        first = run(inventory, device, inventory.limit, log)
        told(inventory, first)
        document["identity"] = {"code": document["code"], "rehearsal": arguments.rehearse} | identity(first["data"])
        document = earlier(document, out)
        document["stages"][inventory.name] = first
        write_json(out / "results.json", document)
        for stage in others:
            done = document["stages"].get(stage.name, {})
            if stage.name not in arguments.only or (done.get("status") == "ok" and stage.name not in arguments.again):
                continue
            left = (end_at - time.monotonic()) / 60
            if first["status"] != "ok":
                result = untouched("nothing to measure it on: see inventory")
            elif stage.minutes > left:
                result = untouched(
                    f"planned for {stage.minutes:g} minutes, and {max(left, 0):.1f} were left: call again"
                )
            else:
                print(f"{stage.name}: {stage.what}", flush=True)
                result = run(stage, device, min(stage.limit, left), log)
            if result["status"] == "not measured" and done:
                continue  # what an earlier call found of it is more
            document["stages"][stage.name] = result
            told(stage, result)
            write_json(out / "results.json", document)
    return document


def identity(inventory: dict[str, Any]) -> dict[str, Any]:
    return {name: inventory.get(name) for name in ("device", "driver", "versions")}


def untouched(reason: str) -> dict[str, Any]:
    return {"status": "not measured", "reason": reason, "seconds": 0.0, "data": {}}


def told(stage: Stage, result: dict[str, Any]) -> None:
    why = f": {result['reason']}" if result["reason"] else ""
    took = f", {result['seconds'] / 60:.1f} of {stage.minutes:g} minutes" if result["seconds"] else ""
    print(f"{stage.name}: {result['status']}{took}{why}", flush=True)


def earlier(document: dict[str, Any], out: Path) -> dict[str, Any]:
    """The document that an earlier call left, if it is about the same; else the new one, and the other put aside."""
    file = out / "results.json"
    if not file.exists():
        return document
    try:
        found = load(file)
    except OSError:
        found = {"identity": None}
    if found["identity"] == document["identity"]:
        return found
    aside = out / "results.before.json"
    os.replace(file, aside)
    print(f"{file} is of other code, another device or other versions: it is {aside} now, and all is measured anew")
    return document


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    made = parser()
    arguments = made.parse_args(argv)
    try:
        if arguments.command == "report":
            out = Path(arguments.folder)
            document = load(out / "results.json")
        else:
            out = Path(arguments.out)
            out.mkdir(parents=True, exist_ok=True)
            document = measure(arguments, out)
        print(write(document, out))
    except OSError as error:
        made.error(str(error))
    except KeyboardInterrupt:
        print(f"\nStopped; what was measured is in {out / 'results.json'}", file=sys.stderr)
        return 130
    return 1 if any(stage["status"] == "failed" for stage in document["stages"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
