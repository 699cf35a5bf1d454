"""Data sets by name: images (`mnist`, `digits`, `faces`, `drawn_faces`, `cifar10`) and points (`ring`, ...)."""

import difflib
import math
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

__all__ = ["NAMES", "Dataset", "load"]

NAMES = ("digits", "mnist", "ring", "grid", "gaussian", "faces", "drawn_faces", "cifar10")

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Three splits of one data set, read-only.

    `train`, `valid`, `test`: (n, d) float32, C-contiguous; images are flattened row by row. Grey pixels are in
    [0, 1]; colours are contrast-normalised about 0 (see cifar10.py).
    `image_shape`: (rows, columns), or (rows, columns, 3) in colour, with product d; None for points on the line or in
    the plane.
    `*_labels`: (n,) uint8, or None where the data set has no labels.

    The arrays given are taken over and frozen; only those that are not contiguous are copied. UserError if they
    do not fit together.
    """

    name: str
    train: NDArray[np.float32] = field(repr=False)
    valid: NDArray[np.float32] = field(repr=False)
    test: NDArray[np.float32] = field(repr=False)
    image_shape: tuple[int, ...] | None
    train_labels: NDArray[np.uint8] | None = field(default=None, repr=False)
    valid_labels: NDArray[np.uint8] | None = field(default=None, repr=False)
    test_labels: NDArray[np.uint8] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for split in SPLITS:
            points = self._freeze(split, np.float32, "(n, d)", ndim=2)
            if points.shape[1] != self.dimension:
                raise UserError(
                    f"{self.name}: {split} has points of {points.shape[1]} numbers and train of"
                    f" {self.dimension}; every split must have the same dimension."
                )
            if getattr(self, f"{split}_labels") is None:
                continue
            labels = self._freeze(f"{split}_labels", np.uint8, "(n,)", ndim=1)
            if len(labels) != len(points):
                raise UserError(f"{self.name}: {split} has {len(points)} points but {len(labels)} labels.")
        if self.image_shape is not None and math.prod(self.image_shape) != self.dimension:
            raise UserError(f"{self.name}: image_shape {self.image_shape} does not make {self.dimension} pixels.")

    @property
    def dimension(self) -> int:
        """Numbers per point, d."""
        return int(self.train.shape[1])

    def _freeze(self, attribute: str, dtype: type[np.generic], shape: str, *, ndim: int) -> NDArray[Any]:
        array = getattr(self, attribute)
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != ndim:
            came = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            raise UserError(
                f"{self.name}: {attribute} is {came}; expected a NumPy array of {dtype.__name__} and shape {shape}."
            )
        array = np.ascontiguousarray(array)
        array.flags.writeable = False
        object.__setattr__(self, attribute, array)  # the dataclass is frozen, this is its constructor
        return array


def load(name: str, *, data_dir: str | PathLike[str] | None = None, seed: int = 0) -> Dataset:
    """Return the data set `name`, one of `NAMES`.

    `data_dir` is where `mnist`, `faces` and `cifar10` look for their files (None: a cache, filled by download), and
    `seed` draws the points of `ring`, `grid` and `gaussian`; each is ignored by the others, whose splits are fixed.
    UserError for an unknown name and for whatever a loader finds wrong.
    """
    # Each loader is imported here, so that scikit-learn and pooch are paid for only by those who use them.
    if name == "mnist":
        from . import mnist

        return mnist.load(data_dir)
    if name == "digits":
        from . import digits

        return digits.load()
    if name in ("faces", "drawn_faces"):
        from . import faces

        return faces.load(data_dir) if name == "faces" else faces.load_drawn()
    if name == "cifar10":
        from . import cifar10

        return cifar10.load(data_dir)
    if name in NAMES:
        from . import toys

        return toys.load(name, seed)
    nearest = difflib.get_close_matches(str(name).lower(), NAMES, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    raise UserError(f"There is no data set {name!r}; choose one of {', '.join(NAMES)}.{hint}")
