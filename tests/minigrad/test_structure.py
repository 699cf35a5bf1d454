"""Reductions, cumulative ops, sorting, indexing and rearranging where the table of ops cannot look.

Kinks, NaN, repeated indices, memory, costs, and the sentences of bad input.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minigrad as mg
from minigrad import Tensor, gradients, no_grad, ops

X = Tensor(np.arange(6.0).reshape(2, 3))
NAN = float("nan")


def leaf(*values, **options):
    return Tensor(values, requires_grad=True, **options)


# ------------------------------------------------------------------------------------------------------- products


@pytest.mark.parametrize("zeros", [0, 1, 2])
@pytest.mark.parametrize("name", ["prod", "cumprod"])
def test_third_derivatives_at_zeros_are_pytorchs(name, zeros, torch):
    values = [2.0, -1.5, 0.5, 3.0, -0.7]
    values[:zeros] = [0.0] * zeros
    results = []
    for x, grad in ((leaf(*values), gradients), (torch.tensor(values, dtype=torch.float64), torch.autograd.grad)):
        x.requires_grad_()
        weights = (1 - x).detach()
        out = (getattr(x, name)(0) * (weights if name == "cumprod" else 1)).sum()
        for _ in range(3):
            out = (grad(out, [x], create_graph=True)[0] * weights * weights).sum()
        results.append(out.item())
    assert results[0] == pytest.approx(results[1], rel=1e-12)


def test_a_product_that_underflows_has_the_derivative_of_the_others():
    x = leaf(1e-200, 1e-200)
    assert x.prod().item() == 0
    assert gradients(x.prod(), x).tolist() == [1e-200, 1e-200]
    assert gradients(x.cumprod(0)[1], x).tolist() == [1e-200, 1e-200]


def test_products_that_overflow_are_infinite_without_a_warning():
    assert leaf(1e200, 1e200, 1.0).prod().item() == math.inf
    assert leaf(1e200, 1e200).cumprod(0).tolist() == [1e200, math.inf]


def test_products_of_nothing_and_of_whole_numbers():
    x = Tensor(np.zeros((2, 0)), requires_grad=True)
    assert x.prod(1).tolist() == [1, 1]
    assert x.prod().item() == 1
    assert gradients(x.prod(1).sum(), x).shape == (2, 0)
    assert Tensor([3, 4]).prod().dtype == np.int64
    assert Tensor([True, True]).prod().item() == 1
    assert Tensor([3, 4]).cumprod(0).tolist() == [3, 12]


@given(hnp.arrays(np.float64, st.integers(1, 9), elements=st.floats(-700, 700)))
def test_logcumsumexp_neither_overflows_nor_loses_digits(a):
    x = Tensor(a, requires_grad=True)
    out = x.logcumsumexp(0)
    np.testing.assert_allclose(out.detach(), np.logaddexp.accumulate(a), rtol=1e-13, atol=1e-13)
    shares = np.exp(a - np.logaddexp.reduce(a))
    np.testing.assert_allclose(gradients(out[-1], x).data, shares, rtol=1e-9, atol=1e-15)


def test_logcumsumexp_of_infinities():
    x = leaf(-math.inf, -math.inf, 1.0, math.inf)
    out = x.logcumsumexp(0)
    assert out.tolist() == [-math.inf, -math.inf, 1.0, math.inf]
    assert not np.isnan(gradients(out[:3].sum(), x).data).any()


# ------------------------------------------------------------------------------------------------ order and NaN


def test_equal_elements_share_the_median_of_all_and_the_first_takes_it_along_a_dimension(torch):
    values = [1.0, 2.0, 2.0, 2.0, 5.0]
    theirs = torch.tensor(values, requires_grad=True)
    theirs.median().backward()
    x = leaf(*values)
    assert gradients(x.median(), x).tolist() == pytest.approx(theirs.grad.tolist())
    assert gradients(x.median(0).values, x).tolist() == [0, 0, 1, 0, 0]
    assert x.median(0).indices.item() == 2


def test_the_lower_of_two_is_the_median():
    assert leaf(4.0, 1.0, 3.0, 2.0).median().item() == 2
    assert Tensor([4, 1, 3, 2]).median().dtype == np.int64


@pytest.mark.parametrize("values", [[1.0, NAN, 0.0], [NAN, NAN, NAN], [NAN, 2.0, 1.0], [3.0, 1.0, 2.0, NAN]])
def test_nan_as_pytorch(values, torch):
    ours, theirs = leaf(*values), torch.tensor(values, dtype=torch.float64, requires_grad=True)
    for f in (
        lambda x: x.median(),
        lambda x: x.nanmedian(),
        lambda x: x.median(0).values,
        lambda x: x.nanmedian(0).values,
        lambda x: x.quantile(0.5),
        lambda x: x.nansum(),
        lambda x: x.nanmean(),
        lambda x: x.sort().values,
        lambda x: x.sort(descending=True).values,
        lambda x: x.topk(2).values,
        lambda x: x.cummax(0).values,
        lambda x: x.cummin(0).indices,
        lambda x: x.cumsum(0),
        lambda x: x.amax(),
    ):
        np.testing.assert_array_equal(f(ours).detach().data, f(theirs).detach().numpy())
    np.testing.assert_array_equal(
        gradients(ours.nansum(), ours).data, torch.autograd.grad(theirs.nansum(), theirs)[0].numpy()
    )


def test_sorts_are_stable_both_ways():
    x = Tensor([2.0, 1.0, 2.0, 1.0])
    assert x.sort().indices.tolist() == [1, 3, 0, 2]
    assert x.sort(descending=True).indices.tolist() == [0, 2, 1, 3]
    assert x.topk(3).indices.tolist() == [0, 2, 1]
    assert x.topk(3, largest=False).indices.tolist() == [1, 3, 0]
    assert x.kthvalue(2).indices.item() == 3


def test_running_extremes_move_on_to_the_last_of_equal_ones():
    x = leaf(1.0, 3.0, 2.0, 3.0)
    assert x.cummax(0).indices.tolist() == [0, 1, 1, 3]
    assert gradients(x.cummax(0).values.sum(), x).tolist() == [1, 2, 0, 1]


def test_sorting_bare_arrays_gives_bare_arrays():
    out = ops.sort(np.array([3.0, 1.0]))
    assert type(out.values) is type(out.indices) is np.ndarray
    assert type(ops.unique(np.array([2, 2, 1]))) is np.ndarray
    assert type(ops.where(np.array([True]))[0]) is np.ndarray


def test_quantiles_beside_an_infinite_element():
    assert leaf(1.0, math.inf).quantile(0.0).item() == 1
    assert leaf(-math.inf, 1.0).quantile(1.0).item() == 1


# ------------------------------------------------------------------------------------------ the last one written


@pytest.mark.parametrize(
    "write",
    [
        lambda x, s: x.scatter(0, np.array([1, 1, 0]), s),
        lambda x, s: x.index_copy(0, np.array([1, 1, 0]), s),
    ],
)
def test_the_last_of_several_values_stays_and_alone_gets_the_gradient(write):
    x, s = leaf(0.0, 0.0, 9.0), leaf(1.0, 2.0, 3.0)
    out = write(x, s)
    assert out.tolist() == [3, 2, 9]
    gx, gs = gradients(out, [x, s], [np.array([10.0, 20.0, 30.0])])
    assert gx.tolist() == [0, 0, 30]
    assert gs.tolist() == [0, 20, 10]


def test_the_index_may_change_after_the_call():
    x, index = leaf(1.0, 2.0, 3.0), np.array([0, 0, 2])
    outs = [x.gather(0, index), x.index_select(0, index), x.take(index), x.index_fill(0, index, 5)]
    mask = index == 0
    outs.append(x.masked_fill(mask, 5))
    index[:] = 1
    mask[:] = False
    assert [gradients(out.sum(), x).tolist() for out in outs] == [[2, 0, 1]] * 3 + [[0, 1, 0], [0, 0, 1]]


def test_written_numbers_keep_the_dtype():
    x = Tensor([1.0, 2.0], dtype="float32")
    assert x.masked_fill([True, False], 0.5).dtype == np.float32
    assert x.scatter(0, [0], 0.5).dtype == np.float32
    assert Tensor([1, 2]).index_fill(0, [0], 5).dtype == np.int64
    assert mg.one_hot(Tensor([1, 0])).dtype == np.int64


# ---------------------------------------------------------------------------------------------------- in place


IN_PLACE = {
    "masked_fill_": (np.array([True, False, True]), 7.0),
    "index_fill_": (0, [0, 2], 7.0),
    "index_copy_": (0, [2, 0], np.array([5.0, 6.0])),
    "index_add_": (0, [2, 2], np.array([5.0, 6.0])),
    "scatter_": (0, [2, 0], 7.0),
    "scatter_add_": (0, [2, 2], np.array([5.0, 6.0])),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_as_pytorch_and_as_without_the_underscore(name, torch):
    arguments = IN_PLACE[name]
    x = Tensor([1.0, 2.0, 3.0])
    view = x[:]
    wanted = getattr(x, name[:-1])(*arguments).tolist()
    theirs = [torch.tensor(a) if isinstance(a, (list, np.ndarray)) else a for a in arguments]
    assert getattr(torch.tensor([1.0, 2.0, 3.0]).double(), name)(*theirs).tolist() == wanted
    assert getattr(x, name)(*arguments) is x
    assert x.tolist() == view.tolist() == wanted


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_is_refused_where_a_gradient_would_be_lost(name):
    x = leaf(1.0, 2.0, 3.0)
    with pytest.raises(RuntimeError, match="in place while its gradients are recorded"):
        getattr(x, name)(*IN_PLACE[name])
    with no_grad():
        getattr(x, name)(*IN_PLACE[name])
    *others, value = IN_PLACE[name]
    with pytest.raises(RuntimeError, match="drops the gradient of the value"):
        getattr(Tensor([1.0, 2.0, 3.0]), name)(*others, Tensor(value, requires_grad=True))


def test_a_value_that_backward_needs_is_not_changed_unseen():
    x = Tensor([1.0, 2.0])
    y = leaf(3.0, 4.0) * x
    x.masked_fill_(x > 1, 0.0)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


# ------------------------------------------------------------------------------------------------ memory and cost


def test_parts_and_windows_share_memory_and_copies_do_not():
    x = Tensor(np.arange(12.0).reshape(3, 4))
    views = [*x.split(2), *x.chunk(2, 1), *x.unbind(), x.select(1, 2), x.unfold(1, 2, 1), x.diagonal(), x.movedim(0, 1)]
    assert all(np.shares_memory(v.data, x.data) for v in [*views, x.contiguous(), x.swapaxes(0, 1), x.t(), x.ravel()])
    copies = [
        x.flip(0),
        x.roll(1),
        x.tril(),
        x.repeat(1, 1),
        x.tile(1),
        mg.pad(x, (0, 0)),
        x.rot90(0),
        x.mT.contiguous(),
    ]
    assert not any(np.shares_memory(c.data, x.data) for c in copies)
    x.diagonal().fill_(-1)
    x.unfold(0, 2, 1)[0, 1].zero_()
    assert x.tolist() == [[-1, 0, 2, 3], [4, 0, 6, 7], [8, 9, -1, 11]]


@pytest.mark.parametrize("parts", [lambda x: x.unbind(), lambda x: x.split(1), list, lambda x: x.tensor_split(256)])
def test_the_backward_pass_of_many_parts_is_not_quadratic(parts):
    """Zeros made on the way back, in wholes: log2 of the parts, not the parts."""
    x = Tensor(np.ones((256, 8)), requires_grad=True)
    made, zeros = 0, np.zeros

    def counting(shape, *rest, **settings):
        nonlocal made
        made += math.prod(shape)
        return zeros(shape, *rest, **settings)

    out = ops.stack([p * i for i, p in enumerate(parts(x))]).sum()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "zeros", counting)
        g = gradients(out, x)
    assert g[:, 0].tolist() == list(range(256))
    assert made <= 2 * 8 * x.numel() + x.numel()


# ------------------------------------------------------------------------------------------------------ bad input

SENTENCES = [
    (lambda: X.cumsum(), TypeError, "cumsum needs the dimension to run along: dim=0"),
    (lambda: X.cumsum(0, axis=1), TypeError, "two names for one argument"),
    (lambda: X.cumsum(2), IndexError, "axis 2 is out of bounds"),
    (lambda: X.diff(-1), ValueError, "diff is taken n >= 0 times, got -1"),
    (lambda: Tensor(1.0).diff(), ValueError, "has none"),
    (lambda: X.topk(4), ValueError, "topk: k = 4 of a dimension of length 3"),
    (lambda: X.kthvalue(0), ValueError, "kthvalue: k counts from 1 to 3, the length of dim -1; got 0"),
    (
        lambda: Tensor(np.zeros((2, 0))).median(1),
        ValueError,
        r"median along dim 1 of shape \(2, 0\): there is no element",
    ),
    (lambda: X.quantile(1.5), ValueError, r"a number in \[0, 1\] or a vector of them, got 1.5"),
    (lambda: X.quantile(0.5, interpolation="cubic"), ValueError, "one of linear, lower, .*, got 'cubic'"),
    (lambda: Tensor([1, 2]).quantile(0.5), TypeError, "quantile is of floating Tensors, got int64"),
    (lambda: X.gather(0, [[2, 0, 0]]), IndexError, "gather: indices from 0 to 2 for a length of 2"),
    (lambda: X.gather(0, [[-1, 0, 0]]), IndexError, "gather: indices from -1 to 0"),
    (lambda: X.gather(0, [0]), ValueError, r"gather of \(2, 3\) along dim 0: the index has shape \(1,\)"),
    (lambda: X.gather(0, [[0.5]]), IndexError, "gather: an index is of integers, got float64"),
    (lambda: X.scatter(1, [[0, 1]], Tensor([[1.0]])), ValueError, r"a src at least as large, got \(1, 1\)"),
    (
        lambda: Tensor([1, 2]).scatter(0, [0], Tensor([0.5])),
        TypeError,
        "scatter: float64 does not fit a Tensor of int64",
    ),
    (
        lambda: X.index_select(0, [[0]]),
        IndexError,
        r"the index is a vector, got one of shape \(1, 1\); gather takes such",
    ),
    (
        lambda: X.index_add(0, [0], Tensor([1.0])),
        ValueError,
        r"1 slices of dim 0 have shape \(1, 3\), the source \(1,\)",
    ),
    (lambda: X.masked_fill(X, 0), TypeError, "a mask is of booleans, got float64; x != 0 makes one"),
    (
        lambda: X.masked_fill(X > 0, [1.0]),
        ValueError,
        r"the value is one number, got shape \(1,\); where takes as many",
    ),
    (lambda: Tensor([1]).masked_fill([True], 0.5), TypeError, "masked_fill: float64 does not fit a Tensor of int64"),
    (lambda: X.masked_select([True, False]), ValueError, r"the shapes \(2, 3\), \(2,\) do not broadcast"),
    (lambda: X.masked_scatter(X > 0, [1.0]), ValueError, "the mask takes 5 elements, the source has 1"),
    (lambda: mg.one_hot(Tensor([0, 3]), 3), IndexError, "one_hot: indices from 0 to 3 for a length of 3"),
    (lambda: mg.one_hot(Tensor([0.5])), IndexError, "one_hot: an index is of integers, got float64"),
    (lambda: mg.where(X > 0, X), TypeError, "a condition alone, or a condition and two values"),
    (lambda: X.select(0, 2), IndexError, "index 2 is out of bounds"),
    (lambda: X.roll((1, 2), 0), ValueError, "pair up"),
    (lambda: X.rot90(1, (0, 0)), ValueError, "repeated axis"),
    (lambda: Tensor([1.0]).rot90(), ValueError, "rot90 turns a plane"),
    (
        lambda: X.repeat(2),
        ValueError,
        "1 counts for 2 dimensions; each needs one. NumPy's repeat is repeat_interleave here",
    ),
    (lambda: X.tile(-1), ValueError, "a count of copies is 0 or more"),
    (lambda: X.repeat_interleave([1, 2, 3], 0), ValueError, "one number or 2 of them"),
    (lambda: mg.pad(X, (1,)), ValueError, r"pad of \(2, 3\): \(before, after\) for at most 2 dimensions, last first"),
    (lambda: mg.pad(X, (-2, -2)), ValueError, "cuts off more than there is"),
    (lambda: mg.pad(X, (3, 0), "reflect"), ValueError, "reflect adds 0 to 2 elements to a length of 3, got 3 and 0"),
    (lambda: mg.pad(X, (1, 1), "mirror"), ValueError, "constant, reflect, replicate or circular, got 'mirror'"),
    (lambda: X.unfold(0, 3, 1), ValueError, "windows of 3, 1 apart, do not fit a length of 2"),
    (lambda: mg.meshgrid(X), ValueError, r"meshgrid takes vectors, got shapes \(2, 3\)"),
    (lambda: mg.meshgrid(X[0], indexing="yx"), ValueError, '"ij" or "xy", got \'yx\''),
    (lambda: X.chunk(0), ValueError, "one part or more, got chunks=0"),
    (lambda: X.split([3, -1]), ValueError, r"the sizes \[3, -1\] do not add up to 2"),
    (lambda: X.unflatten(1, (2, -1)), ValueError, "dim 1 has length 3, which does not make"),
    (lambda: X.movedim((0, 1), 0), ValueError, "2 dimensions for 1 places"),
    (lambda: X[None].t(), ValueError, r"at most two dimensions, this is \(1, 2, 3\); mT"),
    (lambda: mg.broadcast_tensors(X, X.T), ValueError, r"the shapes \(2, 3\), \(3, 2\) do not broadcast"),
    (lambda: X[0].tril(), ValueError, r"tril is of matrices, got shape \(3,\)"),
    (lambda: X[None].trace(), ValueError, "trace is of one matrix"),
    (lambda: X[None].diag(), ValueError, "diag takes a vector or a matrix"),
    (lambda: X.diagonal(0, 1, -1), ValueError, "dim1=1 and dim2=-1, which are one"),
    (lambda: Tensor([0.5]).bincount(), IndexError, "bincount: an index is of integers, got float64"),
    (lambda: Tensor([-1]).bincount(), ValueError, "integers that are 0 or more"),
    (lambda: X.histc(0), ValueError, "one bin or more"),
    (lambda: mg.bucketize(X, X), ValueError, r"the boundaries are a vector, got shape \(2, 3\)"),
    (lambda: mg.searchsorted(X[0], X, side="middle"), ValueError, "got 'middle'"),
]


@pytest.mark.parametrize(("act", "kind", "sentence"), SENTENCES, ids=[s for *_, s in SENTENCES])
def test_bad_input_gets_a_sentence(act, kind, sentence):
    with pytest.raises(kind, match=sentence) as error:
        act()
    assert error.value.__cause__ is None
    assert len(str(error.value)) < 300
