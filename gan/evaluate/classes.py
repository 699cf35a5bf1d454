"""Which digits a generator makes: a classifier on our own engine, and the histogram of its verdicts on samples.

A generator that leaves out a digit, or prefers one, has uneven counts; where it blends digits the classifier is less
sure. (Being sure proves nothing: every image gets one of the classes, and some that are no digits get one firmly.)
What the network computes before its last layer is a feature space for `coverage.prdc`, in which near means alike to
the eye more than it does in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad import Generator, Tensor, no_grad, ops, optim, use_kernels
from minigrad.nn import Dropout, Linear, Module, ReLU, Sequential

from ..data import Dataset
from ..data.minibatches import Minibatches
from ..errors import UserError
from .parzen import Points, _check, _slices

Counts = NDArray[np.int64]

WIDTHS = (512, 128)
"""Hidden units of the classifier; the last number is the dimension of its features."""

BATCH = 100
"""Examples in a minibatch, where there are as many."""

LEARNING_RATES = (2e-3, 1e-5)
"""Of Adam, at the start and at the end; linear between them."""

DROPPED = (0.1, 0.3, 0.3)
"""Probability of dropping an input, a unit of the first hidden layer, one of the second."""

PIECE = 1000
"""Points that go through the network at once."""


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network: dropout, Linear, ReLU, ..., Linear, from x (m, dimension) to logits (m, classes).

    valid_accuracy, test_accuracy   share of the data set's splits that it gets right
    seed, epochs                    what it was trained with
    """

    network: Sequential
    classes: int
    dimension: int
    valid_accuracy: float
    test_accuracy: float
    seed: int
    epochs: int

    def features(self, x: Points) -> Points:
        """The last hidden layer, after its ReLU and without dropout: x (m, dimension) -> float32 (m, 128)."""
        return _apply([part for part in self.network if not isinstance(part, Dropout)][:-1], x, self.dimension)

    def probabilities(self, x: Points) -> Points:
        """softmax of the logits: x (m, dimension) -> float32 (m, classes)."""
        return np.asarray(ops.softmax(_apply(list(self.network), x, self.dimension), dim=-1))

    def predict(self, x: Points) -> NDArray[np.intp]:
        """The most probable class: x (m, dimension) -> (m,)."""
        return np.asarray(_apply(list(self.network), x, self.dimension).argmax(axis=1))


@dataclass(frozen=True)
class ClassHistogram:
    """The classifier's verdicts on n points.

    counts      how many it takes for each class; classes in order
    kl          `kl_from_uniform(counts)`, nats
    confidence  mean over the points of the largest probability
    """

    counts: tuple[int, ...]
    kl: float
    confidence: float


def train_classifier(dataset: Dataset, *, seed: int = 0, epochs: int = 10) -> Classifier:
    """A multilayer perceptron with dropout (Srivastava et al., 2014), trained on dataset.train with Adam.

    `seed` decides first weights, order of the examples and masks. Runs in the mode of `minigrad.use_kernels`, whose
    rounding moves the last digits. UserError for a data set without labels, or epochs below 1.
    """
    labels = dataset.train_labels
    if labels is None or dataset.valid_labels is None or dataset.test_labels is None:
        raise UserError(
            f"{dataset.name} has no labels to train a classifier on; take data that has, such as digits or mnist."
        )
    if epochs < 1:
        raise UserError(f"epochs must be 1 or more, and is {epochs}.")
    classes = int(labels.max()) + 1
    weights, masks, order = Generator(seed).split(3)
    network = _network([dataset.dimension, *WIDTHS, classes], weights, masks)
    minibatches = Minibatches(np.arange(len(labels)), min(BATCH, len(labels)), order)
    optimizer = optim.Adam(network.parameters())
    steps = epochs * minibatches.per_epoch
    schedule = optim.Scheduler(optimizer, lr=optim.LinearRamp(*LEARNING_RATES, steps))
    for _ in range(steps):
        rows = next(minibatches)
        optimizer.minimize(cross_entropy(network(Tensor(dataset.train[rows])), labels[rows]))
        schedule.step()
    network.eval()
    valid, test = (
        float((_apply(list(network), x, dataset.dimension).argmax(axis=1) == y).mean())
        for x, y in ((dataset.valid, dataset.valid_labels), (dataset.test, dataset.test_labels))
    )
    return Classifier(network, classes, dataset.dimension, valid, test, seed, epochs)


def cross_entropy(logits: Any, labels: NDArray[Any]) -> Any:
    """-mean_i log softmax(a_i)_(y_i), nats: logits a (m, classes), integer labels y (m,) -> a scalar."""
    return -ops.take_along_dim(ops.log_softmax(logits, dim=-1), labels[:, None].astype(np.intp), -1).mean()


def class_histogram(classifier: Classifier, samples: Points) -> ClassHistogram:
    """Counts of the classes among samples (n, dimension), their distance from even ones, the mean confidence.

    The data need not be even either, and the classifier errs: compare with its histogram of real test images.
    UserError for samples that are no points of the classifier's dimension.
    """
    probabilities = classifier.probabilities(samples)
    counts = np.bincount(probabilities.argmax(axis=1), minlength=classifier.classes)
    return ClassHistogram(
        counts=tuple(counts.tolist()),
        kl=kl_from_uniform(counts),
        confidence=float(probabilities.max(axis=1).mean(dtype=np.float64)),
    )


def kl_from_uniform(counts: Sequence[int] | Counts) -> float:
    """KL(p || uniform) = sum_k p_k ln(p_k K), p_k = counts_k / sum counts, 0 ln 0 = 0: nats, from 0 to ln K.

    counts (K,). Of n draws from even classes it is about (K - 1) / 2n in the mean, not 0. UserError for counts that
    are none, or all 0.
    """
    numbers = np.asarray(counts, np.float64)
    if numbers.ndim != 1 or not (numbers >= 0).all() or not 0 < numbers.sum() < math.inf:
        raise UserError(f"counts must be a sequence of numbers >= 0, not all of them 0, and are {counts}.")
    p = numbers[numbers > 0] / numbers.sum()
    return max(0.0, float((p * np.log(p * len(numbers))).sum()))  # rounding can leave -1e-17 for even counts


def _network(widths: Sequence[int], weights: Generator, masks: Generator) -> Sequential:
    parts: list[Module] = []
    for p, n, m in zip(DROPPED, widths[:-1], widths[1:], strict=True):
        parts += [Dropout(p, generator=masks), Linear(n, m, generator=weights), ReLU()]
    return Sequential(*parts[:-1])


@no_grad()
def _apply(parts: Sequence[Module], x: Points, dimension: int) -> Points:
    """The parts one after another on pieces of x. Nobody waits for kernels for that."""
    _check("samples", x)
    if x.shape[1] != dimension:
        raise UserError(f"the classifier takes points of {dimension} numbers, and samples has shape {x.shape}.")
    out = []
    with use_kernels("plain"):
        for rows in _slices(len(x), PIECE):
            y: Any = Tensor(x[rows].astype(np.float32))
            for part in parts:
                y = part(y)
            out.append(y.data)
    return np.concatenate(out)
