"""Convolution in one and two dimensions, PyTorch's layout: (N, C, length) or (N, C, height, width), or without N.

What is called so in neural networks is a correlation:

    out[n, o, p] = sum_(c, k) x[n, c, p stride + k dilation - padding] w[o, c, k]

where p and k have one number for each dimension. Multiplied by a ``g`` of the shape of out and summed, this is a number
T(x, w, g), linear in each of its three arguments. Three ops are T without one of them, and so they are each other's
derivatives, to any order:

    _convolve(x, w)      T without g: the convolution
    _convolve_transposed(g, w)     T without x: the transposed convolution, and the gradient for x
    _correlate(x, g)     T without w: the gradient for the weight

Each is one matrix product with the windows of x side by side as columns, or with such columns added up again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine import derivatives, op
from ..errors import ShapeError
from .placement import like
from .shape import reshape, squeeze
from .windows import Geometry, added_up, numbers, window_count, windows, with_batch

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


def _columns(x: Any, geometry: Geometry, groups: int) -> Any:
    """x (N, C, *size) -> (groups, C/groups kernel, N positions), contiguous: the windows side by side."""
    n = len(geometry.size)
    view = windows(x, geometry)  # (N, C, *positions, *kernel)
    view = view.transpose((1, *range(2 + n, 2 + 2 * n), 0, *range(2, 2 + n)))
    rows = x.shape[1] // groups * math.prod(geometry.kernel)
    return view.reshape(groups, rows, len(x) * math.prod(geometry.positions))


def _by_group(g: Any, groups: int) -> Any:
    """g (N, O, *positions) -> (groups, O/groups, N positions)."""
    places = math.prod((len(g), *g.shape[2:]))
    return np.moveaxis(g, 1, 0).reshape(groups, g.shape[1] // groups, places)


def _matrices(w: Any, groups: int) -> Any:
    """w (O, C/groups, *kernel) -> (groups, O/groups, C/groups kernel)."""
    return w.reshape(groups, w.shape[0] // groups, math.prod(w.shape[1:]))


# ------------------------------------------------------------------------------------------------ the three ops


@op
def _convolve(x: Any, w: Any, *, geometry: Geometry, groups: int) -> Any:
    """x (N, C, *size), w (O, C/groups, *kernel) -> (N, O, *positions)."""
    out = _matrices(w, groups) @ _columns(x, geometry, groups)
    return np.array(np.moveaxis(out.reshape(len(w), len(x), *geometry.positions), 1, 0), order="C", like=like(x))


@op
def _convolve_transposed(g: Any, w: Any, *, geometry: Geometry, groups: int) -> Any:
    """g (N, O, *positions), w (O, C/groups, *kernel) -> (N, C, *size)."""
    columns = _matrices(w, groups).transpose(0, 2, 1) @ _by_group(g, groups)
    columns = columns.reshape(groups * w.shape[1], *geometry.kernel, len(g), *geometry.positions)
    return added_up(np.moveaxis(columns, 1 + len(geometry.kernel), 0), geometry)


@op
def _correlate(x: Any, g: Any, *, geometry: Geometry, groups: int) -> Any:
    """x (N, C, *size), g (N, O, *positions) -> (O, C/groups, *kernel)."""
    out = _by_group(g, groups) @ _columns(x, geometry, groups).transpose(0, 2, 1)
    return out.reshape(g.shape[1], x.shape[1] // groups, *geometry.kernel)


derivatives(
    _convolve,
    lambda g, out, x, w, **form: _convolve_transposed(g, w, **form),
    lambda g, out, x, w, **form: _correlate(x, g, **form),
)
derivatives(
    _convolve_transposed,
    lambda x, out, g, w, **form: _convolve(x, w, **form),
    lambda x, out, g, w, **form: _correlate(x, g, **form),
)
derivatives(
    _correlate,
    lambda w, out, x, g, **form: _convolve_transposed(g, w, **form),
    lambda w, out, x, g, **form: _convolve(x, w, **form),
)


# ------------------------------------------------------------------------------------------- what PyTorch offers


def conv1d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """(N, C, L) and weight (O, C/groups, k), bias (O,) or None -> (N, O, L'); without N too.

    ``L' = (L + 2 padding - dilation (k - 1) - 1) // stride + 1``. padding="same": L' = L, for a stride of 1, an odd
    element more behind than before; "valid": 0. Channels meet only those of their own of ``groups`` groups.
    """
    return _conv("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """(N, C, H, W) and weight (O, C/groups, kh, kw), bias (O,) or None -> (N, O, H', W'); without N too.

    Lengths as those of ``conv1d``; each of stride, padding and dilation is a number, or two: for H and W.
    """
    return _conv("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The adjoint of ``conv1d`` with this weight: (N, C, L) and (C, O/groups, k), bias (O,) -> (N, O, L').

    ``L' = (L - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1``: output_padding chooses between the
    lengths that conv1d makes the same L of.
    """
    options = stride, padding, output_padding, groups, dilation
    return _conv_transpose("conv_transpose1d", 1, x, weight, bias, *options)


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """The adjoint of ``conv2d`` with this weight: (N, C, H, W) and (C, O/groups, kh, kw), bias (O,) -> (N, O, H', W').

    Lengths as those of ``conv_transpose1d``.
    """
    options = stride, padding, output_padding, groups, dilation
    return _conv_transpose("conv_transpose2d", 2, x, weight, bias, *options)


def _conv(name: str, n: int, x: Any, w: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    x, batched = with_batch(name, n, x)
    _require_weight(name, n, w, bias, groups, w.shape[0], 0)
    if w.shape[1] * groups != x.shape[1]:
        raise ShapeError(
            f"{name}: an input of {x.shape[1]} channels in {groups} groups, but a weight {tuple(w.shape)} for "
            f"{w.shape[1] * groups} channels; the weight's shape is (out, in / groups, *kernel)"
        )
    kernel, size = tuple(w.shape[2:]), tuple(x.shape[2:])
    strides, steps = numbers(name, "stride", stride, n), numbers(name, "dilation", dilation, n)
    if padding == "same" and strides != (1,) * n:
        raise ShapeError(f'{name}: padding="same" keeps the length for a stride of 1 only, got stride={stride}')
    if padding == "same":
        before, positions = tuple(d * (k - 1) // 2 for d, k in zip(steps, kernel, strict=True)), size
    elif isinstance(padding, str) and padding != "valid":
        raise ShapeError(f'{name}: padding is "same", "valid" or a number, got {padding!r}')
    else:
        before = numbers(name, "padding", 0 if padding == "valid" else padding, n, least=0)
        positions = window_count(name, size, kernel, strides, before, steps)
    geometry = Geometry(size, kernel, positions, strides, before, steps)
    return _finished(_convolve(x, w, geometry=geometry, groups=groups), bias, batched)


def _conv_transpose(
    name: str,
    n: int,
    x: Any,
    w: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    x, batched = with_batch(name, n, x)
    _require_weight(name, n, w, bias, groups, w.shape[1] * groups, 1)
    if w.shape[0] != x.shape[1]:
        raise ShapeError(
            f"{name}: an input of {x.shape[1]} channels, but a weight {tuple(w.shape)} for {w.shape[0]}; the weight's "
            "shape is (in, out / groups, *kernel)"
        )
    kernel, positions = tuple(w.shape[2:]), tuple(x.shape[2:])
    strides, steps = numbers(name, "stride", stride, n), numbers(name, "dilation", dilation, n)
    before = numbers(name, "padding", padding, n, least=0)
    more = numbers(name, "output_padding", output_padding, n, least=0)
    if any(m >= max(s, d) for m, s, d in zip(more, strides, steps, strict=True)):
        raise ShapeError(
            f"{name}: output_padding must be smaller than the stride or the dilation, got output_padding="
            f"{output_padding}, stride={stride}, dilation={dilation}"
        )
    every = zip(positions, kernel, strides, before, steps, more, strict=True)
    size = tuple((p - 1) * s - 2 * b + d * (k - 1) + m + 1 for p, k, s, b, d, m in every)
    if min(size) < 1:
        raise ShapeError(f"{name}: an input {tuple(x.shape)} would give an output of size {size}: too much padding")
    geometry = Geometry(size, kernel, positions, strides, before, steps)
    return _finished(_convolve_transposed(x, w, geometry=geometry, groups=groups), bias, batched)


def _finished(out: Any, bias: Any, batched: bool) -> Any:
    if bias is not None:
        out = out + reshape(bias, (-1, *[1] * (out.ndim - 2)))
    return out if batched else squeeze(out, 0)


def _require_weight(name: str, n: int, w: Any, bias: Any, groups: int, out_channels: int, split: int) -> None:
    if w.ndim != n + 2 or 0 in w.shape[2:]:
        raise ShapeError(f"{name}: the weight must have {n + 2} dimensions and a kernel, got {tuple(w.shape)}")
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1 or w.shape[0] % groups:
        raise ShapeError(f"{name}: groups must divide the channels, got groups={groups} and a weight {tuple(w.shape)}")
    if bias is not None and tuple(bias.shape) != (out_channels,):
        raise ShapeError(f"{name}: the bias must have shape ({out_channels},), got {tuple(bias.shape)}")
