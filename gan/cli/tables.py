"""``gan table 1``: the paper's number for MNIST, from as many seeds as are asked for, in one command."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from .. import settings as presets
from ..errors import UserError
from .training import train


class Seeds(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """0,1,2"""

    name = "n,n,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Different whole numbers, 0 or more, with commas between."""
        try:
            seeds = tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers such as 0,1,2", param, ctx)
        if min(seeds) < 0 or len({*seeds}) < len(seeds):
            self.fail(f"{value!r} must be different numbers, 0 or more", param, ctx)
        return seeds


def _settings_of(options: tuple[str, ...]) -> dict[str, Any]:
    """What options of ``gan train`` set, by the names of the settings."""
    names = {f.name for f in fields(presets.Settings)}
    given = train.make_context("gan train", list(options)).params
    return {name: value for name, value in given.items() if name in names and value is not None}


@click.group()
def table() -> None:
    """The tables of the paper: the first one. (The second holds words.)"""


@table.command("1", context_settings={"ignore_unknown_options": True})
@click.option("--data", default="mnist", show_default=True, metavar="NAME", help="Data set.")
@click.option("--preset", default="authors", show_default=True, metavar="NAME", help=f"{', '.join(presets.PRESETS)}.")
@click.option("--seeds", type=Seeds(), default="0,1,2", show_default=True, help="A run for each.")
@click.option("--epochs", type=click.IntRange(min=1), default=1000, show_default=True, help="How long each is trained.")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=None, help="Runs at a time.  [default: one a core, on a GPU all]"
)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Where.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder that holds the data set's files.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("table1"), show_default=True, help="Folder.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF gan train]...")
def table_1(
    data: str,
    preset: str,
    seeds: tuple[int, ...],
    epochs: int,
    jobs: int | None,
    device: str,
    data_dir: Path | None,
    out: Path,
    options: tuple[str, ...],
) -> None:
    """Train a run for each seed, keep the best validation Parzen estimate of each, and test that once.

    The same command again goes on where it was stopped, or with more --epochs further. The runs lie in --out, and the
    table in --out/table1.json. MNIST takes some 4 hours a seed for 1000 epochs on two cores.
    """
    from .. import table1
    from ..data import load
    from ..files import write_atomically
    from ..run_folder import versions

    presets.make(data, preset)  # names that do not exist are told before any file is read
    dataset = load(data, data_dir=data_dir)
    if dataset.image_shape is None:
        raise UserError(f"table 1 is of images, and {data} has points")
    cores = os.cpu_count() or 1
    jobs = min(jobs or (len(seeds) if device == "cuda" else cores), len(seeds))
    asked = _settings_of(options)
    presets.make(data, preset, **asked)
    passed = ["--device", device, *(("--data-dir", str(data_dir)) if data_dir else ()), *options]
    plans = table1.plan(out, data, preset, seeds, epochs, dataset, passed, asked)
    if not table1.train(plans, jobs, max(1, cores // jobs), lambda line: click.echo(line, err=True)):
        click.echo("stopped and saved; the same command goes on")
        sys.exit(130)
    rows = table1.judge(plans, dataset)
    mean, error = table1.over_seeds([row["log_likelihood"] for row in rows])
    record = {"command": sys.argv, "versions": versions(), "data": data, "preset": preset, "epochs": epochs}
    record |= {"runs": {p.path.name: row for p, row in zip(plans, rows, strict=True)}}
    record |= {"mean": mean, "standard_error": error if len(rows) > 1 else None}
    write_atomically(out / "table1.json", json.dumps(record, indent=1, allow_nan=False).encode() + b"\n")
    width = max(len(p.path.name) for p in plans)
    click.echo(f"{'':{width}}  best at step  sigma  validation  test")
    for p, row in zip(plans, rows, strict=True):
        numbers = f"{row['step']:>12}  {row['sigma']:.3f}  {row['validation']:>10.1f}"
        click.echo(f"{p.path.name:{width}}  {numbers}  {row['log_likelihood']:.1f} ± {row['standard_error']:.1f}")
    said = f"mean over {len(rows)} seeds: {mean:.1f} ± {error:.1f} nats" if len(rows) > 1 else f"{mean:.1f} nats"
    click.echo(said + (f"; the paper: {table1.PAPER[0]:.0f} ± {table1.PAPER[1]:.0f}" if data == "mnist" else ""))
