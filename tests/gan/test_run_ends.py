"""The edges of a run: short ones, closed terminals, lost files, and words before the command's name."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import gan
from gan.data import load
from gan.run_folder import RunFolder
from gan.settings import from_dict
from gan.training import resumed

ROOT = str(Path(gan.__file__).parents[1])
SMALL = ["--data", "gaussian", "--generator-layers", "4", "--discriminator-layers", "4", "--batch-size", "50"]


def command(*arguments):
    return [sys.executable, "-m", "gan", *map(str, arguments)]


def environment():
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ROOT}


def run(*arguments, cwd, code=0):
    done = subprocess.run(
        command(*arguments), cwd=cwd, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_short_run_has_its_line_and_a_resumed_one_is_as_if_never_stopped(tmp_path):
    run("train", *SMALL, "--steps", 15, "--log-every", 10, "--out", "short", cwd=tmp_path)
    assert [line["step"] for line in lines(tmp_path / "short")] == [10, 15]
    run("train", "--resume", "--steps", 30, "--out", "short", cwd=tmp_path)
    run("train", *SMALL, "--steps", 30, "--log-every", 10, "--out", "whole", cwd=tmp_path)
    for name in ("metrics.jsonl", "checkpoint.safetensors"):
        ours, theirs = ((tmp_path / folder / name).read_bytes() for folder in ("short", "whole"))
        assert ours == theirs
    assert [line["step"] for line in lines(tmp_path / "short")] == [10, 20, 30]
    said = run("train", "--resume", "--steps", 30, "--out", "short", cwd=tmp_path, code=2)
    assert "is trained to step 30 already" in said
    assert [line["step"] for line in lines(tmp_path / "short")] == [10, 20, 30]


def test_a_best_state_that_lies_behind_is_not_kept(tmp_path):
    """Killed after a best estimate and before the next checkpoint, then resumed and ended before that estimate."""
    options = ("--log-every", 5, "--validate-every", 10, "--parzen-every", 10, "--checkpoint-every", 15)
    run("train", *SMALL, *options, "--steps", 15, "--out", "run", cwd=tmp_path)
    run("train", *SMALL, *options, "--steps", 20, "--out", "further", cwd=tmp_path)
    shutil.copy(tmp_path / "further" / "best.safetensors", tmp_path / "run")
    with RunFolder.open(tmp_path / "run") as folder:
        settings = replace(from_dict(folder.settings), steps=18)
        assert resumed(folder, settings, load("gaussian")).best is None  # or a lower estimate would have no state
    run("train", "--resume", "--steps", 18, "--out", "run", cwd=tmp_path)
    assert not (tmp_path / "run" / "best.safetensors").exists()
    run("train", "--resume", "--steps", 20, "--out", "run", cwd=tmp_path)
    ours, theirs = ((tmp_path / folder / "best.safetensors").read_bytes() for folder in ("run", "further"))
    assert ours == theirs
    run("train", "--resume", "--steps", 30, "--out", "run", cwd=tmp_path)  # one that lies before stays
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_samples_of_both_states_stay_apart(tmp_path):
    options = ("--validate-every", 10, "--parzen-every", 10)
    run("train", *SMALL, *options, "--steps", 15, "--out", "run", cwd=tmp_path)
    assert "run/sample-best-3.png" in run("sample", "run", "--best", "--seed", 3, cwd=tmp_path)
    assert "run/sample-3.png" in run("sample", "run", "--seed", 3, cwd=tmp_path)
    assert {p.name for p in (tmp_path / "run").glob("sample-*")} == {"sample-3.png", "sample-best-3.png"}


def test_a_closed_pipe_does_not_end_the_run(tmp_path):
    process = subprocess.Popen(
        command("train", *SMALL, "--steps", 300, "--log-every", 10, "--out", "run"),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    process.stderr.readline()
    process.stderr.close()
    process.wait(timeout=120)
    assert lines(tmp_path / "run")[-1]["step"] == 300
    assert (tmp_path / "run" / "samples" / "step-000300.png").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP on this system")
def test_a_closed_terminal_saves(tmp_path):
    process = subprocess.Popen(
        command("train", *SMALL, "--steps", 10**6, "--log-every", 10, "--out", "run"),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    started = time.monotonic()
    while not (tmp_path / "run" / "metrics.jsonl").exists() and time.monotonic() < started + 60:
        time.sleep(0.05)
    process.send_signal(signal.SIGHUP)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "go on with: gan train --resume --out run" in said
    assert (tmp_path / "run" / "checkpoint.safetensors").exists()


def test_lost_lines_of_metrics_are_said(tmp_path):
    run("train", *SMALL, "--steps", 20, "--log-every", 10, "--out", "run", cwd=tmp_path)
    (tmp_path / "run" / "metrics.jsonl").unlink()
    said = run("train", "--resume", "--steps", 30, "--out", "run", cwd=tmp_path)
    assert "metrics.jsonl ends at step 0, the run goes on from 20; lines are lost" in said


def test_before_the_name_of_the_command_too_bad_input_is_one_sentence(tmp_path):
    said = run("--bogus", cwd=tmp_path, code=2)
    assert said.startswith("gan: No such option")
    assert len(said.splitlines()) == 1
