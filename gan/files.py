"""Files that are whole or absent: what the `gan` command leaves on a disk goes through these few functions.

A killed process, a full disk or a read-only folder leaves the old file as it was. Every error of the system
becomes a `UserError` that names the path, the reason in words, and what to do.
"""

import errno
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from .errors import UserError

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write "\r\n" without it
_TEMPORARY = re.compile(r"\..+\.[0-9]+\.[0-9a-f]{8}\.tmp", re.DOTALL)

_SPACE = "free some space, or choose a path on another disk, and run the command again"
_RIGHTS = "check the owner and the mode of the path, or choose another one"
_PATH = "check the path"
_REASONS = {
    errno.ENOSPC: ("no space is left on the device", _SPACE),
    errno.EDQUOT: ("the disk quota is used up", _SPACE),
    errno.EFBIG: ("the file would grow beyond the largest size allowed", "raise the limit (see `ulimit -f`)"),
    errno.EACCES: ("permission is denied to this user", _RIGHTS),
    errno.EPERM: ("the system does not permit it, not even to this user", _RIGHTS),
    errno.EROFS: ("the file system is read-only", "choose a path on another disk"),
    errno.ENOENT: ("it, or a folder on the way to it, does not exist", _PATH),
    errno.EEXIST: ("a file of that name is in the way", "choose another path"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", _PATH),
    errno.EISDIR: ("it is a folder, where a file was expected", _PATH),
    errno.ENAMETOOLONG: ("the name is too long for the file system", "choose a shorter one"),
    errno.ELOOP: ("its symbolic links run in a circle", _PATH),
    errno.EMFILE: ("too many files are open", "raise the limit (see `ulimit -n`)"),
    errno.EIO: (
        "the device reports an input/output error",
        "check the disk, or choose a path on another one",
    ),
}


@contextmanager
def in_words(action: str, path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an `OSError` of the block into a `UserError`: "cannot {action} {path}: {reason}; {what to do}"."""
    try:
        yield
    except OSError as error:
        fallback = (error.strerror or str(error) or type(error).__name__, "check the disk and the path")
        reason, remedy = _REASONS.get(error.errno or 0, fallback)
        raise UserError(f"cannot {action} {os.fspath(path)}: {reason}; {remedy}") from error


def read_whole(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a regular file; `UserError` for anything else (a pipe or a device might never end)."""
    path = Path(path)
    with in_words("read", path):
        _refuse_special(path, "read", path)
        return path.read_bytes()


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Make `data` the content of `path`: at every moment the file is the old one or the new one, whole.

    The bytes go to a temporary file beside it, to the disk, and then under the name in one step of the
    system. On failure the temporary file is removed and `UserError` raised; a killed process leaves it behind
    for `remove_temporaries`. A symbolic link stays, and the file that it points to is written.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    with in_words("write", path):
        _refuse_special(target, "write", path)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            try:
                _write_all(fd, data)
                os.fsync(fd)  # before the rename: else a power cut could leave the new name on old blocks
            finally:
                os.close(fd)
            os.replace(temporary, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(target.parent)


def append_line(path: str | os.PathLike[str], line: str) -> None:
    """Add `line` and a newline to `path`: all of it or, with a `UserError`, nothing.

    On return the line is with the system, so a kill of this process does not lose it. A last line without its
    newline was never acknowledged by this function (a kill or a power cut tore it) and is removed first.
    """
    with in_words("write", path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _BINARY, 0o666)
        try:
            size = os.lseek(fd, 0, os.SEEK_END)
            end = size
            if size and (os.lseek(fd, -1, os.SEEK_END), os.read(fd, 1))[1] != b"\n":
                end = Path(path).read_bytes().rfind(b"\n") + 1
                os.ftruncate(fd, end)
            try:
                _write_all(fd, line.encode() + b"\n")
            except BaseException:
                os.ftruncate(fd, end)
                raise
        finally:
            os.close(fd)


def sync(path: str | os.PathLike[str]) -> None:
    """Have what was appended to `path` on the disk; nothing if there is no such file."""
    if os.path.exists(path):
        with in_words("save", path), open(path, "ab") as file:
            os.fsync(file.fileno())


def is_temporary(name: str) -> bool:
    """Whether `write_atomically` names its temporary files so: `.NAME.<process>.<8 hex digits>.tmp`."""
    return _TEMPORARY.fullmatch(name) is not None


def remove_temporaries(folder: str | os.PathLike[str]) -> None:
    """Remove what killed processes left in `folder`; call it only while nobody else may write there."""
    with in_words("clean", folder):
        for name in os.listdir(folder):
            if is_temporary(name):
                os.unlink(os.path.join(folder, name))


def parse_json(text: str | bytes) -> Any:
    """What the JSON `text` says; None where it is not JSON: bad UTF-8 or syntax, nan or inf, too deep."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_special(target: Path, action: str, path: str | os.PathLike[str]) -> None:
    # As root, a rename onto /dev/null would replace the device; and a pipe can make a reader wait for ever.
    if target.exists() and not target.is_file():
        kind = "a folder" if target.is_dir() else "a device or a pipe"
        raise UserError(f"cannot {action} {os.fspath(path)}: it is {kind}, where a file was expected; {_PATH}")


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:  # one write may take only a part: 2 GB at most, or what is left of the disk
        rest = rest[os.write(fd, rest) :]


def _sync_folder(folder: Path) -> None:
    # The rename itself reaches the disk here. Where folders cannot be opened or synced (Windows, some network
    # file systems) a power cut may bring the old file back: older, but whole.
    try:
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOTSUP):
            raise
