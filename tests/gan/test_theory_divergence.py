"""Theorem 1: the quadrature against SciPy's, golden values, and the ways in which it must be able to fail."""

import json
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.spatial.distance import jensenshannon

from gan import objectives
from gan.errors import UserError
from gan.theory import EXPERIMENTS, divergence
from gan.theory.claims import claim
from gan.theory.divergence import criterion, gaussian_masses, jsd, kl, optimal_logits, total_variation, value
from minigrad import Tensor, gradients

LOG4 = math.log(4)
C = {0: -1.3862943611, 0.5: -1.3256717601, 1: -1.1634513968, 2: -0.7126327204, 4: -0.1208539736}
JSD = {0: 0, 0.5: 0.0303113, 1: 0.1114215, 2: 0.3368308, 4: 0.6327202}
counts = st.integers(2, 6).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 9), min_size=n, max_size=n)] * 2))
counts = counts.filter(lambda drawn: all(map(sum, drawn)))


def masses(drawn):
    return [np.array(n) / sum(n) for n in drawn]


@pytest.fixture(scope="module")
def results():
    return divergence.experiment()


def test_every_claim_holds(results):
    assert [c["says"] for c in results["claims"] if not c["holds"]] == []
    assert len(results["claims"]) == 11


@pytest.mark.parametrize("mu", C)
def test_golden_values(mu):
    _, p, q = gaussian_masses(mu)
    assert criterion(p, q) == pytest.approx(C[mu], abs=1e-10)
    assert jsd(p, q) == pytest.approx(JSD[mu], abs=1e-7)
    assert criterion(p, q) == pytest.approx(-LOG4 + 2 * jsd(p, q), abs=1e-10)


@pytest.mark.parametrize("mu", [-3.0, 0.7, 4.0])
def test_the_quadrature_is_scipys(mu):
    def density(x, m):
        return math.exp(-((x - m) ** 2) / 2) / math.sqrt(2 * math.pi)

    def integral(f):
        return quad(f, -15, 15, epsabs=1e-11, epsrel=1e-11, limit=400, points=(0, mu))[0]

    def log_ratio(x):  # of N(0, 1) to N(mu, 1)
        return mu * mu / 2 - mu * x

    x, p, q = gaussian_masses(mu)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert q @ x == pytest.approx(mu, abs=1e-11)
    v = integral(
        lambda x: -density(x, 0) * np.logaddexp(0, -log_ratio(x)) - density(x, mu) * np.logaddexp(0, log_ratio(x))
    )
    assert criterion(p, q) == pytest.approx(v, abs=1e-10)
    assert kl(p, q) == pytest.approx(integral(lambda x: density(x, 0) * log_ratio(x)), abs=1e-10)
    assert total_variation(p, q) == pytest.approx(math.erf(abs(mu) / 2 / math.sqrt(2)), abs=1e-2)  # it has a kink


@given(counts)
def test_theorem_1_on_points(drawn):
    """Also where one or both have no mass."""
    p, q = masses(drawn)
    assert jsd(p, q) == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-12)
    assert criterion(p, q) == pytest.approx(-LOG4 + 2 * jsd(p, q), abs=1e-12)
    assert criterion(p, p) == pytest.approx(-LOG4, abs=1e-12)
    assert -1e-15 <= jsd(p, q) <= math.log(2) + 1e-15


@given(counts, st.integers(0, 1000))
def test_V_with_masses_is_V_of_as_many_points(drawn, seed):
    a = np.random.default_rng(seed).normal(size=len(drawn[0]))
    repeated = objectives.value(*(np.repeat(a, n) for n in drawn))
    p, q = masses(drawn)
    assert value(p, q, a) == pytest.approx(float(repeated), abs=1e-12)
    logits = Tensor(a, requires_grad=True)
    d = 1 / (1 + np.exp(-a))
    np.testing.assert_allclose(gradients(value(p, q, logits), logits).data, p * (1 - d) - q * d, atol=1e-14)


@given(counts, st.integers(0, 1000))
def test_no_other_D_does_better(drawn, seed):
    p, q = masses(drawn)
    other = np.random.default_rng(seed).normal(size=len(p), scale=5)
    assert value(p, q, other) <= criterion(p, q) + 1e-12


def test_what_has_no_mass_is_left_out():
    p, q = np.array([0.5, 0.5, 0, 0]), np.array([0, 0.5, 0.5, 0])
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        a = optimal_logits(p, q)
        assert a[:3].tolist() == [math.inf, 0, -math.inf]
        assert np.isnan(a[3])
        assert value(p, q, a) == pytest.approx(-math.log(2), rel=1e-15)
        assert kl(p, q) == math.inf
        assert jsd(p, q) == pytest.approx(math.log(2) / 2, rel=1e-15)


def test_a_wrong_D_is_noticed(monkeypatch):
    monkeypatch.setattr(divergence, "optimal_logits", lambda p, q: 1.001 * optimal_logits(p, q))
    broken = divergence.experiment(mus=(1.0, 2.0), pairs=20)
    wrong = [c["says"] for c in broken["claims"] if not c["holds"]]
    assert any("N(1, 1)" in says for says in wrong)
    assert any("on points" in says for says in wrong)
    assert any("no other D" in says for says in wrong)


@pytest.mark.parametrize(
    ("p", "q", "words"),
    [
        ([0.5, 0.5], [1.0], "arrays of one shape"),
        ([[1.0]], [[1.0]], "arrays of one shape"),
        ([0.5, 0.6], [0.5, 0.5], "sum to 1, and sum to 1.1"),
        ([0.5, 0.5], [1.5, -0.5], "smallest of -0.5"),
        ([0.5, 0.5], [math.nan, 0.5], "sum to nan"),
    ],
)
def test_what_are_no_masses_get_a_sentence(p, q, words):
    for f in (kl, jsd, criterion):
        with pytest.raises(UserError, match=words):
            f(np.array(p), np.array(q))


@pytest.mark.parametrize("mu", [21, math.nan])
def test_a_mu_that_is_too_far_gets_a_sentence(mu):
    with pytest.raises(UserError, match="mu is"):
        gaussian_masses(mu)


# claims


@pytest.mark.parametrize(
    ("measured", "relation", "theory", "tolerance", "holds"),
    [
        (1.0, "=", 1.0, 0.0, True),
        (1.1, "=", 1.0, 0.05, False),
        (0.9, "=", 1.0, 0.05, False),
        (0.9, "<=", 1.0, 0.0, True),
        (1.1, "<=", 1.0, 0.05, False),
        (1.1, "<=", 1.0, 0.2, True),
        (1.1, ">=", 1.0, 0.0, True),
        (0.9, ">=", 1.0, 0.05, False),
        (math.nan, "=", 1.0, 9.0, False),
        (math.nan, "<=", 1.0, 9.0, False),
        (math.nan, ">=", 1.0, 9.0, False),
    ],
)
def test_claims_compare(measured, relation, theory, tolerance, holds):
    made = claim("x", np.float64(measured), relation, theory, tolerance)
    assert made["holds"] is holds
    assert type(made["measured"]) is float


def test_an_unknown_relation_gets_a_sentence():
    with pytest.raises(UserError, match="relation is '<'; choose"):
        claim("x", 1.0, "<", 1.0)


# what all experiments share


def test_the_experiments_are_those_of_the_package():
    assert list(EXPERIMENTS) == ["divergence", "proposition1", "proposition2", "saturation", "dirac"]
    for module in EXPERIMENTS.values():
        assert callable(module.experiment)
        assert callable(module.draw)


def test_results_are_json_and_the_picture_is_drawn_from_it(results):
    saved = json.dumps(results, allow_nan=False)
    assert results.keys() == {"statement", "settings", "claims", "curves"}
    assert json.dumps(divergence.experiment(), allow_nan=False) == saved
    figure = divergence.draw(json.loads(saved))
    figure.canvas.draw()
    left, middle, right = figure.axes
    assert [len(axes.lines) for axes in (left, middle, right)] == [3, 3, 2]
    curve, points = middle.lines[:2]
    np.testing.assert_allclose(points.get_ydata(), list(C.values()), atol=1e-9)
    assert min(curve.get_ydata()) == pytest.approx(-LOG4, abs=1e-10)
    for line in right.lines:
        e, v = line.get_data()
        assert e[np.argmax(v)] == pytest.approx(0, abs=1e-12)
