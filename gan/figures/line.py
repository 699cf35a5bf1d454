"""Players on the line, seen whole: p_g by change of variables, D beside D*, and what is measured of them.

Data N(mean, std^2), z ~ U(-Z, Z), and the settings with which `figure1` trains them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad import Generator, Tensor, gradients, nn, no_grad, use_kernels
from minigrad.nn import Module, init

from ..data import Dataset
from ..objectives import optimal_discriminator
from ..settings import Settings
from ..training import Training

Values = NDArray[np.float64]

SETTINGS: dict[str, Any] = {
    "steps": 400,
    "k": 10,
    "batch_size": 256,
    "generator_layers": (32, 32, 32),
    "generator_init": 0.4,
    "discriminator_layers": (16, 16, 16),
    "discriminator_init": 0.5,
    "pieces": 3,
    "learning_rate": 0.02,
    "learning_rate_decay": 1.012,
    "kernels": "plain",
}
"""What differs from the preset `paper` for the data set gaussian."""
SHARPNESS = 6.0
BIASES = {"G": 1.0, "D": 2.0}
"""Hidden biases start uniform on plus or minus this."""
CHANGES = (
    f"G's hidden units are log(1 + exp({SHARPNESS:g} x)) / {SHARPNESS:g}: with ReLUs, p_g would be a staircase",
    f"hidden biases start uniform on +-{BIASES['G']:g} in G and on +-{BIASES['D']:g} in D: "
    "with 0, every unit would have its kink at 0",
)
"""What the settings do not say."""

Z = math.sqrt(3)
"""p_z is uniform on (-Z, Z): the uniform noise of `gan.sampling.draw_noise`."""
CELLS = 1024
"""Cells of equal width into which p_z is cut to find preimages; a fold of G within one is not seen."""
POINTS = 256
"""Values of z, midpoints of equal cells, over which E_pg is taken: quadrature, not sampling."""
SUPPORT = 1.645
"""|D - 1/2| is taken within so many standard deviations of the mean: on the central 90 % of the data."""
ARROWS = 17
"""Values of z, equally spaced from end to end, whose G(z) is shown."""


class RoundReLU(Module):
    """``log(1 + exp(b x)) / b``, b = SHARPNESS."""

    def forward(self, x: Any) -> Any:
        """Element by element."""
        return nn.functional.softplus(SHARPNESS * x) / SHARPNESS


def players(s: Settings, dataset: Dataset) -> Training:
    """A Training with CHANGES."""
    training = Training(s, dataset)
    stream = Generator(s.seed)  # Training draws from generators split off it, never from itself
    for net, spread in ((training.G, BIASES["G"]), (training.D, BIASES["D"])):
        *hidden, _ = [layer for layer in net.children() if isinstance(layer, nn.Linear)]
        for layer in hidden:
            if layer.bias is not None:
                init.uniform_(layer.bias, -spread, spread, stream)
    for name, part in list(training.G.named_children()):
        if isinstance(part, nn.ReLU):
            setattr(training.G, name, RoundReLU())
    return training


class Generated:
    """p_g of x = G(z), z ~ U(low, high), on the line: the sum over all z with G(z) = x of p_z(z) / |G'(z)|.

    G maps Tensors (n, 1) to (n, 1), row by row. Between turning points, where G' changes sign, G is monotone: a branch
    with at most one such z, found by bisection; G' comes from the engine. Where G is flat over a whole cell, its value
    there has a probability of its own and p_g is no density: then ``exact`` is False and `density` is a Parzen window.

    ``z``, ``x``: POINTS midpoints and G there; the mean over them is E_pg.
    """

    def __init__(self, G: Module, low: float = -Z, high: float = Z) -> None:
        self.G, self.p_z = G, 1 / (high - low)
        self.z = low + (high - low) * (np.arange(POINTS) + 0.5) / POINTS
        self.x = self.values(self.z)
        edges = np.linspace(low, high, CELLS + 1)
        signs = np.sign(self.slopes(edges))
        flat = signs == 0
        self.exact = not np.any(flat[1:] & flat[:-1])
        signs = np.where(flat, np.append(signs[1:], signs[-2]), signs)  # at a turning point: that of what follows
        at = np.flatnonzero(signs[1:] != signs[:-1])
        turning = _bisect(edges[at], edges[at + 1], lambda z: np.sign(self.slopes(z)) == signs[at])
        ends = np.concatenate([[low], turning, [high]])
        inside = [edges[(edges > a) & (edges < b)] for a, b in pairwise(ends)]
        self.branches = [np.concatenate([[a], z, [b]]) for a, z, b in zip(ends[:-1], inside, ends[1:], strict=True)]

    @property
    def method(self) -> str:
        """How `density` is computed."""
        return f"change of variables, monotone branches: {len(self.branches)}" if self.exact else "Parzen window"

    @no_grad()
    def values(self, z: Values) -> Values:
        """G(z), float64: (n,) -> (n,)."""
        with use_kernels("plain"):
            return np.asarray(self.G(Tensor(z[:, None])).data[:, 0], np.float64)

    def slopes(self, z: Values) -> Values:
        """G'(z), float64: (n,) -> (n,). The rows do not meet, so the gradient of their sum has G' of each."""
        with use_kernels("plain"):
            rows = Tensor(z[:, None], requires_grad=True)
            return np.asarray(gradients(self.G(rows).sum(), rows).data[:, 0], np.float64)

    def density(self, x: Values) -> Values:
        """p_g(x), float64: (n,) -> (n,)."""
        if not self.exact:
            width = max(1.06 * float(self.x.std()) * POINTS**-0.2, 1e-3)  # Silverman's rule
            kernels = np.exp(-0.5 * ((x[:, None] - self.x) / width) ** 2) / (width * math.sqrt(2 * math.pi))
            return np.asarray(kernels.mean(axis=1))
        p = np.zeros(len(x))
        for z in self.branches:
            y = self.values(z)
            if y[-1] < y[0]:
                z, y = z[::-1], y[::-1]
            hit = (y[0] <= x) & (x < y[-1])
            cell = np.searchsorted(y[1:-1], x[hit], side="right")
            preimage = _bisect(z[cell], z[cell + 1], lambda z, x=x[hit]: self.values(z) <= x)  # type: ignore[misc]
            p[hit] += self.p_z / np.maximum(np.abs(self.slopes(preimage)), 1e-12)
        return p


def _bisect(a: Values, b: Values, still: Callable[[Values], NDArray[np.bool_]]) -> Values:
    """Where ``still``, true at every a and not at b, ends between them, to 2^-21 of their distance."""
    for _ in range(20 if len(a) else 0):
        middle = (a + b) / 2
        holds = still(middle)
        a, b = np.where(holds, middle, a), np.where(holds, b, middle)
    return (a + b) / 2


@dataclass(frozen=True)
class Gaussian:
    """N(mean, std^2)."""

    mean: float
    std: float

    def density(self, x: Values) -> Values:
        """p_data(x)."""
        return np.exp(-0.5 * ((x - self.mean) / self.std) ** 2) / (self.std * math.sqrt(2 * math.pi))


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One state of the players, measured. Curves are (n,) on a grid of x; divergences are in nats.

    step               iterations of the run
    d_updates, g_updates   updates of D alone, then of G alone, on a copy of that state; 0, 0 in the run
    method             how p_g was computed
    mean, std          of p_g
    offset, spread     |mean - that of the data| and std, in the data's standard deviations
    jsd                of p_data and p_g
    d_error            mean of |D - D*| over (p_data + p_g) / 2
    d_right            share of (p_data + p_g) / 2 on which D and D* are on the same side of 1/2
    d_flat             max |D - 1/2| on the central 90 % of the data
    d_fake             E_pg[D]
    p_data, p_g        densities
    D, D_star          D(x) without dropout, and Proposition 1's D*(x) = p_data / (p_data + p_g)
    arrows             (17, 2): z, equally spaced, and G(z)
    """

    step: int
    d_updates: int
    g_updates: int
    method: str
    mean: float
    std: float
    offset: float
    spread: float
    jsd: float
    d_error: float
    d_right: float
    d_flat: float
    d_fake: float
    p_data: Values
    p_g: Values
    D: Values
    D_star: Values
    arrows: Values

    def measured(self) -> dict[str, Any]:
        """All but the curves, fit for JSON."""
        return {k: v for k, v in vars(self).items() if not isinstance(v, np.ndarray)}


def snapshot(training: Training, data: Gaussian, x: Values, d_updates: int = 0, g_updates: int = 0) -> Snapshot:
    """Measure the players as they are.

    E_pdata is taken by the trapezoidal rule over ``x`` (n,), which must reach far enough, E_pg over equally spaced z.
    """
    generated = Generated(training.G)
    y = generated.x
    p, p_at_y, q, q_at_y = data.density(x), data.density(y), generated.density(x), generated.density(y)
    d, d_at_y = (np.asarray(training.judge(points[:, None]), np.float64) for points in (x, y))
    best, best_at_y = optimal_discriminator(p, q), optimal_discriminator(p_at_y, q_at_y)
    z = np.linspace(-Z, Z, ARROWS)

    def mixed(at_x: Values, at_y: Values) -> float:
        """The mean over (p_data + p_g) / 2."""
        return float(np.trapezoid(p * at_x, x) + at_y.mean()) / 2

    return Snapshot(
        step=training.step,
        d_updates=d_updates,
        g_updates=g_updates,
        method=generated.method,
        mean=float(y.mean()),
        std=float(y.std()),
        offset=abs(float(y.mean()) - data.mean) / data.std,
        spread=float(y.std()) / data.std,
        jsd=mixed(np.log(2 * best), np.log(2 * (1 - best_at_y))),
        d_error=mixed(np.abs(d - best), np.abs(d_at_y - best_at_y)),
        d_right=mixed(1.0 * ((d > 0.5) == (best > 0.5)), 1.0 * ((d_at_y > 0.5) == (best_at_y > 0.5))),
        d_flat=float(np.abs(d - 0.5)[np.abs(x - data.mean) <= SUPPORT * data.std].max()),
        d_fake=float(d_at_y.mean()),
        p_data=p,
        p_g=q,
        D=d,
        D_star=best,
        arrows=np.stack([z, generated.values(z)], axis=1),
    )
