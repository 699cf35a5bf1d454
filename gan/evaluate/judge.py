"""Everything that is measured of one set of samples: the paper's number, and what has been found to say more.

One name, one module:

    parzen         the paper's log-likelihood (parzen.py), whose weaknesses the others do not share
    prdc           precision, recall, density, coverage beside the test images, in pixels and in a classifier's features
    classes        how many of each class (classes.py), where the data set has labels
    birthday       how soon two samples are alike (birthday.py), of all classes and of each: over all of them one
                   threshold sees the plainest class alone, on MNIST the ones
    memorisation   are they nearer to training images than to unseen ones (neighbours.py)
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset
from ..errors import UserError
from .birthday import birthday
from .classes import Classifier, class_histogram
from .coverage import expected_coverage, prdc
from .neighbours import memorisation
from .parzen import evaluate

Points = NDArray[np.floating[Any]]

CLASS_QUANTILE = 0.05
"""Of the birthday test of one class: a tenth of the images, so that their threshold rests on about as many."""


def judge(samples: Points, dataset: Dataset, classifier: Classifier | None = None, seed: int = 0) -> dict[str, Any]:
    """All of the above for samples (n, d) of an image data set, as numbers fit for JSON.

    The yardsticks are the test images, of which validation images are judged in the same way by `yardstick`. Precision,
    recall, density and coverage depend on the sizes, so they take as many samples as there are validation images.
    """
    if dataset.image_shape is None:
        raise UserError(f"{dataset.name} has points, not images, and their density is known: use gan evaluate")
    found: dict[str, Any] = {
        "parzen": asdict(evaluate(samples, dataset.valid, dataset.test)),
        "memorisation": asdict(memorisation(samples, dataset.train, dataset.valid, seed=seed)),
        "birthday": asdict(birthday(samples, dataset.valid, dataset.test, seed=seed)),
        "prdc": {"pixels": asdict(prdc(samples[: len(dataset.valid)], dataset.test))},
    }
    if classifier is not None:
        few = samples[: len(dataset.valid)]
        found["prdc"]["features"] = asdict(prdc(few, dataset.test, features=classifier.features))
        found["classes"] = asdict(class_histogram(classifier, samples))
        found["birthday"]["by_class"] = _by_class(samples, dataset, classifier, seed)
    return found


def _by_class(samples: Points, dataset: Dataset, classifier: Classifier, seed: int) -> list[dict[str, Any] | None]:
    """The birthday test of each class, samples by the classifier's verdict; None where there are fewer than two."""
    labels, verdicts = (dataset.valid_labels, dataset.test_labels), classifier.predict(samples)
    assert labels[0] is not None  # or there were no classifier
    assert labels[1] is not None
    found: list[dict[str, Any] | None] = []
    for c in range(classifier.classes):
        parts = samples[verdicts == c], dataset.valid[labels[0] == c], dataset.test[labels[1] == c]
        enough = min(len(part) for part in parts) >= 2
        found.append(asdict(birthday(*parts, quantile=CLASS_QUANTILE, seed=seed)) if enough else None)
    return found


def yardstick(dataset: Dataset, classifier: Classifier | None, n: int, seed: int = 0) -> dict[str, Any]:
    """What ``n`` perfect samples would score: validation images, at most n, in their place; test images as before.

    In memorisation test images are the samples. Where splits differ by more than chance, as MNIST's by their writers,
    so do these numbers from the ideal ones.
    """
    real = dataset.valid[:n]
    found: dict[str, Any] = {
        "prdc": {"pixels": asdict(prdc(real, dataset.test))},
        "memorisation": asdict(memorisation(dataset.test, dataset.train, dataset.valid, seed=seed)),
        "expected_coverage": expected_coverage(len(dataset.test), len(real)),
    }
    if classifier is not None:
        found["prdc"]["features"] = asdict(prdc(real, dataset.test, features=classifier.features))
        found["classes"] = asdict(class_histogram(classifier, real))
        found["accuracy"] = {"valid": classifier.valid_accuracy, "test": classifier.test_accuracy}
    return found
