"""``gan train``: one option for every setting."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from shlex import quote
from typing import Any

import click

from .. import settings as presets
from ..errors import UserError
from ..settings import Settings

SHORT = 1000  # steps of a run that does not wait for kernels to be compiled, unless it asks for them
OWN_OPTIONS = {"data", "preset", "steps"}  # written out below; every other setting's option is made from its field


class Widths(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4
    """1200,1200"""

    name = "n,n,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Whole numbers with commas between."""
        try:
            return tuple(int(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers such as 1200,1200", param, ctx)


class Names(click.ParamType):  # type: ignore[type-arg]
    """relu,sigmoid"""

    name = "name,name,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Names with commas between; the settings know which there are."""
        return tuple(part.strip() for part in value.split(","))


KINDS: dict[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "tuple[int, ...]": Widths(),
    "tuple[str, ...]": Names(),
}


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for every field of Settings that has none yet."""
    for f in reversed(fields(Settings)):
        if f.name in OWN_OPTIONS:
            continue
        choices, kind = f.metadata["choices"], str(f.type)
        one_of = choices and kind == "str"
        option = click.option(
            f"--{f.name.replace('_', '-')}",
            type=click.Choice(choices) if one_of else KINDS[kind],
            default=None,
            help=f"{f.metadata['help']}.",
        )
        command = option(command)
    return command


@click.command()
@click.option("--data", default=None, metavar="NAME", help=f"{', '.join(presets.ADAPTED)}.  [default: digits]")
@click.option("--preset", default=None, metavar="NAME", help=f"{', '.join(presets.PRESETS)}.  [default: paper]")
@click.option("--steps", type=int, default=None, help="Iterations: updates of G.")
@click.option("--epochs", type=int, default=None, help="The same in passes over the training examples.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Run folder.  [default: runs/DATA-PRESET-N]")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=None, help="Folder that holds the data set's files."
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out, up to --steps.")
@setting_options
def train(
    data: str | None,
    preset: str | None,
    steps: int | None,
    epochs: int | None,
    out: Path | None,
    data_dir: Path | None,
    resume: bool,
    **options: Any,
) -> None:
    """Train a generator and a discriminator against each other.

    The run folder holds settings.json, metrics.jsonl, validation.jsonl, samples/, checkpoint.safetensors and, from the
    first Parzen estimate on, best.safetensors. Ctrl-C saves and says how to go on.
    """
    from ..data import load
    from ..run_folder import RunFolder
    from ..training import Training, resumed
    from ..training import train as iterate

    if steps is not None and epochs is not None:
        raise UserError(f"--steps {steps} and --epochs {epochs} both say how long to train; give one of them")
    given = {name: value for name, value in options.items() if value is not None}
    if resume:
        device = given.pop("device", None)  # a run may go on elsewhere than where it began
        with _reopened(out, {"data": data, "preset": preset} | given) as run:
            settings = presets.from_dict(run.settings)
            settings = replace(settings, device=device or settings.device)
            dataset = load(settings.data, data_dir=data_dir, seed=settings.seed)
            settings = presets.with_length(settings, steps, epochs, len(dataset.train))
            training = resumed(run, settings, dataset)
            if training.step >= settings.steps:
                raise UserError(f"{run.path} is trained to step {training.step} already; say how far with --steps")
            _warn_of_lost_lines(run, training)
            run.write_settings(settings.as_dict())
            _report(run, training, iterate(run, training, sys.argv), data_dir)
    else:
        settings = presets.make(data or "digits", preset or "paper", **given)
        dataset = load(settings.data, data_dir=data_dir, seed=settings.seed)
        settings = presets.with_length(settings, steps, epochs, len(dataset.train))
        if "kernels" not in given and settings.steps < SHORT:
            settings = replace(settings, kernels="plain")
        training = Training(settings, dataset)  # before the folder: settings that do not fit the data leave no trace
        with RunFolder.create(out or _free(settings), settings.as_dict(), sys.argv) as run:
            _report(run, training, iterate(run, training, sys.argv), data_dir)


def _reopened(out: Path | None, asked: dict[str, Any]) -> Any:
    """The run to resume; UserError if other settings than its own are asked for."""
    from ..run_folder import RunFolder

    if out is None:
        raise UserError("--resume needs the run folder to go on with: --out DIR")
    run = RunFolder.open(out)
    try:
        presets.require_own(run.settings, asked, out)
    except UserError:
        run.close()
        raise
    return run


def _warn_of_lost_lines(run: Any, training: Any) -> None:
    """A power cut, or a hand, can take lines of metrics that the checkpoint has gone beyond."""
    last = max((line["step"] for line in run.metrics()), default=0)
    if last < training.step - training.step % training.settings.log_every:
        click.echo(
            f"gan: metrics.jsonl ends at step {last}, the run goes on from {training.step}; lines are lost", err=True
        )


def _free(settings: Settings) -> Path:
    """The first runs/DATA-PRESET-N that is not there yet."""
    n = 1
    while (path := Path("runs", f"{settings.data}-{settings.preset}-{n}")).exists():
        n += 1
    return path


def _report(run: Any, training: Any, finished: bool, data_dir: Path | None) -> None:
    """Say where things are and what to type next; exit code 130 if the user stopped the run."""
    folder, where = quote(str(run.path)), f" --data-dir {quote(str(data_dir))}" if data_dir else ""
    if not finished:
        click.echo(f"stopped and saved at step {training.step}; go on with: gan train --resume --out {folder}{where}")
        sys.exit(130)
    click.echo(f"trained to step {training.step}; samples: {run.sample_path(training.step)}")
    click.echo(f"on held-out examples {training.reading()}")
    click.echo(f"next: gan evaluate {folder}{where}")
