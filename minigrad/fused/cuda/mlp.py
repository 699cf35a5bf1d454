"""A multilayer perceptron on a CUDA device: forward and backward by kernels and matrix products, in buffers made once.

Equals the plain modules of a network, on float32. A pass allocates nothing, waits for nothing and computes nothing by
CuPy's own kernels, so that it can stand in a captured step (graph.py).

A dropout is computed with what comes before it: a network's first one by whoever fills its inputs, all others here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ... import nn
from ...device import cupy, put
from ...nn import Sequential
from ...versions import mark_changed
from ..blocks import ACTIVATIONS, Block, Blocks, gathered
from .launch import Kernels, kernels

Array = Any
Gemm = Callable[..., None]

ALIGNED = 64  # elements: each parameter begins at a multiple of 256 bytes, which matrix products and float4 want
MOST_PIECES = 256  # of maxout: which one won is kept in a byte


class Flat:
    """Room for one float32 for each element of some parameters, in one piece."""

    def __init__(self, shapes: Sequence[tuple[int, ...]]) -> None:
        self.shapes, self.starts, self.size = list(shapes), [], 0
        for shape in shapes:
            self.starts.append(self.size)
            self.size += -(-prod(shape) // ALIGNED) * ALIGNED

    def zeros(self) -> Array:
        """A buffer (size,) of zeros; what lies between the parameters stays 0."""
        return cupy().zeros(self.size, np.float32)

    def views(self, buffer: Array) -> list[Array]:
        """The parts of a buffer that belong to each parameter, in its shape."""
        return [
            buffer[start : start + prod(shape)].reshape(shape)
            for start, shape in zip(self.starts, self.shapes, strict=True)
        ]

    def rows(self) -> Array:
        """(n, 3) int32: first element, length, 1 for every row of a weight, 0 for a bias; see momentum_max_norm."""
        out = []
        for start, shape in zip(self.starts, self.shapes, strict=True):
            n = shape[-1]
            out += [(start + i * n, n, int(len(shape) == 2)) for i in range(prod(shape) // n)]
        return put(np.array(out, np.int32), "cuda")


def unfit(network: Sequential) -> str | None:
    """Why a network cannot be computed here, in words; None if it can."""
    parts = gathered(network.children())
    if len(parts) != 1 or not isinstance(parts[0], Blocks):
        return "it has other modules than Linear, Maxout, activations and Dropout, or in another order"
    entry, blocks = parts[0]
    parameters: list[Any] = [p for block in blocks for p in (block.affine.weight, block.affine.bias)]
    if any(module._hooks for module in network.children()):
        return "its modules have hooks"
    if any(p is None for p in parameters):
        return "it has a Linear without a bias"
    if len({id(p) for p in parameters}) < len(parameters):
        return "its layers share a parameter"
    if any(p._data.dtype != np.float32 for p in parameters):
        return "its parameters are not float32"
    if any(dropout is not None and dropout.p >= 1 for dropout in (entry, *(block.dropout for block in blocks))):
        return "it has a Dropout of everything"
    if any(isinstance(b.activation, nn.LeakyReLU) and not b.activation.negative_slope >= 0 for b in blocks):
        return "it has a LeakyReLU with a slope below 0"
    if any(block.pieces > MOST_PIECES for block in blocks):
        return f"it has a Maxout of more than {MOST_PIECES} pieces"
    return None


class Drop(NamedTuple):
    """A dropout behind an activation: ``out = y mask scale``, all of the same shape, the mask of bytes."""

    mask: Array
    scale: float
    out: Array


class MLP:
    """A network's parameters and their gradients in one buffer each, and room for passes of up to ``rows`` rows.

    The network's own parameters become views of that buffer. RuntimeError for a network that is ``unfit``.
    """

    def __init__(self, network: Sequential, rows: int) -> None:
        if reason := unfit(network):
            raise RuntimeError(f"the kernels for cuda cannot compute this network: {reason}; use the plain ops")
        (plan,) = gathered(network.children())
        assert isinstance(plan, Blocks)
        self.blocks = plan.blocks
        self.dropouts = [plan.entry, *(b.dropout for b in plan.blocks)]
        self.widths = [self.blocks[0].affine.in_features, *(b.units for b in self.blocks)]
        self.parameters: list[Any] = [p for b in self.blocks for p in (b.affine.weight, b.affine.bias)]
        self.flat = Flat([p._data.shape for p in self.parameters])
        self.values, self.gradients = self.flat.zeros(), self.flat.zeros()
        for parameter, view in zip(self.parameters, self.flat.views(self.values), strict=True):
            view[...] = put(parameter._data, "cuda")
            parameter._data = view
            mark_changed(parameter)
        self.room = [_room(block, rows) for block in self.blocks]

    def scale(self, i: int) -> float:
        """1 / (1 - p) of the i-th dropout, the input's being the first; 1 where there is none."""
        dropout = self.dropouts[i]
        return 1.0 if dropout is None else 1 / (1 - dropout.p)

    def drops(self, i: int) -> bool:
        """Whether there is an i-th dropout that needs a mask."""
        dropout = self.dropouts[i]
        return dropout is not None and dropout.training and dropout.p > 0


def _room(block: Block, rows: int) -> dict[str, Array]:
    """Buffers of a layer: y, its value; g, the gradient for y; for maxout z, its pieces, and which of them won."""
    empty = cupy().empty
    out = {"y": empty((rows, block.units), np.float32), "g": empty((rows, block.units), np.float32)}
    if block.pieces:
        out["z"] = empty((rows, block.units * block.pieces), np.float32)
        out["winner"] = empty((rows, block.units), np.uint8)
    elif block.dropout is not None and block.dropout.p > 0:
        out["dropped"] = empty((rows, block.units), np.float32)
    return out


class Layer:
    """One block in one pass: ``y = activation(x W^T + b)``, ``out = dropout(y)``, and backward.

    g is the gradient for y, z for the sum x W^T; the gradients for the parameters are dw and db.
    """

    y: Array
    g: Array
    z: Array
    out: Array
    mask: Array | None = None
    scale = 1.0

    def __init__(self, block: Block, x: Array, parameters: Sequence[Array], gradients: Sequence[Array]) -> None:
        self.x = x
        self.weight, self.bias = parameters
        self.dw, self.db = gradients
        self.activation = "identity" if block.activation is None else ACTIVATIONS[type(block.activation)]
        self.slope = getattr(block.activation, "negative_slope", 0.01)

    def for_weight(self, gemm: Gemm) -> None:
        """From z to dw."""
        gemm(self.z, self.x, self.dw, transpose_a=True)

    def for_input(self, gemm: Gemm, out: Array) -> None:
        """From z to the gradient for x."""
        gemm(self.z, self.weight, out)


class LinearLayer(Layer):
    """``dropout(activation(linear(x)))``. z is in the memory of g."""

    def forward(self, k: Kernels, gemm: Gemm) -> None:
        """From x to out."""
        gemm(self.x, self.weight, self.y, transpose_b=True)
        dropped = None if self.mask is None else self.out
        k.bias_activation(self.y, self.bias, self.activation, self.slope, self.mask, self.scale, dropped)

    def differentiate(self, k: Kernels, row_scale: Array | None = None) -> None:
        """From g, each row times a number where ``row_scale`` (m,) is given, to z and db."""
        k.activation_backward(
            self.g, self.y, self.activation, self.db, self.slope, self.mask, self.scale, row_scale=row_scale
        )


class MaxoutLayer(Layer):
    """``dropout(maxout(linear(x)))``: y has the dropout in it. z holds the sum on the way forward."""

    winner: Array

    def forward(self, k: Kernels, gemm: Gemm) -> None:
        """From x to out."""
        gemm(self.x, self.weight, self.z, transpose_b=True)
        k.bias_maxout(self.z, self.bias, self.y, self.winner, self.mask, self.scale)

    def differentiate(self, k: Kernels) -> None:
        """From g to z and db."""
        k.maxout_backward(self.g, self.winner, self.z, self.db, self.mask, self.scale)

    def link(self, k: Kernels, g: Array, rows: Array | None) -> None:
        """From g (m, units), or one row for all, to z; with ``rows`` (m,), what each row counts, to db."""
        db = None if rows is None else self.db
        k.maxout_backward(g, self.winner, self.z, db, self.mask, self.scale, rows=rows)


class Head(Layer):
    """A last layer of one unit: a dot product for each row."""

    def forward(self, k: Kernels, gemm: Gemm) -> None:
        """From x to y."""
        k.head(self.x, self.weight, self.bias, self.y)

    def backward(self, k: Kernels, below: Array | None) -> None:
        """From g to the gradient for x, where wanted, and to dw and db."""
        k.head_backward(self.x, self.weight, self.g, below, self.dw, self.db)


class Pass:
    """A minibatch on its way through an MLP, in the rows from ``start`` to ``stop`` of its buffers.

    ``x`` (m, in): the input, behind its dropout. ``masks``: for each block (m, units) uint8 or None. The last block
    writes into ``out`` where given, or with ``drop`` there too, behind a dropout. ``head``: it is a Linear of one unit.
    """

    def __init__(
        self,
        mlp: MLP,
        start: int,
        stop: int,
        x: Array,
        masks: Sequence[Array | None] | None = None,
        out: Array | None = None,
        drop: Drop | None = None,
        head: bool = False,
    ) -> None:
        self.layers: list[Any] = []
        values, gradients = mlp.flat.views(mlp.values), mlp.flat.views(mlp.gradients)
        for i, (block, room) in enumerate(zip(mlp.blocks, mlp.room, strict=True)):
            last = i + 1 == len(mlp.blocks)
            parts = slice(2 * i, 2 * i + 2)
            kind = MaxoutLayer if block.pieces else Head if last and head else LinearLayer
            layer = kind(block, x, values[parts], gradients[parts])
            for name in room.keys() - {"dropped"}:
                setattr(layer, name, room[name][start:stop])
            if "z" not in room:
                layer.z = layer.g
            if last and out is not None:
                layer.y = out
            layer.out = layer.y
            if masks is not None and masks[i] is not None:
                layer.mask, layer.scale = masks[i], mlp.scale(i + 1)
                if not block.pieces:
                    layer.out = room["dropped"][start:stop]
            if last and drop is not None:
                layer.mask, layer.scale, layer.out = drop
            self.layers.append(layer)
            x = layer.out
        self.out = x
        self.k = kernels()

    @property
    def last(self) -> Any:
        """The last layer: its g is where a backward pass begins."""
        return self.layers[-1]

    def forward(self, gemm: Gemm, layers: slice = slice(None)) -> None:
        """From x to out, or through some of the layers."""
        for layer in self.layers[layers]:
            layer.forward(self.k, gemm)

    def backward(self, gemm: Gemm, below: Array | None = None, row_scale: Array | None = None) -> None:
        """From the last layer's g, each row times row_scale (m,) if given, to all dw and db, and to ``below``.

        ``below`` (m, in): where the gradient for x is wanted. ``row_scale``: for a last layer that is linear.
        """
        for i in reversed(range(len(self.layers))):
            layer, under = self.layers[i], self.layers[i - 1].g if i else below
            if isinstance(layer, Head):
                layer.backward(self.k, under)
                continue
            if layer is self.last and row_scale is not None:
                layer.differentiate(self.k, row_scale)
            else:
                layer.differentiate(self.k)
            if under is not None:
                layer.for_input(gemm, under)
            layer.for_weight(gemm)

    # A network of maxout layers that ends in a Head: from the head on, the gradient of a row's logit is computed once.
    # The gradient of any loss is this, each row times its derivative for the logit: one chain serves every loss of the
    # same pass. Nothing is ever divided by.

    def chain(self, gemm: Gemm, below: Array, rows: slice = slice(None), weights: Array | None = None) -> None:
        """The gradients of each row's logit for z of every layer, and into ``below`` for x, of these rows only.

        ``weights`` (m,): a loss's derivatives for the logits, the head's g; with them dw and db of the head, all other
        db, and what ``finish_chain`` needs.
        """
        *hidden, head = self.layers
        if weights is not None:
            head.backward(self.k, None)
        g = head.weight
        for i in reversed(range(len(hidden))):
            layer = hidden[i]
            layer.link(self.k, g, weights)
            if i:
                g = hidden[i - 1].g
                layer.for_input(gemm, g)
            else:
                gemm(layer.z[rows], layer.weight, below)

    def finish_chain(self, gemm: Gemm, weights: Array) -> None:
        """The dw that are left. Multiplies what each layer got, x, in place."""
        for layer in reversed(self.layers[:-1]):
            self.k.scale_rows(layer.x, weights)
            layer.for_weight(gemm)
