"""Per-op overhead: y = x * x * ... (100 scalar multiplications), forward and backward, beside PyTorch eager.

python -m benchmarks.overhead            prints the ratio
python -m benchmarks.overhead --json F   and writes it to F
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

import minigrad

OPS = 100


def chain_minigrad() -> float:
    x = minigrad.Tensor(1.0001, requires_grad=True)
    y = x
    for _ in range(OPS):
        y = y * x
    y.backward()
    return float(x.grad)


def chain_torch() -> float:
    x = torch.tensor(1.0001, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(OPS):
        y = y * x
    y.backward()
    return float(x.grad)


def seconds(run: Callable[[], float], repeats: int = 20) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def measure(rounds: int) -> dict[str, object]:
    exact = (OPS + 1) * 1.0001**OPS
    for run in (chain_minigrad, chain_torch):
        assert abs(run() - exact) < 1e-9 * exact, (run.__name__, run(), exact)
    torch.set_num_threads(1)
    ours, theirs = [], []
    for i in range(rounds):
        pair = [(chain_minigrad, ours), (chain_torch, theirs)]
        for run, times in pair if i % 2 else pair[::-1]:
            times.append(seconds(run) / OPS * 1e6)
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "case": f"{OPS} scalar multiplications, forward and backward, float64",
        "minigrad_us_per_op": round(statistics.median(ours), 2),
        "torch_us_per_op": round(statistics.median(theirs), 2),
        "ratio": round(middle, 3),
        "ratio_quartiles": [round(low, 3), round(high, 3)],
        "rounds": rounds,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
        },
        "command": f"python -m benchmarks.overhead --rounds {rounds}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    result = measure(arguments.rounds)
    print(f"{result['case']}: same gradients")
    print(f"minigrad {result['minigrad_us_per_op']} us per op, PyTorch eager {result['torch_us_per_op']} us")
    print(f"ratio {result['ratio']} (quartiles {result['ratio_quartiles']}, {result['rounds']} interleaved rounds)")
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(result, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
