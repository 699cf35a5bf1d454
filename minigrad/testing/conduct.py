"""How an op must behave, whatever its mathematics: one property a function of a Point, as in properties.py.

- ``purity``: nothing that went in was written to, two equal calls give equal results, a later call changes no result.
- ``float32``: float32 stays float32, values and gradients are those of float64.
- ``layouts``: strides make no difference.
- ``broadcasting``: a broadcast input is as good as an expanded one, its gradient the sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .compare import excess, only, same, worst
from .engines import is_floating
from .kinks import flat
from .measure import Point, drawn, quietly
from .properties import Finding, all_settled, gradients_of, outputs_of

_SINGLE = 2.0**-24
_OF_SINGLE = 2**10 * _SINGLE  # 6e-5 of the largest: what is wrong in float32 alone is wrong by more

_TINY = 1e-30  # float32 has less digits below
_HIDDEN = 2**4 * _SINGLE  # numbers as large as 1 may cancel inside of fn, as in log(exp(x)): values do not show it

_NEXT_TO_NOTHING = 1e-12


def purity(point: Point) -> None:
    """Inputs and cotangents stay, equal calls are equal, and no call changes the result of another."""
    engine, given = point.engine, [np.array(a) if isinstance(a, np.ndarray) else a for a in point.original]
    first = quietly(engine.value, point.fn, given)
    _unchanged(point, given, "fn")
    kept = [np.array(out) for out in first]
    again = quietly(engine.value, point.fn, given)
    for j, (a, b) in enumerate(zip(kept, again, strict=True)):
        if not same(a, np.asarray(b)):
            raise Finding("purity", f"two equal calls: output {j} is {worst(a, np.asarray(b))} the second time", point)
    others = [a.ravel()[::-1].reshape(a.shape) + 1 if is_floating(a) else a for a in given]
    try:
        quietly(engine.value, point.fn, others)
    except Exception:  # these may be outside of its domain
        others = []
    for j, (a, out) in enumerate(zip(kept, first, strict=True)):
        if not np.array_equal(a, out, equal_nan=True):
            sentence = f"a later call changes the result of an earlier one: output {j} was {worst(a, out)} is there now"
            raise Finding("purity", sentence, point)
    gradients_of(point, "gradient")
    seeds = [np.array(v) for v in point.cotangents]
    pulled = quietly(engine.vjp, point.fn, given, seeds)
    pulled = [np.array(g) for g in pulled]
    _unchanged(point, given, "the derivative")
    for v, kept_v in zip(seeds, point.cotangents, strict=True):
        if not np.array_equal(v, kept_v):
            raise Finding("purity", "the derivative writes into its cotangent", point)
    repeated = quietly(engine.vjp, point.fn, given, seeds)
    for k in point.floating:
        if not same(repeated[k], pulled[k], point.size_of(k)):
            values = worst(pulled[k], repeated[k])
            raise Finding("purity", f"two equal calls: the gradient of input {k} is {values} the second time", point)


def _unchanged(point: Point, given: list[Any], who: str) -> None:
    for k, (a, b) in enumerate(zip(point.original, given, strict=True)):
        if isinstance(a, np.ndarray) and not np.array_equal(a, b, equal_nan=is_floating(a)):
            raise Finding("purity", f"{who} writes into input {k}", point.at(point.original), mutated=k)


def float32(point: Point) -> bool:
    """float32 in, float32 out, and the numbers of float64 but for its rounding."""
    if any(((a != 0) & (np.abs(a) < _TINY)).any() for a in (point.inputs[k] for k in point.floating)):
        return False  # it may be 0 in float32
    single = [a.astype(np.float32) if is_floating(a) else a for a in point.inputs]
    double = point.at([a.astype(np.float64) if is_floating(a) else a for a in single])
    lower = point.at(single)
    if not point.floating or not all_settled(double) or not np.isfinite(flat(lower.value)).all():
        return False
    for j, (a, b) in enumerate(zip(lower.value, double.value, strict=True)):
        if a.dtype != np.float32:
            raise Finding("float32", f"float32 inputs give output {j} as {a.dtype}", point)
        if a.shape != b.shape or (excess(a, b, _OF_SINGLE * double.size + _HIDDEN) > 0).any():
            raise Finding("float32", f"output {j} is {worst(b, a)} in float32", point)
    found = gradients_of(lower, "float32")
    for k in point.floating:
        right = double.gradients[k]
        size = double.size_of(k)
        if (excess(found[k], right, _OF_SINGLE * size + _TINY) > 0).any():
            sentence = f"the gradient of input {k} is another in float32"
            raise Finding("float32", sentence, point, only(k, found), only(k, double.gradients))
    return True


def layouts(point: Point) -> None:
    """The same numbers in Fortran's order, and with gaps and backwards in memory."""
    for name, lay in (("in Fortran's order", _fortran), ("strided and reversed", _strided)):
        other = point.at([lay(a) if isinstance(a, np.ndarray) else a for a in point.inputs])
        try:
            values, found = other.value, other.gradients
        except Exception as error:
            raise Finding("layouts", f"inputs {name}: {type(error).__name__}: {error}", point, error=error) from error
        for j, (a, b) in enumerate(zip(values, point.value, strict=True)):
            if not same(a, b, point.size):
                raise Finding("layouts", f"inputs {name}: output {j} is {worst(b, a)} there", point)
        for k in point.floating:
            if not same(found[k], point.gradients[k], point.size_of(k)):
                sentence = f"inputs {name}: the gradient of input {k} is another"
                raise Finding("layouts", sentence, point, only(k, found), only(k, point.gradients))

    _cotangents(point)


def _cotangents(point: Point) -> None:
    """The same for a cotangent that is expanded, as by a sum after fn, or transposed."""
    if any(v.size == 0 for v in point.cotangents):
        return
    ones = [np.full_like(v, 1.5) for v in point.cotangents]
    turned = [v.T if v.ndim == 2 else v for v in point.cotangents]

    def summed(*args: Any) -> Any:
        return tuple(out.sum() for out in outputs_of(point.fn, args))

    def transposed(*args: Any) -> Any:
        return tuple(out.T if len(out.shape) == 2 else out for out in outputs_of(point.fn, args))

    for name, fn, given, seeds in (
        ("expanded", summed, [np.array(1.5, v.dtype) for v in ones], ones),
        ("transposed", transposed, turned, point.cotangents),
    ):
        found, right = quietly(point.engine.vjp, fn, point.inputs, given), point.vjp(seeds)
        for k in point.floating:
            if not same(found[k], right[k], point.size_of(k)):
                sentence = f"a cotangent that comes {name} gives input {k} another gradient"
                raise Finding("layouts", sentence, point, only(k, found), only(k, right))


def _fortran(a: Any) -> Any:
    return a.copy(order="F")


def _strided(a: Any) -> Any:
    """The same array as a view of every second element, backwards along the last dimension."""
    if not a.ndim:
        return a
    room = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    view = room[..., ::-2]
    view[...] = a
    return view


def expanded(point: Point) -> Point | None:
    """The same with all floating inputs repeated to the shape of the one output; None if nothing is to be repeated.

    None also where fn is then another function, in value or shape: then fn does not broadcast.
    """
    shapes = {point.inputs[k].shape for k in point.floating}
    if len(shapes) < 2 or len(point.value) != 1:
        return None
    shape = point.value[0].shape
    try:
        full = point.at([np.array(np.broadcast_to(a, shape)) if is_floating(a) else a for a in point.inputs])
        return full if same(full.value[0], point.value[0]) else None
    except Exception:  # fn, or NumPy, does not take these shapes
        return None


def broadcasting(point: Point) -> bool:
    """The gradient of a broadcast input is the sum over what it was repeated along."""
    full = expanded(point)
    shaken = [
        a + 0.01 * drawn([a], point.seed)[0] * np.where(np.abs(a) < _NEXT_TO_NOTHING, 1, np.abs(a))
        if is_floating(a)
        else a
        for a in point.inputs
    ]
    try:
        if full is None or expanded(point.at(shaken)) is None:  # equal in one point only: a coincidence
            return False
    except Exception:  # shaken, they leave fn's domain
        return False
    found = full.vjp(point.cotangents)
    for k in point.floating:
        a, g = point.inputs[k], found[k]
        lead = g.ndim - a.ndim
        axes = tuple(i for i, n in enumerate(g.shape) if i < lead or a.shape[i - lead] != n)
        right = g.sum(axis=axes, keepdims=True).reshape(a.shape)
        if not same(point.gradients[k], right, float(np.abs(g).sum(where=np.isfinite(g)))):
            sentence = f"input {k} of shape {a.shape} was broadcast to {g.shape}: its gradient is not the sum of that"
            raise Finding("broadcasting", sentence, point, only(k, point.gradients), {k: right})
    return True
