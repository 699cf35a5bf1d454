"""Graphs cost what they must: no recursion, no reference cycles, memory back at once, work in proportion. No timers."""

import gc
import sys
import tracemalloc
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor, gradients, no_grad


def leaf(*data):
    return Tensor(data, requires_grad=True, dtype=float)


@pytest.fixture
def without_gc():
    """The garbage collector off; what it would have found is counted by gc.collect()."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# ------------------------------------------------------------------------------------------------------- depth


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_chain_of_a_hundred_thousand_ops(create_graph):
    x = Tensor(1.0, requires_grad=True)
    y = x
    for _ in range(50_000):
        y = y * x + 1.0
    (g,) = gradients(y, [x], create_graph=create_graph)
    assert y.item() == 50_001
    assert g.item() == 50_000 * 50_001 / 2 + 1
    assert g.requires_grad == create_graph


def test_dropping_a_million_ops_that_were_never_walked():
    y = Tensor(0.0, requires_grad=True)
    for _ in range(1_000_000):
        y = y + 1.0
    assert y.item() == 1_000_000
    del y


# ------------------------------------------------------------------------------------------------------ memory


def network(x, w):
    """A bit of everything; also returns weak references to what happens in between."""
    between = [x @ w]
    for f in (mg.tanh, lambda h: h * h, lambda h: h + h[:1], lambda h: h.T, mg.softplus, lambda h: mg.cat([h, h])):
        between.append(f(between[-1]))
    out = between[-1].logsumexp(0).var()
    return out, [weakref.ref(t) for t in between]


def leaves(n=8):
    rng = np.random.default_rng(0)
    return [Tensor(rng.normal(size=(n, n)), requires_grad=True) for _ in range(2)]


def test_a_dropped_result_takes_its_graph_along(without_gc):
    x, w = leaves()
    out, refs = network(x, w)
    assert all(r() is not None for r in refs)
    del out
    assert all(r() is None for r in refs)


def test_backward_frees_the_graph_while_the_result_lives(without_gc):
    x, w = leaves()
    h = x @ w
    out = (h.exp() * 2).exp()
    ref = weakref.ref(h)
    del h
    assert ref() is not None
    out.sum().backward()
    assert ref() is None
    assert not out.is_leaf


def test_retain_graph_and_linear_ops_hold_on_to_what_they_need(without_gc):
    x, w = leaves()
    out, refs = network(x, w)
    out.backward(retain_graph=True)
    assert all(r() is not None for r in refs)
    out.backward()
    del out
    assert all(r() is None for r in refs)


@pytest.mark.parametrize(
    "use",
    [
        lambda out, x, w: out.backward(),
        lambda out, x, w: gradients(out, [x, w]),
        lambda out, x, w: gradients(gradients(out, [x], create_graph=True)[0].sum(), [x, w]),
        lambda out, x, w: sum(g.sum() for g in gradients(out, [x, w], create_graph=True)).backward(),
        lambda out, x, w: None,
    ],
    ids=["backward", "gradients", "second order", "penalty", "forward only"],
)
def test_no_reference_cycles(use, without_gc):
    x, w = leaves()
    refs = []
    for _ in range(3):
        out, between = network(x, w)
        use(out, x, w)
        refs += between
        del out
    assert gc.collect() == 0
    assert all(r() is None for r in refs)


def test_memory_of_a_training_loop_does_not_grow(without_gc):
    x, w = leaves(32)

    def step():
        w.grad = None
        network(x, w)[0].backward()
        with no_grad():
            w.data = w.data - 0.01 * w.grad.data

    def held_after(steps):
        for _ in range(steps):
            step()
        assert gc.collect() == 0  # nothing to find, but it empties Python's own lists of spare tuples
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        once = held_after(1)
        assert held_after(20) - once < w.data.nbytes  # a step makes some thirty such arrays
    finally:
        tracemalloc.stop()


def test_the_walk_gives_memory_back_as_it_goes():
    """A chain of n products needs all n values before the walk, and during it never much more."""
    n, size = 50, 100_000
    x = Tensor(np.ones(size), requires_grad=True)
    tracemalloc.start()
    try:
        y = x
        for _ in range(n):
            y = y * 1.5
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        y.backward(np.ones(size))
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held > n * x.data.nbytes
    assert peak < held + 5 * x.data.nbytes
    assert left < 5 * x.data.nbytes  # y and x.grad, though y is still there


# -------------------------------------------------------------------------------------------------- proportion


def calls_of(f):
    """How many Python and C functions f calls."""
    count = 0

    def profile(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        f()
    finally:
        sys.setprofile(None)
    return count


def chain(x, n):
    for _ in range(n):
        x = x * x
    return x


def diamonds(x, n):
    """2^n paths from end to end."""
    for _ in range(n):
        x = mg.sigmoid(x) + mg.tanh(x)
    return x


def ladder(x, n):
    """Every node is used by the next two."""
    a, b = x, x * x
    for _ in range(n):
        a, b = b, a * b
    return b


def fan_out(x, n):
    out = x
    for _ in range(n):
        out = out + x.tanh()
    return out


def fan_in(x, n):
    return mg.cat([x * x for _ in range(n)])


def many_dims(x, n):
    for _ in range(n):
        x = (x.reshape(1, 1).expand(2, 1).mean(0) + x[:1].amax(0, keepdim=True)).logsumexp(0, keepdim=True)
    return x


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("graph", [chain, diamonds, ladder, fan_out, fan_in, many_dims])
def test_work_is_in_proportion_to_the_graph(graph, create_graph):
    def cost(n):
        x = leaf(0.5)
        out = graph(x, n)
        return calls_of(lambda: gradients(out.sum(), x, create_graph=create_graph))

    cost(1)
    small, middle, large = cost(20), cost(40), cost(60)
    assert small < middle
    assert large - middle == pytest.approx(middle - small, rel=0.02)


def test_what_is_not_on_the_way_costs_a_visit_only():
    x, w = leaf(0.5), leaf(0.5)
    small = calls_of(lambda: gradients((x * x + chain(w, 10)).sum(), x))
    large = calls_of(lambda: gradients((x * x + chain(w, 30)).sum(), x))
    forward = calls_of(lambda: chain(w, 20))
    assert large - small < 3 * forward
