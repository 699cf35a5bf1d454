"""The command ``gan``: train, evaluate, sample, table, figure, theory. Bad input is one sentence and exit code 2."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import click

from ..errors import UserError
from .figures import figure, theory
from .judging import judge
from .look import evaluate, sample
from .tables import table
from .training import train


class Sentences(click.Group):
    """A group whose commands end with one sentence on bad input."""

    def invoke(self, ctx: click.Context) -> Any:
        """Say what was wrong with the input on standard error, without usage or traceback; exit code 2."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            sentence = str(error)
        except click.exceptions.NoArgsIsHelpError:
            raise
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
    gan figure 1                     the paper's, from a run of its own
    gan figure 2 runs/digits-paper-1
    """


for command in (train, evaluate, judge, sample, table, figure, theory):
    main.add_command(command)
