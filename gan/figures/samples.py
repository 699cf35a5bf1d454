"""Figures 2 and 3 of the paper: what a trained G draws, beside what it was trained on, and what lies between two draws.

Nothing is chosen by eye. Figure 2 shows the first draws of a seed; figure 3 joins the first draws of that seed that
resemble the digits of the paper's strips, a 1 and a 5, a 7 and a 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minigrad import Generator

from ..data import Dataset
from ..errors import UserError
from ..evaluate.neighbours import nearest
from ..pictures import shown
from ..sampling import Player, draw_noise, generate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Images = NDArray[np.float32]

ROWS, COLUMNS = 4, 5  # of fair samples in figure 2; a sixth column is theirs nearest in the training set
STEPS = 10  # images in a strip of figure 3, the ends included
STRIPS = ((1, 5), (7, 1))  # from and to, as in the paper, whose second strip passes a 9 on its way
DRAWS = 1000  # among which the ends are looked for
CELL = 0.62  # inches of an image
NOTE = 0.2  # inches, of a line of text below
FRAME = "#F0E442"  # yellow, as in the paper


@dataclass(frozen=True, eq=False)
class Samples:
    """Figure 2: `samples` (rows, 5, d), and of each row's last one `nearest` (rows, d) in squared distance."""

    samples: Images
    nearest: Images
    indices: NDArray[np.intp]  # of the nearest images, in the training set
    distances: NDArray[np.float64]  # squared, to them
    image_shape: tuple[int, ...]


def samples(player: Player, dataset: Dataset, seed: int = 0, rows: int = ROWS) -> Samples:
    """The first ``rows x 5`` draws of `seed`, and the training images nearest to every fifth."""
    shape = _image_shape(dataset)
    drawn = player.draw(rows * COLUMNS, seed).reshape(rows, COLUMNS, -1)
    distances, indices = nearest(drawn[:, -1], dataset.train)
    return Samples(drawn, dataset.train[indices], indices, distances, shape)


def draw_samples(s: Samples, note: str = "") -> Figure:
    """Rows of five samples; in a yellow frame, the training image closest to the fifth. A line of text below."""
    rows = len(s.samples)
    figure, axes = _grid(rows, COLUMNS + 1, s.image_shape, note)
    largest = float(np.abs(s.samples).max())
    for row, images, neighbour in zip(axes, s.samples, s.nearest, strict=True):
        for axis, image in zip(row, [*images, neighbour], strict=True):
            _show(axis, image, s.image_shape, largest)
        for spine in row[-1].spines.values():
            spine.set(visible=True, color=FRAME, linewidth=2.5)
    return figure


@dataclass(frozen=True, eq=False)
class Interpolation:
    """Figure 3: `strips` (2, 10, d), G on straight lines between two z; `ends` (2, 2), which draws of the seed."""

    strips: Images
    ends: NDArray[np.intp]
    labels: NDArray[np.uint8] | None  # (2, 10): of the training image nearest to each, where there are labels
    image_shape: tuple[int, ...]


def interpolation(player: Player, dataset: Dataset, seed: int = 0) -> Interpolation:
    """``G((1 - t) z_a + t z_b)`` for ten t from 0 to 1, twice.

    A draw counts as a digit if the training image nearest to it is one. Where there are no ten digits, the ends are
    the first four draws.
    """
    shape = _image_shape(dataset)
    z = draw_noise(player.settings, DRAWS, Generator(seed))
    labels = dataset.train_labels
    ends = np.arange(4).reshape(2, 2)
    if labels is not None and len(np.unique(labels)) == 10 and len(shape) == 2:  # in colour they are no digits
        seen = labels[nearest(generate(player.G, z), dataset.train)[1]]
        ends = _ends(seen)
    t = np.linspace(0, 1, STEPS, dtype=z.dtype)[:, None]
    strips = np.stack([generate(player.G, (1 - t) * z[a] + t * z[b]) for a, b in ends])
    named = None
    if labels is not None:
        named = labels[nearest(strips.reshape(2 * STEPS, -1), dataset.train)[1]].reshape(2, STEPS)
    return Interpolation(strips, ends, named, shape)


def _ends(seen: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The first draws of the strips' digits, each draw used once; UserError if G draws no such digit."""
    left = {digit: list(np.flatnonzero(seen == digit)) for digit in range(10)}
    ends = []
    for digit in [end for strip in STRIPS for end in strip]:
        if not left[digit]:
            raise UserError(
                f"none of {DRAWS} samples resembles a {digit}, an end of figure 3: train on, or try a --seed"
            )
        ends.append(left[digit].pop(0))
    return np.array(ends).reshape(2, 2)


def draw_interpolation(s: Interpolation, note: str = "") -> Figure:
    """Two strips of ten images, and a line of text below."""
    figure, axes = _grid(2, STEPS, s.image_shape, note)
    largest = float(np.abs(s.strips).max())
    for row, strip in zip(axes, s.strips, strict=True):
        for axis, image in zip(row, strip, strict=True):
            _show(axis, image, s.image_shape, largest)
    return figure


def _image_shape(dataset: Dataset) -> tuple[int, ...]:
    if dataset.image_shape is None:
        raise UserError(f"{dataset.name} has points, not images: figures 2 and 3 are for images")
    return dataset.image_shape


def _grid(rows: int, columns: int, shape: tuple[int, ...], note: str) -> tuple[Figure, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = shape[:2]
    longer = max(height, width)
    below = NOTE if note else 0.0
    size = (columns * CELL * width / longer, rows * CELL * height / longer + below)
    figure = Figure(size, facecolor="white")
    figure.text(0.01, 0.02, note, fontsize=7)
    FigureCanvasAgg(figure)
    space = {"left": 0.01, "right": 0.99, "bottom": 0.01 + below / size[1], "top": 0.99, "wspace": 0.06, "hspace": 0.06}
    return figure, figure.subplots(rows, columns, squeeze=False, gridspec_kw=space)


def _show(axis: Axes, image: Images, shape: tuple[int, ...], largest: float) -> None:
    values = image.reshape(shape) if len(shape) == 2 else shown(image[None], shape, largest)[0]
    axis.imshow(values, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    axis.set(xticks=(), yticks=())
    for spine in axis.spines.values():
        spine.set_visible(False)
