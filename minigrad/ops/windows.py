"""Windows that slide over the last dimensions: what convolution, pooling, ``unfold`` and ``fold`` have in common.

``unfold`` lays the windows of an image out as columns (im2col). Its adjoint ``fold`` adds each element of a column up
where it was taken (col2im). Both are ``nn.functional``'s; ``Tensor.unfold`` is another function, as in PyTorch.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ..engine import derivatives, op
from ..errors import ShapeError
from .placement import full, like, strided
from .shape import reshape, squeeze, unsqueeze

Lengths = tuple[int, ...]


class Geometry(NamedTuple):
    """Which elements meet, one number for each spatial dimension. ``padding`` is that before the first element.

    Window p of ``kernel`` elements begins at p stride - padding and takes every dilation-th element; there are
    ``positions`` windows. What they take outside of ``size`` is 0.
    """

    size: Lengths
    kernel: Lengths
    positions: Lengths
    stride: Lengths
    padding: Lengths
    dilation: Lengths

    def reach(self) -> Lengths:
        """Elements from the beginning of the padding to the end of the last window."""
        steps = zip(self.kernel, self.positions, self.stride, self.dilation, strict=True)
        return tuple(max((p - 1) * s + (k - 1) * d + 1, 0) for k, p, s, d in steps)

    def offsets(self) -> Any:
        """For each element of a window: its place, and the slices that take it from every window, padding included."""
        for k in product(*map(range, self.kernel)):
            steps = zip(k, self.positions, self.stride, self.dilation, strict=True)
            yield k, tuple(slice(i * d, i * d + (p - 1) * s + 1, s) if p else slice(0) for i, p, s, d in steps)


# --------------------------------------------------------------------------------------- windows of bare arrays


def padded(x: Any, geometry: Geometry, value: float = 0) -> Any:
    """``x`` (..., *size) from the beginning of the padding to the end of the last window."""
    before, reach, lead = geometry.padding, geometry.reach(), x.shape[: x.ndim - len(geometry.size)]
    if not any(before) and reach == geometry.size:
        return x
    out: Any = full(x, (*lead, *reach), value, x.dtype)
    inside = [slice(b, b + n) for b, n in zip(before, geometry.size, strict=True)]
    here = out[(..., *inside)]
    here[...] = x[(..., *(slice(n) for n in here.shape[len(lead) :]))]
    return out


def windows(x: Any, geometry: Geometry, value: float = 0) -> Any:
    """(..., *size) -> a view (..., *positions, *kernel) of the padded ``x``."""
    n = len(geometry.size)
    x = padded(x, geometry, value)
    lead, steps = x.strides[: x.ndim - n], x.strides[x.ndim - n :]
    between = [s * step for s, step in zip(geometry.stride, steps, strict=True)]
    inside = [d * step for d, step in zip(geometry.dilation, steps, strict=True)]
    shape = (*x.shape[: x.ndim - n], *geometry.positions, *geometry.kernel)
    return strided(x, shape, (*lead, *between, *inside))


def added_up(columns: Any, geometry: Geometry) -> Any:
    """(..., *kernel, *positions) -> (..., *size): each element of a window added where it was taken. The adjoint."""
    n = len(geometry.size)
    lead = columns.shape[: columns.ndim - 2 * n]
    least = zip(geometry.reach(), geometry.padding, geometry.size, strict=True)
    out: Any = np.zeros((*lead, *(max(r, b + s) for r, b, s in least)), columns.dtype, like=like(columns))
    for k, places in geometry.offsets():
        out[(..., *places)] += columns[(*[slice(None)] * len(lead), *k)]
    return out[(..., *(slice(b, b + s) for b, s in zip(geometry.padding, geometry.size, strict=True)))]


# ------------------------------------------------------------------------------------------------ fold | unfold


@op(linear=True)
def _unfold(x: Any, *, geometry: Geometry) -> Any:
    """(N, C, *size) -> (N, C, *kernel, *positions)."""
    n = len(geometry.size)
    view = windows(x, geometry)
    return view.transpose((0, 1, *range(2 + n, 2 + 2 * n), *range(2, 2 + n))).copy()


@op(linear=True)
def _fold(columns: Any, *, geometry: Geometry) -> Any:
    """(N, C, *kernel, *positions) -> (N, C, *size)."""
    return added_up(columns, geometry)


derivatives(_unfold, lambda g, out, x, geometry: _fold(g, geometry=geometry))
derivatives(_fold, lambda g, out, columns, geometry: _unfold(g, geometry=geometry))


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """(N, C, H, W) -> (N, C kh kw, windows): every window of an image as a column; without N too."""
    x, batched = with_batch("unfold", 2, input)
    geometry = _image_geometry("unfold", x.shape[2:], kernel_size, dilation, padding, stride)
    out = _unfold(x, geometry=geometry)
    rows = x.shape[1] * math.prod(geometry.kernel)
    out = reshape(out, (len(x), rows, math.prod(geometry.positions)))
    return out if batched else squeeze(out, 0)


def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """(N, C kh kw, windows) -> (N, C, *output_size): ``unfold``'s adjoint, overlapping elements added."""
    if input.ndim not in (2, 3):
        raise ShapeError(
            f"fold: the input must be (N, C kh kw, windows) or (C kh kw, windows), got {tuple(input.shape)}"
        )
    x = input if input.ndim == 3 else unsqueeze(input, 0)
    size = numbers("fold", "output_size", output_size, 2)
    geometry = _image_geometry("fold", size, kernel_size, dilation, padding, stride)
    area, count = math.prod(geometry.kernel), math.prod(geometry.positions)
    if x.shape[1] % area or x.shape[2] != count:
        raise ShapeError(
            f"fold: the input {tuple(input.shape)} must have a multiple of {area} rows, the kernel's elements, and "
            f"{count} columns, the windows of an image of size {size}"
        )
    out = _fold(reshape(x, (len(x), x.shape[1] // area, *geometry.kernel, *geometry.positions)), geometry=geometry)
    return out if input.ndim == 3 else squeeze(out, 0)


def _image_geometry(name: str, size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Geometry:
    kernel, steps = numbers(name, "kernel_size", kernel_size, 2), numbers(name, "dilation", dilation, 2)
    strides, before = numbers(name, "stride", stride, 2), numbers(name, "padding", padding, 2, least=0)
    positions = window_count(name, tuple(size), kernel, strides, before, steps)
    return Geometry(tuple(size), kernel, positions, strides, before, steps)


# ------------------------------------------------------------------------------------------------ what was given


def with_batch(name: str, n: int, x: Any) -> tuple[Any, bool]:
    """(N, C, *size), with an N of 1 if there was none, and whether there was one."""
    if x.ndim not in (n + 1, n + 2):
        wanted = "(N, C, length) or (C, length)" if n == 1 else "(N, C, height, width) or (C, height, width)"
        raise ShapeError(f"{name}: the input must be {wanted}, got {tuple(x.shape)}")
    return (x, True) if x.ndim == n + 2 else (unsqueeze(x, 0), False)


def numbers(name: str, what: str, value: Any, n: int, least: int = 1) -> Lengths:
    """A number for each of n dimensions, where one number stands for all."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    given = given * n if len(given) == 1 else given
    whole = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in given)
    if len(given) != n or not whole or min(given) < least:
        raise ShapeError(f"{name}: {what} is a number >= {least}, or {n} of them, got {value!r}")
    return tuple(int(v) for v in given)


def window_count(
    name: str,
    size: Lengths,
    kernel: Lengths,
    stride: Lengths,
    padding: Lengths,
    dilation: Lengths,
    ceil_mode: bool = False,
) -> Lengths:
    """How many windows fit. ``ceil_mode``: a last one that begins inside, or in the padding before, may stick out."""
    out = []
    for n, k, s, b, d in zip(size, kernel, stride, padding, dilation, strict=True):
        room = n + 2 * b - d * (k - 1) - 1
        count = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (count - 1) * s >= n + b:
            count -= 1
        if count < 1 or n + 2 * b < 1 or (room < 0 and not ceil_mode):
            raise ShapeError(
                f"{name}: a window of {d * (k - 1) + 1} elements (kernel {kernel}, dilation {dilation}) does not fit "
                f"into an input of size {size} with padding {padding}"
            )
        out.append(count)
    return tuple(out)
