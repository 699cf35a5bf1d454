"""Figure 1 of "Generative Adversarial Nets" (Goodfellow et al., 2014), drawn from a run of Algorithm 1 on the line.

`run` trains and finds the four panels (gan/figures/panels.py), `draw` draws them, `save` writes them, and the whole
run as an animation. p_g is no estimate from samples: it follows from G by change of variables (gan/figures/line.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..files import write_atomically
from ..pictures import DATA, GENERATED, D
from ..run_folder import versions
from . import animation, files
from .line import CHANGES, Snapshot, Values, Z
from .panels import MOVE, SHIFT, Run, X, run

__all__ = ["Run", "caption", "draw", "frames", "report", "run", "save"]

if TYPE_CHECKING:  # slow to import, so the functions do it
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.quiver import Quiver

SHOWN = (-3.3, SHIFT + 2.6)
"""The part of X that is drawn."""
PEAK, TOP = 0.8, 1.12
"""D is drawn from 0 to 1; densities in units in which the data's peak is PEAK high. TOP is where the picture ends."""
COLOURS = 24
"""Of the GIF: four inks, the grey line, and their edges."""
DARK = {DATA: "#eeeeee", GENERATED: "#2fd3a3", D: "#6cb8f0"}
"""The same colours on black."""


def draw(run: Run) -> Figure:
    """The four panels side by side, as in the paper; D* is added, thin."""
    figure = _figure(11, 3.5)
    grid = figure.add_gridspec(2, 4, height_ratios=(3, 1), hspace=0.1, wspace=0.06)
    figure.subplots_adjust(left=0.03, right=0.995, top=0.9, bottom=0.09)
    for i, (name, panel) in enumerate(run.panels.items()):
        s, below = panel.snapshot, figure.add_subplot(grid[1, i])
        _draw_panel(figure.add_subplot(grid[0, i]), below, s, i == 0, _falls(run))
        below.set_xlabel(f"({name})  {_since(run, name)}", fontsize=10)
    _legend(figure)
    return figure


def _since(run: Run, panel: str) -> str:
    """What happened since the panel before this one."""
    found = {name: p.snapshot for name, p in run.panels.items()}
    now = found[panel]
    return {
        "a": f"iteration {now.step} + {now.d_updates} updates of D",
        "b": f"+ {now.d_updates - found['a'].d_updates} updates of D",
        "c": f"+ {now.g_updates} updates of G",
        "d": f"iteration {now.step}",
    }[panel]


def frames(run: Run) -> Iterator[NDArray[np.uint8]]:
    """The snapshots of the run as pictures, (height, width, 3)."""
    figure = _figure(4.8, 3.8)
    grid = figure.add_gridspec(2, 1, height_ratios=(3, 1), hspace=0.1)
    figure.subplots_adjust(left=0.06, right=0.99, top=0.9, bottom=0.09)
    axes, below = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    lines, arrows = _draw_panel(axes, below, run.snapshots[0], True, _falls(run))
    _legend(figure)
    for i, s in enumerate(run.snapshots):
        for line, (_, heights, _) in zip(lines, _curves(s), strict=True):
            line.set_ydata(heights)
        across = _across(s, _falls(run))
        arrows.set_UVC(across, np.ones(len(across)))
        below.set_xlabel(_when(run, i), fontsize=11)
        figure.canvas.draw()
        yield np.asarray(figure.canvas.buffer_rgba())[:, :, :3].copy()  # type: ignore[attr-defined]


def _when(run: Run, i: int) -> str:
    s, last = run.snapshots[i], run.snapshots[i - 1].step
    return f"iteration {s.step}" + (": the data moves" if i and s.step == last else "")


def _figure(width: float, height: float) -> Figure:
    """A figure that no global state knows; inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=100)
    FigureCanvasAgg(figure)
    return figure


def _legend(figure: Figure) -> None:
    handles, labels = max((axes.get_legend_handles_labels() for axes in figure.axes), key=lambda found: len(found[0]))
    figure.legend(handles, labels, loc="upper center", ncols=4, frameon=False)


def _curves(s: Snapshot) -> list[tuple[str, Values, dict[str, Any]]]:
    """(label, heights, style) of what is drawn, in the order in which it is drawn."""
    unit = PEAK / s.p_data.max()
    return [
        ("$p_{data}$", s.p_data * unit, {"color": DATA, "linewidth": 1.8, "linestyle": ":"}),
        ("$p_g$", s.p_g * unit, {"color": GENERATED, "linewidth": 2.0}),
        ("$D$", s.D, {"color": D, "linewidth": 1.8, "linestyle": "--"}),
        ("$D^* = p_{data}/(p_{data}+p_g)$", s.D_star, {"color": D, "linewidth": 0.8}),
    ]


def _falls(run: Run) -> bool:
    """Whether G has learnt to fall with z. Then -z, which is as uniform, is drawn, as the paper's G rises."""
    x = run.snapshots[-1].arrows[:, 1]
    return bool(x[-1] < x[0])


def _places(s: Snapshot, falls: bool) -> Values:
    """The arrows from z to G(z), (17, 2), both as shares of the picture's width."""
    z, x = s.arrows.T
    return np.stack([0.5 + (-0.46 if falls else 0.46) * z / Z, (x - SHOWN[0]) / (SHOWN[1] - SHOWN[0])], axis=1)


def _across(s: Snapshot, falls: bool) -> Any:
    """How far to the right each arrow leads, (17,); one that would end outside the picture is masked."""
    start, end = _places(s, falls).T
    return np.ma.masked_where((end < 0) | (end > 1), end - start)


def _draw_panel(axes: Axes, below: Axes, s: Snapshot, named: bool, falls: bool) -> tuple[list[Line2D], Quiver]:
    """Curves above, and the mapping from z to x below; the parts that move."""
    axes.axhline(0.5, color="0.8", linewidth=0.7, zorder=0)
    lines = [axes.plot(X, heights, label=label, **style)[0] for label, heights, style in _curves(s)]
    axes.set(xlim=SHOWN, ylim=(0, TOP), xticks=[])
    axes.set_yticks((0, 0.5, 1) if named else (), ("0", "½", "1") if named else (), color=D)
    axes.spines[["left", "right", "top"]].set_visible(False)
    below.hlines([0, 1], 0, 1, color="black", linewidth=0.9)
    start, up = _places(s, falls)[:, 0], np.ones(len(s.arrows))
    heads: dict[str, Any] = {"width": 0.0035, "headwidth": 5, "headlength": 7}
    arrows = below.quiver(start, 0 * up, _across(s, falls), up, angles="xy", scale_units="xy", scale=1, **heads)
    below.set(xlim=(0, 1), ylim=(-0.05, 1.1), xticks=[])
    below.set_yticks((0, 1) if named else (), ("$-z$" if falls else "$z$", "$x$") if named else (), fontsize=12)
    below.tick_params(length=0)
    below.spines[:].set_visible(False)
    return lines, arrows


# ------------------------------------------------------------------------------------------------ files


def save(run: Run, folder: str | os.PathLike[str]) -> list[Path]:
    """Write figure1.png, .svg, .gif, .html and .json into ``folder``, made if it is not there; their paths.

    The same run gives the same bytes under the same matplotlib and Pillow, on the same machine.
    """
    folder = Path(folder)
    paths = files.save(draw(run), folder, "figure1")
    paths += [folder / f"figure1.{kind}" for kind in ("gif", "html", "json")]
    animation.gif(frames(run), paths[2], colours=COLOURS)
    _page(run, paths[3])
    write_atomically(paths[4], json.dumps(report(run), indent=2, allow_nan=False).encode() + b"\n")
    return paths


def report(run: Run) -> dict[str, Any]:
    """What figure1.json holds: settings, the panels' steps, criteria and measured numbers, versions."""
    panels = {n: {"criterion": p.criterion, "measured": p.snapshot.measured()} for n, p in run.panels.items()}
    return {
        "figure": 'figure 1 of "Generative Adversarial Nets", from a run on the line',
        "seed": run.settings.seed,
        "data": f"N({SHIFT:g}, 1) up to iteration {MOVE}, then N(0, 1)",
        "settings": run.settings.as_dict(),
        "changes": CHANGES,
        "caption": caption(run),
        "panels": panels,
        "end": run.snapshots[-1].measured(),
        "versions": versions(),
    }


def caption(run: Run) -> list[str]:
    """A sentence on the run, and one for each panel with its criterion."""
    s = run.settings
    said = [
        f"Algorithm 1 on the line: z uniform on +-sqrt 3, data N({SHIFT:g}, 1) up to iteration {MOVE}, then N(0, 1); "
        f"{s.steps} iterations, k = {s.k}, seed {s.seed}. D* = p_data / (p_data + p_g) is the best D for this G."
    ]
    for name, panel in run.panels.items():
        p = panel.snapshot
        said.append(
            f"({name}) {panel.criterion}. Found: iteration {p.step}, {p.d_updates} + {p.g_updates} updates; offset "
            f"{p.offset:.3f}, spread {p.spread:.3f}, jsd {p.jsd:.4f}, d_error {p.d_error:.3f}, "
            f"d_right {p.d_right:.2f}, d_flat {p.d_flat:.3f}, d_fake {p.d_fake:.3f}."
        )
    return said


def _page(run: Run, path: Path) -> None:
    """The run as a page of HTML."""
    shown = (SHOWN[0] <= X) & (SHOWN[1] >= X)
    drawn = [_curves(s) for s in run.snapshots]
    names = ("p_data", "p_g", "D", "D* = p_data / (p_data + p_g)")
    curves = []
    for i, (name, dashes) in enumerate(zip(names, ("1.5 5", "", "9 5", ""), strict=True)):
        style = drawn[0][i][2]
        values, colour = np.stack([found[i][1][shown] for found in drawn]), style["color"]
        curves.append(animation.Curve(name, values, colour, DARK[colour], dashes, 1.3 * style["linewidth"]))
    animation.page(
        path,
        title="Generative adversarial nets, figure 1, as a run",
        text=caption(run),
        curves=curves,
        captions=[
            f"{_when(run, i).capitalize()}. p_g has mean {s.mean:.2f} and standard deviation {s.std:.2f}; its "
            f"Jensen-Shannon divergence from the data is {s.jsd:.3f} nats; D is {s.d_error:.3f} from D* in the mean."
            for i, s in enumerate(run.snapshots)
        ],
        top=TOP,
        ticks=((0.5, "½"), (1, "1")),
        arrows=np.stack([_places(s, _falls(run)) for s in run.snapshots]),
        names=("x", "−z" if _falls(run) else "z"),
    )
