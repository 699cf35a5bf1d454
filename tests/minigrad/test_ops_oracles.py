"""Every op, in every spelling, against two oracles that share no code with it: PyTorch and differences.

One table. Each line gives an expression, what PyTorch writes for it (the same, if nothing is given), and where its
inputs come from: shapes with 0 and without dimensions, broadcast pairs, any memory layout, never near a kink.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minigrad import Tensor, gradients, ops
from minigrad.testing import gradcheck, gradgradcheck

FEW = settings(max_examples=max(4, settings.default.max_examples // 8))  # for each line of the table


@dataclass(frozen=True)
class Case:
    """``ours(m, *tensors, *settings)`` with m = minigrad.ops, ``theirs`` the same with m = torch."""

    name: str
    ours: Callable[..., Any]
    inputs: st.SearchStrategy  # of ([arrays], [settings])
    theirs: Callable[..., Any]
    smooth: bool


TABLE: list[Case] = []


def case(name, ours, inputs, theirs=None, smooth=True):
    """``name`` is the op, and after a colon the spelling; a name alone is the function, which takes bare arrays too."""
    TABLE.append(Case(name, ours, inputs, theirs or ours, smooth))


# ------------------------------------------------------------------------------------------------- the domains

REAL = st.floats(-3, 3)
POSITIVE = st.floats(0.3, 3)
NONZERO = POSITIVE | POSITIVE.map(lambda x: -x)
GRID = st.integers(-8, 8).map(lambda k: k / 4)
OFF_GRID = st.integers(-8, 8).map(lambda k: (k + 0.5) / 4)  # never equal to a GRID number, nor near one
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
FULL = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=3)


@st.composite
def array(draw, shape, elements=REAL, dtype=np.float64):
    """Read-only, in one of the layouts in which memory comes."""
    a = draw(hnp.arrays(dtype, shape, elements=elements, fill=st.nothing()))
    layout = draw(st.sampled_from(["C", "F", "strided", "reversed"]))
    if layout == "F":
        a = a.copy(order="F")
    elif layout != "C" and a.ndim:
        room = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), dtype)
        view = room[..., ::2] if layout == "strided" else room[..., ::-2]
        view[...] = a
        a = view
    a.flags.writeable = False
    return a


@st.composite
def one(draw, elements=REAL, shapes=SHAPES, settings=lambda shape: st.just([])):
    shape = draw(shapes)
    return [draw(array(shape, elements))], draw(settings(shape))


def together(count):
    """Shapes that broadcast."""
    shapes = hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=3, min_side=0, max_side=3)
    return shapes.map(lambda s: s.input_shapes)


@st.composite
def several(draw, *elements, shapes=None):
    """Arrays that broadcast together."""
    if shapes is None:
        shapes = together(len(elements))
    return [draw(array(shape, e)) for shape, e in zip(draw(shapes), elements, strict=True)], []


@st.composite
def distinct(draw, shapes=FULL, settings=lambda shape: st.just([])):
    """No two elements closer than 0.3."""
    shape = draw(shapes)
    order = draw(st.permutations(range(int(np.prod(shape)))))
    return [0.3 * (np.reshape(order, shape) - len(order) / 2)], draw(settings(shape))


def a_dim(shape):
    return st.integers(-len(shape), len(shape) - 1)


def some_dims(shape):
    return st.lists(st.integers(0, len(shape) - 1), unique=True, min_size=1).map(tuple)


def dims(shape):
    """None, one dimension or several, and keepdim."""
    some = [a_dim(shape), some_dims(shape)] if shape else []
    return st.tuples(st.one_of(st.none(), *some), st.booleans()).map(list)


def one_dim(shape):
    return st.tuples(a_dim(shape), st.booleans()).map(list)


def as_tuple(x, dim):
    """PyTorch's amax and logsumexp have no None."""
    return tuple(range(x.ndim)) if dim is None else dim


# -------------------------------------------------------------------------------------------------- arithmetic

PAIRS = several(REAL, REAL)
for name, y in [("add", REAL), ("subtract", REAL), ("multiply", REAL), ("divide", NONZERO)]:
    case(name, lambda m, x, y, f=name: getattr(m, f)(x, y), several(REAL, y))
case("add:operator", lambda m, x, y: x + y, PAIRS)
case("add:numbers", lambda m, x: 2 + (x + 0.5), one())
case("subtract:operator", lambda m, x, y: x - y, PAIRS)
case("subtract:numbers", lambda m, x: 2 - (x - 0.5), one())
case("multiply:operator", lambda m, x, y: x * y, PAIRS)
case("multiply:numbers", lambda m, x: 2 * (x * -0.5), one())
case("multiply:itself", lambda m, x: x * x, one())
case("divide:operator", lambda m, x, y: x / y, several(REAL, NONZERO))
case("divide:numbers", lambda m, x: 2 / (x / -0.5), one(NONZERO))
case("negative", lambda m, x: m.negative(x), one())
case("negative:operator", lambda m, x: -x, one())
# PyTorch's rule leaves out what the derivative by an exponent of 0 changes with it.
case("power", lambda m, x, y: m.power(x, y), several(POSITIVE, NONZERO), lambda m, x, y: m.pow(x, y))
case("power:operator", lambda m, x, y: x**y, several(POSITIVE, NONZERO))
case(
    "power:array",
    lambda m, x, y: x**y,
    one(shapes=FULL, settings=lambda s: st.tuples(array(s, st.sampled_from([2.0, 3.0])))),
)
for n in (0, 1, 2, 3):
    case(f"power:{n}", lambda m, x, n=n: x**n, one())
for n in (-1, -2.5, 0.5, 1.0):
    case(f"power:{n}", lambda m, x, n=n: x**n, one(POSITIVE))
case("power:of a number", lambda m, y: 2.5**y, one())

PRODUCTS = [
    "k,k",
    "k,km",
    "nk,k",
    "nk,km",
    "ank,akm",
    "ank,km",
    "nk,akm",
    "1nk,akm",
    "a1nk,bkm",
    "abnk,abkm",
    "k,akm",
    "ank,k",
]


@st.composite
def products(draw):
    """The shapes of two arrays that matmul takes."""
    length = {"1": 1, **{letter: draw(st.integers(0, 3)) for letter in "nkmab"}}
    return [tuple(length[letter] for letter in factor) for factor in draw(st.sampled_from(PRODUCTS)).split(",")]


MATRICES = several(REAL, REAL, shapes=products())
case("matmul", lambda m, x, y: m.matmul(x, y), MATRICES)
case("matmul:operator", lambda m, x, y: x @ y, MATRICES)
ROWS = hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3).map(lambda s: (*s, 2))
case(
    "linear",
    lambda m, x, w: m.linear(x, w),
    several(REAL, REAL, shapes=ROWS.map(lambda s: [s, (3, 2)])),
    lambda m, x, w: m.nn.functional.linear(x, w),
)
case(
    "linear:bias",
    lambda m, x, w, b: m.linear(x, w, bias=b),
    several(REAL, REAL, REAL, shapes=ROWS.map(lambda s: [s, (3, 2), (3,)])),
    lambda m, x, w, b: m.nn.functional.linear(x, w, bias=b),
)

TIES = several(GRID, GRID)
for name, theirs in {
    "equal": "eq",
    "not_equal": "ne",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
}.items():
    case(
        name,
        lambda m, x, y, f=name: getattr(m, f)(x, y),
        TIES,
        lambda m, x, y, f=theirs: getattr(m, f)(x, y),
        smooth=False,
    )
case("equal:operators", lambda m, x, y: (x == y, x == 0.25, x != y, x != 0.25), TIES, smooth=False)
case("less:operators", lambda m, x, y: (x < y, x <= y, x > y, x >= y), TIES, smooth=False)
case("less:numbers", lambda m, x: (x < 1, 1 < x, x >= 0.25, 0.25 >= x), one(GRID), smooth=False)  # noqa: SIM300
case("logical_and", lambda m, x, y: m.logical_and(x > 0, y > 0), TIES, smooth=False)
case("logical_or", lambda m, x, y: m.logical_or(x > 0, y > 0), TIES, smooth=False)
case("logical_not", lambda m, x: m.logical_not(x > 0), one(GRID), smooth=False)
case("logical_not:operators", lambda m, x, y: (~(x > 0) & (y > 0), (x < 0) | ~(y < 1)), TIES, smooth=False)

# -------------------------------------------------------------------------------------------------- elementary

case("exp", lambda m, x: m.exp(x), one())
case("log", lambda m, x: m.log(x), one(POSITIVE))
case("sqrt", lambda m, x: m.sqrt(x), one(POSITIVE))
case("abs", lambda m, x: m.abs(x), one(NONZERO))
case("abs:operator", lambda m, x: abs(x), one(NONZERO))
case("sign", lambda m, x: m.sign(x), one(GRID), smooth=False)
case("maximum", lambda m, x, y: m.maximum(x, y), several(GRID, OFF_GRID))
case("minimum", lambda m, x, y: m.minimum(x, y), several(GRID, OFF_GRID))
case("maximum:method", lambda m, x, y: x.maximum(y), several(GRID, OFF_GRID))
case(
    "minimum:number", lambda m, x: m.minimum(x, 0.3), one(GRID), lambda m, x: m.minimum(x, m.tensor(0.3, dtype=x.dtype))
)


@st.composite
def choices(draw):
    """x, y and a condition."""
    *shapes, shape = draw(together(3))
    return [draw(array(s)) for s in shapes], [draw(array(shape, st.booleans(), np.bool_))]


case("where", lambda m, x, y, c: m.where(c, x, y), choices())
case("where:method", lambda m, x, y, c: x.where(c, y), choices())
case(
    "where:number",
    lambda m, x, c: m.where(c, x, 1.5),
    one(shapes=FULL, settings=lambda s: st.tuples(array(s, st.booleans(), np.bool_))),
)
case("clip", lambda m, x: m.clip(x, -0.3, 0.8), one(GRID))
case("clip:min", lambda m, x: x.clip(min=-0.3), one(GRID))
case("clip:max", lambda m, x: x.clamp(max=0.3), one(GRID))
LOW_AND_HIGH = [st.sampled_from([-1.1, -0.6]), st.sampled_from([0.6, 1.1])]
# Of one shape: PyTorch's rule fails where both bounds broadcast.
BOUNDS = several(GRID, *LOW_AND_HIGH, shapes=SHAPES.map(lambda s: [s, s, s]))
case("clip:tensors", lambda m, x, low, high: m.clip(x, low, high), BOUNDS)
case("clip:tensor min", lambda m, x, low: m.clip(x, min=low), several(GRID, OFF_GRID))
case("clip:tensor max", lambda m, x, high: m.clip(x, max=high), several(GRID, OFF_GRID))
case("clone", lambda m, x: m.clone(x), one())
case("astype", lambda m, x: m.astype(x, dtype="float64"), one(), lambda m, x: x.double())
case("astype:to", lambda m, x: x.to("float64") * x.double(), one(), lambda m, x: x.double() * x.double())

# ------------------------------------------------------------------------------------------------- activations

for name in ("sigmoid", "tanh", "relu"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), one(NONZERO))
for name in ("softplus", "logsigmoid", "leaky_relu"):
    case(
        name,
        lambda m, x, f=name: getattr(m, f)(x),
        one(NONZERO),
        lambda m, x, f=name: getattr(m.nn.functional, f)(x),
    )
case("leaky_relu:slope", lambda m, x: x.leaky_relu(0.2), one(NONZERO), lambda m, x: m.nn.functional.leaky_relu(x, 0.2))
for pieces in (1, 2, 3):
    case(
        f"maxout:{pieces}" if pieces != 2 else "maxout",
        lambda m, x, p=pieces: m.maxout(x, p),
        distinct(FULL.map(lambda s, p=pieces: (*s[:-1], s[-1] * p))),
        lambda m, x, p=pieces: x.reshape(*x.shape[:-1], x.shape[-1] // p, p).max(-1).values,
    )

# -------------------------------------------------------------------------------------------------- reductions

for name, inputs in {
    "sum": one(settings=dims),
    "mean": one(shapes=FULL, settings=dims),
    "amax": distinct(settings=dims),
    "amin": distinct(settings=dims),
    "logsumexp": one(shapes=FULL, settings=dims),
}.items():
    theirs = lambda m, x, dim, keep, f=name: getattr(m, f)(x, as_tuple(x, dim), keep)
    case(name, lambda m, x, dim, keep, f=name: getattr(m, f)(x, dim, keep), inputs, theirs)
    case(f"{name}:method", lambda m, x, dim, keep, f=name: getattr(x, f)(dim=dim, keepdim=keep), inputs, theirs)
    case(f"{name}:axis", lambda m, x, dim, keep, f=name: getattr(x, f)(axis=dim, keepdims=keep), inputs, theirs)
    case(f"{name}:0-d", lambda m, x, f=name: getattr(x, f)(), one(shapes=st.just(())), lambda m, x: x * 1)
WIDE = hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=3)
for name in ("var", "std"):
    inputs = distinct(WIDE, dims)
    case(name, lambda m, x, dim, keep, f=name: getattr(m, f)(x, dim, keepdim=keep), inputs)
    for option in ({"correction": 0}, {"correction": 0.5}, {"unbiased": False}, {"unbiased": True}):
        case(
            f"{name}:{option}",
            lambda m, x, dim, keep, f=name, o=option: getattr(x, f)(axis=dim, keepdims=keep, **o),
            inputs,
            lambda m, x, dim, keep, f=name, o=option: getattr(x, f)(dim=dim, keepdim=keep, **o),
        )
for name in ("max", "min"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), distinct())
    for axis in ("dim", "axis"):
        case(
            f"{name}:{axis}",
            lambda m, x, dim, keep, f=name, a=axis: getattr(x, f)(**{a: dim, f"keep{a}".replace("axis", "dims"): keep}),
            distinct(settings=one_dim),
            lambda m, x, dim, keep, f=name: getattr(x, f)(dim, keep),
        )
for name in ("argmax", "argmin"):
    case(name, lambda m, x, f=name: getattr(m, f)(x), distinct(), smooth=False)
    case(f"{name}:dim", lambda m, x, d, k, f=name: getattr(x, f)(d, k), distinct(settings=one_dim), smooth=False)
for name in ("softmax", "log_softmax"):
    inputs = one(shapes=FULL, settings=lambda s: st.tuples(a_dim(s)))
    case(name, lambda m, x, dim, f=name: getattr(m, f)(x, dim), inputs)
    case(
        f"{name}:axis",
        lambda m, x, dim, f=name: getattr(x, f)(axis=dim),
        inputs,
        lambda m, x, dim, f=name: getattr(m, f)(x, dim),
    )

# ------------------------------------------------------------------------------------------------------- shape


@st.composite
def parts(draw, joined):
    """Arrays for cat (any length along dim) or stack (one shape), and dim."""
    shape = list(
        draw(SHAPES if joined == "stack" else hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=3))
    )
    dim = draw(st.integers(-len(shape) - (joined == "stack"), len(shape) - (joined == "cat")))
    dim = min(dim, len(shape) - (joined == "cat"))
    arrays = []
    for _ in range(draw(st.integers(1, 3))):
        if joined == "cat":
            shape[dim] = draw(st.integers(0, 2))
        arrays.append(draw(array(tuple(shape))))
    return arrays, [dim]


for name in ("cat", "stack"):
    case(name, lambda m, *args, f=name: getattr(m, f)(args[:-1], args[-1]), parts(name))


@st.composite
def new_shape(draw, shape):
    """A shape of as many elements, perhaps with a -1."""
    out = list(draw(st.permutations(shape))) + [1] * draw(st.integers(0, 1))
    if out and 0 not in out and draw(st.booleans()):
        out[draw(st.integers(0, len(out) - 1))] = -1
    return [tuple(out)]


case("reshape", lambda m, x, s: m.reshape(x, s), one(settings=new_shape))
case("reshape:method", lambda m, x, s: x.reshape(*s) if s else x.reshape(s), one(settings=new_shape))
case(
    "reshape:view",
    lambda m, x, s: x.contiguous().view(s) if hasattr(x, "contiguous") else x.view(s),
    one(settings=new_shape),
)


def orders(shape):
    return st.tuples(st.permutations(range(len(shape))).map(tuple))


case("permute", lambda m, x, p: m.permute(x, p), one(settings=orders))
case("permute:method", lambda m, x, p: x.permute(*p) if p else x.permute(p), one(settings=orders))
case("permute:cycle", lambda m, x: x.permute(2, 0, -2), one(shapes=st.just((1, 2, 3))))  # not its own inverse
TWO_DIMS = one(shapes=FULL, settings=lambda s: st.tuples(a_dim(s), a_dim(s)))
case("transpose", lambda m, x, i, j: m.transpose(x, i, j), TWO_DIMS)
case("transpose:T", lambda m, x: x.T, one(shapes=hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=3)))
case("transpose:mT", lambda m, x: x.mT, one(shapes=hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=2)))
case(
    "unsqueeze", lambda m, x, d: m.unsqueeze(x, d), one(settings=lambda s: st.tuples(st.integers(-len(s) - 1, len(s))))
)
SLIM = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=2)
case("squeeze", lambda m, x: m.squeeze(x), one(shapes=SLIM))
case("squeeze:dim", lambda m, x, d: x.squeeze(d), one(shapes=SLIM, settings=lambda s: st.tuples(a_dim(s))))
case(
    "squeeze:dims",
    lambda m, x, d: x.squeeze(d),
    one(shapes=SLIM, settings=lambda s: st.tuples(some_dims(s))),
)
case("flatten", lambda m, x: m.flatten(x), one())
case(
    "flatten:dims",
    lambda m, x: x.flatten(1, -2),
    one(shapes=hnp.array_shapes(min_dims=3, max_dims=4, min_side=0, max_side=2)),
)


@st.composite
def wider(draw, shape):
    out = [draw(st.sampled_from([-1, n])) if n != 1 else draw(st.sampled_from([-1, 1, 3, 0])) for n in shape]
    return [tuple(draw(st.lists(st.integers(0, 2), max_size=2)) + out)]


case("expand", lambda m, x, s: m.expand(x, s), one(settings=wider), lambda m, x, s: x.expand(s))
case("expand:method", lambda m, x, s: x.expand(*s) if s else x.expand(s), one(settings=wider))


@st.composite
def piece(draw, shape):
    dim = draw(a_dim(shape))
    start = draw(st.integers(0, shape[dim]))
    return [dim, start, draw(st.integers(0, shape[dim] - start))]


@st.composite
def sizes(draw, shape):
    dim = draw(a_dim(shape))
    cut = draw(st.integers(0, shape[dim]))
    return [draw(st.sampled_from([1, 2, [cut, shape[dim] - cut]])), dim]


LONG = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)
case("narrow", lambda m, x, d, s, n: m.narrow(x, d, s, n), one(shapes=LONG, settings=piece))
case("split", lambda m, x, n, d: m.split(x, n, d), one(shapes=LONG, settings=sizes))


@st.composite
def basic(draw, shape):
    """Numbers, forward slices, None and ... ."""
    index = []
    for n in shape[: draw(st.integers(0, len(shape)))]:
        slices = st.builds(slice, st.none() | st.integers(-n, n), st.none() | st.integers(-n, n), st.integers(1, 2))
        index.append(draw(slices | st.integers(-n, n - 1) if n else slices))
    at = draw(st.integers(0, len(index)))
    extra = draw(st.sampled_from([[], [None], [...]])) if at == len(index) else draw(st.sampled_from([[], [None]]))
    return [tuple(index[:at] + extra + index[at:])]


def integers(shape, *numbers):
    """Integer arrays, with repeats, that index dimensions ``numbers``."""
    each = [
        array(s, st.integers(-shape[i], shape[i] - 1), np.int64) for i, s in zip(numbers, [(2, 3), (3,)], strict=False)
    ]
    return st.tuples(*each)


CUBE = st.just((2, 3, 2))
case("getitem", lambda m, x, i: m.getitem(x, i), one(settings=basic), lambda m, x, i: x[i])
case("getitem:operator", lambda m, x, i: x[i], one(settings=basic))
case("getitem:backwards", lambda m, x: x[::-2], one(shapes=FULL), lambda m, x: x.flip(0)[::2])
case("getitem:integers", lambda m, x, i: x[i], one(shapes=FULL, settings=lambda s: integers(s, 0)))
case("getitem:list", lambda m, x: x[[1, 0, 1]], one(shapes=CUBE))
case("getitem:pairs", lambda m, x, i, j: x[i, j], one(shapes=CUBE, settings=lambda s: integers(s, 0, 1)))
case("getitem:later", lambda m, x, i: x[:, i], one(shapes=CUBE, settings=lambda s: integers(s, 1)))
case("getitem:apart", lambda m, x, i, j: x[i, :, j], one(shapes=CUBE, settings=lambda s: integers(s, 0, 2)))
case("getitem:mixed", lambda m, x, i: x[..., i, 1:], one(shapes=CUBE, settings=lambda s: integers(s, 1)))
case(
    "getitem:Tensor",
    lambda m, x, i: x[Tensor(i) if m is ops else i],
    one(shapes=FULL, settings=lambda s: integers(s, 0)),
)
case("getitem:mask", lambda m, x: x[x > 0], one(NONZERO))
case(
    "getitem:rows",
    lambda m, x, c: x[c, 1:],
    one(shapes=CUBE, settings=lambda s: st.tuples(array(s[:1], st.booleans(), np.bool_))),
)


@st.composite
def along(draw, shape):
    dim = draw(a_dim(shape))
    chosen = list(shape)
    chosen[dim] = draw(st.integers(0, 3))
    return [draw(array(tuple(chosen), st.integers(0, shape[dim] - 1), np.int64)), dim]


case("take_along_dim", lambda m, x, i, d: m.take_along_dim(x, i, d), one(shapes=FULL, settings=along))

# ------------------------------------------------------------------------------------------------------- tests


def listed(outs):
    return list(outs) if isinstance(outs, (tuple, list)) else [outs]


def tensor(a, requires_grad=True):
    """A Tensor around ``a`` itself, layout and write protection and all."""
    t = Tensor(a, requires_grad=requires_grad)
    t.data = a
    return t


def for_torch(torch, setting):
    if isinstance(setting, tuple):
        return tuple(for_torch(torch, s) for s in setting)
    return torch.tensor(setting.copy()) if isinstance(setting, np.ndarray) else setting


def both(case, drawn, torch, dtype=np.float64, requires_grad=True):
    """(our inputs, our outputs, PyTorch's inputs, its outputs)."""
    arrays, options = drawn
    arrays = [a.astype(dtype, copy=a.dtype != dtype) for a in arrays]
    xs = [tensor(a, requires_grad) for a in arrays]
    ts = [torch.tensor(a.copy(), requires_grad=requires_grad) for a in arrays]
    wanted = listed(case.theirs(torch, *ts, *(for_torch(torch, o) for o in options)))
    return xs, listed(case.ours(ops, *xs, *options)), ts, wanted


def same(ours, theirs, **tolerance):
    for a, b in zip(ours, theirs, strict=True):
        b = b.numpy(force=True)
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a.detach().numpy(), b, **tolerance)


def weights(like, seed):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(t.shape).astype(t.dtype) for t in like]


def second(grad, firsts, w, wrt):
    """Gradients of the gradients. A constant one may have a history or none: both are right."""
    pairs = [(g, a) for g, a in zip(firsts, w, strict=True) if g.requires_grad]
    return grad([g for g, _ in pairs], wrt, [a for _, a in pairs], allow_unused=True) if pairs else [None] * len(wrt)


def tracked(ts):
    return [t for t in ts if t.requires_grad]


def by_name(smooth_only=False):
    cases = [c for c in TABLE if c.smooth or not smooth_only]
    return pytest.mark.parametrize("case", cases, ids=[c.name for c in cases])


SMOOTH = by_name(smooth_only=True)
SEEDS = st.integers(0, 999)


def test_every_op_is_in_the_table():
    assert {c.name.partition(":")[0] for c in TABLE} == set(ops.__all__)


def test_no_line_of_the_table_hides_another():
    assert len({c.name for c in TABLE}) == len(TABLE)


@by_name()
@FEW
@given(data=st.data())
def test_value(case, data, torch):
    drawn = data.draw(case.inputs)
    _, out, _, wanted = both(case, drawn, torch)
    same(out, wanted, rtol=1e-12, atol=1e-13)
    _, again, _, _ = both(case, drawn, torch)
    for a, b in zip(out, again, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    if ":" not in case.name:  # bare arrays in, bare arrays out
        for a, b in zip(out, listed(case.ours(ops, *drawn[0], *drawn[1])), strict=True):
            assert isinstance(b, (np.ndarray, np.generic))
            np.testing.assert_allclose(a.data, b, rtol=1e-14)  # NumPy rounds x ** y otherwise for arrays without dims


@by_name()
@FEW
@given(data=st.data())
def test_float32_stays_float32(case, data, torch):
    if case.name.startswith("astype"):
        pytest.skip("it is there to change the dtype")
    xs, out, ts, wanted = both(case, data.draw(case.inputs), torch, np.float32)
    same(out, wanted, rtol=2e-5, atol=2e-5)
    if case.smooth:
        v = weights(tracked(out), 0)
        ours = gradients(tracked(out), xs, v)
        assert [g.dtype for g in ours] == [np.float32] * len(xs)
        theirs = torch.autograd.grad(tracked(wanted), ts, [torch.tensor(a) for a in v])
        same(ours, theirs, rtol=2e-4, atol=2e-4)


@SMOOTH
@FEW
@given(data=st.data(), seed=SEEDS)
def test_both_derivatives_are_pytorchs(case, data, seed, torch):
    xs, out, ts, wanted = both(case, data.draw(case.inputs), torch)
    out, wanted = tracked(out), tracked(wanted)
    v = weights(out, seed)
    vs = [tensor(a) for a in v]
    vt = [torch.tensor(a, requires_grad=True) for a in v]
    ours = gradients(out, xs, vs, create_graph=True)
    theirs = torch.autograd.grad(wanted, ts, vt, create_graph=True)
    same(ours, theirs, rtol=1e-11, atol=1e-11)

    w = weights(ours, seed + 1)
    ours2 = second(gradients, ours, w, xs + vs)
    theirs2 = second(torch.autograd.grad, theirs, [torch.tensor(a) for a in w], ts + vt)
    for a, b, x in zip(ours2, theirs2, xs + vs, strict=True):
        a = np.zeros(x.shape) if a is None else a.data
        b = np.zeros(x.shape) if b is None else b.numpy(force=True)
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


@SMOOTH
@FEW
@given(data=st.data())
def test_both_derivatives_are_those_of_differences(case, data):
    arrays, options = data.draw(case.inputs)

    def function(*xs):
        return tuple(t for t in listed(case.ours(ops, *xs, *options)) if t.requires_grad)

    xs = [tensor(a) for a in arrays]
    gradcheck(function, xs)
    gradgradcheck(function, xs)


@by_name()
@FEW
@given(data=st.data())
def test_no_history_where_none_is_needed(case, data, torch):
    _, out, _, _ = both(case, data.draw(case.inputs), torch, requires_grad=False)
    assert all(t.is_leaf and not t.requires_grad for t in out)
    if not case.smooth:
        _, out, _, _ = both(case, data.draw(case.inputs), torch)
        assert all(t.is_leaf and not t.requires_grad for t in out)


@pytest.mark.parametrize("name", [n for n in ops.__all__ if n not in {"cat", "stack", "where", "linear"}])
def test_methods_are_the_functions(name):
    assert getattr(Tensor, name) is getattr(ops, name)


@pytest.mark.parametrize(
    ("short", "name"),
    [
        ("sub", "subtract"),
        ("mul", "multiply"),
        ("div", "divide"),
        ("neg", "negative"),
        ("pow", "power"),
        ("clamp", "clip"),
        ("view", "reshape"),
    ],
)
def test_pytorchs_shorter_names(short, name):
    assert getattr(Tensor, short) is getattr(ops, name)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow", "matmul", "eq", "ne", "lt", "le", "gt", "ge"])
@pytest.mark.parametrize("shape", [(3,), ()])
def test_an_array_or_a_numpy_scalar_on_either_side(name, shape):
    """``array * Tensor`` is one op, not a loop over the elements."""
    if name == "matmul" and not shape:
        pytest.skip("takes no scalar")
    f, a, b = getattr(operator, name), np.full(shape, 2.0)[()], np.array([1.0, 2.0, 3.0])
    for left, right, wanted in (
        (Tensor(a), b, f(a, b)),
        (a, Tensor(b), f(a, b)),
        (Tensor(b), a, f(b, a)),
        (b, Tensor(a), f(b, a)),
    ):
        out = f(left, right)
        assert type(out) is Tensor
        np.testing.assert_array_equal(out.data, wanted)
