"""Points whose density is known: equal mixtures of k isotropic Gaussians in 1 or 2 dimensions.

    p(x) = 1/k sum_j N(x; m_j, s^2 I)

`ring`      8 modes on a circle of radius 2, s = 0.02 (Metz et al., "Unrolled GANs", 2017)
`grid`      25 modes on {-4, -2, 0, 2, 4}^2, s = 0.05 (Lin et al., "PacGAN", 2018; lattice of "VEEGAN", 2017)
`gaussian`  one mode at 0 on the line, s = 1: the data of the GAN paper's figure 1, which has no numbers on it
"""

import operator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UserError
from . import Dataset

COUNTS = (50_000, 10_000, 10_000)  # train, valid, test


@dataclass(frozen=True, eq=False)
class Mixture:
    """An equal mixture of isotropic Gaussians: `modes` (k, d) float64 are the means, `std` is one for all."""

    modes: NDArray[np.float64]
    std: float

    def __post_init__(self) -> None:
        self.modes.flags.writeable = False


def _ring(k: int, radius: float) -> NDArray[np.float64]:
    angle = 2 * np.pi * np.arange(k) / k
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _lattice(side: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)


MIXTURES = {
    "ring": Mixture(_ring(8, radius=2.0), std=0.02),
    "grid": Mixture(_lattice(np.linspace(-4.0, 4.0, 5)), std=0.05),
    "gaussian": Mixture(np.zeros((1, 1)), std=1.0),
}


def mixture(name: str) -> Mixture:
    """Return the distribution of the points of `name`; UserError if it is not one of `MIXTURES`."""
    if name not in MIXTURES:
        raise UserError(f"There is no mixture {name!r}; choose one of {', '.join(MIXTURES)}.")
    return MIXTURES[name]


def modes(name: str) -> NDArray[np.float64]:
    """Return the means of the Gaussians, (k, d) float64, read-only."""
    return mixture(name).modes


def std(name: str) -> float:
    """Return the standard deviation of each Gaussian along each axis, in the units of the points."""
    return mixture(name).std


def sample(name: str, n: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw n points, (n, d) float64: a mode with equal chances, then normal noise around it."""
    target = mixture(name)
    k, d = target.modes.shape
    return target.modes[generator.integers(k, size=n)] + target.std * generator.standard_normal((n, d))


def log_density(name: str, x: ArrayLike) -> NDArray[np.float64]:
    """Return log p at each row of `x` (n, d): (n,) float64, in nats; -inf where a point is infinitely far.

        log sum_j exp(-|x - m_j|^2 / 2 s^2) - log k - d/2 log(2 pi s^2)

    Computed in float64 whatever the dtype of `x`. UserError if `x` is not (n, d) of real numbers.
    """
    target = mixture(name)
    k, d = target.modes.shape
    points = np.asarray(x)
    if points.ndim != 2 or points.shape[1] != d or points.dtype.kind not in "fiu":
        raise UserError(
            f"{name}: log_density got x of shape {points.shape} and dtype {points.dtype};"
            f" expected real numbers of shape (n, {d}), one point per row."
        )
    points = points.astype(np.float64)
    with np.errstate(over="ignore"):  # the square of a far point may be inf, and its density 0
        exponents = -0.5 * sum(((points[:, i, None] - target.modes[:, i]) / target.std) ** 2 for i in range(d))
    largest = np.max(exponents, axis=1, keepdims=True)
    # Shifted by the largest, at least one term of the sum is 1; a shift of -inf would make it nan.
    shift = np.where(np.isneginf(largest), 0.0, largest)
    with np.errstate(divide="ignore"):
        total = shift[:, 0] + np.log(np.sum(np.exp(exponents - shift), axis=1))
    return np.asarray(total - np.log(k) - 0.5 * d * np.log(2 * np.pi * target.std**2), dtype=np.float64)


def load(name: str, seed: int = 0) -> Dataset:
    """Return 50,000 / 10,000 / 10,000 points drawn from PCG64(`seed`) in float64 and rounded to float32.

    The same seed gives the same points under the same NumPy. UserError if `seed` is not an integer >= 0.
    """
    try:
        valid = operator.index(seed) >= 0
    except TypeError:
        valid = False
    if not valid:
        raise UserError(f"{name}: seed is {seed!r}; expected an integer >= 0.")
    generator = np.random.Generator(np.random.PCG64(seed))
    points = sample(name, sum(COUNTS), generator).astype(np.float32)
    train, valid_points, test = np.split(points, np.cumsum(COUNTS)[:-1])
    return Dataset(name=name, train=train, valid=valid_points, test=test, image_shape=None)
