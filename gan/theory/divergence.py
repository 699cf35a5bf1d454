"""Theorem 1: ``C(G) = max_D V(D, G) = -log 4 + 2 JSD(p_data || p_g)``, smallest, -log 4, where p_g = p_data.

Distributions are masses on points, arrays (n,) that sum to 1. A density on the line becomes masses by quadrature:
``mass_i = w_i p(x_i)`` with Gauss-Legendre weights. The weights cancel in every ratio of masses, so one formula serves
the sums and the integrals:

    V(D, G) = sum_i p_data_i log D_i + p_g_i log(1 - D_i)        D_i = sigmoid(a_i)
    KL(p || q) = sum_i p_i log(p_i / q_i)
    JSD(p || q) = KL(p || (p + q) / 2) / 2 + KL(q || (p + q) / 2) / 2        [nats]
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minigrad import ops

from ..errors import UserError
from ..objectives import optimal_discriminator
from ..pictures import DATA, GENERATED, D
from .claims import Results, claim, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Values = NDArray[np.float64]

LOG4 = math.log(4)
NODES = 400
"""Of the quadrature: for Gaussians 4 standard deviations apart its error is that of rounding."""
REACH = 12
"""Standard deviations that the quadrature reaches beyond the means: 1e-33 of the mass lies further out."""


def gaussian_masses(mu: float) -> tuple[Values, Values, Values]:
    """(x, p_data, p_g), (400,) each: nodes on the line, and the masses there of N(0, 1) and N(mu, 1)."""
    if not abs(mu) <= 20:
        raise UserError(f"mu is {mu!r}; it must be a number of standard deviations between -20 and 20")
    low, high = min(0.0, mu) - REACH, max(0.0, mu) + REACH
    nodes, weights = _gauss_legendre()
    x = (low + high) / 2 + (high - low) / 2 * nodes
    p_data, p_g = ((high - low) / 2 * weights * normal_density(x, mean) for mean in (0.0, mu))
    return x, p_data, p_g


@cache
def _gauss_legendre() -> tuple[Values, Values]:
    """Nodes and weights on [-1, 1], exact for polynomials of degree below 800."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def normal_density(x: Any, mu: float) -> Any:
    """N(x; mu, 1)."""
    return np.exp(-0.5 * (x - mu) ** 2) / math.sqrt(2 * math.pi)


def value(p_data: Any, p_g: Any, logits: Any) -> Any:
    """``V(D, G)`` for D's logits on the points, of masses that need not be counts: a scalar.

    Arrays or Tensors (n,). A logit may be infinite where only one distribution has mass; 0 log 0 is 0.
    """
    return -(_expectation(p_data, ops.softplus(-logits)) + _expectation(p_g, ops.softplus(logits)))


def _expectation(masses: Any, f: Any) -> Any:
    inside = np.asarray(getattr(masses, "data", masses)) > 0
    return (masses[inside] * f[inside]).sum()


def optimal_logits(p_data: Any, p_g: Any) -> Values:
    """``log(p_data / p_g)``, the logits of D*: +-inf where one is 0, nan (D* is free there) where both are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(p_data) - np.log(p_g))


def criterion(p_data: Values, p_g: Values) -> float:
    """``C(G) = V(D*, G)``, the paper's virtual training criterion. UserError for what are no masses."""
    _check(p_data, p_g)
    return float(value(p_data, p_g, optimal_logits(p_data, p_g)))


def kl(p: Values, q: Values) -> float:
    """``KL(p || q)`` in nats: inf where p has mass and q has none. UserError for what are no masses."""
    _check(p, q)
    inside = p > 0
    with np.errstate(divide="ignore"):
        return float((p[inside] * np.log(p[inside] / q[inside])).sum())


def jsd(p: Values, q: Values) -> float:
    """``JSD(p || q)`` in nats, from 0 where p = q to ln 2 where they share no point. UserError as for ``kl``."""
    _check(p, q)
    return (kl(p, (p + q) / 2) + kl(q, (p + q) / 2)) / 2


def total_variation(p: Values, q: Values) -> float:
    """``sum_i |p_i - q_i| / 2``, from 0 to 1."""
    return float(np.abs(p - q).sum()) / 2


def random_masses(n: int, random: np.random.Generator) -> Values:
    """Drawn uniformly from all distributions on n points."""
    return random.dirichlet(np.ones(n))


def _check(*distributions: Values) -> None:
    shapes = [np.shape(p) for p in distributions]
    if len(shapes[0]) != 1 or len(set(shapes)) > 1:
        raise UserError(f"masses must be arrays of one shape (n,), one number for each point, and are {shapes}")
    for p in distributions:
        if not (np.min(p) >= 0 and abs(np.sum(p) - 1) < 1e-6):
            raise UserError(
                f"masses must be 0 or more and sum to 1, and sum to {np.sum(p):g} with a smallest of {np.min(p):g}; "
                "divide them by their sum, or let the quadrature reach further"
            )


def experiment(mus: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, 4.0), pairs: int = 200, seed: int = 0) -> Results:
    """Theorem 1 for N(0, 1) against N(mu, 1), and for ``pairs`` of random distributions on 2 to 9 points.

    For every Gaussian 1000 other Ds are tried: D* with its logits moved by e d(x), e from 1e-3 to 10, d(x) noise, a
    shift or a slope.
    """
    random = np.random.default_rng(seed)
    rows, best = [], -math.inf  # the best of the other Ds, compared with D*
    for mu in mus:
        x, p, q = gaussian_masses(mu)
        c, divergence = criterion(p, q), jsd(p, q)
        rows.append({"mu": mu, "C": c, "JSD": divergence, "KL": kl(p, q)})
        best = max(best, *(value(p, q, optimal_logits(p, q) + move) - c for move in _moves(x, 1000, random)))
    drawn = [tuple(random_masses(n, random) for _ in "pq") for n in random.integers(2, 10, pairs)]
    gap = max(abs(criterion(p, q) + LOG4 - 2 * jsd(p, q)) for p, q in drawn)
    same = max(abs(criterion(p, p) + LOG4) for p, _ in drawn)
    pinsker = min(criterion(p, q) + LOG4 - total_variation(p, q) ** 2 for p, q in drawn)
    apart = criterion(np.array([0.5, 0.5, 0, 0]), np.array([0, 0, 0.25, 0.75]))
    wrong_kl = max(abs(r["KL"] - r["mu"] ** 2 / 2) for r in rows)
    identity = "V(D*, G) = -log 4 + 2 JSD"
    claims = [
        *(claim(f"{identity} for N(0, 1), N({r['mu']:g}, 1)", r["C"], "=", -LOG4 + 2 * r["JSD"], 1e-10) for r in rows),
        claim("KL(N(0, 1) || N(mu, 1)) = mu^2 / 2: largest error", wrong_kl, "=", 0, 1e-10),
        claim(f"{identity} on points: largest error", gap, "=", 0, 1e-12),
        claim("C = -log 4 where p_g = p_data: largest error", same, "=", 0, 1e-12),
        claim("and only there, C + log 4 >= TV(p_data, p_g)^2 (Pinsker): smallest difference", pinsker, ">=", 0),
        claim("C = 0 where no point is shared", apart, "=", 0, 1e-15),
        claim("no other D does better than D*: largest V(D, G) - V(D*, G)", best, "<=", 0),
    ]
    line = np.linspace(-5, 5, 81).tolist()
    return {
        "statement": "Theorem 1",
        "settings": {"mus": list(mus), "pairs": pairs, "seed": seed, "nodes": NODES},
        "claims": claims,
        "curves": {
            "gaussians": rows,
            "mu": line,
            "C": [criterion(*gaussian_masses(mu)[1:]) for mu in line],
            **_around(2.0),
        },
    }


def _moves(x: Values, n: int, random: np.random.Generator) -> list[Values]:
    """n functions on the points, of all sizes."""
    shapes = (lambda: random.normal(size=x.shape), lambda: np.ones_like(x), lambda: x)
    sizes = random.choice([-1, 1], n) * 10 ** random.uniform(-3, 1, n)
    return [size * shapes[i % 3]() for i, size in enumerate(sizes)]


def _around(mu: float) -> dict[str, Any]:
    """V along a shift and a slope of D*'s logits."""
    _, p, q = gaussian_masses(mu)
    steps = np.linspace(-2, 2, 81)
    a = optimal_logits(p, q)
    return {
        "move": steps.tolist(),
        "V_shifted": [float(value(p, q, a + e)) for e in steps],
        "V_scaled": [float(value(p, q, a * (1 + e))) for e in steps],
        "x": np.linspace(-4, mu + 4, 161).tolist(),
        "mu_drawn": mu,
    }


def draw(results: Results) -> Figure:
    """Left: p_data, p_g and D* for one mu. Middle: C against mu. Right: V where D is not D*."""
    curves = results["curves"]
    figure, (left, middle, right) = panels(3, 4.3)
    x, mu = np.array(curves["x"]), curves["mu_drawn"]
    p, q = normal_density(x, 0.0), normal_density(x, mu)
    left.plot(x, p, color=DATA, linestyle=":", label="$p_{data}$ = N(0, 1)")
    left.plot(x, q, color=GENERATED, label=f"$p_g$ = N({mu:g}, 1)")
    left.plot(x, optimal_discriminator(p, q), color=D, linestyle="--", label="$D^*$")
    left.set(xlabel="$x$", ylim=(0, 1.35))
    middle.plot(curves["mu"], curves["C"], color=D, linestyle="--", label="$C(G) = V(D^*, G)$")
    rows = curves["gaussians"]
    middle.plot(
        [r["mu"] for r in rows], [-LOG4 + 2 * r["JSD"] for r in rows], "o", color=GENERATED, label="$-\\log 4 + 2$ JSD"
    )
    middle.axhline(-LOG4, color=DATA, linewidth=0.8, linestyle=":", label="$-\\log 4$")
    middle.set(xlabel="$\\mu$ of $p_g$", ylabel="nats")
    right.plot(curves["move"], curves["V_shifted"], color=D, linestyle="--", label="logits $a^* + e$")
    right.plot(curves["move"], curves["V_scaled"], color=GENERATED, label="logits $(1 + e)\\, a^*$")
    right.set(xlabel="$e$", ylabel="$V(D, G)$")
    for axes in (left, middle, right):
        axes.legend(frameon=False, fontsize="small")
    return figure
