"""The main job, shortened: `gan train` on digits must learn, by the paper's measure and by D's own verdict.

The floor is one that a broken algorithm does not reach: docs/results.md has what three planted bugs do reach, and
`python -m benchmarks.planted` makes that table.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gan

SEED, STEPS = 0, 8000  # of the preset's 15,000
FLOOR = 10.0  # nats
D_OF_X = (0.5, 0.62)  # mean over the last 1000 steps: D still sees a difference, and not much of one


@pytest.mark.slow
def test_digits(tmp_path, capsys):
    root = str(Path(gan.__file__).parents[1])
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": root}
    train = f"train --data digits --out run --seed {SEED} --steps {STEPS} --log-every 1000"
    for command in (train, "evaluate run"):
        done = subprocess.run(
            [sys.executable, "-m", "gan", *command.split()],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    last = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    with capsys.disabled():
        print(f"\n{STEPS} steps of digits: validation {result['validation']:.2f} nats, D(x) {last['d_real']:.3f}")
    assert not result["at_edge"]
    assert result["validation"] >= FLOOR
    assert D_OF_X[0] <= last["d_real"] <= D_OF_X[1]
