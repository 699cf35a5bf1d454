"""What kind of mistake leaves these numbers behind? Guesses from the pattern of wrong against right.

A guess looks at one Finding and returns {key: sentence}: the mistakes that would explain it. ``diagnosis`` takes the
first guess whose key explains the shrunk counterexample and every other failure that was met on the way to it: of one
element every ratio is constant, of several not. More special guesses stand before more general ones.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from .engines import is_floating
from .kinks import flat
from .measure import Point, drawn
from .properties import Finding, gradient

Explanations = dict[Hashable, str]  # None: the guess has nothing to say about this shape
_MOST = 0.8  # of the other failures must have the same explanation
_POWERS = (-2, -1, 1, 2)


def diagnosis(found: Finding, others: Sequence[Finding] = ()) -> str:
    """A sentence on what the mistake may be; empty where nothing fits."""
    alike = [f for f in others if f.property == found.property and bool(f.wrong) == bool(found.wrong)]
    alike += _nearby(found)
    for guess in GUESSES:
        explained = _tried(guess, found) or {}
        told = [theirs for other in alike if explained and (theirs := _tried(guess, other)) is not None]
        explained = {key: s for key, s in explained.items() if sum(key in t for t in told) >= _MOST * len(told)}
        if explained:
            return next(iter(explained.values()))
    return ""


def _tried(guess: Callable[[Finding], Explanations | None], found: Finding) -> Explanations | None:
    try:
        return guess(found)
    except Exception:  # a function that fails at this point; a guess must not hide what was found
        return {}


def _nearby(found: Finding) -> Iterator[Finding]:
    """The same failure at inputs without zeros and ones: what shrinking makes simple fits many explanations."""
    if found.property != "gradient" or not found.right:
        return
    point = found.point
    for seed in range(3):
        moved = [a + drawn([a], seed + k)[0] / 5 if is_floating(a) else a for k, a in enumerate(point.inputs)]
        try:
            gradient(point.at(moved))
        except Finding as other:
            if other.right:
                yield other
        except Exception:  # outside of fn's domain
            continue


def _compared(found: Finding) -> Iterator[tuple[int, Any, Any, Any]]:
    """(input, wrong, right, which elements are wrong) of what can be compared element by element."""
    for k, right in found.right.items():
        wrong = np.asarray(found.wrong[k])
        if np.shape(right) == wrong.shape and wrong.size:
            tolerance = found.tolerance.get(k, 1e-9 * (np.abs(right).max() + 1e-300))
            with np.errstate(all="ignore"):
                off = ~(np.abs(wrong - right) <= tolerance) & np.isfinite(right) & (tolerance < np.inf)
            yield k, wrong, right, off


def _bad(found: Finding) -> list[tuple[int, Any, Any, Any]]:
    return [entry for entry in _compared(found) if entry[3].any()]


def _close(a: Any, b: Any, rtol: float = 1e-6) -> bool:
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=rtol, atol=1e-9 * (1 + np.abs(b).max(initial=0))))


# ------------------------------------------------------------------------------------------- what is not a number


def raised(found: Finding) -> Explanations:
    """The rule itself fails, or returns another shape."""
    error = str(found.more.get("error", ""))
    if "shape" in found.sentence and ("derivative" in error or "has shape" in found.sentence):
        return {"shape": "a missing un-broadcast, or a transpose: the rule returns another shape than its argument's"}
    if "read-only" in error:
        return {"read-only": "it writes into an array that it was only lent"}
    return {}


def not_finite(found: Finding) -> Explanations:
    """nan or infinity where differences find a number."""
    if any((~np.isfinite(wrong[off])).any() for _, wrong, _, off in _bad(found)):
        return {"nan": "the rule makes nan or inf at a smooth point: a division by 0, or 0 times infinity"}
    return {}


# ------------------------------------------------------------------------------------------------- first order


def zero(found: Finding) -> Explanations:
    """No gradient at all."""
    if found.property == "gradient" and (bad := _bad(found)) and all(not wrong.any() for _, wrong, _, _ in bad):
        which = " and ".join(str(k) for k, *_ in bad)
        return {("zero", which): f"a dropped branch: no gradient reaches input {which}"}
    return {}


def unit_cotangent(found: Finding) -> Explanations:
    """Right where the cotangent is 1."""
    point = found.point
    if found.property not in ("gradient", "linearity") or not _compared_any(found):
        return {}
    try:
        ones = [np.ones_like(v) for v in point.cotangents]
        at_ones = point.vjp(ones)
        for k in point.floating:
            right, tolerance = point.expected(k, ones)
            ours = np.array([np.sum(at_ones[k] * d) for d in point.directions(k)])
            if not (np.abs(ours - right) <= tolerance + 1e-9 * np.abs(right)).all():
                return {}
    except Exception:
        return {}
    return {"ones": "right only for a cotangent of ones: the rule forgets to multiply by g, or uses g wrongly"}


def _compared_any(found: Finding) -> bool:
    return bool(_bad(found)) or found.property == "linearity"


def sign(found: Finding) -> Explanations:
    """The opposite."""
    bad = _bad(found)
    if bad and all(_close(wrong, -right) for _, wrong, right, _ in bad):
        return {("sign", *(k for k, *_ in bad)): f"the wrong sign, in the rule of input {_numbers(bad)}"}
    return {}


def swapped(found: Finding) -> Explanations | None:
    """Two arguments have each other's gradient."""
    if len({np.shape(a) for a in found.right.values()}) > 1:
        return None
    entries = {k: (wrong, right) for k, wrong, right, _ in _compared(found)}
    for i in entries:
        for k in entries:
            if i < k and _close(entries[i][0], entries[k][1]) and _close(entries[k][0], entries[i][1]):
                return {("swapped", i, k): f"the rules of inputs {i} and {k} are swapped"}
    return {}


def misplaced(found: Finding) -> Explanations:
    """The right numbers in other places: transposed, reversed."""
    explained: Explanations = {}
    bad = _bad(found)
    ways: list[tuple[str, int, Callable[[Any], Any]]] = [  # with the fewest dimensions that they are for
        ("the transpose of the right gradient", 2, lambda a: np.swapaxes(a, -1, -2)),
        ("the transpose of the right gradient, reshaped", 2, lambda a: np.swapaxes(a, -1, -2).reshape(a.shape)),
        ("the right gradient backwards", 1, lambda a: np.flip(a)),
    ]
    for name, fewest, way in ways:
        if bad and all(wrong.ndim >= fewest and _close(wrong, way(right)) for _, wrong, right, _ in bad):
            explained[name] = f"{name}: the axes, or the order of elements, are mixed up"
    if bad and all(wrong.size > 1 and _close(np.sort(wrong, None), np.sort(right, None)) for _, wrong, right, _ in bad):
        explained["places"] = "the right numbers in the wrong places"
    return explained


def broadcast(found: Finding) -> Explanations:
    """Only inputs that were broadcast are wrong."""
    point, bad = found.point, _bad(found)
    if not bad or len(point.value) != 1:
        return {}
    out = point.value[0]
    repeated = {k for k in point.floating if point.inputs[k].size < out.size}
    others = [k for k, *_ in _compared(found) if k not in repeated]
    if repeated and {k for k, *_ in bad} <= repeated and (found.property == "broadcasting" or others):
        count = out.size / max(1, point.inputs[bad[0][0]].size)
        if all(_close(wrong * count, right) for _, wrong, right, _ in bad):
            return {"broadcast": "a mean where broadcasting asks for a sum: wrong only where an input was broadcast"}
        return {"broadcast": "a missing un-broadcast: wrong only where an input was broadcast, whose gradient is a sum"}
    return {}


def ratio(found: Finding) -> Explanations:
    """A constant factor; perhaps a length, as of a mean for a sum."""
    bad = _bad(found)
    explained: Explanations = {}
    plain = {k: np.abs(right) > 1e-3 * np.abs(right).max() for k, _, right, _ in bad}
    if not bad or any((off & ~plain[k] & (right == 0)).any() or (plain[k] & ~off).any() for k, _, right, off in bad):
        return {}
    ratios = flat([wrong[plain[k]] / right[plain[k]] for k, wrong, right, _ in bad])
    if not ratios.size or ratios[0] == 0 or not np.allclose(ratios, ratios[0], rtol=1e-6, atol=0):
        return {}
    c = float(np.median(ratios))
    if abs(c - 1) < 1e-2:
        return {"nearly": f"right but for a factor of 1 {c - 1:+.2g}: a rounded constant, or float32 on the way"}
    for name, n in _lengths(found):
        if n > 1 and abs(c * n - 1) < 1e-6:
            explained[("mean", name)] = f"a mean for a sum: the gradient is too small by {name}, {n} here"
        if n > 1 and abs(c - n) < 1e-6 * n:
            explained[("sum", name)] = f"a sum for a mean: the gradient is too large by {name}, {n} here"
    explained[("factor", round(c, 6))] = f"a missing factor: the gradient is {c:.6g} times the right one everywhere"
    return explained


def _lengths(found: Finding) -> Iterator[tuple[str, int]]:
    for k, *_ in _bad(found):
        a = found.point.inputs[k]
        yield f"the number of elements of input {k}", a.size
        yield from ((f"the length of dimension {d} of input {k}", n) for d, n in enumerate(a.shape))
    for j, out in enumerate(found.point.value):
        yield f"the number of elements of output {j}", out.size


def power(found: Finding) -> Explanations:
    """A factor that is an input, an output or the cotangent, once or twice, too many or too few."""
    explained: Explanations = {}
    point = found.point
    arrays = [(f"input {k}", point.inputs[k]) for k in point.floating]
    arrays += [(f"output {j}", out) for j, out in enumerate(point.value)]
    arrays += [("the cotangent", v) for v in point.cotangents]
    for name, a in arrays:
        for p in _POWERS:
            with np.errstate(all="ignore"):
                fits = [
                    np.broadcast_shapes(a.shape, w.shape) == w.shape and _close(w, r * np.float64(1) * a**p)
                    for _, w, r, _ in _bad(found)
                ]
            if fits and all(fits):
                explained[(name, p)] = (
                    f"a factor of {name}{' squared' if abs(p) == 2 else ''} too {'much' if p > 0 else 'little'}"
                )
    return explained


def term(found: Finding) -> Explanations:
    """A term that is missing or too much: the cotangent itself."""
    vs = found.point.cotangents
    bad = _bad(found)
    for c, what in ((1, "too much"), (-1, "missing")):
        if bad and all(r.any() and any(_close(w - r, c * v) for v in vs) for _, w, r, _ in bad):
            return {("term", c): f"a term g is {what}: the gradient differs by the cotangent itself"}
    return {}


def only_signs(found: Finding) -> Explanations:
    """Wrong only for negative or only for large numbers: the same point elsewhere passes."""
    explained: Explanations = {}
    bad = [(k, found.point.inputs[k], off) for k, _, _, off in _bad(found)]
    if found.property != "gradient" or not bad:
        return {}
    probes: tuple[tuple[str, Callable[[Any], Any], Callable[[Any], Any]], ...] = (
        ("the input is negative", lambda a: a < 0, lambda a: -a),
        ("the input is positive", lambda a: a > 0, lambda a: -a),
        ("the input is large", lambda a: np.abs(a) >= 1, lambda a: a / 64),
        ("the input is small", lambda a: np.abs(a) <= 1, lambda a: 64 * a + np.sign(a)),
    )
    for name, law, change in probes:
        changed = list(found.point.inputs)
        for k, a, off in bad:
            changed[k] = np.where(off, change(a), a)
        if all(law(a[off]).all() for _, a, off in bad) and _passes(found.point.at(changed)):
            explained[name] = f"wrong only where {name}"
    return explained


def _passes(point: Point) -> bool:
    """Whether the gradient is right there, by a judgement."""
    try:
        gradient(point)
        return bool(point.judged) and all(np.isfinite(out).all() for out in point.value)
    except Exception:  # a Finding, or outside of the domain
        return False


def only_some(found: Finding) -> Explanations:
    """Wrong in some elements only, and what these have in common."""
    explained: Explanations = {}
    bad = [(k, found.point.inputs[k], off) for k, _, _, off in _bad(found)]
    if not bad or found.property not in ("gradient", "float32", "second_order"):
        return {}
    laws: list[tuple[str, Callable[[Any, Any], bool]]] = [
        ("in the last element", lambda a, off: bool(off.size > 1 and off.flat[-1] and off.sum() == 1)),
        ("in the first element", lambda a, off: bool(off.size > 1 and off.flat[0] and off.sum() == 1)),
        ("in the last row", lambda a, off: off.ndim > 1 and len(off) > 1 and not off[:-1].any()),
        ("in the last column", lambda a, off: off.ndim > 1 and off.shape[-1] > 1 and not off[..., :-1].any()),
    ]
    for name, law in laws:
        if all(law(a, off) for _, a, off in bad):
            explained[name] = f"wrong only {name}"
    return explained


# ---------------------------------------------------------------------------------------- second order and conduct


def second_only(found: Finding) -> Explanations:
    """The first derivative passed."""
    if found.property != "second_order":
        return {}
    if "error" in found.more:
        return {"second raises": "wrong only in second order: the rule does what the engine cannot differentiate"}
    if (bad := _bad(found)) and all(_close(wrong, 0 * wrong) for _, wrong, _, _ in bad):
        return {"second zero": "wrong only in second order: the rule leaves the engine (it reads bare arrays, .data or "
                ".detach()), so that its own derivative is lost"}  # fmt: skip
    return {"second": "wrong only in second order: part of the rule leaves the engine, or an op in it has a wrong rule"}


_SAID = {
    "linearity": "the rule is not linear in the cotangent: it forgets to multiply by g, or uses it in a function",
    "two_calls": "a stale value: what the derivative needs is kept outside of the graph, where the next call "
    "overwrites it, or the rule writes into the cotangent that it shares with others",
    "float32": "a float64 constant or a cast in the forward or in the rule",
    "layouts": "memory read as if it were contiguous",
    "broadcasting": "a missing un-broadcast",
    "forward_mode": "the rules of forward and reverse mode are not each other's transpose",
}


def conduct(found: Finding) -> Explanations:
    """What the property alone says."""
    if found.property == "repeated_input":
        parts = found.more.get("parts", ())
        if any(_close(next(iter(found.wrong.values())), part) for part in parts):
            return {"overwrites": "wrong only when an input appears twice: the second gradient overwrites the first "
                    "instead of being added"}  # fmt: skip
        return {"twice": "wrong only when an input appears twice"}
    if "error" in found.more:
        return {}
    if "together" in found.more:
        return {"ties": "ties: equal numbers share one gradient, and together they get too much or too little of it"}
    if found.property == "purity":
        if "writes into input" in found.sentence:
            return {"mutated": "a mutated value: an in-place operation on an argument (+=, out=, sort())"}
        if "later call" in found.sentence:
            return {"buffer": "a buffer that all calls share: the result is overwritten by the next call"}
        return {"repeat": "not repeatable: randomness, or a state that calls leave behind"}
    said = _SAID.get(found.property)
    return {found.property: said} if said else {}


GUESSES: tuple[Callable[[Finding], Explanations | None], ...] = (
    raised,
    not_finite,
    zero,
    second_only,
    swapped,
    sign,
    misplaced,
    broadcast,
    unit_cotangent,
    only_signs,
    ratio,
    power,
    only_some,
    term,
    conduct,
)


def _numbers(bad: Sequence[tuple[int, Any, Any, Any]]) -> str:
    return " and ".join(str(k) for k, *_ in bad)
