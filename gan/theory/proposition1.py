"""Proposition 1: for a fixed G the best D is ``D*(x) = p_data(x) / (p_data(x) + p_g(x))``. Training finds it.

First where everything is a sum: D is a table of logits on a few points, and descends -V itself. Then as in Algorithm 1:
D is a network, and descends -V on minibatches of N(0, 1) and N(mu, 1), whose ``D*(x) = sigmoid(mu^2 / 2 - mu x)`` one
affine map can be and a small perceptron can come near to. By Theorem 1 its loss then measures a divergence that no
sample shows: on held-out data ``JSD >= ln 2 - d_loss`` (gan/evaluate/gauge.py), with equality at D*.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import Generator, Tensor, gradients, no_grad, ops, optim, use_kernels
from minigrad.nn import Linear, Module, Sequential, Tanh

from ..algorithm import descend
from ..errors import UserError
from ..evaluate.gauge import Gauge, gauge
from ..objectives import discriminator_loss, optimal_discriminator
from ..pictures import DATA, GENERATED, D
from .claims import Claim, Results, claim, panels
from .divergence import Values, criterion, gaussian_masses, jsd, random_masses, value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS, TABLE_STEPS, TABLE_RATE = 8, 100, 8.0
FAMILIES = {"affine": 0.3, "perceptron": 0.05}
"""What D can be, and Adam's learning rate at the start; it falls to a hundredth."""
HIDDEN = 16
BATCH, STEPS, EVERY = 256, 1000, 10
HELD_OUT = 20_000
SEEN = 2.0
"""D's largest error is looked for up to so many standard deviations outside the two means: there are data there."""

Record = dict[str, Any]


def experiment(mus: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0), seed: int = 0) -> Results:
    """A table on 8 points; for each mu an affine D and a perceptron D, and the JSD that each finds on held-out data."""
    table = train_table(seed)
    cases = list(itertools.product(mus, FAMILIES))
    trained = [train_network(*case, rng) for case, rng in zip(cases, Generator(seed).split(len(cases)), strict=True)]
    claims = [
        claim("table: largest |D - D*| after training", table["largest_error"][-1], "=", 0, 1e-6),
        claim("table: V = -log 4 + 2 JSD after training", table["V"][-1], "=", table["C"], 1e-10),
        claim("table: V never falls, smallest rise", float(np.diff(table["V"]).min()), ">=", 0, 1e-12),
        *(c for record in trained for c in _claims(record)),
    ]
    return {
        "statement": "Proposition 1",
        "settings": {"mus": list(mus), "seed": seed, "steps": STEPS, "batch": BATCH, "held_out": HELD_OUT},
        "claims": claims,
        "curves": {"table": table, "networks": trained},
    }


def _claims(r: Record) -> list[Claim]:
    name = f"{r['family']} D, N(0, 1) against N({r['mu']:g}, 1)"
    return [
        claim(f"{name}: mean |D - D*| after training", r["mean_error"][-1], "=", 0, 0.01),
        claim(f"{name}: and less than at first", r["mean_error"][-1], "<=", r["mean_error"][0] / 5),
        claim(f"{name}: V(D, G) comes up to -log 4 + 2 JSD", r["V"][-1], "=", r["C"], 0.001),
        claim(f"{name}: V(D, G) is never above it", max(r["V"]), "<=", r["C"], 1e-10),
        claim(f"{name}: held-out gauge = JSD, +- 4 standard errors", r["gauge"], "=", r["JSD"], 4 * r["gauge_error"]),
    ]


def train_table(seed: int = 0) -> Record:
    """D a table of logits, p_data and p_g random on 8 points, SGD on the whole -V: its curves over the steps."""
    random = np.random.default_rng(seed)
    p, q = ((random_masses(POINTS, random) + 1 / POINTS) / 2 for _ in "pq")  # no point is so rare that D learns it late
    best = optimal_discriminator(p, q)
    logits = Tensor(np.zeros(POINTS), requires_grad=True)  # D = 1/2
    sgd = optim.SGD([logits], lr=TABLE_RATE)
    record: Record = {"p_data": p.tolist(), "p_g": q.tolist(), "C": criterion(p, q), "JSD": jsd(p, q)}
    record |= {"mean_error": [], "largest_error": [], "V": []}
    for _ in range(TABLE_STEPS + 1):
        v = value(p, q, logits)
        _measure(record, np.abs(ops.sigmoid(logits.data) - best), (p + q) / 2, v.item())
        sgd.step([gradients(-v, logits)])
    return record


def network(family: str, weights: Generator) -> Module:
    """A D on the line, (m, 1) -> logits (m, 1), float64: affine, or one hidden layer of 16 tanh units."""
    if family not in FAMILIES:
        raise UserError(f"family is {family!r}; choose {' or '.join(FAMILIES)}")
    sizes = (1, 1) if family == "affine" else (1, HIDDEN, 1)
    first, *more = [Linear(n, m, dtype=np.float64, generator=weights) for n, m in itertools.pairwise(sizes)]
    return Sequential(first, *(part for layer in more for part in (Tanh(), layer)))


def train_network(mu: float, family: str, rng: Generator) -> Record:
    """D's updates of Algorithm 1, G fixed at N(mu, 1): curves of error and V, exact by quadrature; a gauge at the end.

    ``gauge`` is read off fresh data and samples, and bounds the JSD from below whatever D has become.
    """
    weights, real, fake, held_out = rng.split(4)
    net = network(family, weights)
    x, p, q = gaussian_masses(mu)
    best = optimal_discriminator(p, q)
    seen = (x > min(0, mu) - SEEN) & (x < max(0, mu) + SEEN)
    record: Record = {"mu": mu, "family": family, "C": criterion(p, q), "JSD": jsd(p, q)}
    record |= {"step": [], "mean_error": [], "largest_error": [], "V": []}
    adam = optim.Adam(net.parameters())
    rate = optim.Scheduler(adam, lr=optim.ExponentialDecay(FAMILIES[family], 100 ** (1 / STEPS)))
    with use_kernels("plain"):
        for step in range(STEPS + 1):
            if step > 0:
                x_real, x_fake = gaussian(BATCH, 0, real), gaussian(BATCH, mu, fake)
                descend(discriminator_loss(net(Tensor(x_real)), net(Tensor(x_fake))), adam)
                rate.step()
            if step % EVERY == 0:
                a = logits(net, x)
                record["step"].append(step)
                _measure(record, np.abs(ops.sigmoid(a) - best), (p + q) / 2, float(value(p, q, a)), seen)
        found = held_out_gauge(net, mu, held_out)
    return record | {"gauge": found.jsd, "gauge_error": found.standard_error, "d_loss": found.d_loss}


def held_out_gauge(net: Module, mu: float, stream: Generator, n: int = HELD_OUT) -> Gauge:
    """The JSD of N(0, 1) and N(mu, 1) as D sees it, from ``n`` draws of each that D was not trained on."""
    return gauge(logits(net, gaussian(n, 0, stream)[:, 0]), logits(net, gaussian(n, mu, stream)[:, 0]))


def gaussian(m: int, mu: float, stream: Generator) -> Values:
    """(m, 1) draws of N(mu, 1)."""
    return np.asarray(stream.normal(mu, 1, (m, 1), np.float64))


@no_grad()
def logits(net: Module, x: Values) -> Values:
    """D's logits at points on the line: (n,) -> (n,)."""
    return np.asarray(net(Tensor(x[:, None])).data[:, 0])


def _measure(record: Record, error: Values, weight: Values, v: float, seen: Any = ...) -> None:
    """Note V, the mean of ``|D - D*|`` over (p_data + p_g) / 2, and its maximum over the points ``seen``."""
    record["mean_error"].append(float(weight @ error))
    record["largest_error"].append(float(error[seen].max()))
    record["V"].append(v)


def draw(results: Results) -> Figure:
    """Left: |D - D*| falls. Middle: V rises to -log 4 + 2 JSD. Right: the JSD read off held-out data."""
    table, networks = results["curves"]["table"], results["curves"]["networks"]
    figure, (left, middle, right) = panels(3, 4.3)
    shown = [r for r in networks if r["mu"] == 2.0] or networks[:2]
    left.plot(table["mean_error"], color=DATA, linestyle=":", label="table on 8 points")
    middle.plot(np.array(table["C"]) - table["V"], color=DATA, linestyle=":")
    for r, colour, dash in zip(shown, (D, GENERATED), ("--", "-"), strict=True):
        name = f"{r['family']}, $\\mu$ = {r['mu']:g}"
        left.plot(r["step"], r["mean_error"], color=colour, linestyle=dash, label=name)
        middle.plot(r["step"], np.maximum(r["C"] - np.array(r["V"]), 1e-16), color=colour, linestyle=dash)
    left.set(yscale="log", ylim=(1e-6, 1), xlabel="updates of D", ylabel="mean $|D - D^*|$")
    middle.set(yscale="log", ylim=(1e-12, 2), xlabel="updates of D", ylabel="$-\\log 4 + 2$ JSD $- V(D, G)$   (nats)")
    line = np.linspace(0, max(r["mu"] for r in networks) * 1.1, 60)
    right.plot(line, [jsd(*gaussian_masses(mu)[1:]) for mu in line], color=DATA, linestyle=":", label="JSD")
    for family, colour, marker in zip(FAMILIES, (D, GENERATED), "so", strict=True):
        of_it = [r for r in networks if r["family"] == family]
        right.errorbar(
            [r["mu"] for r in of_it],
            [r["gauge"] for r in of_it],
            [2 * r["gauge_error"] for r in of_it],
            color=colour,
            fmt=marker,
            fillstyle="none",
            capsize=3,
            label=f"held out, {family} D (2 s.e.)",
        )
    right.set(xlabel="$\\mu$", ylabel="nats")
    for axes in (left, right):
        axes.legend(frameon=False, fontsize="small")
    return figure
