"""A minute of MNIST at the paper's sizes must learn: the Parzen estimate of validation images passes a floor.

3500 steps of the preset `paper` take about a minute on two quiet cores. The mean image alone, over and over, scores
-48 nats; so does a G that has learned nothing, which starts there. Seeds 0 and 1 reach 53 and 58.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gan

STEPS, FLOOR = 3500, 20.0  # nats


@pytest.mark.slow
def test_a_minute_of_mnist(tmp_path, capsys):
    folder = os.environ.get("MINIGRAD_MNIST_DIR")
    if not folder:
        pytest.skip("MNIST is not here: name its folder in MINIGRAD_MNIST_DIR")
    train = f"train --data mnist --preset paper --steps {STEPS} --parzen-every {STEPS} --validate-every 500 --out run"
    done = subprocess.run(
        [sys.executable, "-m", "gan", *train.split(), "--kernels", "fused", "--data-dir", folder],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(gan.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "run" / "validation.jsonl").read_text().splitlines()]
    last, session = lines[-1], json.loads((tmp_path / "run" / "sessions.jsonl").read_text())
    with capsys.disabled():
        print(f"\n{STEPS} steps of MNIST in {session['seconds']:.0f} s: validation {last['parzen']:.1f} nats")
    assert last["step"] == STEPS
    assert last["parzen"] >= FLOOR
    assert max(line["jsd"] for line in lines) > 0.5 > last["jsd"] > 0.05  # D leads, G follows
