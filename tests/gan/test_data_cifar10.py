"""CIFAR-10's binary version in small: records of the same layout, and what can be wrong with files and archives."""

import hashlib
import io
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pooch
import pytest

from gan import data
from gan.data import cifar10
from gan.data.mnist import CACHE_VARIABLE
from gan.errors import UserError

NAMES = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]


def record(label, red, green, blue):
    """One image as the file has it; each colour is 32 x 32 bytes."""
    return bytes([label]) + b"".join(np.asarray(c, np.uint8).tobytes() for c in (red, green, blue))


@pytest.fixture
def images():
    """{file: (labels, images (4, 32, 32, 3))}."""
    rng = np.random.default_rng(3)
    return {name: (rng.integers(0, 10, 4), rng.integers(0, 256, (4, 32, 32, 3))) for name in NAMES}


@pytest.fixture
def folder(images, tmp_path, monkeypatch):
    """The six files, of 4 records each; the last 3 of the 20 training images validate."""
    monkeypatch.setattr(cifar10, "RECORDS", 4)
    monkeypatch.setattr(cifar10, "VALID", 3)
    path = tmp_path / "cifar"
    path.mkdir()
    for name, (labels, pictures) in images.items():
        parts = [record(k, *np.moveaxis(picture, 2, 0)) for k, picture in zip(labels, pictures, strict=True)]
        (path / name).write_bytes(b"".join(parts))
    return path


def archive_of(folder, path, monkeypatch, inside=cifar10.FOLDER):
    with tarfile.open(path, "w:gz") as archive:
        for name in NAMES:
            archive.add(folder / name, f"{inside}/{name}")
    monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def expected(picture):
    """One image, in float64."""
    x = picture.astype(np.float64).ravel()
    x = x - x.mean()
    return 55 * x / np.sqrt((x**2).sum())


def refused(data_dir):
    with pytest.raises(UserError) as caught:
        data.load("cifar10", data_dir=data_dir)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def same(a, b):
    return all(
        np.array_equal(getattr(a, f"{split}{kind}"), getattr(b, f"{split}{kind}"))
        for split in ("train", "valid", "test")
        for kind in ("", "_labels")
    )


def test_every_number_is_where_the_format_says(folder, images):
    loaded = data.load("cifar10", data_dir=folder)
    assert loaded.image_shape == (32, 32, 3)
    assert loaded.name == "cifar10"
    train = [picture for name in NAMES[:5] for picture in images[name][1]]
    labels = [label for name in NAMES[:5] for label in images[name][0]]
    for got, got_labels, pictures, wanted in (
        (loaded.train, loaded.train_labels, train[:17], labels[:17]),
        (loaded.valid, loaded.valid_labels, train[17:], labels[17:]),
        (loaded.test, loaded.test_labels, *images[NAMES[5]][::-1]),
    ):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, [expected(picture) for picture in pictures], rtol=1e-4, atol=1e-5)
        assert got_labels.tolist() == list(wanted)


def test_contrast_is_normalised_image_by_image():
    rng = np.random.default_rng(0)
    pixels = np.concatenate([rng.integers(100, 104, (5, 3072)), rng.integers(0, 256, (5, 3072))]).astype(np.uint8)
    x = cifar10.normalised(pixels).astype(np.float64)
    np.testing.assert_allclose(x.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(x, axis=1), 55, rtol=1e-5)
    assert x.std() == pytest.approx(55 / np.sqrt(3072), rel=1e-5)  # about 1
    one = np.full((1, 3072), 200, np.uint8)
    assert not cifar10.normalised(one).any()
    one[0, 7] = 201  # the least contrast that there is
    assert np.linalg.norm(cifar10.normalised(one)) == pytest.approx(55, rel=1e-3)


def test_the_sizes_of_the_real_files():
    assert cifar10.RECORDS * 6 == 60_000
    assert cifar10.RECORDS * 5 - cifar10.VALID == 40_000
    assert np.prod(cifar10.SHAPE) == 3072
    assert len(cifar10.SHA256) == 64


def test_the_folder_of_the_archive_or_the_archive_itself(folder, tmp_path, monkeypatch):
    bare = data.load("cifar10", data_dir=folder)
    (tmp_path / "up").mkdir()
    shutil.copytree(folder, tmp_path / "up" / "cifar-10-batches-bin")
    assert same(data.load("cifar10", data_dir=tmp_path / "up"), bare)
    (tmp_path / "zipped").mkdir()
    archive_of(folder, tmp_path / "zipped" / "cifar-10-binary.tar.gz", monkeypatch)
    assert same(data.load("cifar10", data_dir=tmp_path / "zipped"), bare)


def test_a_download_is_kept_once_it_is_verified(folder, tmp_path, monkeypatch):
    served = archive_of(folder, tmp_path / "served.tar.gz", monkeypatch).read_bytes()
    cache = tmp_path / "not" / "there yet"
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    asked = []

    def get(self, url, output, downloader):
        asked.append(url)
        Path(output).write_bytes(served if len(asked) > 1 else served[:-1])

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", get)
    assert "expected the original" in refused(None)
    assert os.listdir(cache) == []
    first = data.load("cifar10")
    assert os.listdir(cache) == ["cifar-10-binary.tar.gz"]
    assert same(data.load("cifar10"), first)
    assert same(data.load("cifar10", data_dir=folder), first)
    assert asked == ["https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"] * 2


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))

    def get(self, url, output, downloader):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", get)
    sentence = refused(None)
    assert sentence.startswith("CIFAR-10 could not be downloaded (no route to host); ")
    assert "--data-dir" in sentence
    assert os.listdir(tmp_path / "cache") == []
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "in"))
    assert "cannot be written" in refused(None)


def test_files_that_are_not_cifar10(folder, tmp_path, monkeypatch):
    assert "data_batch_1.bin cannot be read (No such file or directory)" in refused(tmp_path / "nowhere")
    file = folder / "data_batch_3.bin"
    content = file.read_bytes()
    for wrong in (content[:-1], content + b"\0", b""):
        file.write_bytes(wrong)
        assert f"data_batch_3.bin has {len(wrong)} bytes; expected 4 records of 3073, 12292 bytes" in refused(folder)
    file.write_bytes(b"\x0a" + content[1:])
    assert "data_batch_3.bin has a label 10; expected 0 to 9" in refused(folder)
    file.unlink()
    assert "data_batch_3.bin cannot be read" in refused(folder)
    (folder / "cifar-10-binary.tar.gz").write_bytes(b"something else")
    assert "with sha256" in refused(folder)


@pytest.mark.parametrize("kind", ["other folder", "no archive", "cut"])
def test_archives_whose_content_is_another(kind, folder, tmp_path, monkeypatch):
    (tmp_path / "zipped").mkdir()
    path = tmp_path / "zipped" / "cifar-10-binary.tar.gz"
    archive_of(folder, path, monkeypatch, "other" if kind == "other folder" else cifar10.FOLDER)
    if kind != "other folder":
        path.write_bytes(path.read_bytes()[:-2000] if kind == "cut" else b"\x1f\x8bno archive")
        monkeypatch.setattr(cifar10, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    assert "is no archive of the binary version of CIFAR-10" in refused(tmp_path / "zipped")


def test_a_run_on_colour_images(folder, tmp_path, monkeypatch):
    """Pictures and figure 2 in colour; the first are drawn before any step."""
    from PIL import Image

    from gan import cli
    from gan.figures import samples
    from gan.run_folder import RunFolder
    from gan.sampling import Player

    sizes = ["--generator-layers", "6,5", "--discriminator-layers", "3,3", "--batch-size", "5", "--steps", "2"]
    run = tmp_path / "run"
    cli.main(
        ["train", "--data", "cifar10", "--data-dir", str(folder), "--out", str(run), *sizes], standalone_mode=False
    )
    with Image.open(run / "samples" / "step-000002.png") as image:
        assert image.mode == "RGB"
    dataset = data.load("cifar10", data_dir=folder)
    found = samples.samples(Player(RunFolder.read(run)), dataset, rows=2)
    figure = samples.draw_samples(found)
    drawn = [axis.images[0].get_array() for axis in figure.axes]
    largest = np.abs(found.samples).max()
    wanted = (found.samples[1, 2].reshape(32, 32, 3).astype(np.float64) / largest + 1) / 2
    np.testing.assert_allclose(drawn[8], wanted, atol=1e-6)
    wanted = np.clip((found.nearest[0].reshape(32, 32, 3).astype(np.float64) / largest + 1) / 2, 0, 1)
    np.testing.assert_allclose(drawn[5], wanted, atol=1e-6)
    figure.savefig(io.BytesIO(), format="png")
    strips = samples.interpolation(Player(RunFolder.read(run)), dataset)
    assert strips.ends.tolist() == [[0, 1], [2, 3]]  # no digits are looked for
    samples.draw_interpolation(strips).savefig(io.BytesIO(), format="png")
