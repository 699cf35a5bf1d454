"""Generators without training: real examples, each once, and centres that really lower the squared distance."""

import numpy as np
import pytest

from gan.data import load
from gan.errors import UserError
from gan.evaluate import evaluate
from gan.evaluate.baselines import centroids, training_examples


def nearest(x, points):
    return ((x[:, None].astype(np.float64) - points) ** 2).sum(axis=2).min(axis=1)


def test_training_examples_are_examples_and_none_comes_twice():
    train = np.random.default_rng(0).random((50, 3), np.float32)
    drawn = training_examples(train, 40, seed=1)
    rows = {tuple(x) for x in drawn.tolist()}
    assert len(rows) == 40
    assert rows <= {tuple(x) for x in train.tolist()}
    assert not np.array_equal(drawn, training_examples(train, 40, seed=2))
    np.testing.assert_array_equal(drawn, training_examples(train, 40, seed=1))


def test_any_seed_will_do():
    """scikit-learn takes 32 bits."""
    train = np.random.default_rng(0).random((60, 3))
    assert centroids(train, 7, seed=2**32).shape == (7, 3)
    assert not np.array_equal(centroids(train, 7, seed=2**32), centroids(train, 7, seed=0))


def test_centroids_are_planted_centres():
    rng = np.random.default_rng(0)
    planted = rng.permutation(16)[:, None] * np.ones(5) * 10
    train = np.repeat(planted, 100, axis=0) + 0.1 * rng.standard_normal((1600, 5))
    found = centroids(train, 200, seed=0)  # enough to start with one in each
    assert found.shape == (200, 5)
    assert nearest(train, found).mean() < 0.05 * 0.1**2 * 5 * 20
    assert nearest(planted, found).max() < 0.1


def test_centroids_are_nearer_to_unseen_digits_than_digits_are():
    """Why the estimate must not rank models by itself: means beat true samples."""
    digits = load("digits")
    n = 300
    real, means = training_examples(digits.train, n), centroids(digits.train, n)
    assert nearest(digits.test, means).mean() < nearest(digits.test, real).mean()
    a, b = (evaluate(s, digits.valid, digits.test) for s in (real, means))
    assert b.log_likelihood > a.log_likelihood + 3 * a.standard_error
    assert b.distance < a.distance


@pytest.mark.parametrize("n", [0, 11])
@pytest.mark.parametrize("draw", [training_examples, centroids])
def test_more_than_there_are(draw, n):
    with pytest.raises(UserError, match=f"{n} samples were asked for, and there are 10"):
        draw(np.zeros((10, 2)), n)
