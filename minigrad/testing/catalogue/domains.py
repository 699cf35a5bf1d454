"""Where the inputs of a case come from: strategies of arrays of every shape and layout, and never near a kink.

An ``inputs`` strategy draws ``([arrays], [settings])``.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

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
