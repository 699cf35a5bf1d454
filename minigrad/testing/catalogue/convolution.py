"""Cases of minigrad/ops/convolution.py, and of fold and unfold of minigrad/ops/windows.py."""

from __future__ import annotations

from functools import partial

from hypothesis import strategies as st

from ...nn import functional as F
from .case import Case, collect
from .domains import array

CASES: list[Case] = []
case = collect(CASES)

LEAST = {"stride": 1, "dilation": 1, "padding": 0}


@st.composite
def number(draw, what, n, most):
    """One number, or one for each dimension."""
    each = st.integers(LEAST[what], most)
    return draw(each if draw(st.booleans()) else st.tuples(*[each] * n))


def listed(value, n):
    return (value,) * n if isinstance(value, int) else value


@st.composite
def convolutions(draw, n, bias=True, text=False):
    """x, weight, bias; stride, padding, dilation, groups."""
    groups, into, outof = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(n))
    stride, dilation = draw(number("stride", n, 1 if text else 3)), draw(number("dilation", n, 2))
    padding = draw(st.sampled_from(["same", "valid"])) if text else draw(number("padding", n, 2))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, listed(dilation, n), strict=True)]
    size = tuple(r + draw(st.integers(0, 2)) for r in reach)
    batch = draw(st.sampled_from([(), (0,), (1,), (2,)]))
    shapes = [(*batch, groups * into, *size), (groups * outof, into, *kernel), (groups * outof,)]
    return [draw(array(s)) for s in shapes[: 2 + bias]], [stride, padding, dilation, groups]


@st.composite
def transposed(draw, n):
    """x, weight, bias; stride, padding, output_padding, groups, dilation."""
    groups, into, outof = draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(n))
    stride, dilation = draw(number("stride", n, 3)), draw(number("dilation", n, 2))
    most = [(k - 1) * d // 2 for k, d in zip(kernel, listed(dilation, n), strict=True)]
    padding = tuple(draw(st.integers(0, m)) for m in most)
    more = tuple(
        draw(st.integers(0, max(s, d) - 1)) for s, d in zip(listed(stride, n), listed(dilation, n), strict=True)
    )
    batch = draw(st.sampled_from([(), (1,), (2,)]))
    size = tuple(draw(st.integers(1, 3)) for _ in range(n))
    shapes = [(*batch, groups * into, *size), (groups * into, outof, *kernel), (groups * outof,)]
    return [draw(array(s)) for s in shapes], [stride, padding, more, groups, dilation]


def explicitly_padded(m, x, w, b, s, p, d, g, f):
    """PyTorch warns where it pads one element more behind than before."""
    if p == "same":
        total = [i * (k - 1) for i, k in zip(listed(d, w.ndim - 2), w.shape[2:], strict=True)]
        x = m.nn.functional.pad(x, [side for t in reversed(total) for side in (t // 2, t - t // 2)])
    return getattr(m, f)(x, w, b, s, 0, d, g)


for n in (1, 2):
    name = f"conv{n}d"
    function = lambda m, x, w, b, s, p, d, g, f=name: getattr(m, f)(x, w, b, s, p, d, g)
    case(name, function, convolutions(n))
    case(f"{name}:same and valid", function, convolutions(n, text=True), partial(explicitly_padded, f=name))
    case(
        f"{name}:without bias",
        lambda m, x, w, s, p, d, g, f=name: getattr(m, f)(x, w, stride=s, padding=p, dilation=d, groups=g),
        convolutions(n, bias=False),
    )
    name = f"conv_transpose{n}d"
    case(name, lambda m, x, w, b, *options, f=name: getattr(m, f)(x, w, b, *options), transposed(n))


@st.composite
def images(draw, folded):
    """x, or its columns; kernel_size, dilation, padding, stride, for fold after output_size."""
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(2))
    dilation, padding, stride = (
        draw(number("dilation", 2, 2)),
        draw(number("padding", 2, 2)),
        draw(number("stride", 2, 3)),
    )
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, listed(dilation, 2), strict=True)]
    size = tuple(r + draw(st.integers(0, 2)) for r in reach)
    channels, batch = draw(st.integers(1, 2)), draw(st.sampled_from([(), (1,), (2,)]))
    options = [kernel, dilation, padding, stride]
    if not folded:
        return [draw(array((*batch, channels, *size)))], options
    every = zip(size, listed(padding, 2), reach, listed(stride, 2), strict=True)
    rows, columns = ((n + 2 * p - r) // s + 1 for n, p, r, s in every)
    return [draw(array((*batch, channels * kernel[0] * kernel[1], rows * columns)))], [size, *options]


case(
    "unfold:im2col",
    lambda m, x, *options: F.unfold(x, *options),
    images(False),
    lambda m, x, *o: m.nn.functional.unfold(x, *o),
)
case("fold", lambda m, x, *options: F.fold(x, *options), images(True), lambda m, x, *o: m.nn.functional.fold(x, *o))
