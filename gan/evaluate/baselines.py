"""Two generators that need no training, to read a Parzen estimate by: what would the estimate say of perfect samples?

    training examples   true samples of p_data, drawn without repetition: no generator draws better ones
    centroids           the k-means centres of the training examples: means of a few of them, or a copy of one

The window mostly measures the distance to the nearest sample, and centres are put where that is small; so they win,
though nothing new is among them (Theis, van den Oord and Bethge, "A note on the evaluation of generative models",
2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

Points = NDArray[np.floating[Any]]

STREAM = 1
"""Beside the seed: the subsets of `memorisation` are drawn with the same seed, and must not be these examples."""


def training_examples(train: Points, n: int, seed: int = 0) -> Points:
    """``n`` rows of train (N, d), none twice. UserError if there are fewer."""
    require(train, n)
    return train[np.random.default_rng((seed, STREAM)).permutation(len(train))[:n]]


def centroids(train: Points, n: int, seed: int = 0) -> Points:
    """The ``n`` centres (n, d) that scikit-learn's k-means by minibatches finds for train (N, d). UserError if n > N.

    It starts from n training examples; a run over the data is N / 10,000 minibatches, and there are at most ten.
    """
    from sklearn.cluster import MiniBatchKMeans

    start = training_examples(train, n, seed)
    of_32_bits = seed if seed < 2**32 else int(np.random.SeedSequence(seed).generate_state(1)[0])  # scikit-learn's
    found = MiniBatchKMeans(
        n, init=start, n_init=1, batch_size=10_000, max_iter=10, random_state=of_32_bits, reassignment_ratio=0
    ).fit(train)
    return np.asarray(found.cluster_centers_, dtype=train.dtype)


def require(train: Points, n: int) -> None:
    """UserError unless ``n`` rows can be drawn from train (N, d), none twice."""
    if not 1 <= n <= len(train):
        raise UserError(f"{n} samples were asked for, and there are {len(train)} training examples; ask for fewer")
