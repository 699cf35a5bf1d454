"""Whole or absent: under real kills, full disks, missing rights and odd paths."""

import errno
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gan
from gan.errors import UserError
from gan.files import (
    append_line,
    in_words,
    is_temporary,
    parse_json,
    read_whole,
    remove_temporaries,
    write_atomically,
)

ROOT = Path(gan.__file__).parents[1]
posix = pytest.mark.skipif(os.name != "posix", reason="kills, pipes and limits as POSIX has them")


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


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_the_last_write_is_the_content(tmp_path_factory, versions):
    folder = tmp_path_factory.mktemp("write")
    for data in versions:
        write_atomically(folder / "file", data)
        assert read_whole(folder / "file") == data
        assert os.listdir(folder) == ["file"]


@posix
def test_a_new_file_has_the_mode_that_the_umask_gives(tmp_path):
    old = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", b"x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


@posix
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to("far/file")
    for data in (b"one", b"two"):
        write_atomically(tmp_path / "link", data)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "far" / "file").read_bytes() == data


@posix
def test_pipes_and_folders_are_neither_read_nor_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, kind in (("pipe", "a device or a pipe"), ("folder", "a folder")):
        for use in (read_whole, lambda path: write_atomically(path, b"x")):
            with pytest.raises(UserError, match=f"{name}: it is {kind}"):
                use(tmp_path / name)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("step", ["open", "write", "fsync", "close", "replace"])
def test_a_failure_at_any_step_leaves_the_old_file(tmp_path, monkeypatch, step, code):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    real = getattr(os, step)

    def fail(*args, **kwargs):
        if step == "close":
            real(*args, **kwargs)
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, fail)
        with pytest.raises(UserError) as caught:
            write_atomically(file, b"new")
    assert str(caught.value).startswith(f"cannot write {file}: ")
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("room", [0, 1, 5, 6])
def test_a_disk_that_fills_up_while_writing(tmp_path, monkeypatch, room):
    file, left, real = tmp_path / "file", room, os.write
    file.write_bytes(b"old\n")

    def write(fd, data):
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = real(fd, bytes(data)[: min(left, 2)])  # a few bytes at a time, as the system may
        left -= count
        return count

    monkeypatch.setattr(os, "write", write)
    for use in (lambda: write_atomically(file, b"longer\n"), lambda: append_line(file, "longer")):
        left = room
        with pytest.raises(UserError, match=r"file: no space is left on the device; free some space"):
            use()
        assert file.read_bytes() == b"old\n"
        assert os.listdir(tmp_path) == ["file"]
    left = 100
    append_line(file, "longer")
    assert file.read_bytes() == b"old\nlonger\n"


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def write(fd, data):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", b"x")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "no space is left"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "largest size"),
        (errno.EACCES, "permission is denied"),
        (errno.EPERM, "not permit"),
        (errno.EROFS, "read-only"),
        (errno.ENOTDIR, "a part of the path is a file"),
        (errno.EISDIR, "it is a folder"),
        (errno.ENAMETOOLONG, "name is too long"),
        (errno.ENOENT, "does not exist"),
        (errno.EBUSY, os.strerror(errno.EBUSY)),
    ],
)
def test_every_reason_in_words(code, words):
    with pytest.raises(UserError, match=rf"^cannot write here: .*{words}.*; \w+"), in_words("write", "here"):
        raise OSError(code, os.strerror(code), "some/other/path")


def test_an_error_without_a_number_has_words_too():
    with pytest.raises(UserError, match="cannot write here: odd; check"), in_words("write", "here"):
        raise OSError("odd")


def test_real_odd_paths(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "circle").symlink_to("circle")
    for path, words in [
        (tmp_path / "file" / "below", "a part of the path is a file"),
        (tmp_path / "missing" / "file", "does not exist"),
        (tmp_path / ("n" * 300), "name is too long"),
    ]:
        for use in (
            read_whole,
            lambda path: write_atomically(path, b"y"),
            lambda path: append_line(path, "y"),
        ):
            with pytest.raises(UserError, match=words):
                use(path)
    with pytest.raises(UserError, match="symbolic links run in a circle"):
        read_whole(tmp_path / "circle")
    assert sorted(os.listdir(tmp_path)) == ["circle", "file"]


@posix
def test_a_folder_without_the_right_to_write(tmp_path):
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user (root?) may write whatever the mode says")
        with pytest.raises(UserError, match="permission is denied"):
            write_atomically(tmp_path / "file", b"x")
    finally:
        tmp_path.chmod(0o700)


READ_ONLY = """
import os, subprocess, sys
from gan.errors import UserError
from gan.files import append_line, remove_temporaries, write_atomically
folder = sys.argv[1]
write_atomically(folder + "/file", b"old\\n")
open(folder + "/.file.1.00000000.tmp", "w").close()
subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
for use in (lambda: write_atomically(folder + "/file", b"new"), lambda: append_line(folder + "/file", "new"),
            lambda: remove_temporaries(folder)):
    try:
        use()
    except UserError as error:
        print(error)
with open(folder + "/file") as file:
    assert file.read() == "old\\n"
"""


def test_a_real_read_only_disk(tmp_path):
    said = on_own_disk("size=64k", READ_ONLY, tmp_path).splitlines()
    assert len(said) == 3
    assert all("the file system is read-only; choose a path" in line for line in said)


FULL = """
import os, sys
from gan.errors import UserError
from gan.files import append_line, write_atomically
folder = sys.argv[1]
write_atomically(folder + "/file", b"old" * 1000)
append_line(folder + "/lines", "0" * 999)
try:
    write_atomically(folder + "/file", b"new" * 100_000)
except UserError as error:
    print(error)
count = 1
try:
    while count < 1000:
        append_line(folder + "/lines", "1" * 999)
        count += 1
except UserError as error:
    print(error)
with open(folder + "/file") as file:
    assert file.read() == "old" * 1000
with open(folder + "/lines") as file:
    assert file.read() == "0" * 999 + "\\n" + ("1" * 999 + "\\n") * (count - 1)
assert sorted(os.listdir(folder)) == ["file", "lines"]
write_atomically(folder + "/lines", b"")
write_atomically(folder + "/file", b"new")
"""


def test_a_real_full_disk(tmp_path):
    said = on_own_disk("size=64k", FULL, tmp_path).splitlines()
    assert len(said) == 2
    assert all("no space is left on the device; free some space" in line for line in said)


LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n" + FULL


@posix
def test_a_real_limit_on_the_size_of_files(tmp_path):
    done = subprocess.run(child(LIMITED, tmp_path), cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("beyond the largest size allowed; raise the limit") == 2


KILLED_AT = """
import os, signal, sys
from gan.files import write_atomically
left = int(sys.argv[2])
def wrap(name):
    real = getattr(os, name)
    def call(*args, **kwargs):
        global left
        left -= 1
        if left == 0:
            if name == "write":
                real(args[0], bytes(args[1])[:1000])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    setattr(os, name, call)
for name in ("open", "write", "fsync", "close", "replace"):
    wrap(name)
write_atomically(sys.argv[1], b"new" * 1000)
"""


@posix
def test_a_kill_at_every_call_to_the_system(tmp_path):
    seen, left_behind = [], 0
    for call in range(1, 20):
        (tmp_path / "file").write_bytes(b"old" * 1000)
        done = subprocess.run(child(KILLED_AT, tmp_path / "file", call), cwd=ROOT, check=False)
        data = (tmp_path / "file").read_bytes()
        assert data in (b"old" * 1000, b"new" * 1000)
        left_behind += len(os.listdir(tmp_path)) - 1
        remove_temporaries(tmp_path)
        assert os.listdir(tmp_path) == ["file"]
        seen.append(data[:3])
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert seen == sorted(seen, reverse=True)  # the old one, then from some call on the new one
    assert set(seen) == {b"old", b"new"}
    assert left_behind >= 4  # killed while writing, syncing, closing, renaming


LOOP = """
import sys
from gan.files import write_atomically
print("ready", flush=True)
number = int(sys.argv[2])
while True:
    number += 1
    write_atomically(sys.argv[1], b"%08d" % number * 50_000)
"""


@posix
def test_kills_at_random_moments(tmp_path):
    file, number, moment = tmp_path / "file", 0, random.Random(1)
    for _ in range(30):
        with subprocess.Popen(child(LOOP, file, number), cwd=ROOT, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(moment.random() * 0.02)
            process.kill()
        if not number and not file.exists():
            continue
        data = file.read_bytes()
        assert data == data[:8] * 50_000
        assert int(data[:8]) >= number
        number = int(data[:8])
        assert all(name == "file" or is_temporary(name) for name in os.listdir(tmp_path))
    assert number > 0
    remove_temporaries(tmp_path)
    assert os.listdir(tmp_path) == ["file"]


def test_only_temporary_files_are_removed(tmp_path):
    ours = [".file.12.0a1b2c3d.tmp", ".a.b.c.1.00000000.tmp", ".new\nline.1.00000000.tmp"]
    others = [
        ".file.tmp",
        "file.12.0a1b2c3d.tmp",
        ".file.x.0a1b2c3d.tmp",
        ".file.1.0A1B2C3D.tmp",
        ".1.00000000.tmp",
    ]
    for name in ours + others:
        (tmp_path / name).touch()
    remove_temporaries(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(others)
    with pytest.raises(UserError, match=r"cannot clean .*does not exist"):
        remove_temporaries(tmp_path / "missing")


@settings(deadline=None)
@given(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n")), max_size=4),
    st.binary(max_size=9),
)
def test_lines_are_added_after_whole_lines(tmp_path_factory, lines, torn):
    file = tmp_path_factory.mktemp("lines") / "file"
    for line in lines:
        append_line(file, line)
    whole = "".join(line + "\n" for line in lines).encode()
    with file.open("ab") as out:
        out.write(torn)
    append_line(file, "last")
    assert file.read_bytes() == (whole + torn)[: (whole + torn).rfind(b"\n") + 1] + b"last\n"


def test_json_or_none():
    assert parse_json(b'{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    for text in (
        "",
        "{",
        "nan",
        "NaN",
        "[Infinity]",
        "-Infinity",
        b"\xff",
        "[" * 100_000,
        "1" * 5000,
        b'"\xc3"',
    ):
        assert parse_json(text) is None
