"""Are the derivatives right? PyTorch's ``gradcheck`` and ``gradgradcheck``, with an error bar on the numeric side.

The numeric side and its bar are Richardson's, of differences.py.
Analytic and numeric agree where they differ by no more than ``bar + atol + rtol |numeric|``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..device import bare
from ..engine import Tensor, gradients
from .differences import UNIT_ROUNDOFF, Numeric, central
from .engines import arrays_in

_SEED = 0
_SIZE = 1.5  # of the cotangents: at 1, a rule that forgets or squares its g may be right
_SHARP = 1e-6  # of the largest derivative: a wider bar asks for a smaller step
_MOST_ROWS = 32  # up to so many outputs the whole Jacobian is compared, beyond that so many weighted sums of its rows
_UNTRACKED = "no output requires grad: func leaves the graph, by detach(), .data, NumPy or no_grad()"


class GradcheckError(RuntimeError):
    """An analytic derivative is not the numeric one, or the function is such that none can be told."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-3,
    atol: float = 1e-9,
    rtol: float = 1e-7,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of ``func`` with differences, for every input that requires grad: float64, else ValueError.

    ``func`` takes ``inputs`` and returns a Tensor, or several in lists, tuples and dicts; TypeError for anything else.
    Those that require grad are judged. Where none does, func must not change with its inputs. Meanwhile the inputs
    hold other arrays, and then their own again, so a closure over them is checked too; one over a view of them is not.
    Disagreement raises GradcheckError, or returns False with ``raise_exception=False``.

    - ``eps``: the largest step h, relative to max(1, |x|). Where it settles on nothing, eps / 100 is tried too.
    - ``nondet_tol``: by how much the gradients of two equal calls may differ.
    - ``check_undefined_grad``: whether an output that no gradient arrives at must count as one whose gradient is zero.
    - ``check_forward_ad``: whether J u is compared too, by ``minigrad.jvp``'s two reverse passes;
      ``check_backward_ad=False`` leaves the gradients out.
    - ``fast_mode``: one random direction of each input, one weighted sum of the outputs, instead of the Jacobian.
    - ``check_grad_dtypes``, ``masked``: PyTorch's, without effect. The engine gives each gradient its input's dtype,
      and no Tensor is sparse. ``check_batched_grad``, ``check_batched_forward_grad``: ValueError, as there is no vmap.
    """
    _refuse(check_batched_grad=check_batched_grad, check_batched_forward_grad=check_batched_forward_grad)
    if not (check_forward_ad or check_backward_ad):
        raise ValueError("gradcheck has nothing to check: let check_backward_ad or check_forward_ad be True")
    asked = _Asked(eps, atol, rtol, nondet_tol, check_undefined_grad, check_backward_ad, check_forward_ad, fast_mode)
    inputs = _listed(inputs)
    try:
        _check(func, inputs, [f"input {i}" for i in range(len(inputs))], asked)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-3,
    atol: float = 1e-9,
    rtol: float = 1e-7,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """``gradcheck`` of (inputs, grad_outputs) -> gradients of ``func``: its second derivatives.

    ``grad_outputs``, one for each output that requires grad, are drawn from a fixed seed if not given;
    ``gen_non_contig_grad_outputs``: with gaps in memory. Where no output requires grad, there are no gradients to
    differentiate, and func must not change with its inputs. ``check_fwd_over_rev`` and ``check_rev_over_rev`` are
    gradcheck's ``check_forward_ad`` and ``check_backward_ad`` here; the other arguments are gradcheck's.
    """
    _refuse(check_batched_grad=check_batched_grad)
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise ValueError("gradgradcheck has nothing to check: let check_rev_over_rev or check_fwd_over_rev be True")
    asked = _Asked(eps, atol, rtol, nondet_tol, check_undefined_grad, check_rev_over_rev, check_fwd_over_rev, fast_mode)
    inputs = _listed(inputs)
    names = [f"input {i}" for i in range(len(inputs))]
    outs = [out for _, out in _outputs(func, inputs) if out.requires_grad]
    seeds = _listed(grad_outputs) if grad_outputs is not None else _drawn(outs, gen_non_contig_grad_outputs)

    def first(*args: Any) -> tuple[Tensor, ...]:
        arguments, given = args[: len(inputs)], args[len(inputs) :]
        wrt = [t for t in arguments if _is_tracked(t)]
        outs = [out for _, out in _outputs(func, arguments) if out.requires_grad]
        found = gradients(outs, wrt, given, create_graph=True, allow_unused=True)
        return tuple(Tensor(np.zeros(t.shape)) if g is None else g for t, g in zip(wrt, found, strict=True))

    try:
        if not outs:
            _check(func, inputs, names, asked)
        else:
            names += [f"grad_output {i}" for i in range(len(seeds))]
            _check(first, [*inputs, *seeds], names, asked, whole=True)
    except GradcheckError as error:
        if raise_exception:
            meaning = ", where output i is the gradient of the i-th input that requires grad" if outs else ""
            raise GradcheckError(f"{error}{meaning}") from None
        return False
    return True


@dataclass(frozen=True)
class _Asked:
    """How much is asked for, in gradcheck's words."""

    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    undefined: bool
    backward: bool
    forward: bool
    fast: bool


def _refuse(**settings: bool) -> None:
    for name, value in settings.items():
        if value:
            raise ValueError(f"{name}=True asks for vmap, which minigrad does not have; leave it False")


def _drawn(outs: Sequence[Tensor], with_gaps: bool) -> list[Tensor]:
    """Gradients to arrive at these outputs."""
    rng, seeds = np.random.default_rng(_SEED + 1), []
    for out in outs:
        seed = Tensor(rng.standard_normal(out.shape), requires_grad=True)
        if with_gaps:
            seed.data = np.stack([seed.data, seed.data], axis=-1)[..., 0]
        seeds.append(seed)
    return seeds


def _check(func: Callable[..., Any], inputs: list[Any], names: list[str], asked: _Asked, whole: bool = False) -> None:
    """Raise GradcheckError. ``whole``: outputs that do not require grad are judged too, as constants."""
    checked = [i for i, t in enumerate(inputs) if _is_tracked(t)]
    if not checked:
        raise ValueError("gradcheck needs at least one input that requires grad")
    for i in checked:
        if inputs[i].dtype != np.float64:
            raise ValueError(
                f"gradcheck needs float64: the rounding of {inputs[i].dtype} ({names[i]}) would hide mistakes"
            )
    wrt = [inputs[i] for i in checked]
    named = _outputs(func, inputs)
    tracked = any(out.requires_grad for _, out in named)
    judged = [k for k, (_, out) in enumerate(named) if out.requires_grad or whole or not tracked]

    def called() -> list[Tensor]:
        outs = _outputs(func, inputs)
        return [outs[k][1] for k in judged]

    outs = [named[k][1] for k in judged]
    size = sum(out.numel() for out in outs)
    rows = _random_rows(1 if asked.fast else min(size, _MOST_ROWS), size)
    each = len(rows) == size and not asked.fast  # every derivative is compared
    labels = (
        [f"{named[k][0]}{at}" for k in judged for at in _indices(named[k][1])]
        if each
        else [f"random weighted sum {k} of the outputs" for k in range(len(rows))]
    )
    analytic, repeated = _analytic(outs, wrt, _SIZE * rows), _analytic(called(), wrt, _SIZE * rows)
    for i, x, ours, same in zip(checked, wrt, analytic, repeated, strict=True):
        if not np.allclose(ours, same, rtol=0, atol=asked.nondet_tol, equal_nan=True):
            raise GradcheckError(
                f"{names[i]}: two equal calls gave gradients that differ by {np.abs(ours - same).max():.3g}"
            )
        # never the cotangents' own numbers: v^T J v is the same for J and its transpose
        direction = _random_rows(1, x.numel(), _SEED + 3 + i) if asked.fast else None
        along = [f"a random direction of {names[i]}"] if asked.fast else [f"{names[i]}{at}" for at in _indices(x)]
        numeric, bar, jump = _differences(lambda *_: called(), inputs, x, asked.eps, direction)
        if not each:
            numeric, bar, jump = numeric @ rows.T, bar @ np.abs(rows.T), jump @ np.abs(rows.T)
        sides = []
        if asked.backward:
            ours = (ours if direction is None else direction @ ours) / _SIZE
            sides.append((ours @ rows if each else ours, ours))  # the rows are orthonormal: this undoes their weights
        if asked.forward:
            pushed = _pushed(called(), x, np.eye(x.numel()) if direction is None else direction)
            sides.append((pushed if each else pushed @ rows.T, pushed))
        for side, made_of in sides:
            largest = np.abs(made_of).max(axis=1, keepdims=True, initial=0, where=np.isfinite(made_of))
            wide = bar + 16 * UNIT_ROUNDOFF * largest
            remark = "" if tracked else f"; {_UNTRACKED}"
            _compare(side, numeric, wide, jump, asked.atol, asked.rtol, along, labels, remark)
    if asked.undefined and asked.backward:
        _undefined([named[k] for k in judged if named[k][1].requires_grad], wrt)


def _compare(
    analytic: Any,
    numeric: Any,
    bar: Any,
    jump: Any,
    atol: float,
    rtol: float,
    of_input: list[str],
    of_output: list[str],
    remark: str = "",
) -> None:
    """Raise for the worst of the derivatives, all (input elements, output elements)."""
    largest = np.abs(numeric).max(initial=0, where=np.isfinite(numeric))
    vague = np.where(bar <= atol + 1e-3 * largest, 0, np.nan_to_num(bar, nan=np.inf))
    with np.errstate(invalid="ignore"):
        excess = np.nan_to_num(np.abs(analytic - numeric) - (bar + atol + rtol * np.abs(numeric)), nan=np.inf)
    for wrong in (vague, excess):
        if (wrong > 0).any():
            i, j = np.unravel_index(wrong.argmax(), wrong.shape)
            where = f"d {of_output[j]} / d {of_input[i]}"
            value = f"{numeric[i, j]:.12g} ± {bar[i, j]:.1g}"
            if wrong is vague:
                raise GradcheckError(
                    f"{where}: the differences settle on no value ({value}); func has a kink there, leaves its domain, "
                    "is not repeatable, or varies faster than the step: then give a smaller eps"
                )
            count = f"{np.count_nonzero(wrong > 0)} of {wrong.size}"
            if jump[i, j] > np.abs(analytic[i, j] - numeric[i, j]):
                remark += f"; the slope jumps by {jump[i, j]:.3g} there: at a kink differences find the mean slope"
            raise GradcheckError(
                f"{where}: analytic {analytic[i, j]:.12g}, numeric {value} ({count} derivatives disagree){remark}"
            )


def _analytic(outs: list[Tensor], wrt: list[Tensor], rows: Any) -> list[Any]:
    """For each of ``wrt`` its gradients, one column for each row of cotangents."""
    columns: list[list[Any]] = [[np.zeros((t.numel(), 0))] for t in wrt]
    ends = np.cumsum([out.numel() for out in outs])
    tracked = [(out, end) for out, end in zip(outs, ends, strict=True) if _is_tracked(out)]
    for row in rows if tracked else []:
        seeds = [row[end - out.numel() : end].reshape(out.shape) for out, end in tracked]
        found = gradients([out for out, _ in tracked], wrt, seeds, retain_graph=True, allow_unused=True)
        for column, t, g in zip(columns, wrt, found, strict=True):
            column.append(_array(t, g).reshape(-1, 1))
    return [np.hstack(c) if tracked else np.zeros((t.numel(), len(rows))) for c, t in zip(columns, wrt, strict=True)]


def _pushed(outs: list[Tensor], x: Tensor, directions: Any) -> Any:
    """J u for every direction u of x, (directions, elements of the outputs): the VJP's derivative by its cotangent."""
    tracked = [out for out in outs if out.requires_grad]
    seeds = [Tensor(np.zeros(out.shape), requires_grad=True) for out in tracked]
    pulled: Any = gradients(tracked, x, seeds, create_graph=True, allow_unused=True) if tracked else None
    found = []
    for u in directions if _is_tracked(pulled) else []:
        by_seeds = gradients(pulled, seeds, u.reshape(x.shape), retain_graph=True, allow_unused=True)
        pairs = iter(zip(seeds, by_seeds, strict=True))
        parts = [_array(*next(pairs)) if out.requires_grad else np.zeros(out.shape) for out in outs]
        found.append(np.concatenate([part.ravel() for part in parts]))
    return np.array(found) if found else np.zeros((len(directions), sum(out.numel() for out in outs)))


def _undefined(outs: list[tuple[str, Tensor]], wrt: list[Tensor]) -> None:
    """An output without a gradient is one with a gradient of zeros: asked of each of several."""
    rng = np.random.default_rng(_SEED + 2)
    seeds = [rng.standard_normal(out.shape) for _, out in outs]
    for k, (name, _) in enumerate(outs if len(outs) > 1 else []):
        others = [j for j in range(len(outs)) if j != k]
        zeroed = [seed * (j != k) for j, seed in enumerate(seeds)]
        options: dict[str, Any] = {"retain_graph": True, "allow_unused": True}
        right = gradients([out for _, out in outs], wrt, zeroed, **options)
        try:
            found = gradients([outs[j][1] for j in others], wrt, [seeds[j] for j in others], **options)
        except Exception as error:
            raise GradcheckError(
                f"{name} gets no gradient, and the derivative raises {type(error).__name__}: {error}; it has to take "
                "None for zeros"
            ) from error
        for t, g, zeros in zip(wrt, found, right, strict=True):
            ours, theirs = _array(t, g), _array(t, zeros)
            if not np.allclose(ours, theirs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max(initial=0), equal_nan=True):
                raise GradcheckError(f"{name}: no gradient is not the same as a gradient of zeros")


def _differences(
    func: Callable[..., Any], inputs: list[Any], x: Tensor, eps: float, directions: Any = None
) -> tuple[Any, Any, Any]:
    """R, its error bar and the jump of the slope, all (elements of x, or directions, elements of the outputs)."""
    held, original, found = x._data, x.data, []

    def values() -> Any:
        return np.concatenate([np.zeros(0), *(out.data.ravel() for _, out in _outputs(func, inputs))])

    def at(i: int, step: float) -> tuple[Any, float]:
        moved = original.copy()
        moved.flat[i] += step
        x._data = bare(moved)  # no change in place for the engine: what was recorded before holds again afterwards
        return values(), float(moved.flat[i] - original.flat[i])  # x + h is rounded: the step that was taken

    def along(direction: Any, step: float) -> tuple[Any, float]:
        x._data = bare(original + step * direction.reshape(original.shape))
        return values(), step

    try:
        middle = values()
        if not np.isfinite(middle).all():
            middle = None
        for i in range(original.size if directions is None else len(directions)):
            f = partial(at, i) if directions is None else partial(along, directions[i])
            size = np.abs(original.flat[i] if directions is None else original).max(initial=0)
            step = eps * max(1.0, size)
            numeric = central(f, step, middle)
            if not (numeric.bar <= _SHARP * np.abs(numeric.value).max(initial=0)).all():
                other = central(f, step / 100, middle)
                better = np.nan_to_num(other.bar, nan=np.inf) < np.nan_to_num(numeric.bar, nan=np.inf)
                numeric = Numeric(*(np.where(better, b, a) for a, b in zip(numeric, other, strict=True)))
            found.append(numeric)
    finally:
        x._data = held
    shape = (len(found), len(found[0].value) if found else values().size)
    value, bar, jump = (np.reshape([numeric[k] for numeric in found], shape) for k in range(3))
    return value, bar, jump


def _random_rows(count: int, size: int, seed: int = _SEED) -> Any:
    """(count, size) orthonormal and dense, so that every output counts in every row."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, count)))[0].T


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _is_tracked(t: Any) -> bool:
    return isinstance(t, Tensor) and t.requires_grad


def _array(t: Tensor, g: Tensor | None) -> Any:
    return np.zeros(t.shape) if g is None else g.data


def _outputs(func: Callable[..., Any], inputs: Sequence[Any]) -> list[tuple[str, Tensor]]:
    """All that ``func`` returns, with names: "output 1", and in nested containers "output['a'][1]"."""
    found = arrays_in(func(*inputs), lambda t: isinstance(t, Tensor), "a Tensor", "func")
    if not found:
        raise ValueError("func returned no Tensor, so that there is nothing to judge")
    plain = all(path in ("", f"[{k}]") for k, (path, _) in enumerate(found))
    return [(f"output {k}" if plain else f"output{path}", out) for k, (path, out) in enumerate(found)]


def _indices(t: Tensor) -> list[str]:
    """``[1, 0]`` for every element; nothing for the one of a scalar."""
    return [str(list(index)) if index else "" for index in np.ndindex(t.shape)]
