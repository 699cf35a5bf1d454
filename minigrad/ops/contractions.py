"""Sums of products by subscripts: einsum, and tensordot, which is one.

``einsum`` reads the equation and makes every operand plain: no ellipsis, no length 1 that broadcasts, no subscript
twice (its diagonal is taken), none that nobody else has (it is summed out). Plain operands are contracted two by two,
each time by one product of matrices, whose derivatives are contractions again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..engine import derivatives, op
from ..errors import ShapeError
from .placement import array_of, like, strided
from .shape import permute, squeeze

__all__ = ["einsum", "tensordot"]

LETTERS = ascii_uppercase + ascii_lowercase  # in the order of an implicit output
Subscripts = tuple[Any, ...]  # a letter for each dimension; for one under an ellipsis its number from the right


def einsum(equation: Any, *operands: Any) -> Any:
    """Sum of products: ``"ij,jk->ik"`` is ``out_ik = sum_j x_ij y_jk``. NumPy's and PyTorch's language.

    One subscript, a letter, for each dimension; those not in the output are summed over. A subscript twice in one
    operand takes the diagonal. ``...`` stands for further dimensions, which broadcast as length 1 does under a letter.
    Without ``->`` the output has ``...`` and the letters that occur once, in alphabetical order, capitals first; with
    ``->`` but without ``...`` the dimensions of the ellipsis are summed over too. The operands may be in a list, or
    each be followed by its subscripts as a list of numbers from 0 to 51: ``einsum(x, [0, 1], y, [1, 2], [0, 2])``.
    """
    if not isinstance(equation, str):
        equation, operands = _from_lists([equation, *operands])
    elif len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    inputs, output, lengths = _read(equation, tuple(tuple(np.shape(t)) for t in operands))
    parts = [_plain(equation, t, names, lengths) for t, names in zip(operands, inputs, strict=True)]
    parts = [_alone_summed(i, [names for _, names in parts], output, t) for i, (t, _) in enumerate(parts)]
    for step in _order(tuple(names for _, names in parts), output, tuple(lengths.items())):
        first, *others = [parts.pop(i) for i in sorted(step, reverse=True)][::-1]
        for k, other in enumerate(others):
            rest = [names for _, names in (*parts, *others[k + 1 :])]
            first = _pair(first, other, {*output}.union(*rest) if rest else output)
        parts.append(first)
    [(out, names)] = parts
    return out if len(operands) > 1 and names == output else permute(out, tuple(names.index(n) for n in output))


def tensordot(x: Any, y: Any, dims: Any = 2, *, axes: Any = None) -> Any:
    """Sum of products over pairs of dimensions: the last ``dims`` of x with the first of y, or two lists of them.

    The other dimensions of x, then those of y, remain. ``axes`` is NumPy's name for ``dims``.
    """
    dims = dims if axes is None else axes
    given = f"tensordot of {tuple(x.shape)} and {tuple(y.shape)} over dims {dims}"
    if isinstance(dims, int):
        if not 0 <= dims <= min(x.ndim, y.ndim):
            raise ShapeError(f"{given}: there are not so many")
        dims = range(x.ndim - dims, x.ndim), range(dims)
    of_x, of_y = (normalize_axis_tuple(d, t.ndim, "dims") for d, t in zip(dims, (x, y), strict=True))
    if [x.shape[i] for i in of_x] != [y.shape[j] for j in of_y]:
        raise ShapeError(f"{given}: x and y must have as many, of equal lengths")
    names_x: Subscripts = tuple(range(x.ndim))
    names_y: Subscripts = tuple(of_x[of_y.index(j)] if j in of_y else x.ndim + j for j in range(y.ndim))
    return _contract(x, y, names=(names_x, names_y, tuple(n for n in (*names_x, *names_y) if n not in of_x)))


# ------------------------------------------------------------------------------------------ the product of two


@op
def _contract(x: Any, y: Any, *, names: tuple[Subscripts, Subscripts, Subscripts]) -> Any:
    """The sum of products of two plain operands, by one product of matrices, or of elements if nothing is summed."""
    in_x, in_y, in_out = names
    batch, summed = [n for n in in_out if n in in_x and n in in_y], [n for n in in_x if n not in in_out]
    rows, columns = [n for n in in_out if n not in in_y], [n for n in in_out if n not in in_x]
    x = array_of(x).transpose([in_x.index(n) for n in (*batch, *rows, *summed)])
    y = array_of(y).transpose([in_y.index(n) for n in (*batch, *summed, *columns)])
    lengths = dict(zip((*batch, *rows, *summed), x.shape, strict=True))
    lengths |= dict(zip((*batch, *summed, *columns), y.shape, strict=True))
    b, r, s, c = ([lengths[n] for n in part] for part in (batch, rows, summed, columns))
    if summed:
        out = x.reshape((*b, math.prod(r), math.prod(s))) @ y.reshape((*b, math.prod(s), math.prod(c)))
    else:
        out = x.reshape((*b, *r, *[1] * len(c))) * y.reshape((*b, *[1] * len(r), *c))
    have = (*batch, *rows, *columns)
    return out.reshape((*b, *r, *c)).transpose([have.index(n) for n in in_out])[()]


# Every subscript is in two of the three at least, so that each of them is a contraction of the other two.
derivatives(
    _contract,
    lambda g, out, x, y, names: _contract(g, y, names=(names[2], names[1], names[0])),
    lambda g, out, x, y, names: _contract(x, g, names=(names[0], names[2], names[1])),
)


def _pair(x: tuple[Any, Subscripts], y: tuple[Any, Subscripts], needed: Any) -> tuple[Any, Subscripts]:
    """The contraction of two, with their subscripts; ``needed``: those to keep, a tuple if their order counts."""
    in_either = dict.fromkeys((*x[1], *y[1]))
    out = needed if isinstance(needed, tuple) else tuple(n for n in in_either if n in needed)
    return _contract(x[0], y[0], names=(x[1], y[1], out)), out


@lru_cache(maxsize=256)
def _order(inputs: tuple[Subscripts, ...], output: Subscripts, lengths: tuple[Any, ...]) -> list[tuple[int, ...]]:
    """Which operands to contract, step by step; each result is put after the others."""
    names = dict.fromkeys(n for subscripts in inputs for n in subscripts)
    if len(inputs) <= 2 or len(names) > len(LETTERS):
        return [(0, left) for left in (1, *range(len(inputs) - 2, 0, -1))] if len(inputs) > 1 else []
    letter, length = dict(zip(names, LETTERS, strict=False)), dict(lengths)
    written = ",".join("".join(letter[n] for n in subscripts) for subscripts in inputs)
    like = [np.broadcast_to(0.0, [length[n] for n in subscripts]) for subscripts in inputs]
    path = np.einsum_path(f"{written}->{''.join(letter[n] for n in output)}", *like, optimize="greedy")[0]
    return list(path[1:])


# ------------------------------------------------------------------------------------------- plain operands


def _plain(equation: str, x: Any, names: Subscripts, lengths: dict[Any, int]) -> tuple[Any, Subscripts]:
    """The operand without the dimensions of length 1 that broadcast, and with one dimension for each subscript."""
    shape = np.shape(x)
    for n in names:
        if len({length for length, m in zip(shape, names, strict=True) if m == n}) > 1:
            raise ShapeError(f'einsum "{equation}": an operand of {shape} has no diagonal under {_said(n)}')
    stretched = [i for i, n in enumerate(names) if shape[i] == 1 != lengths[n]]
    if stretched:
        x, names = squeeze(x, stretched), tuple(n for i, n in enumerate(names) if i not in stretched)
    once = tuple(dict.fromkeys(names))
    return (x, once) if once == names else (_repeated(x, names=tuple(map(names.index, names)), shape=x.shape), once)


def _alone_summed(i: int, inputs: list[Subscripts], output: Subscripts, x: Any) -> tuple[Any, Subscripts]:
    """Operand ``i`` with only such subscripts as another operand or the output has, and these subscripts."""
    wanted = {*output}.union(*inputs[:i], *inputs[i + 1 :])
    alone = tuple(k for k, n in enumerate(inputs[i]) if n not in wanted)
    return (x.sum(axis=alone) if alone else x), tuple(n for n in inputs[i] if n in wanted)


@op(linear=True, view=True)
def _repeated(x: Any, *, names: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The elements where dimensions of the same number have the same index: [0, 1, 0] takes x[i, j, i]."""
    return _along_diagonals(x, names)


def _along_diagonals(x: Any, names: tuple[int, ...]) -> Any:
    """A view: one step along a subscript is a step along all of its dimensions."""
    once = list(dict.fromkeys(names))
    steps = [sum(step for step, name in zip(x.strides, names, strict=True) if name == n) for n in once]
    return strided(x, tuple(x.shape[names.index(n)] for n in once), tuple(steps))


@op(linear=True)
def _spread_repeated(g: Any, *, names: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """Zeros of ``shape`` with ``g`` on that diagonal."""
    out = np.zeros(shape, g.dtype, like=like(g))
    _along_diagonals(out, names)[...] = g
    return out


derivatives(_repeated, lambda g, out, x, names, shape: _spread_repeated(g, names=names, shape=shape))
derivatives(_spread_repeated, lambda g, out, x, names, shape: _repeated(g, names=names, shape=shape))


# --------------------------------------------------------------------------------------------- the language


@lru_cache(maxsize=256)
def _read(equation: str, shapes: tuple[tuple[int, ...], ...]) -> tuple[list[Subscripts], Subscripts, dict[Any, int]]:
    """The subscripts of each operand and of the output, and the length under each."""
    inputs, output = _parsed(equation, shapes)
    return inputs, output, _lengths(equation, inputs, shapes)


def _parsed(equation: str, shapes: Sequence[tuple[int, ...]]) -> tuple[list[Subscripts], Subscripts]:
    """The subscripts of each operand and of the output."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if not shapes or len(terms) != len(shapes):
        raise ShapeError(f'einsum "{equation}": there are subscripts of {len(terms)} operands, but {len(shapes)} came')
    inputs: list[Subscripts] = []
    for term, shape in zip(terms, shapes, strict=True):
        head, dots, tail = _written(equation, term)
        under = len(shape) - len(head + tail)
        if under < 0 or (under and not dots):
            raise ShapeError(
                f'einsum "{equation}": "{term}" does not fit an operand of {len(shape)} dimensions, {shape}'
            )
        inputs.append((*head, *range(-under, 0), *tail))
    counts = Counter(n for names in inputs for n in names)
    ellipsis = sorted(n for n in counts if isinstance(n, int))
    if not arrow:
        return inputs, (*ellipsis, *sorted(n for n, count in counts.items() if count == 1 and n not in ellipsis))
    head, dots, tail = _written(equation, right)
    if (strange := {*head, *tail} - counts.keys()) or len({*head, *tail}) < len(head + tail):
        what = f'"{min(strange)}" of the output is in no operand' if strange else "the output has a subscript twice"
        raise ShapeError(f'einsum "{equation}": {what}')
    return inputs, (*head, *(ellipsis if dots else ()), *tail)


def _written(equation: str, term: str) -> tuple[str, str, str]:
    """What stands before the ellipsis, the ellipsis, and what stands after it."""
    head, dots, tail = term.partition("...")
    if wrong := [c for c in head + tail if c not in LETTERS]:
        raise ShapeError(
            f'einsum "{equation}": subscripts are letters and one "..." for each operand, not "{wrong[0]}"'
        )
    return head, dots, tail


def _from_lists(given: list[Any]) -> tuple[str, tuple[Any, ...]]:
    """The equation and the operands of ``einsum(x, [0, 1], y, [1, 2], [0, 2])``."""
    operands, lists = given[0 : len(given) // 2 * 2 : 2], given[1::2]
    output = given[-1:] if len(given) % 2 else []
    try:
        terms = [
            "".join("..." if s is ... else LETTERS[range(len(LETTERS))[s]] for s in part) for part in lists + output
        ]
    except (TypeError, IndexError):
        raise ShapeError(
            "einsum takes an equation and operands, or each operand and a list of its subscripts, from 0 to 51 or ..."
        ) from None
    return "->".join([",".join(terms[: len(lists)]), *terms[len(lists) :]]), tuple(operands)


def _lengths(equation: str, inputs: list[Subscripts], shapes: Sequence[tuple[int, ...]]) -> dict[Any, int]:
    """The length under each subscript; 1 gives way to any other."""
    lengths: dict[Any, int] = {}
    for names, shape in zip(inputs, shapes, strict=True):
        for n, length in zip(names, shape, strict=True):
            known = lengths.setdefault(n, length)
            if 1 not in (known, length) and known != length:
                raise ShapeError(f'einsum "{equation}": the length under {_said(n)} is {known} once, and then {length}')
            lengths[n] = length if known == 1 else known
    return lengths


def _said(name: Any) -> str:
    return f"dimension {name} of the ellipsis" if isinstance(name, int) else f'"{name}"'
