"""Precision and recall of samples, and density and coverage: how good they are, told apart from how varied they are.

With real points x_1..x_N, samples y_1..y_M and B_k(a_i) the ball about a_i that reaches to the k-th nearest of the
other points of the same set, its surface included:

    precision = 1/M  sum_j 1[ y_j in some B_3(x_i) ]          recall   = 1/N sum_i 1[ x_i in some B_3(y_j) ]
    density   = 1/(5M) sum_j sum_i 1[ y_j in B_5(x_i) ]       coverage = 1/N sum_i 1[ some y_j in B_5(x_i) ]

Precision, recall: Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", 2019,
k = 3. Density, coverage: Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020, k = 5.
The surface counts, as in the formulas of the former: samples equal to the real points then score 1, where a strict
"<" gives 0 to a set in which every point is there k + 1 times.

If both sets come from one distribution, density has mean 1 and coverage `expected_coverage(N, M, k)`, whatever the
distribution and the space; precision and recall depend on both, and fall with the dimension. Weaknesses: an outlier
among the real points has a large ball, into which bad samples fall (precision), and one among the samples likewise
(recall); in pixels, near is not alike. So give the numbers beside those of held-out real points, in pixels and in
features of a classifier.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from .neighbours import distance_blocks, nearest_others, rounding
from .parzen import Points, _check_pair


@dataclass(frozen=True)
class PRDC:
    """One comparison: the four numbers, and what they were computed from.

    precision, recall, coverage   shares, in [0, 1]
    density                       0 or more; above 1 where samples crowd in the densest places of the real points
    k, density_k                  neighbours of the balls of precision and recall, of density and coverage
    n_samples, n_real, dimension  of the sets compared, in the space of the features
    """

    precision: float
    recall: float
    density: float
    coverage: float
    k: int
    density_k: int
    n_samples: int
    n_real: int
    dimension: int


def prdc(
    samples: Points,
    real: Points,
    *,
    k: int = 3,
    density_k: int = 5,
    features: Callable[[Points], Points] | None = None,
) -> PRDC:
    """Precision, recall, density and coverage of samples (M, d) against real points (N, d), floats of any width.

    `features` maps (n, d) to the space in which distances are taken, (n, f); default: the points' own. Take as many
    samples as real points: all four numbers depend on the sizes. Three passes over all pairs; memory stays below a
    few times parzen's `BUDGET`. UserError for sets that do not fit together and k that are not below their sizes.
    """
    _check_pair("samples", samples, "real", real)
    if features is not None:
        samples, real = features(samples), features(real)
        _check_pair("features of the samples", samples, "features of the real points", real)
    largest, smallest = max(k, density_k), min(k, density_k)
    if smallest < 1 or largest >= len(real) or k >= len(samples):
        raise UserError(
            f"k and density_k must be at least 1 and below the number of points; they are {k} and {density_k}, "
            f"with {len(samples)} samples and {len(real)} real points; take smaller ones or more points."
        )
    # Equal distances must not be told apart by their rounding: points on a ball's surface are inside.
    slack = rounding(samples, real)
    balls = nearest_others(real, largest) + slack
    real_balls, density_balls = balls[:, k - 1], balls[:, density_k - 1]
    sample_balls = nearest_others(samples, k)[:, k - 1] + slack
    precise, recalled = np.zeros(len(samples), bool), np.zeros(len(real), bool)
    covered, inside = np.zeros(len(real), bool), 0
    for i, j, distances in distance_blocks(real, samples):
        precise[j] |= (distances <= real_balls[i, None]).any(axis=0)
        recalled[i] |= (distances <= sample_balls[j]).any(axis=1)
        hits = distances <= density_balls[i, None]
        covered[i] |= hits.any(axis=1)
        inside += int(np.count_nonzero(hits))
    return PRDC(
        precision=float(precise.mean()),
        recall=float(recalled.mean()),
        density=inside / (density_k * len(samples)),
        coverage=float(covered.mean()),
        k=k,
        density_k=density_k,
        n_samples=len(samples),
        n_real=len(real),
        dimension=samples.shape[1],
    )


def expected_coverage(n_real: int, n_samples: int, k: int = 5) -> float:
    """Mean of the coverage if both sets come from one continuous distribution: 1 - prod_i (N - i) / (N + M - i).

    i runs from 1 to k, N = n_real, M = n_samples: about 1 - 2^-k for N = M (Naeem et al., lemma 2). Real point i is
    missed where its k nearest among all N + M - 1 others are real ones.
    """
    i = np.arange(1, k + 1)
    return float(1 - np.prod((n_real - i) / (n_real + n_samples - i)))
