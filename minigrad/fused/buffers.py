"""What a pass through a run of layers writes: activations and their plan; on the way back, gradients."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import nn
from ..memory import empty
from .cpu import fields as f
from .cpu.forward import LARGE, SMALL
from .workspace import address, kernels

if TYPE_CHECKING:
    from .mlp import Run

Array = np.ndarray[Any, Any]

ACTIVATIONS: dict[type[Any], int] = {
    nn.ReLU: f.RELU,
    nn.LeakyReLU: f.LEAKY_RELU,
    nn.Sigmoid: f.SIGMOID,
    nn.Tanh: f.TANH,
    nn.Softplus: f.SOFTPLUS,
}


class Buffers:
    """What one forward pass of one batch size writes, and its plan."""

    def __init__(self, run: Run, m: int, dtype: Any) -> None:
        self.m, self.dtype, blocks = m, dtype, run.blocks
        self.plan = np.zeros((len(blocks), f.PLAN_COLUMNS), np.int64)
        self.numbers = np.zeros((len(blocks) + 1, f.NUMBERS_COLUMNS), dtype)
        self.numbers[:, f.SCALE] = 1
        self.entry = np.zeros(f.ENTRY_COLUMNS, np.int64)
        self.parameters: list[Any] = [0] * (2 * len(blocks))
        self.apart = False  # each parameter has memory of its own
        self.masks: list[Any] = [None] * (len(blocks) + 1)
        self.x: list[Array] = [empty((m, b.affine.in_features), dtype) for b in blocks]
        self.winners = [empty((m, b.units), np.uint8) if b.pieces else None for b in blocks]
        for k, (row, block) in enumerate(zip(self.plan, blocks, strict=True)):
            row[f.KIND] = f.MAXOUT if block.pieces else f.LINEAR
            row[f.IN], row[f.UNITS], row[f.PIECES] = block.affine.in_features, block.units, block.pieces or 1
            row[f.ACT] = ACTIVATIONS[type(block.activation)] if block.activation else f.IDENTITY
            row[f.X] = address(self.x[k])
            if k:
                self.plan[k - 1, f.Y] = row[f.X]
            winners = self.winners[k]
            row[f.ARG] = address(winners) if winners is not None else 0
        self.first = int(self.plan[0, f.X])
        self.widest = max(max(b.affine.in_features, b.units) for b in blocks)
        self.pieces = max(b.pieces for b in blocks)
        self.kernels = kernels(dtype.char)
        self.threads = self.kernels.threads(2.0 * m * sum(b.affine.weight._data.size for b in blocks))

    def take_parameters(self, arrays: Sequence[Any]) -> None:
        """Write down where the parameters are, if they are not where they were."""
        if all(map(is_, arrays, self.parameters)):
            return
        self.parameters = list(arrays)
        given = [a for a in arrays if a is not None]
        self.apart = not any(np.may_share_memory(a, b) for i, a in enumerate(given) for b in given[:i])
        for i, array in enumerate(arrays):
            row = self.plan[i // 2]
            if i % 2:
                row[f.B] = 0 if array is None else address(array)
            else:
                row[f.W] = address(array)
                row[f.TRANSPOSED] = not array.flags.c_contiguous

    def take_masks(self, run: Run, masks: Sequence[Any]) -> None:
        """Write down the masks of this pass, the input's last."""
        self.masks = [None if mask is None else np.ascontiguousarray(mask, bool) for mask in masks]
        for k, (mask, dropout) in enumerate(zip(self.masks, run.dropouts, strict=True)):
            where = 0 if mask is None else address(mask)
            if k < len(self.plan):
                self.plan[k, f.MASK] = where
            else:
                self.entry[f.INPUT_MASK] = where
            self.numbers[k, f.SCALE] = 1 if mask is None or dropout is None else 1 / (1 - dropout.p)


Product = tuple[int, int, int, int, int, int]  # how, m, a, b, winner, pieces: a source of update.py


class Deltas:
    """The gradients for each layer's ``x W^T + b`` (m, units), and how weights' gradients follow from them."""

    def __init__(self, run: Run, m: int, dtype: Any) -> None:
        self.e = [empty((m, b.units), dtype) for b in run.blocks]
        self.at = np.array([address(e) for e in self.e], np.int64)
        # with the order of the weights' elements that they are for, and Buffers that live as long as their id is here
        self._sources: dict[int, tuple[bytes, Buffers, list[Product]]] = {}

    def sources(self, forward: Buffers) -> list[Product]:
        """The products that the gradients for weight, bias, weight, ... are; SPARSE where density may allow it."""
        known = self._sources.get(id(forward))
        orders = forward.plan[:, f.TRANSPOSED].tobytes()
        if known is None or known[0] != orders:
            known = self._sources[id(forward)] = orders, forward, self._list(forward)
        return known[2]

    def _list(self, buffers: Buffers) -> list[Product]:
        out: list[Product] = []
        for k, e in enumerate(self.at.tolist()):
            row, m, x = buffers.plan[k], buffers.m, address(buffers.x[k])
            if row[f.KIND] == f.MAXOUT:
                for how, b in ((f.WINNERS, x), (f.WINS, 0)):
                    out.append((how, m, e, b, int(row[f.ARG]), int(row[f.PIECES])))
                continue
            if row[f.TRANSPOSED]:
                sides = row[f.IN], row[f.UNITS]
                how = f.SPARSE if min(sides) >= SMALL and m * max(sides) <= LARGE else f.DENSE
                out.append((how, m, x, e, 0, 1))
            else:
                out.append((f.DENSE, m, e, x, 0, 1))
            out.append((f.ROW_SUMS, m, e, 0, 0, 1))
        return out


NOTHING = np.zeros((0, f.UPDATE_COLUMNS), np.int64)
NUMBERS = {kind: np.zeros((0, 8), kind) for kind in "fd"}


def run_backward(
    forward: Buffers,
    deltas: Deltas,
    lowest: int,
    g: Array,
    out: Array,
    dx: Array | None = None,
    table: Array = NOTHING,
    steps: Array | None = None,
    sources: Array = NOTHING,
    layers: Any = (),
    columns: Any = (),
) -> None:
    """From g, the gradient for ``out``, to those of layers down to ``lowest``, into deltas; to that of the input, dx.

    Line i of the table moves, on the way, the parameter in this column (MOVES_W, MOVES_B) of ``layers[i]``.
    """
    plan, k = forward.plan, forward.kernels
    plan[:, f.MOVES_W : f.MOVES_B + 1] = -1
    if len(table):
        plan[layers, columns] = np.arange(len(table))
    plan[:, f.E] = plan[:, f.G] = deltas.at
    plan[-1, f.G], plan[-1, f.Y] = address(g), address(out)
    plan[1:, f.DX] = deltas.at[:-1]
    plan[: lowest + 1, f.DX] = 0
    if dx is not None:
        plan[0, f.DX] = address(dx)
    k.reserve(forward.m, forward.widest, forward.pieces)
    steps = NUMBERS[forward.dtype.char] if steps is None else steps
    k.backward(plan, forward.numbers, forward.entry, forward.m, forward.threads, lowest, table, steps, sources)


def how_now(forward: Buffers, i: int, how: int) -> int:
    """SPARSE products as the density of their input has it."""
    sparse = forward.plan[i // 2, f.DENSITY] < forward.kernels.work[f.LIMIT_UPDATE]
    return f.DENSE if how == f.SPARSE and not sparse else how
