"""The array API standard's namespace, beside NumPy's, which holds to the standard too; gradients flow through it.

The standard's own conformance suite (data-apis/array-api-tests) is not part of this repository:
``ARRAY_API_TESTS_MODULE=minigrad.array_api ARRAY_API_TESTS_SKIP_DTYPES=complex64,complex128 pytest array_api_tests``.
"""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minigrad import DeviceError, Tensor, gradients
from minigrad import array_api as xp

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"]
COMPLEX = {"real", "imag", "complex64", "complex128"}
arrays = hnp.arrays(
    st.sampled_from(["int8", "int64", "uint8", "float32", "float64"]),
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4),
    elements=st.integers(0, 9),
)


def same(ours, theirs):
    assert type(ours) is Tensor
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-6 if theirs.dtype == np.float32 else 1e-12)


def test_it_is_the_namespace_of_a_tensor():
    x = Tensor([1.0])
    assert x.__array_namespace__() is x.__array_namespace__(api_version="2023.12") is xp
    with pytest.raises(ValueError, match=r"the array API here is of 2023.12, not 1999.01"):
        x.__array_namespace__(api_version="1999.01")
    assert all(hasattr(xp, name) for name in xp.__all__)


def test_dtypes_and_their_inspection():
    info = xp.__array_namespace_info__()
    assert list(info.dtypes()) == DTYPES
    assert info.dtypes(kind="real floating") == {"float32": xp.float32, "float64": xp.float64}
    assert info.dtypes(kind=("bool", "unsigned integer")).keys() == {"bool", "uint8", "uint16", "uint32", "uint64"}
    assert info.dtypes(kind="complex floating") == {}
    assert info.default_dtypes()["real floating"] == xp.asarray(1.0).dtype == xp.float64
    assert info.default_device() == xp.asarray(1).device
    assert info.devices()[0] == "cpu"
    assert info.capabilities()["boolean indexing"]
    assert xp.finfo(xp.float32).eps == np.finfo("f4").eps
    assert type(xp.finfo(xp.asarray(1.0)).max) is float
    assert xp.iinfo(xp.uint8)[:3] == (8, 255, 0)
    assert xp.isdtype(xp.int8, ("bool", "signed integer"))
    assert not xp.isdtype(xp.float64, xp.float32)
    assert xp.result_type(xp.asarray([1], dtype=xp.float32), 2.0) == xp.float32
    assert xp.can_cast(xp.int8, xp.int16)
    assert not xp.can_cast(xp.asarray([1.0]), xp.int16)
    with pytest.raises(ValueError, match=r"isdtype: the kinds are bool, .* got 'whole'"):
        xp.isdtype(xp.int8, "whole")


def test_asarray_copies_when_told():
    a = np.ones(3)
    assert np.shares_memory(xp.asarray(a).data, a)
    assert not np.shares_memory(xp.asarray(a, copy=True).data, a)
    x = Tensor(a, requires_grad=True)
    assert xp.asarray(x) is x
    assert gradients(xp.asarray(x, dtype=xp.float32, copy=True).sum(), x).tolist() == [1, 1, 1]
    for call in (lambda: xp.asarray(x, dtype=xp.float32, copy=False), lambda: xp.asarray([1], copy=False)):
        with pytest.raises(ValueError, match="copy"):
            call()
    with pytest.raises(TypeError, match="real numbers or booleans; got complex128 from complex"):
        xp.asarray(1j)
    with pytest.raises(DeviceError, match='a device is "cpu" or "cuda", got \'gpu\''):
        xp.zeros(3, device="gpu")
    assert xp.asarray([Tensor(1), 2]).tolist() == [1, 2]


CREATE = {
    "arange": lambda m: m.arange(2, 9, 3),
    "arange to": lambda m: m.arange(4.0),
    "eye": lambda m: m.eye(2, 3, k=1),
    "full": lambda m: m.full((2, 2), True),
    "linspace": lambda m: m.linspace(0, 1, 4, endpoint=False),
    "zeros": lambda m: m.zeros((2, 0), dtype=m.int8),
    "ones": lambda m: m.ones(3),
    "ones_like": lambda m: m.ones_like(m.zeros((2,), dtype=m.float32)),
}


@pytest.mark.parametrize("name", CREATE)
def test_creation_is_numpys(name):
    same(CREATE[name](xp), CREATE[name](np))


ONE = {
    "sum": lambda m, x: m.sum(x, axis=-1),
    "sum of all, kept": lambda m, x: m.sum(x, keepdims=True),
    "sum, dtype": lambda m, x: m.sum(x, dtype=m.float32),
    "mean": lambda m, x: m.mean(m.astype(x, m.float64), axis=0),
    "var": lambda m, x: m.var(m.astype(x, m.float64)),
    "std": lambda m, x: m.std(m.astype(x, m.float64), axis=0, correction=0.5),
    "max": lambda m, x: m.max(x, axis=0, keepdims=True),
    "min": lambda m, x: m.min(x),
    "all": lambda m, x: m.all(x, axis=0),
    "any": lambda m, x: m.any(x),
    "argmax": lambda m, x: m.argmax(x, axis=-1),
    "argmin": lambda m, x: m.argmin(x, keepdims=True),
    "argsort": lambda m, x: m.argsort(x, axis=0, stable=True),
    "sort": lambda m, x: m.sort(x, axis=0),
    "nonzero": lambda m, x: m.nonzero(x)[0],
    "flip": lambda m, x: m.flip(x),
    "roll": lambda m, x: m.roll(x, 3),
    "roll of axis": lambda m, x: m.roll(x, -1, axis=0),
    "tile": lambda m, x: m.tile(x, (2, 1, 2, 1)),
    "repeat": lambda m, x: m.repeat(x, 2, axis=-1),
    "repeat all": lambda m, x: m.repeat(x, 2),
    "moveaxis": lambda m, x: m.moveaxis(x[None, :, None], (0, 2), (-1, 0)),
    "permute_dims": lambda m, x: m.permute_dims(x[None], (*range(1, x.ndim + 1), 0)),
    "expand_dims": lambda m, x: m.expand_dims(x, axis=1),
    "squeeze": lambda m, x: m.squeeze(x[None, :, None], axis=(0, 2)),
    "take": lambda m, x: m.take(x, m.asarray([0, -1, 0]), axis=0),
    "unstack": lambda m, x: m.unstack(x[None], axis=0)[0],
    "concat": lambda m, x: m.concat([x, x], axis=None),
    "stack": lambda m, x: m.stack([x, x], axis=-1),
    "tril": lambda m, x: m.tril(m.expand_dims(x, axis=0), k=1),
    "triu": lambda m, x: m.triu(m.expand_dims(x, axis=0), k=1),
    "clip": lambda m, x: m.clip(x, 2, 5),
    "unique": lambda m, x: m.unique_all(x)[0],
    "unique counts": lambda m, x: m.unique_all(x)[3],
    "searchsorted": lambda m, x: m.searchsorted(m.sort(m.reshape(x, (-1,))), x, side="right"),
    "tensordot": lambda m, x: m.tensordot(x, x, axes=x.ndim),
    "vecdot": lambda m, x: m.vecdot(x, x, axis=-1),
    "meshgrid": lambda m, x: m.meshgrid(m.reshape(x, (-1,)), m.arange(3))[0],
    "meshgrid ij": lambda m, x: m.meshgrid(m.reshape(x, (-1,)), m.arange(3), indexing="ij")[1],
    "where": lambda m, x: m.where(x > 2, x, m.zeros_like(x)),
    "logical": lambda m, x: m.logical_and(x > 2, x < 5),
    "pow": lambda m, x: m.pow(x, m.asarray(2, dtype=x.dtype)),
    "floor": lambda m, x: m.floor(x),
    "matrix_transpose": lambda m, x: m.matrix_transpose(m.expand_dims(x, axis=0)),
}


@pytest.mark.parametrize("name", ONE)
@given(a=arrays)
def test_values_dtypes_and_shapes_are_numpys(name, a):
    same(ONE[name](xp, Tensor(a)), np.asarray(ONE[name](np, a)))


@pytest.mark.parametrize("name", sorted(set(xp.elementwise.ONE + xp.elementwise.TWO) - {"clip"}))
@pytest.mark.parametrize("dtype", ["bool", "int16", "float32", "float64"])
def test_elementwise_functions_are_numpys(name, dtype):
    if not hasattr(xp, name):
        pytest.skip("minigrad has no such op")
    f = getattr(np, name)
    x, y = np.array([1, 2, 0, 3]).astype(dtype), np.array([1, 1, 2, 3]).astype(dtype)
    given = (x, y) if name in xp.elementwise.TWO else (x,)
    if name in ("acosh", "log", "log1p", "log2", "log10", "reciprocal"):
        given = (y,)
    elif name in ("acos", "asin", "atanh"):
        given = (x * np.array(0.25, dtype) if dtype.startswith("f") else x * 0,)
    try:
        with np.errstate(all="ignore"):
            expected = f(*given)
    except TypeError:
        return  # not a function of this dtype
    # whether a function of integers gives floats is left to the library
    if dtype[0] == "f" or (expected.dtype == given[0].dtype and name != "reciprocal"):
        same(getattr(xp, name)(*map(Tensor, given)), expected)


@pytest.mark.parametrize("name", sorted(set(xp.__all__) & set(dir(np)) - set(DTYPES)))
def test_parameters_have_numpys_names(name):
    ours, theirs = getattr(xp, name), getattr(np, name)
    if not inspect.isfunction(ours) or not inspect.isfunction(theirs):
        return
    named = {p for p, q in inspect.signature(ours).parameters.items() if q.kind is q.KEYWORD_ONLY} - {"device"}
    if name not in ("from_dlpack", "asarray", "finfo", "iinfo", "argsort", "sort"):  # whose `descending` NumPy lacks
        assert named <= inspect.signature(theirs).parameters.keys()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "float64"])
def test_descending_order_is_stable(dtype):
    x = xp.asarray([1, 0, 1, 0, 1], dtype=xp.asarray(np.zeros(1, dtype)).dtype)
    assert xp.argsort(x, descending=True, stable=True).tolist() == [0, 2, 4, 1, 3]
    assert xp.sort(x, descending=True).tolist() == [1, 1, 1, 0, 0]


def test_gradients_flow_where_the_mathematics_has_them():
    x = Tensor(np.arange(1.0, 7).reshape(2, 3), requires_grad=True)
    m = x.__array_namespace__()
    out = m.sum(m.tile(m.roll(m.sort(m.tril(x), descending=True), 1), (2, 2)) ** 2)
    np.testing.assert_allclose(gradients(out, x).data, np.tril(8 * x.data))
    z = m.vecdot(x, m.flip(m.concat([x], axis=0), axis=1))
    assert gradients(z.sum(), x).tolist() == [[6, 4, 2], [12, 10, 8]]
    assert gradients(m.var(x), x).shape == (2, 3)


def test_spreads_of_too_few_are_nan():
    for f in (xp.var, xp.std):
        assert np.isnan(f(xp.asarray([1.0]), correction=1).item())
        assert np.isnan(f(xp.zeros((0,))).item())


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda x: xp.take(x, xp.asarray([0])), ValueError, r"take from an array of shape \(2, 3\): say along which"),
        (lambda x: xp.squeeze(x, axis=0), ValueError, r"squeeze of shape \(2, 3\): not every axis of 0 has length 1"),
        (lambda x: xp.expand_dims(x, axis=5), IndexError, "a result of 3 dimensions has no axis 5"),
        (lambda x: xp.matrix_transpose(x[0]), ValueError, r"two dimensions or more, got shape \(3,\)"),
        (lambda x: xp.reshape(x.T, (6,), copy=False), ValueError, r"\(3, 2\) cannot become \(6,\) without a copy"),
        (lambda x: xp.vecdot(x, x.T), ValueError, r"vecdot of \(2, 3\) and \(3, 2\): lengths along -1 differ"),
        (lambda x: xp.tensordot(x, x, axes=1), ValueError, "over 1: the lengths differ"),
        (lambda x: xp.meshgrid(x, indexing="yx"), ValueError, 'indexing is "xy" or "ij", got \'yx\''),
        (lambda x: xp.nonzero(x[0, 0]), ValueError, "nonzero of an array without dimensions"),
        (lambda x: xp.moveaxis(x, (0, 1), (0,)), ValueError, "2 axes cannot go to 1 places"),
        (lambda x: xp.roll(x, (1, 2)), ValueError, "roll of an array as one row has one shift"),
        (lambda x: xp.result_type(), ValueError, "needs at least one array or dtype"),
    ],
)
def test_bad_input_gets_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call(Tensor(np.ones((2, 3))))


def test_code_written_for_the_standard_runs():
    """array_api_compat finds the namespace, if it is installed."""
    compat = pytest.importorskip("array_api_compat", reason="not an extra")
    x = Tensor([3.0, 4.0], requires_grad=True)
    m = compat.array_namespace(x)
    assert m is xp
    assert compat.size(x) == 2
    assert compat.device(x) == "cpu"
    assert gradients(m.sqrt(m.sum(x * x)), x).tolist() == [0.6, 0.8]
