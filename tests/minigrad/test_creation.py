"""Tensors from nothing: PyTorch's values, NumPy's default dtypes, seeded numbers, bad input."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import Generator, Tensor

LIKE = np.ones((2, 3), np.float32)

VALUES = {
    "zeros": lambda m: m.zeros(2, 3),
    "zeros:tuple": lambda m: m.zeros((2, 3)),
    "zeros:0-d": lambda m: m.zeros(()),
    "ones": lambda m: m.ones(0, 2),
    "full": lambda m: m.full((2, 2), 0.5),
    "full:whole": lambda m: m.full((2,), 7),
    "full:boolean": lambda m: m.full((2,), True),
    "arange": lambda m: m.arange(5),
    "arange:from": lambda m: m.arange(2, 5),
    "arange:step": lambda m: m.arange(5, 0, -2),
    "arange:floating": lambda m: m.arange(0, 1, 0.25),
    "linspace": lambda m: m.linspace(-1, 1, 5),
    "linspace:one": lambda m: m.linspace(-1, 1, 1),
    "logspace": lambda m: m.logspace(0, 3, 4),
    "logspace:base": lambda m: m.logspace(0, 3, 4, base=2.0),
    "eye": lambda m: m.eye(2),
    "eye:wide": lambda m: m.eye(2, 3),
    "tensor": lambda m: m.tensor([[1.0, 2.0]]),
    "tensor:whole": lambda m: m.tensor([1, 2]),
    "as_tensor": lambda m: m.as_tensor([0.5]),
    "tril_indices": lambda m: m.tril_indices(3, 4, 1),
    "triu_indices": lambda m: m.triu_indices(3, 2, -1),
    "zeros_like": lambda m: m.zeros_like(m.from_numpy(LIKE)),
    "ones_like": lambda m: m.ones_like(m.from_numpy(LIKE)),
    "full_like": lambda m: m.full_like(m.from_numpy(LIKE), 3),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_and_dtypes_are_pytorchs_where_its_default_is_float64(name, torch):
    torch.set_default_dtype(torch.float64)
    try:
        theirs = VALUES[name](torch).numpy()
    finally:
        torch.set_default_dtype(torch.float32)
    ours = VALUES[name](mg)
    assert type(ours) is Tensor
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.data, theirs, rtol=1e-15)


MAKERS = {
    "zeros": lambda **o: mg.zeros(2, **o),
    "ones": lambda **o: mg.ones(2, **o),
    "empty": lambda **o: mg.empty(2, **o),
    "full": lambda **o: mg.full((2,), 1.5, **o),
    "arange": lambda **o: mg.arange(0.0, 2.0, **o),
    "linspace": lambda **o: mg.linspace(0, 1, 2, **o),
    "logspace": lambda **o: mg.logspace(0, 1, 2, **o),
    "eye": lambda **o: mg.eye(2, **o),
    "tensor": lambda **o: mg.tensor([1.0, 2.0], **o),
    "rand": lambda **o: mg.rand(2, **o),
    "randn": lambda **o: mg.randn(2, **o),
    **{f"{f}_like": lambda f=f, **o: getattr(mg, f"{f}_like")(np.zeros(2), **o) for f in ("zeros", "ones", "empty")},
    **{f"{f}_like": lambda f=f, **o: getattr(mg, f"{f}_like")(np.zeros(2), **o) for f in ("rand", "randn")},
    "full_like": lambda **o: mg.full_like(np.zeros(2), 0.5, **o),
}


@pytest.mark.parametrize("name", MAKERS)
def test_dtype_and_requires_grad(name):
    make = MAKERS[name]
    x = make()
    assert (x.dtype, x.requires_grad, x.is_leaf) == (np.float64, False, True)
    y = make(dtype="float32", requires_grad=True)
    assert (y.dtype, y.requires_grad, y.is_leaf) == (np.float32, True, True)
    (y * y).sum().backward()
    assert y.grad.dtype == np.float32


def test_around_the_same_memory_or_not():
    array = np.array([1.0, 2.0])
    assert np.shares_memory(mg.from_numpy(array).data, array)
    assert np.shares_memory(mg.as_tensor(array).data, array)
    assert not np.shares_memory(mg.as_tensor(array, "float32").data, array)
    assert not np.shares_memory(mg.tensor(array).data, array)
    x = mg.tensor(array)
    assert mg.as_tensor(x) is x
    assert mg.as_tensor(x, np.float64) is x
    assert mg.as_tensor(x, "float32").dtype == np.float32
    assert mg.as_tensor(3).item() == 3
    assert mg.tensor(x) is not x


def test_drawn_numbers_follow_the_generator():
    draws = {
        "rand": lambda g: mg.rand(3, 2, generator=g),
        "randn": lambda g: mg.randn((3, 2), generator=g),
        "rand_like": lambda g: mg.rand_like(LIKE, generator=g),
        "randn_like": lambda g: mg.randn_like(LIKE, generator=g),
        "randint": lambda g: mg.randint(2, 5, (100,), generator=g),
        "randint from 0": lambda g: mg.randint(3, (100,), generator=g),
        "randperm": lambda g: mg.randperm(20, generator=g),
    }
    for draw in draws.values():
        np.testing.assert_array_equal(draw(Generator(3)).data, draw(Generator(3)).data)
        mg.manual_seed(3)
        np.testing.assert_array_equal(draw(None).data, draw(Generator(3)).data)
    assert set(draws["randint"](Generator(0)).tolist()) == {2, 3, 4}
    assert set(draws["randint from 0"](Generator(0)).tolist()) == {0, 1, 2}
    assert sorted(draws["randperm"](Generator(0)).tolist()) == list(range(20))
    many = mg.rand(10000, generator=Generator(0))
    assert 0 <= many.min().item() < 0.01 < 0.99 < many.max().item() < 1
    assert mg.randn(10000, generator=Generator(0)).std().item() == pytest.approx(1, abs=0.05)
    assert mg.rand(generator=Generator(0)).shape == ()


SENTENCES = [
    (lambda: mg.zeros(2.5), TypeError, "zeros: a length is a whole number, got 2.5"),
    (lambda: mg.ones([1, True]), TypeError, "ones: a length is a whole number, got True"),
    (lambda: mg.zeros(-1), ValueError, r"zeros: a length is 0 or more, got \(-1,\)"),
    (lambda: mg.full((2,), [1, 2]), ValueError, r"the value is one number, got shape \(2,\); expand repeats several"),
    (lambda: mg.arange(0, 5, 0), ValueError, "arange from 0 to 5 in steps of 0 never arrives"),
    (lambda: mg.arange(5, 0), ValueError, "arange from 5 to 0 in steps of 1 never arrives"),
    (lambda: mg.linspace(0, 1, -1), ValueError, "linspace: a length is 0 or more"),
    (lambda: mg.zeros(2, dtype=int, requires_grad=True), TypeError, "only floating Tensors can require gradients"),
    (lambda: mg.from_numpy([1.0]), TypeError, r"from_numpy takes an array, got list; tensor\(\) takes lists"),
    (lambda: mg.from_numpy(np.array(["a"])), TypeError, "real numbers or booleans; got <U1"),
    (lambda: mg.rand(2, dtype=int), TypeError, "rand draws float32 or float64, not int64; astype converts"),
    (lambda: mg.randint(5, 5, (2,)), ValueError, "there is no number from 5 to 4"),
    (lambda: mg.randint(0, 5, 2), TypeError, "a size is a tuple; got 0, 5, 2"),
    (lambda: mg.randint(0, 5), TypeError, "a size is a tuple; got 0, 5, None"),
    (lambda: mg.randperm(-1), ValueError, "randperm: a length is 0 or more"),
]


@pytest.mark.parametrize(("act", "kind", "sentence"), SENTENCES, ids=[s for *_, s in SENTENCES])
def test_bad_input_gets_a_sentence(act, kind, sentence):
    with pytest.raises(kind, match=sentence):
        act()
