"""``gan evaluate`` and ``gan sample``: what a run has learnt."""

from __future__ import annotations

from pathlib import Path

import click

from ..settings import MOST


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--samples", "n", type=click.IntRange(2, MOST), default=10_000, show_default=True, help="Draws of G.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws.")
@click.option("--best", is_flag=True, help="The checkpoint of the best validation estimate, not the last.")
@click.option(
    "--widths",
    type=click.IntRange(2, 1000),
    default=None,
    help="Number of widths to choose from, evenly in their logarithm.  [default: 10 from .1 to 1, the released code's]",
)
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=None, help="Folder that holds the data set's files."
)
def evaluate(run: Path, n: int, seed: int, best: bool, widths: int | None, data_dir: Path | None) -> None:
    """Parzen window log-likelihood of the test set, as in the paper's table 1, and the JSD gauge.

    The width sigma is chosen on validation examples; +- is the standard error over test examples. The result is
    also written to RUN/evaluation.json, or evaluation-best.json; with --widths N to a file whose name says so.
    """
    from ..data import load
    from ..evaluate.gauge import Gauge, reading
    from ..evaluation import evaluation
    from ..run_folder import RunFolder
    from ..sampling import Player

    settings = Player(RunFolder.read(run), best).settings
    dataset = load(settings.data, data_dir=data_dir, seed=settings.seed)
    found = evaluation(run, dataset, n, seed, best, widths)
    g = Gauge(**found["gauge"])
    click.echo(f"{run} at step {found['step']}, {n} samples, seed {seed}")
    click.echo(f"sigma {found['sigma']:.4f} (of {len(found['grid'])}, by {found['n_valid']} validation examples)")
    if found["at_edge"]:
        click.echo("sigma lies at the edge of the grid: a better one may lie beyond")
    click.echo(f"validation log-likelihood {found['validation']:.2f} nats")
    click.echo(f"test log-likelihood {found['log_likelihood']:.2f} +- {found['standard_error']:.2f} nats")
    click.echo(f"{g} nats on test examples: {reading(g.d_loss, g.standard_error)}")
    seen = Gauge(**found["gauge_training"])
    click.echo(f"{seen.jsd:.3f} ± {seen.standard_error:.3f} on training examples, which D has seen: no bound")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-n", type=click.IntRange(1, MOST), default=100, show_default=True, help="How many samples.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws.")
@click.option("--best", is_flag=True, help="From the checkpoint of the best validation estimate, not the last.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="PNG file.  [default: RUN/sample-SEED.png, or sample-best-SEED.png]",
)
def sample(run: Path, n: int, seed: int, best: bool, out: Path | None) -> None:
    """Draw new samples from a trained G. Fair draws: none is chosen."""
    from .. import pictures
    from ..data import load
    from ..run_folder import RunFolder
    from ..sampling import Player

    player = Player(RunFolder.read(run), best)
    data = None if player.image_shape else load(player.settings.data, seed=player.settings.seed).valid
    out = out or run / f"sample-{'best-' if best else ''}{seed}.png"
    pictures.save(out, player.draw(n, seed), image_shape=player.image_shape, data=data)
    click.echo(f"{n} samples of {run} at step {player.step}, seed {seed}: {out}")
