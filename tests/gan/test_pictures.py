"""Pictures: where each pixel lies, frames that compare, files that are whole and the same every time."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from gan import pictures
from gan.errors import UserError
from gan.pictures import GUTTER, GUTTER_GREY, densities, image_grid, save, scatter

PLANE = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
LINE = np.random.default_rng(1).normal(size=(500, 1)).astype(np.float32)


def pixels(*args, **kwargs):
    return np.asarray(image_grid(*args, **kwargs))


# image_grid


def test_every_pixel_has_its_place_and_value():
    samples = np.arange(3 * 2 * 3).reshape(3, 6) / 17  # 3 images of 2 x 3, in 2 columns
    grid = pixels(samples, (2, 3), columns=2, scale=2)
    expected = np.full((2 * (4 + GUTTER) + GUTTER, 2 * (6 + GUTTER) + GUTTER), GUTTER_GREY, np.uint8)
    for k, (top, left) in enumerate([(0, 0), (0, 6 + GUTTER), (4 + GUTTER, 0)]):
        for i in range(4):
            for j in range(6):
                value = round(255 * samples[k, 3 * (i // 2) + j // 2])
                expected[GUTTER + top + i, GUTTER + left + j] = value
    np.testing.assert_array_equal(grid, expected)
    assert grid.dtype == np.uint8
    assert image_grid(samples, (2, 3)).mode == "L"


def test_values_are_clipped_and_rounded():
    samples = np.array([[-0.5, 0.0, 1.0, 7.0, 0.5 / 255 - 1e-4, 0.5 / 255 + 1e-4]])
    grid = pixels(samples, (1, 6), scale=1)
    np.testing.assert_array_equal(grid[GUTTER, GUTTER:-GUTTER], [0, 0, 255, 255, 0, 1])


def test_the_8_bit_values_survive():
    steps = np.arange(256)
    for dtype in (np.float32, np.float64):
        grid = pixels((steps / 255).astype(dtype)[None], (16, 16), scale=1)
        np.testing.assert_array_equal(grid[GUTTER:-GUTTER, GUTTER:-GUTTER].ravel(), steps)


@pytest.mark.parametrize(
    ("n", "columns", "cells"),
    [(1, None, (1, 1)), (5, None, (2, 3)), (7, None, (3, 3)), (10, 5, (2, 5)), (3, 5, (1, 5))],
)
def test_counts_that_are_not_square(n, columns, cells):
    grid = pixels(np.ones((n, 4)), (2, 2), columns=columns, scale=1)
    assert grid.shape == tuple(2 * k + (k + 1) * GUTTER for k in cells)
    assert (grid == 255).sum() == 4 * n
    assert (grid == GUTTER_GREY).sum() == grid.size - 4 * n  # an empty cell is no black image


@pytest.mark.parametrize(
    ("image_shape", "cell"),
    [
        ((8, 8), (56, 56)),
        ((28, 28), (56, 56)),
        ((48, 48), (48, 48)),
        ((200, 100), (200, 100)),
    ],
)
def test_images_grow_to_a_size_that_can_be_seen(image_shape, cell):
    grid = pixels(np.zeros((1, image_shape[0] * image_shape[1])), image_shape)
    assert grid.shape == (cell[0] + 2 * GUTTER, cell[1] + 2 * GUTTER)


def test_the_samples_are_left_alone():
    samples = np.full((2, 4), 2.0)
    image_grid(samples, (2, 2))
    assert (samples == 2).all()


def test_colours_are_shown_about_grey_and_relative_to_the_largest():
    samples = np.random.default_rng(4).normal(size=(3, 2 * 3 * 3))
    samples[1, 7] = -8  # the largest
    grid = pixels(samples, (2, 3, 3), columns=2, scale=2)
    expected = np.full((2 * (4 + GUTTER) + GUTTER, 2 * (6 + GUTTER) + GUTTER, 3), GUTTER_GREY, np.uint8)
    for k, (top, left) in enumerate([(0, 0), (0, 6 + GUTTER), (4 + GUTTER, 0)]):
        for i in range(4):
            for j in range(6):
                colour = samples[k].reshape(2, 3, 3)[i // 2, j // 2]
                expected[GUTTER + top + i, GUTTER + left + j] = np.rint((colour / 8 + 1) / 2 * 255)
    np.testing.assert_array_equal(grid, expected)
    assert image_grid(samples, (2, 3, 3)).mode == "RGB"
    np.testing.assert_array_equal(pixels(np.zeros((1, 12)), (2, 2, 3), scale=1)[GUTTER:-GUTTER, GUTTER:-GUTTER], 128)
    clipped = pictures.shown(samples, (2, 3, 3), largest=1.0)
    assert (clipped.min(), clipped.max()) == (0, 1)
    assert clipped[0, 1, 2, 0] == np.clip((samples[0, 15] + 1) / 2, 0, 1)


# scatter and densities


def offsets(axes, k):
    return np.asarray(axes.collections[k].get_offsets())


def test_scatter_draws_the_generated_over_the_data():
    figure = scatter(PLANE[:50] / 2, PLANE)
    (axes,) = figure.axes
    np.testing.assert_allclose(offsets(axes, 0), PLANE)
    np.testing.assert_allclose(offsets(axes, 1), PLANE[:50] / 2)
    assert axes.get_aspect() == 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["data", "generated"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$x_1$", "$x_2$")


def test_limits_follow_from_the_data_alone():
    def limits(figure):
        return [axis for axes in figure.axes for axis in (axes.get_xlim(), axes.get_ylim())]

    square = np.array([[-1.0, 0.0], [3.0, 2.0]])
    assert limits(scatter(square, square)) == [(-2, 4), (-2, 4)]
    assert limits(scatter(100 * PLANE, square)) == [(-2, 4), (-2, 4)]
    collapsed = np.full((7, 1), 0.3)
    assert limits(densities(collapsed, LINE)) == limits(densities(LINE[:7], LINE))


def test_data_in_one_point_has_limits_too():
    (axes,) = scatter(PLANE, np.full((3, 2), 5.0)).axes
    assert axes.get_xlim() == (4, 6)
    (axes,) = densities(LINE, np.full((3, 1), 5.0)).axes
    assert axes.get_xlim() == (4, 6)


def test_samples_outside_the_limits_are_counted():
    strays = np.array([[1e30, 1e30], [-1e30, 0], [np.float32(3e38), 0], [0, 1e9], [0, -1e6]], np.float32)
    samples = np.concatenate([PLANE[:10], strays])
    figure = scatter(samples, PLANE)
    assert figure.legends[0].get_texts()[1].get_text() == "generated (5 of 15 outside)"
    assert len(offsets(figure.axes[0], 1)) == 10
    figure = densities(np.array([[0.0], [1e30]]), LINE)
    assert figure.legends[0].get_texts()[0].get_text() == "generated (1 of 2 outside)"


def test_densities_have_the_area_of_what_is_inside():
    samples = np.concatenate([LINE[:300], np.full((100, 1), 1e3, np.float32)])
    generated, data = densities(samples, LINE).axes[0].patches
    for curve, area in ((generated, 0.75), (data, 1)):
        values, edges, _ = curve.get_data()
        assert values @ np.diff(edges) == pytest.approx(area)
    values, edges, _ = data.get_data()
    share = ((edges[9] <= LINE) & (edges[10] > LINE)).mean()
    assert values[9] * (edges[10] - edges[9]) == pytest.approx(share)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_densities_draw_the_discriminator(shape):
    seen = []

    def discriminator(x):
        seen.append(x)
        return (1 / (1 + np.exp(-x))).reshape(shape)

    figure = densities(LINE[:50], LINE, discriminator=discriminator)
    left, right = figure.axes
    (x,) = seen
    assert x.dtype == LINE.dtype
    assert (x[0, 0], x[-1, 0]) == pytest.approx(left.get_xlim())
    curve = right.lines[1]
    np.testing.assert_allclose(curve.get_ydata(), 1 / (1 + np.exp(-x[:, 0])))
    np.testing.assert_allclose(curve.get_xdata(), x[:, 0], atol=1e-6)
    assert right.get_ylim()[1] >= 1
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["generated", "data", "$D(x)$"]


# save

KINDS = {
    "images": (np.random.default_rng(2).random((9, 64)), {"image_shape": (8, 8), "data": None}),
    "plane": (PLANE[:50], {"image_shape": None, "data": PLANE}),
    "line": (
        LINE[:50],
        {"image_shape": None, "data": LINE, "discriminator": lambda x: 1 / (1 + np.exp(-x))},
    ),
}


def read(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("kind", KINDS)
def test_saves_are_the_same_byte_for_byte(kind, tmp_path):
    samples, how = KINDS[kind]
    for name in ("a.png", "b.png"):
        save(tmp_path / name, samples, **how)
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert b"matplotlib" not in content.lower()
    assert sorted(os.listdir(tmp_path)) == ["a.png", "b.png"]
    image = Image.open(io.BytesIO(content))
    assert image.format == "PNG"
    assert not {"Software", "Creation Time", "date:create"} & set(image.info)


def test_save_chooses_by_the_shape(tmp_path):
    samples, how = KINDS["images"]
    path = tmp_path / "a.png"
    save(str(path), samples, **how)
    np.testing.assert_array_equal(read(path), pixels(samples, (8, 8)))
    save(path, PLANE, image_shape=None, data=PLANE)
    assert read(path).shape == (530, 500, 4)
    save(path, LINE, image_shape=None, data=LINE)
    assert read(path).shape == (420, 650, 4)
    save(path, PLANE, image_shape=(1, 2), data=PLANE)  # the image_shape decides
    assert read(path).ndim == 2


def test_a_failing_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    samples, how = KINDS["images"]
    save(path, samples, **how)
    old = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"cannot write .*a\.png: no space is left"):
        save(path, 1 - samples, **how)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_drawing_that_fails_touches_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        save(tmp_path / "a.png", LINE, image_shape=None, data=LINE, discriminator=lambda x: 1 // 0)
    assert os.listdir(tmp_path) == []


def test_a_missing_folder_gets_a_sentence(tmp_path):
    samples, how = KINDS["images"]
    with pytest.raises(UserError, match="does not exist"):
        save(tmp_path / "nowhere" / "a.png", samples, **how)


def test_importing_pictures_is_cheap_and_drawing_leaves_pyplot_out():
    code = """
import sys, numpy as np
from gan import pictures
assert not {"matplotlib", "PIL"} & set(sys.modules)
points = np.random.default_rng(0).normal(size=(9, 2))
pictures.scatter(points, points), pictures.densities(points[:, :1], points[:, :1])
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# errors

BAD_POINTS = [
    (np.array([[np.nan, 0.5], [0.1, 0.2]]), r"samples must be finite to be drawn, and 1 of 2 rows hold nan"),
    (np.array([[np.inf, -np.inf]]), r"samples must be finite to be drawn, and 1 of 1 rows hold nan"),
    (np.zeros((0, 2)), r"samples must have shape \(points, dimension\), neither 0, and has shape \(0, 2\)"),
    (np.zeros(2), r"samples must have shape .* and has shape \(2,\)"),
    (np.zeros((3, 2), np.uint8), r"samples must be a NumPy array of floats, and is uint8"),
    ([[0.0, 0.0]], r"samples must be a NumPy array of floats, and is list"),
]


@pytest.mark.parametrize(("samples", "words"), BAD_POINTS)
@pytest.mark.parametrize("image_shape", [(1, 2), None])
def test_bad_samples_get_a_sentence(samples, words, image_shape, tmp_path):
    with pytest.raises(UserError, match=words):
        save(tmp_path / "a.png", samples, image_shape=image_shape, data=PLANE)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("samples", "how", "words"),
    [
        (
            np.zeros((2, 3)),
            {"image_shape": None, "data": np.zeros((2, 3))},
            r"\(2, 3\) cannot be drawn: pass",
        ),
        (PLANE, {"image_shape": None, "data": None}, r"data is None.* shape \(m, 2\)"),
        (PLANE, {"image_shape": None, "data": LINE}, r"data must have shape \(n, 2\) .* \(500, 1\)"),
        (LINE, {"image_shape": None, "data": PLANE}, r"data must have shape \(n, 1\) .* \(200, 2\)"),
        (LINE, {"image_shape": None, "data": LINE * np.nan}, r"data must be finite"),
        (PLANE, {"image_shape": (8, 8), "data": None}, r"\(200, 2\) are no images of .*8\): rows of 64"),
        (PLANE, {"image_shape": (-1, -2), "data": None}, r"image_shape must be .* \(-1, -2\)"),
        (
            PLANE,
            {"image_shape": (1, 1, 2), "data": None},
            r"image_shape must be .*\(height, width, 3\), and is \(1, 1, 2\)",
        ),
        (PLANE, {"image_shape": (2,), "data": None}, r"image_shape must be .* \(2,\)"),
        (PLANE, {"image_shape": (4, 4, 3), "data": None}, r"\(200, 2\) are no images of .*3\): rows of 48"),
    ],
)
def test_what_cannot_be_drawn_gets_a_sentence(samples, how, words, tmp_path):
    with pytest.raises(UserError, match=words):
        save(tmp_path / "a.png", samples, **how)


def test_a_file_that_is_no_png_gets_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"a\.jpg does not end in \.png"):
        save(tmp_path / "a.jpg", PLANE, image_shape=None, data=PLANE)


@pytest.mark.parametrize("how", [{"columns": 0}, {"scale": 0}])
def test_a_grid_of_nothing_gets_a_sentence(how):
    with pytest.raises(UserError, match="columns and scale must be 1 or more"):
        image_grid(np.zeros((2, 4)), (2, 2), **how)


@pytest.mark.parametrize(
    ("discriminator", "words"),
    [
        (lambda x: 3 * x, r"D\(x\) in \[0, 1\], and gave -.*; a logit needs the sigmoid first"),
        (lambda x: x * np.nan, r"D\(x\) in \[0, 1\], and gave nan"),
        (lambda x: 0.5, r"gave 1 numbers for 256 points; expected one each"),
    ],
)
def test_a_discriminator_that_gives_no_probabilities_gets_a_sentence(discriminator, words):
    with pytest.raises(UserError, match=words):
        densities(LINE, LINE, discriminator=discriminator)


def test_scatter_and_densities_ask_for_their_dimension():
    with pytest.raises(UserError, match=r"samples must have shape \(n, 2\) .* \(500, 1\)"):
        scatter(LINE, PLANE)
    with pytest.raises(UserError, match=r"samples must have shape \(n, 1\) .* \(200, 2\)"):
        densities(PLANE, LINE)
    assert pictures.MARGIN == 0.25  # the limits above are computed with it
