"""The paper's objectives, from logits: D(x) = sigmoid(a), log D = -softplus(-a), log(1 - D) = -softplus(a).

Goodfellow et al., 2014, section 3. ``a_real`` = logits of D at data, ``a_fake`` = logits at G(z), both (m, 1);
values in nats, averaged over the minibatch. Nothing here overflows or takes the logarithm of 0.
"""

from __future__ import annotations

from typing import Any

from minigrad import Tensor, ops


def value(a_real: Any, a_fake: Any) -> Tensor:
    """``V(D, G) = E_x[log D(x)] + E_z[log(1 - D(G(z)))]``; -log 4 where D = 1/2 everywhere."""
    return -(ops.softplus(-a_real).mean() + ops.softplus(a_fake).mean())


def discriminator_loss(a_real: Any, a_fake: Any, scale: float = 1.0) -> Tensor:
    """``-scale V(D, G)``, which D descends. The paper: scale 1; the released code: 1/2."""
    return -scale * value(a_real, a_fake)


def minimax_loss(a_fake: Any) -> Tensor:
    """``E_z[log(1 - D(G(z)))]``, which G descends in Algorithm 1. Flat where D is sure of itself."""
    return -ops.softplus(a_fake).mean()


def non_saturating_loss(a_fake: Any) -> Tensor:
    """``-E_z[log D(G(z))]``, which G descends in practice: the same fixed point, stronger gradients early."""
    return ops.softplus(-a_fake).mean()


GENERATOR_LOSSES = {"minimax": minimax_loss, "non_saturating": non_saturating_loss}


def optimal_discriminator(p_data: Any, p_g: Any) -> Any:
    """Proposition 1: ``D*(x) = p_data(x) / (p_data(x) + p_g(x))``, the best D for a fixed G."""
    return p_data / (p_data + p_g)
