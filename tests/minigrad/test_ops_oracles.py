"""Every op, in every spelling, against two oracles that share no code with it: PyTorch and differences.

The table is minigrad/testing/catalogue: shapes with 0 and without dimensions, broadcast pairs, any memory layout, never
near a kink.
"""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import Tensor, gradients, ops
from minigrad.nn import functional as F
from minigrad.testing import gradcheck, gradgradcheck
from minigrad.testing.catalogue import CASES

FEW = settings(max_examples=max(3, settings.default.max_examples // 16))  # for each line of the table


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
    cases = [c for c in CASES if c.smooth or not smooth_only]
    return pytest.mark.parametrize("case", cases, ids=[c.name for c in cases])


SMOOTH = by_name(smooth_only=True)
SEEDS = st.integers(0, 999)


def test_every_op_is_in_the_table():
    assert {c.op for c in CASES} == {*ops.__all__, *F.__all__} - set(ops.aliases.__all__)


def test_no_line_of_the_table_hides_another():
    assert len({c.name for c in CASES}) == len(CASES)


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


@pytest.mark.parametrize("name", [n for n in ops.__all__ if n not in ops._FUNCTIONS_ONLY])
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
        ("lt", "less"),
        ("arctan2", "atan2"),
        ("mod", "remainder"),
        ("swish", "silu"),
        ("view", "reshape"),
    ],
)
def test_second_names(short, name):
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
