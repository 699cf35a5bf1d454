"""Ratios and their intervals on data whose answer is known."""

import numpy as np
import pytest

from benchmarks.stats import Ratio, ratio


def test_a_constant_ratio_has_no_width_whatever_the_drift():
    drift = np.linspace(1, 5, 15)  # the machine slows down: both peers alike
    found = ratio(list(0.25 * drift), list(drift))
    assert (found.median, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))


def test_the_interval_covers_the_median_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        found = ratio(list(rng.lognormal(np.log(0.5), 0.1, 25)), [1.0] * 25)
        covered += found.low <= 0.5 <= found.high
    assert covered >= 180  # 95%, less what 200 trials and a bootstrap of 25 leave


def test_the_median_forgives_one_disturbed_round():
    found = ratio([1.0] * 9 + [100.0], [2.0] * 10)
    assert found.median == found.high == 0.5


def test_same_data_same_interval():
    ours, theirs = np.random.default_rng(1).random((2, 11)) + 1
    assert ratio(list(ours), list(theirs)) == ratio(list(ours), list(theirs))


def test_text():
    assert str(Ratio(0.5, 0.4, 0.625)) == "0.50 [0.40, 0.62]"
