"""The engine from outside: leaves, backward, gradients(), what is recorded and when. PyTorch is the reference."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minigrad as mg
from minigrad import Tensor, enable_grad, gradients, is_grad_enabled, no_grad, set_grad_enabled
from minigrad.autograd import Function
from minigrad.engine import derivatives, op


def leaf(*data):
    return Tensor(data, requires_grad=True, dtype=float)


def ones(t):
    return Tensor(np.ones(t.shape))


# ---------------------------------------------------------------------------------------------- leaves and .grad


def test_grad_is_none_then_accumulates():
    x = leaf(1, 2)
    assert x.grad is None
    (x * x).sum().backward()
    assert x.grad.tolist() == [2, 4]
    (3 * x).sum().backward()
    assert x.grad.tolist() == [5, 7]
    assert not x.grad.requires_grad
    x.grad = None
    x.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_only_leaves_that_require_it_get_a_grad():
    x, c = leaf(1, 2), Tensor([3.0, 4.0])
    y = x * c
    y.sum().backward()
    assert x.grad.tolist() == [3, 4]
    assert y.grad is None
    assert c.grad is None
    assert x.is_leaf
    assert c.is_leaf
    assert not y.is_leaf


def test_backward_of_a_leaf_is_its_seed():
    x = leaf(1, 2)
    x.backward([5.0, 6.0])
    assert x.grad.tolist() == [5, 6]


def test_backward_needs_a_gradient_unless_scalar():
    x = leaf(1, 2)
    with pytest.raises(RuntimeError, match=r"shape \(2,\) is not a scalar; pass the gradient"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match=r"gradient has shape \(3,\), the Tensor it belongs to \(2,\)"):
        (x * 2).backward(np.ones(3))
    assert x.grad is None
    (x * 2).backward(np.array([1, 10]))
    assert x.grad.tolist() == [2, 20]
    x[:1].sum().reshape(1, 1).backward()  # one element is scalar enough
    assert x.grad.tolist() == [3, 20]


def test_nothing_to_differentiate():
    for t in (Tensor([1.0]), Tensor([1.0]) * 2, leaf(1).detach(), leaf(1) > 0):
        with pytest.raises(RuntimeError, match="no gradient reaches this Tensor of shape"):
            t.backward(np.ones(1))


def test_requires_grad_spreads_and_is_set_on_leaves_only():
    x, c = leaf(1), Tensor([2.0])
    assert (x + c).requires_grad
    assert not (c + c).requires_grad
    with pytest.raises(RuntimeError, match="leaves only; detach"):
        (x + c).requires_grad = False
    assert (c + c).requires_grad_() is not c
    assert c.requires_grad_() is c
    assert (c + c).requires_grad
    assert not c.requires_grad_(False).requires_grad
    assert not c.detach().requires_grad


def through_an_op(a, x):
    return (a * x).sum()


def through_a_function(a, x):
    class Product(Function):
        @staticmethod
        def forward(ctx, a, x):
            ctx.save_for_backward(a, x)
            return a * x

        @staticmethod
        def backward(ctx, g):
            a, x = ctx.saved_tensors
            return g * x, g * a

    return Product.apply(a, x).sum()


@pytest.mark.parametrize("product", [through_an_op, through_a_function])
def test_what_was_frozen_when_it_was_recorded_gets_nothing_later(product):
    """The usual step of a GAN: D is frozen, the loss of G is computed, D thaws, and only then comes backward."""
    a, x = Tensor([2.0]), Tensor([3.0], requires_grad=True)
    y = product(a, x)
    a.requires_grad = True
    assert gradients(y, [x, a], retain_graph=True, allow_unused=True)[1] is None
    y.backward()
    assert a.grad is None
    assert x.grad.tolist() == [2]


@pytest.mark.parametrize("product", [through_an_op, through_a_function])
def test_what_was_free_when_it_was_recorded_keeps_its_part(product, torch):
    """On, off and on again: the op recorded in between is the only one that gives nothing."""
    a, x = Tensor([2.0], requires_grad=True), Tensor([3.0], requires_grad=True)
    first = product(a, x)
    a.requires_grad_(False)
    second = product(a, x)
    a.requires_grad_(True)
    (first + 10 * second).backward()
    s, t = torch.tensor([2.0], requires_grad=True), torch.tensor([3.0], requires_grad=True)
    first = (s * t).sum()
    s.requires_grad_(False)
    second = (s * t).sum()
    s.requires_grad_(True)
    (first + 10 * second).backward()
    assert a.grad.tolist() == s.grad.tolist() == [3]
    assert x.grad.tolist() == t.grad.tolist() == [22]


def test_a_frozen_argument_that_changes_is_still_noticed():
    a, x = Tensor([2.0]), Tensor([3.0], requires_grad=True)
    y = through_an_op(a, x)
    a.fill_(5.0)
    with pytest.raises(RuntimeError, match="changed in place after it was recorded"):
        y.backward()


def test_detach_cuts_the_graph_and_shares_the_memory():
    x = leaf(1, 2)
    y = x * x
    d = y.detach()
    assert np.shares_memory(d.data, y.data)
    assert d.is_leaf
    (d * x).sum().backward()
    assert x.grad.tolist() == [1, 4]


# ------------------------------------------------------------------------------------------- walking a graph twice

MASK, ROWS = np.array([[True, False], [True, True]]), np.array([0, 1, 1])


def array_for(m, a):
    return a if m is mg else m.tensor(a)


def functional(m):
    return mg if m is mg else m.nn.functional


ONCE = {
    "nothing": lambda m, x, w: x,
    "x + w": lambda m, x, w: x + w,
    "x + 2": lambda m, x, w: x + 2,
    "x - w": lambda m, x, w: x - w,
    "-x": lambda m, x, w: -x,
    "x * w": lambda m, x, w: x * w,
    "x * 2": lambda m, x, w: x * 2,
    "x * constant": lambda m, x, w: x * w.detach(),
    "x / 2": lambda m, x, w: x / 2,
    "x / w": lambda m, x, w: x / w,
    "x ** 2": lambda m, x, w: x**2,
    "x ** 1": lambda m, x, w: x**1,
    "x ** w": lambda m, x, w: x**w,
    "x @ w": lambda m, x, w: x @ w,
    "linear": lambda m, x, w: functional(m).linear(x, w),
    "exp": lambda m, x, w: x.exp(),
    "log": lambda m, x, w: x.log(),
    "sqrt": lambda m, x, w: x.sqrt(),
    "abs": lambda m, x, w: x.abs(),
    "relu": lambda m, x, w: x.relu(),
    "sigmoid": lambda m, x, w: x.sigmoid(),
    "softplus": lambda m, x, w: functional(m).softplus(x),
    "leaky_relu": lambda m, x, w: functional(m).leaky_relu(x),
    "sum": lambda m, x, w: x.sum(),
    "sum(0)": lambda m, x, w: x.sum(0),
    "mean": lambda m, x, w: x.mean(),
    "var": lambda m, x, w: x.var(),
    "amax": lambda m, x, w: x.amax(0),
    "max": lambda m, x, w: x.max(),
    "logsumexp": lambda m, x, w: x.logsumexp(0),
    "softmax": lambda m, x, w: x.softmax(0),
    "maximum": lambda m, x, w: m.maximum(x, w),
    "clip": lambda m, x, w: x.clip(0, 1),
    "where": lambda m, x, w: m.where(array_for(m, MASK), x, w),
    "reshape": lambda m, x, w: x.reshape(4),
    "T": lambda m, x, w: x.T,
    "expand": lambda m, x, w: x.unsqueeze(0).expand(3, 2, 2),
    "cat": lambda m, x, w: m.cat([x, w], 0),
    "stack": lambda m, x, w: m.stack([x, w], 0),
    "split": lambda m, x, w: x.split(1, 0)[1],
    "x[0]": lambda m, x, w: x[0],
    "clone": lambda m, x, w: x.clone(),
    "float": lambda m, x, w: x.float(),
    "a chain": lambda m, x, w: (x * w + 1).sum(),
    "a linear chain": lambda m, x, w: ((x + w).sum(0) - 1)[0],
}
# PyTorch keeps integer indices with the saved values and drops them; here they are settings of the op and stay.
MORE_THAN_ONCE_HERE = {
    "x[integers]": lambda m, x, w: x[array_for(m, ROWS)],
    "x[mask]": lambda m, x, w: x[array_for(m, MASK)],
    "take_along_dim": lambda m, x, w: m.take_along_dim(x, array_for(m, ROWS[None, :2]), 0),
    "max(0)": lambda m, x, w: x.max(0).values,
}


def raises_the_second_time(m, f):
    make = mg.Tensor if m is mg else m.tensor
    y = f(m, make([[0.5, 1.5], [2.5, 3.5]], requires_grad=True), make([[1.0, 2.0], [3.0, 4.0]], requires_grad=True))
    seed = make(np.ones(y.shape))
    y.backward(seed)
    try:
        y.backward(seed)
    except RuntimeError as error:
        return "retain_graph=True" in str(error)
    return False


@pytest.mark.parametrize("name", ONCE)
def test_a_second_backward_raises_where_pytorchs_does(name, torch):
    assert raises_the_second_time(mg, ONCE[name]) == raises_the_second_time(torch, ONCE[name])


@pytest.mark.parametrize("name", MORE_THAN_ONCE_HERE)
def test_a_second_backward_through_integer_indices(name, torch):
    assert raises_the_second_time(torch, MORE_THAN_ONCE_HERE[name])
    assert not raises_the_second_time(mg, MORE_THAN_ONCE_HERE[name])


def test_the_second_backward_leaves_grad_alone():
    x = leaf(1, 2)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="freed by an earlier backward pass"):
        y.backward()
    assert x.grad.tolist() == [2, 4]


def test_two_results_share_a_freed_part():
    x = leaf(1, 2)
    shared = x.exp()
    a, b = (shared * 2).sum(), (shared * 3).sum()
    a.backward()
    with pytest.raises(RuntimeError, match="freed"):
        b.backward()


def test_a_freed_part_raises_even_where_wrt_is_elsewhere():
    """It no longer knows what it came from, so it might have come from wrt. (PyTorch still knows, and goes on.)"""
    x, w = leaf(1), leaf(2)
    h = x.exp()
    h.sum().backward()
    with pytest.raises(RuntimeError, match="freed"):
        gradients((h + w).sum(), w)


def test_retain_graph_keeps_and_the_next_pass_frees():
    x = leaf(1, 2)
    y = (x * x).sum()
    for _ in range(3):
        y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8, 16]
    with pytest.raises(RuntimeError, match="freed"):
        y.backward()


def test_create_graph_retains_unless_told_not_to():
    x = leaf(2)
    y = (x**3).sum()
    (g,) = gradients(y, [x], create_graph=True)
    y.backward()
    assert x.grad.tolist() == g.tolist() == [12]
    y = (x**3).sum()
    (g,) = gradients(y, [x], create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="freed"):
        y.backward()


def test_backward_with_create_graph_gives_a_grad_with_history():
    x = leaf(2)
    (x**3).sum().backward(create_graph=True)
    g, x.grad = x.grad, None
    assert g.requires_grad
    g.sum().backward()
    assert x.grad.tolist() == [12]


def test_every_order():
    x = leaf(2)
    y, expected = (x**5).sum(), [80, 160, 240, 240, 120]
    for value in expected:
        (y,) = gradients(y, [x], create_graph=True)
        assert y.tolist() == [value]
        y = y.sum()


# --------------------------------------------------------------------------------------- recording, and not recording


def test_no_grad_records_nothing():
    x = leaf(1)
    with no_grad():
        y = x * 2
        assert not is_grad_enabled()
        assert not y.requires_grad
        assert Tensor([1.0], requires_grad=True).requires_grad
        with enable_grad():
            assert (x * 2).requires_grad
        with set_grad_enabled(True):
            assert is_grad_enabled()
        assert not is_grad_enabled()
    assert is_grad_enabled()
    assert (x * 2).requires_grad


def test_an_exception_restores_recording():
    with pytest.raises(KeyError), no_grad():
        raise KeyError
    assert is_grad_enabled()


def test_as_a_decorator_also_recursive():
    @no_grad()
    def depth(n):
        assert not is_grad_enabled()
        return n and 1 + depth(n - 1)

    assert depth(3) == 3
    assert is_grad_enabled()


def test_each_thread_records_for_itself():
    seen, inside, done = [], threading.Event(), threading.Event()

    @no_grad()
    def without():
        inside.set()
        done.wait(10)
        seen.append(is_grad_enabled())

    thread = threading.Thread(target=without)
    thread.start()
    inside.wait(10)
    with no_grad():
        other = threading.Thread(target=lambda: seen.append((leaf(1) * 2).requires_grad))
        other.start()
        other.join()
    assert is_grad_enabled()
    done.set()
    thread.join()
    assert seen == [True, False]


def test_threads_share_leaves_but_no_graphs():
    x, found = leaf(*range(50)), {}

    def work(n):
        for _ in range(20):
            found[n] = gradients((x * n).exp().sum().log(), x).data

    threads = [threading.Thread(target=work, args=(n / 100,)) for n in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for n, g in found.items():
        np.testing.assert_allclose(g.sum(), n)


def test_backward_does_not_care_who_records():
    x = leaf(3)
    y = (x * x).sum()
    with no_grad():
        (g,) = gradients(y, [x], create_graph=True)
        y.backward()
    assert g.requires_grad
    assert gradients(g.sum(), x).tolist() == [2]
    assert x.grad.tolist() == [6]


# ---------------------------------------------------------------------------------------------------- gradients()


def test_gradients_are_stored_nowhere():
    x, y = leaf(1, 2), leaf(3, 4)
    z = x * y
    g = gradients(z.sum(), [x, y, z])
    assert isinstance(g, tuple)
    assert [t.tolist() for t in g] == [[3, 4], [1, 2], [1, 1]]
    assert x.grad is y.grad is z.grad is None
    assert all(t.is_leaf and not t.requires_grad for t in g)
    single = gradients((x * y).sum(), x)
    assert isinstance(single, Tensor)
    assert gradients((x * y).sum(), []) == ()
    assert len(gradients((x * y).sum(), (t for t in (x, y)))) == 2


def test_unused_inputs():
    x, y = leaf(1), leaf(2)
    with pytest.raises(RuntimeError, match="does not depend on all of wrt; allow_unused=True"):
        gradients((x * 2).sum(), [x, y])
    g = gradients((x * 2).sum(), [y, x], allow_unused=True)
    assert g[0] is None
    assert g[1].tolist() == [2]
    assert gradients((x * 2).sum(), y, allow_unused=True) is None


def test_wrt_must_require_grad():
    x = leaf(1)
    with pytest.raises(RuntimeError, match=r"wrt has a Tensor of shape \(1,\) that does not require"):
        gradients((x * 2).sum(), [x, Tensor([1.0])], allow_unused=True)


def test_several_outs_add_up():
    x = leaf(1, 2)
    a, b = x * 3, (x * x).sum()
    g = gradients([a, b], x, [np.array([1.0, 10.0]), None])
    assert g.tolist() == [3 + 2, 30 + 4]
    y = x * 2
    assert gradients([y, y], x, [ones(y), ones(y)]).tolist() == [4, 4]  # one out twice
    y = x * 2
    z = y * y
    assert gradients([z, y], x, [ones(z), ones(y)]).tolist() == [10, 18]  # one out on the way to another


def test_grad_outputs_are_one_for_each_out():
    x = leaf(1, 2)
    for given_ in (ones(x), [ones(x)], (ones(x),), np.ones(2), [[1.0, 1.0]]):
        assert gradients(x * 3, x, given_).tolist() == [3, 3]
        assert gradients([x * 3], [x], given_)[0].tolist() == [3, 3]
    for outs, given_ in (([x * 3, x * 2], [ones(x)]), ([x * 3], [ones(x)] * 2), ([x * 3, x * 2], ones(x))):
        with pytest.raises(RuntimeError, match=rf"{len(outs)} outs but \d grad_outputs"):
            gradients(outs, x, given_)


def test_wrt_may_repeat_and_may_be_out_or_in_between():
    x = leaf(1, 2)
    y = x * 3
    z = (y * y).sum()
    gx, gx2, gy, gz = gradients(z, [x, x, y, z])
    assert gx.tolist() == gx2.tolist() == [18, 36]
    assert gy.tolist() == [6, 12]
    assert gz.item() == 1


def test_a_constant_branch_and_a_repeated_argument():
    x = leaf(3)
    y = x * x + x.detach() * x + x + x - x
    assert gradients(y.sum(), x).tolist() == [6 + 3 + 1]


def test_settings_given_by_name_and_data_given_by_name():
    x, w, b = leaf([1, 2]), leaf([3, 4]), leaf(5)
    out = mg.linear(x, weight=w, bias=b)
    assert out.tolist() == [[16]]
    assert [g.tolist() for g in gradients(out.sum(), [x, w, b])] == [[[3, 4]], [[1, 2]], [1]]
    assert gradients(mg.multiply(x, y=x).sum(), x).tolist() == [[2, 4]]
    assert gradients(mg.where(x > 1, y=w, x=x).sum(), w).tolist() == [[1, 0]]


# ----------------------------------------------------------------------------------------- what the walk does, and not


@pytest.fixture
def counted():
    """Two-argument op that counts how often each of its rules is called, and with what."""
    calls = []

    @op
    def product(x, y, *, scale=1.0):
        return x * y * scale

    def rule(which):
        def apply(g, out, x, y, scale=1.0):
            calls.append((which, type(g), type(out), type(x)))
            return g * (y if which == "x" else x) * scale

        return apply

    derivatives(product, rule("x"), rule("y"))
    return product, calls


def test_only_the_way_to_wrt_is_walked(counted):
    product, calls = counted
    x, w, v = leaf(2), leaf(3), leaf(5)
    out = (product(x, w) + product(v, v)).sum()
    assert gradients(out, x).tolist() == [3]
    assert [c[0] for c in calls] == ["x"]


def test_rules_run_on_arrays_or_for_create_graph_on_tensors(counted):
    product, calls = counted
    x, w = leaf(2), leaf(3)
    gradients(product(x, w, scale=2.0).sum(), [x, w])
    assert calls == [("x", np.ndarray, np.ndarray, np.ndarray), ("y", np.ndarray, np.ndarray, np.ndarray)]
    calls.clear()
    (g,) = gradients(product(x, w, scale=2.0).sum(), [x], create_graph=True)
    assert calls == [("x", Tensor, Tensor, Tensor)]
    assert g.tolist() == [6]


def test_a_constant_argument_asks_for_no_rule(counted):
    product, calls = counted
    product(leaf(2), Tensor([3.0])).sum().backward()
    product(leaf(2), np.array([3.0])).sum().backward()
    assert [c[0] for c in calls] == ["x", "x"]


@pytest.mark.parametrize("shape", [(3, 4), (3, 1), (1, 4), (4,), (1,), ()])
@pytest.mark.parametrize("create_graph", [False, True])
def test_broadcasting_is_undone(shape, create_graph, torch):
    a, b = np.random.default_rng(0).normal(size=(2, 3, 4)), np.random.default_rng(1).normal(size=shape)
    x, y = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
    tx, ty = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
    theirs = torch.autograd.grad((tx * ty).exp().sum(), [tx, ty])
    for mine, wanted in zip(gradients((x * y).exp().sum(), [x, y], create_graph=create_graph), theirs, strict=True):
        np.testing.assert_allclose(mine.detach().data, wanted.numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("wrong", "shape"), [((2, 3), (4,)), ((3,), (2, 3)), ((), (2,)), ((2, 2), (2, 3)), ((0,), (2,))]
)
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_shape_that_broadcasting_cannot_explain_raises(wrong, shape, create_graph):
    @op
    def twice(x):
        return 2 * x

    derivatives(twice, lambda g, out, x: Tensor(np.ones(wrong)) if create_graph else np.ones(wrong))
    x = Tensor(np.ones(shape), requires_grad=True)
    with pytest.raises(RuntimeError, match="derivative of twice has shape") as error:
        gradients(twice(x).sum(), x, create_graph=create_graph)
    assert str(wrong) in str(error.value)
    assert str(shape) in str(error.value)


SHARING = {
    "itself": lambda x, y: x,
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "sum": lambda x, y: x.sum(0) + y.sum(0),
    "reshape": lambda x, y: x.reshape(4) + y.reshape(4),
    "transpose": lambda x, y: x.T + y,
    "index": lambda x, y: x[0] + y[1],
    "cat": lambda x, y: mg.cat([x, y]),
    "stack": lambda x, y: mg.stack([x, x, y]),
    "clone": lambda x, y: x.clone() + y.clone(),
    "expand": lambda x, y: x.expand(3, 2, 2) + y,
    "astype": lambda x, y: x.double() + y.float(),
    "power": lambda x, y: x**1 + y,
    "linear": lambda x, y: mg.linear(x, y.detach(), y[0]) + x,
    "mean": lambda x, y: (x + y).mean(1),
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", SHARING)
def test_gradients_share_memory_with_nothing(name, create_graph):
    x, y = leaf([1, 2], [3, 4]), leaf([5, 6], [7, 8])
    out = SHARING[name](x, y)
    seed = ones(out)
    wrt = [x, y] if out is x else [x, y, out]
    found = gradients(out, wrt, [seed], create_graph=create_graph, allow_unused=True)
    arrays = [g.data for g in found if g is not None]
    for i, a in enumerate(arrays):
        assert a.flags.writeable
        for b in (*arrays[:i], x.data, y.data, out.data, seed.data):
            assert not np.shares_memory(a, b)


def test_grads_share_memory_with_nothing():
    x, y = leaf(1, 2), leaf(3, 4)
    seed = np.ones(2)
    (x + y).backward(seed)
    x.grad.zero_()
    assert y.grad.tolist() == [1, 1]
    assert seed.tolist() == [1, 1]


# -------------------------------------------------------------------------------------------------- any graph at all

STEPS = {
    "add": lambda m, a, b: a + b,
    "multiply": lambda m, a, b: a * b,
    "tanh": lambda m, a, b: m.tanh(a) - b,
    "sigmoid": lambda m, a, b: m.sigmoid(a * 0.5) + b * 0.5,
    "matmul": lambda m, a, b: a @ b * 0.3,
    "transpose": lambda m, a, b: a.T * 0.7,
    "row": lambda m, a, b: a[:1] + b,
    "sum": lambda m, a, b: a.sum(0, True) * 0.3 - b,
    "softmax": lambda m, a, b: m.softmax(a, 1) * b,
    "detach": lambda m, a, b: a.detach() * b,
    "cat": lambda m, a, b: m.cat([a[1:], b[:1]], 0),
}


def build(m, leaves, steps):
    nodes = list(leaves)
    for name, i, j in steps:
        nodes.append(STEPS[name](m, nodes[i % len(nodes)], nodes[j % len(nodes)]))
    return (nodes[-1] * nodes[len(nodes) // 2]).sum()


@given(
    steps=st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 99), st.integers(0, 99)), max_size=12),
    seed=st.integers(0, 99),
)
def test_random_graphs_have_pytorchs_gradients_of_two_orders(steps, seed, torch):
    data = np.random.default_rng(seed).uniform(-1, 1, (3, 2, 2))
    ours, theirs = [Tensor(a, requires_grad=True) for a in data], [torch.tensor(a, requires_grad=True) for a in data]
    out, wanted = build(mg, ours, steps), build(torch, theirs, steps)
    np.testing.assert_allclose(out.item(), wanted.item(), rtol=1e-11, atol=1e-11)
    assert out.requires_grad == wanted.requires_grad
    if not out.requires_grad:
        return
    first = gradients(out, ours, create_graph=True, allow_unused=True)
    first_wanted = torch.autograd.grad(wanted, theirs, create_graph=True, allow_unused=True)
    compare(first, first_wanted)
    norm = sum(((g * g).sum() for g in first if g is not None and g.requires_grad), start=out * 0)
    norm_wanted = sum(((g * g).sum() for g in first_wanted if g is not None), start=wanted * 0)
    compare(gradients(norm, ours, allow_unused=True), torch.autograd.grad(norm_wanted, theirs, allow_unused=True))


def compare(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        a, b = 0 if a is None else a.detach().data, 0 if b is None else b.numpy(force=True)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_what_is_below_wrt_is_not_freed():
    """As in PyTorch: the walk ends at wrt, so what it came from can still be walked."""
    x = leaf(1, 2)
    h = x * x
    (g,) = gradients((h * h).sum(), [h])
    assert g.tolist() == [2, 8]
    assert gradients(h, x, g).tolist() == [4, 32]
