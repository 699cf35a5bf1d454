"""Optimisers' steps as one kernel call. Equals ``Optimizer.update`` of each parameter, up to rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .. import memory
from ..device import CPU, device_of
from ..optim import SGD, Adam, Move, Optimizer, Pylearn2Momentum
from ..versions import mark_changed
from .cpu import fields as f
from .workspace import address, kernels

Array = np.ndarray[Any, Any]
Rule = tuple[int, list[float], Array | None, Array | None]  # kind, numbers, state, state


def _sgd(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Rule:
    sign, lr, momentum = -1.0 if group["maximize"] else 1.0, group["lr"], group["momentum"]
    if not momentum:
        return f.MOMENTUM, [sign, group["weight_decay"], 0, 0, -lr, 0, 0], None, None
    fresh = "momentum_buffer" not in state
    if fresh:
        state["momentum_buffer"] = memory.zeros_like(p)
    kept = 1.0 if fresh else 1 - group["dampening"]  # the first velocity is the gradient itself
    ahead = (-lr, -lr * momentum) if group["nesterov"] else (0.0, -lr)
    return f.MOMENTUM, [sign, group["weight_decay"], momentum, kept, *ahead, 0], state["momentum_buffer"], None


def _pylearn2(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Rule:
    if "velocity" not in state:
        state["velocity"] = memory.zeros_like(p)
    return f.MOMENTUM, [1, 0, group["momentum"], -group["lr"], 0, 1, 0], state["velocity"], None


def _adam(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Rule:
    if "step" not in state:
        state.update(step=0, exp_avg=memory.zeros_like(p), exp_avg_sq=memory.zeros_like(p))
    state["step"] += 1
    (beta1, beta2), t = group["betas"], state["step"]
    sign = -1.0 if group["maximize"] else 1.0
    lr, second = group["lr"] / (1 - beta1**t), 1 / (1 - beta2**t)
    numbers = [sign, group["weight_decay"], beta1, beta2, lr, second, group["eps"]]
    return f.ADAM, numbers, state["exp_avg"], state["exp_avg_sq"]


RULES: dict[type[Optimizer], Callable[[Array, dict[str, Any], dict[str, Any]], Rule]] = {
    SGD: _sgd,
    Pylearn2Momentum: _pylearn2,
    Adam: _adam,
}


def rule_of(optimizer: Optimizer) -> Callable[[Array, dict[str, Any], dict[str, Any]], Rule] | None:
    """How a kernel takes this optimiser's step, if one does."""
    rule = RULES.get(type(optimizer))
    return None if any(group.get("amsgrad") for group in optimizer.param_groups) else rule


class Places:
    """Where an optimiser's parameters and states are: found once, and again when an array has been replaced."""

    def __init__(self, moves: Sequence[Move]) -> None:
        self.parameters = [move.p._data for move in moves]
        self.fit = [_fits(move) for move in moves]
        self.at = [address(a) if fit else 0 for a, fit in zip(self.parameters, self.fit, strict=True)]
        self.states: list[Any] = []
        self.states_at: list[int] = []

    def find(self, states: list[Any]) -> None:
        """Take the states' places."""
        if len(states) != len(self.states) or not all(map(is_, states, self.states)):
            self.states, self.states_at = states, [0 if v is None else address(v) for v in states]


_places: WeakKeyDictionary[Optimizer, Places] = WeakKeyDictionary()


def step(optimizer: Optimizer, moves: Sequence[Move]) -> Sequence[Move]:
    """Move what can be moved here; return the rest."""
    rule = rule_of(optimizer)
    if rule is None or not moves:
        return moves
    known = _places.get(optimizer)
    arrays = [move.p._data for move in moves]
    if known is None or len(arrays) != len(known.parameters) or not all(map(is_, arrays, known.parameters)):
        known = _places[optimizer] = Places(moves)
    kind = arrays[0].dtype.char
    if not all(known.fit) or any(move.p._data.dtype.char != kind or move.g.dtype.char != kind for move in moves):
        return moves
    if not all(state_fits(move.p, move.state) for move in moves):
        return moves
    _step(rule, kind, moves, known)
    return ()


def _fits(move: Move) -> bool:
    p = move.p._data
    if not isinstance(p, np.ndarray):  # without dimensions, or on another device
        return False
    contiguous = p.flags.c_contiguous or p.flags.f_contiguous
    return bool(p.ndim > 0 and p.size > 0 and p.dtype.char in "fd" and contiguous and p.flags.writeable)


def state_fits(p: Any, state: dict[str, Any]) -> bool:
    """Whether the state is as it was made here: another order of elements would meet the wrong ones."""
    p = p._data
    for v in state.values():
        if isinstance(v, np.ndarray) and (v.strides != p.strides or v.dtype != p.dtype):
            return False
        if device_of(v) != CPU:
            return False
    return True


def _step(rule: Callable[..., Rule], kind: str, moves: Sequence[Move], places: Places) -> None:
    k = kernels(kind)
    rules = [rule(move.p._data, move.state, move.group) for move in moves]
    places.find([v for r in rules for v in r[2:]])
    table: list[tuple[int, ...]] = []
    sources: list[tuple[Any, ...]] = []
    alive: list[Any] = []
    work = 0.0
    for i, (move, (how, _, _, _)) in enumerate(zip(moves, rules, strict=True)):
        array, g = move.p._data, move.g
        deferred = getattr(g, "deferred", None)
        first = len(sources)
        if deferred is not None and deferred.fortran != array.flags.c_contiguous:
            rows, columns = deferred.table
            m = 0
            for source in deferred.sources:
                sources.append(source[:6])
                m += source.m
            k.reserve(m, columns, source.pieces, len(deferred.sources))
            work += 2.0 * rows * columns * m
        else:
            given = g._data
            if given.strides != array.strides:
                given = np.empty_like(array)
                given[...] = g._data
            rows, columns = 1, array.size
            sources.append((f.GIVEN, 1, address(given), 0, 0, 1))
            alive.append(given)
            work += 4.0 * columns
        s1, s2 = places.states_at[2 * i : 2 * i + 2]
        table.append((how, places.at[i], rows, columns, s1, s2, first, len(sources), 0))
    lines = np.array(table, np.int64)
    k.update(lines, np.array([r[1] for r in rules], kind), np.array(sources, np.int64), k.threads(work))
    for move in moves:
        mark_changed(move.p)
