"""CIFAR-10: 60,000 colour images of 32 x 32 pixels in 10 classes, from its binary version.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. A record is 3073 bytes: the class, then
1024 red values row by row, 1024 green, 1024 blue; a file is 10,000 records. The files are not part of this project:
they are read from a folder, or from a cache that a download of the archive fills.
"""

import contextlib
import hashlib
import io
import os
import sys
import tarfile
import uuid
import zlib
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from . import Dataset
from .mnist import CACHE_VARIABLE, cache_dir

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE, FOLDER = "cifar-10-binary.tar.gz", "cifar-10-batches-bin"
# As TensorFlow Datasets lists it; the author's page gives the MD5 of the same 170,052,171 bytes.
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
TRAIN_FILES, TEST_FILE = tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"
RECORDS = 10_000  # in a file
VALID = 10_000  # the last of the training images
SHAPE = (32, 32, 3)
CONTRAST = 55.0


def load(data_dir: str | PathLike[str] | None = None) -> Dataset:
    """Return CIFAR-10 with labels: 40,000 / 10,000 / 10,000 images of 3072 numbers, float32, as `normalised` has them.

    Training images 0..39999 train, 40000..49999 validate, the official test images test; an image is flattened row by
    row, red, green and blue side by side. Source: the original code's `cifar10_fully_connected.yaml`.
    The six files, or the archive of them, lie in `data_dir`; without it, the archive in a cache, filled by download.
    UserError: missing folder or files, content that is not CIFAR-10's, no network, a cache that cannot be written.
    """
    content = _archived(None) if data_dir is None else _found(Path(os.path.expanduser(data_dir)))
    batches = {name: _records(name, content[name]) for name in (*TRAIN_FILES, TEST_FILE)}
    labels = np.concatenate([batches[name][0] for name in TRAIN_FILES])
    pixels = np.concatenate([batches[name][1] for name in TRAIN_FILES])
    train, valid = normalised(pixels[:-VALID]), normalised(pixels[-VALID:])
    return Dataset(
        name="cifar10",
        train=train,
        valid=valid,
        test=normalised(batches[TEST_FILE][1]),
        image_shape=SHAPE,
        train_labels=labels[:-VALID],
        valid_labels=labels[-VALID:],
        test_labels=batches[TEST_FILE][0],
    )


def normalised(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Global contrast normalisation of each row x of (n, d): ``55 (x - mean) / |x - mean|``, 0 where x is constant.

    The norm of a row is 55, so that of the 3072 numbers of an image about 1 is the standard deviation.
    """
    x = pixels.astype(np.float32)
    x -= x.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("ij,ij->i", x, x))
    norms[norms == 0] = 1  # exactly 0 where x is constant: sums of so few bytes are exact
    x *= (CONTRAST / norms)[:, None]
    return x


def _records(name: str, content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The labels (n,) and the images (n, 3072) of a file."""
    size = 1 + SHAPE[0] * SHAPE[1] * SHAPE[2]
    if len(content) != RECORDS * size:
        raise UserError(
            f"{name} has {len(content)} bytes; expected {RECORDS} records of {size}, {RECORDS * size} bytes: the"
            f" binary version of CIFAR-10 from {URL}."
        )
    table = np.frombuffer(content, np.uint8).reshape(RECORDS, size)
    labels = table[:, 0].copy()
    if labels.max() > 9:
        raise UserError(
            f"{name} has a label {labels.max()}; expected 0 to 9: the binary version of CIFAR-10 from {URL}."
        )
    planes = table[:, 1:].reshape(RECORDS, SHAPE[2], *SHAPE[:2])
    return labels, planes.transpose(0, 2, 3, 1).reshape(RECORDS, -1)


def _found(folder: Path) -> dict[str, bytes]:
    """The content of the six files in a folder: bare, in the folder of the archive, or in the archive."""
    if (folder / ARCHIVE).is_file():
        return _archived(folder / ARCHIVE)
    inside = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    return {name: _read(inside / name) for name in (*TRAIN_FILES, TEST_FILE)}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); expected {ARCHIVE} from {URL} in the data folder, or its files"
            f" {', '.join((*TRAIN_FILES, TEST_FILE))}."
        ) from error


def _archived(path: Path | None) -> dict[str, bytes]:
    """The content of the files in the archive, which must be the original; None: the cache's, downloaded if missing."""
    if path is None:
        path = cache_dir() / ARCHIVE
        raw = _read(path) if path.is_file() else _download(path)
    else:
        raw = _read(path)
    _verify(raw, str(path))
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:gz") as archive:  # nothing is unpacked to disk
            content = {}
            for name in (*TRAIN_FILES, TEST_FILE):
                file = archive.extractfile(f"{FOLDER}/{name}")
                content[name] = file.read() if file else b""
    except (KeyError, tarfile.TarError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is no archive of the binary version of CIFAR-10 ({error}).") from error
    return content


def _verify(raw: bytes, source: str) -> None:
    got = hashlib.sha256(raw).hexdigest()
    if got != SHA256:
        raise UserError(
            f"{source} holds {len(raw)} bytes with sha256 {got}; expected the original, with sha256 {SHA256}; replace"
            f" it by {URL}, or delete it."
        )


def _download(path: Path) -> bytes:
    """Fetch the archive into the cache, under its name only once it is verified."""
    import pooch

    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    get = pooch.HTTPDownloader(progressbar=bool(sys.stderr and sys.stderr.isatty()), chunk_size=1 << 16)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()  # before the network: a user should not wait for a download that cannot be kept
    except OSError as error:
        raise UserError(
            f"The download folder {path.parent} cannot be written ({error.strerror}); set {CACHE_VARIABLE} to one that"
            " can, or pass a folder that holds the files with --data-dir."
        ) from error
    try:
        get(URL, str(part), None)
        raw = part.read_bytes()
        _verify(raw, URL)
        os.replace(part, path)
    except OSError as error:  # errors of the network are OSErrors too
        raise UserError(
            f"CIFAR-10 could not be downloaded ({error}); try again later, or pass a folder that holds {ARCHIVE} from"
            f" {URL} with --data-dir."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return raw
