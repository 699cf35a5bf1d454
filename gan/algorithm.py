"""Algorithm 1 of "Generative Adversarial Nets" (Goodfellow et al., 2014), and what its released code does instead.

`alternating` is the algorithm as printed. `simultaneous` is the released code: one minibatch, one pass of noise and
dropout masks for both players, both gradients taken at the same parameters before either player moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad import Tensor, gradients, no_grad
from minigrad.diagnosis import first_nonfinite
from minigrad.nn import Module
from minigrad.optim import Optimizer

from .objectives import discriminator_loss

Array = Any


@dataclass
class Game:
    """The two players, how they move, and where x and z come from."""

    G: Module
    D: Module  # x -> logit of D(x)
    optimizer_G: Optimizer
    optimizer_D: Optimizer
    data: Iterator[Array]  # minibatches x of m examples
    noise: Callable[[], Array]  # minibatches z of m samples of p_z
    generator_loss: Callable[[Tensor], Tensor]  # one of objectives.GENERATOR_LOSSES
    discriminator_scale: float = 1.0  # the factor of V in D's loss


@dataclass(frozen=True)
class Losses:
    """One iteration's losses, with their graphs' logits, as Tensors."""

    d_loss: Tensor
    g_loss: Tensor
    a_real: Tensor  # logits of D(x)
    a_fake: Tensor  # logits of D(G(z)) in D's last update


def alternating(game: Game, k: int = 1) -> Losses:
    """One iteration of Algorithm 1: k updates of D, then one of G."""
    G, D = game.G, game.D
    for _ in range(k):
        z = game.noise()
        x = next(game.data)
        with no_grad():
            fake = G(z)  # D's gradient does not flow into G
        a_real, a_fake = D(x), D(fake)
        d_loss = discriminator_loss(a_real, a_fake, game.discriminator_scale)
        descend(d_loss, game.optimizer_D)
    z = game.noise()
    g_loss = game.generator_loss(D(G(z)))
    descend(g_loss, game.optimizer_G)
    return Losses(d_loss, g_loss, a_real, a_fake)


def simultaneous(game: Game) -> Losses:
    """One update of the released code: both players, from one minibatch."""
    G, D = game.G, game.D
    z = game.noise()
    x = next(game.data)
    fake = G(z)
    a_real, a_fake = D(x), D(fake)
    d_loss = discriminator_loss(a_real, a_fake, game.discriminator_scale)
    g_loss = game.generator_loss(a_fake)
    check(d_loss)
    check(g_loss)
    step_d = gradients(d_loss, game.optimizer_D.parameters(), retain_graph=True)
    game.optimizer_G.minimize(g_loss)  # through D as it was: D has its gradients, and moves after G
    game.optimizer_D.step(step_d)
    return Losses(d_loss, g_loss, a_real, a_fake)


def descend(loss: Tensor, optimizer: Optimizer) -> None:
    """Move one player against the gradient of its loss. The other stays: its parameters are not even visited."""
    check(loss)
    optimizer.minimize(loss)


def check(loss: Tensor) -> None:
    """FloatingPointError if the loss is nan or infinite."""
    if not np.isfinite(loss.item()):
        raise FloatingPointError(f"the loss is {loss.item()}: {first_nonfinite(loss)}")
