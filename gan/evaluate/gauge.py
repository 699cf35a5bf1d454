"""What D's loss says about G: a lower bound of the Jensen-Shannon divergence between p_data and p_g.

No D does better than D* of Proposition 1, and by Theorem 1 ``V(D*, G) = -log 4 + 2 JSD(p_data || p_g)``. So for any D

    JSD(p_data || p_g) >= ln 2 - d_loss,        d_loss = -V(D, G) / 2        [nats]

with equality at D*. The expectation behind d_loss is over examples and noise that D was not trained on, with dropout
off: on its own training data D can seem better than D*, and the bound would be none. A JSD is at most ln 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError

Logits = NDArray[np.floating[Any]]

LN2 = math.log(2)
ERRORS = 3
"""A difference is told from noise where it exceeds so many standard errors."""
CLIPPED = {
    -math.log(1e-7): "-ln 1e-7, where Keras clips probabilities",
    -math.log(1e-8): "-ln 1e-8, an epsilon often put inside the logarithm",
    -math.log(1e-12): "-ln 1e-12, an epsilon often put inside the logarithm",
    100.0: "100, where PyTorch's BCELoss clips logarithms",
}
"""Losses of one term that say no more than that probabilities reached 0 or 1 and were clipped."""


@dataclass(frozen=True)
class Gauge:
    """One reading, in nats.

    d_loss          -V(D, G) / 2 on held-out examples and samples: ln 2 where D cannot tell them apart
    jsd             ln 2 - d_loss, at most JSD(p_data || p_g) in expectation; below 0 where D is worse than a coin
    standard_error  of both, from the spread over examples and over samples
    """

    d_loss: float
    jsd: float
    standard_error: float

    def __str__(self) -> str:
        return f"JSD >= {self.jsd:.3f} ± {self.standard_error:.3f}"


def gauge(a_real: Logits, a_fake: Logits) -> Gauge:
    """The bound from D's logits at n held-out examples and at m samples: arrays of n and m numbers, of any shape.

    standard_error = 1/2 sqrt(var(log D(x)) / n + var(log(1 - D(G(z)))) / m). UserError below two logits of a kind, or
    where one is not finite.
    """
    terms = []
    for name, logits, sign in (("a_real", a_real, -1.0), ("a_fake", a_fake, 1.0)):
        a = np.asarray(logits, dtype=np.float64).ravel()
        bad = int((~np.isfinite(a)).sum())
        if len(a) < 2 or bad:
            raise UserError(
                f"{name} must hold two or more finite logits, and {bad} of {len(a)} are nan or infinite: "
                "the training diverged, or there are no held-out examples"
            )
        terms.append(np.logaddexp(0, sign * a))  # -log D(x), -log(1 - D(G(z)))
    d_loss = float(sum(t.mean() for t in terms)) / 2
    error = math.sqrt(sum(t.var(ddof=1) / len(t) for t in terms)) / 2
    return Gauge(d_loss, LN2 - d_loss, error)


def reading(d_loss: float, standard_error: float = 0.0) -> str:
    """What a ``d_loss = -V / 2`` in nats means, in words; also one that clipped probabilities have made a constant."""
    for loss, where in CLIPPED.items():
        if any(math.isclose(d_loss, part * loss, rel_tol=1e-3) for part in (0.5, 1)):
            return f"a constant, {where}: it measures no divergence; compute the loss from logits"
    slack = max(ERRORS * standard_error, 1e-3)
    if d_loss > LN2 + slack:
        return "D is worse than a coin on held-out examples: the bound says nothing"
    if d_loss >= LN2 - slack:
        return "D cannot tell samples from data: it shows no divergence"
    if d_loss < 1e-3:
        return "D tells every sample from data: the divergence is at its largest, ln 2, as far as D sees"
    return f"p_g differs from p_data by a JSD of {LN2 - d_loss:.3f} nats or more, of at most ln 2 = {LN2:.3f}"
