"""autograd.Function, and the rest of minigrad.autograd: PyTorch's names with PyTorch's behaviour."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor, autograd, gradients, no_grad
from minigrad.autograd import Function, once_differentiable
from minigrad.testing import gradcheck, gradgradcheck


def leaf(*data):
    return Tensor(data, requires_grad=True, dtype=float)


def in_both(make):
    """(class for minigrad, class for PyTorch) of one definition: make(m, base)."""

    def build(torch):
        return make(mg, Function), make(torch, torch.autograd.Function)

    return build


@in_both
def products(m, base):
    """Two outputs of two arguments and a number; the second output is saved."""

    class Products(base):
        @staticmethod
        def forward(ctx, x, y, power):
            out = m.exp(y)
            ctx.save_for_backward(x, out)
            ctx.power = power
            return x**power * out, out

        @staticmethod
        def backward(ctx, g, h):
            x, out = ctx.saved_tensors
            n = ctx.power
            gx = g * n * x ** (n - 1) * out if ctx.needs_input_grad[0] else None
            return gx, g * x**n * out + h * out, None

    return Products


@in_both
def products_with_setup_context(m, base):
    """The same, with a forward that knows no context."""

    class Products(base):
        @staticmethod
        def forward(x, y, power):
            out = m.exp(y)
            return x**power * out, out

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, _, ctx.power = inputs
            ctx.save_for_backward(x, output[1])

        @staticmethod
        def backward(ctx, g, h):
            x, out = ctx.saved_tensors
            n = ctx.power
            gx = g * n * x ** (n - 1) * out if ctx.needs_input_grad[0] else None
            return gx, g * x**n * out + h * out, None

    return Products


def values(m):
    make, settings = (
        (m.Tensor if m is mg else m.tensor),
        {"requires_grad": True, "dtype": getattr(m, "float64", "float64")},
    )
    return make([0.5, 1.5, -1.0], **settings), make([0.1, -0.2, 0.3], **settings)


USES = {
    "both": lambda F, x, y: (lambda a, b: a * b)(*F.apply(x, y, 3)),
    "the first": lambda F, x, y: F.apply(x, y, 3)[0],
    "the second": lambda F, x, y: F.apply(x, y, 3)[1],
    "twice": lambda F, x, y: F.apply(*F.apply(x, y, 2), 3)[0],
    "one output used twice": lambda F, x, y: (lambda a, b: a * a + b * a)(*F.apply(x, y, 2)),
    "a constant argument": lambda F, x, y: F.apply(x.detach(), y, 3)[0],
    "inside a graph": lambda F, x, y: F.apply(x * y, y + 1, 2)[0] * x,
    "x twice": lambda F, x, y: F.apply(x, x, 2)[0],
}


@pytest.mark.parametrize("definition", [products, products_with_setup_context])
@pytest.mark.parametrize("name", USES)
def test_first_and_second_derivatives_as_in_pytorch(name, definition, torch):
    results = []
    for m, F in zip((mg, torch), definition(torch), strict=True):
        x, y = values(m)
        out = USES[name](F, x, y)
        grad = m.autograd.grad
        first = grad((out * out).sum(), [x, y], create_graph=True, allow_unused=True)
        first = [g if g is not None else x * 0 for g in first]
        second = grad(sum((g * g).sum() for g in first), [x, y], allow_unused=True)
        results.append([None if t is None else t.tolist() for t in (out, *first, *second)])
    for ours, theirs in zip(*results, strict=True):
        assert (ours is None) == (theirs is None)
        np.testing.assert_allclose(0 if ours is None else ours, 0 if theirs is None else theirs, rtol=1e-6)


def test_gradcheck_of_two_orders(torch):
    F, _ = products(torch)
    x, y = values(mg)
    assert gradcheck(lambda x, y: F.apply(x, y, 3), (x, y))
    assert gradgradcheck(lambda x, y: F.apply(x, y, 3), (x, y))


class Scale(Function):
    """One output; ``returned`` is what backward returns."""

    returned = staticmethod(lambda ctx, g: (g * 2, None))

    @staticmethod
    def forward(ctx, x, y):
        ctx.x = x
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return Scale.returned(ctx, g)


def scaled(monkeypatch, returned, x=None, y=None):
    monkeypatch.setattr(Scale, "returned", staticmethod(returned))
    return Scale.apply(leaf(1, 2) if x is None else x, y)


WRONG = [
    (lambda ctx, g: g, RuntimeError, "Scale.backward returned 1 gradients for 2 arguments"),
    (lambda ctx, g: (g, None, g), RuntimeError, "Scale.backward returned 3 gradients for 2 arguments"),
    (lambda ctx, g: (), RuntimeError, "Scale.backward returned 0 gradients for 2 arguments"),
    (lambda ctx, g: (g[:1], None), RuntimeError, r"argument 0 one of shape \(1,\); the argument has shape \(2,\)"),
    (lambda ctx, g: (np.ones(3), None), RuntimeError, r"argument 0 one of shape \(3,\); the argument has shape \(2,\)"),
    (lambda ctx, g: (g.sum(), None), RuntimeError, r"argument 0 one of shape \(\); the argument has shape \(2,\)"),
    (lambda ctx, g: (g, g), RuntimeError, "argument 1 a Tensor, but that argument is a NoneType; return None for it"),
    (lambda ctx, g: ("g", None), TypeError, "argument 0 a str, which is no Tensor"),
    (lambda ctx, g: (g > 0, None), TypeError, "argument 0 bool; gradients are floating"),
    (lambda ctx, g: (np.ones(2, int), None), TypeError, "argument 0 int64; gradients are floating"),
]


@pytest.mark.parametrize(("returned", "kind", "sentence"), WRONG, ids=[s for *_, s in WRONG])
@pytest.mark.parametrize("create_graph", [False, True])
def test_what_backward_returns_is_checked(returned, kind, sentence, create_graph, monkeypatch):
    x = leaf(1, 2)
    with pytest.raises(kind, match=sentence):
        scaled(monkeypatch, returned, x).sum().backward(create_graph=create_graph)
    assert x.grad is None


RIGHT = {
    "a tuple": (lambda ctx, g: (g * 2, None), [2, 2]),
    "more None": (lambda ctx, g: (g * 2, None, None), [2, 2]),
    "an array": (lambda ctx, g: (np.full(2, 5.0), None), [5, 5]),
    "broadcast": (lambda ctx, g: (np.ones((3, 2)), None), [3, 3]),
    "float32": (lambda ctx, g: (np.ones(2, np.float32), None), [1, 1]),
    "the gradient itself": (lambda ctx, g: (g, None), [1, 1]),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("create_graph", [False, True])
def test_what_backward_may_return(name, create_graph, monkeypatch):
    returned, expected = RIGHT[name]
    x = leaf(1, 2)
    (g,) = gradients(scaled(monkeypatch, returned, x).sum(), [x], create_graph=create_graph)
    assert g.tolist() == expected
    assert g.dtype == np.float64


def test_none_sends_nothing_as_in_pytorch(monkeypatch):
    x, y = leaf(1, 2), leaf(3, 4)
    scaled(monkeypatch, lambda ctx, g: (None, g), x, y).sum().backward()
    assert x.grad is None
    assert y.grad.tolist() == [1, 1]
    out = scaled(monkeypatch, lambda ctx, g: (None, None), x, y)
    assert gradients(out.sum(), [x, y], allow_unused=True) == (None, None)


def test_a_gradient_shares_no_memory_with_what_backward_knows(monkeypatch):
    x = leaf(1, 2)
    for returned in (lambda ctx, g: (ctx.x, None), lambda ctx, g: (g, None), lambda ctx, g: (ctx.x.detach(), None)):
        seed = Tensor([1.0, 1.0])
        for create_graph in (False, True):
            (g,) = gradients(scaled(monkeypatch, returned, x), [x], [seed], create_graph=create_graph)
            assert not np.shares_memory(g.data, x.data)
            assert not np.shares_memory(g.data, seed.data)


class Parts(Function):
    """x -> (floating, integer, marked, its input); gradients that did not arrive are None."""

    seen = ()

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        marked = x * 1
        ctx.mark_non_differentiable(marked)
        return x * 2, x.astype(int), marked, x

    @staticmethod
    def backward(ctx, *g):
        Parts.seen = g
        return sum(part for part in g if part is not None)


def test_outputs_that_gradients_do_not_flow_through_and_an_output_that_is_the_input():
    x = leaf(1, 2)
    a, b, c, d = Parts.apply(x)
    assert [t.requires_grad for t in (a, b, c, d)] == [True, False, False, True]
    assert d is not x
    assert np.shares_memory(d.data, x.data)
    d.sum().backward(retain_graph=True)
    assert [g is None for g in Parts.seen] == [True, True, True, False]
    (a + d).sum().backward()
    assert [g is None for g in Parts.seen] == [False, True, True, False]
    assert x.grad.tolist() == [3, 3]


def test_unrecorded_calls():
    x = leaf(1, 2)
    with no_grad():
        outs = Parts.apply(x)
    assert not any(t.requires_grad for t in outs)
    assert not any(t.requires_grad for t in Parts.apply(x.detach()))
    assert Parts.apply(x)[0].grad_fn.name() == "Parts"


def test_forward_is_not_recorded_and_backward_only_with_create_graph():
    modes = []

    class Modes(Function):
        @staticmethod
        def forward(ctx, x):
            modes.append(mg.is_grad_enabled())
            return x * 2

        @staticmethod
        def backward(ctx, g):
            modes.append(mg.is_grad_enabled())
            return g * 2

    x = leaf(1)
    for create_graph in (False, True):
        gradients(Modes.apply(x).sum(), x, create_graph=create_graph)
    assert modes == [False, False, False, True]
    assert mg.is_grad_enabled()


def test_setup_context_gets_what_forward_got_and_returned_unrecorded():
    seen = []

    class Double(Function):
        @staticmethod
        def forward(x, factor=2):
            return x * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            seen.append((inputs, output, mg.is_grad_enabled(), ctx.needs_input_grad))

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    class Inherits(Double):
        pass

    x = leaf(1.0, 2.0)
    for F in (Double, Inherits):
        assert gradients(F.apply(x).sum(), x).tolist() == [2, 2]
        (((given,), output, recording, needed),) = seen
        assert given is x
        assert (output.tolist(), recording, needed) == ([2, 4], False, (True,))
        seen.clear()

    class NoStatic(Double):
        def setup_context(self, inputs, output):
            pass

    with pytest.raises(TypeError, match=r"NoStatic\.setup_context must be a @staticmethod"):
        NoStatic.apply(x)


def test_needs_input_grad():
    seen = []

    class Needs(Function):
        @staticmethod
        def forward(ctx, *args):
            seen.append(ctx.needs_input_grad)
            return args[0] * 1

        @staticmethod
        def backward(ctx, g):
            return g, None, None

    Needs.apply(leaf(1), Tensor([1.0]), "a")
    Needs.apply(Tensor([1.0]), leaf(1), 1.0)
    assert seen == [(True, False, False), (False, True, False)]


class Root(Function):
    """Saves its own output, and squares its way back."""

    @staticmethod
    def forward(ctx, x):
        out = x.sqrt()
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, g):
        (out,) = ctx.saved_tensors
        return g / (2 * out)


def test_a_saved_output_makes_no_cycle_and_is_differentiated_again():
    x = leaf(4, 9)
    assert gradcheck(Root.apply, x)
    assert gradgradcheck(Root.apply, x)
    gc.collect()
    gc.disable()
    try:
        for create_graph in (False, True):
            out = Root.apply(x)
            ref = weakref.ref(out._args[0])
            g = gradients(out.sum(), x, create_graph=create_graph)
            del out, g
            assert ref() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_second_backward_raises_and_retain_graph_allows_it():
    x = leaf(4, 9)
    out = Root.apply(x).sum()
    out.backward(retain_graph=True)
    out.backward()
    assert x.grad.tolist() == [0.5, 1 / 3]
    with pytest.raises(RuntimeError, match="freed by an earlier backward pass"):
        out.backward()


def test_a_saved_tensor_that_was_changed_in_place_is_noticed():
    class Keeps(Function):
        @staticmethod
        def forward(ctx, x):
            between = x.detach().clone()
            Keeps.between = between
            ctx.save_for_backward(between, None)
            return x * 1

        @staticmethod
        def backward(ctx, g):
            between, nothing = ctx.saved_tensors
            assert nothing is None
            return g * between

    out = Keeps.apply(leaf(1, 2)).sum()
    Keeps.between.fill_(5)
    with pytest.raises(RuntimeError, match=r"saved tensor 0, of shape \(2,\), was .*test_function.py:\d+"):
        out.backward()
    x = leaf(4, 9)
    out = Root.apply(x)
    with no_grad():
        out.fill_(1)
    with pytest.raises(RuntimeError, match=r"(result|tensor 0).*changed in place"):
        out.sum().backward()


def test_once_differentiable(torch):
    class Once(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return Tensor(np.sin(x.numpy(force=True) if hasattr(x, "force") else x.detach().numpy()))

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            assert not mg.is_grad_enabled()
            (x,) = ctx.saved_tensors
            return Tensor(g.detach().numpy() * np.cos(x.detach().numpy()))

    x = leaf(0.5, 1)
    assert gradients(Once.apply(x).sum(), x).tolist() == np.cos([0.5, 1]).tolist()
    (g,) = gradients(Once.apply(x).sum(), [x], create_graph=True)
    assert g.tolist() == np.cos([0.5, 1]).tolist()
    assert g.requires_grad
    with pytest.raises(RuntimeError, match=r"Once\.backward is marked once_differentiable"):
        g.sum().backward()


X = leaf(1)
MISUSE = [
    (lambda: Root(), TypeError, r"Root is not made but applied: Root.apply"),
    (lambda: type("F", (Function,), {}).apply(leaf(1)), NotImplementedError, "static method forward"),
    (
        lambda: type("F", (Function,), {"forward": lambda ctx, x: x}).apply(leaf(1)),
        TypeError,
        "F.forward must be a @staticmethod",
    ),
    (
        lambda: type("F", (Function,), {"forward": staticmethod(lambda ctx, x: "a")}).apply(leaf(1)),
        TypeError,
        "F.forward returned a str as output 0",
    ),
    (
        lambda: type("F", (Function,), {"forward": staticmethod(lambda ctx, x: x * 1)}).apply(leaf(1)).backward(),
        NotImplementedError,
        "static method backward",
    ),
    (
        lambda: type("F", (Function,), {"forward": staticmethod(lambda ctx, x: ctx.save_for_backward(3))}).apply(
            leaf(1)
        ),
        TypeError,
        "save_for_backward keeps Tensors, got int",
    ),
]


@pytest.mark.parametrize(("act", "kind", "sentence"), MISUSE, ids=[s for *_, s in MISUSE])
def test_misuse_gets_a_sentence(act, kind, sentence):
    with pytest.raises(kind, match=sentence):
        act()


def test_a_subclass_inherits_and_has_its_own_name():
    class Sub(Root):
        pass

    x = leaf(4)
    assert Sub.apply(x).grad_fn.name() == "Sub"
    assert gradients(Sub.apply(x), x).tolist() == [0.25]
    assert "grad_fn=<Sub>" in repr(Sub.apply(x))


# ------------------------------------------------------------------------------------------- the other names


def test_autograd_grad_has_pytorchs_signature(torch):
    for m in (mg, torch):
        x, y = values(m)
        out = (x * x).sum()
        (g,) = m.autograd.grad(out, x, retain_graph=True)
        assert g.tolist() == [1, 3, -2]
        g, h = m.autograd.grad(out, (x, y), None, True, False, allow_unused=True)
        assert h is None
        g, h = m.autograd.grad([out], [x, y], materialize_grads=True)
        assert h.tolist() == [0, 0, 0]
        with pytest.raises(ValueError, match="allow_unused"):
            m.autograd.grad((x * x).sum(), [y], materialize_grads=True, allow_unused=False)
        with pytest.raises(RuntimeError):
            m.autograd.grad((x * x).sum(), [y])


def test_autograd_backward_of_several(torch):
    for m in (mg, torch):
        x, y = values(m)
        one = (m.Tensor if m is mg else m.tensor)([1.0, 0.0, 2.0])
        m.autograd.backward([x * y, (x * x).sum()], [one, None])
        np.testing.assert_allclose(x.grad.tolist(), [0.1 + 1, 3, 0.6 - 2], rtol=1e-6)
        x.grad = y.grad = None
        m.autograd.backward((x * y).sum(), inputs=[y])
        assert x.grad is None
        assert y.grad.tolist() == [0.5, 1.5, -1]


def test_the_modes_are_the_engines():
    own = {"Function", "backward", "grad", "gradcheck", "gradgradcheck", "once_differentiable"}
    for name in set(autograd.__all__) - own:
        assert getattr(autograd, name) is getattr(mg, name)
