"""What a run draws of its samples: a grid of digits, a scatter of the plane, densities on the line.

Every picture follows from its arguments alone, and its limits from the data and not from the samples, so
the pictures of one run compare. The same arguments give the same bytes of PNG, under the same Pillow and
matplotlib.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import UserError
from .files import write_atomically

if TYPE_CHECKING:  # both are slow to import, so the functions do it
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

Points = NDArray[np.floating[Any]]
Values = NDArray[np.float64]
Discriminator = Callable[[Points], ArrayLike]

CELL = 56
"""About the pixels that the longer side of an image gets in a grid: 8 x 8 grows 7 times, 28 x 28 twice."""
GUTTER = 2
"""Pixels between the images of a grid and around them."""
GUTTER_GREY = 96
"""Neither the black ground of a digit nor white; an empty cell has it too."""

MARGIN = 0.25
"""Room on each side of the data, as a share of its extent, in which samples that miss it are still seen."""
DPI = 100
# The colours of the paper's figure 1 (data black dotted, p_g green solid, D blue dashed), in the shades that
# Okabe and Ito chose for colour-blind readers; and nothing is told by its colour alone.
DATA, DATA_POINTS, GENERATED, D = "black", "0.75", "#009E73", "#0072B2"


def save(
    path: str | os.PathLike[str],
    samples: Points,
    *,
    image_shape: tuple[int, ...] | None,
    data: Points | None,
    discriminator: Discriminator | None = None,
) -> None:
    """Draw `samples` (n, d) into the PNG file `path`, which is replaced whole or not at all.

    With an `image_shape` an `image_grid`; else `densities` for d = 1 and `scatter` for d = 2, beside
    `data` (m, d). `discriminator` is drawn where d = 1. Raises `UserError` for anything else.
    """
    if Path(path).suffix.lower() != ".png":
        raise UserError(f"A picture is a PNG file, and {os.fspath(path)} does not end in .png; rename it.")
    content = io.BytesIO()
    if image_shape is not None:
        image_grid(samples, image_shape).save(content, format="PNG")
    else:
        d = _dimension("samples", samples)
        if d > 2:
            raise UserError(
                f"samples of shape {samples.shape} cannot be drawn: pass the image_shape of the rows, "
                "or points of dimension 1 or 2."
            )
        if data is None:
            raise UserError(f"data is None, and points are drawn beside it: pass an array of shape (m, {d}).")
        figure = densities(samples, data, discriminator=discriminator) if d == 1 else scatter(samples, data)
        # Software: matplotlib would write its version into the file.
        figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    write_atomically(path, content.getvalue())


def image_grid(
    samples: Points, image_shape: tuple[int, ...], *, columns: int | None = None, scale: int | None = None
) -> Image:
    """An 8-bit image of all samples, row by row from the top left.

    samples (n, d) floats, `image_shape` (h, w), or (h, w, 3) in colour, with product d; see `shown`. Each pixel
    becomes `scale` x `scale` (default: about `CELL` for the longer side); `columns` is ceil(sqrt(n)) by default.
    """
    from PIL import Image

    if len(image_shape) not in (2, 3) or min(image_shape) < 1 or image_shape[2:] not in ((), (3,)):
        raise UserError(
            f"image_shape must be (height, width), each 1 or more, or (height, width, 3), and is {image_shape}."
        )
    h, w = image_shape[:2]
    if _dimension("samples", samples) != math.prod(image_shape):
        raise UserError(
            f"samples of shape {samples.shape} are no images of shape {image_shape}: "
            f"rows of {math.prod(image_shape)} numbers were expected."
        )
    n = len(samples)
    columns = math.ceil(math.sqrt(n)) if columns is None else columns
    scale = max(1, round(CELL / max(h, w))) if scale is None else scale
    if columns < 1 or scale < 1:
        raise UserError(f"columns and scale must be 1 or more, and are {columns} and {scale}.")
    levels = np.rint(shown(samples, image_shape) * 255).astype(np.uint8)
    images = levels.repeat(scale, axis=1).repeat(scale, axis=2)
    step_y, step_x = h * scale + GUTTER, w * scale + GUTTER
    shape = (math.ceil(n / columns) * step_y + GUTTER, columns * step_x + GUTTER, *image_shape[2:])
    grid = np.full(shape, GUTTER_GREY, np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * step_y + GUTTER, i % columns * step_x + GUTTER
        grid[y : y + h * scale, x : x + w * scale] = image
    return Image.fromarray(grid)


def shown(samples: Points, image_shape: tuple[int, ...], largest: float | None = None) -> Values:
    """(n, d) -> (n, *image_shape) from 0, black, to 1, white; what lies outside is clipped.

    Grey is shown as it is. Colours are contrast-normalised about 0 and shown as ``(x / largest + 1) / 2``, by default
    with the largest |x| of all samples, as the released code shows CIFAR-10.
    """
    x = samples.astype(np.float64)
    if len(image_shape) == 3:
        largest = float(np.abs(x).max()) if largest is None else largest
        x = (x / (largest or 1.0) + 1) / 2
    clipped: Values = np.clip(x, 0, 1).reshape(len(samples), *image_shape)
    return clipped


def scatter(samples: Points, data: Points) -> Figure:
    """Generated points (n, 2) over the data (m, 2): axes of equal scale, limits from the data.

    Samples outside the limits are counted in the legend.
    """
    _check_pair(samples, data, 2)
    low, high = _limits(data)
    inside = _inside(samples, low, high)
    figure, axes = _figure(5.0, 5.3)
    # Data in large dots, so that a rim of them shows around what covers it.
    for points, area, colour, label in (
        (data, 50, DATA_POINTS, "data"),
        (samples[inside], 5, GENERATED, _generated(inside)),
    ):
        axes.scatter(points[:, 0], points[:, 1], s=area, color=colour, linewidths=0, label=label)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    figure.legend(loc="outside upper center", ncols=2, frameon=False, markerscale=1.5)
    return figure


def densities(samples: Points, data: Points, *, discriminator: Discriminator | None = None) -> Figure:
    """Histogram densities of the generated points (n, 1) and of the data (m, 1); limits from the data.

    Samples outside the limits are counted in the legend, and not in the curve: its area is the share inside.
    `discriminator` maps points (k, 1), of the data's dtype, to k numbers D(x) in [0, 1]; it has its own axis.
    """
    _check_pair(samples, data, 1)
    (low,), (high,) = _limits(data)
    # Rice's rule: 2 n^(1/3) bins, across the data's extent.
    bins = math.ceil(2 * min(len(samples), len(data)) ** (1 / 3) * (1 + 2 * MARGIN))
    edges = np.linspace(low, high, bins + 1)
    real, fake = (np.histogram(x, edges)[0] / (len(x) * (edges[1] - edges[0])) for x in (data, samples))
    label = _generated(_inside(samples, low, high))
    figure, axes = _figure(6.5, 4.2)
    axes.stairs(fake, edges, color=GENERATED, linewidth=1.8, label=label)
    axes.stairs(real, edges, color=DATA, linewidth=1.5, linestyle=":", label="data")
    # The data keeps its height in every picture; the peak of a collapsed generator then runs out of the top.
    axes.set(xlim=(low, high), ylim=(0, 2.5 * real.max()), xlabel="$x$", ylabel="density")
    if discriminator is not None:
        x = np.linspace(low, high, 256)
        judged = _judge(discriminator, x[:, None].astype(data.dtype))
        right = axes.twinx()
        right.axhline(0.5, color=D, linewidth=0.6, alpha=0.5)  # where D cannot tell
        right.plot(x, judged, color=D, linewidth=1.5, linestyle="--", label="$D(x)$")
        right.set(ylim=(0, 1.03), yticks=(0, 0.25, 0.5, 0.75, 1), ylabel="$D(x)$")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    """One pair of axes, in a figure that no global state knows; inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _limits(data: Points) -> tuple[Values, Values]:
    """The lower and the upper limits, (d,) each: the data and a margin, equally long along each axis."""
    low, high = data.min(axis=0).astype(np.float64), data.max(axis=0).astype(np.float64)
    half = float((high - low).max()) * (0.5 + MARGIN) or 1.0  # all data in one point
    return (low + high) / 2 - half, (low + high) / 2 + half


def _inside(points: Points, low: Values, high: Values) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = np.all((points >= low) & (points <= high), axis=1)
    return inside


def _generated(inside: NDArray[np.bool_]) -> str:
    outside = len(inside) - int(inside.sum())
    return f"generated ({outside} of {len(inside)} outside)" if outside else "generated"


def _judge(discriminator: Discriminator, x: Points) -> Values:
    """D(x) at points (k, 1): (k,)."""
    judged = np.asarray(discriminator(x), dtype=np.float64).ravel()
    if len(judged) != len(x):
        raise UserError(f"discriminator gave {len(judged)} numbers for {len(x)} points; expected one each.")
    wrong = judged[~((judged >= 0) & (judged <= 1))]
    if wrong.size:
        raise UserError(
            f"discriminator must give D(x) in [0, 1], and gave {wrong[0]:g}; a logit needs the sigmoid first."
        )
    return judged


def _check_pair(samples: Points, data: Points, d: int) -> None:
    for name, points in (("samples", samples), ("data", data)):
        if _dimension(name, points) != d:
            raise UserError(f"{name} must have shape (n, {d}) in this picture, and has shape {points.shape}.")


def _dimension(name: str, points: Points) -> int:
    """The d of points (n, d), which must be finite."""
    shape, dtype = np.shape(points), getattr(points, "dtype", type(points).__name__)
    if not isinstance(points, np.ndarray) or points.dtype.kind != "f":
        raise UserError(f"{name} must be a NumPy array of floats, and is {dtype}.")
    if len(shape) != 2 or not points.size:
        raise UserError(f"{name} must have shape (points, dimension), neither 0, and has shape {shape}.")
    bad = int((~np.isfinite(points)).any(axis=1).sum())
    if bad:
        raise UserError(
            f"{name} must be finite to be drawn, and {bad} of {len(points)} rows hold nan or inf: "
            "the training diverged, or the data is damaged."
        )
    d: int = points.shape[1]
    return d
