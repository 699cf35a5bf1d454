"""Figures 2 and 3: fair draws, real neighbours, straight lines; the same bytes from the same seed."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan import cli
from gan.data import load
from gan.errors import UserError
from gan.figures import samples
from gan.figures.files import save
from gan.run_folder import RunFolder
from gan.sampling import Player, draw_noise, generate
from minigrad import Generator


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A G that has seen its digits for a few seconds: enough to draw every end of figure 3."""
    path = tmp_path_factory.mktemp("figures") / "run"
    settings = ["--steps", "3000", "--parzen-every", "1500", "--sample-every", "3000", "--generator-layers", "64,64"]
    cli.main(["train", "--out", str(path), "--kernels", "plain", *settings], standalone_mode=False)
    return path


@pytest.fixture(scope="module")
def player(run):
    return Player(RunFolder.read(run))


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_figure_2_shows_the_first_draws_and_their_neighbours(player, digits):
    shown = samples.samples(player, digits, seed=5, rows=3)
    drawn = generate(player.G, draw_noise(player.settings, 15, Generator(5)))
    np.testing.assert_array_equal(shown.samples.reshape(15, 64), drawn)
    for fifth, neighbour, index, distance in zip(
        drawn[4::5], shown.nearest, shown.indices, shown.distances, strict=True
    ):
        all_of_them = ((digits.train.astype(np.float64) - fifth) ** 2).sum(axis=1)
        assert index == all_of_them.argmin()
        assert distance == pytest.approx(all_of_them.min(), rel=1e-6)
        np.testing.assert_array_equal(neighbour, digits.train[index])


def images(figure):
    return [axis.images[0].get_array() for axis in figure.axes]


def test_figure_2_as_drawn(player, digits):
    shown = samples.samples(player, digits, rows=2)
    figure = samples.draw_samples(shown)
    expected = [image for row, n in zip(shown.samples, shown.nearest, strict=True) for image in [*row, n]]
    np.testing.assert_array_equal([a.ravel() for a in images(figure)], expected)
    framed = [any(spine.get_visible() for spine in axis.spines.values()) for axis in figure.axes]
    assert framed == [False, False, False, False, False, True] * 2
    noted = samples.draw_samples(shown, "what the loss means")
    assert "what the loss means" in [text.get_text() for text in noted.texts]
    sizes = [[axis.get_window_extent().height for axis in f.axes] for f in (figure, noted)]
    assert np.allclose(*sizes, rtol=0.03)  # the line has room of its own


def test_figure_3_lies_on_straight_lines_between_the_digits_of_the_paper(player, digits):
    found = samples.interpolation(player, digits, seed=2)
    z = draw_noise(player.settings, samples.DRAWS, Generator(2)).astype(np.float64)
    for (a, b), strip in zip(found.ends, found.strips, strict=True):
        line = [z[a] + i / 9 * (z[b] - z[a]) for i in range(10)]
        np.testing.assert_allclose(strip, generate(player.G, np.float32(line)), rtol=1e-4, atol=1e-5)
    assert found.labels[:, [0, -1]].tolist() == [[1, 5], [7, 1]]
    assert len(set(found.ends.ravel().tolist())) == 4
    seen = digits.train_labels[
        [
            ((digits.train - x) ** 2).sum(axis=1).argmin()
            for x in generate(player.G, np.float32(z[: max(found.ends[0])]))
        ]
    ]
    first = {digit: np.flatnonzero(np.append(seen, digit) == digit)[0] for digit in (1, 5)}
    assert found.ends[0].tolist() == [first[1], first[5]]  # the first of their kind: none was chosen
    np.testing.assert_array_equal(
        [a.ravel() for a in images(samples.draw_interpolation(found))], [*found.strips[0], *found.strips[1]]
    )


def test_a_G_without_the_digits(player, digits, monkeypatch):
    monkeypatch.setattr(samples, "DRAWS", 1)
    with pytest.raises(UserError, match="none of 1 samples resembles a"):
        samples.interpolation(player, digits)


def test_points_are_no_images(player):
    for draw in (samples.samples, samples.interpolation):
        with pytest.raises(UserError, match="ring has points, not images"):
            draw(player, load("ring"))


@pytest.mark.parametrize("best", [[], ["--best"]])
@pytest.mark.parametrize("number", ["2", "3"])
def test_the_command(number, best, run, tmp_path, capsys):
    for folder in ("a", "b"):
        cli.main(["figure", number, str(run), "--out", str(tmp_path / folder), *best], standalone_mode=False)
    said = capsys.readouterr().out
    assert str(tmp_path / "a" / f"figure{number}.png") in said
    with Image.open(tmp_path / "a" / f"figure{number}.png") as image:
        image.verify()
    assert ET.parse(tmp_path / "a" / f"figure{number}.svg").getroot().tag.endswith("svg")
    for kind in ("png", "svg"):
        a, b = (tmp_path / folder / f"figure{number}.{kind}" for folder in "ab")
        assert a.read_bytes() == b.read_bytes()
    facts = json.loads((tmp_path / "a" / f"figure{number}.json").read_text())
    assert facts["seed"] == 0
    saved = RunFolder.read(run).load_checkpoint(best=bool(best))[1]
    assert facts["step"] == saved["step"]
    (line,) = (line for line in RunFolder.read(run).validation() if line["step"] == saved["step"])
    assert (facts["jsd"], facts["jsd_error"]) == (line["jsd"], line["jsd_error"])
    note = f"step {saved['step']:,}: JSD >= {line['jsd']:.3f} ± {line['jsd_error']:.3f} nats on held-out examples"
    assert note in said


def test_a_folder_that_cannot_be_made(player, digits, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="create the folder"):
        save(samples.draw_samples(samples.samples(player, digits, rows=1)), tmp_path / "file" / "inside", "figure2")
    assert [p.name for p in Path(tmp_path).iterdir()] == ["file"]
