"""Differences know where they know nothing: bars cover kinks, and stay narrow beside them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad.testing import arrays, away_from_kinks, is_smooth
from minigrad.testing.differences import along, complex_step
from minigrad.testing.kinks import bar_of, derivative


def norm(x):
    return mg.sqrt((x * x).sum())


KINKED = {
    "relu at 0": (mg.relu, [0.0]),
    "relu beside 0": (mg.relu, [1e-9, 1.0]),
    "abs": (mg.abs, [1.0, 0.0]),
    "ties": (mg.amax, [2.0, 2.0]),
    "clip": (lambda x: mg.clip(x, -1.0, 1.0), [1.0]),
    "norm at 0": (norm, [0.0, 0.0]),
    "sqrt at 0": (mg.sqrt, [0.0]),
    "sqrt near 0": (mg.sqrt, [1e-7]),
    "a jump": (lambda x: mg.where(x > 0, x + 1, x), [0.0]),
    "log of a negative number": (lambda x: mg.sqrt(x), [-1.0]),
}
SMOOTH = {
    "relu": (mg.relu, [-1.0, 0.01, 5.0]),
    "ties apart": (mg.amax, [2.0, 1.99]),
    "norm": (norm, [0.0, 1.0]),
    "sqrt": (mg.sqrt, [0.01, 9.0]),
    "exp": (lambda x: mg.exp(x), [-20.0, 0.0, 20.0]),
    "constant": (lambda x: 0 * x, [0.0]),
}


@pytest.mark.parametrize("name", KINKED)
def test_a_kink_is_seen(name):
    fn, x = KINKED[name]
    assert not is_smooth(fn, [np.array(x)])


@pytest.mark.parametrize("name", SMOOTH)
def test_a_smooth_point_is_not_taken_for_one(name):
    fn, x = SMOOTH[name]
    assert is_smooth(fn, [np.array(x)])


@settings(max_examples=200, derandomize=True)
@given(st.floats(-16, 0).map(lambda e: 10**e) | st.just(0.0), st.floats(-3, 3), st.floats(-3, 3))
def test_the_bar_covers_a_kink_at_any_distance(distance, left, right):
    """Whatever rule holds on the side that x is on."""
    f = lambda t: np.where(t > 0, right * t, left * t)
    x = np.array(distance)
    value, bar = derivative(f, x, np.ones(()), f(x), unit=True)
    assert abs(value - (right if distance else left)) <= 1.01 * bar + 1e-13


@settings(max_examples=100, derandomize=True)
@given(st.floats(-4, 4))
def test_the_bar_covers_the_error_of_smooth_functions(x):
    for f, slope in ((np.exp, np.exp), (np.tanh, lambda x: 1 - np.tanh(x) ** 2), (lambda x: x**5, lambda x: 5 * x**4)):
        numeric = along(f, np.array(x), np.ones(()), middle=f(x), unit=True)
        assert abs(numeric.value - slope(x)) <= bar_of(numeric)
        assert bar_of(numeric) <= 1e-8 * (1 + abs(slope(x)) + abs(f(x)))


def test_the_complex_step_is_exact_and_knows_its_limits():
    x = np.array([0.3, 1.5])
    np.testing.assert_allclose(complex_step(np.exp, x, np.array([1.0, 0.0])), [np.exp(0.3), 0], rtol=1e-15)
    assert complex_step(np.abs, x, np.ones(2)) is None
    assert complex_step(lambda a: a.real * 2, x, np.ones(2)) is None
    assert complex_step(lambda a: a.astype("no dtype"), x, np.ones(2)) is None


@settings(max_examples=30, derandomize=True, suppress_health_check=list(HealthCheck))
@given(away_from_kinks(mg.relu, arrays((2,))), away_from_kinks(mg.maximum, [arrays((2,)), arrays((2,))]))
def test_away_from_kinks(x, pair):
    assert (np.abs(x) > 1e-6).all()
    assert isinstance(pair, tuple)
    assert (pair[0] != pair[1]).all()
