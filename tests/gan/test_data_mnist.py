"""MNIST: the real files where they are at hand, and the ways in which files, folders and mirrors can be bad."""

import contextlib
import errno
import gzip
import hashlib
import http.server
import io
import os
import shutil
import socket
import sys
import threading
from pathlib import Path

import numpy as np
import pooch
import pytest

from gan import data
from gan.data import mnist
from gan.data.idx import write_idx
from gan.errors import UserError

NAME = "t10k-labels-idx1-ubyte"
SMALL = np.arange(50, dtype=np.uint8)
CONTENT = write_idx(SMALL)
ZIPPED = gzip.compress(CONTENT, mtime=0)


@pytest.fixture(scope="module")
def originals(find_mnist):
    return find_mnist()


@pytest.fixture(scope="module")
def real(originals):
    return data.load("mnist", data_dir=originals)


@pytest.fixture
def small(monkeypatch):
    """Let `NAME` stand for a file of 58 bytes, so that what does not need the real ones runs without them."""
    monkeypatch.setitem(mnist.CHECKSUMS, NAME, (len(CONTENT), hashlib.sha256(CONTENT).hexdigest()))


@pytest.fixture
def cache(monkeypatch, tmp_path):
    folder = tmp_path / "not" / "there yet"
    monkeypatch.setenv(mnist.CACHE_VARIABLE, str(folder))
    return folder


@pytest.fixture
def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}/"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A local mirror: .folder is served, .requests are the paths asked for, .url(prefix) is an address."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=server.folder)

        def do_GET(self):
            server.requests.append(self.path)
            if self.path.startswith("/cut/"):  # the connection breaks after three bytes
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"abc")
            else:
                super().do_GET()

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.folder, server.requests = folder, []
    server.url = lambda prefix="": f"http://127.0.0.1:{server.server_port}/{prefix}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def serve(server, path, content):
    file = server.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def refused(data_dir=None, name=NAME):
    """The sentence that comes instead of the array."""
    with pytest.raises(UserError) as caught:
        mnist.read(name, data_dir)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


# The real files.


def test_the_split_is_the_original_codes(real):
    assert [split.shape for split in (real.train, real.valid, real.test)] == [
        (50_000, 784),
        (10_000, 784),
        (10_000, 784),
    ]
    assert real.image_shape == (28, 28)
    assert real.dimension == 784
    # First labels of the two original training ranges and of the test file.
    assert real.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert real.valid_labels[:5].tolist() == [3, 8, 6, 9, 6]
    assert real.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(real.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_pixels_are_bytes_over_255(real, originals):
    with gzip.open(originals / "t10k-images-idx3-ubyte.gz") as file:
        raw = np.frombuffer(file.read()[16:], np.uint8).reshape(10_000, 784)
    np.testing.assert_array_equal(real.test, raw.astype(np.float32) / np.float32(255), strict=True)
    for split in (real.train, real.valid, real.test):
        assert split.dtype == np.float32
        assert split.flags.c_contiguous
        assert (split.min(), split.max()) == (0, 1)


def test_nothing_can_be_written_to(real):
    for split in ("train", "valid", "test", "train_labels", "valid_labels", "test_labels"):
        assert not getattr(real, split).flags.writeable


def test_real_files_from_a_mirror_are_kept_and_not_asked_for_again(real, originals, server, cache, monkeypatch):
    server.folder = originals
    monkeypatch.setattr(mnist, "MIRRORS", (server.url(),))
    first = data.load("mnist")
    np.testing.assert_array_equal(first.valid, real.valid)
    np.testing.assert_array_equal(first.train_labels, real.train_labels)
    assert sorted(server.requests) == sorted(f"/{name}.gz" for name in mnist.CHECKSUMS)
    assert sorted(os.listdir(cache)) == sorted(f"{name}.gz" for name in mnist.CHECKSUMS)
    monkeypatch.setattr(mnist, "MIRRORS", ())
    second = data.load("mnist")
    np.testing.assert_array_equal(second.test, real.test)
    assert len(server.requests) == 4


def test_a_real_file_with_one_wrong_bit_is_refused(originals, tmp_path):
    with gzip.open(originals / f"{NAME}.gz") as file:
        content = bytearray(file.read())
    (tmp_path / NAME).write_bytes(content)
    assert mnist.read(NAME, tmp_path).shape == (10_000,)
    content[5000] ^= 1
    (tmp_path / NAME).write_bytes(content)
    message = refused(tmp_path)
    assert f"10008 bytes with sha256 {hashlib.sha256(content).hexdigest()}" in message
    assert "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2" in message


def test_a_truncated_copy_of_a_real_file_is_refused(originals, tmp_path):
    archive = (originals / "train-labels-idx1-ubyte.gz").read_bytes()
    for name in mnist.CHECKSUMS:
        shutil.copy(originals / f"{name}.gz", tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(archive[: len(archive) // 2])
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte\.gz is a truncated or corrupt gzip file"):
        data.load("mnist", data_dir=tmp_path)


def test_ci_may_not_skip_the_real_files(monkeypatch, tmp_path, find_mnist):
    monkeypatch.setenv("MINIGRAD_MNIST_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="MINIGRAD_MNIST_DIR"):
        find_mnist()
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="MINIGRAD_MNIST_DIR"):
        find_mnist()


# A folder that the user names.


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("form", ["plain", "gzip"])
def test_a_file_may_be_plain_or_gzipped(tmp_path, form):
    if form == "plain":
        (tmp_path / NAME).write_bytes(CONTENT)
    else:
        (tmp_path / f"{NAME}.gz").write_bytes(ZIPPED)
    np.testing.assert_array_equal(mnist.read(NAME, tmp_path), SMALL)
    np.testing.assert_array_equal(mnist.read(NAME, str(tmp_path)), SMALL)


@pytest.mark.usefixtures("small")
def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / NAME).write_bytes(CONTENT)
    np.testing.assert_array_equal(mnist.read(NAME, "~"), SMALL)
    monkeypatch.setenv(mnist.CACHE_VARIABLE, "~")
    np.testing.assert_array_equal(mnist.read(NAME), SMALL)


def test_a_name_that_is_not_a_file_of_mnist(tmp_path):
    assert refused(tmp_path, "train-images").startswith("MNIST has no file 'train-images'; choose one of train-images-")


@pytest.mark.parametrize("folder", ["nowhere", "a file", "\0"])
def test_a_folder_that_is_none(tmp_path, folder):
    (tmp_path / "a file").touch()
    message = refused(tmp_path / folder)
    assert f"{folder} does not exist or is not a folder" in message
    assert all(name in message for name in mnist.CHECKSUMS)


@pytest.mark.usefixtures("small")
def test_a_missing_file_is_not_looked_for_elsewhere(tmp_path, cache, server, monkeypatch):
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(CONTENT)
    serve(server, f"{NAME}.gz", ZIPPED)
    monkeypatch.setattr(mnist, "MIRRORS", (server.url(),))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / NAME).mkdir()  # a folder of that name is not the file
    message = refused(tmp_path / "mine")
    assert f"has no {NAME} or {NAME}.gz" in message
    assert all(name in message for name in mnist.CHECKSUMS)
    assert server.requests == []


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (NAME, b"", "holds 0 bytes with sha256 e3b0c442"),
        (NAME, CONTENT[:-1], "holds 57 bytes with sha256"),
        (NAME, CONTENT[:-1] + b"!", "holds 58 bytes with sha256"),
        (f"{NAME}.gz", gzip.compress(CONTENT[:-1]), "holds 57 bytes with sha256"),
        (f"{NAME}.gz", gzip.compress(bytes(1_000_000)), "holds more than 58 bytes"),
        (f"{NAME}.gz", b"<html>not found</html>", "holds 22 bytes with sha256"),
        (f"{NAME}.gz", ZIPPED[:-12], "is a truncated or corrupt gzip file"),
        (f"{NAME}.gz", ZIPPED[:5], "is a truncated or corrupt gzip file"),
        (f"{NAME}.gz", ZIPPED[:10] + b"\xff" * 40, "is a truncated or corrupt gzip file"),
        (f"{NAME}.gz", ZIPPED[:-8] + bytes(8), "is a truncated or corrupt gzip file"),
    ],
    ids=[
        "empty",
        "short",
        "changed",
        "gz-short",
        "gz-long",
        "gz-html",
        "gz-cut",
        "gz-header",
        "gz-bad",
        "gz-crc",
    ],
)
def test_a_bad_file_is_said_to_be_bad(tmp_path, file, content, said):
    (tmp_path / file).write_bytes(content)
    message = refused(tmp_path)
    assert message.startswith(f"{tmp_path / file} {said}")
    assert message.endswith("; replace it by the original file.")
    if "gzip file" not in said:
        assert f"expected the original {NAME}, 58 bytes with sha256 {mnist.CHECKSUMS[NAME][1]}" in message


@pytest.mark.usefixtures("small")
def test_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / NAME).write_bytes(CONTENT)

    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)  # the mode bits would not stop a test run by root
    assert refused(tmp_path) == f"{tmp_path / NAME} cannot be read (Permission denied)."


# The cache and the mirrors.


def test_the_cache_is_the_systems_unless_named(monkeypatch, tmp_path):
    monkeypatch.delenv(mnist.CACHE_VARIABLE, raising=False)
    assert mnist.cache_dir() == Path(pooch.os_cache("minigrad-gan"))
    monkeypatch.setenv(mnist.CACHE_VARIABLE, "")
    assert mnist.cache_dir() == Path(pooch.os_cache("minigrad-gan"))
    monkeypatch.setenv(mnist.CACHE_VARIABLE, str(tmp_path))
    assert mnist.cache_dir() == tmp_path


@pytest.mark.usefixtures("small")
def test_a_bad_file_in_the_cache_is_kept_for_the_user_to_delete(cache):
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(b"rubbish")
    message = refused()
    assert message.startswith(f"{cache / NAME} holds 7 bytes")
    assert message.endswith("; delete it, and it will be downloaded again.")
    assert os.listdir(cache) == [NAME]


@pytest.mark.usefixtures("small")
def test_bad_mirrors_are_passed_over_and_leave_nothing(cache, server, closed_port, monkeypatch):
    serve(server, f"html/{NAME}.gz", b"<html>please log in</html>")
    serve(server, f"other/{NAME}.gz", gzip.compress(CONTENT[:-1] + b"!"))
    serve(server, f"torn/{NAME}.gz", ZIPPED[:-9])
    bad = (*map(server.url, ("html/", "other/", "torn/", "cut/", "missing/")), closed_port)
    monkeypatch.setattr(mnist, "MIRRORS", bad)
    refused()
    assert os.listdir(cache) == []
    server.requests.clear()
    serve(server, f"good/{NAME}.gz", ZIPPED)
    monkeypatch.setattr(mnist, "MIRRORS", (*bad, server.url("good/"), server.url("html/")))
    np.testing.assert_array_equal(mnist.read(NAME), SMALL)
    assert [path.split("/")[1] for path in server.requests] == [
        *("html", "other", "torn", "cut", "missing"),
        "good",
    ]
    assert os.listdir(cache) == [f"{NAME}.gz"]
    assert (cache / f"{NAME}.gz").read_bytes() == ZIPPED
    monkeypatch.setattr(mnist, "MIRRORS", ())
    np.testing.assert_array_equal(mnist.read(NAME), SMALL)


@pytest.mark.usefixtures("small")
def test_a_mirror_that_decompresses_on_the_way_is_understood(cache, server, monkeypatch):
    serve(server, f"{NAME}.gz", CONTENT)
    monkeypatch.setattr(mnist, "MIRRORS", (server.url(),))
    np.testing.assert_array_equal(mnist.read(NAME), SMALL)
    assert os.listdir(cache) == [NAME]
    np.testing.assert_array_equal(mnist.read(NAME), SMALL)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("small")
def test_without_a_network_the_mirrors_and_the_way_out_are_named(cache, closed_port, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    mirrors = (f"{closed_port}first/", f"{closed_port}second/")
    monkeypatch.setattr(mnist, "MIRRORS", mirrors)
    with pytest.raises(UserError) as caught:
        data.load("mnist")
    message = str(caught.value)
    assert "train-images-idx3-ubyte.gz could not be downloaded from" in message
    assert all(mirror in message for mirror in mirrors)
    assert "refused" in message
    assert "--data-dir" in message
    assert os.listdir(cache) == []


@pytest.mark.usefixtures("small")
def test_a_cache_that_cannot_be_made_is_said_before_the_network_is_used(tmp_path, server, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(mnist.CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(mnist, "MIRRORS", (server.url(),))
    message = refused()
    assert f"The download folder {tmp_path / 'file' / 'cache'} cannot be written (Not a directory)" in message
    assert mnist.CACHE_VARIABLE in message
    assert "--data-dir" in message
    assert server.requests == []


@pytest.mark.usefixtures("small")
def test_a_cache_that_is_read_only_is_said_before_the_network_is_used(cache, server, monkeypatch):
    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "touch", denied)  # the mode bits would not stop a test run by root
    monkeypatch.setattr(mnist, "MIRRORS", (server.url(),))
    assert f"The download folder {cache} cannot be written (Permission denied)" in refused()
    assert server.requests == []


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("step", ["write", "replace"])
def test_a_disk_that_fills_up_leaves_nothing(cache, server, monkeypatch, step):
    serve(server, f"{NAME}.gz", ZIPPED)
    monkeypatch.setattr(mnist, "MIRRORS", (server.url(),))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((Path, "write_bytes") if step == "write" else (os, "replace")), full)
    assert "cannot be written (No space left on device)" in refused()
    assert os.listdir(cache) == []


@pytest.mark.usefixtures("small")
def test_a_file_has_its_name_only_once_it_is_verified_and_whole(cache, server, monkeypatch):
    serve(server, f"{NAME}.gz", ZIPPED)
    monkeypatch.setattr(mnist, "MIRRORS", (server.url(),))
    replace, seen = os.replace, []

    def watched(source, target):
        seen.append((os.listdir(cache), Path(source).read_bytes(), Path(target).name))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    mnist.read(NAME)
    [(before, content, target)] = seen
    assert [name.endswith(".part") for name in before] == [True]
    assert gzip.decompress(content) == CONTENT
    assert target == f"{NAME}.gz"


def test_an_interrupt_leaves_nothing(cache, monkeypatch):
    class Interrupted:
        def __init__(self, **_):
            pass

        def __call__(self, *_):
            raise KeyboardInterrupt

    monkeypatch.setattr(pooch, "HTTPDownloader", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        mnist.read(NAME)
    assert os.listdir(cache) == []


@pytest.mark.usefixtures("small", "cache")
@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_a_terminal_only(server, monkeypatch, terminal):
    serve(server, f"{NAME}.gz", ZIPPED)
    monkeypatch.setattr(mnist, "MIRRORS", (server.url(),))
    stderr = io.StringIO()
    stderr.isatty = lambda: terminal
    with contextlib.redirect_stderr(stderr):
        mnist.read(NAME)
    assert ("100%" in stderr.getvalue()) is terminal
    assert terminal or stderr.getvalue() == ""
    assert sys.stderr is not stderr
