"""Section 3: the loss of Algorithm 1 gives G no gradient where D is sure of its samples; the other loss does.

With a the logit of D(G(z)), the engine finds

    minimax         d/da log(1 - D) = -D            0 where D = 0: "log(1 - D(G(z))) saturates"
    non-saturating  d/da -log D     = -(1 - D)      -1 there
    their ratio     (1 - D) / D

and G's parameters get ``E_z[(dloss/da) (da/dtheta)]``. The demonstration: G stays where the data are not, D learns to
tell, and G's gradient is measured under both losses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minigrad import Generator, Tensor, gradients, no_grad, ops, optim, use_kernels
from minigrad.nn import Linear, Sequential, Tanh

from .. import pictures
from ..algorithm import descend
from ..objectives import GENERATOR_LOSSES, discriminator_loss
from .claims import Results, claim, panels
from .divergence import Values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DATA_MEAN, DATA_STD = 4.0, 0.5
HIDDEN, BATCH, RATE, STEPS, EVERY = 16, 256, 0.01, 400, 10


def logit_gradients(logits: Values) -> dict[str, Values]:
    """d loss / d a of each generator loss at single logits a, (n,) -> (n,) each, by the engine."""
    found = {}
    for name, loss in GENERATOR_LOSSES.items():
        a = Tensor(logits, requires_grad=True)
        found[name] = np.asarray(gradients(loss(a) * len(logits), a).data)  # the losses are means
    return found


def parameter_gradients(G: Sequential, D: Sequential, z: Values) -> dict[str, float]:
    """The norm of G's gradient, all parameters together, of each generator loss on the noise z (m, 1)."""
    norms = {}
    for name, loss in GENERATOR_LOSSES.items():
        parts = gradients(loss(D(G(Tensor(z)))), list(G.parameters()))
        norms[name] = float(np.sqrt(sum((g.data**2).sum() for g in parts)))
    return norms


def _ratio_for(G: Sequential, D: Sequential, z: float) -> float:
    """The ratio of G's two gradients for one z, over (1 - D) / D there."""
    norms = parameter_gradients(G, D, np.array([[z]]))
    with no_grad():
        d = float(ops.sigmoid(D(G(Tensor([[z]])))).item())
    return norms["non_saturating"] / norms["minimax"] * d / (1 - d)


def train_discriminator(seed: int = 0) -> tuple[Sequential, Sequential, dict[str, Any]]:
    """D learns to tell N(4, 1/4) from an untrained G, which stays: (G, D, curves).

    Curves: step, mean D(G(z)), and the norm of G's gradient of each loss, on the same noise at every step.
    """
    weights, data, noise, shown = Generator(seed).split(4)
    G, D = (
        Sequential(
            Linear(1, HIDDEN, dtype=np.float64, generator=weights),
            Tanh(),
            Linear(HIDDEN, 1, dtype=np.float64, generator=weights),
        )
        for _ in "GD"
    )
    z_shown = shown.normal(0, 1, (1000, 1), np.float64)
    adam = optim.Adam(D.parameters(), lr=RATE)
    curves: dict[str, Any] = {"step": [], "d_fake": [], **{name: [] for name in GENERATOR_LOSSES}}
    with use_kernels("plain"):
        for step in range(STEPS + 1):
            if step % EVERY == 0:
                with no_grad():
                    d_fake = ops.sigmoid(D(G(Tensor(z_shown)))).mean().item()
                now = {"step": step, "d_fake": d_fake, **parameter_gradients(G, D, z_shown)}
                for name, number in now.items():
                    curves[name].append(number)
            x = data.normal(DATA_MEAN, DATA_STD, (BATCH, 1), np.float64)
            with no_grad():
                fake = G(Tensor(noise.normal(0, 1, (BATCH, 1), np.float64)))
            descend(discriminator_loss(D(Tensor(x)), D(fake)), adam)
    return G, D, curves


def experiment(seed: int = 0) -> Results:
    """The gradients with respect to the logit, from D(G(z)) = 5e-5 to 1 - 5e-5, and those of G's parameters."""
    a = np.linspace(-10, 10, 201)
    d, found = ops.sigmoid(a), logit_gradients(a)
    minimax, strong = found["minimax"], found["non_saturating"]
    G, D, curves = train_discriminator(seed)
    kept = {name: curves[name][-1] / max(curves[name]) for name in GENERATOR_LOSSES}
    ratio = np.abs(strong / minimax * d / (1 - d) - 1).max()
    one_z = max(abs(_ratio_for(G, D, z) - 1) for z in (-2.0, -1.0, 0.0, 1.0, 2.0))
    claims = [
        claim("d/da log(1 - D) = -D: largest error", np.abs(minimax + d).max(), "=", 0, 1e-14),
        claim("d/da -log D = D - 1: largest error", np.abs(strong - (d - 1)).max(), "=", 0, 1e-14),
        claim("their ratio is (1 - D) / D: largest relative error", ratio, "=", 0, 1e-10),
        claim("and so is that of G's gradients for one z: largest relative error", one_z, "=", 0, 1e-10),
        claim("D is sure: mean D(G(z)) after its training", curves["d_fake"][-1], "<=", 0.01),
        claim("minimax: norm of G's gradient at the end / at its largest", kept["minimax"], "<=", 0.1),
        claim("non-saturating: norm of G's gradient at the end / at its largest", kept["non_saturating"], ">=", 0.5),
    ]
    return {
        "statement": "Section 3: log(1 - D(G(z))) saturates",
        "settings": {"seed": seed, "steps": STEPS, "batch": BATCH, "data": [DATA_MEAN, DATA_STD]},
        "claims": claims,
        "curves": {
            "logit": {"a": a.tolist(), "D": d.tolist(), **{name: g.tolist() for name, g in found.items()}},
            "training": curves,
        },
    }


def draw(results: Results) -> Figure:
    """Left: the gradient with respect to the logit against D(G(z)). Right: that of G's parameters while D learns."""
    logit, training = results["curves"]["logit"], results["curves"]["training"]
    figure, (left, right) = panels(2)
    for name, colour, dash in (("minimax", pictures.D, "--"), ("non_saturating", pictures.GENERATED, "-")):
        label = {"minimax": "$\\log(1 - D)$", "non_saturating": "$-\\log D$"}[name]
        left.plot(logit["D"], np.abs(logit[name]), color=colour, linestyle=dash, label=label)
        right.plot(training["step"], training[name], color=colour, linestyle=dash, label=label)
    right.plot(training["step"], training["d_fake"], color=pictures.DATA, linestyle=":", label="mean $D(G(z))$")
    left.set(xlabel="$D(G(z))$", xscale="log", xlim=(1e-4, 1))
    left.set(ylabel="|d loss / d logit|", yscale="log", ylim=(1e-4, 2))
    right.set(xlabel="updates of D, G stays", ylabel="norm of G's gradient", yscale="log")
    for axes in (left, right):
        axes.legend(frameon=False, fontsize="small")
    return figure
