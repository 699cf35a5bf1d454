"""The plan of a network: what it does, written as blocks of affine map, activation and dropout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import nn
from ..nn import Module
from ..nn import functional as F

ACTIVATIONS: dict[type[Module], str] = {
    nn.ReLU: "relu",
    nn.LeakyReLU: "leaky_relu",
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
    nn.Softplus: "softplus",
}


@dataclass(frozen=True)
class Block:
    """One row of a plan: ``dropout(activation(affine(x)))``, the latter two perhaps absent."""

    affine: nn.Linear
    activation: Module | None = None
    dropout: nn.Dropout | None = None

    @property
    def pieces(self) -> int:
        """Of maxout; 0 for a linear layer."""
        return self.affine.pieces if isinstance(self.affine, nn.Maxout) else 0

    @property
    def units(self) -> int:
        """Outputs."""
        return self.affine.units if isinstance(self.affine, nn.Maxout) else self.affine.out_features

    def plain(self, x: Any, weight: Any, bias: Any, mask: Any) -> Any:
        """What the kernels equal."""
        x = F.linear(x, weight, bias)
        if self.pieces:
            x = F.maxout(x, self.pieces)
        elif self.activation is not None:
            x = self.activation.forward(x)
        return x if mask is None or self.dropout is None else F.masked_dropout(x, mask, self.dropout.p)


class Blocks(NamedTuple):
    """Blocks one after another, perhaps behind a dropout of their input."""

    entry: nn.Dropout | None
    blocks: list[Block]


def _known(module: Module) -> bool:
    """Whether it is an activation that kernels compute."""
    return type(module) in ACTIVATIONS and not (isinstance(module, nn.Softplus) and not module.plain)


def gathered(modules: Iterable[Module]) -> list[Blocks | Module]:
    """Runs of blocks, and between them the modules that are no part of one: subclasses too, which may do anything."""
    modules, i = list(modules), 0
    out: list[Blocks | Module] = []
    while i < len(modules):
        entry: Any = modules[i] if type(modules[i]) is nn.Dropout else None
        j = i + (entry is not None)
        blocks = []
        while j < len(modules) and type(modules[j]) in (nn.Linear, nn.Maxout):
            affine: Any = modules[j]
            j += 1
            activation: Any = None
            dropout: Any = None
            if type(affine) is nn.Linear and j < len(modules) and _known(modules[j]):
                activation = modules[j]
                j += 1
            if j < len(modules) and type(modules[j]) is nn.Dropout:
                dropout = modules[j]
                j += 1
            blocks.append(Block(affine, activation, dropout))
        if blocks:
            out.append(Blocks(entry, blocks))
            i = j
        else:
            out.append(modules[i])
            i += 1
    return out
