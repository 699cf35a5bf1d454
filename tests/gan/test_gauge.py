"""The JSD gauge: its formula, its limits, its error against repeated draws, and what it says in words."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gan.errors import UserError
from gan.evaluate.gauge import Gauge, gauge, reading

LN2 = math.log(2)
logits = hnp.arrays(np.float64, st.integers(2, 20), elements=st.floats(-50, 50))


def exact(a_real, a_fake):
    """``ln 2 + (mean ln D(x) + mean ln(1 - D(G(z)))) / 2`` with forty digits."""
    with localcontext() as context:
        context.prec = 40
        one = Decimal(1)
        real = [(one / (one + (-Decimal(a)).exp())).ln() for a in a_real.tolist()]
        fake = [(one / (one + Decimal(a).exp())).ln() for a in a_fake.tolist()]
        return float(Decimal(2).ln() + (sum(real) / len(real) + sum(fake) / len(fake)) / 2)


@given(logits, logits)
def test_the_bound_is_ln_2_and_half_of_V(a_real, a_fake):
    g = gauge(a_real, a_fake)
    assert g.jsd == pytest.approx(exact(a_real, a_fake), rel=1e-12, abs=1e-13)
    assert g.d_loss == pytest.approx(LN2 - g.jsd, abs=1e-12)
    assert g.jsd <= LN2 + 1e-12
    assert gauge(a_real[:, None].astype(np.float32), a_fake.astype(np.float32)).jsd == pytest.approx(g.jsd, abs=1e-4)


def test_a_coin_shows_nothing_and_certainty_everything():
    assert gauge(np.zeros(5), np.zeros(9)) == Gauge(LN2, 0, 0)
    sure = gauge(np.full(5, 1e4), np.full(5, -1e4))
    assert (sure.d_loss, sure.jsd) == (0, LN2)
    assert gauge(np.full(5, -1e4), np.full(5, 1e4)).d_loss == 1e4  # nothing is clipped


def test_the_standard_error_is_that_of_repeated_draws():
    rng = np.random.default_rng(0)
    readings = [gauge(rng.normal(1, 2, 200), rng.normal(-0.5, 1, 50)) for _ in range(4000)]
    spread = np.std([g.jsd for g in readings])
    assert np.mean([g.standard_error for g in readings]) == pytest.approx(spread, rel=0.05)


@pytest.mark.parametrize("bad", [np.array([1.0]), np.array([]), np.array([0, np.nan, 1]), np.array([0, -np.inf])])
def test_what_cannot_be_read(bad):
    with pytest.raises(UserError, match="a_real must hold two or more finite logits"):
        gauge(bad, np.zeros(3))
    with pytest.raises(UserError, match="a_fake must hold two or more finite logits"):
        gauge(np.zeros(3), bad)


@pytest.mark.parametrize(
    ("d_loss", "error", "said"),
    [
        (LN2, 0, "cannot tell"),
        (LN2 + 0.01, 0.005, "cannot tell"),  # two standard errors
        (LN2 + 1e-9, 0, "cannot tell"),
        (LN2 + 0.02, 0.005, "worse than a coin"),
        (LN2 - 0.02, 0.005, "differs from p_data by a JSD of 0.020"),
        (0.4, 0, "differs from p_data by a JSD of 0.293"),
        (1e-6, 0, "every sample"),
        (2.0, 0, "worse than a coin"),
    ],
)
def test_in_words(d_loss, error, said):
    assert said in reading(d_loss, error)


@pytest.mark.parametrize("eps", [1e-7, 1e-8, 1e-12])
@pytest.mark.parametrize("wrong", [(True, True), (True, False)])
def test_clipped_probabilities_are_recognised(eps, wrong):
    """A D that is entirely wrong, about all or about one kind, its probabilities clipped to [eps, 1 - eps]."""
    p_real, p_fake = (np.clip(float(w), eps, 1 - eps) for w in (not wrong[0], wrong[1]))
    assert "a constant" in reading(-(math.log(p_real) + math.log(1 - p_fake)) / 2)


def test_clipped_logarithms_are_recognised():
    torch = pytest.importorskip("torch", reason="the oracle, of the extra [test]")
    d_loss = torch.nn.BCELoss()(torch.zeros(4, 1), torch.ones(4, 1)).item()
    assert "a constant" in reading(d_loss)
    assert "a constant" in reading(d_loss / 2)
