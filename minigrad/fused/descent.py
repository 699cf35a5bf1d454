"""``Optimizer.minimize`` where all parameters are in one run of layers: no gradient is ever made.

Equals the walk, then ``step``. Here the walk goes to the run's outputs only. If there is one, as a generator has, the
backward kernel moves each parameter as soon as nothing more is computed from its old value. If there are several, as a
discriminator has, they are moved afterwards. The tables that say so are kept from step to step.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..engine import Tensor, _freed, _walk, history
from ..optim import Optimizer
from ..versions import check_unchanged, mark_changed
from .buffers import Buffers, Deltas, how_now, run_backward
from .cpu import fields as f
from .mlp import ForwardPass, Run, _mlp
from .optim import rule_of, state_fits
from .workspace import address

Array = np.ndarray[Any, Any]
Pass = tuple[Buffers, Deltas]


def minimize(optimizer: Optimizer, loss: Tensor, retain_graph: bool | None) -> bool:
    """Take the step if this code can; say whether."""
    rule = rule_of(optimizer)
    if rule is None or not loss._requires_grad:
        return False
    params = optimizer.parameters()
    order = history([loss])
    nodes = _passes(order, params)
    if not nodes or any(p._hooks for p in params):  # a hook wants to see its gradient, which here is never made
        return False
    parameters = nodes[0]._args[1:]
    if not all(all(map(is_, node._args[1:], parameters)) for node in nodes):
        return False  # one was replaced between two passes
    forwards: list[ForwardPass] = [node._settings["forward"] for node in nodes]
    places, leases = _numbers(params, nodes[0]), [forward.buffers for forward in forwards]
    if places is None or not all(lease.of.apart for lease in leases):
        return False
    states = [optimizer.state.setdefault(i, {}) for i in range(len(params))]
    for p, state in zip(params, states, strict=True):
        if not (p._requires_grad and p._data.flags.writeable and state_fits(p, state)):
            return False
    for node in nodes:
        check_unchanged(node)
    found = {id(node): g for node, g in _walk([loss], [None], nodes, retain_graph, False, order, owned=False)}
    if not found:  # rules said that no gradient flows there
        raise RuntimeError("minimize: no gradient of the loss reaches the optimizer's parameters")
    arrived = [found[id(node)] if id(node) in found else np.zeros_like(node._data) for node in nodes]
    owns = [forwards[0].run.deltas(lease.of.m, lease.of.dtype).lease() for lease in leases]
    passes = [(lease.of, own.of) for lease, own in zip(leases, owns, strict=True)]
    groups = [group for group in optimizer.param_groups for _ in group["params"]]
    moves = [rule(p._data, state, group) for p, state, group in zip(params, states, groups, strict=True)]
    steps = _steps.setdefault(optimizer, {})
    known = steps.get(key := tuple(map(id, chain(*passes))))
    if known is None or not known.fits(params, places, passes, moves):
        if len(steps) == STEPS:
            steps.clear()
        known = steps[key] = Step(params, places, passes, moves)
    known.take([(g, node._data) for g, node in zip(arrived, nodes, strict=True)], moves)
    for p in params:
        mark_changed(p)
    if not retain_graph:
        for node in nodes:
            node._op, node._args, node._settings = _freed, (), {}
    return True


def _passes(order: Sequence[Tensor], params: Sequence[Tensor]) -> list[Tensor]:
    """The passes through the run that holds these parameters; none if they are read elsewhere, or one in another."""
    ours = set(map(id, params))
    nodes: list[Tensor] = []
    run: Run | None = None
    for node in order:
        if node._op is not None and not ours.isdisjoint(map(id, node._args)):
            if node._op is not _mlp or run not in (None, node._settings["forward"].run) or id(node._args[0]) in ours:
                return []
            run = node._settings["forward"].run
            nodes.append(node)
    if len(nodes) > 1 and any(isinstance(node._args[0], Tensor) and node._args[0]._requires_grad for node in nodes):
        return []
    return nodes


def _numbers(params: Sequence[Tensor], node: Tensor) -> list[int] | None:
    """Where the parameters are among those of the pass: weight, bias, weight, ...; None if one is missing."""
    where = {id(p): i for i, p in enumerate(node._args[1:]) if p is not None}
    if len(where) < sum(p is not None for p in node._args[1:]):
        return None  # layers share a parameter
    found = [where.get(id(p)) for p in params]
    return None if None in found else found  # type: ignore[return-value]


class Step:
    """An optimiser's step by the gradients of certain passes, in certain buffers."""

    def __init__(
        self, params: Sequence[Tensor], places: list[int], passes: Sequence[Pass], moves: Sequence[Any]
    ) -> None:
        self.arrays, self.places, self.passes = [p._data for p in params], places, list(passes)
        self.states = [v for move in moves for v in move[2:]]
        (buffers, _), k = passes[0], passes[0][0].kernels
        self.kernels, self.work = k, 0.0
        self.steps = np.zeros((len(params), 8), buffers.dtype)
        self.lowest = min(places) // 2
        self.sparse: list[tuple[int, Buffers, int]] = []  # row of terms, where it comes from, parameter
        terms: list[Any] = []
        lines = []
        for p, i, (kind, _, *states) in zip(params, places, moves, strict=True):
            first = len(terms)
            for forward, deltas in passes:
                product = deltas.sources(forward)[i]
                if product[0] == f.SPARSE:
                    self.sparse.append((len(terms), forward, i))
                terms.append(product)
            row = buffers.plan[i // 2]
            sides = int(row[f.UNITS] * row[f.PIECES]), int(row[f.IN])
            rows, columns = (sides[::-1] if row[f.TRANSPOSED] else sides) if i % 2 == 0 else _of_bias(row)
            m = sum(forward.m for forward, _ in passes)
            k.reserve(m, columns, int(row[f.PIECES]), len(passes))
            self.work += 2.0 * rows * columns * m
            at = [0 if v is None else address(v) for v in states]
            lines.append((kind, address(p._data), rows, columns, *at, first, len(terms), 0))
        self.lines, self.terms = np.array(lines, np.int64), np.array(terms, np.int64)
        self.layers = np.array(places) // 2
        self.columns = f.MOVES_W + np.array(places) % 2

    def fits(self, params: Sequence[Tensor], places: list[int], passes: Sequence[Pass], moves: Sequence[Any]) -> bool:
        """Whether all is where it was."""
        return (
            places == self.places
            and passes == self.passes
            and all(p._data is a for p, a in zip(params, self.arrays, strict=True))
            and all(map(is_, (v for move in moves for v in move[2:]), self.states))
        )

    def take(self, given: Sequence[tuple[Array, Array]], moves: Sequence[Any]) -> None:
        """Move the parameters by (gradient of the output, output) of each pass, as the optimiser's rule has it."""
        self.steps[:, :7] = [move[1] for move in moves]
        for row, forward, i in self.sparse:
            self.terms[row, f.HOW] = how_now(forward, i, f.SPARSE)
        alone = len(self.passes) == 1
        for (forward, deltas), (g, out) in zip(self.passes, given, strict=True):
            g = np.ascontiguousarray(g, out.dtype)
            if alone:
                tables = self.lines, self.steps, self.terms, self.layers, self.columns
                run_backward(forward, deltas, self.lowest, g, out, None, *tables)
            else:
                run_backward(forward, deltas, self.lowest, g, out)
        if not alone:
            self.kernels.update(self.lines, self.steps, self.terms, self.kernels.threads(self.work))


STEPS = 8  # that an optimiser keeps: passes come with buffers in this order and that
_steps: WeakKeyDictionary[Optimizer, dict[tuple[int, ...], Step]] = WeakKeyDictionary()


def _of_bias(row: Array) -> tuple[int, int]:
    units = int(row[f.UNITS] * row[f.PIECES])
    return (units, 1) if row[f.KIND] == f.MAXOUT else (1, units)
