"""Copies, pickles, shared memory, dtypes by name, and the text of a Tensor beside PyTorch's."""

import copy
import pickle
import re

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, gradients, nn


def leaf(*data):
    return Tensor(data, requires_grad=True, dtype=float)


# ------------------------------------------------------------------------------------------------------- copies


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_leaves(protocol):
    x = nn.Parameter(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    x.grad = Tensor(np.ones((2, 3)))
    y, z = pickle.loads(pickle.dumps([x, x], protocol))
    assert y is z
    assert type(y) is nn.Parameter
    assert y.requires_grad
    assert y.data.tolist() == x.data.tolist()
    assert y.grad.tolist() == x.grad.tolist()
    assert pickle.loads(pickle.dumps(Tensor(3, dtype="int8"), protocol)).dtype == np.int8
    gradients((y * y).sum(), y)


def test_what_an_op_made_is_no_leaf():
    y = leaf(1, 2) * 2
    for copied, what in ((copy.deepcopy, "deep-copied"), (pickle.dumps, "pickled")):
        with pytest.raises(RuntimeError, match=rf"only leaves can be {what}.*computed by multiply; detach\(\)"):
            copied(y)
    assert copy.deepcopy(y.detach()).tolist() == [2, 4]


def test_a_network_is_deep_copied():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    other = copy.deepcopy(net)
    for p, q in zip(net.parameters(), other.parameters(), strict=True):
        assert type(q) is nn.Parameter
        assert q.data.tobytes() == p.data.tobytes()
        assert not np.shares_memory(p.data, q.data)


def test_a_shallow_copy_shares_memory_and_history():
    x = leaf(1, 2)
    y = x * x
    z = copy.copy(y)
    assert gradients(z.sum(), x).tolist() == [2, 4]
    w = copy.copy(x)
    assert w.requires_grad
    assert np.shares_memory(w.data, x.data)
    kept = (x * x).sum()
    with minigrad.no_grad():
        w.zero_()
    with pytest.raises(RuntimeError, match="changed in place"):
        kept.backward()


class Named(Tensor):
    """A user's class, with attributes."""


def test_a_users_class_keeps_its_attributes():
    x = Named([1.0])
    x.name = ["a"]
    y = copy.deepcopy(x)
    assert type(y) is Named
    assert y.name == ["a"]
    assert y.name is not x.name
    assert copy.copy(x).name is x.name


# ------------------------------------------------------------------------------------------------------- DLPack


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint8", "int64", "float16", "bool"])
def test_memory_is_shared_with_numpy_and_pytorch(torch, dtype):
    x = Tensor(np.arange(6).reshape(2, 3).T, dtype=dtype)
    t, a = torch.from_dlpack(x), np.from_dlpack(x)
    assert t.data_ptr() == x.data_ptr() == a.__array_interface__["data"][0]
    assert tuple(t.shape) == a.shape == x.shape == (3, 2)
    assert x.__dlpack_device__() == (1, 0)
    t[0, 0] = 1
    assert x[0, 0].item() == a[0, 0] == 1
    back = minigrad.from_dlpack(t)
    assert back.data_ptr() == x.data_ptr()
    assert back.dtype == x.dtype
    assert back.is_leaf
    assert not back.requires_grad
    assert minigrad.from_dlpack(t, copy=True).data_ptr() != x.data_ptr()


def test_what_dlpack_refuses(torch):
    with pytest.raises(BufferError, match=r"drop this Tensor's gradient; say so with \.detach\(\)"):
        torch.from_dlpack(leaf(1))
    with pytest.raises(TypeError, match="real numbers or booleans; got complex128 from ndarray"):
        minigrad.from_dlpack(np.array([1j]))
    assert torch.from_dlpack(leaf(1, 2).detach()).tolist() == [1, 2]
    assert torch.from_dlpack(Tensor(3.0)).item() == 3


# ------------------------------------------------------------------------------------------------------- dtypes


def test_dtypes_by_name():
    x = leaf(1.5, 0)
    names = {"half": "float16", "float": "float32", "double": "float64", "short": "int16", "int": "int32"}
    for name, dtype in {**names, "long": "int64", "bool": "bool"}.items():
        y = getattr(x, name)()
        assert y.dtype == dtype
        assert y.requires_grad == y.is_floating_point() == (y.dtype.kind == "f")
    assert x.double() is x.cpu() is x.to("cpu") is x.to(x) is x.to(np.float64) is x.to(float) is x.to_device("cpu") is x
    assert x.to("float32").dtype == x.type_as(Tensor([1], dtype="float32")).dtype == np.float32
    assert gradients(x.float().sum(), x).dtype == np.float64
    with pytest.raises(minigrad.DeviceError, match=r"a device is .cpu. or .cuda., got 'gpu'"):
        x.to_device("gpu")
    with pytest.raises(ValueError, match="stream 3"):
        x.to_device("cpu", stream=3)


def test_what_it_is_made_of(torch):
    for shape in ((), (3,), (2, 3), (2, 0)):
        x, t = Tensor(np.zeros(shape, np.float32)), torch.zeros(shape)
        for name in ("nbytes", "itemsize"):
            assert getattr(x, name) == getattr(t, name)
        assert (x.element_size(), x.is_contiguous()) == (t.element_size(), t.is_contiguous())
        if x.numel():
            assert x.stride() == t.stride()
    x = Tensor(np.zeros((2, 3), np.float32))
    assert (x.T.stride(), x.T.stride(0), x.T.is_contiguous(), x.strides) == ((1, 3), 1, False, (12, 4))
    assert x.device == "cpu"
    assert complex(Tensor(2.0)) == 2


# ------------------------------------------------------------------------------------------------------- the text

TEXTS = [
    *("torch.tensor(1.5)", "torch.tensor(1.)", "torch.tensor([])", "torch.zeros(0, 3)", "torch.tensor([1, 2])"),
    *("torch.tensor([True])", "torch.tensor([True, False])", "torch.tensor([1.0, 2.5])", "torch.tensor([1e-5, 1.0])"),
    *("torch.tensor([1e10, 1])", "torch.tensor([1e-3, 1.0])", "torch.tensor([float('nan'), 1.0])"),
    *("torch.tensor([float('inf'), -1.0])", "torch.tensor([float('inf'), 1.5])", "torch.tensor([-0.0, 1.0])"),
    *("torch.arange(2000)", "torch.zeros(3, 400)", "torch.zeros(40, 40)", "torch.full((40, 40), 1.5)"),
    *("torch.ones(9, 2, 2, 40)", "torch.ones(2, 9, 9, 9) * 0.3", "torch.arange(30)", "torch.arange(40.0) * 1.5"),
    *("torch.arange(24.0).reshape(2, 3, 4)", "torch.arange(12.0).reshape(3, 4) / 7 - 1", "torch.tensor(123456789.0)"),
    *("torch.tensor([0.1, 123456.7])", "torch.tensor([1.0, 2.0]) * 1e9", "torch.tensor(1e-7)", "torch.tensor([1e8])"),
    *("torch.tensor([2.0, 3e3])", "torch.tensor([-1, 10])", "torch.zeros(2, 0, 3)", "torch.tensor([0.0005])"),
    *("torch.tensor([1000.5, 0.001])", "torch.tensor([float('nan')])", "torch.tensor(-0.0)", "torch.tensor(True)"),
    *("torch.tensor([1.0], dtype=torch.float32)", "torch.tensor([1], dtype=torch.int32)", "torch.zeros(0).int()"),
    *("torch.zeros(0).long()", "torch.ones(2, 2).float().requires_grad_()", "torch.ones(100).requires_grad_()"),
    *("torch.ones(7, dtype=torch.uint8)", "torch.ones(3, 3).half()", "torch.ones(1).requires_grad_() * 2"),
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_text_is_pytorchs(torch, text):
    """Where float64 is its default dtype, but for "torch." and the node's name."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        theirs = eval(text)
        expected = re.sub(r"<.*>", "<>", repr(theirs).replace("torch.", ""))
    finally:
        torch.set_default_dtype(before)
    ours = Tensor(theirs.detach().numpy(), requires_grad=theirs.requires_grad)
    ours = ours * 1 if theirs.grad_fn is not None else ours
    assert re.sub(r"<.*>", "<>", repr(ours)) == expected


def test_notes_that_do_not_fit_begin_a_line():
    x = Tensor(np.full(16, 0.5, np.float32), requires_grad=True) * 1
    assert repr(x).splitlines()[1:] == [
        "        0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000, 0.5000], dtype=float32,",
        "       grad_fn=<multiply>)",
    ]
