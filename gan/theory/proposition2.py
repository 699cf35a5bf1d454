"""Proposition 2: with D = D* at every step, descent in the space of distributions takes p_g to p_data.

On n points p_g is a vector q on the simplex, and ``U(q, D) = sum_i p_data_i log D_i + q_i log(1 - D_i)`` is linear in q
for each D. So the paper's proof can be watched:

    convex      ``sup_D U(q, D) = C(q)`` is convex, a supremum of linear functions
    envelope    the gradient of the supremum is the gradient of U at the D that attains it, ``log(1 - D*_i)``
    descent     ``q_i <- q_i exp(-rate log(1 - D*_i)) / Z``, gradient descent in the geometry of the simplex

C is 1-smooth relative to the entropy: ``sum_i q_i log q_i - C(q) = sum_i (p_i + q_i) log(p_i + q_i)`` and a constant is
convex. So C falls at every step up to rate 1 (Lu, Freund and Nesterov, 2018); at rate 1 the step is
``q <- (p_data + q) / 2``, the error halved, and near p_data the error shrinks by ``1 - rate / 2`` at any rate.

The paper's caveat is watched as well: what moves in practice are parameters and not p_g. Here they are the logits of a
softmax, on which C is not convex.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import Tensor, gradients, ops, optim

from ..errors import UserError
from ..objectives import optimal_discriminator
from ..pictures import DATA, GENERATED, D
from .claims import Results, claim, panels
from .divergence import LOG4, Values, criterion, optimal_logits, random_masses, total_variation, value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS = 6
CORNER = 1e-6
"""The mass that a p_g near a corner has left for all points but one."""
RATES = (1.0, 0.3)
STEPS = 100


def gradient_at_best_discriminator(p_data: Values, p_g: Values) -> Values:
    """``d U(p_g, D) / d p_g`` at D = D*, D held fixed: ``log(1 - D*)``, (n,). All masses must be above 0."""
    q = Tensor(p_g, requires_grad=True)
    return np.asarray(gradients(value(p_data, q, optimal_logits(p_data, p_g)), q).data)


def gradient_of_supremum(p_data: Values, p_g: Values) -> Values:
    """``d C(p_g) / d p_g``, (n,): D* moves with p_g, and the derivative goes through it too."""
    q = Tensor(p_g, requires_grad=True)
    best = optimal_discriminator(p_data, q)
    return np.asarray(gradients((p_data * ops.log(best)).sum() + (q * ops.log(1 - best)).sum(), q).data)


def central_differences(p_data: Values, p_g: Values, step: float = 1e-4) -> Values:
    """``(C(q + h e_i) - C(q - h e_i)) / 2h`` with ``h = step q_i``, (n,), C as of any positive vector q."""

    def c(q: Values) -> float:
        return float(value(p_data, q, optimal_logits(p_data, q)))

    moves = np.diag(step * p_g)
    return np.array([(c(p_g + e) - c(p_g - e)) / (2 * e.sum()) for e in moves])


def descend_in_function_space(p_data: Values, p_g: Values, rate: float, steps: int = STEPS) -> Values:
    """The path of p_g, (steps + 1, n), the start first: at each step D = D*, and p_g moves along the gradient of U.

    UserError where p_g lacks a point: a mass of 0 stays 0 under this rule.
    """
    if not (p_g > 0).all():
        raise UserError("p_g must have mass on every point to move there, and has none on some; start it at 1e-9 there")
    path = [p_g]
    for _ in range(steps):
        q = path[-1]
        q = q * np.exp(-rate * gradient_at_best_discriminator(p_data, q))
        path.append(q / q.sum())
    return np.array(path)


def descend_in_parameters(p_data: Values, p_g: Values, rate: float, steps: int = STEPS) -> Values:
    """As ``descend_in_function_space``, but ``p_g = softmax(theta)`` and plain gradient descent moves theta."""
    theta = Tensor(np.log(p_g), requires_grad=True)
    sgd, path = optim.SGD([theta], lr=rate), []
    for _ in range(steps + 1):
        q = ops.softmax(theta, 0)
        path.append(q.data.copy())
        sgd.minimize(value(p_data, q, optimal_logits(p_data, q.data)))
    return np.array(path)


def starts(p_data: Values, random: np.random.Generator) -> dict[str, Values]:
    """Where p_g begins: uniform, anywhere, and all but one millionth on the point where p_data is smallest."""
    n = len(p_data)
    corner = np.full(n, CORNER / (n - 1))
    corner[p_data.argmin()] = 1 - CORNER
    return {"uniform": np.full(n, 1 / n), "random": random_masses(n, random), "near a corner": corner}


def experiment(pairs: int = 200, seed: int = 0) -> Results:
    """Descent from three starts at two rates, and convexity and envelope at ``pairs`` of random p_g."""
    random = np.random.default_rng(seed)
    p = random_masses(POINTS, random)
    runs, claims = [], []
    for start, q in starts(p, random).items():
        for rate in RATES:
            path = descend_in_function_space(p, q, rate)
            runs.append(_run(p, path, start=start, space="function", rate=rate))
            c, error = runs[-1]["C"], runs[-1]["error"]
            name = f"start {start}, rate {rate:g}"
            claims += [
                claim(f"{name}: C falls at every step, largest rise", np.diff(c).max(), "<=", 0, 1e-14),
                claim(f"{name}: C ends at -log 4", c[-1], "=", -LOG4, 1e-10),
                claim(f"{name}: p_g ends in p_data, total variation", error[-1], "=", 0, 1e-6),
            ]
            if rate == 1:
                halved = p + (q - p) * 0.5 ** np.arange(STEPS + 1)[:, None]
                gap = np.abs(path - halved).max()
                claims.append(claim(f"{name}: p_g - p_data is halved at every step", gap, "=", 0, 1e-12))
        runs.append(_run(p, descend_in_parameters(p, q, 1.0), start=start, space="parameters", rate=1.0))
    left = runs[-1]["C"][-1] + LOG4
    claims.append(claim("caveat: C + log 4 that is left where parameters move, from the corner", left, ">=", 0.1))
    return {
        "statement": "Proposition 2",
        "settings": {"points": POINTS, "pairs": pairs, "seed": seed, "corner": CORNER},
        "claims": claims + _geometry(p, pairs, random),
        "curves": {"p_data": p.tolist(), "runs": runs, **_segment(p, random)},
    }


def _run(p: Values, path: Values, **what: Any) -> dict[str, Any]:
    return {**what, "C": [criterion(p, q) for q in path], "error": [total_variation(p, q) for q in path]}


def _geometry(p: Values, pairs: int, random: np.random.Generator) -> list[dict[str, Any]]:
    """Convexity, subgradient and envelope at random p_g."""
    jensen, subgradient, envelope, through, straight = [], [], [], [], []
    for _ in range(pairs):
        q, r = random_masses(POINTS, random), random_masses(POINTS, random)
        t = random.uniform(0.1, 0.9)
        mixed = (1 - t) * q + t * r
        g = gradient_at_best_discriminator(p, q)
        jensen.append((1 - t) * criterion(p, q) + t * criterion(p, r) - criterion(p, mixed))
        subgradient.append(criterion(p, r) - criterion(p, q) - float(g @ (r - q)))
        envelope.append(float(np.abs(g - central_differences(p, q)).max()))
        through.append(float(np.abs(g - gradient_of_supremum(p, q)).max()))
        a = random.normal(size=POINTS)  # any D: U is linear along the segment
        straight.append(abs((1 - t) * value(p, q, a) + t * value(p, r, a) - value(p, mixed, a)))
    return [
        claim("U(p_g, D) is linear in p_g: largest deviation on a segment", max(straight), "=", 0, 1e-12),
        claim("C is convex in p_g: smallest Jensen gap on a segment", min(jensen), ">=", 0),
        claim("dU/dp_g at D* is a subgradient of C: smallest slack", min(subgradient), ">=", 0),
        claim("it is the gradient of C, by central differences: largest error", max(envelope), "=", 0, 1e-6),
        claim("it is the gradient of C, differentiated through D*: largest error", max(through), "=", 0, 1e-9),
    ]


def _segment(p: Values, random: np.random.Generator) -> dict[str, Any]:
    """C along a segment between two p_g, and U along it for the Ds that are best at five of its points."""
    q, r = random_masses(POINTS, random), random_masses(POINTS, random)
    t = np.linspace(0, 1, 101)
    along = q + t[:, None] * (r - q)
    touching = [optimal_logits(p, along[i]) for i in (5, 25, 50, 75, 95)]
    return {
        "t": t.tolist(),
        "C_on_segment": [criterion(p, x) for x in along],
        "U_on_segment": [[float(value(p, x, a)) for x in along] for a in touching],
    }


def draw(results: Results) -> Figure:
    """Left: C is the upper envelope of lines. Middle and right: C and the distance to p_data fall."""
    curves = results["curves"]
    figure, (left, middle, right) = panels(3, 4.3)
    for line in curves["U_on_segment"]:
        left.plot(curves["t"], line, color=GENERATED, linewidth=0.8)
    left.plot(curves["t"], curves["C_on_segment"], color=D, linestyle="--", linewidth=1.8)
    left.plot([], [], color=D, linestyle="--", label="$C(p_g) = \\sup_D U(p_g, D)$")
    left.plot([], [], color=GENERATED, linewidth=0.8, label="$U(p_g, D)$ for five $D$")
    c = curves["C_on_segment"]
    left.set(xlabel="$p_g$ along a segment", ylabel="nats", ylim=(min(c) - 0.3, max(c) + 0.1))
    styles = {("function", 1.0): (D, "--"), ("function", 0.3): (GENERATED, "-"), ("parameters", 1.0): (DATA, ":")}
    for r in curves["runs"]:
        if r["start"] == "near a corner":
            colour, dash = styles[r["space"], r["rate"]]
            label = f"rate {r['rate']:g}" if r["space"] == "function" else "softmax parameters, rate 1"
            middle.plot(r["C"], color=colour, linestyle=dash, label=label)
            right.plot(r["error"], color=colour, linestyle=dash)
    middle.axhline(-LOG4, color=DATA, linewidth=0.6)
    middle.set(xlabel="steps, from near a corner", ylabel="$C(p_g)$   (nats)")
    right.set(yscale="log", ylim=(1e-9, 2), xlabel="steps, from near a corner", ylabel="TV$(p_g, p_{data})$")
    for axes in (left, middle):
        axes.legend(frameon=False, fontsize="small")
    return figure
