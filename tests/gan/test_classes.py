"""The classifier on the 8 x 8 digits, its loss against PyTorch, and divergences that are known exactly."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score

from gan.data import load
from gan.errors import UserError
from gan.evaluate.classes import WIDTHS, class_histogram, cross_entropy, kl_from_uniform, train_classifier
from gan.evaluate.coverage import prdc
from minigrad import Tensor, gradients, use_kernels


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def classifier(digits):
    with use_kernels("plain"):
        return train_classifier(digits, seed=0, epochs=25)


def few(dataset, n=100):
    """The same data set with fewer examples to train on."""
    return dataclasses.replace(dataset, train=dataset.train[:n], train_labels=dataset.train_labels[:n])


# the loss


def test_even_logits_cost_the_logarithm_of_the_number_of_classes():
    assert cross_entropy(np.zeros((3, 10)), np.array([0, 4, 9], np.uint8)) == pytest.approx(math.log(10))


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(2, 12), st.sampled_from([1.0, 30.0, 1e4]), st.integers(0, 2**32 - 1))
def test_the_loss_and_its_gradient_equal_those_of_pytorch(torch, m, k, scale, seed):
    random = rng(seed)
    logits, labels = scale * random.normal(size=(m, k)), random.integers(0, k, m).astype(np.uint8)
    ours = Tensor(logits, requires_grad=True)
    theirs = torch.tensor(logits, requires_grad=True)
    loss, oracle = cross_entropy(ours, labels), torch.nn.functional.cross_entropy(theirs, torch.tensor(labels).long())
    oracle.backward()
    assert loss.item() == pytest.approx(oracle.item(), rel=1e-12, abs=1e-12)
    (gradient,) = gradients(loss, [ours])
    np.testing.assert_allclose(gradient.data, theirs.grad.numpy(), rtol=1e-10, atol=1e-12)


# the classifier


def test_it_learns_the_digits_and_says_how_well(classifier, digits):
    assert classifier.test_accuracy == accuracy_score(digits.test_labels, classifier.predict(digits.test))
    assert classifier.valid_accuracy == accuracy_score(digits.valid_labels, classifier.predict(digits.valid))
    assert classifier.test_accuracy >= 0.96
    assert classifier.valid_accuracy >= 0.96
    assert (classifier.classes, classifier.dimension, classifier.seed, classifier.epochs) == (10, 64, 0, 25)
    assert np.log(classifier.probabilities(digits.test)[np.arange(250), digits.test_labels]).mean() > -0.2
    with pytest.raises(dataclasses.FrozenInstanceError):
        classifier.test_accuracy = 1.0


def test_features_and_probabilities_are_those_of_the_network_without_dropout(classifier, digits):
    x = np.concatenate([digits.train, digits.test])  # more than go through at once
    *hidden, last = [part for part in classifier.network if hasattr(part, "weight")]
    h = x.astype(np.float64)
    for layer in hidden:
        h = np.maximum(h @ layer.weight.data.T + layer.bias.data, 0)
    features = classifier.features(x)
    assert features.shape == (len(x), WIDTHS[-1])
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, h, rtol=1e-4, atol=1e-4)
    odds = np.exp(h @ last.weight.data.T + last.bias.data)
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(classifier.probabilities(x), expected, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(classifier.predict(x), expected.argmax(axis=1))


def test_the_seed_decides_everything(digits):
    data = few(digits)
    with use_kernels("plain"):
        first, again, other = (train_classifier(data, seed=seed, epochs=2) for seed in (3, 3, 4))
    x = digits.test
    np.testing.assert_array_equal(first.features(x), again.features(x))
    assert abs(first.features(x) - other.features(x)).max() > 0.01


def test_it_trains_on_few_examples_without_those_that_it_is_judged_by(digits):
    with use_kernels("plain"):
        wrong = dataclasses.replace(few(digits, 30), train_labels=np.full(30, 3, np.uint8))
        result = train_classifier(wrong, epochs=30)
    assert result.classes == 4  # 0 ... 3
    np.testing.assert_array_equal(result.predict(digits.test), 3)
    assert result.test_accuracy == pytest.approx((digits.test_labels == 3).mean())


def test_its_features_are_a_space_to_compare_in(classifier, digits):
    threes = digits.train[digits.train_labels == 3][:100]
    pixels, features = prdc(threes, digits.test), prdc(threes, digits.test, features=classifier.features)
    assert features.dimension == WIDTHS[-1]
    assert features.precision > 0.9
    assert features.recall < 0.2 > pixels.recall  # one class in ten


# the histogram


def test_the_histogram_counts_verdicts(classifier, digits):
    result = class_histogram(classifier, digits.test)
    verdicts = classifier.predict(digits.test)
    assert result.counts == tuple(np.bincount(verdicts, minlength=10).tolist())
    assert sum(result.counts) == len(digits.test)
    assert result.kl == kl_from_uniform(result.counts)
    sure = classifier.probabilities(digits.test).astype(np.float64).max(axis=1)
    assert result.confidence == pytest.approx(sure.mean(), rel=1e-6)
    truth = np.bincount(digits.test_labels, minlength=10)
    assert abs(np.array(result.counts) - truth).sum() <= 2 * round(250 * (1 - classifier.test_accuracy))


def test_a_missing_class_shows(classifier, digits):
    left = class_histogram(classifier, digits.test[digits.test_labels != 7])
    assert left.counts[7] <= 3
    assert left.kl > math.log(10 / 9) - 0.02 > 3 * class_histogram(classifier, digits.test).kl


def test_classes_that_never_come_are_counted_too(classifier, digits):
    zeros = digits.train[digits.train_labels == 0]
    assert class_histogram(classifier, zeros).counts == (len(zeros),) + 9 * (0,)


def test_blends_of_two_digits_leave_it_less_sure(classifier, digits):
    blends = ((digits.test + np.roll(digits.test, 1, axis=0)) / 2)[digits.test_labels != np.roll(digits.test_labels, 1)]
    assert class_histogram(classifier, blends).confidence < 0.8 < class_histogram(classifier, digits.test).confidence


# its distance from even counts


@pytest.mark.parametrize(
    ("counts", "kl"),
    [
        ([7] * 10, 0.0),
        ([0.1] * 3, 0.0),
        ([0, 12, 0, 0], math.log(4)),
        ([1] * 9 + [0], math.log(10 / 9)),
        ([3, 1], 0.75 * math.log(1.5) + 0.25 * math.log(0.5)),
        ((4, 4, 2), 0.8 * math.log(1.2) + 0.2 * math.log(0.6)),
    ],
)
def test_the_divergence_is_exact(counts, kl):
    assert kl_from_uniform(counts) == pytest.approx(kl, abs=1e-15)
    assert kl_from_uniform(np.array(counts)[::-1]) == pytest.approx(kl, abs=1e-15)


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any))
def test_the_divergence_lies_between_none_and_that_of_one_class(counts):
    assert 0 <= kl_from_uniform(counts) <= math.log(len(counts)) + 1e-12


def test_even_classes_have_the_divergence_of_chance():
    draws = rng().multinomial(1000, [0.1] * 10, size=2000)
    values = [kl_from_uniform(counts) for counts in draws]
    assert np.mean(values) == pytest.approx(9 / 2000, rel=0.05)


# errors


def test_bad_input_gets_a_sentence(classifier, digits):
    with pytest.raises(
        UserError, match="ring has no labels to train a classifier on; take data that has, such as digits"
    ):
        train_classifier(load("ring"))
    with pytest.raises(UserError, match="epochs must be 1 or more, and is 0"):
        train_classifier(digits, epochs=0)
    with pytest.raises(UserError, match=r"the classifier takes points of 64 numbers, and samples has shape \(2, 3\)"):
        class_histogram(classifier, np.zeros((2, 3)))
    with pytest.raises(UserError, match=r"samples of shape .* must hold finite numbers"):
        classifier.features(np.full((2, 64), np.nan))
    for counts in ([], [0, 0], [1, -1], [[1, 2]], [1, math.nan], [1, math.inf]):
        with pytest.raises(UserError, match="counts must be a sequence of numbers >= 0, not all of them 0"):
            kl_from_uniform(counts)
