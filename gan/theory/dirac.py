"""What the theory leaves open: both players moving, a step at a time, in the smallest GAN there is.

The Dirac GAN (Mescheder, Geiger and Nowozin, 2018): all data at 0, G(z) = theta, D(x) = sigmoid(psi x). Its one
equilibrium is (theta, psi) = (0, 0). Near it, with learning rate h, momentum m and damping g, a step is linear, and

    simultaneous    (P + h g l) P + (h / 2)^2 l^2 = 0        P = (l - 1)(l - m)
    alternating     (P + h g l) P + (h / 2)^2 l^3 = 0        G meets the D that has moved

are the equations of its eigenvalues l; it contracts where all |l| < 1. Without momentum and damping

    simultaneous    l = 1 +- i h / 2,  |l| = sqrt(1 + h^2 / 4) > 1        outwards
    alternating     |l| = 1 for h < 4                                     round and round

for both losses of G, which differ beyond the linear part. With r^2 = theta^2 + psi^2, s = theta psi and time in units
of h, small steps leave r alone under minimax and give ``dr^2/dt = -2 s tanh(s / 2)``, on average -r^4 / 8, under the
non-saturating loss: alternating, it converges, but only as ``r = sqrt(8 / t)``; simultaneous, which adds h r^2 / 4, it
ends on a circle of radius ``sqrt(2 h)``. Alternating minimax is neutral to first order only: it creeps outwards, unseen
unless h is large. Momentum makes |l| > 1 for both updates. What damps, and makes |l| < 1: an R1 penalty
``g / 2 E[a'(x)^2] = g psi^2 / 2``, which here is weight decay in D; or instance noise of variance v, g = v / 2.

The steps are those of gan/algorithm.py; their eigenvalues come from the engine's derivatives of its own gradients.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minigrad import Tensor, gradients, optim
from minigrad.nn import Module, Parameter

from .. import pictures
from ..algorithm import Game, alternating, simultaneous
from ..errors import UserError
from ..objectives import GENERATOR_LOSSES, discriminator_loss
from .claims import Claim, Results, claim, panels
from .divergence import Values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UPDATES = {"simultaneous": simultaneous, "alternating": alternating}
RATE, KEPT = 0.2, 2
"""The learning rate, and every which step is kept for the pictures."""
START = (1.0, 0.0)
SCHEMES: dict[str, dict[str, Any]] = {
    "plain": {"steps": 1000},
    "momentum": {"steps": 300, "momentum": 0.5},
    "R1 penalty": {"steps": 200, "penalty": 0.5},
    "instance noise": {"steps": 200, "spread": 1.0},
}
LARGE_RATE, LARGE_STEPS = 1.0, 2000


class Point(Module):
    """G(z) = theta + z, (m, 1)."""

    def __init__(self, theta: float) -> None:
        self.theta = Parameter(np.array([theta]))

    def forward(self, z: Any) -> Any:
        """z is 0, or instance noise."""
        return z + self.theta


class Slope(Module):
    """D's logit psi x, (m, 1)."""

    def __init__(self, psi: float) -> None:
        self.psi = Parameter(np.array([psi]))

    def forward(self, x: Any) -> Any:
        """No bias: D(0) = 1/2."""
        return self.psi * x


def points(spread: float) -> Values:
    """(2, 1): +-spread, the two-point rule for N(0, spread^2), exact for its first three moments; 0 is Dirac's."""
    return np.array([[-spread], [spread]])


def game(
    objective: str,
    rate: float = RATE,
    momentum: float = 0.0,
    penalty: float = 0.0,
    spread: float = 0.0,
    start: tuple[float, float] = START,
) -> Game:
    """The players at (theta, psi) = ``start``, with SGD for each; data and z are ``points(spread)``."""
    _check("objective", objective, GENERATOR_LOSSES)
    G, D, x = Point(start[0]), Slope(start[1]), points(spread)
    return Game(
        G,
        D,
        optim.SGD(G.parameters(), lr=rate, momentum=momentum),
        optim.SGD(D.parameters(), lr=rate, momentum=momentum, weight_decay=penalty),
        itertools.repeat(Tensor(x)),
        lambda: Tensor(x),
        GENERATOR_LOSSES[objective],
    )


def trajectory(update: str, objective: str, steps: int, **settings: Any) -> Values:
    """(theta, psi) at the start and after each of ``steps`` iterations, (steps + 1, 2). ``settings`` go to ``game``."""
    _check("update", update, UPDATES)
    iterate, played = UPDATES[update], game(objective, **settings)
    path = np.empty((steps + 1, 2))
    parameters = [*played.G.parameters(), *played.D.parameters()]
    for i in range(steps + 1):
        path[i] = [p.item() for p in parameters]
        if i < steps:
            iterate(played)
    return path


def _check(name: str, value: str, known: Mapping[str, Any]) -> None:
    if value not in known:
        raise UserError(f"{name} is {value!r}; choose {' or '.join(known)}")


def jacobian(
    update: str,
    objective: str,
    rate: float = RATE,
    momentum: float = 0.0,
    penalty: float = 0.0,
    spread: float = 0.0,
    at: tuple[float, float] = (0.0, 0.0),
) -> Values:
    """Of one iteration as a map of (theta, psi, their velocities), (4, 4), where the velocities are 0.

    Exact: the iteration is written with gradients that keep their graphs, and differentiated in its turn.
    """
    _check("update", update, UPDATES)
    _check("objective", objective, GENERATOR_LOSSES)
    state = [Tensor([value], requires_grad=True) for value in (*at, 0.0, 0.0)]
    # Copies: a player's gradient is that at its own parameter, not through the other's move.
    theta, psi, v_theta, v_psi = (s.clone() for s in state)
    x = Tensor(points(spread))
    d_loss = discriminator_loss(psi * x, psi * (x + theta))
    new_v_psi = momentum * v_psi + gradients(d_loss, psi, create_graph=True) + penalty * psi
    new_psi = psi - rate * new_v_psi
    here = theta.clone()
    g_loss = GENERATOR_LOSSES[objective]((new_psi if update == "alternating" else psi) * (x + here))
    new_v_theta = momentum * v_theta + gradients(g_loss, here, create_graph=True)
    new = (theta - rate * new_v_theta, new_psi, new_v_theta, new_v_psi)
    rows = [gradients(n, state, [np.ones(1)], retain_graph=True, allow_unused=True) for n in new]
    return np.array([[0.0 if g is None else g.item() for g in row] for row in rows])


def eigenvalues(update: str, rate: float, momentum: float = 0.0, damping: float = 0.0) -> NDArray[np.complex128]:
    """The four roots of the equation above, by formula: what those of ``jacobian`` at (0, 0) must be."""
    p = np.poly([1.0, momentum])
    damped = np.polyadd(p, [rate * damping, 0])
    turn = [rate**2 / 4, *[0] * (3 if update == "alternating" else 2)]
    return np.asarray(np.roots(np.polyadd(np.polymul(damped, p), turn)), dtype=np.complex128)


def radius(path: Values) -> Values:
    """The distance from the equilibrium, of (n, 2) states: (n,)."""
    return np.hypot(path[:, 0], path[:, 1])


def experiment() -> Results:
    """All schemes, both updates, both losses, from (1, 0); nothing in it is random."""
    runs = []
    for (scheme, s), update, objective in itertools.product(SCHEMES.items(), UPDATES, GENERATOR_LOSSES):
        linear = {name: setting for name, setting in s.items() if name != "steps"}
        found = np.linalg.eigvals(jacobian(update, objective, **linear))
        damping = s.get("penalty", 0.0) + s.get("spread", 0.0) ** 2 / 2
        expected = eigenvalues(update, RATE, s.get("momentum", 0.0), damping)
        runs.append(
            {
                "scheme": scheme,
                "update": update,
                "objective": objective,
                "eigenvalues": [[z.real, z.imag] for z in sorted(found, key=abs, reverse=True)],
                "spectral_radius": float(abs(found).max()),
                "spectral_radius_by_formula": float(abs(expected).max()),
                "path": trajectory(update, objective, **s),
            }
        )
    large = radius(trajectory("alternating", "minimax", LARGE_STEPS, rate=LARGE_RATE))
    edge = float(abs(np.linalg.eigvals(jacobian("alternating", "minimax", rate=LARGE_RATE))).max())
    claims = [*_linear(runs), *_beyond(runs), claim("alternating, h = 1: |l|", edge, "=", 1, 1e-9)]
    claims.append(
        claim("alternating, minimax, h = 1: the circle is left all the same, radius", large[-1], ">=", 2 * START[0])
    )
    for r in runs:
        r["path"] = r["path"][::KEPT].tolist()
    return {
        "statement": "Both players at once: the Dirac GAN",
        "settings": {"rate": RATE, "start": list(START), "schemes": SCHEMES, "large_rate": LARGE_RATE},
        "claims": claims,
        "curves": {"every": KEPT, "runs": runs, "large_rate_radius": large[::KEPT].tolist()},
    }


def _linear(runs: list[dict[str, Any]]) -> list[Claim]:
    """Eigenvalues by the engine and by formula."""
    claims = []
    for r in runs:
        found, theory = r["spectral_radius"], r["spectral_radius_by_formula"]
        where = "outwards" if theory > 1 + 1e-9 else "inwards" if theory < 1 - 1e-9 else "neutral"
        name = f"{r['scheme']}, {r['update']}, {r['objective']}"
        claims.append(claim(f"{name}: largest |l| ({where})", found, "=", theory, 1e-9))
    return claims


def _beyond(runs: list[dict[str, Any]]) -> list[Claim]:
    """Where the trajectories go."""
    paths = {(r["scheme"], r["update"], r["objective"]): r["path"] for r in runs}
    turn = round(4 * math.pi / RATE)  # steps
    out = paths["plain", "simultaneous", "minimax"]
    r2 = radius(out) ** 2
    s = out[:-1].prod(axis=1)
    grown = float(np.abs(r2[1:] / r2[:-1] / (1 + (RATE / (1 + np.exp(-s))) ** 2) - 1).max())
    round_and_round = radius(paths["plain", "alternating", "minimax"])
    cycle = radius(paths["plain", "simultaneous", "non_saturating"])[-turn:].mean()
    inwards = radius(paths["plain", "alternating", "non_saturating"])
    law = (inwards[-1] ** -2 - inwards[0] ** -2) / (RATE * (len(inwards) - 1) / 8)
    claims = [
        claim("simultaneous, minimax: r^2 grows by 1 + (h D(theta))^2, largest error", grown, "=", 0, 1e-12),
        claim("simultaneous, minimax: radius at the end", math.sqrt(r2[-1]), ">=", 2),
        claim("alternating, minimax: radius, smallest", round_and_round.min(), "=", 1, 0.05),
        claim("alternating, minimax: radius, largest", round_and_round.max(), "=", 1, 0.05),
        claim("simultaneous, non-saturating: radius of the last turn", cycle, "=", math.sqrt(2 * RATE), 0.01),
        claim("alternating, non-saturating: 1 / r^2 grows as t / 8, ratio", law, "=", 1, 0.05),
    ]
    for (scheme, update, objective), path in paths.items():
        name = f"{scheme}, {update}, {objective}: radius"
        if scheme == "momentum":
            claims.append(claim(f"{name} of the last turn, smallest", radius(path)[-turn:].min(), ">=", 0.5))
        elif scheme != "plain":
            claims.append(claim(f"{name} at the end", radius(path)[-1], "=", 0, 1e-3))
    return claims


def draw(results: Results) -> Figure:
    """Left and middle: trajectories of both losses, with neither momentum nor damping. Right: the radius over time."""
    curves = results["curves"]
    figure, (left, middle, right) = panels(3, 4.3, 4.3)
    styles = {"simultaneous": (pictures.D, "--"), "alternating": (pictures.GENERATED, "-")}
    for r in curves["runs"]:
        path = np.array(r["path"])
        steps = curves["every"] * np.arange(len(path))
        colour, dash = styles[r["update"]]
        if r["scheme"] == "plain":
            axes = left if r["objective"] == "minimax" else middle
            axes.plot(*path.T, color=colour, linestyle=dash, linewidth=0.8, label=r["update"])
            right.plot(steps, radius(path), color=colour, linestyle=dash)
            end = (steps[-1], 1.06 * radius(path)[-1])  # above its line
            right.annotate(r["objective"].replace("_", "-"), end, fontsize="small", ha="right", va="bottom")
        elif r["scheme"] == "R1 penalty" and r["objective"] == "minimax" and r["update"] == "alternating":
            right.plot(steps, radius(path), color=pictures.DATA, linestyle=":", label="alternating, R1 penalty")
    for axes, name in ((left, "minimax"), (middle, "non-saturating")):
        axes.plot(0, 0, "+", color=pictures.DATA)
        axes.plot(*START, "o", color=pictures.DATA, markersize=3)
        axes.set(xlabel="$\\theta$", ylabel="$\\psi$", aspect="equal", title=name)
        axes.legend(frameon=False, fontsize="small", loc="upper left")
    right.set(yscale="log", ylim=(0.02, 6), xlabel="iterations", ylabel="distance from the equilibrium")
    right.legend(frameon=False, fontsize="small", loc="lower right")
    return figure
