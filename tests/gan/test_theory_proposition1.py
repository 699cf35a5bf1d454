"""Proposition 1: what is trained, what is measured, and the gauge that cannot exceed the JSD on held-out data."""

import json
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit

from gan.errors import UserError
from gan.theory import proposition1
from gan.theory.divergence import gaussian_masses, jsd
from gan.theory.proposition1 import held_out_gauge, logits, network, train_network, train_table
from minigrad import Generator, no_grad

LOG4 = math.log(4)


@pytest.fixture(scope="module")
def results():
    return proposition1.experiment(mus=(1.0, 2.0))


def test_every_claim_holds(results):
    assert [c["says"] for c in results["claims"] if not c["holds"]] == []
    assert len(results["claims"]) == 3 + 4 * 5


def test_the_table_is_trained_by_gradient_ascent_on_V():
    """The closed form: dV/da = p (1 - D) - q D."""
    record = train_table(seed=3)
    p, q = np.array(record["p_data"]), np.array(record["p_g"])
    a = np.zeros(len(p))
    best = p / (p + q)
    for i in range(proposition1.TABLE_STEPS + 1):
        d = expit(a)
        assert record["V"][i] == pytest.approx(p @ np.log(d) + q @ np.log(1 - d), abs=1e-12)
        assert record["mean_error"][i] == pytest.approx((p + q) @ np.abs(d - best) / 2, abs=1e-12)
        assert record["largest_error"][i] == pytest.approx(np.abs(d - best).max(), abs=1e-12)
        a += proposition1.TABLE_RATE * (p * (1 - d) - q * d)
    assert record["V"][0] == pytest.approx(-LOG4, abs=1e-14)
    middle = (p + q) / 2
    divergence = (p @ np.log(p / middle) + q @ np.log(q / middle)) / 2
    assert record["V"][-1] == pytest.approx(-LOG4 + 2 * divergence, abs=1e-12)
    assert record["largest_error"][-1] < 1e-8 < 1e-2 < record["largest_error"][0]


@pytest.mark.parametrize("family", proposition1.FAMILIES)
def test_the_measures_of_a_network_are_those_of_scipy(family, monkeypatch):
    """At step 0 the network can be made again, and its errors integrated."""
    monkeypatch.setattr(proposition1, "STEPS", 1)
    mu = 1.5
    record = train_network(mu, family, Generator(4))
    net = network(family, Generator(4).split(4)[0])

    def a(x):
        return float(logits(net, np.array([x]))[0])

    def p(x):
        return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    def integral(f):
        return quad(f, -8, 10, epsabs=1e-9, limit=200)[0]

    def error(x):
        return abs(expit(a(x)) - expit(mu * mu / 2 - mu * x))

    v = integral(lambda x: -p(x) * np.logaddexp(0, -a(x)) - p(x - mu) * np.logaddexp(0, a(x)))
    assert record["V"][0] == pytest.approx(v, abs=1e-7)
    assert record["mean_error"][0] == pytest.approx(integral(lambda x: (p(x) + p(x - mu)) / 2 * error(x)), abs=1e-3)
    seen = np.linspace(-2, mu + 2, 500)
    assert record["largest_error"][0] == pytest.approx(max(map(error, seen)), abs=0.01)
    assert record["step"] == [0]


def test_the_families():
    assert sum(p.data.size for p in network("affine", Generator(0)).parameters()) == 2
    assert sum(p.data.size for p in network("perceptron", Generator(0)).parameters()) == 16 + 16 + 16 + 1
    with pytest.raises(UserError, match="family is 'cubic'; choose affine or perceptron"):
        network("cubic", Generator(0))


# the gauge


def affine(slope, bias):
    net = network("affine", Generator(0))
    with no_grad():
        net[0].weight.copy_(np.array([[slope]]))
        net[0].bias.copy_(np.array([bias]))
    return net


@pytest.mark.parametrize("mu", [0.5, 1.0, 2.0, 4.0])
def test_at_D_star_the_gauge_is_the_JSD(mu):
    """Twenty readings: unbiased, and its standard error is the spread that they have."""
    true = jsd(*gaussian_masses(mu)[1:])
    best = affine(-mu, mu * mu / 2)
    readings = [held_out_gauge(best, mu, rng, n=4000) for rng in Generator(5).split(20)]
    z = np.array([(r.jsd - true) / r.standard_error for r in readings])
    assert abs(z.mean()) < 4 / math.sqrt(20)
    assert 0.6 < z.std(ddof=1) < 1.6  # 0.6 and 1.5: one in a thousand each


@pytest.mark.parametrize(("slope", "bias"), [(0.0, 0.0), (-1.0, 0.0), (-6.0, 6.0), (2.0, -2.0)])
def test_with_any_other_D_the_gauge_is_below(slope, bias):
    true = jsd(*gaussian_masses(2.0)[1:])
    found = held_out_gauge(affine(slope, bias), 2.0, Generator(6))
    assert found.jsd < true - 4 * found.standard_error


def test_trained_networks_find_the_JSD(results):
    """Trained on some draws, read off others."""
    for r in results["curves"]["networks"]:
        true = {1.0: 0.1114215, 2.0: 0.3368308}[r["mu"]]
        assert r["gauge_error"] < 0.003
        assert abs(r["gauge"] - true) < 4 * r["gauge_error"]
        assert r["gauge"] == pytest.approx(math.log(2) - r["d_loss"])
        assert r["mean_error"][-1] < 0.01 < 0.05 < r["mean_error"][0]
        assert r["largest_error"][-1] < 0.05


def test_the_held_out_draws_are_not_those_of_training(monkeypatch):
    """A D that has its training data by heart sees more than the JSD on them."""
    drawn = []
    gaussian = proposition1.gaussian
    monkeypatch.setattr(proposition1, "STEPS", 5)
    monkeypatch.setattr(proposition1, "gaussian", lambda *args: drawn.append(gaussian(*args)) or drawn[-1])
    train_network(1.0, "affine", Generator(0))
    *trained, held_out_data, held_out_samples = (set(x[:, 0]) for x in drawn)
    assert len(trained) == 2 * 5
    assert len(held_out_data | held_out_samples | set().union(*trained)) == sum(map(len, drawn))
    assert len(held_out_data) == len(held_out_samples) == proposition1.HELD_OUT


def test_results_are_json_and_the_picture_is_drawn_from_it(results):
    loaded = json.loads(json.dumps(results, allow_nan=False))
    assert loaded == results
    figure = proposition1.draw(loaded)
    figure.canvas.draw()
    left, middle, right = figure.axes
    assert len(left.lines) == len(middle.lines) == 3
    np.testing.assert_array_equal(left.lines[1].get_ydata(), results["curves"]["networks"][2]["mean_error"])
    readings = [line.get_ydata() for line in right.lines if line.get_marker() in ("s", "o")]
    gauges = [[r["gauge"] for r in results["curves"]["networks"] if r["family"] == f] for f in proposition1.FAMILIES]
    np.testing.assert_array_equal(readings, gauges)
