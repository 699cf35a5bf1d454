"""Are the derivatives right? PyTorch's ``gradcheck`` and ``gradgradcheck``, with an error bar on the numeric side.

The numeric side and its bar are Richardson's, of differences.py.
Analytic and numeric agree where they differ by no more than ``bar + atol + rtol |numeric|``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..engine import Tensor, gradients
from .differences import UNIT_ROUNDOFF, central

_SEED = 0
_SIZE = 1.5  # of the cotangents: at 1, a rule that forgets or squares its g may be right
_MOST_ROWS = 32  # up to so many outputs the whole Jacobian is compared, beyond that so many weighted sums of its rows


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
) -> bool:
    """Compare the gradients of ``func`` with differences, for every float64 input that requires grad.

    ``func`` takes ``inputs`` and returns a Tensor or several; outputs that are not floating are passed over. Inputs are
    perturbed in place and put back, so a closure over them is checked too. ``eps`` is the largest step h, relative to
    max(1, |x|). ``nondet_tol``: by how much the gradients of two equal calls may differ.
    Disagreement raises GradcheckError, or returns False with ``raise_exception=False``.
    """
    inputs = _listed(inputs)
    try:
        _check(func, inputs, [f"input {i}" for i in range(len(inputs))], eps, atol, rtol, nondet_tol)
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
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
) -> bool:
    """``gradcheck`` of (inputs, grad_outputs) -> gradients of ``func``: its second derivatives.

    ``grad_outputs``, one for each output that requires grad, are drawn from a fixed seed if not given.
    """
    inputs = _listed(inputs)
    seeds = [] if grad_outputs is None else _listed(grad_outputs)
    if grad_outputs is None:
        rng = np.random.default_rng(_SEED + 1)
        seeds = [
            Tensor(rng.standard_normal(out.shape), requires_grad=True)
            for out in filter(_is_tracked, _floating(func(*inputs)))
        ]

    def first(*args: Any) -> tuple[Tensor, ...]:
        arguments, given = args[: len(inputs)], args[len(inputs) :]
        wrt = [t for t in arguments if _is_tracked(t)]
        outs = list(filter(_is_tracked, _floating(func(*arguments))))
        found = gradients(outs, wrt, given, create_graph=True, allow_unused=True)
        return tuple(Tensor(np.zeros(t.shape)) if g is None else g for t, g in zip(wrt, found, strict=True))

    names = [f"input {i}" for i in range(len(inputs))] + [f"grad_output {i}" for i in range(len(seeds))]
    try:
        _check(first, [*inputs, *seeds], names, eps, atol, rtol, nondet_tol)
    except GradcheckError as error:
        if raise_exception:
            raise GradcheckError(
                f"{error}, where output i is the gradient of the i-th input that requires grad"
            ) from None
        return False
    return True


def _check(
    func: Callable[..., Any],
    inputs: list[Any],
    names: list[str],
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
) -> None:
    checked = [i for i, t in enumerate(inputs) if _is_tracked(t)]
    if not checked:
        raise ValueError("gradcheck needs at least one input that requires grad")
    for i in checked:
        if inputs[i].dtype != np.float64:
            raise ValueError(
                f"gradcheck needs float64: the rounding of {inputs[i].dtype} ({names[i]}) would hide mistakes"
            )
    wrt = [inputs[i] for i in checked]
    outs = _floating(func(*inputs))
    size = sum(out.numel() for out in outs)
    rows = _random_rows(min(size, _MOST_ROWS), size)
    analytic, again = _analytic(outs, wrt, _SIZE * rows), _analytic(_floating(func(*inputs)), wrt, _SIZE * rows)
    for i, ours, same in zip(checked, analytic, again, strict=True):
        if not np.allclose(ours, same, rtol=0, atol=nondet_tol, equal_nan=True):
            raise GradcheckError(
                f"{names[i]}: two equal calls gave gradients that differ by {np.abs(ours - same).max():.3g}"
            )
        numeric, bar = _differences(func, inputs, inputs[i], eps)
        ours = ours / _SIZE
        bar_of_ours = 16 * UNIT_ROUNDOFF * np.abs(ours).max(axis=1, keepdims=True, initial=0, where=np.isfinite(ours))
        if len(rows) == size:
            ours, label = ours @ rows, _places(outs)  # the rows are orthonormal: this undoes their weights
        else:
            numeric, bar = numeric @ rows.T, bar @ np.abs(rows.T)
            label = [f"random weighted sum {k} of the outputs" for k in range(len(rows))]
        _compare(ours, numeric, bar + bar_of_ours, atol, rtol, [f"{names[i]}{at}" for at in _indices(inputs[i])], label)


def _compare(
    analytic: Any, numeric: Any, bar: Any, atol: float, rtol: float, of_input: list[str], of_output: list[str]
) -> None:
    """Raise for the worst of the derivatives, all (input elements, output elements)."""
    vague = np.where(bar <= atol + 1e-3 * np.abs(numeric).max(initial=0), 0, np.nan_to_num(bar, nan=np.inf))
    excess = np.nan_to_num(np.abs(analytic - numeric) - (bar + atol + rtol * np.abs(numeric)), nan=np.inf)
    for wrong in (vague, excess):
        if (wrong > 0).any():
            i, j = np.unravel_index(wrong.argmax(), wrong.shape)
            where = f"d {of_output[j]} / d {of_input[i]}"
            value = f"{numeric[i, j]:.12g} ± {bar[i, j]:.1g}"
            if wrong is vague:
                raise GradcheckError(
                    f"{where}: the differences settle on no value ({value}); func has a kink there, leaves its domain, "
                    "or is not repeatable"
                )
            count = f"{np.count_nonzero(wrong > 0)} of {wrong.size}"
            raise GradcheckError(
                f"{where}: analytic {analytic[i, j]:.12g}, numeric {value} ({count} derivatives disagree)"
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
            column.append(np.zeros((t.numel(), 1)) if g is None else g.data.reshape(-1, 1))
    return [np.hstack(c) if tracked else np.zeros((t.numel(), len(rows))) for c, t in zip(columns, wrt, strict=True)]


def _differences(func: Callable[..., Any], inputs: list[Any], x: Tensor, eps: float) -> tuple[Any, Any]:
    """R and its error bar, both (elements of x, elements of the outputs)."""
    original, numeric, bars = x.data, [], []

    def at(i: int, step: float) -> tuple[Any, float]:
        moved = original.copy()
        moved.flat[i] += step
        x.data = moved
        out = np.concatenate([np.zeros(0), *(out.data.ravel() for out in _floating(func(*inputs)))])
        return out, float(moved.flat[i] - original.flat[i])  # x + h is rounded: the step that was taken

    try:
        for i in range(original.size):
            found = central(partial(at, i), eps * max(1.0, abs(original.flat[i])))
            numeric.append(found.value)
            bars.append(found.bar)
    finally:
        x.data = original
    size = len(numeric[0]) if numeric else sum(out.numel() for out in _floating(func(*inputs)))
    return np.reshape(numeric, (original.size, size)), np.reshape(bars, (original.size, size))


def _random_rows(count: int, size: int) -> Any:
    """(count, size) orthonormal and dense, so that every output counts in every row."""
    return np.linalg.qr(np.random.default_rng(_SEED).standard_normal((size, count)))[0].T


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _is_tracked(t: Any) -> bool:
    return isinstance(t, Tensor) and t.requires_grad


def _floating(outs: Any) -> list[Tensor]:
    return [t for t in _listed(outs) if isinstance(t, Tensor) and t.dtype.kind == "f"]


def _indices(t: Tensor) -> list[str]:
    """``[1, 0]`` for every element; nothing for the one of a scalar."""
    return [str(list(index)) if index else "" for index in np.ndindex(t.shape)]


def _places(outs: list[Tensor]) -> list[str]:
    return [f"output {k}{at}" for k, out in enumerate(outs) for at in _indices(out)]
