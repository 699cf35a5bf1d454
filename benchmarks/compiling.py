"""What a first start waits for: the seconds in which the parallel float32 kernels are compiled, with nothing cached.

python -m benchmarks.compiling                prints the median of fresh processes
python -m benchmarks.compiling --beside DIR   in turn with the minigrad of another checkout, and the ratio
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1]
KERNELS = ("forward", "backward", "update", "loss")
PROGRAM = """
import sys, time
start = time.perf_counter()
from minigrad.fused.cpu import compiled
for name in sys.argv[1:]:
    compiled.kernel(name, "float32", True)
print(time.perf_counter() - start)
"""


def seconds(tree: Path, kernels: list[str]) -> float:
    """A process of its own, with a cache of its own, that imports the minigrad of this folder."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "PYTHONPATH": str(tree), "NUMBA_CACHE_DIR": cache}
        command = [sys.executable, "-c", PROGRAM, *kernels]
        done = subprocess.run(command, env=environment, cwd=tree, check=True, capture_output=True, text=True)
    if not all(f"compiling the {name} kernel" in done.stderr for name in kernels):
        raise RuntimeError(f"not all of {', '.join(kernels)} were compiled there: {done.stderr}")
    return float(done.stdout)


def measure(trees: dict[str, Path], kernels: list[str], rounds: int) -> dict[str, Any]:
    """Seconds of each tree, round by round in turn, the order turned round each time."""
    times: dict[str, list[float]] = {name: [] for name in trees}
    for i in range(rounds):
        for name in list(trees) if i % 2 else reversed(trees):
            times[name].append(round(seconds(trees[name], kernels), 2))
    found: dict[str, Any] = {"kernels": kernels, "seconds": times}
    if len(trees) == 2:
        found["ratios"] = [round(a / b, 3) for a, b in zip(times["here"], times["beside"], strict=True)]
    found["versions"] = {name: version(name) for name in ("numpy", "numba", "llvmlite")}
    return found | {"python": platform.python_version()}


def spread(numbers: list[float]) -> str:
    """ "1.5 [1.2, 1.9]": the median, the least and the most."""
    return f"{statistics.median(numbers):.3g} [{min(numbers):.3g}, {max(numbers):.3g}]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, default=list(KERNELS))
    parser.add_argument("--beside", type=Path, metavar="DIR", help="another checkout")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error(f"--rounds is 1 or more, got {args.rounds}")
    trees = {"here": HERE}
    if args.beside is not None:
        trees["beside"] = args.beside.resolve()
        if not (trees["beside"] / "minigrad/fused/cpu/compiled.py").is_file():
            parser.error(f"{args.beside} is no checkout of minigrad: it has no minigrad/fused/cpu/compiled.py")
    found = measure(trees, args.kernels, args.rounds)
    for name, numbers in found["seconds"].items():
        print(f"{name}: {spread(numbers)} s, median [least, most] of {args.rounds}")
    if "ratios" in found:
        print(f"here / beside: {spread(found['ratios'])}")
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
