"""What ops do on a device beyond the numbers: indices from the host, checks that would wait, singular matrices."""

from contextlib import suppress

import numpy as np
import pytest

from minigrad import Tensor, detect_anomaly, gradients, ops
from minigrad.device import device_of
from minigrad.nn import functional as F


@pytest.fixture(autouse=True)
def library(cupy_module):
    return cupy_module


def on_cuda(values, **settings):
    return Tensor(np.asarray(values), device="cuda", **settings)


def host(x):
    assert device_of(x._data).type == "cuda"
    return x.detach().cpu().numpy()


X = np.arange(12.0).reshape(4, 3)
ROWS = np.array([3, 0, 3])
MASK = X % 2 == 0

INDEXED = {
    "getitem": lambda x, rows, mask: x[rows, 1:],
    "getitem of a mask": lambda x, rows, mask: x[mask],
    "gather": lambda x, rows, mask: ops.gather(x, 0, rows[None]),
    "index_select": lambda x, rows, mask: ops.index_select(x, 0, rows),
    "index_fill": lambda x, rows, mask: ops.index_fill(x, 0, rows, 7.0),
    "take": lambda x, rows, mask: ops.take(x, rows),
    "take_along_dim": lambda x, rows, mask: ops.take_along_dim(x, rows[:, None], 0),
    "masked_fill": lambda x, rows, mask: ops.masked_fill(x, mask, 7.0),
    "masked_select": lambda x, rows, mask: ops.masked_select(x, mask),
    "repeat_interleave": lambda x, rows, mask: ops.repeat_interleave(x, rows, 1),
}


@pytest.mark.parametrize("given", ["array", "list", "host Tensor", "device Tensor"])
@pytest.mark.parametrize("name", INDEXED)
def test_an_index_may_lie_on_the_host(name, given):
    if given == "list" and name in ("gather", "take_along_dim"):  # of arrays: a list has no further dimension
        return
    form = {"array": np.array, "list": np.ndarray.tolist, "host Tensor": Tensor, "device Tensor": on_cuda}[given]
    rows, mask = ROWS.copy(), MASK.copy()
    x = on_cuda(X, requires_grad=True)
    out = INDEXED[name](x, form(rows), form(mask))
    rows[:], mask[...] = 0, False  # an index is copied: what becomes of it then is of no matter
    wanted = INDEXED[name](Tensor(X, requires_grad=True), ROWS, MASK)
    np.testing.assert_array_equal(host(out), wanted.detach().numpy())
    a = Tensor(X, requires_grad=True)
    expected = gradients((INDEXED[name](a, ROWS, MASK) ** 2).sum(), a)
    np.testing.assert_array_equal(host(gradients((out**2).sum(), x)), expected.numpy())


@pytest.mark.parametrize("name", INDEXED)
def test_an_index_on_the_device_is_not_for_a_tensor_on_the_host(name):
    if name == "repeat_interleave":  # takes counts, which the host needs anyway
        return
    with pytest.raises(RuntimeError, match=r"should be either on cpu or on the same device as the tensor \(cpu\)"):
        INDEXED[name](Tensor(X), on_cuda(ROWS), on_cuda(MASK))


CHECKED = {
    "gather": lambda x, rows: ops.gather(x, 0, rows[:, None]),
    "index_select": lambda x, rows: ops.index_select(x, 0, rows),
    "index_add": lambda x, rows: ops.index_add(x, 0, rows, x[:3]),
    "one_hot": lambda x, rows: ops.one_hot(rows, 4),
    "embedding": lambda x, rows: F.embedding(rows, x),
    "cross_entropy": lambda x, rows: F.cross_entropy(x[:3], rows),
    "nll_loss": lambda x, rows: F.nll_loss(x[:3], rows),
    "multi_margin_loss": lambda x, rows: F.multi_margin_loss(x[:3], rows),
    "bincount": lambda x, rows: ops.bincount(-rows),
    "binary_cross_entropy": lambda x, rows: F.binary_cross_entropy(x - 3, (x > 0)),
    "gaussian_nll_loss": lambda x, rows: F.gaussian_nll_loss(x, x, -x),
    "masked_scatter": lambda x, rows: ops.masked_scatter(x, x > 0, x[:2]),
    "quantile": lambda x, rows: ops.quantile(x.reshape(-1), x[0] + 2),
}


@pytest.mark.parametrize("name", CHECKED)
def test_values_on_the_device_are_looked_at_only_when_anomalies_are(name, host_reads):
    rows = np.array([0, 9, 1])
    with pytest.raises((IndexError, ValueError)):
        CHECKED[name](Tensor(X), Tensor(rows))
    x, there = on_cuda(X), on_cuda(rows)
    with detect_anomaly(), pytest.raises((IndexError, ValueError)):
        CHECKED[name](x, there)
    if name == "bincount":  # CuPy itself looks at what it counts, and says the same
        return
    before = host_reads()
    with suppress(IndexError):  # of the stand-in, where an index of CuPy's goes round to the other end
        CHECKED[name](x, there)
    assert host_reads() == before


def test_an_index_on_the_host_is_checked():
    with pytest.raises(IndexError, match="index_select: indices from 0 to 9 for a length of 4"):
        ops.index_select(on_cuda(X), 0, [0, 9])


@pytest.mark.parametrize("last", [0, 1, 2])
def test_of_several_values_for_one_place_the_last_stays_and_gets_the_gradient(last):
    rows = np.array([[1, 1, 1], [2, 0, 1], [1, 1, 0]])
    rows[last] = 1
    values = np.array([[10.0, 11, 12], [20, 21, 22], [30, 31, 32]])
    for f in (lambda x, v, i: ops.scatter(x, 0, i, v), lambda x, v, i: ops.index_copy(x, 0, i[:, 0], v)):
        a, u = Tensor(X, requires_grad=True), Tensor(values, requires_grad=True)
        b, v = on_cuda(X, requires_grad=True), on_cuda(values, requires_grad=True)
        wanted, found = f(a, u, rows), f(b, v, on_cuda(rows))
        np.testing.assert_array_equal(host(found), wanted.detach().numpy())
        for p, q in zip(gradients((wanted**2).sum(), (a, u)), gradients((found**2).sum(), (b, v)), strict=True):
            np.testing.assert_array_equal(host(q), p.numpy())


SINGULAR = np.array([[[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [2.0, 4.0]]])


@pytest.mark.parametrize("name", ["solve", "inv", "solve_triangular"])
def test_a_singular_matrix_is_named(name):
    f = {
        "solve": lambda A: ops.solve(A, A),
        "inv": ops.inv,
        "solve_triangular": lambda A: ops.solve_triangular(A * on_cuda([[1.0, 1.0], [1.0, 0.0]]), A, upper=True),
    }[name]
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        f(on_cuda(SINGULAR))


def test_what_has_an_answer_for_singular_matrices_gives_it():
    A = on_cuda(SINGULAR)
    np.testing.assert_allclose(host(ops.det(A)), [-2, 0], atol=1e-12)
    np.testing.assert_array_equal(host(ops.slogdet(A).logabsdet)[1], -np.inf)
    np.testing.assert_array_equal(host(ops.cond(A, 1))[1], np.inf)


def test_not_positive_definite():
    with pytest.raises(np.linalg.LinAlgError, match="least eigenvalue is -1"):
        ops.cholesky(on_cuda([[1.0, 0.0], [0.0, -1.0]]))


def test_a_condition_may_be_pythons():
    x = on_cuda(X)
    np.testing.assert_array_equal(host(ops.where(True, x, 0)), X)
    np.testing.assert_array_equal(host(ops.where(False, x, 0)), 0 * X)


@pytest.mark.parametrize("form", [np.array, on_cuda], ids=["host", "device"])
def test_a_tolerance_for_each_matrix_may_lie_on_the_host(form):
    A = np.stack([np.diag([3.0, 2.0, 1.0])] * 3)
    least = np.array([0.5, 1.5, 2.5])
    np.testing.assert_array_equal(host(ops.matrix_rank(on_cuda(A), atol=form(least))), [3, 2, 1])
    np.testing.assert_allclose(
        host(ops.pinv(on_cuda(A), rtol=form(least / 3))), ops.pinv(A, rtol=least / 3), rtol=1e-12
    )


def test_complete_vectors_are_orthonormal_and_have_no_derivative():
    a = np.random.default_rng(0).standard_normal((4, 2))
    A = on_cuda(a, requires_grad=True)
    q, r = ops.qr(A, "complete")
    np.testing.assert_allclose(host(q.mT @ q), np.eye(4), atol=1e-12)
    np.testing.assert_allclose(host(q @ r), a, atol=1e-12)
    with pytest.raises(RuntimeError, match="arbitrary"):
        q.sum().backward()
