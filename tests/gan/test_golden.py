"""Numbers known beforehand: the losses of fixed logits, D* and the Jensen-Shannon divergence of two Gaussians.

More of them stand with what they belong to: Parzen windows and the grid of sigmas in test_parzen.py, C(G) and -log 4
in test_objectives.py, the released schedule and the numbers of parameters in test_settings.py.
"""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from gan import objectives as o
from minigrad import Tensor

REAL = ["-5.0", "1.4", "12.5", "2.7"]  # logits of D at data
FAKE = ["10.0", "4.4", "-5.5", "3.6"]  # and at samples


def mean(terms):
    return sum(terms) / len(terms)


def log_D(a):
    return -(1 + (-Decimal(a)).exp()).ln()


def log_not_D(a):
    return -(1 + Decimal(a).exp()).ln()


with localcontext(prec=40):
    SURE_OF_DATA, SURE_OF_SAMPLES = mean([*map(log_D, REAL)]), mean([*map(log_not_D, FAKE)])
    LOSSES = {  # by decimal arithmetic from the formulas, its first digits, and what is tested
        "V": (SURE_OF_DATA + SURE_OF_SAMPLES, "-5.8338658917", o.value),
        "D, scale 1": (-(SURE_OF_DATA + SURE_OF_SAMPLES), "5.8338658917", o.discriminator_loss),
        "D, scale 1/2": (
            -(SURE_OF_DATA + SURE_OF_SAMPLES) / 2,
            "2.9169329458",
            lambda real, fake: o.discriminator_loss(real, fake, 0.5),
        ),
        "G, minimax": (SURE_OF_SAMPLES, "-4.5108208799", lambda real, fake: o.minimax_loss(fake)),
        "G, non-saturating": (
            -mean([*map(log_D, FAKE)]),
            "1.3858208799",
            lambda real, fake: o.non_saturating_loss(fake),
        ),
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_fixed_logits(name, dtype):
    exact, digits, loss = LOSSES[name]
    assert round(exact, 10) == Decimal(digits)
    got = loss(*(Tensor(np.array(logits, dtype)[:, None]) for logits in (REAL, FAKE)))
    assert got.dtype == dtype
    assert got.item() == pytest.approx(float(exact), rel=float(4 * np.finfo(dtype).eps))


def test_losses_at_equilibrium():
    half = Tensor(np.zeros((7, 1)))  # logits of 1/2
    assert o.minimax_loss(half).item() == pytest.approx(-math.log(2), rel=1e-15)
    assert o.non_saturating_loss(half).item() == pytest.approx(math.log(2), rel=1e-15)


@pytest.mark.parametrize(("mu_data", "mu_g"), [(0.0, 1.0), (1.0, -1.0), (-2.0, 0.5), (3.0, 3.0)])
def test_the_best_discriminator_of_two_gaussians_is_a_sigmoid(mu_data, mu_g):
    x = np.linspace(-6, 6, 25)
    best = o.optimal_discriminator(norm.pdf(x, mu_data), norm.pdf(x, mu_g))
    logit = (mu_data - mu_g) * x + (mu_g**2 - mu_data**2) / 2
    np.testing.assert_allclose(best, 1 / (1 + np.exp(-logit)), rtol=1e-12)


def test_the_best_discriminator_at_a_point():
    assert o.optimal_discriminator(norm.pdf(0.5, 1), norm.pdf(0.5, -1)) == pytest.approx(0.7310585786, abs=1e-10)


@pytest.mark.parametrize(
    ("mu", "jsd"), {0.0: 0.0, 0.5: 0.0303113, 1.0: 0.1114215, 2.0: 0.3368308, 4.0: 0.6327202}.items()
)
def test_jensen_shannon_divergence_of_two_gaussians(mu, jsd):
    """Of N(0, 1) and N(mu, 1), by its definition and as (max_D V + log 4) / 2: theorem 1."""

    def densities(x):
        return [math.exp(-((x - m) ** 2) / 2) / math.sqrt(2 * math.pi) for m in (0.0, mu)]

    def divergence(x):
        p, q = densities(x)
        return (p * math.log(2 * p / (p + q)) + q * math.log(2 * q / (p + q))) / 2

    def value_at_best(x):
        p, q = densities(x)
        return p * math.log(o.optimal_discriminator(p, q)) + q * math.log(o.optimal_discriminator(q, p))

    integral, c = (quad(f, -12, 16, points=[0.0, mu], epsabs=1e-12)[0] for f in (divergence, value_at_best))
    assert integral == pytest.approx(jsd, abs=5e-8)
    assert (c + math.log(4)) / 2 == pytest.approx(integral, abs=1e-11)
