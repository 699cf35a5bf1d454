"""The command ``gan``: train, evaluate, sample. Bad input is one sentence and exit code 2."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from shlex import quote
from typing import Any, NoReturn

import click

from . import settings as presets
from .errors import UserError
from .settings import Settings

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


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for every field of Settings that has none yet."""
    for f in reversed(fields(Settings)):
        if f.name in OWN_OPTIONS:
            continue
        choices = f.metadata["choices"]
        kind: Any = click.Choice(choices) if choices else {"int": int, "float": float}.get(str(f.type), Widths())
        option = click.option(f"--{f.name.replace('_', '-')}", type=kind, default=None, help=f"{f.metadata['help']}.")
        command = option(command)
    return command


class Sentences(click.Group):
    """A group whose commands end with one sentence on bad input."""

    def invoke(self, ctx: click.Context) -> Any:
        """Say what was wrong with the input on standard error, without usage or traceback; exit code 2."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            sentence = str(error)
        except click.UsageError as error:
            sentence = error.format_message()
        except MemoryError as error:
            sentence = f"the memory does not suffice ({error}); choose smaller sizes"
        _refuse(sentence)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """The same for what stands before the command's name."""
        try:
            return super().make_context(*args, **extra)
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            _refuse(error.format_message())


def _refuse(sentence: str) -> NoReturn:
    click.echo(f"gan: {sentence}", err=True)
    sys.exit(2)


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="minigrad-gan")
def main() -> None:
    """Generative Adversarial Nets (Goodfellow et al., 2014), trained by an engine that can be read.

    \b
    gan train                        digits, in about a minute
    gan train --data mnist --epochs 20 --preset authors
    gan evaluate runs/digits-paper-1
    gan sample runs/digits-paper-1 --out more.png
    """


@main.command()
@click.option("--data", default=None, metavar="NAME", help=f"{', '.join(presets.ADAPTED)}.  [default: digits]")
@click.option("--preset", default=None, metavar="NAME", help=f"{', '.join(presets.PRESETS)}.  [default: paper]")
@click.option("--steps", type=int, default=None, help="Iterations: updates of G.")
@click.option("--epochs", type=int, default=None, help="The same in passes over the training examples.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Run folder.  [default: runs/DATA-PRESET-N]")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="Folder that holds the MNIST files.")
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

    The run folder holds settings.json, metrics.jsonl, samples/ and checkpoint.safetensors. Ctrl-C saves and says how
    to go on.
    """
    from .data import load
    from .run_folder import RunFolder
    from .training import Training, resumed
    from .training import train as iterate

    if steps is not None and epochs is not None:
        raise UserError(f"--steps {steps} and --epochs {epochs} both say how long to train; give one of them")
    given = {name: value for name, value in options.items() if value is not None}
    if resume:
        with _reopened(out, {"data": data, "preset": preset} | given) as run:
            settings = presets.from_dict(run.settings)
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
    from .run_folder import RunFolder

    if out is None:
        raise UserError("--resume needs the run folder to go on with: --out DIR")
    run = RunFolder.open(out)
    for name, value in asked.items():
        own = run.settings.get(name)
        if value is not None and (list(value) if isinstance(value, tuple) else value) != own:
            run.close()
            raise UserError(f"{name} is {own!r} in the run {out}, not {value!r}; leave it out, or start a new run")
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
    click.echo(f"next: gan evaluate {folder}{where}")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--samples", "n", type=click.IntRange(min=1), default=10_000, show_default=True, help="Draws of G.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws.")
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="Folder that holds the MNIST files.")
def evaluate(run: Path, n: int, seed: int, data_dir: Path | None) -> None:
    """Parzen window log-likelihood of the test set, as in the paper's table 1.

    The width sigma is chosen on validation examples; +- is the standard error over test examples. The result is
    also written to RUN/evaluation.json.
    """
    from .data import load
    from .evaluate import POINT_SIGMAS, SIGMAS
    from .evaluate import evaluate as parzen
    from .files import write_atomically
    from .run_folder import RunFolder, versions
    from .sampling import Player

    folder = RunFolder.read(run)
    player = Player(folder)
    dataset = load(player.settings.data, data_dir=data_dir, seed=player.settings.seed)
    sigmas = SIGMAS if dataset.image_shape else POINT_SIGMAS
    result = parzen(player.draw(n, seed), dataset.valid, dataset.test, sigmas=sigmas)
    record = {"step": player.step, "seed": seed, "command": sys.argv, "versions": versions(), **asdict(result)}
    write_atomically(run / "evaluation.json", json.dumps(record, indent=2).encode() + b"\n")
    click.echo(f"{run} at step {player.step}, {n} samples, seed {seed}")
    click.echo(f"sigma {result.sigma:.4f} (of {len(sigmas)}, by {min(len(dataset.valid), 1000)} validation examples)")
    if result.at_edge:
        click.echo("sigma lies at the edge of the grid: a better one may lie beyond")
    click.echo(f"validation log-likelihood {result.validation:.2f} nats")
    click.echo(f"test log-likelihood {result.log_likelihood:.2f} +- {result.standard_error:.2f} nats")


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-n", type=click.IntRange(min=1), default=100, show_default=True, help="How many samples.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the draws.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="PNG file.  [default: RUN/sample-SEED.png]")
def sample(run: Path, n: int, seed: int, out: Path | None) -> None:
    """Draw new samples from a trained G. Fair draws: none is chosen."""
    from . import pictures
    from .data import load
    from .run_folder import RunFolder
    from .sampling import Player

    player = Player(RunFolder.read(run))
    data = None if player.image_shape else load(player.settings.data, seed=player.settings.seed).valid
    out = out or run / f"sample-{seed}.png"
    pictures.save(out, player.draw(n, seed), image_shape=player.image_shape, data=data)
    click.echo(f"{n} samples of {run} at step {player.step}, seed {seed}: {out}")
