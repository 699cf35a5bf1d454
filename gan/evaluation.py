"""A run judged as in the paper's table 1, and by the JSD gauge: what ``gan evaluate`` and ``gan table 1`` say."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .data import Dataset
from .evaluate import POINT_SIGMAS, SIGMAS
from .evaluate import evaluate as parzen
from .evaluate.gauge import gauge
from .files import write_atomically
from .run_folder import RunFolder, versions
from .sampling import Player, logits

SAMPLES = 10_000


def evaluation_file(run: Path, best: bool, widths: int | None = None) -> Path:
    """Where the result of a run lies; ``widths`` that are not the released code's have a file of their own."""
    return run / f"evaluation{'-best' if best else ''}{f'-widths-{widths}' if widths else ''}.json"


def evaluation(
    run: Path, dataset: Dataset, n: int = SAMPLES, seed: int = 0, best: bool = False, widths: int | None = None
) -> dict[str, Any]:
    """Draw n samples of the last checkpoint, or the best; see evaluate/parzen.py and evaluate/gauge.py. In nats.

    ``gauge`` is of the test examples; ``gauge_training`` of as many training examples, where it bounds nothing: how
    much higher it is there is what D has learned by heart.

    ``widths``: how many, between the same ends as the released code's ten; it has an option for that too.
    The result is also written to ``evaluation_file(run, best, widths)``.
    """
    player = Player(RunFolder.read(run), best)
    sigmas = SIGMAS if dataset.image_shape else POINT_SIGMAS
    if widths is not None:
        sigmas = np.geomspace(sigmas[0], sigmas[-1], widths)
    samples = player.draw(n, seed)
    result = parzen(samples, dataset.valid, dataset.test, sigmas=sigmas)
    a_fake = logits(player.D, samples)
    seen, unseen = (gauge(logits(player.D, x), a_fake) for x in (dataset.train[: len(dataset.test)], dataset.test))
    record = {"step": player.step, "seed": seed, "command": sys.argv, "versions": versions(), **asdict(result)}
    record |= {"gauge": asdict(unseen), "gauge_training": asdict(seen)}
    write_atomically(evaluation_file(run, best, widths), json.dumps(record, indent=2).encode() + b"\n")
    return record
