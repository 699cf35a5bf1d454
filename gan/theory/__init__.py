"""The paper's theoretical results (section 4) as experiments on this engine; and what section 3 says of gradients.

Each module has ``experiment(...)``, which returns what JSON can hold, and ``draw(results)``, which draws it:

    divergence     Theorem 1: ``V(D*, G) = -log 4 + 2 JSD``, and no D does better than D*
    proposition1   D, trained while G stays, becomes D*; its loss on held-out data measures the JSD
    proposition2   with D = D* at every step, descent in the space of p_g ends in p_data
    saturation     the two gradients of G where D is sure of itself (section 3)
    dirac          what neither covers: both players moving at once, in the smallest GAN (Mescheder et al., 2018)

Results are ``{"statement", "settings", "claims", "curves"}``. A claim (gan/theory/claims.py) is one comparison of a
number with what the theory says. Everything is float64; divergences and values are in nats.
"""

from types import ModuleType

from . import dirac, divergence, proposition1, proposition2, saturation

EXPERIMENTS: dict[str, ModuleType] = {
    "divergence": divergence,
    "proposition1": proposition1,
    "proposition2": proposition2,
    "saturation": saturation,
    "dirac": dirac,
}
"""Sections 4.1, 4.2 and 3 of the paper, and beside it."""

__all__ = ["EXPERIMENTS"]
