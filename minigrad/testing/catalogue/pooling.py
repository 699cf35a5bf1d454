"""Cases of minigrad/ops/pooling.py."""

from __future__ import annotations

from hypothesis import strategies as st

from .case import Case, collect
from .domains import array, distinct

CASES: list[Case] = []
case = collect(CASES)


@st.composite
def pooled(draw, n, dilated):
    """x without ties; kernel_size, stride, padding, (dilation,) ceil_mode."""
    kernel = tuple(draw(st.integers(1, 3)) for _ in range(n))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(n)) if dilated else (1,) * n
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    stride = draw(st.none() | st.integers(1, 3) | st.tuples(*[st.integers(1, 3)] * n))
    size = tuple(r + draw(st.integers(0, 3)) for r in reach)
    shape = (*draw(st.sampled_from([(), (1,), (2,)])), draw(st.integers(1, 2)), *size)
    [x], _ = draw(distinct(st.just(shape)))
    return [x], [kernel, stride, padding, *([dilation] if dilated else []), draw(st.booleans())]


@st.composite
def adaptive(draw, n):
    """x without ties and output_size."""
    size = tuple(draw(st.integers(1, 5)) for _ in range(n))
    [x], _ = draw(distinct(st.just((*draw(st.sampled_from([(), (2,)])), 2, *size))))
    each = st.integers(1, 4)
    return [x], [draw(each | (st.tuples(each | st.none(), each) if n == 2 else st.tuples(each)))]


for n in (1, 2):
    name = f"max_pool{n}d"
    theirs = lambda m, x, *o, f=name: getattr(m.nn.functional, f)(x, *o)
    case(name, lambda m, x, *options, f=name: getattr(m, f)(x, *options), pooled(n, True), theirs)
    case(
        f"{name}:return_indices",
        lambda m, x, *options, f=name: getattr(m, f)(x, *options, return_indices=True),
        pooled(n, True),
        lambda m, x, *o, f=name: getattr(m.nn.functional, f)(x, *o, return_indices=True),
    )
    name = f"avg_pool{n}d"
    for with_padding in (True, False):
        case(
            name if with_padding else f"{name}:without padding",
            lambda m, x, *options, f=name, w=with_padding: getattr(m, f)(x, *options, count_include_pad=w),
            pooled(n, False),
            lambda m, x, *o, f=name, w=with_padding: getattr(m.nn.functional, f)(x, *o, count_include_pad=w),
        )
    for name in (f"adaptive_avg_pool{n}d", f"adaptive_max_pool{n}d"):
        case(
            name,
            lambda m, x, size, f=name: getattr(m, f)(x, size),
            adaptive(n),
            lambda m, x, size, f=name: getattr(m.nn.functional, f)(x, size),
        )
case(
    "avg_pool2d:divisor_override",
    lambda m, x: m.avg_pool2d(x, 2, 1, divisor_override=-3),
    st.tuples(array((1, 2, 3, 4))).map(lambda a: (list(a), [])),
    lambda m, x: m.nn.functional.avg_pool2d(x, 2, 1, divisor_override=-3),
)
