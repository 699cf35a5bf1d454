"""MNIST: 70,000 handwritten digits of 28 x 28 pixels, from the four original files.

LeCun, Cortes and Burges, "The MNIST database of handwritten digits", CC BY-SA 3.0. The files are not part of
this project: they are read from a folder, or from a cache that a download fills.
"""

import contextlib
import gzip
import hashlib
import io
import os
import sys
import uuid
import zlib
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from . import Dataset
from .idx import read_idx

# Name -> (bytes, sha256) of the decompressed file: gzip's own bytes differ from mirror to mirror.
CHECKSUMS = {
    "train-images-idx3-ubyte": (47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "train-labels-idx1-ubyte": (60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "t10k-images-idx3-ubyte": (7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "t10k-labels-idx1-ubyte": (10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}
MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
CACHE_VARIABLE = "MINIGRAD_GAN_DATA"
TRAIN = 50_000  # of the 60,000 training images, in file order; the last 10,000 are for validation
GZIP_MAGIC = b"\x1f\x8b"


def load(data_dir: str | PathLike[str] | None = None) -> Dataset:
    """Return MNIST with labels: 50,000 / 10,000 / 10,000 images of 784 pixels in [0, 1], float32.

    Training images 0..49999 train, 50000..59999 validate, the official test images test; a pixel is its byte
    divided by 255. Source: the original code's `mnist.yaml`. Files come from `read`, and so do the errors.
    """
    images, labels, test_images, test_labels = (read(name, data_dir) for name in CHECKSUMS)
    pixels, test_pixels = _pixels(images), _pixels(test_images)
    return Dataset(
        name="mnist",
        train=pixels[:TRAIN],
        valid=pixels[TRAIN:],
        test=test_pixels,
        image_shape=(28, 28),
        train_labels=labels[:TRAIN],
        valid_labels=labels[TRAIN:],
        test_labels=test_labels,
    )


def read(name: str, data_dir: str | PathLike[str] | None = None) -> NDArray[np.uint8]:
    """Return the array in the file `name`, a key of `CHECKSUMS`: (n, 28, 28) images or (n,) labels, uint8.

    The file is `name` or `name`.gz in `data_dir`, and nowhere else. Without `data_dir` it is looked for in
    `cache_dir()`, and downloaded into it if missing. Its content is verified in every case.
    UserError: missing or unreadable folder or file, content that is not the original's, no network, a cache
    that cannot be written.
    """
    if name not in CHECKSUMS:
        raise UserError(f"MNIST has no file {name!r}; choose one of {', '.join(CHECKSUMS)}.")
    if data_dir is None:
        folder = cache_dir()
        path, advice = _find(folder, name), "delete it, and it will be downloaded again"
        if path is None:
            return read_idx(_download(name, folder), name)
    else:
        folder = Path(os.path.expanduser(data_dir))
        if not os.path.isdir(folder):
            raise UserError(f"The data folder {folder} does not exist or is not a folder; {_wanted()}.")
        path, advice = _find(folder, name), "replace it by the original file"
        if path is None:
            raise UserError(f"The data folder {folder} has no {name} or {name}.gz; {_wanted()}.")
    try:
        content = _original(path.read_bytes(), name)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise UserError(f"{path} {error}; {advice}.") from error
    return read_idx(content, str(path))


def cache_dir() -> Path:
    """Return the folder for downloads: $MINIGRAD_GAN_DATA, or the system's cache folder for this project."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(os.path.expanduser(chosen))
    import pooch

    return Path(pooch.os_cache("minigrad-gan"))


def _pixels(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.divide(images.reshape(len(images), -1), 255, dtype=np.float32)


def _wanted() -> str:
    return f"expected the four files {', '.join(CHECKSUMS)}, each plain or with .gz"


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if os.path.isfile(path)), None)


def _original(raw: bytes, name: str) -> bytes:
    """Return the content of a plain or gzipped file; ValueError, a predicate, if it is not the original's."""
    size, sha256 = CHECKSUMS[name]
    content, zipped = raw, raw.startswith(GZIP_MAGIC)
    if zipped:
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
                content = file.read(size + 1)  # one more is enough to know, and bounds what a bomb can do
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"is a truncated or corrupt gzip file ({str(error).rstrip('.')})") from error
    got = hashlib.sha256(content).hexdigest()
    if got == sha256:
        return content
    came = f"{len(content)} bytes with sha256 {got}"
    if zipped and len(content) > size:
        came = f"more than {size} bytes"
    raise ValueError(f"holds {came}; expected the original {name}, {size} bytes with sha256 {sha256}")


def _download(name: str, cache: Path) -> bytes:
    """Return the content of `name` and keep the file in `cache`, under its name only once it is verified."""
    part = cache / f".{name}.{uuid.uuid4().hex}.part"
    try:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            part.touch()  # before the network: a user should not wait for a download that cannot be kept
            raw, content = _fetch(name)
            part.write_bytes(raw)
            os.replace(part, cache / (f"{name}.gz" if raw.startswith(GZIP_MAGIC) else name))
        finally:
            with contextlib.suppress(OSError):
                part.unlink()
    except OSError as error:
        raise UserError(
            f"The download folder {cache} cannot be written ({error.strerror});"
            f" set {CACHE_VARIABLE} to one that can, or pass a folder that holds the files with --data-dir."
        ) from error
    return content


def _fetch(name: str) -> tuple[bytes, bytes]:
    """Return (bytes as served, content) of `name` from the first mirror that has the original."""
    import pooch

    # pooch's HTTP client without its cache, which verifies the bytes served and not what they decompress to.
    get = pooch.HTTPDownloader(progressbar=bool(sys.stderr and sys.stderr.isatty()), chunk_size=1 << 16)
    reason = ""
    for mirror in MIRRORS:
        url, served = f"{mirror}{name}.gz", io.BytesIO()
        try:
            get(url, served, None)
            raw = served.getvalue()
            return raw, _original(raw, name)
        except (OSError, ValueError) as error:  # of the network (requests' errors are OSErrors), of the content
            reason = f"{url}: {error}"
    raise UserError(
        f"{name}.gz could not be downloaded from {' or '.join(MIRRORS)} (at last {reason});"
        " try again later, or pass a folder that holds the four files with --data-dir."
    )
