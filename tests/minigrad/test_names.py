"""What else PyTorch's users call by name: max of two, equal, dim=(), dtypes at the top, new_zeros and their kin."""

import inspect
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import Tensor, gradients

A, B = np.array([[1.0, 5.0, 2.0], [4.0, 4.0, -1.0]]), np.array([[3.0, 5.0, 0.0], [2.0, 6.0, 7.0]])


def both(torch):
    """The same two leaves in each library."""
    return [
        (m, [m.tensor(a.copy(), requires_grad=True) for a in (A, B)], grad)
        for m, grad in ((mg, gradients), (torch, torch.autograd.grad))
    ]


@pytest.mark.parametrize(
    "call",
    [
        lambda m, x, y: m.max(x, y),
        lambda m, x, y: m.min(x, y),
        lambda m, x, y: x.max(y),
        lambda m, x, y: x.min(y[0]),
        lambda m, x, y: m.max(x, other=y),
        lambda m, x, y: m.min(input=x, other=y),
        lambda m, x, y: x.max(other=y),
        lambda m, x, y: x.max(1).values * y[:, 0],
        lambda m, x, y: x.max(1, True)[0] * y,
        lambda m, x, y: x.max() * y.min(),
        lambda m, x, y: x.max(dim=np.int64(1)).values * y[:, 0] if m is mg else x.max(dim=1).values * y[:, 0],
    ],
)
def test_max_and_min_of_two_are_maximum_and_minimum(call, torch):
    outs = []
    for m, leaves, grad in both(torch):
        out = call(m, *leaves)
        outs.append([t.detach() for t in (out, *grad(out.sum(), leaves, allow_unused=True)) if t is not None])
    for ours, theirs in zip(*outs, strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy())


def test_max_of_two_takes_arrays_and_refuses_dimensions():
    np.testing.assert_array_equal(mg.max(A, B), np.maximum(A, B))
    np.testing.assert_array_equal(Tensor(A).max(B), np.maximum(A, B))
    x = Tensor(A)
    for call in (lambda: x.max(x, True), lambda: x.max(other=x, axis=0), lambda: mg.min(x, other=x, dim=0)):
        with pytest.raises(TypeError, match="of two Tensors is element by element: it takes no dim, axis or keepdim"):
            call()
    with pytest.raises(TypeError, match=r"max: other is a Tensor or an array, got 2\.0; maximum takes a number too"):
        mg.max(x, other=2.0)


def test_equal_is_one_bool(torch):
    pairs = [(A, A), (A, B), (A, A[:1]), (A[:0], A[:0]), (A[0, 0], A[0, 0]), (np.array([np.nan]), np.array([np.nan]))]
    for a, b in pairs:
        wanted = torch.equal(torch.tensor(a), torch.tensor(b))
        for answer in (mg.equal(Tensor(a), Tensor(b)), Tensor(a).equal(Tensor(b)), mg.equal(a, b)):
            assert answer is wanted
    assert mg.equal(input=Tensor(A), other=Tensor(A)) is True
    x = Tensor(A, requires_grad=True)
    for elementwise in (x == B, x.eq(B), mg.eq(x, B), np.equal(x, B), np.equal(B, x), mg.array_api.equal(x, Tensor(B))):
        np.testing.assert_array_equal(elementwise.detach(), A == B)


REDUCTIONS = ("sum", "mean", "nansum", "nanmean", "any", "all", "count_nonzero", "var", "std", "amax", "amin", "norm")


@pytest.mark.parametrize("name", REDUCTIONS)
def test_no_dimension_is_all_of_them_as_dim_and_none_as_axis(name, torch):
    wanted = getattr(torch, name)(torch.tensor(A), dim=())
    np.testing.assert_allclose(getattr(mg, name)(Tensor(A), dim=()), wanted, rtol=1e-15)
    np.testing.assert_allclose(getattr(Tensor(A), name)(dim=[]), wanted, rtol=1e-15)
    if name in ("sum", "mean", "any", "all", "amax", "amin"):
        np.testing.assert_array_equal(getattr(mg, name)(Tensor(A), axis=()), getattr(np, name)(A, axis=()))
        np.testing.assert_array_equal(getattr(np, name)(Tensor(A), axis=()), getattr(np, name)(A, axis=()))


def test_what_is_made_of_sums_over_no_axis_is_of_each_element():
    x = Tensor(A, requires_grad=True)
    np.testing.assert_array_equal(mg.var(x, axis=(), correction=0).detach(), np.var(A, axis=()))
    for ord in (1, 2, np.inf):
        np.testing.assert_array_equal(mg.linalg.vector_norm(x, ord, axis=()).detach(), np.abs(A))
    [g] = gradients(mg.sum(x, axis=()), [x], np.ones_like(A))
    np.testing.assert_array_equal(g.data, np.ones_like(A))
    assert mg.aminmax(x, axis=()).min.shape == A.shape
    assert mg.sum(Tensor(3.0), ()).item() == 3


# ------------------------------------------------------------------------------------------- at the top


def test_no_module_hides_a_name_of_pytorch(torch):
    hidden = [n for n, m in vars(mg).items() if inspect.ismodule(m) and inspect.isroutine(getattr(torch, n, None))]
    assert not hidden


def test_dtypes_are_numpys_under_pytorchs_names(torch):
    floating = ("double", "float", "float16", "float32", "float64", "half")
    for name in ("bool", "int", "int8", "int16", "int32", "int64", "long", "short", "uint8", *floating):
        dtype = getattr(mg, name)
        assert dtype == np.dtype(str(getattr(torch, name)).removeprefix("torch."))
        assert mg.zeros(2, dtype=dtype).dtype is dtype
        assert Tensor([1, 0]).to(dtype).dtype is dtype
    assert mg.finfo(mg.float32).eps == torch.finfo(torch.float32).eps
    assert mg.iinfo(mg.int8).max == torch.iinfo(torch.int8).max
    here = {}
    exec("from minigrad import *", here)
    assert not {"bool", "float", "int"} & here.keys()
    assert here["float32"] is mg.float32


def test_constants_and_questions(torch):
    assert (mg.pi, mg.e, mg.inf, mg.newaxis) == (math.pi, math.e, math.inf, None)
    assert math.isnan(mg.nan)
    x, t = Tensor(np.ones((2, 3), np.float32)), torch.ones(2, 3)
    for m, y in ((mg, x), (torch, t)):
        assert m.is_tensor(y)
        assert not m.is_tensor(3)
        assert m.is_floating_point(y)
        assert not m.is_floating_point(y > 0)
        assert m.numel(y) == y.nelement() == 6
        assert y.ndimension() == 2
    assert mg.result_type(x, 1) == mg.float32 == mg.result_type(x, x > 0)
    assert mg.result_type(x, Tensor([1.0])) == mg.float64
    names = ("float64", "float32", "int64", "int32", "uint8", "bool")
    for a in names:
        for b in names:
            assert mg.can_cast(getattr(mg, a), getattr(mg, b)) == torch.can_cast(getattr(torch, a), getattr(torch, b))


def test_inference_mode_is_no_grad():
    x = Tensor(1.0, requires_grad=True)

    @mg.inference_mode()
    def doubled(x):
        return 2 * x

    @mg.inference_mode
    def tripled(x):
        return 3 * x

    assert not doubled(x).requires_grad
    assert not tripled(x).requires_grad
    with mg.inference_mode():
        assert not (2 * x).requires_grad
        with mg.inference_mode(False):
            assert (2 * x).requires_grad
    with mg.autograd.inference_mode(mode=False):
        assert (2 * x).requires_grad
    assert mg.is_grad_enabled()


def test_new_tensors_have_the_dtype_of_the_old(torch):
    x, t = Tensor(np.ones((2, 3), np.float32)), torch.ones(2, 3)
    for call in (
        lambda y: y.new_zeros(2, 3),
        lambda y: y.new_zeros((2, 3), requires_grad=True).detach(),
        lambda y: y.new_ones(size=(2, 3)),
        lambda y: y.new_full((2, 3), 7),
        lambda y: y.new_full(size=(2,), fill_value=7),
        lambda y: y.new_tensor([1, 2]),
        lambda y: y.new_tensor(data=[1.0, 2.0]),
        lambda y: y.new_empty(2, 3) * 0,
    ):
        ours, theirs = call(x), call(t).numpy()
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype
    assert x.new_zeros(2, dtype=mg.int64).dtype == mg.int64
    assert x.new_ones(2, requires_grad=True).requires_grad


def test_adjoints_of_real_matrices_are_their_transposes(torch):
    x = Tensor(np.arange(6.0).reshape(1, 2, 3), requires_grad=True)
    np.testing.assert_array_equal(x.mH.detach(), x.mT.detach())
    np.testing.assert_array_equal(x[0].H.detach(), x[0].T.detach())
    with pytest.raises(ValueError, match=r"H is the transpose of a matrix, got shape \(1, 2, 3\); mH"):
        x.H  # noqa: B018
    with pytest.raises(RuntimeError):
        torch.ones(1, 2, 3).H  # noqa: B018
