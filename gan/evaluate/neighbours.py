"""Nearest neighbours by brute force, and what they say of memorisation. All distances are squared and Euclidean.

For 10,000 points of 784 numbers no tree is faster: ||x - p||^2 = ||x||^2 - 2 x.p + ||p||^2 is one matrix product. It
is taken in float64 and in blocks, so memory does not grow with the number of pairs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .parzen import Points, Values, _centred, _check, _check_pair, _default_block, _slices

Indices = NDArray[np.intp]

COPY = 0.02
"""Root mean square difference per coordinate below which a sample is a copy: of pixels, 5 of 255 grey levels."""

SUBSETS = 5
"""Of the training images, each as large as the set that they are compared with: of MNIST's 50,000, all."""

ROUNDING = 1e-12
"""Of a large squared norm: more than a product of a thousand terms loses in float64, less than float32 data know."""


def distance_blocks(x: Points, points: Points, *, block: int | None = None) -> Iterator[tuple[slice, slice, Values]]:
    """(rows i of x, rows j of points, ||x_i - p_j||^2 as float64 (i, j)), until every pair came once.

    x (m, d), points (n, d), floats of any width. A block has `block` rows and columns (default: what parzen's
    `BUDGET` holds), and one of x and x has its diagonal where rows == columns. The caller may overwrite the
    distances, and the next block will. Their error is below `rounding(x, points)`. UserError for what is no pair of
    point sets.
    """
    _check_pair("x", x, "points", points)
    block = _default_block(x.shape[1]) if block is None else block
    if block < 1:
        raise UserError(f"block must be a number of rows, 1 or more, and is {block}.")
    low, high = _extremes(x, points)
    centre = (low + high) / 2  # distances do not depend on the origin, and this one keeps the norms small
    space = np.empty(min(block, len(x)) * min(block, len(points)))
    for rows in _slices(len(x), block):
        a = _centred(x[rows], centre)
        norms = np.einsum("ij,ij->i", a, a)[:, None]
        for columns in _slices(len(points), block):
            b = _centred(points[columns], centre)
            distances = space[: len(a) * len(b)].reshape(len(a), len(b))
            np.matmul(a, b.T, out=distances)
            distances *= -2
            distances += norms
            distances += np.einsum("ij,ij->i", b, b)
            np.maximum(distances, 0, out=distances)  # rounding can leave -1e-13 for x = p
            yield rows, columns, distances


def rounding(x: Points, points: Points) -> float:
    """What may be wrong with a distance of `distance_blocks`: `ROUNDING` times the largest squared norm there can be.

    Where distances are compared, rounding must not decide between equal ones: d <= limit + rounding.
    """
    low, high = _extremes(x, points)
    return ROUNDING * float((((high - low) / 2) ** 2).sum())


def nearest(x: Points, points: Points, *, block: int | None = None) -> tuple[Values, Indices]:
    """(min_j ||x_i - p_j||^2, that j) for every row of x: float64 (m,), intp (m,).

    x (m, d), points (n, d), floats of any width. The distance is that of the j returned, from the differences: 0 for
    a copy. Of points whose distances differ by no more than `rounding(x, points)` it may be any. UserError for what is
    no pair of point sets.
    """
    _check_pair("x", x, "points", points)
    best, indices = np.full(len(x), np.inf), np.zeros(len(x), np.intp)
    for rows, columns, distances in distance_blocks(x, points, block=block):
        here = distances.argmin(axis=1)
        values = distances[np.arange(len(here)), here]
        indices[rows] = np.where(values < best[rows], columns.start + here, indices[rows])
        best[rows] = np.minimum(best[rows], values)
    for rows in _slices(len(x), _default_block(x.shape[1])):
        best[rows] = ((x[rows].astype(np.float64) - points[indices[rows]].astype(np.float64)) ** 2).sum(axis=1)
    return best, indices


def nearest_others(points: Points, k: int, *, block: int | None = None) -> Values:
    """Squared distances from every point to its k nearest other points, ascending: (n, d) -> float64 (n, k).

    The k-th is column k - 1. "Other" goes by the row: a point that is there twice has a neighbour at 0, up to
    `rounding(points, points)`. UserError unless 1 <= k < n.
    """
    _check("points", points)
    if not 1 <= k < len(points):
        raise UserError(
            f"k must be at least 1 and below the number of points, and is {k} of {len(points)}: "
            "a point has no more other points than that; take a smaller k or more points."
        )
    out = np.full((len(points), k), np.inf)
    for rows, columns, distances in distance_blocks(points, points, block=block):
        if rows == columns:
            np.fill_diagonal(distances, np.inf)
        if distances.shape[1] > k:
            distances.partition(k - 1, axis=1)
        out[rows] = np.sort(np.concatenate([out[rows], distances[:, :k]], axis=1), axis=1)[:, :k]
    return out


@dataclass(frozen=True)
class Memorisation:
    """Whether samples are nearer to the training images than to images that the training never saw.

    Distances are squared, in the units of the data, each from a sample to its nearest image; "_error" is a standard
    error, std(ddof=0) / sqrt(n_samples), over samples alone.

    train, train_error   mean over the samples of the distance to all n_train training images
    subset, ..._error    the same to `size` training images: the mean over `SUBSETS` disjoint random subsets
    valid, valid_error   the same to `size` validation images
    difference           subset - valid: near 0 for new images; below 0 by several errors: memorised
    difference_error     of the difference, with what another draw of the images would change in it:
                         sqrt(its error over samples^2 + (1 + 1 / SUBSETS) variance of the subsets' means, ddof=1),
                         an upper bound: these means hold the noise of the samples a second time
    copies               how many samples have a training image, of all, within `copy_distance`
    copy_distance        copy^2 d: a root mean square difference of `copy` per coordinate
    size, seed, n_samples, n_train   what was compared

    `train` and `valid` cannot be compared where the sets have different sizes: the nearest of 50,000 is nearer than
    the nearest of 10,000, memorised or not. So `subset` is. Two weaknesses: a copied image is in one of n_train / size
    subsets, so `difference` shows many copies, `copies` a few; and it supposes that training and validation images
    differ by chance alone, where MNIST's are by different writers. So judge it beside that of real test images.
    """

    train: float
    train_error: float
    subset: float
    subset_error: float
    valid: float
    valid_error: float
    difference: float
    difference_error: float
    copies: int
    copy_distance: float
    size: int
    seed: int
    n_samples: int
    n_train: int


def memorisation(samples: Points, train: Points, valid: Points, *, seed: int = 0, copy: float = COPY) -> Memorisation:
    """Distances from samples (n, d) to the nearest of train (t, d) and of valid (v, d), at equal sizes.

    The size is that of valid, or t / SUBSETS if that is less; `seed` draws the subsets, without replacement. `copy` is
    in units of the data, and the default meant for pixels in [0, 1]. UserError for sets that are no point sets of one
    dimension, fewer than SUBSETS training points, a seed or a copy below 0.
    """
    _check_pair("samples", samples, "train", train)
    _check_pair("valid", valid, "train", train)
    if len(train) < SUBSETS:
        raise UserError(f"train must hold {SUBSETS} points or more, a subset each, and has shape {train.shape}.")
    if seed < 0 or not 0 <= copy < math.inf:
        raise UserError(f"seed and copy must be 0 or more, and finite; they are {seed} and {copy}.")
    size, random = min(len(valid), len(train) // SUBSETS), np.random.default_rng(seed)
    *parts, rest = np.split(random.permutation(len(train)), size * np.arange(1, SUBSETS + 1))
    to_parts = np.stack([nearest(samples, train[np.sort(rows)])[0] for rows in parts])
    to_train = to_parts.min(axis=0)
    if len(rest):
        to_train = np.minimum(to_train, nearest(samples, train[np.sort(rest)])[0])
    to_valid = nearest(samples, valid[np.sort(random.permutation(len(valid))[:size])])[0]
    to_subset = to_parts.mean(axis=0)
    difference, over_samples = _mean_and_error(to_subset - to_valid)
    over_images = math.sqrt(1 + 1 / SUBSETS) * float(to_parts.mean(axis=1).std(ddof=1))
    copy_distance = copy**2 * train.shape[1]
    return Memorisation(
        *_mean_and_error(to_train),
        *_mean_and_error(to_subset),
        *_mean_and_error(to_valid),
        difference,
        math.hypot(over_samples, over_images),
        copies=int((to_train <= copy_distance).sum()),
        copy_distance=copy_distance,
        size=size,
        seed=seed,
        n_samples=len(samples),
        n_train=len(train),
    )


def _mean_and_error(values: Values) -> tuple[float, float]:
    return float(values.mean()), float(values.std()) / math.sqrt(len(values))


def _extremes(*sets: Points) -> tuple[Any, Any]:
    """(smallest, largest) of every coordinate over all sets: the same for every dtype and order of the points."""
    low = np.min([points.min(axis=0).astype(np.float64) for points in sets], axis=0)
    high = np.max([points.max(axis=0).astype(np.float64) for points in sets], axis=0)
    return low, high
