"""``gan figure 1|2|3`` and ``gan theory``: the paper's figures and statements, computed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from ..errors import UserError

FIGURES = Path("figures")


def run_options(command: Any) -> Any:
    """What the figures of a trained run share."""
    for option in reversed(
        (
            click.argument("run", type=click.Path(path_type=Path)),
            click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws."),
            click.option("--best", is_flag=True, help="The checkpoint of the best validation estimate, not the last."),
            click.option("--data-dir", type=click.Path(path_type=Path), help="Folder that holds the data set's files."),
            click.option("--out", type=click.Path(path_type=Path), help="Folder for the files.  [default: RUN]"),
        )
    ):
        command = option(command)
    return command


@click.group()
def figure() -> None:
    """The figures of the paper: PNG and SVG, and an animation where something moves."""


@figure.command("1")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the run.")
@click.option("--out", type=click.Path(path_type=Path), default=FIGURES, show_default=True, help="Folder.")
def figure_1(seed: int, out: Path) -> None:
    """Train on a line, and draw p_data, p_g, D and D* at four moments; the whole run as GIF and HTML."""
    from ..figures import figure1
    from ..figures.files import make

    make(out)
    click.echo("training on the line ...", err=True)
    for path in figure1.save(figure1.run(seed), out):
        click.echo(path)


@figure.command("2")
@run_options
@click.option("--rows", type=click.IntRange(min=1, max=100), default=4, show_default=True, help="Rows of samples.")
def figure_2(run: Path, seed: int, best: bool, data_dir: Path | None, out: Path | None, rows: int) -> None:
    """Fair samples of a run, five columns; framed, the training image nearest to the fifth. None is chosen."""
    from ..figures import samples

    player, dataset = _opened(run, best, data_dir)
    shown = samples.samples(player, dataset, seed, rows)
    facts = {"nearest": shown.indices.tolist(), "squared_distances": shown.distances.tolist()}
    note, gauge = _gauge(run, player.step)
    facts |= gauge
    _keep(samples.draw_samples(shown, note), out or run, "figure2", {"step": player.step, "seed": seed, **facts})
    click.echo(f"the first {rows * samples.COLUMNS} draws of seed {seed} at {note}")


@figure.command("3")
@run_options
def figure_3(run: Path, seed: int, best: bool, data_dir: Path | None, out: Path | None) -> None:
    """Straight lines in z between draws of G: ten images each, a 1 to a 5 and a 7 to a 1 where there are digits."""
    from ..figures import samples

    player, dataset = _opened(run, best, data_dir)
    strips = samples.interpolation(player, dataset, seed)
    labels = None if strips.labels is None else strips.labels.tolist()
    note, gauge = _gauge(run, player.step)
    facts = {"ends": strips.ends.tolist(), "labels_of_the_nearest": labels, **gauge}
    _keep(samples.draw_interpolation(strips, note), out or run, "figure3", {"step": player.step, "seed": seed, **facts})
    click.echo(f"between draws {strips.ends.tolist()} of seed {seed} at {note}")


def _gauge(run: Path, step: int) -> tuple[str, dict[str, float]]:
    """What the loss of that step means, by the run's validation: in words and in numbers."""
    from ..run_folder import RunFolder

    line = next((line for line in RunFolder.read(run).validation() if line["step"] == step), None)
    if line is None:
        return f"step {step:,}", {}
    said = f"step {step:,}: JSD >= {line['jsd']:.3f} ± {line['jsd_error']:.3f} nats on held-out examples"
    return said, {"jsd": line["jsd"], "jsd_error": line["jsd_error"]}


def _opened(run: Path, best: bool, data_dir: Path | None) -> Any:
    from ..data import load
    from ..run_folder import RunFolder
    from ..sampling import Player

    player = Player(RunFolder.read(run), best)
    return player, load(player.settings.data, data_dir=data_dir, seed=player.settings.seed)


def _keep(drawn: Any, folder: Path, name: str, facts: dict[str, Any]) -> None:
    """NAME.png, NAME.svg and, with what must be known to draw it again, NAME.json."""
    from ..figures.files import save
    from ..files import write_atomically
    from ..run_folder import versions

    for path in save(drawn, folder, name):
        click.echo(path)
    record = {"command": sys.argv, "versions": versions(), **facts}
    write_atomically(folder / f"{name}.json", json.dumps(record, indent=2).encode() + b"\n")


@click.command()
@click.argument("names", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), default=Path("theory"), show_default=True, help="Folder.")
def theory(names: tuple[str, ...], out: Path) -> None:
    """Section 4 of the paper, computed: each statement beside its number, with a picture. NAMES default to all."""
    from ..figures.files import make, save
    from ..files import write_atomically
    from ..run_folder import versions
    from ..theory import EXPERIMENTS

    for name in names:
        if name not in EXPERIMENTS:
            raise UserError(f"there is no experiment {name!r}; choose from {', '.join(EXPERIMENTS)}")
    make(out)
    missed = 0
    for name in names or EXPERIMENTS:
        results = EXPERIMENTS[name].experiment()
        for path in save(EXPERIMENTS[name].draw(results), out, name):
            click.echo(path)
        record = {"command": sys.argv, "versions": versions(), **results}
        write_atomically(out / f"{name}.json", json.dumps(record, indent=1, allow_nan=False).encode() + b"\n")
        held = [claim["holds"] for claim in results["claims"]]
        missed += held.count(False)
        click.echo(f"{name}: {sum(held)} of {len(held)} claims hold: {results['statement']}")
        for claim in results["claims"]:
            mark = "holds" if claim["holds"] else "FAILS"
            click.echo(f"  {mark}  {claim['says']}: {claim['measured']:.6g} {claim['relation']} {claim['theory']:.6g}")
    if missed:
        sys.exit(1)
