"""The pictures, from the document of results.json alone: PNG and SVG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from .cases import GAN, MLP, Case, Chain, from_json
from .peers import FLOOR, OURS, PEERS, PLAIN
from .stats import median, ratio

YARDSTICKS = {OURS: "black", PLAIN: "0.45", FLOOR: "0.75"}
COLOURS = YARDSTICKS | dict(
    zip((n for n in PEERS if n not in YARDSTICKS), (f"C{i}" for i in (0, 1, 2, 3, 4, 5, 6, 8, 9)), strict=False)
)


def draw(document: dict[str, Any], out: Path) -> list[str]:
    """Every picture that there are numbers for; their names."""
    drawn = []
    with plt.rc_context({"figure.figsize": (8, 5), "font.size": 9, "svg.hashsalt": "minigrad", "savefig.dpi": 130}):
        for name, picture in PICTURES.items():
            figure, axes = plt.subplots(layout="constrained")
            if picture(document, axes):
                figure.savefig(out / f"{name}.png", metadata={"Software": None})
                figure.savefig(out / f"{name}.svg", metadata={"Date": None})
                drawn.append(name)
            plt.close(figure)
    return drawn


def measured(document: dict[str, Any], wanted: Callable[[Any], bool], threads: int | None = None) -> list[tuple]:
    """(case, threads, {peer: times}) of the cells that are wanted; by default those with the most threads."""
    most = threads or max((cell["threads"] for cell in document["cells"]), default=1)
    found = []
    for cell in document["cells"]:
        case: Case = from_json(cell["case"])
        if cell["threads"] == most and wanted(case):
            timed = {n: r["times"] for n, r in cell["results"].items() if r["status"] == "ok" and r["times"]}
            found.append((case, most, timed))
    return found


def gans(document: dict[str, Any], axes: Axes) -> bool:
    """minigrad's time as a share of each peer's, with the intervals."""
    cells = [c for c in measured(document, lambda case: isinstance(case, GAN)) if OURS in c[2]]
    names = [n for n in PEERS if n != OURS and any(n in timed for _, _, timed in cells)]
    if not names:
        return False
    for j, name in enumerate(names):
        at, found = [], []
        for i, (_, _, timed) in enumerate(cells):
            if name in timed:
                at.append(i + 0.7 * ((j + 0.5) / len(names) - 0.5))
                found.append(ratio(timed[OURS], timed[name]))
        spread = [[r.median - r.low for r in found], [r.high - r.median for r in found]]
        label = document["peers"][name]["label"]
        axes.errorbar([r.median for r in found], at, xerr=spread, fmt="o", ms=4, color=COLOURS[name], label=label)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    ticks = [t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= t <= high or t == 1]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.axvline(1, color="black", lw=0.8)
    axes.grid(axis="x", alpha=0.3)
    axes.set_yticks(range(len(cells)), [case.name.replace(", ", "\n", 1) for case, _, _ in cells])
    axes.invert_yaxis()
    axes.set_xlabel("minigrad's time / the peer's (less is better)")
    axes.set_title("One GAN training step")
    axes.figure.legend(loc="outside right upper", fontsize=7)
    return True


def lines(axes: Axes, document: dict[str, Any], points: dict[str, dict[int, float]], what: str, title: str) -> bool:
    """Seconds against a size, both logarithmic; one line for each peer."""
    if max((len(line) for line in points.values()), default=0) < 2:
        return False
    for name, line in points.items():
        sizes = sorted(line)
        label = document["peers"][name]["label"] if name in document["peers"] else name
        style = "--" if name == FLOOR else ":" if name not in document["peers"] else "-"
        width = 2.2 if name == OURS else 1.2
        marker = "o" if style == "-" else None
        colour = COLOURS.get(name, "0.6")
        axes.loglog(sizes, [line[s] for s in sizes], style, lw=width, marker=marker, ms=3, color=colour, label=label)
    sizes = sorted({size for line in points.values() for size in line})
    axes.set_xticks(sizes, [f"{s:,}" for s in sizes])
    axes.minorticks_off()
    axes.set_xlabel(what)
    axes.set_ylabel("seconds")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    return True


def medians(cells: list[tuple], size: Callable[[Any], int]) -> dict[str, dict[int, float]]:
    points: dict[str, dict[int, float]] = {}
    for case, _, timed in cells:
        for name in PEERS:
            if name in timed:
                points.setdefault(name, {})[size(case)] = median(timed[name])
    return points


def scaling(varied: str, fixed: dict[str, int], title: str) -> Callable[[dict[str, Any], Axes], bool]:
    """Full SGD steps of an MLP while one size varies."""

    def wanted(case: Any) -> bool:
        return isinstance(case, MLP) and case.what == "step" and all(getattr(case, k) == v for k, v in fixed.items())

    def picture(document: dict[str, Any], axes: Axes) -> bool:
        cells = measured(document, wanted)
        points = medians(cells, lambda case: getattr(case, varied))
        for case, threads, _ in cells:
            moved = 8 * case.layers * (case.width**2 + case.width)  # bytes: each parameter read and written once
            floor = moved / document["bandwidth"][str(threads)]
            points.setdefault("parameters from memory", {})[getattr(case, varied)] = floor
        return lines(axes, document, points, varied, title)

    return picture


def graph(document: dict[str, Any], axes: Axes) -> bool:
    """Chains of additions."""
    cells = measured(document, lambda case: isinstance(case, Chain) and case.op == "add")
    title = "A graph of scalars: build and backward"
    return lines(axes, document, medians(cells, lambda case: case.length), "nodes", title)


def grid(document: dict[str, Any], axes: Axes) -> bool:
    """minigrad against the best peer over width and batch."""
    cells = measured(document, lambda case: isinstance(case, MLP) and case.what == "step" and case.layers == 3)
    shares = {}
    for case, _, timed in cells:
        others = [median(t) for n, t in timed.items() if n not in (OURS, PLAIN, FLOOR)]
        if OURS in timed and others:
            shares[case.width, case.batch] = median(timed[OURS]) / min(others)
    widths, batches = sorted({w for w, _ in shares}), sorted({b for _, b in shares})
    if len(shares) < 4:
        return False
    values = np.array([[shares.get((w, b), np.nan) for b in batches] for w in widths])
    axes.imshow(np.log2(values), cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    for i, j in np.argwhere(np.isfinite(values)):
        axes.text(j, i, f"{values[i, j]:.2f}", ha="center", va="center")
    axes.set_xticks(range(len(batches)), map(str, batches))
    axes.set_yticks(range(len(widths)), map(str, widths))
    axes.set(xlabel="batch", ylabel="width", title="MLP of 3 layers, full SGD step: minigrad's time / the best peer's")
    return True


def start(document: dict[str, Any], axes: Axes) -> bool:
    """Import, build and first step, stacked."""
    names = [n for n in document["peers"] if any(r.get("status") == "ok" for r in document["start"].get(n, []))]
    if not names:
        return False
    left = np.zeros(len(names))
    for what in ("import", "build", "first"):
        parts = []
        for name in names:
            of = [r[what] for r in document["start"][name] if r.get("status") == "ok"] if what != "import" else []
            library = document["peers"][name]["library"]
            parts.append(median(of) if of else max(document["imports"].get(library, 0.0), 0.0))
        axes.barh(range(len(names)), parts, left=left, label={"first": "first step"}.get(what, what))
        left += parts
    axes.set_yticks(range(len(names)), [document["peers"][n]["label"] for n in names])
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    axes.set_title(f"From import to the first step: {from_json(document['start_case']).title}")
    axes.legend()
    return True


def memory(document: dict[str, Any], axes: Axes) -> bool:
    """Peaks above what a tiny step had left."""
    peaks = {
        name: median([r["peak"] for r in runs if r.get("status") == "ok"]) / 2**20
        for name, runs in document["start"].items()
        if any(r.get("status") == "ok" for r in runs)
    }
    if not peaks:
        return False
    axes.barh([document["peers"][n]["label"] for n in peaks], list(peaks.values()), color=[COLOURS[n] for n in peaks])
    axes.invert_yaxis()
    axes.set_xlabel("MiB")
    axes.set_title(f"Peak memory: {from_json(document['start_case']).title}")
    return True


PICTURES: dict[str, Callable[[dict[str, Any], Axes], bool]] = {
    "gan": gans,
    "grid": grid,
    "width": scaling("width", {"batch": 128, "layers": 3}, "MLP of 3 layers, batch 128, full SGD step"),
    "batch": scaling("batch", {"width": 256, "layers": 3}, "MLP of 3 layers of 256, full SGD step"),
    "depth": scaling("layers", {"width": 64, "batch": 128}, "MLP of width 64, batch 128, full SGD step"),
    "graph": graph,
    "start": start,
    "memory": memory,
}
