"""The Gaussian Parzen window that gives the paper its "225 +- 2" (section 5 and table 1).

A Gaussian of width sigma is put on each of n generated samples s_i in R^d; their mixture stands for p_g:

    log p(x) = logmeanexp_i( -||x - s_i||^2 / (2 sigma^2) ) - d ln( sigma sqrt(2 pi) )        [nats]

The width is the one of `SIGMAS` that gives the validation points the highest mean; the estimate is the mean
over the test points. The estimator has a high variance and does poorly in high dimension (the paper says so
itself): it mostly measures the squared distance to the nearest sample. Compare it only with numbers of the
same protocol.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

Points = NDArray[np.floating[Any]]
Values = NDArray[np.float64]
Widths = Sequence[float] | Values

SIGMAS: Values = np.logspace(-1, 0, 10)
"""The released code's grid: .1 .129 .167 .215 .278 .359 .464 .599 .774 1, in units of the data (pixels: [0, 1])."""
SIGMAS.setflags(write=False)

POINT_SIGMAS: Values = np.logspace(-2.5, 0, 21)
"""For the toys, whose modes are narrower than pixels: .0032 .0042 ... 1."""
POINT_SIGMAS.setflags(write=False)

SELECTION = 1000
"""How many validation points choose the width, the first ones."""

BUDGET = 32 * 2**20
"""Bytes of working memory that a block may take: larger blocks are no faster."""

LARGEST = 1e75
"""Coordinates, widths and 1 / width stay below this, so that no square and no ratio of squares overflows."""


@dataclass(frozen=True)
class Parzen:
    """One evaluation. All log-likelihoods are in nats.

    sigma           the chosen width
    log_likelihood  mean of log p(x) over the test points
    standard_error  std(log p(x), ddof=0) / sqrt(n_test), the paper's "+-": the spread over test points alone;
                    another draw of samples, another seed, another training run are not in it
    validation      mean of log p(x) over the validation points at `sigma`: the top of `curve`
    at_edge         sigma is the smallest or the largest of `grid`: a better width may lie beyond, so pass a
                    grid that goes on there. Always true for a grid of one sigma, which is given, not chosen
    grid, curve     the widths that were tried and the validation mean of each
    distance        mean squared distance of a validation point to its nearest sample: what the estimate follows
    n_samples, n_valid, n_test   how many points of each kind were used
    """

    sigma: float
    log_likelihood: float
    standard_error: float
    validation: float
    at_edge: bool
    grid: tuple[float, ...]
    curve: tuple[float, ...]
    distance: float
    n_samples: int
    n_valid: int
    n_test: int


class Selection(NamedTuple):
    """The width of highest mean log p(x) over the validation points; that mean for every width (s,); see `Parzen`."""

    sigma: float
    curve: Values
    distance: float

    @property
    def validation(self) -> float:
        """The top of the curve, in nats."""
        return float(self.curve.max())


def evaluate(samples: Points, valid: Points, test: Points, *, sigmas: Widths = SIGMAS) -> Parzen:
    """The released code's procedure: the first 1000 of `valid` choose the width, all of `test` give the estimate.

    samples (n, d), valid (v, d), test (t, d), floats of any width. It draws n = 10,000 samples, adds
    no noise to them, and has t = 10,000. `SIGMAS` is made for pixels: data that is finer, say of std .02,
    leaves the result `at_edge` until it is given its own `sigmas`. Raises `UserError` for what cannot be
    evaluated.
    """
    _check_pair("test", test, "samples", samples)  # before the selection's work
    _check_pair("valid", valid, "samples", samples)
    valid = valid[:SELECTION]
    sigma, curve, distance = chosen = select_sigma(valid, samples, sigmas)
    grid = np.atleast_1d(_widths(sigmas))
    values = log_likelihood(test, samples, sigma)
    return Parzen(
        sigma=sigma,
        log_likelihood=float(values.mean()),
        standard_error=float(values.std(ddof=0)) / math.sqrt(len(test)),
        validation=chosen.validation,
        at_edge=sigma in (grid.min(), grid.max()),
        grid=tuple(grid.tolist()),
        curve=tuple(curve.tolist()),
        distance=distance,
        n_samples=len(samples),
        n_valid=len(valid),
        n_test=len(test),
    )


def select_sigma(valid: Points, samples: Points, sigmas: Widths = SIGMAS) -> Selection:
    """The width for these samples (n, d), by all of `valid` (v, d). Nats; of tied widths the first."""
    _check_pair("valid", valid, "samples", samples)
    widths = np.atleast_1d(_widths(sigmas))
    table, nearest = _log_likelihood(valid, samples, widths)
    means = table.mean(axis=1)
    return Selection(float(widths[means.argmax()]), means, float(nearest.mean()))


def log_likelihood(x: Points, samples: Points, sigma: float | Widths, *, block: int | None = None) -> Values:
    """log p(x) under the window, float64, nats: (m,) for one sigma, (s, m) for a sequence of s.

    x (m, d) and samples (n, d), floats of any width; sigma in the units of x. The squared distances are
    computed once for all sigmas, `block` rows of x against `block` rows of samples at a time (default: what
    `BUDGET` holds), so memory does not grow with m n. Raises `UserError` for what has no likelihood.
    """
    _check_pair("x", x, "samples", samples)
    widths = _widths(sigma)
    if block is not None and block < 1:
        raise UserError(f"block must be a number of rows, 1 or more, and is {block}.")
    out, _ = _log_likelihood(x, samples, np.atleast_1d(widths), block)
    return out if widths.ndim else out[0]


def _log_likelihood(x: Points, samples: Points, grid: Values, block: int | None = None) -> tuple[Values, Values]:
    """The log p(x) (s, m), and the squared distance of each x to its nearest sample (m,)."""
    block = _default_block(x.shape[1]) if block is None else block
    # Distances do not depend on the origin, and the middle of the samples keeps the norms below small. A
    # middle of extremes, and not a mean, is the same number for every dtype and every order of the samples.
    centre = np.stack([samples.min(axis=0), samples.max(axis=0)]).astype(np.float64).mean(axis=0)
    scales = 0.5 / grid**2
    out, nearest = np.empty((len(scales), len(x))), np.empty(len(x))
    space = np.empty((2, min(block, len(x)) * min(block, len(samples))))
    with np.errstate(under="ignore"):  # a far sample's term is 0 beside the nearest one's
        for rows in _slices(len(x), block):
            out[:, rows], nearest[rows] = _log_sum_exp(_centred(x[rows], centre), samples, centre, scales, block, space)
    out -= math.log(len(samples))
    out -= x.shape[1] * np.log(grid * math.sqrt(2 * math.pi))[:, None]
    return out, nearest


def _log_sum_exp(
    x: Values,
    samples: Points,
    centre: Values,
    scales: Values,
    block: int,
    space: Values,
) -> tuple[Values, Values]:
    """log sum_i exp( -scale ||x - s_i||^2 ) for each scale and each row of the centred x: (s, m); the least distance.

    One pass over the samples. The largest exponent of every scale belongs to the nearest sample, so one
    running minimum serves all scales: sums are kept relative to it, and rescaled when a nearer sample is met.
    Its own term is exp(0) = 1, hence a sum is never 0, however far away x lies. `space` (2, at least block^2)
    is scratch.
    """
    norms = np.einsum("ij,ij->i", x, x)[:, None]
    nearest = np.full((len(x), 1), np.inf)
    sums = np.zeros((len(scales), len(x)))
    for columns in _slices(len(samples), block):
        s = _centred(samples[columns], centre)
        shape = (len(x), len(s))
        distances, terms = (buffer[: len(x) * len(s)].reshape(shape) for buffer in space)
        # ||x||^2 - 2 x.s + ||s||^2 cancels: a small distance keeps the rounding error of the large norms,
        # worth about eps ||x||^2 / (2 sigma^2) nats. With ||x||^2 = 100, a digit, and sigma .1 that is 1e-12
        # nats in float64 and 6e-4 in float32, more for smaller sigma: so the product is taken in float64 as
        # well.
        np.matmul(x, s.T, out=distances)
        distances *= -2
        distances += norms
        distances += np.einsum("ij,ij->i", s, s)
        np.maximum(distances, 0, out=distances)  # rounding can leave -1e-13 for x = s
        before, nearest = nearest, np.minimum(nearest, distances.min(axis=1, keepdims=True))
        distances -= nearest
        for scale, total in zip(scales, sums, strict=True):
            total *= np.exp(-scale * (before - nearest))[:, 0]
            np.multiply(distances, -scale, out=terms)
            total += np.exp(terms, out=terms).sum(axis=1)
    logs: Values = np.log(sums) - scales[:, None] * nearest[:, 0]
    return logs, nearest[:, 0]


def _centred(points: Points, centre: Values) -> Values:
    """Points - centre, float64 for every dtype of the points: (m, d)."""
    return points.astype(np.float64) - centre


def _slices(n: int, block: int) -> Iterator[slice]:
    return (slice(start, start + block) for start in range(0, n, block))


def _default_block(d: int) -> int:
    """The b whose working set in float64, two b x b matrices and at most four b x d ones, fills `BUDGET`.

    16 b^2 + 32 b d = BUDGET.
    """
    return max(1, int(math.sqrt(d * d + BUDGET / 16)) - d)


def _widths(sigma: float | Widths) -> Values:
    """Sigma as float64, () or (s,)."""
    widths = np.asarray(sigma, dtype=np.float64)
    if widths.ndim > 1 or not widths.size:
        raise UserError(f"sigma must be one width or a sequence of widths, and has shape {widths.shape}.")
    wrong = widths[~((widths > 1 / LARGEST) & (widths < LARGEST))]
    if wrong.size:
        raise UserError(f"sigma must be a positive finite width, and one is {wrong.flat[0]}.")
    return widths


def _check_pair(name: str, points: Points, other: str, samples: Points) -> None:
    """Both are sets of points, in the same space."""
    _check(name, points)
    _check(other, samples)
    if points.shape[1] != samples.shape[1]:
        raise UserError(
            f"{name} and {other} must have points of the same dimension: "
            f"{name} is {points.shape}, {other} is {samples.shape}."
        )


def _check(name: str, points: Points) -> None:
    shape, dtype = np.shape(points), getattr(points, "dtype", type(points).__name__)
    if not isinstance(points, np.ndarray) or points.dtype.kind != "f":
        raise UserError(f"{name} must be a NumPy array of floats (pixels: in [0, 1]), and is {dtype}.")
    if len(shape) != 2 or not points.size:
        raise UserError(f"{name} must have shape (points, dimension), neither 0, and has shape {shape}.")
    # a nan passes through min and max, and compares false
    if not (float(points.min()) > -LARGEST and float(points.max()) < LARGEST):
        raise UserError(
            f"{name} of shape {shape} must hold finite numbers, below {LARGEST:g} in size, and does not; "
            "nan or inf means that the training diverged or that the data is damaged."
        )
