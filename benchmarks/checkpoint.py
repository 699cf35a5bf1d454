"""A GAN step in the middle of a real run: the weights of a checkpoint of ``gan train``, and minibatches of its data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gan import checkpoint as files
from gan import data, settings
from gan.errors import UserError
from minigrad.optim import ExponentialDecay, LinearRamp

from .cases import GAN, gan_inputs
from .reference import forward, wide

MINIBATCHES = 64


def in_a_run(path: str, data_dir: str | None, folder: Path) -> tuple[GAN, dict[str, Any]]:
    """The case, its arrays in a file of ``folder``, and what it is for the report. UserError for what does not fit."""
    arrays, metadata = files.load(path)
    try:
        s = settings.from_dict(metadata["settings"])
        step = int(metadata["step"])
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is no checkpoint of gan train: {error}") from None
    if s.generator_output != "sigmoid":
        raise UserError(f"{path} is of a run on {s.data}, whose G ends in no sigmoid; take one on mnist or digits")
    examples = data.load(s.data, data_dir=data_dir).train
    order = np.random.default_rng(0).permutation(len(examples))[: MINIBATCHES * s.batch_size]
    order = order[: len(order) // s.batch_size * s.batch_size]
    kept = {"x": examples[order].reshape(-1, s.batch_size, examples.shape[1])}
    for player in "GD":
        for kind in ("weight", "bias"):
            names = [n for n in arrays if n.startswith(f"{player}.") and n.endswith(kind)]
            for i, name in enumerate(sorted(names, key=lambda n: int(n.split(".")[1]))):
                kept[f"{player}{i}.{kind}"] = arrays[name]
    file = folder / "run.npz"
    np.savez(file, **kept)
    epoch = step * s.batch_size // len(examples)
    momentum = LinearRamp(s.momentum_start, s.momentum_end, s.momentum_epochs - 1)(epoch)
    case = GAN(
        name=f"in a run on {s.data}, step {step}",
        batch=s.batch_size,
        noise=s.noise_dim,
        generator=s.generator_layers,
        dimension=examples.shape[1],
        discriminator=s.discriminator_layers,
        pieces=s.pieces,
        dropout=(s.dropout_input, s.dropout_hidden),
        lr=ExponentialDecay(s.learning_rate, s.learning_rate_decay, s.learning_rate_min)(step),
        momentum=momentum,
        scale=s.discriminator_scale,
        source=str(file),
    )
    return case, {"data": s.data, "step": step, "relu_density": density(case)}


def density(case: GAN) -> list[float]:
    """The share of positive outputs of each hidden layer of G: where fewer are, less need be computed."""
    inputs = gan_inputs(case)
    hidden = forward(wide(inputs.G), inputs.draws.z_g.astype(np.float64))[1:-1]
    return [round(float((h > 0).mean()), 3) for h in hidden]


def without_path(case: Any) -> Any:
    """As it is written down: the file is gone when the run has ended."""
    return replace(case, source="checkpoint") if isinstance(case, GAN) and case.source else case
