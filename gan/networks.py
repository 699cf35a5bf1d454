"""The paper's two players: G is a multilayer perceptron, D a maxout network with dropout that ends in a logit.

The sizes are settings; the paper's for MNIST are 100-1200-1200-784 and 784-240x5-240x5-1.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, pairwise
from typing import Any, TypeVar

import numpy as np

from minigrad import Generator, Tensor, nn, no_grad
from minigrad.nn import init
from minigrad.optim import Optimizer

from .errors import UserError
from .settings import Settings

Array = np.ndarray[Any, Any]
Layer = TypeVar("Layer", bound=nn.Linear)

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}


def generator_network(s: Settings, dimension: int, output_bias: Array | None, rng: Generator) -> nn.Sequential:
    """G: z (m, noise_dim) -> x (m, dimension). Hidden ReLU or sigmoid layers, then a sigmoid or linear one.

    Weights U(-generator_init, generator_init), the last layer's U(-generator_output_init, generator_output_init) or
    sparse; biases of hidden sigmoid layers generator_sigmoid_bias, others 0, the last ``output_bias`` (dimension,) if
    given.
    """
    widths = [s.noise_dim, *s.generator_layers]
    parts: list[nn.Module] = []
    for (n, m), activation in zip(pairwise(widths), cycle(s.generator_activations), strict=False):
        layer = _layer(nn.Linear, n, m, spread=s.generator_init, rng=rng)
        if activation == "sigmoid" and layer.bias is not None:
            init.constant_(layer.bias, s.generator_sigmoid_bias)
        parts += [layer, ACTIVATIONS[activation]()]
    last = _layer(nn.Linear, widths[-1], dimension, spread=s.generator_output_init or s.generator_init, rng=rng)
    if s.generator_output_sparse:
        sparse_(last.weight, s.generator_output_sparse, rng)
    if output_bias is not None and last.bias is not None:
        with no_grad():
            last.bias.copy_(output_bias)
    return nn.Sequential(*parts, last, *([nn.Sigmoid()] if s.generator_output == "sigmoid" else []))


def discriminator_network(s: Settings, dimension: int, rng: Generator, masks: Generator) -> nn.Sequential:
    """D: x (m, dimension) -> logit (m, 1). Maxout layers and a linear unit, each behind a dropout.

    Weights U(-discriminator_init, discriminator_init), biases 0. ``masks`` draws the dropout masks.
    """
    widths = [dimension, *s.discriminator_layers]
    hidden = [_layer(nn.Maxout, n, m, s.pieces, spread=s.discriminator_init, rng=rng) for n, m in pairwise(widths)]
    behind = [part for layer in hidden for part in (layer, nn.Dropout(s.dropout_hidden, generator=masks))]
    last = _layer(nn.Linear, widths[-1], 1, spread=s.discriminator_init, rng=rng)
    return nn.Sequential(nn.Dropout(s.dropout_input, generator=masks), *behind, last)


def _layer(kind: Callable[..., Layer], *sizes: int, spread: float, rng: Generator) -> Layer:
    """A layer with weights uniform on +- spread, biases 0."""
    layer = kind(*sizes, generator=Generator())  # PyTorch's first values, replaced at once: no stream moves for them
    init.uniform_(layer.weight, -spread, spread, rng)
    if layer.bias is not None:
        init.zeros_(layer.bias)
    return layer


def sparse_(weight: Tensor, n: int, rng: Generator) -> None:
    """For each unit, a row of ``weight``: N(0, 1) at n of its inputs, 0 at the others. pylearn2's ``sparse_init``."""
    chosen = np.argpartition(rng.uniform(0, 1, weight.shape, np.float64), n - 1, axis=1)[:, :n]
    values = np.zeros(weight.shape, np.float32)
    # in the order of the inputs: that of argpartition is no promise
    np.put_along_axis(values, np.sort(chosen, axis=1), rng.normal(0, 1, chosen.shape), axis=1)
    with no_grad():
        weight.copy_(values)


def marginal_logits(data: Array) -> Array:
    """``logit(mean of each pixel)``, the mean kept in [1e-7, 1 - 1e-7]: G's output bias in the released code."""
    mean = np.clip(data.mean(axis=0, dtype=np.float64), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(mean) - np.log1p(-mean), dtype=np.float32)


def put_on_top(G: nn.Sequential, earlier: nn.Sequential) -> None:
    """G's last layers take the values of another generator, which was trained alone: pylearn2's ``add_layers``.

    UserError where the two do not fit.
    """
    has, came = (sum(isinstance(part, nn.Linear) for part in net) for net in (G, earlier))
    if came >= has:
        raise UserError(
            f"the pretrained G has {came} layers and this one {has}, which leaves none to put below; in"
            " generator_layers, give new layers, the width of the other's z, and the other's generator_layers"
        )
    top = list(G)[-len(earlier) :]
    if list(map(repr, top)) != list(map(repr, earlier)):
        raise UserError(
            f"the pretrained G is {_in_short(earlier)}, and this one is {_in_short(G)}, which does not end so; in"
            " generator_layers, give new layers, the width of the other's z, and the other's generator_layers"
        )
    for ours, theirs in zip(top, earlier, strict=True):
        ours.load_state_dict(theirs.state_dict())


def _in_short(net: nn.Sequential) -> str:
    """``100 -> 8000 ReLU -> 2304 Sigmoid``."""
    said = [f"-> {part.out_features}" if isinstance(part, nn.Linear) else type(part).__name__ for part in net]
    first = net[0]
    return f"{first.in_features if isinstance(first, nn.Linear) else ''} {' '.join(said)}"


# --------------------------------------------------------------------------------------------------- max norm


def limit_norms(network: nn.Module, largest: float) -> None:
    """``w *= min(|w|, largest) / (1e-7 + |w|)`` for the incoming weights w of each unit, or piece of a maxout unit.

    They are the rows of a layer's weight (out, in), and pylearn2's columns (``max_col_norm``).
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            w = layer.weight.data
            norms = np.sqrt(np.einsum("ij,ij->i", w, w))
            w *= (np.minimum(norms, largest) / (1e-7 + norms))[:, None]
            layer.weight.data = w  # so that a backward pass that needs the old values hears of it


class MaxNorm(Optimizer):
    """An optimiser of one network, after whose every update ``limit_norms`` is applied, as pylearn2 does."""

    def __init__(self, optimizer: Optimizer, network: nn.Module, largest: float) -> None:
        self.optimizer, self.network, self.largest = optimizer, network, largest

    def parameters(self) -> list[Tensor]:
        """The optimiser's."""
        return self.optimizer.parameters()

    def step(self, gradients: Any = None, *, closure: Callable[[], Any] | None = None) -> Any:
        """Its step, and the limit."""
        loss = self.optimizer.step(gradients, closure=closure)
        limit_norms(self.network, self.largest)
        return loss

    def minimize(self, loss: Tensor, *, retain_graph: bool | None = None, allow_unused: bool = False) -> None:
        """The same."""
        self.optimizer.minimize(loss, retain_graph=retain_graph, allow_unused=allow_unused)
        limit_norms(self.network, self.largest)
