"""Faces: the Olivetti photographs through scikit-learn's loader, in random numbers' place, and the drawn stand-in."""

import warnings

import joblib
import numpy as np
import pytest
from sklearn import datasets

from gan import data
from gan.data import faces
from gan.errors import UserError


@pytest.fixture
def photographs(tmp_path):
    """400 images of 64 x 64, 10 of each person, in the file that scikit-learn keeps: each column by column."""
    pixels = np.random.default_rng(5).random((400, 64, 64), np.float32)
    pixels.flat[:2] = 0, 1
    joblib.dump(pixels.transpose(0, 2, 1).reshape(400, 4096), tmp_path / "olivetti_py3.pkz")
    return tmp_path, pixels


def test_photographs_are_split_by_person(photographs):
    folder, pixels = photographs
    loaded = data.load("faces", data_dir=folder)
    assert (loaded.name, loaded.image_shape, loaded.train_labels) == ("faces", (48, 48), None)
    # a pixel is the mean of 4 x 4 after each old one became 3 x 3
    small = pixels.astype(np.float64).repeat(3, axis=1).repeat(3, axis=2).reshape(400, 48, 4, 48, 4).mean(axis=(2, 4))
    for split, first, last in ((loaded.train, 0, 300), (loaded.valid, 300, 350), (loaded.test, 350, 400)):
        assert split.dtype == np.float32
        np.testing.assert_allclose(split, small[first:last].reshape(-1, 2304), atol=1e-6)
        assert first % 10 == last % 10 == 0


def test_smaller_pictures_keep_their_range():
    ends = np.array([0, 1], np.float32)[:, None, None] * np.ones((2, 64, 64), np.float32)
    np.testing.assert_allclose(faces.smaller(ends), ends[:, :48, :48].reshape(2, -1), atol=1e-6)
    assert faces.smaller(ends).max() <= 1


def refused(data_dir):
    with pytest.raises(UserError) as caught:
        data.load("faces", data_dir=data_dir)
    sentence = str(caught.value)
    assert "drawn_faces" in sentence
    assert "--data-dir" in sentence
    return sentence


def test_photographs_that_are_not_to_be_had(tmp_path, monkeypatch):
    assert refused(tmp_path).startswith(f"The Olivetti faces are not in {tmp_path} (Data not found")
    assert "nowhere is no folder" in refused(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "olivetti_py3.pkz").write_bytes(b"no pickle")
    assert refused(tmp_path).startswith(f"The Olivetti faces are not in {tmp_path}")

    def no_network(data_home, download_if_missing):
        assert (data_home, download_if_missing) == (None, True)
        warnings.warn("Retry downloading from url: ...", stacklevel=1)  # as scikit-learn does
        raise OSError("no route to host")

    monkeypatch.setattr(datasets, "fetch_olivetti_faces", no_network)
    assert refused(None).startswith("The Olivetti faces could not be downloaded (no route to host); ")


# ----------------------------------------------------------------------------------------------- the stand-in


@pytest.fixture(scope="module")
def drawn():
    return faces.load_drawn((350, 120, 30))


def test_drawn_faces_have_the_shape_of_tfd(drawn):
    assert (drawn.name, drawn.image_shape, drawn.train_labels) == ("drawn_faces", (48, 48), None)
    assert [split.shape for split in (drawn.train, drawn.valid, drawn.test)] == [(350, 2304), (120, 2304), (30, 2304)]
    assert drawn.train.dtype == np.float32
    assert 0 <= drawn.train.min() < 0.1
    assert 0.9 < drawn.train.max() <= 1
    assert "stand-in" in faces.load_drawn.__doc__
    assert faces.DRAWN == (20_000, 5_000, 5_000)


def test_drawn_faces_are_the_same_every_time(drawn, monkeypatch):
    monkeypatch.setattr(faces, "BLOCK", 7)  # how many are computed at a time changes nothing
    np.testing.assert_array_equal(faces.draw(20, faces.DRAWN_SEED), drawn.train[:20])
    assert not np.array_equal(faces.draw(20, 1), drawn.train[:20])
    monkeypatch.setattr(faces, "load_drawn", lambda: drawn)
    assert data.load("drawn_faces", seed=3) is drawn  # the seed of a run is not that of its data


def test_drawn_faces_are_all_different(drawn):
    images = np.concatenate([drawn.train, drawn.valid, drawn.test]).astype(np.float64)
    squares = (images**2).sum(axis=1)
    apart = squares[:, None] + squares - 2 * images @ images.T + 1e9 * np.eye(len(images))
    assert apart.min() > 5  # squared distance of the most alike, of 2304 pixels
    assert 0.1 < images.std(axis=0).mean() < 0.3


def test_drawn_faces_are_smooth_and_face_like(drawn):
    images = drawn.train.reshape(-1, 48, 48).astype(np.float64)
    steps = np.concatenate([np.abs(np.diff(images, axis=axis)).ravel() for axis in (1, 2)])
    assert steps.mean() < 0.04
    face = images.mean(axis=0)
    eyes = face[17:23, 12:19].min(), face[17:23, 29:36].min()
    mouth = face[34:38, 20:28].min()
    for dark, beside in ((eyes[0], face[26, 16]), (eyes[1], face[26, 31]), (mouth, face[30, 14])):
        assert dark < beside - 0.04  # darker than the cheek
    np.testing.assert_allclose(face, face[:, ::-1], atol=0.08)  # no side is preferred


def test_parameters_move_what_they_are_named_after():
    middle = np.full((1, len(faces.RANGES)), 0.5, np.float32)

    def changed(name, low=0.0, high=1.0):
        ends = [middle.copy() for _ in range(2)]
        for numbers, value in zip(ends, (low, high), strict=True):
            numbers[0, list(faces.RANGES).index(name)] = value
        a, b = (faces._faces(numbers)[0].astype(np.float64) for numbers in ends)
        return b - a

    ground = changed("ground")
    assert ground[0, 0] > 0.3
    assert abs(ground[24, 24]) < 1e-6
    assert abs(changed("hair")[2:8, 24]).max() > 0.2
    mouth = np.abs(changed("smile"))
    assert mouth[30:44].sum() > 0.99 * mouth.sum() > 0
    light = changed("light")
    assert light[24, 10] < -0.05  # from the left (-1) to the right (+1)
    assert light[24, 38] > 0.05
    gaze = np.abs(changed("gaze"))
    assert gaze[14:26].sum() > 0.99 * gaze.sum() > 0
