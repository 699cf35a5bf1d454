"""NumPy's functions called with Tensors: the values are NumPy's, the gradients ours, and nothing is dropped unseen."""

import numpy as np
import pytest

from minigrad import Tensor, gradients, ops
from minigrad.ops import __all__ as names
from minigrad.testing import gradcheck

A = np.random.default_rng(0).normal(size=(3, 4)) + 3
B = np.random.default_rng(1).normal(size=(4,)) + 3
CALLS = {
    "add": lambda x, y: np.add(x, y),
    "exp": lambda x, y: np.exp(x),
    "absolute": lambda x, y: np.absolute(x - 3),
    "maximum": lambda x, y: np.maximum(x, y),
    "power": lambda x, y: np.power(x, 2),
    "matmul": lambda x, y: np.matmul(x, y),
    "add.reduce": lambda x, y: np.add.reduce(x),
    "add.reduce of axis 1": lambda x, y: np.add.reduce(x, 1, keepdims=True),
    "maximum.reduce": lambda x, y: np.maximum.reduce(x, axis=None),
    "multiply.outer": lambda x, y: np.multiply.outer(x, y),
    "sum": lambda x, y: np.sum(x),
    "sum of axis 0": lambda x, y: np.sum(x, 0),
    "sum, keepdims": lambda x, y: np.sum(x, axis=(0, 1), keepdims=True),
    "mean": lambda x, y: np.mean(x, axis=-1),
    "var": lambda x, y: np.var(x, axis=0),
    "std, ddof": lambda x, y: np.std(x, ddof=1),
    "max": lambda x, y: np.max(x, axis=1),
    "amin": lambda x, y: np.amin(x),
    "concatenate": lambda x, y: np.concatenate([x, A], axis=1),
    "stack": lambda x, y: np.stack([y, B], axis=-1),
    "reshape": lambda x, y: np.reshape(x, (2, 6)),
    "ravel": lambda x, y: np.ravel(x),
    "transpose": lambda x, y: np.transpose(x),
    "transpose, axes": lambda x, y: np.transpose(x[None], (2, 0, 1)),
    "swapaxes": lambda x, y: np.swapaxes(x, 0, 1),
    "moveaxis": lambda x, y: np.moveaxis(x[None], 0, -1),
    "expand_dims": lambda x, y: np.expand_dims(x, (0, 2)),
    "squeeze": lambda x, y: np.squeeze(x[None]),
    "broadcast_to": lambda x, y: np.broadcast_to(y, (2, 4)),
    "flip": lambda x, y: np.flip(x, axis=1),
    "roll": lambda x, y: np.roll(x, 2),
    "tile": lambda x, y: np.tile(y, (2, 2)),
    "repeat": lambda x, y: np.repeat(x, 2, axis=1),
    "take": lambda x, y: np.take(x, [2, 0, 2], axis=0),
    "where": lambda x, y: np.where(A > 3, x, 0),
    "clip": lambda x, y: np.clip(x, 2.5, 3.5),
    "clip by name": lambda x, y: np.clip(x, a_min=None, a_max=3),
    "sort": lambda x, y: np.sort(x, axis=0),
    "tril": lambda x, y: np.tril(x),
    "dot": lambda x, y: np.dot(x, y),
    "outer": lambda x, y: np.outer(x, y),
    "tensordot": lambda x, y: np.tensordot(x, y, axes=1),
    "copy": lambda x, y: np.copy(x),
    "diff": lambda x, y: np.diff(x),
    "diff, n and ends": lambda x, y: np.diff(x, 2, axis=0, prepend=1.0, append=B[None]),
    "nansum": lambda x, y: np.nansum(np.where(A > 3, x, np.nan), axis=0, keepdims=True),
    "nanmean": lambda x, y: np.nanmean(np.where(A > 1, x, np.nan)),
    "pad": lambda x, y: np.pad(x, 1),
    "pad, widths": lambda x, y: np.pad(x, ((0, 1), (2, 0)), constant_values=4.0),
    "pad, edge": lambda x, y: np.pad(x, (1, 2), "edge"),
    "pad, reflect": lambda x, y: np.pad(x, ((1, 2), (3, 0)), mode="reflect"),
    "pad, wrap": lambda x, y: np.pad(y, 3, "wrap"),
    "split": lambda x, y: np.split(x, 2, axis=1)[1],
    "split, places": lambda x, y: np.split(x, [1, 3], axis=1)[1],
    "array_split": lambda x, y: np.array_split(x, 3, axis=1)[0],
    "quantile": lambda x, y: np.quantile(x, 0.3),
    "quantile, several": lambda x, y: np.quantile(x, [0.1, 0.8], axis=1, keepdims=True),
    "quantile, method": lambda x, y: np.quantile(x, 0.3, axis=0, method="midpoint"),
    "cross": lambda x, y: np.cross(x[:, :3], y[:3]),
    "cross, axis": lambda x, y: np.cross(x, x * x, axis=0),
    "vdot": lambda x, y: np.vdot(x, x + 1),
    "diag": lambda x, y: np.diag(y, 1),
    "diag of a matrix": lambda x, y: np.diag(x, k=-1),
    "diagonal": lambda x, y: np.diagonal(x, 1),
    "diagonal, axes": lambda x, y: np.diagonal(x[None], axis1=1, axis2=2),
    "sinc": lambda x, y: np.sinc(x),
    "norm": lambda x, y: np.linalg.norm(x),
    "norm, ord": lambda x, y: np.linalg.norm(x, "nuc"),
    "norm, axis": lambda x, y: np.linalg.norm(x, 3, axis=1, keepdims=True),
    "svd, values": lambda x, y: np.linalg.svd(x, compute_uv=False),
    "svd": lambda x, y: np.abs(np.linalg.svd(x, full_matrices=False)[0]),
    "qr": lambda x, y: np.linalg.qr(x[:, :3])[1],
    "qr, r": lambda x, y: np.linalg.qr(x[:, :2], mode="r"),
    "cond": lambda x, y: np.linalg.cond(x[:, :3]),
    "cond, 1": lambda x, y: np.linalg.cond(x[:, :3], 1),
    "lstsq": lambda x, y: np.linalg.lstsq(x[:, :2], y[:3])[0],
    "lstsq, residuals": lambda x, y: np.linalg.lstsq(x[:, :2], x[:, 2:], rcond=None)[1],
    "lstsq, singular values": lambda x, y: np.linalg.lstsq(x, x[:, :1])[3],
    "linalg.matmul": lambda x, y: np.linalg.matmul(x, y),
    "linalg.cross": lambda x, y: np.linalg.cross(x[:, :3], x[:, 1:]),
    "linalg.vecdot": lambda x, y: np.linalg.vecdot(x, y),
    "linalg.outer": lambda x, y: np.linalg.outer(y, y),
    "linalg.trace": lambda x, y: np.linalg.trace(x, offset=1),
    "linalg.diagonal": lambda x, y: np.linalg.diagonal(x),
    "linalg.tensordot": lambda x, y: np.linalg.tensordot(x, y, axes=1),
    "linalg.matrix_transpose": lambda x, y: np.linalg.matrix_transpose(x),
    "array * tensor": lambda x, y: A * x,
    "array - tensor": lambda x, y: A - x,
    "array @ tensor": lambda x, y: A @ y,
    "scalar ** tensor": lambda x, y: np.float64(2) ** x,
    "scalar / tensor": lambda x, y: np.float64(2) / x,
}


@pytest.mark.parametrize("name", CALLS)
def test_values_are_numpys_and_gradients_flow(name):
    call = CALLS[name]
    x, y = Tensor(A, requires_grad=True), Tensor(B, requires_grad=True)
    out, expected = call(x, y), call(A, B)
    assert type(out) is Tensor
    assert out.shape == np.shape(expected)
    assert out.dtype == expected.dtype
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-12)
    w = np.random.default_rng(2).normal(size=out.shape)
    grads = gradients((out * w).sum(), [x, y], allow_unused=True)
    assert any(g is not None for g in grads)
    for t, g in zip((x, y), grads, strict=True):
        if g is None:
            continue
        v = np.random.default_rng(3).normal(size=t.shape)
        values = [((call(*(u.data + s * 1e-6 * v if u is t else u.data for u in (x, y))) * w).sum()) for s in (1, -1)]
        np.testing.assert_allclose((g.data * v).sum(), (values[0] - values[1]) / 2e-6, rtol=1e-5, atol=1e-7)


def test_lstsq_says_the_rank_and_split_divides_evenly():
    singular = A[:, :2] @ [[1.0, 2.0], [2.0, 4.0]]
    for matrix in (A, A[:, :2], singular):
        ours, numpys = (np.linalg.lstsq(m, A[:, :1]) for m in (Tensor(matrix), matrix))
        assert ours[2] == numpys[2]
        for a, b in zip(ours, numpys, strict=True):
            np.testing.assert_allclose(np.asarray(a), b, rtol=1e-9, atol=1e-9)
    for call in (lambda: np.split(Tensor(A), 3, axis=1), lambda: np.split(A, 3, axis=1)):
        with pytest.raises(ValueError, match="equal division"):
            call()
    assert [type(part) for part in np.split(Tensor(A), 3)] == [Tensor] * 3


def test_the_points_of_an_integral_may_have_more_dimensions_than_its_values():
    values, points = Tensor(B), Tensor(A, requires_grad=True)
    integrals = ops.trapezoid(values, points)
    np.testing.assert_allclose(integrals.detach().numpy(), np.trapezoid(B, A), rtol=1e-12)
    upwards = ops.cumulative_trapezoid(values, points).detach()
    np.testing.assert_allclose(upwards[:, -1].numpy(), np.trapezoid(B, A), rtol=1e-12)
    assert gradcheck(lambda x: ops.trapezoid(values, x), points)


def test_what_carries_no_gradient_is_answered_too():
    x = Tensor(A, requires_grad=True)
    assert np.shape(x) == (3, 4)
    assert (np.ndim(x), np.size(x)) == (2, 12)
    assert np.result_type(x, np.float32) == np.float64
    assert np.allclose(x, A)
    assert np.array_equal(x, A)
    assert np.argmax(x, axis=1).tolist() == A.argmax(1).tolist()
    assert np.zeros_like(x).tolist() == np.zeros((3, 4)).tolist()
    assert (np.less(A, x) == (A < A)).data.all()
    assert type(np.ones(4) < x) is Tensor


def test_without_gradients_numpy_computes_the_rest():
    x = Tensor(A)
    assert np.median(x) == np.median(A)
    assert np.percentile(x, 30) == np.percentile(A, 30)
    assert np.spacing(x).tolist() == np.spacing(A).tolist()
    total = A.copy()
    total += x
    np.testing.assert_array_equal(total, 2 * A)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda x: np.median(x),
            r"np.median has no derivative here, .*use minigrad.median, which is PyTorch's and may",
        ),
        (
            lambda x: np.pad(x, 1, "linear_ramp"),
            "np.pad has no derivative here|np.pad with mode has no derivative here",
        ),
        (lambda x: np.pad(x, 9, "reflect"), "np.pad has no derivative here"),
        (lambda x: np.nansum(x, dtype=int), "np.nansum with dtype has no derivative here"),
        (lambda x: np.quantile(x, 0.3, method="weibull"), "np.quantile with method has no derivative here"),
        (lambda x: np.quantile(A, x / 9), "np.quantile has no derivative here"),
        (lambda x: np.cross(x[:, :2], x[:, 2:]), "np.cross has no derivative here"),
        (lambda x: np.linalg.qr(x, "raw"), "np.linalg.qr has no derivative here"),
        (lambda x: np.linalg.svd(x, hermitian=True), "np.linalg.svd with hermitian has no derivative here"),
        (lambda x: np.spacing(x), r"np.spacing has no derivative here.*tensor.detach\(\) to compute with the values"),
        (lambda x: np.add(A, x, out=A.copy()), "np.add with out has no derivative here"),
        (lambda x: np.sum(x, initial=3), "np.sum with initial has no derivative here"),
        (lambda x: np.add.at(x, 0, 1), "np.add.at has no derivative here"),
        (lambda x: np.linalg.eig(x), "np.linalg.eig has no derivative here"),
        (lambda x: np.fft.fft([x]), r"np.fft.fft has no derivative here|numpy.fft.*"),
        (lambda x: np.add(A, A, out=x), "np.add: out cannot be a Tensor"),
    ],
)
def test_a_gradient_is_never_dropped_unseen(call, sentence):
    with pytest.raises((TypeError, RuntimeError), match=sentence + "|drop this Tensor's gradient"):
        call(Tensor(A, requires_grad=True))


def test_an_array_and_a_tensor_make_one_op():
    x = Tensor(B, requires_grad=True)
    for out, name in ((B * x, "multiply"), (np.float64(2) + x, "add"), (np.exp(x), "exp"), (B - x, "subtract")):
        assert type(out) is Tensor
        assert out._op.__name__ == name


def test_ufuncs_find_ops_by_name():
    """Also those that were written after this test."""
    x = Tensor([0.5, 0.25])
    for name in set(names) & set(dir(np)):
        ufunc = getattr(np, name)
        if isinstance(ufunc, np.ufunc) and ufunc.nin == ufunc.nout == 1:
            argument = x > 0.3 if name.startswith(("logical", "bitwise")) else x + 1 if name.endswith("cosh") else x
            out = ufunc(argument)
            assert type(out) is Tensor, name
            np.testing.assert_allclose(out.data, ufunc(argument.data), rtol=1e-15)


def test_shifts_are_of_integers():
    x = Tensor([1, 2, 12])
    assert (x << 1).tolist() == [2, 4, 24]
    assert (x >> Tensor([0, 1, 2])).tolist() == [1, 1, 3]
    assert (1 << x)[:2].tolist() == [2, 4]
    assert (np.array([8, 8, 8]) >> x)[:2].tolist() == [4, 2]
