"""Cases of minigrad/nn/functional but its losses: normalisation, distances, dropout, tables, images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ...nn import functional as F
from ...random import Generator
from .case import Case, collect
from .domains import FULL, NONZERO, POSITIVE, REAL, a_dim, array, distinct, one, several

CASES: list[Case] = []
case = collect(CASES)


@st.composite
def normalized(draw, n=1, shape=None, channels=False):
    """x without ties, weight and bias; running mean and variance."""
    each = st.integers(2, 3)
    shape = draw(shape) if shape is not None else (draw(each), draw(each), *(draw(each) for _ in range(n)))
    [x], _ = draw(distinct(st.just(shape)))
    affine = shape[1:2] if channels else shape[1:]
    running = [draw(array(shape[1:2])), draw(array(shape[1:2], POSITIVE))]
    return [x, draw(array(affine)), draw(array(affine))], running


def like(x, a):
    """``a`` in the dtype of x, in either library."""
    return a.astype(x.dtype) if hasattr(a, "astype") else a.to(x.dtype)


for n in (0, 1, 2):
    more = f":{n} dimensions" if n else ""
    case(
        f"batch_norm{more}",
        lambda m, x, w, b, *_: F.batch_norm(x, None, None, w, b, training=True),
        normalized(n, channels=True),
        lambda m, x, w, b, *_: m.nn.functional.batch_norm(x, None, None, w, b, training=True),
    )
    case(
        f"batch_norm:in use{more}",
        lambda m, x, w, b, mean, var: F.batch_norm(x, like(x, mean), like(x, var), w, b, eps=0.1),
        normalized(n, channels=True),
        lambda m, x, w, b, mean, var: m.nn.functional.batch_norm(x, like(x, mean), like(x, var), w, b, eps=0.1),
    )
case(
    "instance_norm",
    lambda m, x, w, b, *_: F.instance_norm(x, weight=w, bias=b),
    normalized(channels=True),
    lambda m, x, w, b, *_: m.nn.functional.instance_norm(x, weight=w, bias=b),
)
case(
    "instance_norm:in use",
    lambda m, x, w, b, mean, var: F.instance_norm(x, like(x, mean), like(x, var), w, b, use_input_stats=False),
    normalized(2, channels=True),
    lambda m, x, w, b, mean, var: m.nn.functional.instance_norm(
        x, like(x, mean), like(x, var), w, b, use_input_stats=False
    ),
)
case(
    "layer_norm",
    lambda m, x, w, b, *_: F.layer_norm(x, x.shape[1:], w, b),
    normalized(),
    lambda m, x, w, b, *_: m.nn.functional.layer_norm(x, x.shape[1:], w, b),
)
case(
    "layer_norm:last",
    lambda m, x, *_: F.layer_norm(x, [x.shape[-1]], eps=0.1),
    distinct().map(lambda drawn: drawn),
    lambda m, x, *_: m.nn.functional.layer_norm(x, [x.shape[-1]], eps=0.1),
)
case(
    "rms_norm",
    lambda m, x, w, *_: F.rms_norm(x, x.shape[1:], w, 1e-3),
    several(NONZERO, REAL, shapes=st.sampled_from([[(2, 3), (3,)], [(2, 3, 2), (3, 2)], [(1, 1), (1,)]])),
    lambda m, x, w, *_: m.nn.functional.rms_norm(x, x.shape[1:], w, 1e-3),
)
case(
    "rms_norm:without eps",
    lambda m, x: F.rms_norm(x, (x.shape[-1],)),
    one(NONZERO, FULL),
    lambda m, x: m.nn.functional.rms_norm(x, (x.shape[-1],)),
)
for groups in (1, 2):
    case(
        "group_norm" if groups == 2 else "group_norm:one",
        lambda m, x, w, b, *_, g=groups: F.group_norm(x, g, w, b),
        normalized(shape=st.sampled_from([(2, 4), (1, 4, 3), (2, 2, 2, 2)]), channels=True),
        lambda m, x, w, b, *_, g=groups: m.nn.functional.group_norm(x, g, w, b),
    )
for size in (1, 2, 3):
    case(
        "local_response_norm" if size == 2 else f"local_response_norm:{size}",
        lambda m, x, s=size: F.local_response_norm(x, s, 0.5, 0.75, 2.0),
        one(shapes=st.sampled_from([(1, 1, 2), (2, 3, 2), (1, 4, 2, 2)])),
        lambda m, x, s=size: m.nn.functional.local_response_norm(x, s, 0.5, 0.75, 2.0),
    )

for p in (1, 2, 3, math.inf):
    vectors = distinct(settings=lambda s: st.tuples(a_dim(s))).map(lambda drawn: ([drawn[0][0] + 20], drawn[1]))
    case(
        "normalize" if p == 2 else f"normalize:{p}",
        lambda m, x, d, p=p: F.normalize(x, p, d),
        vectors,
        lambda m, x, d, p=p: m.nn.functional.normalize(x, p, d),
    )
    case(
        "pairwise_distance" if p == 2 else f"pairwise_distance:{p}",
        lambda m, x, y, p=p: F.pairwise_distance(x, y, p, keepdim=p == 3),
        several(POSITIVE, st.floats(-9, -4), shapes=st.sampled_from([[(3,), (3,)], [(2, 3), (2, 3)], [(2, 1), (2, 1)]]))
        if p != math.inf
        else distinct(st.sampled_from([(2, 3), (3,)])).map(lambda d: ([d[0][0], np.full(d[0][0].shape, -9.0)], [])),
        lambda m, x, y, p=p: m.nn.functional.pairwise_distance(x, y, p, keepdim=p == 3),
    )
case(
    "cosine_similarity",
    lambda m, x, y: F.cosine_similarity(x, y),
    several(NONZERO, NONZERO, shapes=st.sampled_from([[(2, 3), (2, 3)], [(2, 3, 2), (1, 3, 2)], [(2, 3), (1, 1)]])),
    lambda m, x, y: m.nn.functional.cosine_similarity(x, y),
)
case(
    "cosine_similarity:dim",
    lambda m, x, y: F.cosine_similarity(x, y, dim=-1),
    several(NONZERO, NONZERO, shapes=st.sampled_from([[(3,), (3,)], [(2, 3), (3,)]])),
    lambda m, x, y: m.nn.functional.cosine_similarity(x, y, dim=-1),
)
case(
    "bilinear",
    lambda m, x, y, w, b: F.bilinear(x, y, w, b),
    several(
        *[REAL] * 4,
        shapes=st.sampled_from([(), (2,), (2, 3)]).map(lambda s: [(*s, 3), (*s, 2), (4, 3, 2), (4,)]),
    ),
    lambda m, x, y, w, b: m.nn.functional.bilinear(x, y, w, b),
)

for p in (0.25, 1.0):
    case(
        "masked_dropout" if p < 1 else "masked_dropout:all",
        lambda m, x, mask, p=p: F.masked_dropout(x, mask, p),
        one(settings=lambda s: st.tuples(array(s, st.booleans(), np.bool_))),
        lambda m, x, mask, p=p: x * mask / (1 - p) if p < 1 else x * 0,
    )


def coins(m, x, p, kept):
    """The mask that ``Generator(0)`` draws for PyTorch's x: one coin for each of its first ``kept`` dimensions."""
    shape = (*x.shape[:kept], *[1] * (x.ndim - kept))
    return m.from_numpy(Generator(0).bernoulli(1 - p, shape)).to(x.dtype)


CHANNELS = {F.dropout1d: [(2, 3), (2, 2, 3)], F.dropout2d: [(2, 2, 3), (2, 3, 2, 2)]}
case(
    "dropout",
    lambda m, x: F.dropout(x, 0.25, generator=Generator(0)),
    one(),
    lambda m, x: x * coins(m, x, 0.25, x.ndim) / 0.75,
)
for function, shapes in CHANNELS.items():
    case(
        function.__name__,
        lambda m, x, f=function: f(x, generator=Generator(0)),
        one(shapes=st.sampled_from(shapes)),
        lambda m, x: x * coins(m, x, 0.5, min(2, x.ndim - 1)) / 0.5,
    )


def alpha_dropped(m, x, p, kept):
    """By PyTorch's ops, from the definition: s = selu(-inf) for what is dropped, then variance 1 and mean 0."""
    mask, s = coins(m, x, p, kept), -1.0507009873554805 * 1.6732632423543772
    return (x * mask + s * (1 - mask) - s * p) / ((1 + s * s * p) * (1 - p)) ** 0.5


case(
    "alpha_dropout",
    lambda m, x: F.alpha_dropout(x, 0.25, True, generator=Generator(0)),
    one(),
    lambda m, x: alpha_dropped(m, x, 0.25, x.ndim),
)
case(
    "feature_alpha_dropout",
    lambda m, x: F.feature_alpha_dropout(x, 0.25, True, generator=Generator(0)),
    one(shapes=st.sampled_from([(2, 3), (2, 3, 2)])),
    lambda m, x: alpha_dropped(m, x, 0.25, 2),
)
NUMBERS = lambda s: st.tuples(array((2, 3), st.integers(0, s[0] - 1), np.int64).map(np.array))
TABLES = one(shapes=st.tuples(st.integers(1, 3), st.integers(0, 2)), settings=NUMBERS)
case("embedding", lambda m, w, i: F.embedding(i, w), TABLES, lambda m, w, i: m.nn.functional.embedding(i, w))

IMAGES = st.sampled_from([(1, 1, 3), (2, 2, 2), (1, 2, 2, 3), (2, 1, 3, 1)])
RESIZED: list[tuple[Any, Any, Any]] = [("", None, 2), (":size", 5, None), (":larger", None, 1.5)]
for spelling, size, scale in RESIZED:
    case(
        f"interpolate{spelling}",
        lambda m, x, s=size, f=scale: F.interpolate(x, s, f),
        one(shapes=IMAGES),
        lambda m, x, s=size, f=scale: m.nn.functional.interpolate(x, s, f),
    )
case(
    "interpolate:smaller",
    lambda m, x: F.interpolate(x, scale_factor=(0.7, 0.4)),
    one(shapes=st.sampled_from([(1, 1, 3, 3), (2, 2, 4, 3)])),
    lambda m, x: m.nn.functional.interpolate(x, scale_factor=(0.7, 0.4)),
)
for name, shapes in {
    "pixel_shuffle": [(4, 1, 2), (1, 8, 2, 1), (2, 3, 4, 2, 2)],
    "pixel_unshuffle": [(1, 2, 4), (1, 2, 4, 2), (2, 3, 1, 4, 4)],
}.items():
    case(
        name,
        lambda m, x, f=name: getattr(F, f)(x, 2),
        one(shapes=st.sampled_from(shapes)),
        lambda m, x, f=name: getattr(m.nn.functional, f)(x, 2),
    )
