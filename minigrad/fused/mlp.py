"""A run of layers as one op: a Linear or Maxout, its activation, its dropout, and again.

``fused(network)`` finds the runs. Calling one leases buffers from its pool, runs the forward kernel and records one
node. The node's rules run the backward kernel once, and give gradients for weights as products not yet taken
(deferred.py). A derivative of a derivative recomputes the plain layers with the same masks, recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from .. import nn
from ..engine import Tensor, derivatives, gradients, op
from ..memory import empty
from ..nn import Module, Sequential
from ..nn import functional as F
from ..recording import thread
from .blocks import Block, Blocks, gathered
from .buffers import Buffers, Deltas, how_now, run_backward
from .cpu import fields as f
from .deferred import Deferred, Source
from .workspace import Lease, Pool, address

Array = np.ndarray[Any, Any]


# ------------------------------------------------------------------------------------------- finding the runs

_found: WeakKeyDictionary[Module, tuple[list[Module], list[Any]]] = WeakKeyDictionary()


def fused(network: Sequential) -> list[Any]:
    """The network's modules, those that can be fused gathered in runs."""
    modules = [part for part in vars(network).values() if isinstance(part, Module)]
    known = _found.get(network)
    if known is None or len(known[0]) != len(modules) or not all(map(is_, known[0], modules)):
        known = _found[network] = (modules, parts(modules))
    return known[1]


def parts(modules: Sequence[Module]) -> list[Any]:
    """The same modules, those that can be fused gathered in Runs."""
    return [Run(*part) if isinstance(part, Blocks) else part for part in gathered(modules)]


# ------------------------------------------------------------------------------------------------ one pass


class ForwardPass(NamedTuple):
    """What a node of the graph holds: the lease of its buffers, and which parameters are leaves."""

    run: Run
    buffers: Lease[Buffers]
    leaves: Sequence[bool]


SIZES = 8  # of batches that a run keeps buffers for


class Run:
    """Layers that are computed as one op. Called like a Module."""

    def __init__(self, entry: nn.Dropout | None, blocks: Sequence[Block]) -> None:
        self.entry, self.blocks = entry, list(blocks)
        self.dropouts = [*(b.dropout for b in blocks), entry]  # as the rows of Buffers.numbers
        self._buffers: dict[tuple[int, str], Pool[Buffers]] = {}
        self._deltas: dict[tuple[int, str], Pool[Deltas]] = {}
        self._checked: list[Any] = []
        self.differentiated_twice = False
        self.drops = any(d is not None for d in self.dropouts)
        self.slopes = [(k, b.activation) for k, b in enumerate(blocks) if isinstance(b.activation, nn.LeakyReLU)]

    def parameters(self) -> list[Any]:
        """Weight, bias, weight, bias, ...; None for a bias that a layer has not."""
        return [p for b in self.blocks for p in (b.affine.weight, b.affine.bias)]

    def buffers(self, m: int, dtype: Any) -> Pool[Buffers]:
        """The pool for one batch size."""
        key = (m, dtype.char)
        pool = self._buffers.get(key)
        if pool is None:
            if len(self._buffers) == SIZES:
                self._buffers.clear()
                self._deltas.clear()
            pool = self._buffers[key] = Pool(lambda: Buffers(self, m, dtype))
        return pool

    def deltas(self, m: int, dtype: Any) -> Pool[Deltas]:
        """Buffers for one backward pass."""
        key = (m, dtype.char)
        pool = self._deltas.get(key)
        if pool is None:
            pool = self._deltas[key] = Pool(lambda: Deltas(self, m, dtype))
        return pool

    def masks(self, m: int) -> list[Any]:
        """Draw what the layers would draw, in their order; the input's mask is the last of the list."""
        widths = [self.blocks[0].affine.in_features, *(b.units for b in self.blocks)]
        layers = zip([self.entry, *self.dropouts[:-1]], widths, strict=True)
        drawn = [None if dropout is None else dropout.draw((m, width)) for dropout, width in layers]
        return [*drawn[1:], drawn[0]]

    def __call__(self, x: Any) -> Any:
        """(m, in) -> (m, out)."""
        is_tensor = isinstance(x, Tensor)
        data = x._data if is_tensor else x
        parameters = self.parameters()
        arrays = [p if p is None else p._data for p in parameters]
        if not self._takes(data, arrays, parameters):
            return self._plain(x)
        recorded = thread.recording and (
            (is_tensor and x._requires_grad) or any(p._requires_grad for p in parameters if p is not None)
        )
        buffers = self.buffers(len(data), data.dtype).lease()
        leaves = [p is None or p._op is None for p in parameters]
        return _mlp(x, *parameters, forward=ForwardPass(self, buffers, leaves), recorded=recorded)

    def _takes(self, x: Any, arrays: Sequence[Any], parameters: Sequence[Any]) -> bool:
        """Whether the kernels can take these arrays; if not, the plain layers can, or say what is wrong."""
        if not isinstance(x, np.ndarray) or x.ndim != 2 or x.dtype.char not in "fd" or not len(x):
            return False
        first = self.blocks[0].affine
        if x.shape[1] != first.in_features or x.dtype != arrays[0].dtype:
            return False
        if len(arrays) != len(self._checked) or not all(map(is_, arrays, self._checked)):
            if not self._fits(x.dtype, parameters):
                return False
            self._checked = list(arrays)
        # p = 1 leaves nothing to scale; a slope below 0 makes a positive output of a negative input
        return not (self.drops and any(d is not None and d.p >= 1 for d in self.dropouts)) and not (
            self.slopes and any(not layer.negative_slope >= 0 for _, layer in self.slopes)
        )

    def _fits(self, dtype: Any, parameters: Sequence[Any]) -> bool:
        width = self.blocks[0].affine.in_features
        for block, weight, bias in zip(self.blocks, parameters[::2], parameters[1::2], strict=True):
            if not isinstance(weight, Tensor) or weight._data.dtype != dtype:
                return False
            if not isinstance(weight._data, np.ndarray) or not isinstance(
                getattr(bias, "_data", weight._data), np.ndarray
            ):
                return False  # on another device
            flags, shape = weight._data.flags, weight._data.shape
            if shape != (block.units * (block.pieces or 1), width) or not (flags.c_contiguous or flags.f_contiguous):
                return False
            if block.pieces and (bias is None or not flags.c_contiguous or block.pieces > 255):
                return False
            if bias is not None and (
                not isinstance(bias, Tensor)
                or bias._data.dtype != dtype
                or bias._data.shape != shape[:1]
                or not bias._data.flags.c_contiguous
            ):
                return False
            width = block.units
        return True

    def _plain(self, x: Any) -> Any:
        if self.entry is not None:
            x = self.entry(x)
        for block in self.blocks:
            for module in (block.affine, block.activation, block.dropout):
                x = x if module is None else module(x)
        return x


# -------------------------------------------------------------------------------------------------- the op


@op
def _mlp(x: Any, *parameters: Any, forward: ForwardPass, recorded: bool) -> Any:
    run, buffers = forward.run, forward.buffers.of
    m, k = buffers.m, buffers.kernels
    k.reserve(m, buffers.widest, buffers.pieces)
    x = np.ascontiguousarray(x)
    out = empty((m, run.blocks[-1].units), x.dtype)
    buffers.take_parameters(parameters)
    if run.drops:
        buffers.take_masks(run, run.masks(m))
    for i, layer in run.slopes:
        buffers.numbers[i, f.SLOPE] = layer.negative_slope
    plan, entry = buffers.plan, buffers.entry
    if recorded or entry[f.INPUT_MASK]:  # a copy: the caller may change x before its product is taken
        entry[f.SOURCE], plan[0, f.X] = address(x), buffers.first
    else:
        entry[f.SOURCE], plan[0, f.X] = 0, address(x)
    plan[-1, f.Y] = address(out)
    k.forward(plan, buffers.numbers, entry, m, buffers.threads)
    return out


def _rule(
    wanted: Sequence[int], g: Any, out: Any, x: Any, *parameters: Any, forward: ForwardPass, recorded: bool
) -> dict[int, Any]:
    """The gradients for x (number 0) and parameters (from 1 on)."""
    if isinstance(g, Tensor):
        return _recorded(wanted, g, x, parameters, forward)
    dx = None if wanted[0] else empty(x.shape, x.dtype)
    lowest = (wanted[0] - 1) // 2 if wanted[0] else 0
    buffers, own = forward.buffers.of, forward.run.deltas(len(x), x.dtype).lease()
    run_backward(buffers, own.of, lowest, np.ascontiguousarray(g, out.dtype), out, dx)
    found: dict[int, Any] = {} if dx is None else {0: dx}
    products = own.of.sources(buffers)
    for i in wanted:
        if i:
            array, (how, m, a, b, winner, pieces) = parameters[i - 1], products[i - 1]
            source = Source(how_now(buffers, i - 1, how), m, a, b, winner, pieces, (forward.buffers, own))
            gradient = Deferred(array.shape, array.dtype, not array.flags.c_contiguous, (source,))
            found[i] = gradient if forward.leaves[i - 1] else gradient.value()
    return found


derivatives(_mlp, together=_rule)
_mlp.fused = True  # type: ignore[attr-defined]


def _recorded(
    wanted: Sequence[int], g: Tensor, x: Any, parameters: Sequence[Any], forward: ForwardPass
) -> dict[int, Any]:
    """The same gradients by the plain layers, with a history of their own."""
    run, masks = forward.run, forward.buffers.of.masks
    run.differentiated_twice = True
    # copies, so that the walk from y does not go on through x to a parameter that x depends on too, and meets no hooks
    x, *copies = [p.clone() if isinstance(p, Tensor) else p for p in (x, *parameters)]
    y = x if masks[-1] is None or run.entry is None else F.masked_dropout(x, masks[-1], run.entry.p)
    for k, block in enumerate(run.blocks):
        y = block.plain(y, copies[2 * k], copies[2 * k + 1], masks[k])
    arguments = [x, *copies]
    found = gradients(y, [arguments[i] for i in wanted], g, create_graph=True)
    return dict(zip(wanted, found, strict=True))
