"""Nearest neighbours against brute force and scikit-learn; memorisation where it was planted and where it was not."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from gan.errors import UserError
from gan.evaluate import parzen
from gan.evaluate.neighbours import COPY, distance_blocks, memorisation, nearest, nearest_others, rounding


def rng(seed=0):
    return np.random.default_rng(seed)


def squares(x, points):
    """Every squared distance, every difference formed."""
    return ((x[:, None].astype(np.float64) - points.astype(np.float64)) ** 2).sum(axis=2)


@st.composite
def problems(draw, least=1):
    """(x, points) of random sizes and offsets; integers, where many distances are equal, or not."""
    m, n, d = draw(st.integers(least, 30)), draw(st.integers(1, 40)), draw(st.integers(1, 12))
    random = rng(draw(st.integers(0, 2**32 - 1)))
    offset = draw(st.sampled_from([0.0, 1.0, -(2.0**20)]))
    if draw(st.booleans()):
        return random.integers(0, 3, (m, d)) + offset, random.integers(0, 3, (n, d)) + offset
    return random.normal(offset, 1.0, (m, d)), random.normal(offset, 1.0, (n, d))


# blocks


@settings(deadline=None)
@given(problems(), st.integers(1, 50))
def test_the_blocks_hold_every_pair_once(problem, block):
    x, points = problem
    found, times = np.zeros((len(x), len(points))), np.zeros((len(x), len(points)))
    for rows, columns, distances in distance_blocks(x, points, block=block):
        assert max(distances.shape) <= block
        found[rows, columns] = distances
        times[rows, columns] += 1
        distances[:] = np.nan  # the caller may
    np.testing.assert_array_equal(times, 1)
    assert abs(found - squares(x, points)).max() <= rounding(x, points)


def test_a_block_of_the_budget_is_the_default(monkeypatch):
    x = rng().random((50, 20))
    assert [d.shape for _, _, d in distance_blocks(x, x)] == [(50, 50)]
    monkeypatch.setattr(parzen, "BUDGET", 16 * 30**2 + 32 * 30 * 20)
    assert [d.shape for _, _, d in distance_blocks(x, x)] == [(30, 30), (30, 20), (20, 30), (20, 20)]


def test_memory_does_not_grow_with_the_number_of_pairs(monkeypatch):
    monkeypatch.setattr(parzen, "BUDGET", 2**22)
    x = rng().random((2000, 300), dtype=np.float32)
    tracemalloc.start()
    nearest(x, x)
    nearest_others(x, 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * parzen.BUDGET  # all pairs in float64 are eight times that


# nearest


@settings(deadline=None)
@given(problems(), st.integers(1, 50))
def test_nearest_equals_brute_force(problem, block):
    x, points = problem
    expected = squares(x, points)
    distances, indices = nearest(x, points, block=block)
    assert (distances.dtype, indices.dtype) == (np.float64, np.intp)
    np.testing.assert_allclose(distances, expected.min(axis=1), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(distances, expected[np.arange(len(x)), indices])


def test_nearest_equals_scikit_learn():
    x, points = rng().random((300, 64), dtype=np.float32), rng(1).random((700, 64), dtype=np.float32)
    oracle = NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(points.astype(np.float64))
    expected, rows = oracle.kneighbors(x.astype(np.float64))
    distances, indices = nearest(x, points)
    np.testing.assert_array_equal(indices, rows[:, 0])
    np.testing.assert_allclose(np.sqrt(distances), expected[:, 0], rtol=1e-12)


def test_a_copy_is_found_at_exactly_nothing_however_far_from_the_origin():
    points = (1000 + rng().random((200, 784))).astype(np.float32)
    order = rng(1).permutation(200)
    distances, indices = nearest(points[order], points)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_array_equal(distances, 0)


@settings(deadline=None)
@given(problems(), st.floats(-1e6, 1e6))
def test_a_shift_of_both_does_not_matter(problem, shift):
    x, points = (np.round(a * 2**20) / 2**20 for a in problem)
    shift = round(shift * 16) / 16  # sums of these are exact
    np.testing.assert_allclose(nearest(x + shift, points + shift)[0], nearest(x, points)[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("narrow", [np.float16, np.float32])
def test_the_dtype_of_the_same_numbers_does_not_matter(narrow):
    x, points = rng().random((40, 9)).astype(narrow), rng(1).random((50, 9)).astype(narrow)
    wide = nearest(x.astype(np.float64), points.astype(np.float64))
    np.testing.assert_array_equal(nearest(x, points), wide)


def test_the_inputs_are_left_alone():
    x, points = np.asfortranarray(rng().random((9, 6)))[::2], rng(1).random((20, 12))[::-1, ::2]
    kept = x.copy(), points.copy()
    np.testing.assert_allclose(nearest(x, points)[0], squares(*kept).min(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(points, kept[1])


# nearest others


@settings(deadline=None)
@given(problems(least=2), st.integers(1, 29), st.integers(1, 50))
def test_nearest_others_equal_brute_force(problem, k, block):
    points, _ = problem
    k = min(k, len(points) - 1)
    table = squares(points, points)
    table[np.diag_indices(len(points))] = np.inf
    expected = np.sort(table, axis=1)[:, :k]
    np.testing.assert_allclose(nearest_others(points, k, block=block), expected, rtol=1e-11, atol=1e-10)


def test_nearest_others_equal_scikit_learn():
    points = rng().random((500, 16), dtype=np.float32)
    expected, _ = NearestNeighbors(n_neighbors=6).fit(points.astype(np.float64)).kneighbors(points.astype(np.float64))
    np.testing.assert_allclose(np.sqrt(nearest_others(points, 5, block=77)), expected[:, 1:], rtol=1e-10)


def test_a_point_is_not_its_own_neighbour_and_its_double_is():
    points = np.array([[0.0], [0.0], [3.0]])
    np.testing.assert_array_equal(nearest_others(points, 2), [[0, 9], [0, 9], [9, 9]])


# memorisation


def test_memorisation_follows_its_definition():
    samples, train, valid = rng().random((60, 5)), rng(1).random((230, 5)), rng(2).random((40, 5))
    result = memorisation(samples, train, valid, seed=7)
    parts = np.random.default_rng(7).permutation(230)[: 5 * 40].reshape(5, 40)
    to_parts = np.array([squares(samples, train[rows]).min(axis=1) for rows in parts])
    to_valid = squares(samples, valid).min(axis=1)
    error = lambda values: np.sqrt(((values - values.mean()) ** 2).mean()) / np.sqrt(60)
    for name, values in {
        "train": squares(samples, train).min(axis=1),
        "subset": to_parts.mean(axis=0),
        "valid": to_valid,
    }.items():
        assert getattr(result, name) == pytest.approx(values.mean(), rel=1e-9)
        assert getattr(result, f"{name}_error") == pytest.approx(error(values), rel=1e-9)
    assert result.difference == pytest.approx(to_parts.mean() - to_valid.mean(), rel=1e-9)
    means = to_parts.mean(axis=1)
    of_images = 6 / 5 * ((means - means.mean()) ** 2).sum() / 4
    of_samples = error(to_parts.mean(axis=0) - to_valid) ** 2
    assert result.difference_error == pytest.approx(np.sqrt(of_samples + of_images), rel=1e-9)
    assert (result.size, result.seed, result.n_samples, result.n_train) == (40, 7, 60, 230)
    assert memorisation(samples, train, valid, seed=7) == result
    other = memorisation(samples, train, valid, seed=8)
    assert other.subset != result.subset
    assert other.train == result.train
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.train = 0.0


def test_new_samples_are_not_taken_for_memorised_though_the_training_set_is_larger():
    scores = []
    for seed in range(40):
        draws = rng(seed).normal(size=(1100, 3))
        result = memorisation(draws[:500], draws[500:1000], draws[1000:])
        assert result.size == 100
        assert result.train < result.valid - 5 * result.valid_error  # what comparing unequal sizes would say
        scores.append(result.difference / result.difference_error)
    assert abs(np.mean(scores)) < 0.5
    assert 0.7 < np.std(scores) < 1.4  # the error is the spread over sets, not over samples alone


@pytest.mark.parametrize("memorised", [0, 300, 1000])
def test_planted_copies_are_counted_and_move_the_difference(memorised):
    draws = rng().random((2200, 50), dtype=np.float32)
    train, valid, samples = draws[:1000], draws[1000:1200], draws[1200:].copy()
    samples[:memorised] = train[:memorised] + rng(1).normal(0, 0.5 * COPY, (memorised, 50))
    result = memorisation(samples, train, valid)
    assert result.copies == memorised
    assert result.copy_distance == pytest.approx(COPY**2 * 50)
    sure = -result.difference / result.difference_error
    assert (sure > 4) if memorised else (abs(sure) < 3)


def test_the_limit_of_a_copy_is_per_coordinate_and_can_be_set():
    train = np.zeros((5, 100))
    samples = np.full((3, 100), [[0.01], [0.019], [0.021]])
    assert memorisation(samples, train, train).copies == 2
    assert memorisation(samples, train, train, copy=0.03).copies == 3
    assert memorisation(np.zeros((1, 100)), train, train, copy=0.0).copies == 1


def test_a_large_validation_set_is_cut_too():
    samples, train, valid = rng().random((20, 3)), rng(1).random((53, 3)), rng(2).random((700, 3))
    result = memorisation(samples, train, valid, seed=1)
    assert result.size == 10
    assert result.train == pytest.approx(squares(samples, train).min(axis=1).mean())
    assert result.valid > 5 * squares(samples, valid).min(axis=1).mean()


# errors

GOOD = np.zeros((5, 3))


@pytest.mark.parametrize("function", [nearest, rounding, lambda x, points: list(distance_blocks(x, points))])
def test_bad_points_get_a_sentence(function):
    if function is not rounding:
        with pytest.raises(UserError, match=r"x and points must have points of the same dimension: .* \(5, 4\)"):
            function(GOOD, np.zeros((5, 4)))
        with pytest.raises(UserError, match=r"points of shape \(1, 3\) must hold finite numbers"):
            function(GOOD, np.array([[0, np.nan, 0]]))
    assert function(GOOD, GOOD) is not None


def test_other_errors_get_a_sentence():
    with pytest.raises(UserError, match="block must be a number of rows, 1 or more, and is 0"):
        nearest(GOOD, GOOD, block=0)
    for k in (0, 5):
        with pytest.raises(UserError, match=f"k must be at least 1 and below .* is {k} of 5"):
            nearest_others(GOOD, k)
    with pytest.raises(UserError, match=r"points must have shape"):
        nearest_others(np.zeros(4), 1)
    with pytest.raises(UserError, match=r"valid and train must have .* valid is \(5, 2\)"):
        memorisation(GOOD, GOOD, np.zeros((5, 2)))
    with pytest.raises(UserError, match=r"samples must be a NumPy array of floats"):
        memorisation(GOOD.astype(int), GOOD, GOOD)
    with pytest.raises(UserError, match=r"train must hold 5 points or more, a subset each, and has shape \(4, 3\)"):
        memorisation(GOOD, GOOD[:4], GOOD)
    with pytest.raises(UserError, match=r"seed and copy must be 0 or more, and finite; they are -1"):
        memorisation(GOOD, GOOD, GOOD, seed=-1)
    with pytest.raises(UserError, match=r"seed and copy .* nan"):
        memorisation(GOOD, GOOD, GOOD, copy=float("nan"))
