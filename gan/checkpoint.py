"""A checkpoint: named arrays and JSON metadata in one safetensors file, with a checksum over all of it.

The container is safetensors (nothing in it can run code). Its header carries one entry of metadata,
a JSON text

    {"format": "minigrad-gan checkpoint", "version": 1, "sha256": ..., "metadata": {...}}

and the digest covers the version, the metadata and every array's name, dtype, shape and bytes, so that any
damage which changes the content is found. Equal content gives equal bytes.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from .errors import UserError
from .files import parse_json, read_whole, write_atomically

FORMAT, VERSION = "minigrad-gan checkpoint", 1
_ENTRY = "checkpoint"  # one entry only: safetensors writes several in an order that changes from run to run
_DTYPES = {np.dtype(code) for code in "?bhilqBHILQefd"}  # bool, all integers, float16/32/64
_REMEDY = "use an earlier copy of the checkpoint, or start the run again"


def save(path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> None:
    """Write `arrays` (bool, integers, float16/32/64, any shape, any strides) and `metadata` atomically.

    `metadata` is what JSON holds: string keys, no nan or inf. Tuples come back as lists, and keys in sorted
    order. Raises `TypeError` or `ValueError` for what cannot be stored, `UserError` where the file cannot be
    written.
    """
    ready = {_name(name): _plain(name, array) for name, array in arrays.items()}
    _require_string_keys(metadata)
    digest = _digest(ready, metadata)
    entry = _canonical({"format": FORMAT, "version": VERSION, "sha256": digest, "metadata": dict(metadata)})
    write_atomically(path, safetensors.numpy.save(ready, {_ENTRY: entry}))


def load(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays (by name in order; new, writable, bit for bit what was saved) and the metadata of `path`.

    Raises `UserError` when the file is missing, cut, damaged, of another kind or of a newer version.
    """
    if not os.path.exists(path):
        raise UserError(
            f"there is no checkpoint {os.fspath(path)}: the run stopped before its first one, or the path is "
            "wrong; check the path, or start the run again"
        )
    data = read_whole(path)
    entry = _entry(path, _header(path, data))
    try:
        arrays = {name: array.copy() for name, array in sorted(safetensors.numpy.load(data).items())}
        digest = _digest(arrays, entry["metadata"])
    except Exception as error:  # safetensors' own, KeyError for a dtype, 1e999 in metadata: all are damage
        _refuse(path, f"is damaged: its header does not describe its content ({error})")
    if digest != entry.get("sha256"):
        _refuse(path, "is damaged: its checksum does not match its content")
    return arrays, entry["metadata"]


def _header(path: str | os.PathLike[str], data: bytes) -> dict[str, Any]:
    """The header: 8 bytes of length, then JSON, then come the arrays. The file has the size that it promises.

    Read here first, because it says how much of a cut file is missing, and holds the metadata.
    """
    if data[8:9] not in (b"{", b""):
        _refuse(path, "is not a safetensors file")
    start = 8 + int.from_bytes(data[:8], "little")
    if len(data) < 9 or len(data) < start:
        promise = start if len(data) >= 8 else 9
        _refuse(path, f"is cut short: {len(data)} bytes, where at least {promise} were promised")
    header = parse_json(data[8:start])
    if not isinstance(header, dict):
        _refuse(path, "is not a safetensors file: its header is not JSON")
    try:
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        if not all(isinstance(end, int) and 0 <= end < 2**63 for end in ends):
            raise ValueError
    except (TypeError, KeyError, IndexError, ValueError):
        _refuse(path, "is damaged: its header does not say where its arrays are")
    promise = start + max(ends, default=0)
    if len(data) != promise:
        how = "cut short" if len(data) < promise else "too long"
        _refuse(path, f"is {how}: {len(data)} bytes, where its header promises {promise}")
    return header


def _entry(path: str | os.PathLike[str], header: dict[str, Any]) -> dict[str, Any]:
    """Our own entry of the header's metadata, known to be of this format and version."""
    notes = header.get("__metadata__")
    text = notes.get(_ENTRY) if isinstance(notes, dict) else None
    entry = parse_json(text) if isinstance(text, str) else None
    if not isinstance(entry, dict) or entry.get("format") != FORMAT:
        _refuse(path, "is a safetensors file, but not a checkpoint of this program, or it is damaged")
    version = entry.get("version")
    if isinstance(version, int) and version > VERSION:
        raise UserError(
            f"checkpoint {os.fspath(path)} was made by a newer version of this program (its format is "
            f"{version}, and {VERSION} is the newest known here); update minigrad-gan"
        )
    if version != VERSION or not isinstance(entry.get("metadata"), dict):
        _refuse(path, "is damaged: its version or its metadata is not readable")
    return entry


def _digest(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]) -> str:
    parts = [f"{FORMAT} {VERSION}".encode(), _canonical(dict(metadata)).encode()]
    for name, array in sorted(arrays.items()):
        parts += [name.encode(), array.dtype.name.encode(), repr(array.shape).encode(), array.tobytes()]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))  # so that no two lists of parts run into the same text
        digest.update(part)
    return digest.hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _refuse(path: str | os.PathLike[str], what: str) -> NoReturn:
    raise UserError(f"checkpoint {os.fspath(path)} {what}; {_REMEDY}") from None


def _name(name: str) -> str:
    if not isinstance(name, str) or name == "__metadata__":
        raise ValueError(f"an array's name is a string other than '__metadata__', but got {name!r}")
    return name


def _plain(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """`array` in C order and native bytes: safetensors takes the memory as it lies, strides unread."""
    array = np.asarray(array)
    native = array.dtype.newbyteorder("=")
    if native not in _DTYPES:
        raise TypeError(f"array {name!r} is {array.dtype}; a checkpoint holds bool, integers and float16/32/64")
    return np.array(array, dtype=native, order="C")


def _require_string_keys(value: Any) -> None:
    # json would turn the keys 1 and "1" into one, and say nothing.
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the keys of metadata are strings, but got {key!r}")
            _require_string_keys(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _require_string_keys(inner)
