"""The Parzen window against golden values, scikit-learn, and what any density must satisfy."""

import dataclasses
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KernelDensity

from gan.errors import UserError
from gan.evaluate import SIGMAS, evaluate, log_likelihood, parzen, select_sigma

PEAK = -0.5 * math.log(2 * math.pi)  # log density at the top of a Gaussian of width 1, per dimension


def rng(seed=0):
    return np.random.default_rng(seed)


@st.composite
def problems(draw):
    """(x, samples, sigma) of random sizes, offsets and spreads."""
    m, n, d = draw(st.integers(1, 30)), draw(st.integers(1, 40)), draw(st.integers(1, 12))
    random = rng(draw(st.integers(0, 2**32 - 1)))
    offset = draw(st.sampled_from([0.0, 1.0, -30.0]))
    x, samples = random.normal(offset, 1.0, (m, d)), random.normal(offset, 1.0, (n, d))
    return x, samples, draw(st.floats(0.05, 5.0))


def naive(x, samples, sigma):
    """The formula, with every difference formed."""
    squares = ((x[:, None] - samples) ** 2).sum(axis=2) / (2 * sigma**2)
    nearest = squares.min(axis=1)
    mean = np.exp(nearest[:, None] - squares).mean(axis=1)
    return np.log(mean) - nearest - x.shape[1] * np.log(sigma * np.sqrt(2 * np.pi))


# golden values


def test_the_grid_is_the_papers():
    printed = [0.1, 0.12915, 0.16681, 0.21544, 0.27826, 0.35938, 0.46416, 0.59948, 0.77426, 1.0]
    np.testing.assert_allclose(SIGMAS, printed, atol=5e-6)
    assert not SIGMAS.flags.writeable


def test_two_samples_in_the_plane():
    value = log_likelihood(np.zeros((1, 2)), np.array([[0.0, 0.0], [1.0, 0.0]]), 0.5)
    assert value.shape == (1,)
    assert value.dtype == np.float64
    assert value[0] == pytest.approx(-1.0178018748, abs=1e-10)


def test_an_exact_hit_on_the_only_sample():
    x = rng().random((1, 784))
    assert log_likelihood(x, x, 0.1668100537)[0] == pytest.approx(683.617411, abs=1e-6)


def test_an_exact_hit_on_one_of_ten_thousand():
    samples = np.full((10_000, 784), 5.0, dtype=np.float32)
    samples[1234] = 0
    value = log_likelihood(np.zeros((1, 784), dtype=np.float32), samples, 0.1668100537)
    assert value[0] == pytest.approx(674.407071, abs=1e-6)


# oracles


@settings(deadline=None)
@given(problems())
def test_equals_scikit_learn(problem):
    x, samples, sigma = problem
    oracle = KernelDensity(kernel="gaussian", bandwidth=sigma, rtol=0, atol=0).fit(samples)
    expected = oracle.score_samples(x)
    # atol: a value near 0 is the difference of two large ones
    np.testing.assert_allclose(log_likelihood(x, samples, sigma), expected, rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(problems(), st.integers(1, 50))
def test_every_block_equals_the_formula(problem, block):
    x, samples, sigma = problem
    expected = naive(x, samples, sigma)
    np.testing.assert_allclose(log_likelihood(x, samples, sigma, block=block), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(log_likelihood(x, samples, sigma, block=1), expected, rtol=1e-9, atol=1e-9)


def test_a_small_budget_changes_the_block_and_not_the_value(monkeypatch):
    x, samples = rng().random((50, 20)), rng(1).random((70, 20))
    whole = log_likelihood(x, samples, SIGMAS)
    assert parzen._default_block(20) >= 70
    monkeypatch.setattr(parzen, "BUDGET", 16 * 6**2 + 32 * 6 * 20)
    assert parzen._default_block(20) == 6
    np.testing.assert_allclose(log_likelihood(x, samples, SIGMAS), whole, rtol=1e-12)


@settings(deadline=None)
@given(problems())
def test_many_sigmas_equal_one_at_a_time(problem):
    x, samples, sigma = problem
    many = log_likelihood(x, samples, [sigma, 2 * sigma], block=7)
    assert many.shape == (2, len(x))
    np.testing.assert_array_equal(many[0], log_likelihood(x, samples, sigma, block=7))
    np.testing.assert_array_equal(many[1], log_likelihood(x, samples, 2 * sigma, block=7))


def test_distances_are_computed_once_for_all_sigmas(monkeypatch):
    calls = []
    matmul = np.matmul
    monkeypatch.setattr(np, "matmul", lambda *a, **k: calls.append(a) or matmul(*a, **k))
    log_likelihood(rng().random((4, 3)), rng(1).random((5, 3)), SIGMAS)
    assert len(calls) == 1


# invariances


@settings(deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(problem, random):
    x, samples, sigma = problem
    order = list(range(len(samples)))
    random.shuffle(order)
    expected = log_likelihood(x, samples, sigma, block=5)
    shuffled = log_likelihood(x, samples[order], sigma, block=5)
    np.testing.assert_allclose(shuffled, expected, rtol=1e-11, atol=1e-11)


@settings(deadline=None)
@given(problems())
def test_every_sample_twice_is_the_same_mixture(problem):
    x, samples, sigma = problem
    twice = log_likelihood(x, np.concatenate([samples, samples]), sigma, block=11)
    np.testing.assert_allclose(twice, log_likelihood(x, samples, sigma), rtol=1e-11, atol=1e-11)


@settings(deadline=None)
@given(problems(), st.floats(-1e6, 1e6))
def test_a_shift_of_both_does_not_matter(problem, shift):
    x, samples, sigma = problem
    x, samples = np.round(x * 2**20) / 2**20, np.round(samples * 2**20) / 2**20
    shift = round(shift * 16) / 16  # sums of these are exact: what is left is the window's own error
    np.testing.assert_allclose(
        log_likelihood(x + shift, samples + shift, sigma),
        log_likelihood(x, samples, sigma),
        rtol=1e-9,
        atol=1e-9,
    )


@pytest.mark.parametrize("narrow", [np.float16, np.float32])
@settings(deadline=None)
@given(problem=problems())
def test_the_dtype_of_the_same_numbers_does_not_matter(narrow, problem):
    x, samples, sigma = problem
    x, samples = x.astype(narrow), samples.astype(narrow)
    wide = log_likelihood(x.astype(np.float64), samples.astype(np.float64), sigma)
    np.testing.assert_array_equal(log_likelihood(x, samples, sigma), wide)
    np.testing.assert_array_equal(log_likelihood(x, samples.astype(np.longdouble), sigma), wide)


def test_the_layout_and_the_inputs_are_left_alone():
    x, samples = np.asfortranarray(rng().random((9, 6)))[::2], rng(1).random((20, 12))[::-1, ::2]
    kept = x.copy(), samples.copy()
    np.testing.assert_allclose(log_likelihood(x, samples, 0.3), naive(*kept, 0.3), rtol=1e-12)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(samples, kept[1])


# a density


@pytest.mark.parametrize("sigma", [0.02, 0.3, 2.0])
def test_it_integrates_to_one(sigma):
    samples = rng().normal(size=(50, 1))
    x = np.linspace(samples.min() - 9 * sigma, samples.max() + 9 * sigma, 20_001)
    assert np.trapezoid(np.exp(log_likelihood(x[:, None], samples, sigma)), x) == pytest.approx(1, abs=1e-9)


@settings(deadline=None)
@given(problems())
def test_it_stays_below_the_top_of_its_gaussians(problem):
    _, samples, _ = problem  # where x is a sample, rounding must not make a negative distance
    sigma = 1e-9
    top = samples.shape[1] * (PEAK - math.log(sigma))
    assert log_likelihood(samples, samples, sigma).max() <= top + 1e-9


@pytest.mark.parametrize("block", [1, 3, 1000])
def test_far_away_points_are_finite_and_quiet(block):
    x = np.concatenate([np.full((2, 784), 1e4), np.full((2, 784), -1e4), np.full((2, 784), 0.5)])
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        value = log_likelihood(x, rng().random((7, 784)), 0.1, block=block)
    assert np.isfinite(value).all()
    np.testing.assert_allclose(value[:4], -784e8 / (2 * 0.1**2), rtol=1e-3)


def test_the_largest_and_the_smallest_numbers_allowed_are_finite_and_quiet():
    x = np.array([[-9e74], [9e74]])
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(log_likelihood(x, np.array([[9e74], [1.0]]), [2e-75, 1.0, 9e74])).all()


@pytest.mark.parametrize("order", [1, -1])
def test_the_nearest_sample_may_come_first_or_last(order):
    samples = np.arange(40.0)[::order, None]
    for block in (1, 7, 40):
        value = log_likelihood(np.array([[0.0]]), samples, 0.05, block=block)
        assert value[0] == pytest.approx(PEAK - math.log(0.05) - math.log(40), rel=1e-12)


# the choice of sigma


def test_select_sigma_finds_the_planted_width():
    samples = rng().random((20, 30)) * 10  # far apart: the width of the noise is the best window
    noise = SIGMAS[3] * rng(1).normal(size=(2000, 30))
    sigma, table, _ = select_sigma(np.tile(samples, (100, 1)) + noise, samples)
    assert isinstance(sigma, float)
    assert sigma == SIGMAS[3]
    assert table.shape == (10,)
    assert table.argmax() == 3


def test_select_sigma_returns_the_means_that_it_compared():
    valid, samples = rng().random((30, 4)), rng(1).random((50, 4))
    sigma, table, _ = select_sigma(valid, samples, [0.7, 0.05, 0.2])
    np.testing.assert_allclose(table, [naive(valid, samples, s).mean() for s in (0.7, 0.05, 0.2)])
    assert sigma == 0.2
    assert select_sigma(valid, samples, [0.3, 0.3])[0] == 0.3


def test_evaluate_follows_the_protocol():
    samples, valid, test = rng().random((300, 3)), rng(1).random((1200, 3)), rng(2).random((400, 3))
    valid[1000:] = 50  # would choose the widest sigma, if they were looked at
    result = evaluate(samples, valid, test)
    table = [naive(valid[:1000], samples, s).mean() for s in SIGMAS]
    values = naive(test, samples, result.sigma)
    assert result.sigma == SIGMAS[np.argmax(table)]
    assert result.sigma < 0.3
    np.testing.assert_allclose(result.curve, table, rtol=1e-9)
    assert result.validation == pytest.approx(max(table), rel=1e-9)
    assert result.log_likelihood == pytest.approx(values.mean(), rel=1e-9)
    squares = ((values - values.mean()) ** 2).sum() / 400  # ddof = 0
    assert result.standard_error == pytest.approx(math.sqrt(squares) / math.sqrt(400), rel=1e-9)
    assert (result.n_samples, result.n_valid, result.n_test) == (300, 1000, 400)
    assert result.grid == tuple(SIGMAS)
    assert all(type(number) is float for number in (*result.grid, *result.curve, result.standard_error))
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.sigma = 1.0


def test_the_standard_error_of_two_test_points():
    result = evaluate(np.zeros((1, 1)), np.zeros((1, 1)), np.array([[0.0], [2.0]]), sigmas=[1.0])
    assert result.log_likelihood == pytest.approx(PEAK - 1)  # the two are PEAK and PEAK - 2
    assert result.standard_error == pytest.approx(1 / math.sqrt(2))


def test_a_sigma_at_the_edge_of_the_grid_is_reported():
    fine = 0.02 * rng().normal(size=(4000, 1))  # a toy that the grid of pixels is too coarse for
    coarse = evaluate(fine[:2000], fine[2000:3000], fine[3000:])
    assert coarse.at_edge is True
    assert coarse.sigma == SIGMAS[0]
    finer = evaluate(fine[:2000], fine[2000:3000], fine[3000:], sigmas=np.logspace(-4, 0, 30))
    assert finer.at_edge is False
    assert finer.sigma < 0.02
    assert finer.log_likelihood > coarse.log_likelihood
    wide = evaluate(fine[:100], 100 + fine[:100], fine[:100])
    assert wide.at_edge is True
    assert wide.sigma == SIGMAS[-1]


def test_the_edge_is_that_of_the_sorted_grid():
    points = rng().random((300, 3))
    result = evaluate(points[:100], points[100:200], points[200:], sigmas=[0.2, 1.0, 0.001])
    assert result.sigma == 0.2
    assert result.at_edge is False


# errors

GOOD = np.zeros((5, 3))


@pytest.mark.parametrize(
    ("x", "samples", "words"),
    [
        (np.zeros(3), GOOD, ["x must have shape (points, dimension)", "(3,)"]),
        (GOOD, np.zeros((5, 1, 3)), ["samples must have shape", "(5, 1, 3)"]),
        (
            GOOD,
            np.zeros((5, 4)),
            ["x and samples must have points of the same dim", "(5, 3)", "(5, 4)"],
        ),
        (np.zeros((0, 3)), GOOD, ["x must have shape", "(0, 3)"]),
        (GOOD, np.zeros((0, 3)), ["samples must have shape", "(0, 3)"]),
        (np.zeros((5, 0)), np.zeros((5, 0)), ["x must have shape", "(5, 0)"]),
        (np.array([[0, np.nan, 0]]), GOOD, ["x of shape (1, 3) must hold finite numbers"]),
        (GOOD, np.array([[0, -np.inf, 0]]), ["samples of shape (1, 3) must hold finite numbers"]),
        (GOOD, np.full((1, 3), 1e80), ["samples of shape (1, 3) must hold finite numbers", "1e+75"]),
        (np.full((5, 3), np.inf, np.float16), GOOD, ["x of shape (5, 3) must hold finite numbers"]),
        (np.zeros((5, 3), np.uint8), GOOD, ["x must be a NumPy array of floats", "uint8", "[0, 1]"]),
        (GOOD, [[0.0, 0.0, 0.0]], ["samples must be a NumPy array of floats", "list"]),
    ],
)
def test_bad_points_get_a_sentence(x, samples, words):
    with pytest.raises(UserError) as caught:
        log_likelihood(x, samples, 0.2)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("sigma", [0, -0.1, np.nan, np.inf, 1e-80, [0.1, 0.0]])
def test_a_sigma_that_is_no_width_gets_a_sentence(sigma):
    with pytest.raises(UserError, match="sigma must be a positive finite width, and one is"):
        log_likelihood(GOOD, GOOD, sigma)


@pytest.mark.parametrize("sigma", [[], [[0.1], [0.2]]])
def test_sigmas_of_a_wrong_shape_get_a_sentence(sigma):
    with pytest.raises(UserError, match=r"sigma must be one width or a sequence of widths, and has shape"):
        select_sigma(GOOD, GOOD, sigma)


def test_a_block_of_nothing_gets_a_sentence():
    with pytest.raises(UserError, match="block must be a number of rows, 1 or more, and is 0"):
        log_likelihood(GOOD, GOOD, 0.1, block=0)


def test_evaluate_names_its_own_arguments():
    with pytest.raises(UserError, match=r"valid and samples must have .* valid is \(5, 2\)"):
        evaluate(GOOD, np.zeros((5, 2)), GOOD)
    with pytest.raises(UserError, match=r"test must have shape"):
        evaluate(GOOD, GOOD, np.zeros((0, 3)))
    with pytest.raises(UserError, match=r"valid and samples"):
        select_sigma(np.zeros((5, 2)), GOOD)


# size

# On Linux the peak of this process's own memory: ru_maxrss keeps what the parent held when it forked.
FULL_SIZE = """
import pathlib, resource, sys
import numpy as np
from gan.evaluate import SIGMAS, log_likelihood
random = np.random.default_rng(0)
samples, test = random.random((10_000, 784)), random.random((10_000, 784))
values = log_likelihood(test, samples, SIGMAS)
assert values.shape == (10, 10_000) and np.isfinite(values).all()
status = pathlib.Path("/proc/self/status")
if status.exists():
    print(next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


@pytest.mark.slow
def test_the_full_size_fits_in_two_gibibytes():
    pytest.importorskip("resource")
    done = subprocess.run([sys.executable, "-c", FULL_SIZE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 2 * 2**30
