"""The paper's two players: G is a multilayer perceptron, D a maxout network with dropout that ends in a logit.

The sizes are settings; the paper's for MNIST are 100-1200-1200-784 and 784-240x5-240x5-1.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from minigrad import Generator, nn, no_grad
from minigrad.nn import init

from .settings import Settings

Array = np.ndarray[Any, Any]
Layer = TypeVar("Layer", bound=nn.Linear)


def generator_network(s: Settings, dimension: int, output_bias: Array | None, rng: Generator) -> nn.Sequential:
    """G: z (m, noise_dim) -> x (m, dimension). Hidden ReLU layers, then a sigmoid or linear one.

    Weights U(-generator_init, generator_init); biases 0, the last ``output_bias`` (dimension,) if given.
    """
    widths = [s.noise_dim, *s.generator_layers, dimension]
    *hidden, last = [_layer(nn.Linear, n, m, spread=s.generator_init, rng=rng) for n, m in pairwise(widths)]
    if output_bias is not None and last.bias is not None:
        with no_grad():
            last.bias.copy_(output_bias)
    relus = [part for layer in hidden for part in (layer, nn.ReLU())]
    return nn.Sequential(*relus, last, *([nn.Sigmoid()] if s.generator_output == "sigmoid" else []))


def discriminator_network(s: Settings, dimension: int, rng: Generator, masks: Generator) -> nn.Sequential:
    """D: x (m, dimension) -> logit (m, 1). Maxout layers and a linear unit, each behind a dropout.

    Weights U(-discriminator_init, discriminator_init), biases 0. ``masks`` draws the dropout masks.
    """
    widths = [dimension, *s.discriminator_layers]
    hidden = [_layer(nn.Maxout, n, m, s.pieces, spread=s.discriminator_init, rng=rng) for n, m in pairwise(widths)]
    behind = [part for layer in hidden for part in (layer, nn.Dropout(s.dropout_hidden, masks))]
    last = _layer(nn.Linear, widths[-1], 1, spread=s.discriminator_init, rng=rng)
    return nn.Sequential(nn.Dropout(s.dropout_input, masks), *behind, last)


def _layer(kind: Callable[..., Layer], *sizes: int, spread: float, rng: Generator) -> Layer:
    """A layer with weights uniform on +- spread, biases 0."""
    layer = kind(*sizes, generator=Generator())  # PyTorch's first values, replaced at once: no stream moves for them
    init.uniform_(layer.weight, -spread, spread, rng)
    if layer.bias is not None:
        init.zeros_(layer.bias)
    return layer


def marginal_logits(data: Array) -> Array:
    """``logit(mean of each pixel)``, the mean kept in [1e-7, 1 - 1e-7]: G's output bias in the released code."""
    mean = np.clip(data.mean(axis=0, dtype=np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(mean) - np.log1p(-mean), dtype=np.float32)
