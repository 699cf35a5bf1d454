"""What the stand-in says about CuPy's arrays. Every test here also runs on CuPy itself where there is a GPU."""

import operator
import pickle

import numpy as np
import pytest

F32 = np.float32


@pytest.fixture
def cp(cupy_module):
    return cupy_module


@pytest.fixture
def x(cp):
    return cp.asarray(np.arange(6, dtype=F32).reshape(2, 3))


def same(device, host):
    """Values, shape and dtype."""
    np.testing.assert_array_equal(device.get(), host)
    assert (device.shape, device.dtype) == (np.shape(host), np.asarray(host).dtype)


# ------------------------------------------------------------------------------------------ NumPy's protocols


def test_numpys_functions_run_on_the_device(cp, x):
    h = x.get()
    for function in (
        lambda a: np.maximum(a, 2),
        lambda a: np.sum(a, axis=0),
        lambda a: np.zeros_like(a, shape=4),
        lambda a: np.arange(3, like=a),
        lambda a: np.where(a > 2, a, 0.0),
        lambda a: np.concatenate([a, a]),
        lambda a: np.add.reduce(a),
        lambda a: np.multiply.outer(a[0], a[1]),
        lambda a: np.swapaxes(a, 0, 1),
        lambda a: np.matmul(a, a.T),
        lambda a: np.argmax(a, axis=1),
        lambda a: np.take_along_axis(a, np.argsort(-a, axis=1), axis=1),
        lambda a: np.einsum("ij,ij->i", a, a),
        lambda a: np.asarray([1.0, 2.0], like=a),
    ):
        out = function(x)
        assert isinstance(out, cp.ndarray)
        same(out, function(h))


def test_numpys_full_and_ones_do_not_take_a_device_array_as_like(x):
    """NumPy passes them device=None, which CuPy's do not have."""
    for function in (lambda: np.full(3, 1.0, like=x), lambda: np.ones(3, like=x), lambda: np.eye(3, like=x)):
        with pytest.raises(TypeError):
            function()


def test_nothing_is_a_scalar(cp, x):
    for out in (x[0, 0], x.sum(), np.sum(x), np.max(x), x.mean(), np.allclose(x, x), np.array_equal(x, x), x.any()):
        assert isinstance(out, cp.ndarray)
        assert out.shape == ()


def test_ufuncs_have_few_methods(cp, x):
    same(np.add.reduce(x, axis=1), x.get().sum(1))
    same(np.multiply.accumulate(x, axis=1), x.get().cumprod(1))
    y = cp.zeros(3, F32)
    np.add.at(y, cp.asarray([0, 0, 2]), F32(1))
    same(y, np.array([2, 0, 1], F32))
    for refused in (lambda: np.maximum.reduce(x), lambda: np.logical_and.reduce(x), lambda: np.maximum.accumulate(x)):
        with pytest.raises(NotImplementedError):
            refused()
    with pytest.raises(TypeError):
        np.add.at(cp.zeros(3, np.int16), cp.asarray([0]), np.int16(1))


def test_keywords_that_cupy_lacks_are_refused(cp, x):
    for refused in (
        lambda: np.sum(x, where=x > 0),
        lambda: np.sum(x, initial=1.0),
        lambda: np.exp(x, where=x > 0),
        lambda: x.sum(where=x > 0),
        lambda: cp.zeros(3, like=x),
    ):
        with pytest.raises(TypeError):
            refused()


def test_another_class_may_take_over_the_operator(x):
    class Other:
        __array_ufunc__ = None

        def __radd__(self, left):
            return "mine"

    assert x + Other() == "mine"


# ------------------------------------------------------------------------------------- between host and device


def test_numpy_arrays_are_refused(cp, x):
    for refused in (
        lambda: np.asarray(x),
        lambda: np.array(x),
        lambda: x + np.ones(3),
        lambda: np.ones(3) + x,
        lambda: x * np.ones(()),
        lambda: np.concatenate([x, np.ones((2, 3))]),
        lambda: cp.exp(np.ones(3)),
        lambda: cp.exp([1.0]),
    ):
        with pytest.raises(TypeError):
            refused()


def test_copies_are_explicit(cp, x):
    assert type(x.get()) is np.ndarray
    assert type(cp.asnumpy(x)) is np.ndarray
    x.set(np.ones((2, 3), F32))
    same(x, np.ones((2, 3), F32))
    out = np.zeros((2, 3), F32)
    assert x.get(out=out) is out
    assert out.sum() == 6
    for wrong, error in ((np.ones((2, 3)), TypeError), (np.ones((3, 2), F32), ValueError), ([1.0], TypeError)):
        with pytest.raises(error):
            x.set(wrong)
    with pytest.raises(RuntimeError, match="non-contiguous"):
        cp.zeros((4, 4))[:, ::2].set(np.ones((4, 2)))


def test_elements_are_python_numbers_on_request(cp, x):
    assert (float(x[1, 2]), int(x[1, 2]), x[1, 2].item(), x.tolist()) == (5.0, 5, 5.0, x.get().tolist())
    assert (repr(x), str(x), f"{x[1, 2]:.2f}") == (repr(x.get()), str(x.get()), "5.00")
    assert bool(x[1, 2])
    with pytest.raises(ValueError, match="ambiguous"):
        bool(x)
    with pytest.raises(TypeError):
        operator.index(cp.asarray(3))
    with pytest.raises(TypeError):
        hash(x)
    with pytest.raises(TypeError, match="0-d"):
        iter(x[0, 0])
    with pytest.raises(TypeError, match="unsized"):
        len(x[0, 0])


def test_arrays_can_be_pickled(x):
    same(pickle.loads(pickle.dumps(x)), x.get())


def test_what_the_host_gives_gets_the_hosts_dtype(cp):
    same(cp.asarray([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]]))
    same(cp.asarray(1.5), np.array(1.5))
    same(cp.asarray(F32(2)), np.array(2, F32))
    same(cp.full(2, 3), np.full(2, 3))
    for dtype in (object, "U3", "M8[s]"):
        with pytest.raises((TypeError, ValueError)):
            cp.zeros(3, dtype)


# ------------------------------------------------------------------------------------------------- arithmetic


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64"])
def test_dtypes_are_numpys(cp, dtype):
    h = np.array([1, 0, 3]).astype(dtype)
    d = cp.asarray(h)
    for function in (
        lambda a: a + 2,
        lambda a: a * 2.5,
        lambda a: a + F32(1),
        lambda a: a * np.float64(1),
        lambda a: a + True,
        lambda a: a / 2,
        lambda a: np.sqrt(a),
        lambda a: a.sum(),
        lambda a: a.mean(),
        lambda a: np.cumsum(a),
        lambda a: np.maximum(a, 1),
        lambda a: np.where(a > 0, a, 0.5),
        lambda a: a > 1,
        lambda a: a @ a,
    ):
        assert function(d).dtype == function(h).dtype


def test_in_place_keeps_the_dtype_or_refuses(cp, x):
    y = x
    y += 1.5
    y /= np.float64(2)
    assert y is x
    assert x.dtype == F32
    n = cp.arange(3)
    with pytest.raises(TypeError):
        n += 0.5
    with pytest.raises(TypeError):
        np.add(n, 0.5, out=n)


def test_no_floating_point_error_is_told(cp):
    z = cp.zeros(2)
    assert np.isnan((z / z).get()).all()
    assert np.isinf((1 / z).get()).all()
    assert np.isinf(np.exp(z + 1e4).get()).all()


def test_comparisons_with_what_is_no_number(cp, x):
    same(x == None, np.zeros((2, 3), bool))  # noqa: E711
    same(x != None, np.ones((2, 3), bool))  # noqa: E711


def test_singular_matrices_are_not_told_unless_asked_for(cp):
    import cupyx

    singular = cp.zeros((2, 2))
    assert not np.isfinite(np.linalg.inv(singular).get()).all()
    with cupyx.errstate(linalg="raise"), pytest.raises(np.linalg.LinAlgError):
        np.linalg.inv(singular)


def test_solve_does_not_broadcast_stacks(cp):
    a = np.eye(2) + np.zeros((3, 2, 2))
    same(np.linalg.solve(cp.asarray(a), cp.ones(2)), np.ones((3, 2)))
    same(np.linalg.solve(cp.asarray(a), cp.ones((3, 2, 4))), np.ones((3, 2, 4)))
    with pytest.raises(ValueError, match="multidimensional"):
        np.linalg.solve(cp.asarray(a), cp.ones((2, 4)))
    with pytest.raises(ValueError, match="multidimensional"):
        np.linalg.solve(cp.eye(2), cp.ones((3, 2, 4)))


# ---------------------------------------------------------------------------------------------- form and indices


def test_views_share_memory(cp, x):
    for view in (x.T, x.reshape(6), x[1], x[:, ::2], x[None], x.ravel(), np.moveaxis(x, 0, 1), np.squeeze(x[:1])):
        assert view.base is not None
        assert x.data.ptr <= view.data.ptr < x.data.ptr + x.nbytes
    x.T[0] = 7
    same(x[:, 0], np.array([7, 7], F32))
    for copied in (x.copy(), x[[1, 0]], x[x > 3], x.flatten(), x.astype(F32), x.T.reshape(6)):
        assert not x.data.ptr <= copied.data.ptr < x.data.ptr + x.nbytes
    assert x.astype(F32, copy=False) is x


def test_indices(cp, x):
    h = x.get()
    for index in (0, -1, (1, 2), (slice(None), 1), ..., None, [1, 0], (slice(None), [2, 0]), (slice(2), None, 1)):
        same(x[index], h[index])
    same(x[x > 2], h[h > 2])
    same(x[cp.asarray([1, 0]), cp.asarray([2, 0])], h[[1, 0], [2, 0]])
    same(x[np.array([1, 0])], h[[1, 0]])
    with pytest.raises(IndexError):
        x[2]
    with pytest.raises(IndexError):
        x[0, 0, 0]


def test_arrays_of_indices_go_round(cp, x):
    same(x[cp.asarray([2, 3])], x.get()[[0, 1]])


def test_assignments(cp, x):
    x[0] = 5
    x[:, 1] = cp.zeros(2)
    x[x == 5] = -1.0
    x[cp.asarray([1]), cp.asarray([2])] = 9
    same(x, np.array([[-1, 0, -1], [3, 0, 9]], F32))
    for value in (np.ones(3, F32), np.ones((2, 3))):
        with pytest.raises(ValueError, match="non-scalar"):
            x[...] = value
    x[...] = np.float64(2)
    x.fill(3)
    same(x, np.full((2, 3), 3, F32))


def test_layout_is_numpys(cp, x):
    h = x.get()
    assert (x.T.strides, x.T.flags.f_contiguous, x.T.flags.c_contiguous) == (h.T.strides, True, False)
    same(np.broadcast_to(x, (2, 2, 3)), np.broadcast_to(h, (2, 2, 3)))
    assert cp.ascontiguousarray(x.T).flags.c_contiguous
    assert cp.empty((0, 3)).size == 0
    assert np.shape(x) == (2, 3)
    assert np.ndim(x) == 2
    assert cp.result_type(x, np.float64) == np.float64
