"""``gan judge``: runs beside each other and beside generators that need no training, by more than Parzen windows."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from ..errors import UserError
from ..settings import MOST


@click.command()
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option("--best", is_flag=True, help="The checkpoints of the best validation estimates, not the last.")
@click.option("--baselines", is_flag=True, help="Also training images and k-means centres, in the place of samples.")
@click.option("--data", default=None, metavar="NAME", help="Data set of the baselines, where no run says it.")
@click.option("--samples", "n", type=click.IntRange(10, MOST), default=10_000, show_default=True, help="Draws of each.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all draws.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=None, help="Folder that holds the data set's files."
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("judgement.json"), show_default=True)
def judge(
    runs: tuple[Path, ...],
    best: bool,
    baselines: bool,
    data: str | None,
    n: int,
    seed: int,
    data_dir: Path | None,
    out: Path,
) -> None:
    """Parzen estimate, precision, recall, density, coverage, classes, repetition and memorisation of the same samples.

    A classifier is trained for it, on our own engine. All numbers go to --out, some to the screen; minutes on MNIST.
    """
    from ..data import load
    from ..evaluate import baselines as made
    from ..evaluate.classes import train_classifier
    from ..evaluate.judge import judge as judged
    from ..evaluate.judge import yardstick
    from ..files import write_atomically
    from ..run_folder import RunFolder, versions
    from ..sampling import Player

    players = {str(path): Player(RunFolder.read(path), best) for path in runs}
    names = {player.settings.data for player in players.values()} | ({data} if data else set())
    if len(names) != 1:
        came = ", ".join(sorted(names)) or "no run and no --data"
        raise UserError(f"one data set is judged at a time, and there came {came}")
    if not runs and not baselines:
        raise UserError("there is nothing to judge: name runs, or give --baselines")
    dataset = load(names.pop(), data_dir=data_dir, seed=next((p.settings.seed for p in players.values()), 0))
    if dataset.image_shape is None:
        raise UserError(f"{dataset.name} has points, not images, and their density is known: use gan evaluate")
    if baselines:
        made.require(dataset.train, n)
    if not out.parent.is_dir():
        raise UserError(f"cannot write {out}: there is no folder {out.parent}; make it, or choose another --out")
    if out.is_dir():
        raise UserError(f"cannot write {out}: it is a folder; name a file in it with --out")
    classifier = None
    if dataset.train_labels is not None:
        click.echo("training a classifier ...", err=True)
        classifier = train_classifier(dataset, seed=seed)
    drawn: dict[str, Any] = {name: lambda p=player: p.draw(n, seed) for name, player in players.items()}
    if baselines:
        drawn["training images"] = lambda: made.training_examples(dataset.train, n, seed)
        drawn["k-means centres"] = lambda: made.centroids(dataset.train, n, seed)
    record: dict[str, Any] = {"command": sys.argv, "versions": versions(), "data": dataset.name, "seed": seed}
    record |= {"yardstick": yardstick(dataset, classifier, n, seed), "samples": {}}
    for name, draw in drawn.items():
        click.echo(f"judging {name} ...", err=True)
        found = judged(draw(), dataset, classifier, seed)
        if name in players:
            found["step"] = players[name].step
        record["samples"][name] = found
        write_atomically(out, json.dumps(record, indent=1, allow_nan=False).encode() + b"\n")
        click.echo(f"{name}: {_in_short(found)}")
    click.echo(out)


def _in_short(found: dict[str, Any]) -> str:
    parzen, near, pixels = found["parzen"], found["memorisation"], found["prdc"]["pixels"]
    said = [
        f"Parzen {parzen['log_likelihood']:.1f} ± {parzen['standard_error']:.1f} nats (sigma {parzen['sigma']:.3f})",
        f"precision {pixels['precision']:.2f}, recall {pixels['recall']:.2f}",
        f"density {pixels['density']:.2f}, coverage {pixels['coverage']:.2f}",
        f"nearest training image at {near['subset']:.1f}, unseen at {near['valid']:.1f}, {near['copies']} copies",
    ]
    if "classes" in found:
        said.append(f"classes' KL from uniform {found['classes']['kl']:.3f}")
    return "; ".join(said)
