"""Planted bugs are found, and the guess names them."""

import numpy as np
import pytest
from hypothesis import strategies as st

import minigrad as mg
from minigrad import Tensor, derivatives, op
from minigrad.testing import OpError, check_op
from minigrad.testing.diagnosis import GUESSES, diagnosis
from minigrad.testing.engines import MINIGRAD, Engine
from minigrad.testing.measure import Point
from minigrad.testing.properties import Finding
from minigrad.testing.strategies import arrays, broadcastable, shapes

ANY = [arrays(shapes(max_dims=2))]
MATRICES = [arrays(shapes(2, 2, 1))]
POSITIVE = broadcastable(2, st.floats(0.3, 3), max_dims=2)
PAIRS = broadcastable(2, max_dims=2)


def square(x):
    return x * x


def product(x, y):
    return x * y


def total(x):
    return x.sum()


def average(x):
    return x.mean()


def turned(x):
    return x.T * 1.0


def quarter(x):
    return np.tanh(x)


def bare(x):
    return getattr(x, "data", x) if isinstance(x, Tensor) else x


SAVED = {}


def saved_square(x):
    SAVED["x"] = x
    return x * x


def buffered_exp(x):
    room = SAVED.setdefault(np.shape(x), np.zeros(np.shape(x)))
    room[...] = np.exp(np.clip(x, -9, 9))
    return room


def in_place(x):
    x *= 2
    return x + 0


def halves(x):
    return x.astype(np.float64) * 2


PLANTED = {
    "the wrong sign": (square, [lambda g, out, x: -2 * g * x], ANY),
    "a missing factor": (square, [lambda g, out, x: g * x], ANY),
    "right but for a factor of 1": (square, [lambda g, out, x: 2 * g * x * (1 + 1e-6)], ANY),
    "the rule forgets to multiply by g": (square, [lambda g, out, x: 2 * x], ANY),
    "are swapped": (product, [lambda g, out, x, y: g * x, lambda g, out, x, y: g * y], PAIRS),
    "a dropped branch": (product, [lambda g, out, x, y: g * y, lambda g, out, x, y: 0 * g], PAIRS),
    "a factor of input 1 squared": (product, [lambda g, out, x, y: g / y, lambda g, out, x, y: g * x], POSITIVE),
    "a mean for a sum": (total, [lambda g, out, x: mg.expand(g, x.shape) / x.reshape((-1,)).shape[0]], ANY),
    "a sum for a mean": (average, [lambda g, out, x: mg.expand(g, x.shape)], [arrays(shapes(0, 2, 1))]),
    "the transpose of the right gradient": (
        turned,
        [lambda g, out, x: g if g.shape == x.shape else mg.transpose(g, 0, 1)],
        MATRICES,
    ),
    "wrong only where the input is negative": (
        square,
        [lambda g, out, x: 2 * g * mg.where(x < 0, 1.5 * x, x)],
        ANY,
    ),
    "wrong only where the input is large": (
        quarter,
        [lambda g, out, x: g * mg.where(abs(x) > 2, 0.5, 1 - out * out)],
        ANY,
    ),
    "nan or inf at a smooth point": (square, [lambda g, out, x: 2 * g * out / x], ANY),
    "the rule leaves the engine": (square, [lambda g, out, x: 2 * g * bare(x)], ANY),
    "a stale value": (saved_square, [lambda g, out, x: 2 * g * (x if isinstance(x, Tensor) else SAVED["x"])], ANY),
    "a buffer that all calls share": (buffered_exp, [lambda g, out, x: g * out], ANY),
    "an array that it was only lent": (in_place, [lambda g, out, x: 2 * g], ANY),
    "a float64 constant or a cast": (halves, [lambda g, out, x: 2 * g], ANY),
}


@pytest.mark.parametrize("guess", PLANTED)
def test_a_planted_bug_is_named(guess):
    forward, rules, inputs = PLANTED[guess]
    SAVED.clear()
    wrong = op(forward)
    derivatives(wrong, *rules)
    with pytest.raises(OpError) as error:
        check_op(wrong, inputs)
    assert guess in error.value.diagnosis


BATCH = (np.ones((2, 3)), np.ones(3))


def finding(prop="gradient", wrong=None, right=None, sentence="", fn=product, inputs=BATCH, **more):
    wrong = {k: np.asarray(a) for k, a in (wrong or {}).items()}
    return Finding(prop, sentence, Point(fn, inputs, MINIGRAD), wrong, right and dict(right), **more)


def test_guesses_that_need_a_peculiar_engine():
    g, h = np.arange(3.0), np.arange(6.0).reshape(2, 3)
    missing = {1: h[0]}, {1: h.sum(0)}
    assert "missing un-broadcast" in diagnosis(finding("broadcasting", *missing))
    assert "a mean where" in diagnosis(finding("broadcasting", {1: h.mean(0)}, {1: h.sum(0)}))
    overwrites = finding("repeated_input", {0: g + 1}, {0: 3 * g + 3}, parts=(g + 1, 2 * g + 2))
    assert "overwrites the first" in dict(GUESSES[-1](overwrites)).popitem()[1]
    shape = "the gradient of input 1, of shape (3,), has shape (2, 3)"
    assert "missing un-broadcast" in diagnosis(finding(sentence=shape))
    assert "not repeatable" in diagnosis(finding("purity", sentence="two equal calls: output 0"))
    assert "contiguous" in diagnosis(finding("layouts"))
    assert "transpose" in diagnosis(finding("forward_mode"))


def test_one_element_fits_every_ratio_so_other_failures_are_asked():
    def same(x):
        return x + 0

    triple = op(same)
    derivatives(triple, lambda g, out, x: 3 * g)
    one = finding(wrong={0: [6.0]}, right={0: np.array([2.0])}, fn=triple, inputs=(np.array([2.0]),))
    two = finding(wrong={0: [6.0, 4.0]}, right={0: np.array([2.0, 4.0])}, fn=triple, inputs=(np.ones(2),))
    assert "a missing factor: the gradient is 3 times" in diagnosis(one)
    assert "a missing factor" not in diagnosis(one, [two] * 4)


def test_an_engine_that_forgets_to_sum_over_the_batch():
    def vjp(fn, inputs, cotangents):
        found = MINIGRAD.vjp(fn, inputs, cotangents)
        if len(found) == 2 and found[1].shape != np.shape(cotangents[0]) and found[1].size:
            found[1] = found[1] / max(1, np.size(cotangents[0]) // found[1].size)
        return found

    broken = Engine("broken", MINIGRAD.value, vjp)
    with pytest.raises(OpError) as error:
        check_op(mg.add, [arrays((2, 3)), arrays((3,))], engine=broken, edges=False)
    assert "a mean where broadcasting asks for a sum" in error.value.diagnosis
