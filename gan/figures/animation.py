"""Frames in time: a GIF for everywhere, and a page of HTML with a slider that needs nothing but itself.

The page holds its curves as numbers and draws them with a script of its own, so it is small, sharp at every size,
follows the reader's light or dark colours, and can be read with the keyboard and with a screen reader.
"""

from __future__ import annotations

import html
import io
import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..files import write_atomically

Values = NDArray[np.float64]
Pixels = NDArray[np.uint8]

WIDTH, HEIGHT = 640, 300  # of the curves on the page, in units of its picture
BELOW = 110  # room for the mapping under them
TICKS = 40  # room for the ticks at the left
STEPS = 1000  # a height is one of so many whole numbers: finer than a pixel


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve of the page: ``values`` (frames, n), or (n,) if it stays; its colours on white and on black.

    ``dashes`` are lengths of ink and gap as in SVG ("" for a solid line), ``width`` is that of the line.
    """

    label: str
    values: Values
    colour: str
    dark: str
    dashes: str = ""
    width: float = 2.5


def gif(
    frames: Iterable[Pixels],
    path: str | os.PathLike[str],
    *,
    milliseconds: int = 100,
    last: int = 2000,
    colours: int = 64,
) -> None:
    """Write ``frames``, uint8 (height, width, 3) each, into the GIF file ``path``, which plays without end.

    Every frame stays for ``milliseconds``, the last one for ``last``; a frame equal to the one before it only
    prolongs it. All share one palette, the commonest ``colours`` of the first, the middle and the last. The
    same frames give the same bytes under the same Pillow. UserError for frames that do not fit together.
    """
    from PIL import Image

    pixels = list(frames)
    if not pixels:
        raise UserError("a GIF needs a frame, and got none; pass at least one array (height, width, 3) of uint8")
    for i, frame in enumerate(pixels):
        if frame.shape != pixels[0].shape or frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise UserError(
                f"frame {i} is {frame.dtype} {frame.shape} and frame 0 {pixels[0].dtype} {pixels[0].shape}; "
                "all must be uint8 (height, width, 3) of one size"
            )
    if not 2 <= colours <= 256 or min(milliseconds, last) < 20:
        raise UserError(
            f"colours is {colours}, milliseconds {milliseconds}, last {last}; "
            "a GIF has 2 to 256 colours, and browsers slow down frames of less than 20 ms"
        )
    some = np.concatenate([pixels[0], pixels[len(pixels) // 2], pixels[-1]])
    found, counts = np.unique(some.reshape(-1, 3), axis=0, return_counts=True)
    palette = found[np.argsort(-counts, kind="stable")[:colours]]
    first, *others = (Image.fromarray(_indices(frame, palette)) for frame in pixels)
    for image in (first, *others):
        image.putpalette(palette.tobytes())
    durations = [milliseconds] * len(others) + [last]
    content = io.BytesIO()
    first.save(content, "GIF", save_all=True, append_images=others, duration=durations, loop=0, optimize=False)
    write_atomically(path, content.getvalue())


def _indices(frame: Pixels, palette: Pixels) -> NDArray[np.uint8]:
    """For each pixel (height, width) the place of the nearest colour of ``palette`` (n, 3).

    Pillow's own search rounds colours first, and white becomes grey.
    """
    packed = frame.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
    found, where = np.unique(packed, return_inverse=True)
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1)
    distances = ((colours[:, None] - palette.astype(np.int64)) ** 2).sum(axis=2)
    return np.asarray(distances.argmin(axis=1)[where].reshape(packed.shape), np.uint8)


def page(
    path: str | os.PathLike[str],
    *,
    title: str,
    text: Sequence[str],
    curves: Sequence[Curve],
    captions: Sequence[str],
    top: float,
    ticks: Sequence[tuple[float, str]] = (),
    arrows: Values | None = None,
    names: tuple[str, str] = ("x", "z"),
    milliseconds: int = 100,
) -> None:
    """Write the HTML file ``path``: curves over a line, frame by frame, with a slider, a button and the arrow keys.

    All curves have n values at equally spaced places; heights go from 0 to ``top``, and what is higher is cut off.
    A frame for each of ``captions``. ``ticks`` are (height, label). ``arrows`` (frames, k, 2) lead from a place on
    a lower line to one on an upper line, both 0 at the left and 1 at the right of the curves (what lies outside is
    left out); ``names`` are those of the upper and the lower line. ``text``: paragraphs under the picture. UserError
    for what does not fit together.
    """
    frames, n = len(captions), np.shape(curves[0].values)[-1] if curves else 0
    if not frames or n < 2 or not top > 0:
        raise UserError(
            f"a page needs a caption for every frame, a curve of two points and a top above 0; it got {frames} "
            f"captions, {len(curves)} curves of {n} points and top {top}"
        )
    for curve in curves:
        if curve.values.shape not in ((n,), (frames, n)) or not np.isfinite(curve.values).all():
            raise UserError(
                f"the curve {curve.label!r} has values of shape {curve.values.shape}; "
                f"expected finite ones, ({n},) or ({frames}, {n}) for {frames} captions"
            )
    if arrows is not None and (arrows.ndim != 3 or arrows.shape[::2] != (frames, 2)):
        raise UserError(f"arrows have shape {arrows.shape}; expected ({frames}, k, 2) for {frames} captions")
    data = {
        "captions": list(captions),
        "curves": [np.rint(np.clip(c.values / top, 0, 1) * STEPS).astype(int).tolist() for c in curves],
        "arrows": [] if arrows is None else np.round(arrows, 4).tolist(),
        "milliseconds": milliseconds,
    }
    parts = {
        "TITLE": html.escape(title),
        "COLOURS": _colours(curves, dark=False),
        "DARK": _colours(curves, dark=True),
        "LEGEND": "".join(_legend(i, curve) for i, curve in enumerate(curves)),
        "PICTURE": _picture(curves, top, ticks, 0 if arrows is None else arrows.shape[1], names),
        "SIZE": f"0 0 {TICKS + WIDTH + 8} {HEIGHT + (0 if arrows is None else BELOW) + 14}",
        "LAST": str(frames - 1),
        "TEXT": "".join(f"<p>{html.escape(paragraph)}</p>\n" for paragraph in text),
        # "</" would end the script
        "DATA": json.dumps(data, separators=(",", ":"), allow_nan=False).replace("</", "<\\/"),
        "NUMBERS": json.dumps({"left": TICKS, "width": WIDTH, "height": HEIGHT, "steps": STEPS}),
    }
    write_atomically(path, re.sub("@([A-Z]+)@", lambda name: parts[name[1]], PAGE).encode())


def _colours(curves: Sequence[Curve], *, dark: bool) -> str:
    return " ".join(f"--curve{i}: {c.dark if dark else c.colour};" for i, c in enumerate(curves))


def _stroke(i: int, curve: Curve) -> str:
    return f'stroke="var(--curve{i})" stroke-width="{curve.width:g}" stroke-dasharray="{curve.dashes}"'


def _legend(i: int, curve: Curve) -> str:
    line = f'<svg width="38" height="12" aria-hidden="true"><path d="M1 6H37" {_stroke(i, curve)}/></svg>'
    return f"<span>{line} {html.escape(curve.label)}</span>\n"


def _picture(
    curves: Sequence[Curve], top: float, ticks: Sequence[tuple[float, str]], arrows: int, names: tuple[str, str]
) -> str:
    """What stands still, and an element for everything that moves."""
    right, parts = TICKS + WIDTH, []
    for height, label in ticks:
        y = HEIGHT * (1 - height / top) + 8
        parts.append(f'<path class="faint" d="M{TICKS} {y:g}H{right}"/>')
        parts.append(f'<text x="{TICKS - 8}" y="{y + 5:g}" text-anchor="end">{html.escape(label)}</text>')
    lines = [HEIGHT + 8] + ([HEIGHT + 34, HEIGHT + BELOW] if arrows else [])
    parts += [f'<path class="axis" d="M{TICKS} {y}H{right}"/>' for y in lines]
    for y, name in zip(lines[1:], names, strict=False):
        parts.append(
            f'<text x="{TICKS - 8}" y="{y + 5}" text-anchor="end" font-style="italic">{html.escape(name)}</text>'
        )
    parts += [f'<path class="curve" id="curve{i}" {_stroke(i, curve)}/>' for i, curve in enumerate(curves)]
    if arrows:
        parts += [f'<path class="arrow" data-y="{lines[2]} {lines[1]}" marker-end="url(#head)"/>'] * arrows
    return "\n".join(parts)


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>@TITLE@</title>
<style>
:root { color-scheme: light dark; --ink: #111; --paper: #fff; --faint: #bbb; @COLOURS@ }
@media (prefers-color-scheme: dark) { :root { --ink: #eee; --paper: #161616; --faint: #555; @DARK@ } }
body { max-width: 46rem; margin: 1rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.2rem; }
figure { margin: 0; }
figure > svg { width: 100%; height: auto; display: block; }
text { fill: var(--ink); font-size: 16px; }
path { fill: none; }
.name { font-style: italic; text-anchor: end; }
.axis { stroke: var(--ink); }
.faint { stroke: var(--faint); stroke-width: .7; }
.arrow { stroke: var(--ink); stroke-width: .9; }
#head path { fill: var(--ink); }
.legend { display: flex; flex-wrap: wrap; gap: 0 1.4rem; }
.legend span { white-space: nowrap; }
.controls { display: flex; gap: .8rem; align-items: center; }
button { min-width: 5.5rem; font: inherit; padding: .3rem .6rem; }
input { flex: 1; }
figcaption { min-height: 3.2em; font-variant-numeric: tabular-nums; }
</style>
</head>
<body>
<h1>@TITLE@</h1>
<figure>
<div class="legend">
@LEGEND@</div>
<svg viewBox="@SIZE@" role="img" aria-label="@TITLE@" aria-describedby="caption">
<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 1L8 4L0 7z"/></marker></defs>
@PICTURE@
</svg>
<div class="controls">
<button type="button" id="play">Play</button>
<input type="range" id="frame" min="0" max="@LAST@" value="0" step="1" aria-label="frame">
</div>
<figcaption id="caption"></figcaption>
</figure>
<noscript><p>The curves are drawn by a script in this file; allow scripts to see them.</p></noscript>
<p>Keys: left and right step through the frames, home and end go to the first and the last, space plays and pauses.</p>
@TEXT@<script>
"use strict";
const data = @DATA@, page = @NUMBERS@;
const get = (id) => document.getElementById(id);
const slider = get("frame"), button = get("play"), last = data.captions.length - 1;
const arrows = [...document.querySelectorAll(".arrow")];
let timer = null;
function line(heights) {
  const step = page.width / (heights.length - 1);
  return "M" + heights.map((h, i) =>
    (page.left + i * step).toFixed(1) + " " + (8 + page.height * (1 - h / page.steps)).toFixed(1)).join("L");
}
function show(frame) {
  const t = Math.min(Math.max(frame, 0), last);
  data.curves.forEach((c, i) => get("curve" + i).setAttribute("d", line(Array.isArray(c[0]) ? c[t] : c)));
  arrows.forEach((arrow, i) => {
    const [from, to] = data.arrows[t][i], [low, high] = arrow.dataset.y.split(" ");
    const at = (place) => (page.left + page.width * place).toFixed(1);
    const inside = Math.min(from, to) >= 0 && Math.max(from, to) <= 1;
    arrow.setAttribute("d", inside ? `M${at(from)} ${low}L${at(to)} ${high}` : "");
  });
  slider.value = t;
  slider.setAttribute("aria-valuetext", data.captions[t]);
  get("caption").textContent = data.captions[t];
}
function pause() { clearInterval(timer); timer = null; button.textContent = "Play"; }
function play() {
  if (Number(slider.value) === last) show(0);
  button.textContent = "Pause";
  timer = setInterval(() => {
    show(Number(slider.value) + 1);
    if (Number(slider.value) === last) pause();
  }, data.milliseconds);
}
button.addEventListener("click", () => timer === null ? play() : pause());
slider.addEventListener("input", () => { pause(); show(Number(slider.value)); });
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const now = Number(slider.value), to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
  if (to !== undefined) { pause(); show(to); event.preventDefault(); }
  else if (event.key === " " && event.target !== button) { button.click(); event.preventDefault(); }
});
show(0);
</script>
</body>
</html>
"""
