"""``gan evaluate`` and ``gan sample``: what a run has learnt."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--samples", "n", type=click.IntRange(min=1), default=10_000, show_default=True, help="Draws of G.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws.")
@click.option("--best", is_flag=True, help="The checkpoint of the best validation estimate, not the last.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=None, help="Folder that holds the data set's files."
)
def evaluate(run: Path, n: int, seed: int, best: bool, data_dir: Path | None) -> None:
    """Parzen window log-likelihood of the test set, as in the paper's table 1, and the JSD gauge.

    The width sigma is chosen on validation examples; +- is the standard error over test examples. The result is
    also written to RUN/evaluation.json, or evaluation-best.json.
    """
    from ..data import load
    from ..evaluate import POINT_SIGMAS, SIGMAS
    from ..evaluate import evaluate as parzen
    from ..evaluate.gauge import gauge, reading
    from ..files import write_atomically
    from ..run_folder import RunFolder, versions
    from ..sampling import Player, logits

    folder = RunFolder.read(run)
    player = Player(folder, best)
    dataset = load(player.settings.data, data_dir=data_dir, seed=player.settings.seed)
    sigmas = SIGMAS if dataset.image_shape else POINT_SIGMAS
    samples = player.draw(n, seed)
    result = parzen(samples, dataset.valid, dataset.test, sigmas=sigmas)
    g = gauge(logits(player.D, dataset.test), logits(player.D, samples))
    record = {"step": player.step, "seed": seed, "command": sys.argv, "versions": versions(), **asdict(result)}
    record["gauge"] = asdict(g)
    file = run / ("evaluation-best.json" if best else "evaluation.json")
    write_atomically(file, json.dumps(record, indent=2).encode() + b"\n")
    click.echo(f"{run} at step {player.step}, {n} samples, seed {seed}")
    click.echo(f"sigma {result.sigma:.4f} (of {len(sigmas)}, by {min(len(dataset.valid), 1000)} validation examples)")
    if result.at_edge:
        click.echo("sigma lies at the edge of the grid: a better one may lie beyond")
    click.echo(f"validation log-likelihood {result.validation:.2f} nats")
    click.echo(f"test log-likelihood {result.log_likelihood:.2f} +- {result.standard_error:.2f} nats")
    click.echo(f"{g} nats on test examples: {reading(g.d_loss, g.standard_error)}")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-n", type=click.IntRange(min=1), default=100, show_default=True, help="How many samples.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws.")
@click.option("--best", is_flag=True, help="From the checkpoint of the best validation estimate, not the last.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="PNG file.  [default: RUN/sample-SEED.png]")
def sample(run: Path, n: int, seed: int, best: bool, out: Path | None) -> None:
    """Draw new samples from a trained G. Fair draws: none is chosen."""
    from .. import pictures
    from ..data import load
    from ..run_folder import RunFolder
    from ..sampling import Player

    player = Player(RunFolder.read(run), best)
    data = None if player.image_shape else load(player.settings.data, seed=player.settings.seed).valid
    out = out or run / f"sample-{seed}.png"
    pictures.save(out, player.draw(n, seed), image_shape=player.image_shape, data=data)
    click.echo(f"{n} samples of {run} at step {player.step}, seed {seed}: {out}")
