"""The birthday test: by hand, by brute force, and on supports of known size."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan.errors import UserError
from gan.evaluate import parzen
from gan.evaluate.birthday import QUANTILE, _median, birthday, closest_pairs, repeats


def rng(seed=0):
    return np.random.default_rng(seed)


def column(*values):
    return np.array(values, dtype=np.float64)[:, None]


def planted(n_draws, probabilities, seed=0, noise=1e-3):
    """Draws from a discrete distribution on points far apart, each with a little noise."""
    random = rng(seed)
    points = random.random((len(probabilities), 20))
    rows = random.choice(len(probabilities), n_draws, p=probabilities)
    return points[rows] + random.normal(0, noise, (n_draws, 20))


def naive(points, threshold):
    """(pairs, lengths of the finished runs, what is left), pair by pair and point by point."""
    same = [[((a - b) ** 2).sum() <= threshold for a in points] for b in points]
    pairs = sum(same[i][j] for i in range(len(points)) for j in range(i))
    lengths, run = [], []
    for i in range(len(points)):
        run.append(i)
        if any(same[i][j] for j in run[:-1]):
            lengths.append(len(run))
            run = []
    return pairs, lengths, len(run)


# by hand


def test_a_line_by_hand():
    # runs: 0 5 9 5.1 | 7 1 7 | 7 2 3.5 and the end
    result = repeats(column(0, 5, 9, 5.1, 7, 1, 7, 7, 2, 3.5), 0.02)
    assert result.runs == 2
    assert result.pairs == 4  # 5 and 5.1, three of 7
    assert result.batch_size == 4  # after 3 one run in three ended: the last is longer than 3
    assert result.support == pytest.approx(4 * 3 / (2 * math.log(2)))
    assert result.support_error == pytest.approx(result.support / math.log(2) / math.sqrt(2))
    assert result.pair_support == 90 / 8
    assert (result.n, result.at_least) == (10, False)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.pairs = 0


def test_without_a_duplicate_there_is_a_lower_bound():
    result = repeats(np.arange(30.0)[:, None], 0.9)
    assert (result.at_least, result.batch_size, result.runs, result.pairs) == (True, 30, 0, 0)
    assert result.support == pytest.approx(30 * 29 / (2 * math.log(2)))
    assert result.support_error is None
    assert result.pair_support is None


@pytest.mark.parametrize(
    ("lengths", "rest", "median"),
    [
        ([5], 0, 5),
        ([5], 100, 5),  # one of two
        ([5, 7], 3, 5),
        ([5, 7], 6, 7),  # one in three ended at 5, and then the last left
        ([5, 7], 9, 7),
        ([2, 3, 4, 9], 0, 3),
        ([2, 3, 4, 9], 3, 4),  # 4/5 and 3/4 of that: .6 at 3
        ([2, 2, 2, 2], 1, 2),
    ],
)
def test_the_unfinished_run_counts_as_long_as_it_is_known_to_be(lengths, rest, median):
    assert _median(np.array(lengths), rest) == median


def test_twenty_three_people():
    sizes = np.arange(2, 100)
    unique = np.cumprod(1 - np.arange(100) / 365)  # [i]: i + 1 birthdays differ
    ends = unique[sizes - 2] - unique[sizes - 1]
    lengths = np.repeat(sizes, np.round(1e5 * ends).astype(int))
    assert _median(lengths, 0) == 23
    assert 23 * 22 / (2 * math.log(2)) == pytest.approx(365, abs=0.1)


# brute force


@settings(deadline=None)
@given(
    st.integers(2, 40), st.integers(1, 12), st.integers(0, 2**32 - 1), st.integers(0, 3), st.sampled_from([2, 7, 99])
)
def test_repeats_equal_brute_force(n, values, seed, threshold, block):
    integers = rng(seed).integers(0, values, (n, 2))
    pairs, lengths, rest = naive(integers, threshold)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parzen, "BUDGET", 16 * block**2 + 32 * block * 2)
        result = repeats(integers / 255, threshold / 255**2)  # pairs at the threshold are duplicates, rounding or not
    assert (result.pairs, result.runs) == (pairs, len(lengths))
    assert result.batch_size == (_median(np.array(lengths), rest) if lengths else n)


@settings(deadline=None)
@given(st.integers(2, 30), st.integers(1, 50), st.integers(0, 2**32 - 1), st.sampled_from([1, 6, 99]))
def test_closest_pairs_equal_brute_force(n, count, seed, block):
    points = rng(seed).normal(size=(n, 3))
    table = ((points[:, None] - points) ** 2).sum(axis=2)
    expected = sorted((table[i, j], i, j) for j in range(n) for i in range(j))[:count]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parzen, "BUDGET", 16 * block**2 + 32 * block * 3)
        distances, pairs = closest_pairs(points, count)
    np.testing.assert_allclose(distances, [d for d, _, _ in expected], rtol=1e-9)
    np.testing.assert_array_equal(pairs, [(i, j) for _, i, j in expected])


def test_closest_pairs_find_the_planted_ones():
    points = rng().random((500, 20), dtype=np.float32)
    points[[400, 3]] = points[[77, 250]] + np.float32([[1e-3], [2e-3]])
    distances, pairs = closest_pairs(points, 3)
    np.testing.assert_array_equal(pairs[:2], [[77, 400], [3, 250]])
    np.testing.assert_allclose(distances[:2], [20e-6, 80e-6], rtol=1e-3)
    assert distances[2] > 0.01


# supports of known size


@pytest.mark.parametrize("support", [30, 300, 1000])
def test_a_uniform_support_is_found(support):
    result = repeats(planted(5000, np.full(support, 1 / support)), 0.01)
    assert result.pair_support == pytest.approx(support, rel=4 / math.sqrt(result.pairs))
    assert result.support == pytest.approx(support, abs=3 * result.support_error + 1)
    assert result.support_error < 0.2 * support


def test_the_support_error_is_the_spread_of_the_estimate():
    estimates = [repeats(planted(1000, np.full(100, 1 / 100), seed), 0.01) for seed in range(30)]
    spread = np.std([e.support for e in estimates])
    assert np.mean([e.support_error for e in estimates]) == pytest.approx(spread, rel=0.35)
    assert np.mean([e.support for e in estimates]) == pytest.approx(100, abs=0.6 * spread)


def test_one_image_again_and_again():
    result = repeats(planted(100, [1.0]), 0.01)
    assert (result.batch_size, result.runs, result.pairs) == (2, 50, 4950)
    assert result.pair_support == 1


def test_rare_images_are_not_counted():
    p = np.concatenate([np.full(50, 0.9 / 50), np.full(5000, 0.1 / 5000)])
    result = repeats(planted(4000, p), 0.01)
    effective = 1 / (p**2).sum()
    assert effective < 62
    assert result.pair_support == pytest.approx(effective, rel=0.1)
    assert result.support == pytest.approx(effective, rel=0.3)


# samples beside real images


def test_birthday_follows_its_definition():
    samples, valid, test = rng().random((90, 4)), rng(1).random((120, 4)), rng(2).random((70, 4))
    result = birthday(samples, valid, test, quantile=0.3)
    table = ((valid[:, None] - valid) ** 2).sum(axis=2) + np.diag(np.full(120, np.inf))
    assert result.threshold == pytest.approx(np.quantile(table.min(axis=1), 0.3), rel=1e-9)
    random = np.random.default_rng(0)
    first = samples[random.permutation(90)[:70]]
    assert result.samples == repeats(first, result.threshold)
    assert result.real == repeats(test[random.permutation(70)], result.threshold)
    assert result.quantile == 0.3
    given_one = birthday(samples, valid, test, threshold=0.25)
    assert (given_one.threshold, given_one.quantile) == (0.25, None)
    assert given_one.samples == repeats(first, 0.25)
    assert birthday(samples, valid, test, threshold=0.25, seed=1).samples != given_one.samples
    assert birthday(samples, valid, test).quantile == QUANTILE == 0.01


def test_a_collapsed_generator_repeats_itself_sooner_than_the_data():
    real = rng().random((4000, 5))
    result = birthday(planted(2000, np.full(100, 0.01), noise=0.0)[:, :5], real[:2000], real[2000:])
    assert result.samples.support == pytest.approx(100, rel=0.3)
    # 1 in 100 of the 2000 that gave the threshold has a neighbour within it: 1/100 / 2000 of all pairs
    assert result.real.pair_support == pytest.approx(200_000, rel=0.6)


def test_images_that_come_in_an_order_are_shuffled():
    images = np.sort(planted(3000, np.full(300, 1 / 300), noise=0.0), axis=0)[:, :1]  # the same ones in a row
    assert repeats(images, 0.0).batch_size == 2
    result = birthday(images, images, images, threshold=0.0)
    assert result.samples.support == pytest.approx(300, rel=0.3)
    assert result.real.support == pytest.approx(300, rel=0.3)


# errors

GOOD = np.zeros((5, 3))


def test_bad_input_gets_a_sentence():
    for function in (lambda points: repeats(points, 1.0), closest_pairs):
        with pytest.raises(UserError, match=r"points must be 2 or more, to make a pair, and have shape \(1, 3\)"):
            function(GOOD[:1])
        with pytest.raises(UserError, match="points must be a NumPy array of floats"):
            function(GOOD.astype(int))
    for threshold in (-1.0, math.nan, math.inf):
        with pytest.raises(UserError, match="threshold must be a squared distance"):
            repeats(GOOD, threshold)
    with pytest.raises(UserError, match="count must be a number of pairs, 1 or more, and is 0"):
        closest_pairs(GOOD, 0)
    for quantile in (0, 1, math.nan):
        with pytest.raises(UserError, match="quantile must lie between 0 and 1"):
            birthday(GOOD, GOOD, GOOD, quantile=quantile)
    with pytest.raises(UserError, match="seed must be 0 or more, and is -1"):
        birthday(GOOD, GOOD, GOOD, seed=-1)
    with pytest.raises(UserError, match=r"samples and valid must have .* valid is \(5, 2\)"):
        birthday(GOOD, GOOD[:, :2], GOOD)
    with pytest.raises(UserError, match=r"test and valid must have .* test is \(5, 2\)"):
        birthday(GOOD, GOOD, GOOD[:, :2])
