"""Mixtures: the modes are where they should be, the density is that of the samples, seeds are seeds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.special import logsumexp
from scipy.stats import chi2, kstest, multivariate_normal

from gan import data
from gan.data import toys
from gan.errors import UserError

NAMES = ("ring", "grid", "gaussian")


@pytest.fixture(scope="module", params=NAMES)
def points(request):
    return data.load(request.param, seed=7)


def reference_log_density(name, x):
    modes, variance = toys.modes(name), toys.std(name) ** 2
    terms = [np.atleast_1d(multivariate_normal(mode, variance).logpdf(x)) for mode in modes]
    return logsumexp(terms, axis=0) - np.log(len(modes))


def test_the_modes_are_the_literatures():
    ring, grid = toys.modes("ring"), toys.modes("grid")
    assert ring.shape == (8, 2)
    np.testing.assert_allclose(np.hypot(*ring.T), 2)
    np.testing.assert_allclose(np.hypot(*(ring - np.roll(ring, 1, axis=0)).T), 4 * np.sin(np.pi / 8))
    np.testing.assert_allclose(ring[0], [2, 0])
    assert {tuple(mode) for mode in grid} == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert toys.modes("gaussian").tolist() == [[0]]
    assert [toys.std(name) for name in NAMES] == [0.02, 0.05, 1.0]


@pytest.mark.parametrize("name", NAMES)
def test_the_modes_cannot_be_changed_by_a_reader(name):
    with pytest.raises(ValueError, match="read-only"):
        toys.modes(name)[0] = 1


def test_shapes(points):
    d = toys.modes(points.name).shape[1]
    assert points.dimension == d
    assert points.image_shape is None
    assert points.train_labels is points.valid_labels is points.test_labels is None
    for split, n in zip((points.train, points.valid, points.test), (50_000, 10_000, 10_000), strict=True):
        assert split.shape == (n, d)
        assert split.dtype == np.float32
        assert split.flags.c_contiguous


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_each_mode_gets_its_share_and_each_share_is_normal(points, split):
    x = getattr(points, split).astype(np.float64)
    modes, std = toys.modes(points.name), toys.std(points.name)
    offsets = x[:, None] - modes
    nearest = np.argmin((offsets**2).sum(axis=2), axis=1)
    counts = np.bincount(nearest, minlength=len(modes))
    expected = len(x) / len(modes)
    assert ((counts - expected) ** 2 / expected).sum() <= chi2.ppf(1 - 1e-6, max(len(modes) - 1, 1))
    noise = offsets[np.arange(len(x)), nearest] / std
    for axis in noise.T:
        assert kstest(axis, "norm").pvalue > 1e-5
    if points.dimension == 2:
        assert abs(np.corrcoef(noise.T)[0, 1]) < 5 / np.sqrt(len(x))


def test_the_splits_are_different_draws(points):
    assert len(np.unique(np.concatenate([points.train, points.valid, points.test]), axis=0)) > 68_000
    assert not np.array_equal(points.valid, points.test)


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_is_a_seed(name):
    first, again, other = data.load(name, seed=3), data.load(name, seed=3), data.load(name, seed=4)
    np.testing.assert_array_equal(first.train, again.train)
    np.testing.assert_array_equal(first.test, again.test)
    assert not np.array_equal(first.train, other.train)
    np.testing.assert_array_equal(data.load(name).train, data.load(name, seed=0).train)


@pytest.mark.parametrize("seed", [-1, 1.5, "0", None])
def test_a_bad_seed_is_said_to_be_bad(seed):
    with pytest.raises(UserError, match="expected an integer >= 0"):
        data.load("ring", seed=seed)


@pytest.mark.parametrize("name", NAMES)
def test_the_density_integrates_to_one(name):
    # Trapezoids half a standard deviation wide are exact on a Gaussian, and the modes' patches do not overlap.
    std = toys.std(name)
    line = np.arange(-16, 17) * std / 2
    modes = toys.modes(name)
    patch = np.stack(np.meshgrid(*[line] * modes.shape[1]), axis=-1).reshape(-1, modes.shape[1])
    x = (modes[:, None] + patch).reshape(-1, modes.shape[1])
    assert np.exp(toys.log_density(name, x)).sum() * (std / 2) ** modes.shape[1] == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 2**32), scale=st.sampled_from([0.01, 1.0, 3.0, 100.0]))
@settings(deadline=None, max_examples=20)
def test_the_density_is_scipys(name, seed, scale):
    x = np.random.default_rng(seed).normal(scale=scale, size=(50, toys.modes(name).shape[1]))
    np.testing.assert_allclose(toys.log_density(name, x), reference_log_density(name, x), rtol=1e-9, atol=1e-9)


def test_the_mean_log_density_of_samples_is_minus_the_entropy(points):
    # Where the modes are far apart, H = log k + d/2 log(2 pi e s^2).
    modes, std = toys.modes(points.name), toys.std(points.name)
    k, d = modes.shape
    entropy = np.log(k) + 0.5 * d * np.log(2 * np.pi * np.e * std**2)
    mean = toys.log_density(points.name, points.train).mean()
    assert mean == pytest.approx(-entropy, abs=5 * np.sqrt(d / 2 / len(points.train)))


@pytest.mark.parametrize("name", NAMES)
@given(draw=st.data())
@settings(deadline=None, max_examples=60)
def test_the_density_is_total_on_numbers(name, draw):
    d = toys.modes(name).shape[1]
    x = draw.draw(npst.arrays(np.float64, st.tuples(st.integers(0, 3), st.just(d))))
    value = toys.log_density(name, x)
    assert value.shape == (len(x),)
    assert value.dtype == np.float64
    np.testing.assert_array_equal(np.isnan(value), np.isnan(x).any(axis=1))
    assert (value[~np.isnan(value)] < 10).all()


def test_a_point_at_infinity_has_density_zero():
    assert toys.log_density("ring", [[np.inf, 0], [1e300, 0]]).tolist() == [-np.inf, -np.inf]


@pytest.mark.parametrize("x", [[1.0, 2.0], [[1.0]], [[1.0, 2.0, 3.0]], [["a", "b"]], [[1j, 0]], 0.0])
def test_points_of_the_wrong_kind_are_refused(x):
    with pytest.raises(UserError, match=r"ring: log_density got x of shape .* expected real numbers"):
        toys.log_density("ring", x)


@pytest.mark.parametrize("ask", [toys.modes, toys.std, toys.mixture])
def test_an_unknown_mixture_is_named(ask):
    with pytest.raises(UserError, match="There is no mixture 'mnist'; choose one of ring, grid, gaussian"):
        ask("mnist")
