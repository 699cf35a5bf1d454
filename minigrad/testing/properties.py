"""What is true of every right derivative, one property a function of a Point. A property that fails raises Finding.

J is the Jacobian of fn, v a cotangent, u and w tangents.

- ``gradient``: the VJP is ``J^T v`` with the J of differences, and has its input's shape and dtype.
- ``linearity``: ``vjp(a v + b w) = a vjp(v) + b vjp(w)``, so that ``vjp(0) = 0``.
- ``forward_mode``: ``<v, J u> = <J^T v, u>`` with the engine's own J u; see there what minigrad's says.
- ``second_order``: the gradient of ``<vjp(v), u>`` by v is J u, by x that of differences of gradients, and H symmetric.
- ``two_calls``: the gradients of ``fn(a) + fn(b)`` are those of fn(a) and of fn(b).
- ``repeated_input``: the gradient of fn(x, x) is the sum of its two gradients.
- ``reference``: another implementation has the same values and gradients.

Those of how an op behaves, rather than of its mathematics, are in conduct.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..trees import leaves
from .compare import ROUNDING, excess, only, same, worst
from .engines import NoForwardMode, is_floating
from .kinks import derivative, flat
from .measure import SURE, Point, drawn, moved_along, quietly

_OVERFLOWS = 1e100  # derivatives of larger gradients leave the range of float64
_ROUNDED = 1e-9  # of a step: by so much x + t may miss it
_MOST_SECONDS = 12  # directions along which gradients are differentiated again


class Finding(Exception):
    """A property that fails: where, and what stands against what.

    ``wrong`` and ``right``: {input: array of its shape}, where gradients are compared, with ``tolerance``.
    """

    def __init__(
        self,
        prop: str,
        sentence: str,
        point: Point,
        wrong: dict[int, Any] | None = None,
        right: dict[int, Any] | None = None,
        tolerance: dict[int, Any] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(f"{prop}: {sentence}")
        self.property, self.sentence, self.point, self.more = prop, sentence, point, more
        self.wrong, self.right, self.tolerance = wrong or {}, right or {}, tolerance or {}


def gradients_of(point: Point, prop: str) -> list[Any]:
    """The engine's gradients, after a look at what they are: raises Finding."""
    try:
        found = point.gradients
    except Exception as error:
        raise Finding(prop, f"the derivative raises {type(error).__name__}: {error}", point, error=error) from error
    for k in point.floating:
        g, a = found[k], point.inputs[k]
        if g is None or np.shape(g) != a.shape:
            raise Finding(prop, f"the gradient of input {k}, of shape {a.shape}, has shape {np.shape(g)}", point)
        if g.dtype != a.dtype:
            raise Finding(prop, f"the gradient of input {k}, which is {a.dtype}, is {g.dtype}", point)
    return found


def gradient(point: Point) -> None:
    """The VJP is J^T v."""
    found, wrongs = gradients_of(point, "gradient"), []
    for k in point.floating:
        right, tolerance = point.expected(k)
        ours = np.array([moved_along(found[k], d) for d in point.directions(k)])
        if (excess(ours, right, tolerance) > 0).any():
            wrongs.append(k)
    if not wrongs:
        _moved_together(point, found)
    else:
        known = {k: known for k in point.floating if (known := point.by_elements(k)) is not None}
        right, tolerance = ({k: pair[i] for k, pair in known.items()} for i in (0, 1))
        sentence = f"the gradient of input {' and '.join(map(str, wrongs))} is not that of differences"
        raise Finding("gradient", sentence, point, {k: found[k] for k in point.floating}, right, tolerance)


def _moved_together(point: Point, found: list[Any]) -> None:
    """All inputs moved by the same: equal numbers stay equal, so that ties are no kink, whoever gets the gradient."""
    v = flat(point.cotangents)

    def f(t: Any) -> Any:
        moved = [np.asarray(a + t) if is_floating(a) else a for a in point.inputs]
        steps = flat([moved[k] - point.inputs[k] for k in point.floating])
        if not (np.abs(steps - t) <= _ROUNDED * np.abs(t)).all():  # of large numbers, too little moves
            return np.full(v.size, np.nan)
        try:
            row = flat(quietly(point.engine.value, point.fn, moved))
        except Exception:  # outside of fn's domain
            row = np.zeros(0)
        return row if row.size == v.size else np.full(v.size, np.nan)

    value, bar = derivative(f, np.zeros(()), np.ones(()), flat(point.value), unit=False)
    ours, right = sum(float(np.sum(found[k])) for k in point.floating), float(value @ v)
    size = sum(float(np.abs(found[k]).sum()) for k in point.floating) + float(np.abs(v).sum())
    if excess(ours, right, SURE * float(bar @ np.abs(v)) + 4 * ROUNDING * (size + abs(right))) > 0:
        sentence = f"all inputs moved by t: d<v, fn>/dt is {right:.10g}, the gradients add up to {ours:.10g}"
        raise Finding("gradient", sentence, point, together=(ours, right))


def linearity(point: Point) -> None:
    """The VJP is linear in the cotangent."""
    v, w = point.cotangents, drawn(point.value, point.seed + 1)
    first, other = point.gradients, point.vjp(w)
    both, none = point.vjp([2 * a - 3 * b for a, b in zip(v, w, strict=True)]), point.vjp([0 * a for a in v])
    for k in point.floating:
        finite = np.isfinite(first[k]) & np.isfinite(other[k])
        size = np.abs(first[k]).max(initial=0, where=finite) + np.abs(other[k]).max(initial=0, where=finite)
        right = 2 * first[k] - 3 * other[k]
        if (excess(both[k], right, 10 * ROUNDING * (size + point.size_of(k)))[finite] > 0).any():
            sentence = f"input {k}: vjp(2 v - 3 w) is not 2 vjp(v) - 3 vjp(w)"
            raise Finding("linearity", sentence, point, only(k, both), only(k, {k: right}))
        if (none[k][finite] != 0).any():
            sentence = f"input {k}: the gradient for a cotangent of zeros is not zero"
            raise Finding("linearity", sentence, point, only(k, none), only(k, {k: 0 * right}))


def forward_mode(point: Point, second: bool = True) -> bool:
    """<v, J u> = <J^T v, u>, where the engine has a forward mode, or with ``second`` derivatives the transpose of J^T.

    Forward rules of their own, as PyTorch, JAX and HIPS autograd have, are independent of the reverse rules. minigrad
    has none: J u is the derivative of J^T v by v, so a rule that is off by a factor is off on both sides, and
    ``gradient`` has to find it. What is independent here: the rules run recorded, on Tensors, at a cotangent of zeros,
    and what answers is the derivatives, by their first argument, of the ops that they are written in. So a rule that
    takes another way when it is recorded, is not linear in g, or is made of ops with wrong rules shows, to rounding.
    """
    assert point.engine.jvp is not None
    try:
        pushed = quietly(point.engine.jvp, point.fn, point.inputs, point.tangents)
    except NoForwardMode:
        if not second:
            return False
        pushed = _transposed(point)
    terms = [v * np.asarray(a) for v, a in zip(point.cotangents, pushed, strict=True)]
    pulled = [point.gradients[k] * point.tangents[k] for k in point.floating]
    size = np.abs(flat(terms)).sum() + np.abs(flat(pulled)).sum()
    size += sum(point.size_of(k) * np.abs(point.tangents[k]).max(initial=0) for k in point.floating)
    ours, theirs = flat(pulled).sum(), flat(terms).sum()
    if not all_settled(point):
        return False
    if excess(ours, theirs, ROUNDING * size) > 0:
        sentence = f"<J^T v, u> by reverse mode is {ours:.12g}, <v, J u> by forward mode {theirs:.12g}"
        raise Finding("forward_mode", sentence, point)
    return True


def _of_arrays(point: Point) -> tuple[Callable[..., Any], list[int]]:
    """(fn of the arrays among its inputs alone, their numbers): what else was drawn stays, the engine's arrays too."""
    places = [k for k, a in enumerate(point.inputs) if isinstance(a, np.ndarray)]

    def of_arrays(*arrays: Any) -> Any:
        given = dict(zip(places, arrays, strict=True))
        return point.fn(*(given.get(k, a) for k, a in enumerate(point.inputs)))

    return of_arrays, places


def _transposed(point: Point) -> list[Any]:
    """J u for ``tangents``: the derivative of the VJP by its cotangent."""
    fn, places = _of_arrays(point)
    assert point.engine.gradient is not None
    first = point.engine.gradient(fn, len(places))
    arrays, zeros = [point.inputs[k] for k in places], [np.zeros_like(out) for out in point.value]
    tangents = [point.tangents[k] for k in point.floating]
    found: list[Any] = quietly(point.engine.vjp, first, [*arrays, *zeros], tangents)
    return found[len(places) :]


def second_order(point: Point) -> bool:
    """Gradients of <vjp(v), u>: by v, by x against differences, and w^T H u = u^T H w."""
    engine, (fn, places) = point.engine, _of_arrays(point)
    assert engine.gradient is not None
    if not (np.abs(flat([point.gradients[k] for k in point.floating])) < _OVERFLOWS).all():
        return False
    first = engine.gradient(fn, len(places))
    u, w = ([drawn([point.inputs[k]], point.seed + s + k)[0] for k in point.floating] for s in (7, 17))
    everything = [*(point.inputs[k] for k in places), *point.cotangents]
    try:
        found_u, found_w = (quietly(engine.vjp, first, everything, weights) for weights in (u, w))
    except Exception as error:
        sentence = f"the gradient of the gradient raises {type(error).__name__}: {error}"
        raise Finding("second_order", sentence, point, error=error) from error
    by_u, by_w = (dict(zip(places, found, strict=False)) for found in (found_u, found_w))
    wrong: dict[int, Any] = {k: np.zeros(point.inputs[k].shape) for k in point.floating}
    right, tolerance = {k: a.copy() for k, a in wrong.items()}, {k: a.copy() for k, a in wrong.items()}
    off = ""
    for k in point.floating:
        scale = np.abs(by_u[k]).max(initial=0, where=np.isfinite(by_u[k])) + point.size_of(k)
        for direction in point.directions(k)[-_MOST_SECONDS:]:  # of many elements the dense directions
            value, bar = _second_difference(point, k, direction, u)
            ours, bar = (
                moved_along(by_u[k], direction),
                SURE * bar + ROUNDING * (scale + np.abs(value) + point.size_of(k)),
            )
            if not off and excess(ours, value, bar) > 0:
                off = "the gradient of <vjp(v), u> by the inputs is not that of differences"
                if point.inputs[k].size > point.most:
                    off += (
                        f": along a direction of input {k} it is {ours:.10g}, by differences {value:.10g} ± {bar:.0e}"
                    )
            wrong[k], right[k] = wrong[k] + ours * direction, right[k] + value * direction
            tolerance[k] = tolerance[k] + bar * np.abs(direction)
    if off:
        alone = [k for k in point.floating if point.inputs[k].size <= point.most]  # those whose elements were moved so
        compared = [{k: numbers[k] for k in alone} for numbers in (wrong, right, tolerance)]
        raise Finding("second_order", off, point, *compared, u=u)
    for j, (got, out) in enumerate(zip(found_u[len(places) :], point.value, strict=True)):
        pushed, bar = _pushed(point, u, j)
        if (excess(got, pushed.reshape(out.shape), bar.reshape(out.shape)) > 0).any():
            raise Finding("second_order", f"the gradient of <vjp(v), u> by cotangent {j} is not J u", point, u=u)
    if not all_settled(point):
        return True
    ours = sum(float(np.sum(by_u[k] * w[i])) for i, k in enumerate(point.floating))
    theirs = sum(float(np.sum(by_w[k] * u[i])) for i, k in enumerate(point.floating))
    terms = [np.abs(by_u[k] * w[i]).sum() + np.abs(by_w[k] * u[i]).sum() for i, k in enumerate(point.floating)]
    bar = 16 * ROUNDING * (sum(terms) + sum(map(point.size_of, point.floating))) + 9 * flat([*tolerance.values()]).sum()
    if np.isfinite(bar) and excess(ours, theirs, bar) > 0:
        sentence = f"the second derivative is not symmetric: w^T H u = {ours:.12g}, u^T H w = {theirs:.12g}"
        raise Finding("second_order", sentence, point, u=u)
    return True


def _second_difference(point: Point, k: int, direction: Any, u: list[Any]) -> tuple[Any, Any]:
    """The derivative of <vjp(v), u> along a direction of input k, and its bar."""

    def f(a: Any) -> Any:
        inputs = [*point.inputs[:k], a, *point.inputs[k + 1 :]]
        try:
            found = quietly(point.engine.vjp, point.fn, inputs, point.cotangents)
            terms = flat([found[i] * t for i, t in zip(point.floating, u, strict=True)])
        except Exception:  # outside of fn's domain, or with results of another shape
            return np.full(count, np.nan)
        return terms if terms.size == count else np.full(count, np.nan)

    count = sum(point.inputs[i].size for i in point.floating)
    middle = flat([point.gradients[i] * t for i, t in zip(point.floating, u, strict=True)])
    value, bar = derivative(f, point.inputs[k], direction, middle, unit=np.count_nonzero(direction) == 1)
    return float(value.sum()), float(bar.sum())


def _pushed(point: Point, u: list[Any], j: int) -> tuple[Any, Any]:
    """J u of output j by differences, and a tolerance; infinite where not every direction is known."""
    ends = np.cumsum([0, *(out.size for out in point.value)])
    own = slice(ends[j], ends[j + 1])
    total, bar = np.zeros(point.value[j].size), np.zeros(point.value[j].size)
    for i, k in enumerate(point.floating):
        rows, bars = (m[:, own] for m in point.numeric[k])
        if len(rows) != u[i].size:
            return total, np.full_like(bar, np.inf)
        weights = u[i].ravel()
        rounding = ROUNDING * (np.abs(rows) + 1)  # terms as large as u may cancel in a row, as in x - tanh(x)
        total, bar = total + weights @ rows, bar + np.abs(weights) @ (SURE * bars + rounding)
    return total, np.where(np.isfinite(total + bar), bar, np.inf)


def two_calls(point: Point) -> bool:
    """fn(a) + fn(b): each call keeps what its own derivative needs, and leaves the cotangent as it was."""
    n = len(point.inputs)
    others = [a.ravel()[::-1].reshape(a.shape) if is_floating(a) else a for a in point.inputs]
    other = point.at(others)
    try:
        if [a.shape for a in other.value] != [a.shape for a in point.value]:
            return False
        separate = [*point.gradients, *other.vjp(point.cotangents)]
    except Exception:  # reversed, the inputs may leave fn's domain
        return False

    def twice(*args: Any) -> Any:
        return tuple(a + b for a, b in zip(outputs_of(point.fn, args[:n]), outputs_of(point.fn, args[n:]), strict=True))

    together = quietly(point.engine.vjp, twice, [*point.inputs, *others], point.cotangents)
    for k in (*point.floating, *(n + k for k in point.floating)):
        if not same(together[k], separate[k], point.size_of(k % n)):
            call = "first" if k < n else "second"
            raise Finding("two_calls", f"in fn(a) + fn(b) the {call} call's gradient of input {k % n} is another",
                          point, only(k % n, {k % n: together[k]}), only(k % n, {k % n: separate[k]}))  # fmt: skip
    return True


def repeated_input(point: Point) -> bool:
    """fn(x, x): the engine adds what the rules give; a rule that stores overwrites."""
    asked = False
    for i in point.floating:
        for k in point.floating:
            x = point.inputs[i]
            if k <= i:
                continue
            apart = point.at([x if n == k else a for n, a in enumerate(point.inputs)])
            try:
                if not np.isfinite(flat(apart.value)).all():
                    continue
                separate = apart.vjp(drawn(apart.value, point.seed))
            except Exception:  # what stands at i may be outside of the domain at k, or of no shape for it
                continue

            def joined(*args: Any, i: int = i, k: int = k) -> Any:
                return point.fn(*args[:k], args[i], *args[k:])

            inputs = [a for n, a in enumerate(point.inputs) if n != k]
            _moved_together(apart, separate)  # equal inputs are a tie
            v = drawn(apart.value, point.seed)
            together = quietly(point.engine.vjp, joined, inputs, v)[i]
            size = max(np.abs(separate[i]).max(initial=0), np.abs(flat(v)).max(initial=0))  # terms like v may cancel
            asked = True
            if not same(together, separate[i] + separate[k], size):
                sentence = f"input {i} given as input {k} too: the gradient is not the sum of both gradients"
                right = {i: separate[i] + separate[k]}
                raise Finding("repeated_input", sentence, apart, only(i, {i: together}), only(i, right),
                              parts=(separate[i], separate[k]))  # fmt: skip
    return asked


def reference(point: Point, other: Callable[..., Any]) -> None:
    """The same values and gradients as another function of the same engine."""
    theirs = point.at(point.inputs, other)
    if len(theirs.value) != len(point.value):
        sentence = f"{len(point.value)} floating outputs, the reference has {len(theirs.value)}"
        raise Finding("reference", sentence, point)
    for j, (a, b) in enumerate(zip(point.value, theirs.value, strict=True)):
        if a.shape != b.shape or a.dtype != b.dtype:
            sentence = f"output {j} is {a.dtype} {a.shape}, the reference's {b.dtype} {b.shape}"
            raise Finding("reference", sentence, point)
        if not same(a, b, wide=2.0**20):
            raise Finding("reference", f"output {j} is {worst(a, b)} in the reference", point)
    if all_settled(point):
        right = theirs.vjp(point.cotangents)
        for k in point.floating:
            if not same(point.gradients[k], right[k], wide=2.0**20):
                sentence = f"the gradient of input {k} is not the reference's"
                raise Finding("reference", sentence, point, only(k, point.gradients), only(k, right))


def outputs_of(fn: Callable[..., Any], args: Sequence[Any]) -> list[Any]:
    """The floating outputs, in the engine's own type."""
    outs = (a for _, a in leaves(fn(*args)))
    return [a for a in outs if any(k in str(getattr(a, "dtype", "")) for k in ("float", "complex"))]


def all_settled(point: Point) -> bool:
    """Whether every derivative is known to four digits: then conventions at kinks cannot matter."""
    for k in point.floating:
        right, tolerance = point.expected(k)
        if not (tolerance <= 1e-4 * (1 + np.abs(right))).all():
            return False
    return True
