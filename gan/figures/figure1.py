"""Figure 1 of "Generative Adversarial Nets" (Goodfellow et al., 2014), from a run of Algorithm 1 on the line.

The paper draws a schema of a pair near convergence whose p_g is displaced. Here such a pair is trained: from random
weights on data N(SHIFT, 1); when p_g is there, the data moves to N(0, 1), and Algorithm 1 just goes on. `run` trains
and measures, `draw` draws the four panels, `save` writes them, and the whole run as an animation.

A panel is a state after the move that meets a criterion, made of Conditions, which the files quote:

    (a) in the inner loop of the next iteration, the first update of D after which D is partly right; p_g is displaced
    (b) the inner loop goes on, with a large k, until D is near D*
    (c) updates of G against that D, until p_g has moved visibly to where D is larger
    (d) the state of the run with p_g nearest to p_data, among those with D near 1/2 from which on p_g stays there

(a) to (c) are states of a copy: the run goes on with its own k. Its inner loop is the copy's, as long as it lasts.
p_g is no estimate from samples: it follows from G by change of variables (gan/figures/line.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minigrad import no_grad, use_kernels

from .. import settings as presets
from ..algorithm import descend
from ..data import Dataset, load
from ..errors import UserError
from ..files import write_atomically
from ..objectives import discriminator_loss
from ..pictures import DATA, GENERATED, D
from ..run_folder import versions
from ..settings import Settings
from ..training import Training, blas_threads
from . import animation, files
from .line import CHANGES, SETTINGS, Gaussian, Snapshot, Values, Z, players, snapshot

if TYPE_CHECKING:  # slow to import, so the functions do it
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.quiver import Quiver

SHIFT, MOVE = 1.5, 200
"""The data is N(SHIFT, 1) up to iteration MOVE, and N(0, 1), the data set `gaussian`, from there on."""
X: Values = np.linspace(-4.5, SHIFT + 4.5, 526)
"""Where curves are computed, and the grid of the quadratures."""
X.setflags(write=False)
SHOWN = (-3.3, SHIFT + 2.6)
"""The part of X that is drawn."""
PEAK, TOP = 0.8, 1.12
"""D is drawn from 0 to 1; densities in units in which the data's peak is PEAK high. TOP is where the picture ends."""
DARK = {DATA: "#eeeeee", GENERATED: "#2fd3a3", D: "#6cb8f0"}
"""The same colours on black."""


@dataclass(frozen=True)
class Condition:
    """``measure <= limit`` or ``measure >= limit`` for a number of a Snapshot. Its str is what the figure quotes."""

    measure: str
    sign: str
    limit: float

    def met(self, s: Snapshot) -> bool:
        """Whether it holds."""
        return self.excess(s) <= 0

    def excess(self, s: Snapshot) -> float:
        """By how much the number is on the wrong side."""
        difference: float = getattr(s, self.measure) - self.limit
        return difference if self.sign == "<=" else -difference

    def __str__(self) -> str:
        return f"{self.measure} {self.sign} {self.limit:.3g}"


Conditions = tuple[Condition, ...]

# Lengths in standard deviations of the data, divergences in nats: the JSD is at most ln 2 = .69.
A = (
    Condition("offset", ">=", 0.5),
    Condition("spread", ">=", 0.8),
    Condition("spread", "<=", 1.25),
    Condition("d_error", ">=", 0.05),
    Condition("d_right", ">=", 0.75),
)
B = (Condition("d_error", "<=", 0.035),)
CLOSER = 0.7  # (c) has at most so much of the offset of (b)
EQUAL, FLAT = Condition("jsd", "<=", 0.04), Condition("d_flat", "<=", 0.1)  # (d)
LOOKS = {"a": range(1, 31), "b": range(10, 1001, 10), "c": range(1, 51)}
"""After how many more updates (a), (b) and (c) are looked for."""


@dataclass(frozen=True)
class Panel:
    """A panel of the figure: a state, and the criterion by which it was found."""

    snapshot: Snapshot
    criterion: str


@dataclass(frozen=True)
class Run:
    """A run of Algorithm 1: its settings, snapshots in order, and the panels "a" to "d"."""

    settings: Settings
    snapshots: list[Snapshot]
    panels: dict[str, Panel]


def run(seed: int = 0, **overrides: Any) -> Run:
    """Train, and find the panels: 5 to 10 seconds.

    ``overrides`` are settings (gan/settings.py) to replace the preset's or those of `line.SETTINGS`. Snapshots are
    taken at every iteration of the first 20 and of the first 20 after the move, and then one in 10 % more, and twice
    at iteration MOVE, beside the old and the new data. UserError for settings that do not fit, and if the criterion of
    a panel is met nowhere: it says which, and the nearest value.
    """
    s = presets.make("gaussian", "paper", **{**SETTINGS, "seed": seed, **overrides})
    if (s.noise_dim, s.noise, s.update) != (1, "uniform", "alternating") or s.steps <= MOVE:
        raise UserError(
            f"figure 1 needs one dimension of uniform noise, alternating updates and more than {MOVE} steps; noise_dim "
            f"is {s.noise_dim}, noise {s.noise}, update {s.update}, steps {s.steps}"
        )
    here, there = Gaussian(0.0, 1.0), Gaussian(SHIFT, 1.0)
    points = load("gaussian", seed=seed)
    train, valid, test = (part + np.float32(SHIFT) for part in (points.train, points.valid, points.test))
    shifted = Dataset("gaussian", train, valid, test, image_shape=None)
    training, copy = players(s, shifted), players(s, points)
    snapshots = [snapshot(training, there, X)]

    def look(data: Gaussian) -> None:
        training.require_finite()
        snapshots.append(snapshot(training, data, X))

    with blas_threads(training):
        for start, end, data in ((0, MOVE, there), (MOVE, s.steps, here)):
            if start:
                training.minibatches.data = points.train
                copy.restore(*training.state())
                look(data)
            for step in range(start + 1, end + 1):
                training.iterate()
                if step - snapshots[-1].step >= max(1, (step - start) // 10) or step == end:
                    look(data)
        panels = _on_a_copy(copy, here)
    return Run(s, snapshots, panels | {"d": _end([s for s in snapshots if s.step > MOVE])})


def _meet(panel: str, snapshots: list[Snapshot], conditions: Conditions) -> list[Snapshot]:
    """Those that meet all conditions."""
    for condition in conditions:
        met = [s for s in snapshots if condition.met(s)]
        if not met:
            nearest = min(snapshots, key=condition.excess)
            raise UserError(
                f"figure 1 ({panel}) needs {_and(conditions)}, and none of its states has {condition}: the nearest has "
                f"{condition.measure} = {getattr(nearest, condition.measure):.3g}, at iteration {nearest.step}; "
                "try another seed, or more steps"
            )
        snapshots = met
    return snapshots


def _and(conditions: Conditions) -> str:
    return " and ".join(map(str, conditions))


def _on_a_copy(copy: Training, data: Gaussian) -> dict[str, Panel]:
    """Panels (a) to (c): an iteration of Algorithm 1 with a large k, and perhaps more updates of G."""
    game, done = copy.game, {"D": 0, "G": 0}

    def update(player: str) -> None:
        if player == "D":
            z = game.noise()
            x = next(game.data)
            with no_grad():
                fake = game.G(z)
            descend(discriminator_loss(game.D(x), game.D(fake), game.discriminator_scale), game.optimizer_D)
        else:
            descend(game.generator_loss(game.D(game.G(game.noise()))), game.optimizer_G)
        done[player] += 1

    def until(panel: str, conditions: Conditions, player: str) -> Snapshot:
        seen: list[Snapshot] = []
        for _ in LOOKS[panel]:
            for _ in range(LOOKS[panel].step):
                update(player)
            seen.append(snapshot(copy, data, X, done["D"], done["G"]))
            if all(condition.met(seen[-1]) for condition in conditions):
                return seen[-1]
        return _meet(panel, seen, conditions)[0]  # raises: none met them all

    with use_kernels(copy.settings.kernels):
        a = until("a", A, "D")
        b = until("b", B, "D")
        closer = (Condition("offset", "<=", CLOSER * b.offset), Condition("d_fake", ">=", b.d_fake))
        c = until("c", closer, "G")
    return {
        "a": Panel(a, f"G of iteration {MOVE}, and the first update of D after the move with {_and(A)}"),
        "b": Panel(b, f"(a) after the fewest more updates of D, in tens, with {_and(B)}"),
        "c": Panel(c, f"(b) after the fewest updates of G with {_and(closer)}, {CLOSER:g} of (b)'s and just (b)'s"),
    }


def _end(snapshots: list[Snapshot]) -> Panel:
    """Panel (d). A run that only oscillates does not stay at p_data, and has none."""
    _meet("d", snapshots[-1:], (EQUAL,))
    away = max((i for i, s in enumerate(snapshots) if not EQUAL.met(s)), default=-1)
    d = min(_meet("d", snapshots[away + 1 :], (FLAT,)), key=lambda s: s.jsd)
    return Panel(d, f"{EQUAL} from here to the end of the run, and {FLAT}; of these, the smallest jsd")


# --------------------------------------------------------------------------------------------- pictures


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
    animation.gif(frames(run), paths[2])
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
