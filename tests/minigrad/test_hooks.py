"""Hooks, retained gradients, backward(inputs=), grad_fn, detach_: as in PyTorch, and no hook is ever passed over."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor, gradients, nn, no_grad, optim
from minigrad.hooks import Node, RemovableHandle


def leaf(*data):
    return Tensor(data, requires_grad=True, dtype=float)


def leaf_of(m, *data):
    return leaf(*data) if m is mg else m.tensor(data, requires_grad=True, dtype=m.float64)


def listed(t):
    return None if t is None else t.tolist()


# Each is a function of m, minigrad or torch, that returns lists of numbers.


def the_leaf_is_scaled(m):
    x = leaf_of(m, 1, 2)
    x.register_hook(lambda g: g * 10)
    (x * 3).sum().backward()
    return listed(x.grad)


def what_lies_between_is_scaled(m):
    x = leaf_of(m, 1, 2)
    h = x * 2
    h.register_hook(lambda g: g * 10)
    (h * h).sum().backward()
    return listed(x.grad)


def the_whole_gradient_once(m):
    x, seen = leaf_of(m, 1, 2), []
    h = x * 2
    for t in (x, h):
        t.register_hook(lambda g: seen.append(g.tolist()))
    (h * 3 + h * h + x).sum().backward()
    return seen


def in_the_order_of_registration(m):
    x = leaf_of(m, 1)
    x.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: None)
    (x * 3).sum().backward()
    return listed(x.grad)


def wrt_sees_what_hooks_returned(m):
    x = leaf_of(m, 1, 2)
    h = x * 2
    h.register_hook(lambda g: g * 10)
    return listed(m.autograd.grad((h * 3).sum(), [h])[0])


def off_the_way(m):
    x, w, seen = leaf_of(m, 1, 2), leaf_of(m, 3, 4), []
    h, out = w * 2, (w * 2).sum()
    h.register_hook(lambda g: seen.append("h"))
    out.register_hook(lambda g: seen.append("out"))
    w.register_hook(lambda g: seen.append("w"))
    m.autograd.grad([(x * h).sum(), out], [x], allow_unused=True)
    return seen


def the_root(m):
    x = leaf_of(m, 1, 2)
    out = (x * 3).sum()
    out.register_hook(lambda g: g * 5)
    out.backward()
    return listed(x.grad)


def removed(m):
    x = leaf_of(m, 1)
    handle = x.register_hook(lambda g: g * 10)
    with x.register_hook(lambda g: g * 100):
        (x * 3).sum().backward()
    first = listed(x.grad)
    handle.remove()
    handle.remove()
    (x * 3).sum().backward()
    return [first, listed(x.grad)]


def registered_while_running(m):
    x, seen = leaf_of(m, 1), []

    def hook(g):
        seen.append(len(seen))
        x.register_hook(lambda g: seen.append("late"))

    x.register_hook(hook)
    (x * 3).sum().backward()
    (x * 3).sum().backward()
    return seen


def retained(m):
    x = leaf_of(m, 1, 2)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 10)
    out = (h * h).sum()
    out.backward(retain_graph=True)
    first = listed(h.grad)
    m.autograd.grad(out, x)
    return [first, listed(h.grad), listed(x.grad), h.retains_grad, x.retains_grad]


def into_inputs_only(m):
    x, w = leaf_of(m, 1, 2), leaf_of(m, 3, 4)
    h = x * w
    out = (h * h).sum()
    out.backward(inputs=[w], retain_graph=True)
    first = listed(x.grad), listed(w.grad)
    out.backward(inputs=[x], retain_graph=True)
    out.backward(inputs=h)
    return [first, listed(x.grad), listed(w.grad), listed(h.grad)]


def not_reached(m):
    x, w = leaf_of(m, 1, 2), leaf_of(m, 3, 4)
    (x * 2).sum().backward(inputs=[w])
    return [listed(x.grad), listed(w.grad)]


def after_accumulation(m):
    x, seen = leaf_of(m, 1), []
    x.register_post_accumulate_grad_hook(lambda t: seen.append((t is x, t.grad.tolist())))
    x.register_hook(lambda g: g * 2)
    (x * 3).sum().backward()
    (x * 3).sum().backward()
    m.autograd.grad((x * 3).sum(), x)
    return seen


def with_a_history(m):
    x = leaf_of(m, 2)
    h = x * x
    h.register_hook(lambda g: g * g)
    (g,) = m.autograd.grad((h**2).sum(), [x], create_graph=True)
    return [listed(g.detach()), listed(m.autograd.grad(g.sum(), x)[0])]


def seen_with_a_history(m):
    x, seen = leaf_of(m, 2), []
    x.register_hook(lambda g: seen.append(g.requires_grad))
    (x**3).sum().backward(retain_graph=True)
    m.autograd.grad((x**3).sum(), [x], create_graph=True)
    return seen


def a_constant_is_returned(m):
    x = leaf_of(m, 1, 2)
    constant = leaf_of(m, 7, 8).detach()
    x.register_hook(lambda g: constant)
    (x * 3).sum().backward()
    (x * 3).sum().backward()
    return [listed(x.grad), listed(constant)]


SCENES = [
    the_leaf_is_scaled,
    what_lies_between_is_scaled,
    the_whole_gradient_once,
    in_the_order_of_registration,
    wrt_sees_what_hooks_returned,
    off_the_way,
    the_root,
    removed,
    registered_while_running,
    retained,
    into_inputs_only,
    not_reached,
    after_accumulation,
    with_a_history,
    seen_with_a_history,
    a_constant_is_returned,
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.__name__)
def test_as_in_pytorch(scene, torch):
    assert scene(mg) == scene(torch)


def test_wrt_sees_what_hooks_returned_wherever_the_walk_goes_on_to():
    """PyTorch's hook is seen if h is the only input, but not if x, behind h, is one as well."""
    x = leaf(1, 2)
    h = x * 2
    h.register_hook(lambda g: g * 10)
    assert [g.tolist() for g in gradients((h * 3).sum(), [x, h])] == [[60, 60], [30, 30]]


def test_what_a_hook_kept_belongs_to_it():
    x, seed, kept = leaf(1, 2), Tensor([1.0, 1.0]), []
    x.register_hook(kept.append)
    y = leaf(3, 4)
    (x + y).backward(seed)
    for t in (x.grad, y.grad, seed):
        assert not np.shares_memory(kept[0].data, t.data)


WRONG = [
    (lambda g: g[:1], RuntimeError, r"hook <lambda> returned a gradient of shape \(1,\), float64, for a .* \(2,\)"),
    (lambda g: g.sum(), RuntimeError, r"returned a gradient of shape \(\)"),
    (lambda g: g.float(), RuntimeError, r"returned a gradient of shape \(2,\), float32"),
    (lambda g: 3.0, TypeError, "hook <lambda> returned a float; it returns a gradient, or None to keep the old"),
]


@pytest.mark.parametrize(("hook", "kind", "sentence"), WRONG, ids=[s for *_, s in WRONG])
@pytest.mark.parametrize("create_graph", [False, True])
def test_what_a_hook_returns_is_checked(hook, kind, sentence, create_graph):
    x = leaf(1, 2)
    x.register_hook(hook)
    with pytest.raises(kind, match=sentence):
        (x * 3).sum().backward(create_graph=create_graph)
    assert x.grad is None


def test_a_hook_may_return_an_array():
    x = leaf(1, 2)
    array = np.array([5.0, 6.0])
    x.register_hook(lambda g: array)
    (x * 3).sum().backward()
    x.grad.zero_()
    assert array.tolist() == [5, 6]
    scalar = Tensor(2.0, requires_grad=True)
    scalar.register_hook(lambda g: g.data * 3)
    (scalar * 2).backward()
    assert scalar.grad.item() == 6


NOT_POSSIBLE = [
    (lambda: Tensor([1.0]).register_hook(print), r"no gradient comes to this Tensor of shape \(1,\)"),
    (lambda: Tensor([1.0]).retain_grad(), "none to retain"),
    (lambda: (leaf(1) * 2).register_post_accumulate_grad_hook(print), "this Tensor is none"),
    (lambda: Tensor([1.0]).register_post_accumulate_grad_hook(print), "this Tensor is none"),
    (lambda: (leaf(1) * 2).sum().backward(inputs=[]), "inputs is empty"),
    (lambda: (leaf(1) * 2).sum().backward(inputs=[Tensor([1.0])]), "does not require gradients"),
]


@pytest.mark.parametrize(("act", "sentence"), NOT_POSSIBLE, ids=[s for _, s in NOT_POSSIBLE])
def test_where_pytorch_raises_too(act, sentence):
    with pytest.raises(RuntimeError, match=sentence):
        act()


def test_retain_grad_of_a_leaf_changes_nothing():
    x = leaf(1)
    x.retain_grad()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3]
    assert not x.retains_grad


def test_an_exception_in_a_hook_leaves_everything_as_it_was():
    x, y = leaf(1), leaf(2)

    def fail(g):
        raise KeyError("mine")

    x.register_hook(fail)
    out = (x * y).sum()
    with pytest.raises(KeyError, match="mine"):
        out.backward(retain_graph=True)
    assert x.grad is y.grad is None
    assert mg.is_grad_enabled()


def test_hooks_go_with_their_tensor():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1)
        h = x * 2
        h.register_hook(lambda g: g * 2)
        h.retain_grad()
        ref = weakref.ref(h)
        (h * 3).sum().backward()
        del h
        assert ref() is None
    finally:
        gc.enable()
    h = x * 2
    h.register_hook(lambda g, h=h: h)  # a cycle of the user's: the garbage collector finds it
    ref = weakref.ref(h)
    del h
    gc.collect()
    assert ref() is None


# ------------------------------------------------------------------------------------------------ the fused path


@pytest.fixture(params=["plain", "fused"])
def kernels(request):
    if request.param == "fused":
        pytest.importorskip("numba")
    with mg.use_kernels(request.param):
        yield request.param


def network():
    generator = mg.Generator(0)
    layers = nn.Linear(3, 4, generator=generator), nn.ReLU(), nn.Linear(4, 1, generator=generator)
    return nn.Sequential(*layers)


X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def moved(act):
    """How a step moves each parameter, after ``act`` on the parameters."""
    net = network()
    params = list(net.parameters())
    before = [p.data.copy() for p in params]
    act(params)
    optimizer = optim.SGD(params, lr=0.1)
    optimizer.minimize((net(X) ** 2).mean())
    return [p.data - b for p, b in zip(params, before, strict=True)]


def test_minimize_calls_the_hooks_of_parameters(kernels):
    plain = moved(lambda params: None)
    seen = []

    def act(params):
        params[0].register_hook(lambda g: g * 10)
        params[2].register_hook(lambda g: seen.append(g.tolist()))

    with_hooks = moved(act)
    np.testing.assert_allclose(with_hooks[0], 10 * plain[0], rtol=1e-4, atol=1e-7)
    for i in (1, 2, 3):
        np.testing.assert_allclose(with_hooks[i], plain[i], rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(-0.1 * np.array(seen[0]), plain[2], rtol=1e-4, atol=1e-7)


def test_minimize_calls_the_hooks_of_what_lies_between(kernels):
    net, seen = network(), []
    params = list(net.parameters())
    before = params[3].data.copy()
    out = net(X)
    out.register_hook(lambda g: seen.append(g.shape) or g * 10)
    optim.SGD(params, lr=0.1).minimize((out**2).mean())
    plain = moved(lambda params: None)
    assert seen == [(5, 1)]
    np.testing.assert_allclose(params[3].data - before, 10 * plain[3], rtol=1e-4, atol=1e-7)


def test_backward_through_a_fused_network_calls_hooks_once(kernels):
    net, seen = network(), []
    x = Tensor(X, requires_grad=True)
    x.register_hook(lambda g: seen.append("x"))
    for i, p in enumerate(net.parameters()):
        p.register_hook(lambda g, i=i: seen.append(i))
    (net(x) ** 2).mean().backward()
    assert sorted(map(str, seen)) == ["0", "1", "2", "3", "x"]
    seen.clear()
    (g,) = gradients((net(x) ** 2).mean(), [x], create_graph=True)
    assert seen == ["x"]
    seen.clear()
    (g * g).sum().backward()
    assert sorted(map(str, seen)) == ["0", "1", "2", "3", "x"]


def test_a_removed_hook_lets_minimize_be_fast_again(kernels, monkeypatch):
    net = network()
    handles = [p.register_hook(lambda g: g * 10) for p in net.parameters()]
    for handle in handles:
        handle.remove()
    assert not any(p._hooks for p in net.parameters())


# ------------------------------------------------------------------------------------------- grad_fn, detach_


def test_grad_fn_is_the_graph():
    x, y = leaf(1, 2), leaf(3, 4)
    z = (x * y + x.detach()).exp()
    assert x.grad_fn is None
    assert x.detach().grad_fn is None
    assert isinstance(z.grad_fn, Node)
    assert z.grad_fn.name() == "exp"
    assert repr(z.grad_fn) == "<exp>"
    assert z.grad_fn == z.grad_fn
    assert len({z.grad_fn, z.grad_fn}) == 1
    [(added, number)] = z.grad_fn.next_functions
    assert (added.name(), number) == ("add", 0)
    [(multiplied, _), (nothing, _)] = added.next_functions
    assert nothing is None
    [(leaf_x, _), (leaf_y, _)] = multiplied.next_functions
    assert leaf_x.name() == leaf_y.name() == "AccumulateGrad"
    assert leaf_x.variable is x
    assert leaf_x.next_functions == ()
    assert multiplied.variable is None
    z.sum().backward()
    assert z.grad_fn.name() == "freed"
    assert z.grad_fn.next_functions == ()


def test_grad_fn_of_a_function_with_several_outputs():
    class Two(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, g, h):
            return 2 * g + 3 * h

    x = leaf(1)
    a, b = Two.apply(x)
    assert a.grad_fn == b.grad_fn
    assert a.grad_fn.name() == "Two"
    assert a.grad_fn.next_functions[0][0].variable is x
    assert [number for _, number in (a + b).grad_fn.next_functions] == [0, 1]
    a.register_hook(lambda g: g * 10)
    b.retain_grad()
    (a + b).sum().backward()
    assert x.grad.tolist() == [23]
    assert b.grad.tolist() == [1]


def test_detach_in_place():
    x = leaf(1, 2)
    h = x * 2
    assert h.detach_() is h
    assert h.is_leaf
    assert not h.requires_grad
    (h * x).sum().backward()
    assert x.grad.tolist() == [2, 4]
    assert not x.detach_().requires_grad
    with no_grad():
        h.fill_(0)


def test_the_handle_has_pytorchs_name():
    assert type(leaf(1).register_hook(print)) is RemovableHandle
