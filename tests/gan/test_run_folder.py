"""A run folder under kills, second processes, full and read-only disks, and other people's files."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gan
from gan import run_folder
from gan.errors import UserError
from gan.run_folder import RunFolder, versions

ROOT = Path(gan.__file__).parents[1]
posix = pytest.mark.skipif(os.name != "posix", reason="kills as POSIX has them")


def child(script, *args):
    return [sys.executable, "-c", script, *map(str, args)]


def on_own_disk(options, script, folder):
    """Run `script` in a process that alone sees a tmpfs with these mount options on `folder`."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare on this system")
    mount = 'mount -t tmpfs -o "$1" tmpfs "$2" || exit 99; shift; shift; exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, "sh", options, str(folder), *child(script, folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 99 or "unshare failed" in done.stderr:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def contents(folder):
    """Every file below `folder` with its bytes, and every folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(Path(folder).rglob("*"))
    }


@pytest.fixture
def run(tmp_path):
    with RunFolder.create(tmp_path / "run", {"seed": 7}, ["gan", "train"]) as made:
        yield made


def test_create_open_read(tmp_path):
    settings = {"seed": 7, "rate": 0.1, "sizes": [64, 16], "name": "ünï", "deep": {"b": None, "a": True}}
    path = tmp_path / "above" / "run"
    with RunFolder.create(path, settings, ["gan", "train", "\udcff"]) as run:
        assert run.path == path
        assert run.settings == settings
        assert list(run.settings) == list(settings)
        assert run.samples_folder.is_dir()
        assert run.metrics() == run.sessions() == []
    for use in (RunFolder.open, RunFolder.read):
        with use(str(path)) as run:
            assert run.settings == settings
            assert list(run.settings) == list(settings)
    assert sorted(os.listdir(path)) == ["lock", "samples", "settings.json"]
    document = json.loads((path / "settings.json").read_bytes())
    assert list(document) == ["format", "settings", "seed", "command", "versions"]
    assert document["format"] == "minigrad-gan run 1"
    assert document["seed"] == 7
    assert document["command"] == ["gan", "train", "\udcff"]
    assert document["versions"] == versions()
    assert list(versions()) == ["python", "numpy", "minigrad-gan", "platform", "machine"]
    assert versions()["numpy"] == np.__version__


def test_settings_are_the_same_in_the_first_process_and_in_later_ones(tmp_path):
    with RunFolder.create(tmp_path, {"betas": (0.9, 0.999)}, []) as run:
        assert run.settings == {"betas": [0.9, 0.999]} == RunFolder.read(tmp_path).settings


def test_settings_that_json_cannot_hold_touch_nothing(tmp_path):
    for value in (float("nan"), object(), np.float32(1)):
        with pytest.raises((TypeError, ValueError)):
            RunFolder.create(tmp_path / "run", {"x": value}, [])
    assert os.listdir(tmp_path) == []


def test_create_where_a_run_is(run):
    before = contents(run.path)
    for _ in range(2):  # while it trains, and after
        with pytest.raises(UserError, match=r"already holds a run; continue it with --resume, or choose another"):
            RunFolder.create(run.path, {}, [])
        run.close()
    assert contents(run.path) == before


@pytest.mark.parametrize("name", ["thesis.txt", "checkpoint.safetensors", ".hidden", "samples"])
def test_create_among_other_files_touches_nothing(tmp_path, name):
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(UserError, match=rf"is not empty \(it holds '{name}'\) and not a run; choose another"):
        RunFolder.create(tmp_path, {}, [])
    assert contents(tmp_path) == {name: b"mine"}


def test_a_lock_file_that_is_not_ours_is_another_file(tmp_path):
    (tmp_path / "lock").write_bytes(b"someone's")
    with pytest.raises(UserError, match="it holds 'lock'"):
        RunFolder.create(tmp_path, {}, [])
    assert contents(tmp_path) == {"lock": b"someone's"}


def test_create_on_or_below_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(UserError, match="is a file, and a run needs a folder; choose another --out"):
        RunFolder.create(tmp_path / "file", {}, [])
    with pytest.raises(UserError, match=r"cannot create the folder .*a file"):
        RunFolder.create(tmp_path / "file" / "run", {}, [])
    with pytest.raises(UserError, match="name is too long"):
        RunFolder.create(tmp_path / "new" / ("n" * 300), {}, [])
    assert contents(tmp_path) == {"file": b"mine"}


@pytest.mark.parametrize("step", ["open", "write", "fsync", "replace", "mkdir"])
@pytest.mark.parametrize("there", [False, True])
def test_create_that_fails_leaves_nothing(tmp_path, monkeypatch, step, there):
    path = tmp_path / "above" / "run"
    if there:
        path.mkdir(parents=True)
    real = getattr(os, step)

    def fail(target, *args, **kwargs):
        if str(target).endswith("lock") or (step == "mkdir" and not str(target).endswith("samples")):
            return real(target, *args, **kwargs)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(UserError, match="no space is left on the device; free some space"):
            RunFolder.create(path, {}, [])
    assert contents(tmp_path) == ({"above": None, "above/run": None} if there else {})
    RunFolder.create(path, {}, []).close()


def test_create_that_comes_second_by_a_moment_leaves_the_first_run_alone(tmp_path, monkeypatch):
    real, path = run_folder._take, tmp_path / "run"

    def late(folder):
        monkeypatch.undo()
        RunFolder.create(path, {"first": True}, []).close()
        return real(folder)

    monkeypatch.setattr(run_folder, "_take", late)
    with pytest.raises(UserError, match="already holds a run") as caught:
        RunFolder.create(path, {"first": False}, [])
    with RunFolder.open(path) as run:
        assert run.settings == {"first": True}
    assert caught  # held till here, and with it every object of the failed call: the lock was given back


def test_what_a_killed_create_left_is_an_empty_folder(tmp_path):
    (tmp_path / "lock").touch()
    (tmp_path / ".settings.json.1.0123abcd.tmp").write_bytes(b'{"form')
    with RunFolder.create(tmp_path, {"seed": 1}, []):
        assert sorted(os.listdir(tmp_path)) == ["lock", "samples", "settings.json"]


@pytest.mark.parametrize("use", [RunFolder.open, RunFolder.read])
def test_open_where_no_run_is(tmp_path, use):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    for name, words in [
        ("missing", "it does not exist; check the path"),
        ("file", "it is a file, not the folder of a run"),
        ("folder", r"it holds no settings\.json; check the path"),
    ]:
        with pytest.raises(UserError, match=f"there is no run in .*{name}: {words}"):
            use(tmp_path / name)
    assert contents(tmp_path) == {"file": b"x", "folder": None}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not a JSON object; restore it"),
        (b"{", "not a JSON object"),
        (b"[1]", "not a JSON object"),
        (b"\xff\xfe\xff", "not a JSON object"),
        (b"[" * 100_000, "not a JSON object"),
        (b"{}", "not that of a run"),
        (b'{"format": "minigrad-gan run 1"}', "not that of a run"),
        (b'{"format": "minigrad-gan run 1", "settings": []}', "not that of a run"),
        (b'{"format": "minigrad-gan run 0", "settings": {}}', "not that of a run"),
        (b'{"format": 1, "settings": {}}', "not that of a run"),
        (b'{"format": "minigrad-gan run 2"}', "made by a newer version of this program; update minigrad-gan"),
    ],
)
@pytest.mark.parametrize("use", [RunFolder.open, RunFolder.read])
def test_a_settings_file_that_is_none(tmp_path, use, text, words):
    (tmp_path / "settings.json").write_bytes(text)
    with pytest.raises(UserError, match=words):
        use(tmp_path)
    assert contents(tmp_path) == {"settings.json": text}


def test_write_settings_keeps_how_the_run_began(run):
    before = json.loads((run.path / "settings.json").read_bytes())
    run.write_settings({"seed": 7, "steps": 20})
    after = json.loads((run.path / "settings.json").read_bytes())
    assert run.settings == RunFolder.read(run.path).settings == {"seed": 7, "steps": 20}
    assert after == before | {"settings": {"seed": 7, "steps": 20}}
    with pytest.raises(ValueError, match="JSON"):
        run.write_settings({"x": float("inf")})
    assert json.loads((run.path / "settings.json").read_bytes()) == after
    assert run.settings == after["settings"]


def test_reading_only_cannot_write(run):
    for folder in (RunFolder.read(run.path), run):
        folder.close()
        for write in (
            lambda f=folder: f.write_settings({}),
            lambda f=folder: f.append_metrics({"step": 1}),
            lambda f=folder: f.append_session({}),
            lambda f=folder: f.truncate_metrics(0),
            lambda f=folder: f.remove_samples_after(0),
            lambda f=folder: f.save_checkpoint({}, {}),
            folder.clean,
        ):
            with pytest.raises(RuntimeError, match="closed or open for reading only"):
                write()
        folder.close()
    assert sorted(os.listdir(run.path)) == ["lock", "samples", "settings.json"]


records = st.fixed_dictionaries(
    {"step": st.integers(0, 9)},
    optional={"loss": st.floats(allow_nan=False, allow_infinity=False), "note": st.text(max_size=3)},
)


@settings(deadline=None)
@given(st.lists(records, max_size=6), st.integers(-1, 10), st.binary(max_size=8).filter(lambda b: b"\n" not in b))
def test_truncation_keeps_exactly_the_steps_up_to_it(tmp_path_factory, lines, step, torn):
    with RunFolder.create(tmp_path_factory.mktemp("run"), {}, []) as run:
        for line in lines:
            run.append_metrics(line)
        assert repr(run.metrics()) == repr(lines)  # every float to the last bit, -0.0 too
        file = run.path / "metrics.jsonl"
        with file.open("ab") as out:
            out.write(torn)
        assert repr(run.metrics()) == repr(lines)
        kept = [line for line in lines if line["step"] <= step]
        run.truncate_metrics(step)
        assert repr(run.metrics()) == repr(kept)
        assert file.read_bytes() == "".join(json.dumps(line) + "\n" for line in kept).encode()
        with file.open("ab") as out:
            out.write(torn)
        run.append_metrics({"step": 99})
        assert repr(run.metrics()) == repr([*kept, {"step": 99}])


def test_truncation_writes_only_what_changes(run):
    run.truncate_metrics(5)
    assert not (run.path / "metrics.jsonl").exists()
    run.append_metrics({"step": 5})
    before = (run.path / "metrics.jsonl").stat()
    run.truncate_metrics(5)
    assert (run.path / "metrics.jsonl").stat() == before


def test_a_line_of_metrics_keeps_the_order_of_its_keys(run):
    run.append_metrics({"step": 1, "z": 0.1, "a": [1e-300, None]})
    assert (run.path / "metrics.jsonl").read_bytes() == b'{"step": 1, "z": 0.1, "a": [1e-300, null]}\n'


def test_metrics_that_are_no_metrics(run):
    for record, words in [
        ({"step": 1, "loss": float("nan")}, "finite"),
        ({"step": 1, "loss": [float("-inf")]}, "finite"),
        ({"loss": 1.0}, 'integer "step"'),
        ({"step": 1.0}, 'integer "step"'),
        ({"step": True}, 'integer "step"'),
    ]:
        with pytest.raises(ValueError, match=words) as caught:
            run.append_metrics(record)
        assert not isinstance(caught.value, UserError)
    assert run.metrics() == []


@pytest.mark.parametrize("line", [b"", b"{", b"[1]", b'{"step": 1}\r{"step": 2}', b"\0\0\0", b"\xff", b'{"a": NaN}'])
def test_a_damaged_line_is_named(run, line):
    run.append_metrics({"step": 1})
    with (run.path / "metrics.jsonl").open("ab") as out:
        out.write(line + b"\n")
    before = contents(run.path)
    for use in (run.metrics, lambda: run.truncate_metrics(1)):
        with pytest.raises(UserError, match=r"line 2 of .*metrics\.jsonl is not a JSON object; mend or remove"):
            use()
    assert contents(run.path) == before


def test_a_line_without_a_step_cannot_be_placed(run):
    (run.path / "metrics.jsonl").write_bytes(b'{"step": 1}\n{"loss": 2}\n')
    with pytest.raises(UserError, match=r'line 2 of .* has no integer "step"'):
        run.truncate_metrics(5)


def test_sessions(run):
    run.append_session({"command": ["gan"], "seconds": 1.5})
    run.append_session({"end": 2})
    assert run.sessions() == [{"command": ["gan"], "seconds": 1.5}, {"end": 2}]
    assert RunFolder.read(run.path).sessions() == run.sessions()


def test_samples(run):
    assert run.sample_path(123) == run.samples_folder / "step-000123.png"
    assert run.sample_path(1234567).name == "step-1234567.png"
    with pytest.raises(ValueError, match="0 or more"):
        run.sample_path(-1)
    others = ["step-999.png", "step-00x999.png", "step-000999.png.bak", "mine.png", "step-٠٠٠٩٩٩.png"]
    for name in others:
        (run.samples_folder / name).touch()
    for step in (0, 5, 6, 1234567):
        run.sample_path(step).touch()
    run.remove_samples_after(5)
    kept = [run.sample_path(0).name, run.sample_path(5).name]
    assert sorted(os.listdir(run.samples_folder)) == sorted(kept + others)


def test_checkpoints(run):
    with pytest.raises(UserError, match="there is no checkpoint"):
        run.load_checkpoint()
    run.save_checkpoint({"w": np.arange(3)}, {"step": 1})
    for folder in (run, RunFolder.read(run.path)):
        arrays, notes = folder.load_checkpoint()
        assert arrays["w"].tolist() == [0, 1, 2]
        assert notes == {"step": 1}


def test_opening_removes_what_killed_processes_left(run):
    run.close()
    stale = [".metrics.jsonl.1.01234567.tmp", "samples/.step-000001.png.23.89abcdef.tmp"]
    for name in stale:
        (run.path / name).touch()
    RunFolder.read(run.path)
    assert all((run.path / name).exists() for name in stale)
    (run.samples_folder / "keep.tmp").touch()
    RunFolder.open(run.path).close()
    assert sorted(contents(run.path)) == ["lock", "samples", "samples/keep.tmp", "settings.json"]


def test_a_lost_samples_folder_comes_back(run):
    run.close()
    run.samples_folder.rmdir()
    RunFolder.open(run.path).close()
    assert run.samples_folder.is_dir()
    run.samples_folder.rmdir()
    run.samples_folder.touch()
    for _ in range(2):  # the first failure must have given the lock back
        with pytest.raises(UserError, match=r"cannot create the folder .*samples: a file of that name is in the way"):
            RunFolder.open(run.path)


def test_one_process_holds_the_lock_only_once(run):
    with pytest.raises(UserError, match=r"another process is training in .*; wait for it, stop it, or choose"):
        RunFolder.open(run.path)
    run.append_metrics({"step": 1})
    run.close()
    run.close()
    with RunFolder.open(run.path) as again:
        assert again.metrics() == [{"step": 1}]


HOLD = """
import sys, time
from gan.run_folder import RunFolder
run = RunFolder.open(sys.argv[1])
print("ready", flush=True)
time.sleep(60)
"""


@posix
def test_a_second_process_waits_outside_until_the_first_is_killed(run):
    run.append_metrics({"step": 1})
    run.close()
    with subprocess.Popen(child(HOLD, run.path), cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            before = contents(run.path)
            with pytest.raises(UserError, match="another process is training in"):
                RunFolder.open(run.path)
            assert RunFolder.read(run.path).metrics() == [{"step": 1}]
            assert contents(run.path) == before
        finally:
            process.kill()
    RunFolder.open(run.path).close()


CREATE = """
import sys
from gan.errors import UserError
from gan.run_folder import RunFolder
print("ready", flush=True)
sys.stdin.readline()
try:
    run = RunFolder.create(sys.argv[1], {"me": sys.argv[2]}, [])
    print("mine", flush=True)
    sys.stdin.readline()
except UserError as error:
    print(error, flush=True)
"""


def test_two_processes_that_start_the_same_run_at_once(tmp_path):
    both = [
        subprocess.Popen(
            child(CREATE, tmp_path / "a" / "run", me),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for me in range(2)
    ]
    try:
        for process in both:
            process.stdout.readline()
        for process in both:
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [process.stdout.readline() for process in both]
    finally:
        for process in both:
            process.communicate("\n")
    assert sorted("mine" in line for line in said) == [False, True]
    assert any("already holds a run" in line or "another process is training" in line for line in said)
    assert RunFolder.read(tmp_path / "a" / "run").settings == {"me": str(["mine" in s for s in said].index(True))}


TRAIN = """
import sys
import numpy as np
from gan.errors import UserError
from gan.files import write_atomically
from gan.run_folder import RunFolder

def train(path, steps):
    try:
        run = RunFolder.open(path)
    except UserError:
        run = RunFolder.create(path, {"seed": 1, "steps": steps}, ["train"])
    random, weights, step = np.random.default_rng(run.settings["seed"]), np.zeros(1000), 0
    if run.checkpoint_file.exists():
        arrays, notes = run.load_checkpoint()
        weights, step, random.bit_generator.state = arrays["weights"], notes["step"], notes["random"]
    run.truncate_metrics(step)
    run.remove_samples_after(step)
    while step < run.settings["steps"]:
        step += 1
        weights += random.standard_normal(1000)
        run.append_metrics({"step": step, "mean": float(weights.mean())})
        if step % 3 == 0:
            write_atomically(run.sample_path(step), weights[:99].tobytes())
        if step % 4 == 0:
            run.save_checkpoint({"weights": weights}, {"step": step, "random": random.bit_generator.state})
    run.close()
"""

TRAIN_LONG = (
    TRAIN
    + """
print("ready", flush=True)
train(sys.argv[1], 250)
"""
)


@posix
def test_a_run_killed_again_and_again_ends_bit_for_bit_the_same(tmp_path):
    subprocess.run(child(TRAIN_LONG, tmp_path / "whole"), cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    moment, kills = random.Random(2), 0
    for left in reversed(range(9)):
        with subprocess.Popen(child(TRAIN_LONG, tmp_path / "killed"), cwd=ROOT, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            if left:
                time.sleep(moment.random() * 0.03)
                process.kill()
        if process.returncode == 0:
            break
        kills += 1
    assert process.returncode == 0
    assert kills >= 1
    whole, killed = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    assert len(whole) == 4 + 1 + 83  # settings, metrics, checkpoint, lock; samples and its images
    assert killed == whole


TRAIN_KILLED_AT_EVERY_CALL = (
    TRAIN
    + """
import os, pathlib, random, shutil, signal

def forked(folder, calls):  # a fork per life: the imports are paid once
    pid = os.fork()
    if pid == 0:
        for name in ("open", "write", "fsync", "close", "replace", "mkdir", "unlink", "ftruncate"):
            def call(*args, name=name, real=getattr(os, name), **kwargs):
                nonlocal calls
                calls -= 1
                if calls == 0:
                    if name == "write":
                        real(args[0], bytes(args[1])[: len(args[1]) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
                if name != "fsync":  # slow, and a kill cannot tell: only a power cut could
                    return real(*args, **kwargs)
            setattr(os, name, call)
        code = 1
        try:
            train(folder, 5)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def contents(folder):
    files = pathlib.Path(folder).rglob("*")
    return {str(file.relative_to(folder)): file.is_file() and file.read_bytes() for file in files}

whole, part, moment = sys.argv[1] + "/whole", sys.argv[1] + "/part", random.Random(3)
assert forked(whole, 0) == 0
code, calls = -signal.SIGKILL, 0
while code:
    calls += 1
    code = forked(part, calls)
    assert code in (0, -signal.SIGKILL), (code, calls)
    again = forked(part, moment.randrange(1, 80))
    assert again in (0, -signal.SIGKILL), (again, calls)
    assert forked(part, 0) == 0, calls
    assert contents(part) == contents(whole), calls
    shutil.rmtree(part)
print(calls)
"""
)


@posix
def test_a_run_killed_at_every_call_to_the_system_ends_bit_for_bit_the_same(tmp_path):
    command = child(TRAIN_KILLED_AT_EVERY_CALL, tmp_path)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 40


FULL = """
import os, sys
import numpy as np
from gan.errors import UserError
from gan.run_folder import RunFolder
folder = sys.argv[1]

def refused(use):
    try:
        use()
    except UserError as error:
        print(error)
    else:
        raise AssertionError("the disk was not full")

def whole_files():
    return {name: open(f"{path}/{name}", "rb", 0).readall() for name in os.listdir(path) if name != "samples"}

path = folder + "/run"
run = RunFolder.create(path, {"seed": 1}, [])
run.save_checkpoint({"w": np.arange(500)}, {"step": 1})
for step in range(50):
    run.append_metrics({"step": step, "text": "x" * 80})
with open(folder + "/filler", "wb", 0) as filler:
    try:
        while filler.write(b"x" * 4096):
            pass
    except OSError:
        pass
before = whole_files()
refused(lambda: run.save_checkpoint({"w": np.arange(500)}, {"step": 2}))
refused(lambda: run.write_settings({"seed": 1, "steps": 2}))
refused(lambda: run.truncate_metrics(25))
refused(lambda: run.append_session({"text": "x" * 80}))
assert run.settings == {"seed": 1}
before["sessions.jsonl"] = b""
assert whole_files() == before
try:
    while True:
        run.append_metrics({"step": 50, "text": "x" * 80})
except UserError as error:
    print(error)
assert run.metrics()[:50] == [{"step": step, "text": "x" * 80} for step in range(50)]
assert whole_files()["metrics.jsonl"].endswith(b"\\n")
refused(lambda: RunFolder.create(folder + "/above/second", {}, []))
assert sorted(os.listdir(folder)) == ["filler", "run"]
os.unlink(folder + "/filler")
assert run.load_checkpoint()[1] == {"step": 1}
run.truncate_metrics(25)
assert len(run.metrics()) == 26
run.close()
"""


def test_a_real_full_disk(tmp_path):
    said = on_own_disk("size=96k", FULL, tmp_path).splitlines()
    assert len(said) == 6
    assert all("no space is left on the device; free some space" in line for line in said)


def test_a_real_disk_without_room_for_one_more_name(tmp_path):
    script = """
import os, sys
from gan.errors import UserError
from gan.run_folder import RunFolder
for _ in range(8):
    try:
        RunFolder.create(sys.argv[1] + "/above/run", {}, []).close()
    except UserError as error:
        print(error)
    else:
        break
    made = os.listdir(sys.argv[1])
    assert made == [], made
"""
    for names in (2, 4, 5, 6):  # the root, two folders, lock, settings.json (first under another name), samples
        said = on_own_disk(f"size=96k,nr_inodes={names}", script, tmp_path).splitlines()
        assert len(said) == (8 if names < 6 else 0)
        assert all("no space is left on the device" in line for line in said)


READ_ONLY = """
import os, subprocess, sys
from gan.errors import UserError
from gan.run_folder import RunFolder
folder = sys.argv[1]
with RunFolder.create(folder + "/run", {"seed": 1}, []) as run:
    run.append_metrics({"step": 1})
subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
for use in (lambda: RunFolder.open(folder + "/run"), lambda: RunFolder.create(folder + "/new", {}, [])):
    try:
        use()
    except UserError as error:
        print(error)
assert os.listdir(folder) == ["run"]
assert RunFolder.read(folder + "/run").metrics() == [{"step": 1}]
"""


def test_a_real_read_only_disk(tmp_path):
    said = on_own_disk("size=96k", READ_ONLY, tmp_path).splitlines()
    assert len(said) == 2
    assert all("the file system is read-only; choose a path on another disk" in line for line in said)


@posix
def test_a_folder_without_the_right_to_write(tmp_path):
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user (root?) may write whatever the mode says")
        with pytest.raises(UserError, match="permission is denied"):
            RunFolder.create(tmp_path / "run", {}, [])
    finally:
        tmp_path.chmod(0o700)
