"""A Tensor among Python's and NumPy's own: lengths, loops, numbers, printing, conversion, indexing."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minigrad import Tensor, gradients, no_grad


def leaf(*data):
    return Tensor(data, requires_grad=True, dtype=float)


def test_shapes():
    x = Tensor(np.zeros((2, 3), np.float32))
    assert (x.shape, x.ndim, x.dtype, len(x)) == ((2, 3), 2, np.float32, 2)
    assert (x.size(), x.size(1), x.size(-2), x.dim(), x.numel()) == ((2, 3), 3, 2, 2, 6)
    assert x.T.shape == (3, 2)
    assert Tensor(1.0).shape == ()
    with pytest.raises(TypeError, match="without dimensions"):
        len(Tensor(1.0))


def test_a_tensor_is_a_copy():
    a = np.array([1.0, 2.0])
    x, y = Tensor(a), Tensor(Tensor(a))
    a[:] = 0
    assert x.tolist() == y.tolist() == [1, 2]


def test_loops_and_unpacking_are_indexing():
    x = leaf([1, 2], [3, 4])
    a, b = x
    assert a.tolist() == [1, 2]
    out = sum((row * k).sum() for k, row in enumerate(x)) + b[0]
    assert gradients(out, x).tolist() == [[0, 0], [2, 1]]
    assert 3.0 in Tensor([1.0, 3.0])
    assert [float(t) for t in reversed(Tensor([1.0, 2.0]))] == [2, 1]
    with pytest.raises(TypeError, match="without dimensions"):
        iter(Tensor(1.0))


def test_numbers():
    x = leaf(2.5)
    assert (x.item(), float(x), int(x), bool(x), bool(Tensor(0.0))) == (2.5, 2.5, 2, True, False)
    assert type(x.item()) is float
    assert [10, 20, 30][Tensor(1)] == 20
    assert f"{x:.2f}|{Tensor(3):04d}" == "2.50|0003"
    assert f"{Tensor([1.0])}" == str(Tensor([1.0])) == "tensor([1.])"
    for use in (float, int, bool, Tensor.item, "{:.2f}".format):
        with pytest.raises(ValueError, match=r"exactly one element; this Tensor has shape \(2,\)"):
            use(Tensor([1.0, 2.0]))
    with pytest.raises(TypeError, match="only an integer Tensor can be an index, this one is float64"):
        [1, 2][Tensor(1.0)]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Tensor(1.5), "tensor(1.5000)"),
        (lambda: Tensor([1, 2]), "tensor([1, 2])"),
        (lambda: Tensor([True]), "tensor([True])"),
        (lambda: Tensor([1.0], dtype="float32"), "tensor([1.], dtype=float32)"),
        (lambda: leaf(1), "tensor([1.], requires_grad=True)"),
        (lambda: leaf(1) * 2, "tensor([2.], grad_fn=<multiply>)"),
        (lambda: leaf(1).sum(), "tensor(1., grad_fn=<sum>)"),
        (lambda: Tensor([[1.0, 2.0], [3.0, 4.0]]), "tensor([[1., 2.],\n        [3., 4.]])"),
        (lambda: Tensor(np.zeros((0, 3))), "tensor([], size=(0, 3))"),
    ],
)
def test_repr(make, text):
    assert repr(make()) == text


def test_repr_of_a_freed_graph():
    y = leaf(1).exp()
    y.backward([1.0])
    assert repr(y) == "tensor([2.7183], grad_fn=<freed>)"


def test_to_numpy_and_back():
    x, w = Tensor([1.0, 2.0]), leaf(1, 2)
    assert x.numpy() is x.data
    assert np.asarray(x) is x.data
    assert np.array(x, dtype="float32").dtype == np.float32
    assert not np.shares_memory(np.array(x), x.data)
    assert np.shares_memory(w.detach().numpy(), w.data)
    for t in (w, w * 2):
        for convert in (Tensor.numpy, np.asarray):
            with pytest.raises(RuntimeError, match=r"drop this Tensor's gradient.*\.detach\(\)\.numpy\(\)"):
                convert(t)
    with no_grad():
        assert (w * 2).numpy().tolist() == [2, 4]
    scalar = Tensor(3.0).numpy()
    assert type(scalar) is np.ndarray
    assert scalar.shape == ()
    assert w.tolist() == [1, 2]


def test_an_array_times_a_tensor_is_one_op():
    x = leaf(1, 2)
    out = np.array([3.0, 4.0]) * x
    assert type(out) is Tensor
    assert out._op.__name__ == "multiply"
    assert gradients(out.sum(), x).tolist() == [3, 4]


def test_equality_is_of_elements_and_hashing_of_identity():
    x, y = Tensor([1.0, 2.0]), Tensor([1.0, 3.0])
    assert (x == y).tolist() == [True, False]
    assert len({x, y, x}) == 2
    assert {x: 1}[x] == 1


def test_copies_and_pickles_of_leaves():
    x = leaf(1, 2)
    x.grad = Tensor([3.0, 4.0])
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert y.tolist() == [1, 2]
        assert y.requires_grad
        assert y.is_leaf
        assert y.grad.tolist() == [3, 4]
        assert not np.shares_memory(x.data, y.data)


@pytest.mark.parametrize("bad", ["a", None, 1j, [1j], object(), {"a": 1}])
def test_only_numbers_go_in(bad):
    with pytest.raises(TypeError, match=f"real numbers or booleans; got .* from {type(bad).__name__}"):
        Tensor(bad)


def test_ragged_lists_are_refused():
    with pytest.raises(ValueError, match="inhomogeneous"):
        Tensor([[1, 2], [3]])


# ------------------------------------------------------------------------------------------------------- indexing


@given(data=st.data())
def test_any_index_gives_numpys_elements_and_scatters_back(data):
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    index = data.draw(
        hnp.basic_indices(shape, allow_newaxis=True)
        | hnp.integer_array_indices(shape)
        | hnp.arrays(bool, shape)
        | hnp.arrays(bool, shape[:1])
    )
    a = np.arange(np.prod(shape), dtype=float).reshape(shape)
    x = Tensor(a, requires_grad=True)
    out = x[index]
    np.testing.assert_array_equal(out.detach().data, a[index])
    g = np.random.default_rng(0).normal(size=out.shape)
    wanted = np.zeros(shape)
    np.add.at(wanted, index, g)  # an element taken twice receives twice
    np.testing.assert_allclose(gradients(out, x, [g]).data, wanted, rtol=1e-12, atol=1e-12)


def test_tensors_as_indices():
    x = leaf(1, 2, 3)
    assert x[Tensor([2, 0, 2])].tolist() == [3, 1, 3]
    assert x[x > 1].tolist() == [2, 3]
    assert x[Tensor(1)].item() == 2
    assert x[Tensor([0]), None].tolist() == [[1]]
    y = leaf([1, 2], [3, 4])
    assert y[Tensor([0, 1]), Tensor([1, 0])].tolist() == [2, 3]
    assert gradients((x[Tensor([0, 0, 0, 2])] * [1, 2, 3, 4]).sum(), x).tolist() == [6, 0, 4]


def test_a_view_shares_memory_and_an_indexed_copy_does_not():
    x = Tensor(np.arange(6.0)).reshape(2, 3)
    for view in (x[0], x[:, 1:], x.T, x.reshape(6), x[None], x.expand(2, 2, 3), x.squeeze(), x.unsqueeze(0)):
        assert np.shares_memory(view.data, x.data)
    for other in (x[[0]], x[x > 0], x.clone(), x + 0, x.astype(dtype=float), x.maxout(1), x.clip(min=-9)):
        assert not np.shares_memory(other.data, x.data)
