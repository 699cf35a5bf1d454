"""The folder of one training run: who may write in it, and what lies where.

settings.json             all settings, seed, command and versions at the start
metrics.jsonl             one line per log step: means over minibatches, with dropout; d_loss is what D descends, -V in
                          `paper`, -V / 2 in `authors`; the same bytes for the same run, so no times
validation.jsonl          one line per validation: what held-out examples say, without dropout; d_loss is -V / 2
sessions.jsonl            one line per process that worked on the run: steps, seconds, versions, why it failed
samples/step-000123.png   images
checkpoint.safetensors    where to go on from
best.safetensors          the state of the highest Parzen estimate on validation examples so far
lock                      held by the process that trains

A kill at any moment leaves a folder that `open` accepts (or, before settings.json, `create` once more):
files are replaced whole, lines are whole or dropped. On resume, `go_back` takes away what lies after the last
checkpoint.
"""

import json
import os
import platform
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout
from numpy.typing import NDArray

from . import checkpoint
from .errors import UserError
from .files import (
    append_line,
    in_words,
    is_temporary,
    parse_json,
    read_whole,
    remove_temporaries,
    sync,
    write_atomically,
)

FORMAT = "minigrad-gan run 1"
_SETTINGS, _LOCK = "settings.json", "lock"
_SAMPLE = re.compile(r"step-([0-9]{6,})\.png")


def versions() -> dict[str, str]:
    """What numbers depend on besides the settings: versions of python, numpy, minigrad-gan; the machine."""
    found = {"python": platform.python_version()}
    for name in ("numpy", "minigrad-gan"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found | {"platform": platform.platform(), "machine": platform.machine()}


def session(command: list[str], first: int, last: int, started: float) -> dict[str, Any]:
    """What a process did that began at ``started`` by time.perf_counter(), for sessions.jsonl."""
    seconds = time.perf_counter() - started
    return {
        "command": command,
        "first_step": first,
        "last_step": last,
        "seconds": round(seconds, 3),
        "steps_per_second": round((last - first) / seconds, 3),
        "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": versions(),
    }


class RunFolder:
    """A run, open for training (`create`, `open`: locked until `close`) or for reading (`read`: no lock)."""

    def __init__(self, path: Path, document: dict[str, Any], lock: FileLock | None) -> None:
        self.path = path
        self.settings: dict[str, Any] = document["settings"]
        self.checkpoint_file = path / "checkpoint.safetensors"
        self.best_file = path / "best.safetensors"
        self.samples_folder = path / "samples"
        self._document = document
        self._lock = lock

    @classmethod
    def create(cls, path: str | os.PathLike[str], settings: Mapping[str, Any], command: Sequence[str]) -> Self:
        """Start a run in a new or empty folder. After a failure (`UserError`) nothing new remains."""
        path = Path(path)
        start = {"format": FORMAT, "settings": dict(settings), "seed": settings.get("seed")}
        text = _document_text(start | {"command": list(command), "versions": versions()})
        _require_free(path)
        with ExitStack() as undo:
            for folder in reversed([path, *path.parents]):
                if not os.path.isdir(folder):
                    with in_words("create the folder", folder):
                        folder.mkdir(exist_ok=True)
                    undo.callback(_discard, folder.rmdir)
            lock = _take(path)
            undo.callback(lock.release)
            _require_free(path)  # again: until the lock was ours, another process could have started here
            run = cls(path, json.loads(text), lock)
            undo.callback(_discard, (path / _LOCK).unlink)
            undo.callback(_discard, (path / _SETTINGS).unlink)
            undo.callback(_discard, run.samples_folder.rmdir)
            remove_temporaries(path)
            write_atomically(path / _SETTINGS, text)
            run._make_samples_folder()
            undo.pop_all()
        return run

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Go on with an existing run; `UserError` where there is none, or another process trains in it."""
        path = Path(path)
        _read_document(path)  # before the lock: a folder that is no run gets no lock file either
        lock = _take(path)
        try:
            run = cls(path, _read_document(path), lock)
            run._make_samples_folder()
            run.clean()
        except BaseException:
            lock.release()
            raise
        return run

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Look into an existing run, also while it trains; methods that write raise `RuntimeError`."""
        return cls(Path(path), _read_document(Path(path)), None)

    def close(self) -> None:
        """Give the lock back (a second call does nothing)."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Replace the settings (more steps on resume, say); command and versions stay those of the start."""
        self._require_lock()
        text = _document_text(
            self._document | {"settings": dict(settings), "seed": settings.get("seed", self._document.get("seed"))}
        )
        write_atomically(self.path / _SETTINGS, text)
        self._document = json.loads(text)
        self.settings = self._document["settings"]

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Add one line to metrics.jsonl: keys in their order, floats exact, an integer under "step".

        Nothing of it is lost by a kill after the return. Raises `ValueError` for nan, inf or a missing step.
        """
        if not _is_step(record.get("step")):
            raise ValueError(f'a line of metrics needs an integer "step", but got {dict(record)}')
        self._append("metrics.jsonl", record)

    def append_validation(self, record: Mapping[str, Any]) -> None:
        """Add one line to validation.jsonl, as in metrics.jsonl."""
        self._append("validation.jsonl", record)

    def append_session(self, record: Mapping[str, Any]) -> None:
        """Add one line to sessions.jsonl, the place for times."""
        self._append("sessions.jsonl", record)

    def metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; a torn last line does not count."""
        return [record for _, record in self._lines("metrics.jsonl")]

    def validation(self) -> list[dict[str, Any]]:
        """The lines of validation.jsonl; a torn last line does not count."""
        return [record for _, record in self._lines("validation.jsonl")]

    def sessions(self) -> list[dict[str, Any]]:
        """The lines of sessions.jsonl; a torn last line does not count."""
        return [record for _, record in self._lines("sessions.jsonl")]

    def truncate_metrics(self, step: int) -> None:
        """Keep exactly the lines with "step" <= `step`, byte for byte, and no torn last line."""
        self._truncate("metrics.jsonl", step)

    def truncate_validation(self, step: int) -> None:
        """The same for validation.jsonl."""
        self._truncate("validation.jsonl", step)

    def _truncate(self, name: str, step: int) -> None:
        self._require_lock()
        path = self.path / name
        kept = bytearray()
        for number, (line, record) in enumerate(self._lines(name), 1):
            if not _is_step(record.get("step")):
                raise UserError(f'line {number} of {path} has no integer "step"; mend or remove that line')
            if record["step"] <= step:
                kept += line + b"\n"
        if os.path.exists(path) and read_whole(path) != kept:
            write_atomically(path, bytes(kept))

    def sample_path(self, step: int) -> Path:
        """Where the image of `step` lies: samples/step-000123.png, six digits or more."""
        if step < 0:
            raise ValueError(f"a step is 0 or more, but got {step}")
        return self.samples_folder / f"step-{step:06d}.png"

    def go_back(self, step: int, log_every: int) -> bool:
        """Take away what lies after ``step``, from which the run goes on; False if the best state was of these."""
        # An earlier end may have left a line for its last, shorter interval, which now goes on.
        self.truncate_metrics(step - step % log_every)
        self.truncate_validation(step)
        self.remove_samples_after(step)
        if not self.best_file.exists() or self.load_checkpoint(best=True)[1]["step"] <= step:
            return True
        with in_words("remove", self.best_file):
            self.best_file.unlink()
        return False

    def remove_samples_after(self, step: int) -> None:
        """Remove the images of later steps; other files in the folder stay."""
        self._require_lock()
        with in_words("remove samples in", self.samples_folder):
            for name in os.listdir(self.samples_folder):
                found = _SAMPLE.fullmatch(name)
                if found and int(found[1]) > step:
                    os.unlink(self.samples_folder / name)

    def save_checkpoint(self, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> None:
        """Replace the checkpoint, atomically; see `gan.checkpoint.save`."""
        self._require_lock()
        sync(self.path / "metrics.jsonl")  # no power cut shall leave a checkpoint that is ahead of the metrics
        checkpoint.save(self.checkpoint_file, arrays, metadata)

    def save_best(self, arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> None:
        """Replace the best state, atomically; after a kill the run comes by here again, to the same bytes."""
        self._require_lock()
        checkpoint.save(self.best_file, arrays, metadata)

    def load_checkpoint(self, best: bool = False) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """The arrays and metadata of the last checkpoint, or of the best; see `gan.checkpoint.load`."""
        return checkpoint.load(self.best_file if best else self.checkpoint_file)

    def clean(self) -> None:
        """Remove the temporary files of killed processes."""
        self._require_lock()
        remove_temporaries(self.path)
        remove_temporaries(self.samples_folder)

    def _make_samples_folder(self) -> None:
        with in_words("create the folder", self.samples_folder):
            self.samples_folder.mkdir(exist_ok=True)

    def _append(self, name: str, record: Mapping[str, Any]) -> None:
        self._require_lock()
        try:
            line = json.dumps(dict(record), allow_nan=False)
        except ValueError as error:
            raise ValueError(f"a line of {name} holds finite numbers only, but got {dict(record)}") from error
        append_line(self.path / name, line)

    def _lines(self, name: str) -> list[tuple[bytes, dict[str, Any]]]:
        """The whole lines of a file, each with what it says; none if the file is not there yet."""
        path = self.path / name
        if not os.path.exists(path):
            return []
        *lines, _torn = read_whole(path).split(b"\n")  # no newline yet: append_line never acknowledged it
        records = [parse_json(line) for line in lines]
        for number, record in enumerate(records, 1):
            if not isinstance(record, dict):
                raise UserError(f"line {number} of {path} is not a JSON object; mend or remove that line")
        return list(zip(lines, records, strict=True))

    def _require_lock(self) -> None:
        if self._lock is None:
            raise RuntimeError(f"run folder {self.path} is closed or open for reading only; use RunFolder.open")


def _take(path: Path) -> FileLock:
    """The lock of the folder, or `UserError` at once. It is the system's own and dies with the process."""
    lock = FileLock(path / _LOCK, thread_local=False)
    with in_words("lock", path / _LOCK):
        try:
            lock.acquire(blocking=False)
        except Timeout:  # is an OSError too
            what = f"another process is training in {path}"
            raise UserError(f"{what}; wait for it, stop it, or choose another --out") from None
    return lock


def _require_free(path: Path) -> None:
    """Raise `UserError` unless `path` is absent, empty, or what a killed `create` left."""
    if not os.path.lexists(path):
        return
    if not os.path.isdir(path):
        raise UserError(f"{path} is a file, and a run needs a folder; choose another --out")
    with in_words("look into", path):
        names = os.listdir(path)
        if _SETTINGS in names:
            raise UserError(f"{path} already holds a run; continue it with --resume, or choose another --out")
        for name in sorted(names):
            if not (is_temporary(name) or (name == _LOCK and (path / name).stat().st_size == 0)):
                raise UserError(f"{path} is not empty (it holds {name!r}) and not a run; choose another --out")


def _document_text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, allow_nan=False).encode() + b"\n"


def _read_document(path: Path) -> dict[str, Any]:
    """The checked content of settings.json of the run in `path`."""
    if not os.path.isdir(path):
        what = "is a file, not the folder of a run" if os.path.exists(path) else "does not exist"
        raise UserError(f"there is no run in {path}: it {what}; check the path")
    file = path / _SETTINGS
    if not os.path.lexists(file):
        raise UserError(f"there is no run in {path}: it holds no {_SETTINGS}; check the path, or start a run there")
    document = parse_json(read_whole(file))
    if not isinstance(document, dict):
        raise UserError(f"{file} is not a JSON object; restore it, or start a new run in another folder")
    form = document.get("format")
    number = re.fullmatch(r"minigrad-gan run ([0-9]{1,9})", form) if isinstance(form, str) else None
    if number and int(number[1]) > 1:
        raise UserError(f"the run in {path} was made by a newer version of this program; update minigrad-gan")
    if form != FORMAT or not isinstance(document.get("settings"), dict):
        raise UserError(
            f"{file} is not that of a run (expected the format {FORMAT!r} and settings); check the path, or "
            "start a new run in another folder"
        )
    return document


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _discard(remove: Callable[[], None]) -> None:
    with suppress(OSError):
        remove()
