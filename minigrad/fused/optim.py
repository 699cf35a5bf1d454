"""Optimisers' steps as one kernel call. Equals ``Optimizer.update`` of each parameter, up to rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import is_
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from .. import memory
from ..engine import mark_changed
from ..optim import SGD, Adam, Move, Optimizer, Pylearn2Momentum
from .cpu import fields as f
from .workspace import address, kernels

if TYPE_CHECKING:
    from .buffers import BackwardPass
    from .deferred import Deferred

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


class Places:
    """Where an optimiser's parameters and states are: found once, and again when an array has been replaced."""

    def __init__(self, moves: Sequence[Move]) -> None:
        self.parameters = [move.p._data for move in moves]
        self.fit = [_fits(move) for move in moves]
        self.at = [address(a) for a in self.parameters]
        self.states: list[Any] = []
        self.states_at: list[int] = []

    def find(self, states: list[Any]) -> None:
        """Take the states' places."""
        if len(states) != len(self.states) or not all(map(is_, states, self.states)):
            self.states, self.states_at = states, [0 if v is None else address(v) for v in states]


_places: WeakKeyDictionary[Optimizer, Places] = WeakKeyDictionary()


def step(optimizer: Optimizer, moves: Sequence[Move]) -> Sequence[Move]:
    """Move what can be moved here; return the rest."""
    rule = RULES.get(type(optimizer))
    known = _places.get(optimizer)
    arrays = [move.p._data for move in moves]
    if known is None or len(arrays) != len(known.parameters) or not all(map(is_, arrays, known.parameters)):
        known = _places[optimizer] = Places(moves)
    gradients = [getattr(move.g, "deferred", None) for move in moves]
    kind = arrays[0].dtype.char if moves else ""
    taken = (
        rule is not None
        and all(known.fit)
        and all(move.p._data.dtype.char == kind == move.g.dtype.char and _state_fits(move) for move in moves)
    )
    on_the_way = _last_pass(gradients, arrays) if taken else None
    for gradient in gradients:
        for source in gradient.sources if gradient is not None else ():
            if source.backward is not on_the_way:
                source.backward.run()  # while every parameter is as it was
    if rule is None or not taken or not moves:
        return moves
    _step(rule, kind, moves, gradients, known, on_the_way)
    return ()


def _last_pass(gradients: Sequence[Deferred | None], parameters: Sequence[Array]) -> BackwardPass | None:
    """The one backward pass not yet gone, if it alone reads the parameters that it has gradients for."""
    passes = {id(s.backward): s.backward for g in gradients if g is not None for s in g.sources if not s.backward.done}
    if len(passes) != 1:
        return None
    (last,) = passes.values()
    for gradient, parameter in zip(gradients, parameters, strict=True):
        if gradient is not None and any(s.backward is last for s in gradient.sources):
            if len(gradient.sources) > 1 or gradient.fortran == parameter.flags.c_contiguous:
                return None
            source = gradient.sources[0]
            if not last.forward.of.is_at(source.parameter, parameter):
                return None
    return last


def _fits(move: Move) -> bool:
    p = move.p._data
    contiguous = p.flags.c_contiguous or p.flags.f_contiguous
    return bool(p.ndim > 0 and p.size > 0 and p.dtype.char in "fd" and contiguous and p.flags.writeable)


def _state_fits(move: Move) -> bool:
    """Whether the state is as it was made here: another order of elements would meet the wrong ones."""
    p = move.p._data
    return all(v.strides == p.strides and v.dtype == p.dtype for v in move.state.values() if isinstance(v, np.ndarray))


def _step(
    rule: Callable[..., Rule],
    kind: str,
    moves: Sequence[Move],
    gradients: Sequence[Deferred | None],
    places: Places,
    on_the_way: BackwardPass | None,
) -> None:
    k = kernels(kind)
    rules = [rule(move.p._data, move.state, move.group) for move in moves]
    places.find([v for r in rules for v in r[2:]])
    table: list[tuple[int, ...]] = []
    sources: list[tuple[Any, ...]] = []
    alive: list[Any] = []
    by_the_pass: dict[int, int] = {}
    work = 0.0
    for i, (move, gradient, (how, _, _, _)) in enumerate(zip(moves, gradients, rules, strict=True)):
        array = move.p._data
        first = len(sources)
        if gradient is not None and gradient.fortran != array.flags.c_contiguous:
            rows, columns = gradient.table
            m = 0
            for source in gradient.sources:
                sources.append(source[: f.SOURCE_COLUMNS])
                m += source.m
            k.reserve(m, columns, source.pieces)
            if source.backward is on_the_way:
                by_the_pass[source.parameter] = i
            else:
                work += 2.0 * rows * columns * m
        else:
            given = move.g._data
            if given.strides != array.strides:
                given = np.empty_like(array)
                given[...] = move.g._data
            rows, columns = 1, array.size
            sources.append((f.GIVEN, 1, address(given), 0, 0, 1))
            alive.append(given)
            work += 4.0 * columns
        s1, s2 = places.states_at[2 * i : 2 * i + 2]
        table.append((how, places.at[i], rows, columns, s1, s2, first, len(sources), 0))
    lines, steps, terms = np.array(table, np.int64), np.array([r[1] for r in rules], kind), np.array(sources, np.int64)
    if on_the_way is not None:
        on_the_way.moving(by_the_pass, lines, steps, terms)
    if len(by_the_pass) < len(moves):
        rest = [i for i in range(len(moves)) if i not in by_the_pass.values()] if by_the_pass else slice(None)
        k.update(lines[rest], steps[rest], terms, k.threads(work))
    for move in moves:
        mark_changed(move.p)
