"""What broken algorithms reach: three planted bugs, trained on digits and measured as the paper measures.

python -m benchmarks.planted [--json F]      about ten minutes; tests/project/test_package.py has the floors
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import gan.training as training
from gan import settings
from gan.algorithm import Game, Losses, descend
from gan.data import load
from gan.errors import UserError
from gan.evaluate import evaluate
from gan.objectives import GENERATOR_LOSSES, discriminator_loss
from minigrad import Generator, gradients

STEPS, LAST, SEEDS = 8000, 1000, (0, 1, 2)


def without_detach(game: Game, k: int) -> Losses:
    """Algorithm 1 without the detach: D's loss, which G should not see, moves G too."""
    for _ in range(k):
        fake = game.G(game.noise())
        a_real, a_fake = game.D(next(game.data)), game.D(fake)
        d_loss = discriminator_loss(a_real, a_fake, game.discriminator_scale)
        wrong = gradients(d_loss, game.optimizer_G.parameters(), retain_graph=True)
        descend(d_loss, game.optimizer_D)
        game.optimizer_G.step(wrong)
    g_loss = game.generator_loss(game.D(game.G(game.noise())))
    descend(g_loss, game.optimizer_G)
    return Losses(d_loss, g_loss, a_real, a_fake)


@contextmanager
def planted(bug: str) -> Iterator[dict[str, Any]]:
    """Inside, the bug is in place; yields the settings that it changes."""
    turned = {name: lambda a, loss=loss: -loss(a) for name, loss in GENERATOR_LOSSES.items()}
    match bug:
        case "none":
            yield {}
        case "the sign of G's loss":
            with mock.patch.object(training, "GENERATOR_LOSSES", turned):
                yield {}
        case "no detach in D's update":
            with mock.patch.object(training, "alternating", without_detach):
                yield {}
        case "no dropout":
            yield {"dropout_input": 0.0, "dropout_hidden": 0.0}


BUGS = ("none", "no detach in D's update", "no dropout", "the sign of G's loss")


def outcome(bug: str, seed: int) -> dict[str, Any]:
    """Validation log-likelihood in nats and the mean D(x) of the last steps; None where the run diverged."""
    with planted(bug) as changed:
        chosen = settings.make("digits", "paper", seed=seed, steps=STEPS, log_every=LAST, **changed)
        data = load("digits")
        run = training.Training(chosen, data)
        try:
            with training.blas_threads(run):
                while run.step < STEPS:
                    run.iterate()
                    line = run.means() if run.step % LAST == 0 else None
        except UserError:
            return {"bug": bug, "seed": seed, "validation": None, "d_real": None}
        z = training.draw_noise(chosen, 10_000, Generator(0))
        nats = evaluate(training.generate(run.G, z), data.valid, data.test).validation
    assert line is not None
    return {"bug": bug, "seed": seed, "validation": round(nats, 2), "d_real": round(line["d_real"], 3)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    rows = []
    for bug in BUGS:
        for seed in SEEDS:
            rows.append(outcome(bug, seed))
            print(rows[-1], flush=True)
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"command": "python -m benchmarks.planted", "steps": STEPS, "rows": rows}, file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    main()
