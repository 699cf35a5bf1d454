"""Real `gan train` processes, killed at random moments and told to stop: what is left goes on to the same bytes."""

import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest

import gan

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")]

KILLS = 16
GAN = [sys.executable, "-m", "gan"]
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(Path(gan.__file__).parents[1])}
SETTINGS = [  # about half a second of training; hardly a moment without a write
    *("--steps", "400", "--log-every", "10", "--sample-every", "40", "--checkpoint-every", "7", "--seed", "3"),
    *("--validate-every", "20", "--parzen-every", "100"),
    *("--generator-layers", "16,16", "--discriminator-layers", "8,8", "--batch-size", "20", "--k", "2"),
]


def start(folder, *more):
    return subprocess.Popen(
        [*GAN, "train", "--out", str(folder), *more],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def begin_or_go_on(folder):
    """What a user would type: --resume, unless there is no run yet."""
    return start(folder, *(["--resume"] if (folder / "settings.json").exists() else SETTINGS))


def finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def results(folder):
    files = [*folder.glob("*.safetensors"), *folder.glob("[mv]*.jsonl"), *(folder / "samples").iterdir()]
    return {path.name: path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The results of a run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish(start(folder, *SETTINGS))
    assert len(results(folder)) == 4 + 11
    return results(folder)


def lines(folder):
    try:
        return (folder / "metrics.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def names(folder):
    return os.listdir(folder) if folder.exists() else []


def moments(chance, folder):
    """Conditions to kill at, without end: a file that appears, some progress, a time after the start."""
    begun, seconds = time.monotonic(), chance.uniform(0, 0.4)
    yield lambda: time.monotonic() > begun + seconds  # before there is anything
    yield lambda: "lock" in names(folder)  # before settings.json, or just after it
    yield lambda: "settings.json" in names(folder)  # before the first checkpoint
    while True:
        kind, seconds = chance.choice(["write", "progress", "progress", "time"]), chance.uniform(0, 1.5)
        begun, so_far, more, late = time.monotonic(), lines(folder), chance.randint(0, 8), chance.uniform(0, 0.02)
        if kind == "write":
            yield lambda: any(n.endswith(".tmp") for n in [*names(folder), *names(folder / "samples")])
        elif kind == "progress":
            yield lambda n=so_far + more, late=late: lines(folder) > n and not time.sleep(late)
        else:
            yield lambda end=begun + seconds: time.monotonic() > end


def test_kill_9_at_any_moment(tmp_path, whole, capsys):
    chance = random.Random(2014)
    kills = early = unborn = runs = 0
    while kills < KILLS:
        folder, runs = tmp_path / f"run {runs}", runs + 1
        for due in islice(moments(chance, folder), 8):
            process = begin_or_go_on(folder)
            while process.poll() is None and not due():
                time.sleep(0.0005)
            process.kill()
            _, err = process.communicate(timeout=60)
            if process.returncode == 0:  # it was quicker
                break
            assert process.returncode == -signal.SIGKILL, err
            kills += 1
            early += "checkpoint.safetensors" not in names(folder)
            unborn += "settings.json" not in names(folder)
        else:
            last = begin_or_go_on(folder)
            _, err = last.communicate(timeout=120)
            assert last.returncode == 0 or "is trained to step 400 already" in err, err
        assert results(folder) == whole
        assert not [n for n in [*names(folder), *names(folder / "samples")] if n.endswith(".tmp")]
    with capsys.disabled():
        before = f"{early} before the first checkpoint, {unborn} before settings.json"
        print(f"\n{kills} kills in {runs} runs ({before}): all ended with the same bytes")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_go_on(number, tmp_path, whole):
    folder = tmp_path / "a run"  # a name that a shell would split
    process = start(folder, *SETTINGS)
    while lines(folder) < 3:
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    said = re.fullmatch(r"stopped and saved at step (\d+); go on with: gan (.+)\n", out)
    assert 30 <= int(said[1]) < 400
    subprocess.run([*GAN, *shlex.split(said[2])], env=ENVIRONMENT, capture_output=True, check=True)
    assert results(folder) == whole


def test_two_processes_on_one_folder(tmp_path):
    first = start(tmp_path / "run", *SETTINGS, "--steps", "1000000")
    try:
        while lines(tmp_path / "run") < 1:
            assert first.poll() is None
            time.sleep(0.001)
        for second in (start(tmp_path / "run", "--resume"), start(tmp_path / "run", *SETTINGS)):
            out, err = second.communicate(timeout=60)
            assert (second.returncode, out) == (2, "")
            assert re.fullmatch(r"gan: (another process is training in|.*already holds a run).*\n", err), err
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()
