"""Proposition 2: the gradients against hand-written ones, the descent against its closed form, rates that fail."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan.errors import UserError
from gan.theory import proposition2
from gan.theory.proposition2 import (
    central_differences,
    descend_in_function_space,
    descend_in_parameters,
    gradient_at_best_discriminator,
    gradient_of_supremum,
)

LOG4 = math.log(4)
seeds = st.integers(0, 10_000)


def c(p, q):
    """max_D V, for any positive q."""
    return (p * np.log(p / (p + q))).sum() + (q * np.log(q / (p + q))).sum()


def pair(seed, n=5):
    return np.random.default_rng(seed).dirichlet(np.ones(n), 2)


@pytest.fixture(scope="module")
def results():
    return proposition2.experiment()


def test_every_claim_holds(results):
    assert [c["says"] for c in results["claims"] if not c["holds"]] == []
    assert len(results["claims"]) == 3 * (3 + 1 + 3) + 1 + 5


@given(seeds)
def test_the_gradient_at_the_best_D(seed):
    p, q = pair(seed)
    expected = np.log(q / (p + q))  # log(1 - D*)
    np.testing.assert_allclose(gradient_at_best_discriminator(p, q), expected, atol=1e-12)
    np.testing.assert_allclose(gradient_of_supremum(p, q), expected, atol=1e-9)
    h = 1e-4 * q
    by_hand = [(c(p, q + e) - c(p, q - e)) / (2 * e.sum()) for e in np.diag(h)]
    np.testing.assert_allclose(central_differences(p, q), by_hand, atol=1e-9)
    np.testing.assert_allclose(by_hand, expected, atol=1e-5)


def test_a_D_that_is_not_best_has_another_gradient():
    """The envelope is a statement about the maximising D only."""
    p, q = pair(1)
    elsewhere = gradient_at_best_discriminator(p, np.roll(q, 1))
    assert np.abs(elsewhere - gradient_of_supremum(p, q)).max() > 0.1


@given(seeds)
def test_at_rate_1_a_step_is_half_the_way(seed):
    p, q = pair(seed)
    path = descend_in_function_space(p, q, 1.0, 8)
    np.testing.assert_allclose(path, [p + (q - p) / 2**t for t in range(9)], atol=1e-14)


@pytest.mark.parametrize("rate", [0.1, 0.3, 1.0])
def test_near_the_optimum_the_error_shrinks_by_1_minus_half_the_rate(rate):
    p, q = pair(2)
    path = descend_in_function_space(p, p + 1e-5 * (q - p), rate, 20)
    errors = np.abs(path - p).sum(axis=1)
    np.testing.assert_allclose(errors[1:] / errors[:-1], 1 - rate / 2, rtol=2e-3)


@given(seeds, st.sampled_from([0.2, 0.7, 1.0]))
def test_C_falls_at_every_step_up_to_rate_1(seed, rate):
    p, q = pair(seed)
    path = descend_in_function_space(p, q, rate, 30)
    assert np.diff([c(p, q) for q in path]).max() < 1e-14
    np.testing.assert_allclose(path.sum(axis=1), 1, rtol=1e-12)


def test_at_too_large_a_rate_it_rises():
    p, q = pair(3)  # 1 - rate / 2 = -1.5
    path = descend_in_function_space(p, p + 1e-3 * (q - p), 5.0, 8)
    assert np.diff([c(p, q) for q in path]).min() > 0


def test_from_a_corner_the_distribution_gets_out_and_the_parameters_stay(results):
    p = np.array(results["curves"]["p_data"])
    (start,) = (q for name, q in proposition2.starts(p, np.random.default_rng(0)).items() if "corner" in name)
    assert start.max() == pytest.approx(1 - 1e-6)
    assert start.argmax() == p.argmin()
    assert c(p, start) > -0.2
    runs = {(r["start"], r["space"], r["rate"]): r for r in results["curves"]["runs"]}
    assert runs["near a corner", "function", 0.3]["C"][-1] == pytest.approx(-LOG4, abs=1e-10)
    assert runs["near a corner", "parameters", 1.0]["C"][-1] > -0.3
    assert runs["near a corner", "parameters", 1.0]["C"][0] == runs["near a corner", "function", 1.0]["C"][0]


def test_descent_in_parameters_is_that_of_the_softmax():
    """dC/dtheta = q (g - q.g) with g = log(1 - D*)."""
    p, q = pair(4)
    theta, path = np.log(q), descend_in_parameters(p, q, 0.7, 12)
    for found in path:
        q = np.exp(theta) / np.exp(theta).sum()
        np.testing.assert_allclose(found, q, atol=1e-13)
        g = np.log(q / (p + q))
        theta = theta - 0.7 * q * (g - q @ g)
    assert np.ptp(np.abs(path - p).sum(axis=1)) > 0.01


def test_the_segment_touches_its_lines(results):
    curves = results["curves"]
    upper = np.max(curves["U_on_segment"], axis=0)
    assert (np.array(curves["C_on_segment"]) >= upper - 1e-12).all()
    for line, i in zip(curves["U_on_segment"], (5, 25, 50, 75, 95), strict=True):
        np.testing.assert_allclose(np.diff(line, 2), 0, atol=1e-12)
        assert line[i] == pytest.approx(curves["C_on_segment"][i], abs=1e-12)
    assert np.diff(curves["C_on_segment"], 2).min() > 0


def test_a_missing_point_gets_a_sentence():
    with pytest.raises(UserError, match="p_g must have mass on every point"):
        descend_in_function_space(np.array([0.5, 0.5]), np.array([1.0, 0.0]), 1.0)


def test_results_are_json_and_the_picture_is_drawn_from_it(results):
    loaded = json.loads(json.dumps(results, allow_nan=False))
    assert loaded == results
    figure = proposition2.draw(loaded)
    figure.canvas.draw()
    left, middle, right = figure.axes
    assert len(left.lines) == 5 + 1 + 2
    assert len(middle.lines) == 3 + 1
    ends = sorted(line.get_ydata()[-1] for line in right.lines)
    assert ends[1] < 1e-6 < 0.9 < ends[2]
