"""The birthday paradox test: how many different images a generator makes, from how soon it repeats itself.

Arora and Zhang, "Do GANs actually learn the distribution? An empirical study", 2017. Of s draws from N equally
probable images, two are the same with probability 1 - prod_{i<s} (1 - i/N) = 1 - exp(-s (s - 1) / 2N), about. So if
s is the smallest batch that holds a duplicate with probability 1/2 or more, the support is

    N = s (s - 1) / (2 ln 2)          (23 people, 365 days; the paper says: about s^2)

and if images are not equally probable, this is near 1 / sum_i p_i^2: what is seldom drawn is not counted.

The paper lets people look at the closest pairs of a batch and say which are duplicates. Here a duplicate is a pair
nearer than a threshold that real images give: the p-quantile of the distances from each image of one real set to its
nearest other. What this is worth:

    The absolute numbers follow from p and the size of that set, and say how fine the threshold is, no more.
    The ratio to the numbers of another real set, at the same threshold, says something: so both are given.
    Distances are of pixels. A shifted stroke hides a duplicate, and a generator of smooth images looks less varied.
    One threshold serves images of every kind: the pairs are those of the plainest ones, which are near each other
    anyway (in MNIST of ones, nearly alone), and of the others nothing is learnt.

Features of a classifier in the place of pixels help against the third, one call for each class against the fourth: for
the samples that a classifier takes for a 2, and the twos of valid and of test, with a larger p. And look at
`closest_pairs`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .neighbours import Indices, distance_blocks, nearest_others, rounding
from .parzen import Points, Values, _check, _check_pair

QUANTILE = 0.01
"""p: one real image in a hundred has a neighbour that counts as its duplicate."""


@dataclass(frozen=True)
class Repeats:
    """How soon one set repeats itself.

    batch_size      the smallest s at which a batch has a duplicate with probability 1/2 or more, estimated as the
                    median of `runs` runs: a run takes points one by one until one of them repeats an earlier one of
                    the run, and the next point begins the next run
    support         s (s - 1) / (2 ln 2)
    support_error   its standard error if images are equally probable: support / (ln 2 sqrt(runs))
    at_least        no two of all the points are duplicates: batch_size is n, support the size from which half of such
                    sets would have one (a lower bound at even odds), and support_error None
    pairs           how many pairs of all n points are duplicates
    pair_support    n (n - 1) / (2 pairs), None without pairs: 1 / sum_i p_i^2 from all pairs, the sharper number
                    (error about pair_support / sqrt(pairs)) where no few images make most of them
    n, runs         points looked at, and how many runs they made, without the last, unfinished one
    """

    batch_size: int
    support: float
    support_error: float | None
    at_least: bool
    pairs: int
    pair_support: float | None
    n: int
    runs: int


@dataclass(frozen=True)
class Birthday:
    """Samples beside held-out real images, both at one threshold.

    samples, real   `Repeats` of each, from equally many points
    threshold       squared distance up to which two points are duplicates
    quantile        p that gave it, or None if it was given itself
    """

    samples: Repeats
    real: Repeats
    threshold: float
    quantile: float | None


def birthday(
    samples: Points,
    valid: Points,
    test: Points,
    *,
    quantile: float = QUANTILE,
    threshold: float | None = None,
    seed: int = 0,
) -> Birthday:
    """The test on samples (n, d), and on real images test (t, d) as the yardstick.

    `valid` (v, d) gives the threshold: the `quantile` of the squared distances from each of its images to the nearest
    other one. A `threshold`, a squared distance, replaces it. min(n, t) of the samples and as many of test are looked
    at, in the random order of `seed`. UserError for sets that do not fit together or hold fewer than 2 points, and
    numbers that are none of these.
    """
    _check_pair("samples", samples, "valid", valid)
    _check_pair("test", test, "valid", valid)
    if not 0 < quantile < 1:
        raise UserError(f"quantile must lie between 0 and 1, and is {quantile}.")
    if seed < 0:
        raise UserError(f"seed must be 0 or more, and is {seed}.")
    given = threshold is not None
    limit = float(np.quantile(nearest_others(valid, 1), quantile)) if threshold is None else threshold
    n, random = min(len(samples), len(test)), np.random.default_rng(seed)
    # MNIST's images follow each other by writers, who repeat themselves.
    found = [repeats(points[random.permutation(len(points))[:n]], limit) for points in (samples, test)]
    return Birthday(found[0], found[1], limit, None if given else quantile)


def repeats(points: Points, threshold: float) -> Repeats:
    """How soon points (n, d) repeat themselves: a squared distance up to `threshold` is a duplicate.

    The points must be in random order: runs are cut from them as they stand. One pass over all pairs; none is kept.
    UserError for fewer than 2 points, or a threshold below 0.
    """
    _at_least_two(points)
    if not 0 <= threshold < math.inf:
        raise UserError(f"threshold must be a squared distance, 0 or more and finite, and is {threshold}.")
    n, pairs, limit = len(points), 0, threshold + rounding(points, points)
    latest = np.full(n, -1)  # for every point the last earlier one that it repeats
    for i, j, distances in distance_blocks(points, points):
        if j.start <= i.start:
            same = distances <= limit
            if i == j:
                same = np.tril(same, -1)
            pairs += int(np.count_nonzero(same))
            last = same.shape[1] - 1 - same[:, ::-1].argmax(axis=1)
            latest[i] = np.maximum(latest[i], np.where(same.any(axis=1), j.start + last, -1))
    lengths, rest = _runs(latest)
    size = _median(lengths, rest) if len(lengths) else n
    support = size * (size - 1) / (2 * math.log(2))
    return Repeats(
        batch_size=size,
        support=support,
        support_error=support / (math.log(2) * math.sqrt(len(lengths))) if len(lengths) else None,
        at_least=not len(lengths),
        pairs=pairs,
        pair_support=n * (n - 1) / (2 * pairs) if pairs else None,
        n=n,
        runs=len(lengths),
    )


def closest_pairs(points: Points, count: int = 20) -> tuple[Values, Indices]:
    """The nearest pairs of a batch, to look at: (squared distances (c,) ascending, rows (c, 2), i < j).

    points (n, d); c = `count`, or the number of pairs if there are fewer. UserError for fewer than 2 points, or a
    count below 1.
    """
    _at_least_two(points)
    if count < 1:
        raise UserError(f"count must be a number of pairs, 1 or more, and is {count}.")
    best, rows = np.empty(0), np.empty((0, 2), np.intp)
    for i, j, distances in distance_blocks(points, points):
        if j.start >= i.start:
            if i == j:
                distances[np.tri(len(distances), dtype=bool)] = np.inf
            few = distances.ravel()
            at = np.argpartition(few, count - 1)[:count] if few.size > count else np.arange(few.size)
            a, b = np.unravel_index(at, distances.shape)
            where = np.stack([a + i.start, b + j.start], axis=1)
            best, rows = np.concatenate([best, few[at]]), np.concatenate([rows, where])
            order = np.argsort(best, kind="stable")[:count]
            best, rows = best[order], rows[order]
    real = np.isfinite(best)
    return best[real], rows[real]


def _runs(latest: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """(lengths of the runs that ended in a duplicate, length of the last one, which did not)."""
    start, lengths = 0, []
    for i, other in enumerate(latest.tolist()):
        if other >= start:
            lengths.append(i + 1 - start)
            start = i + 1
    return np.array(lengths, np.int64), len(latest) - start


def _median(lengths: NDArray[np.int64], rest: int) -> int:
    """The smallest s with P(length <= s) >= 1/2, by Kaplan and Meier: the last run is known to be longer than `rest`.

    To drop it would favour short runs: the one that the end cuts is a long one more often than not.
    """
    ends, count = np.unique(lengths, return_counts=True)
    reached = len(lengths) - np.cumsum(count) + count + (rest >= ends)  # how many runs are known to be that long
    longer = np.cumprod(1 - count / reached)  # P(length > s); at the last s 1/2 or 0
    return int(ends[np.argmax(longer <= 0.5 + 1e-9)])


def _at_least_two(points: Points) -> None:
    _check("points", points)
    if len(points) < 2:
        raise UserError(f"points must be 2 or more, to make a pair, and have shape {points.shape}; give more.")
