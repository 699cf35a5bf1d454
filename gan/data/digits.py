"""The 8 x 8 digits that scikit-learn carries: a data set to try things on, without a download.

1,797 images by 13 writers: the test part of E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten
Digits", UCI Machine Learning Repository, 1998.
"""

import hashlib

import numpy as np

from ..errors import UserError
from . import Dataset

COUNTS = (1297, 250, 250)  # train, valid, test
SHUFFLE_SEED = 2014
# Of the pixels as little-endian float64, then the labels as little-endian int64, in scikit-learn's order.
SHA256 = "f6d9e39f37dc45d327f6db33428ee58970ccceabb2535a5c179de35886b70443"


def load() -> Dataset:
    """Return digits with labels: 1,297 / 250 / 250 images of 64 pixels in [0, 1], float32 (steps of 1/16).

    UserError if the installed scikit-learn carries other images than those that `SHA256` stands for.
    """
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    got = hashlib.sha256(images.astype("<f8").tobytes() + labels.astype("<i8").tobytes()).hexdigest()
    if got != SHA256:
        from sklearn import __version__

        raise UserError(
            f"scikit-learn {__version__} carries other digits than expected (their sha256 is {got},"
            f" expected {SHA256}); install a release that this project was tested with."
        )
    # In the file, neighbours come from the same writer: cut as it stands, it would train on some writers and
    # test on others. The split is part of the data set and must not change: it is shuffled by the raw bits of
    # PCG64, which NumPy promises to keep, and not by Generator.permutation, which it may improve (NEP 19).
    order = np.argsort(np.random.PCG64(SHUFFLE_SEED).random_raw(len(images)), kind="stable")
    cuts = np.cumsum(COUNTS)[:-1]
    train, valid, test = np.split((images[order] / 16).astype(np.float32), cuts)
    train_labels, valid_labels, test_labels = np.split(labels[order].astype(np.uint8), cuts)
    return Dataset(
        name="digits",
        train=train,
        valid=valid,
        test=test,
        image_shape=(8, 8),
        train_labels=train_labels,
        valid_labels=valid_labels,
        test_labels=test_labels,
    )
