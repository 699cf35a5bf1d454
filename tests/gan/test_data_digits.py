"""scikit-learn's digits, the names of the data sets, and what `Dataset` promises."""

import subprocess
import sys

import numpy as np
import pytest
import sklearn.datasets

from gan import data
from gan.data import Dataset, digits
from gan.errors import UserError


@pytest.fixture(scope="module")
def loaded():
    return data.load("digits")


def splits(dataset):
    return dataset.train, dataset.valid, dataset.test


def labels(dataset):
    return dataset.train_labels, dataset.valid_labels, dataset.test_labels


def test_shapes(loaded):
    assert [split.shape for split in splits(loaded)] == [(1297, 64), (250, 64), (250, 64)]
    assert [split.shape for split in labels(loaded)] == [(1297,), (250,), (250,)]
    assert loaded.image_shape == (8, 8)
    assert loaded.dimension == 64
    assert repr(loaded) == "Dataset(name='digits', image_shape=(8, 8))"


def test_pixels_are_sixteenths_from_0_to_1(loaded):
    pixels = np.concatenate(splits(loaded))
    assert pixels.dtype == np.float32
    assert (pixels.min(), pixels.max()) == (0, 1)
    assert set(np.unique(pixels) * 16) == set(range(17))


def test_the_splits_share_nothing_and_together_are_everything(loaded):
    images, targets = sklearn.datasets.load_digits(return_X_y=True)
    whole = {(image.tobytes(), label) for image, label in zip(images, targets, strict=True)}
    ours = [
        {((image * 16.0).astype(np.float64).tobytes(), label) for image, label in zip(x, y, strict=True)}
        for x, y in zip(splits(loaded), labels(loaded), strict=True)
    ]
    assert set.union(*ours) == whole
    assert sum(map(len, ours)) == len(whole) == 1797


def test_the_shuffle_is_fixed_for_good(loaded):
    assert loaded.train_labels[:10].tolist() == [0, 5, 5, 9, 5, 9, 9, 3, 6, 7]
    np.testing.assert_array_equal(loaded.train, data.load("digits", seed=5).train)


def test_every_split_has_every_digit(loaded):
    for split in labels(loaded):
        assert np.bincount(split, minlength=10).min() > len(split) * 0.06


@pytest.mark.parametrize("what", ["image", "label"])
def test_other_digits_are_refused(monkeypatch, what):
    images, targets = sklearn.datasets.load_digits(return_X_y=True)
    if what == "image":
        images[5, 20] += 1
    else:
        targets[5] += 1
    monkeypatch.setattr(sklearn.datasets, "load_digits", lambda return_X_y: (images, targets))
    with pytest.raises(
        UserError, match=rf"scikit-learn .* carries other digits .* expected {digits.SHA256}\); install"
    ):
        data.load("digits")


@pytest.mark.parametrize("name", ["digits", "ring"])
def test_what_is_loaded_cannot_be_changed(name):
    dataset = data.load(name)
    for array in (*splits(dataset), *labels(dataset)):
        if array is None:
            continue
        assert not array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(AttributeError):
        dataset.train = dataset.test


NAMES = "digits, mnist, ring, grid, gaussian, faces, drawn_faces, cifar10"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("minst", "'mnist'"), ("MNIST", "'mnist'"), ("digit", "'digits'"), ("gausian", "'gaussian'")],
)
def test_an_unknown_name_gets_the_choices_and_the_nearest(name, hint):
    with pytest.raises(UserError, match=rf"choose one of {NAMES}\. Did you mean {hint}\?"):
        data.load(name)


@pytest.mark.parametrize("name", ["svhn", "", "/etc", None])
def test_a_name_like_none_of_them_gets_the_choices_only(name):
    with pytest.raises(UserError, match=rf"choose one of {NAMES}\.$"):
        data.load(name)


def test_scikit_learn_and_pooch_load_only_when_needed():
    code = (
        "import sys, gan.data; gan.data.load('gaussian');"
        "print(sorted({'sklearn', 'pooch', 'scipy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_arrays_that_are_not_contiguous_are_made_so():
    fortran = np.asfortranarray(np.ones((3, 4), np.float32))
    dataset = Dataset("mine", fortran, fortran, fortran, image_shape=None)
    assert all(split.flags.c_contiguous and not split.flags.writeable for split in splits(dataset))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": np.ones((3, 4))}, r"mine: train is float64 \(3, 4\); expected a NumPy array of float32"),
        ({"valid": np.ones(4, np.float32)}, r"mine: valid is float32 \(4,\); .* shape \(n, d\)"),
        ({"test": [[1.0]]}, "mine: test is list; expected a NumPy array"),
        ({"test": np.ones((3, 5), np.float32)}, "mine: test has points of 5 numbers and train of 4"),
        ({"train_labels": np.ones(3)}, "mine: train_labels is float64"),
        ({"test_labels": np.ones(2, np.uint8)}, "mine: test has 3 points but 2 labels"),
        ({"image_shape": (3, 3)}, r"mine: image_shape \(3, 3\) does not make 4 pixels"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(change, message):
    def ones():
        return np.ones((3, 4), np.float32)

    good = {"train": ones(), "valid": ones(), "test": ones(), "image_shape": (2, 2)}
    assert Dataset("mine", **good).dimension == 4
    with pytest.raises(UserError, match=message):
        Dataset("mine", **(good | change))
