"""Products and linear algebra where the catalogue does not go: bad input, singular and degenerate matrices, names."""

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, gradients, linalg
from minigrad.testing import gradcheck, gradgradcheck

RNG = np.random.default_rng(0)


def draw(*shape):
    return Tensor(RNG.standard_normal(shape), requires_grad=True)


def grad(f, *arrays):
    xs = [Tensor(a, requires_grad=True) for a in arrays]
    found = gradients(f(*xs), xs)
    return found[0].data if len(xs) == 1 else [g.data for g in found]


# ------------------------------------------------------------------------------------------------------ products


@pytest.mark.parametrize(
    ("equation", "shapes", "sentence"),
    [
        ("ij,jk->iz", [(2, 3), (3, 4)], '"z" of the output is in no operand'),
        ("ij,jk->ii", [(2, 3), (3, 4)], "the output has a subscript twice"),
        ("i,jk", [(2, 3), (3, 4)], '"i" does not fit an operand of 2 dimensions'),
        ("ijk,jk", [(2, 3), (3, 4)], '"ijk" does not fit an operand of 2 dimensions'),
        ("ij,jk,kl", [(2, 3), (3, 4)], "subscripts of 3 operands, but 2 came"),
        ("", [], "subscripts of 1 operands, but 0 came"),
        ("ij,j.k", [(2, 3), (3, 4)], 'not "."'),
        ("i1,jk", [(2, 3), (3, 4)], 'not "1"'),
        ("ij,jk->i->k", [(2, 3), (3, 4)], 'not "-"'),
        ("...i...->i", [(2, 3)], 'not "."'),
        ("ij,kj", [(2, 3), (3, 4)], 'the length under "j" is 3 once, and then 4'),
        ("...i,...i", [(2, 3), (4, 3)], "the length under dimension -1 of the ellipsis is 2 once, and then 4"),
        ("ii", [(2, 3)], 'the length under "i" is 2 once'),
        ("ii", [(1, 3)], 'has no diagonal under "i"'),
    ],
)
def test_a_wrong_equation_is_told_in_a_sentence(equation, shapes, sentence):
    with pytest.raises(ValueError, match="einsum") as error:
        minigrad.einsum(equation, *[draw(*s) for s in shapes])
    assert sentence in str(error.value)


def test_sublists_that_are_none():
    for wrong in ((draw(2), [0], [1, "a"]), (draw(2), [52]), (draw(2), 3)):
        with pytest.raises(ValueError, match="a list of its subscripts"):
            minigrad.einsum(*wrong)


def test_many_operands_are_contracted_in_a_good_order():
    """Left to right this chain needs a million numbers in between."""
    chain = [Tensor(np.ones(s)) for s in ((1000, 1), (1, 1000), (1000, 1), (1, 2))]
    out = minigrad.einsum("ab,bc,cd,de->ae", *chain)
    np.testing.assert_array_equal(out.data, np.full((1000, 2), 1000.0))


def test_einsum_of_bare_arrays_and_numbers_of_dimensions():
    x, y = RNG.standard_normal((3, 3)), RNG.standard_normal((3, 3))
    assert isinstance(minigrad.einsum("ii", x), np.generic)
    np.testing.assert_allclose(minigrad.einsum("ij,ij->", x, y), (x * y).sum())
    np.testing.assert_allclose(minigrad.einsum("...,...", 2.0, x), 2 * x)


def test_einsum_keeps_integers():
    x = np.arange(6).reshape(2, 3)
    out = minigrad.einsum("ij,kj->ik", Tensor(x), x)
    assert out.dtype == x.dtype
    np.testing.assert_array_equal(out.data, x @ x.T)


@pytest.mark.parametrize(
    ("f", "shapes", "sentence"),
    [
        (minigrad.dot, [(2, 2), (2, 2)], "these must have 1 and 1 dimensions"),
        (minigrad.dot, [(2,), (3,)], "the last lengths differ"),
        (minigrad.inner, [(2, 2), (3,)], "the last lengths differ"),
        (minigrad.mv, [(2,), (2,)], "2 and 1 dimensions"),
        (minigrad.mm, [(1, 2, 2), (2, 2)], "2 and 2 dimensions"),
        (minigrad.bmm, [(2, 2, 2), (1, 2, 2)], "the batches differ"),
        (minigrad.outer, [(2, 2), (2,)], "1 and 1 dimensions"),
        (minigrad.addmm, [(3, 2), (2, 2), (2, 2)], "does not broadcast"),
        (minigrad.addmm, [(5, 2, 2), (2, 2), (2, 2)], "does not broadcast"),
        (minigrad.cross, [(2,), (3,)], "must have length 3"),
        (lambda *xs: minigrad.tensordot(*xs, dims=3), [(2, 2), (2, 2)], "there are not so many"),
        (lambda *xs: minigrad.tensordot(*xs, dims=1), [(2, 3), (2, 3)], "equal lengths"),
        (lambda *xs: linalg.multi_dot(xs), [(2, 2)], "at least two"),
        (lambda *xs: linalg.multi_dot(xs), [(2, 2), (2,), (2, 2)], "factor 1 is (2,)"),
        (lambda *xs: linalg.multi_dot(xs), [(2, 3), (2, 3)], "factor 0 is (2, 3) and the next (2, 3)"),
        (minigrad.cdist, [(2, 3), (2, 4)], "(..., m, d)"),
    ],
)
def test_products_of_wrong_shapes(f, shapes, sentence):
    with pytest.raises(ValueError, match=r".") as error:
        f(*[draw(*s) for s in shapes])
    assert sentence in str(error.value)


def test_with_beta_0_the_input_is_not_looked_at():
    out = minigrad.addmm(Tensor(np.full((2, 2), np.nan)), draw(2, 2), draw(2, 2), beta=0)
    assert np.isfinite(out.detach().numpy()).all()


def test_multi_dot_multiplies_in_the_cheapest_order():
    """A column of a thousand, a row, a column: from the right it is a thousand products, from the left a million."""
    sizes = []
    multiply = minigrad.ops.products.matmul

    def counted(x, y):
        sizes.append(x.shape[0] * y.shape[1])
        return multiply(x, y)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(minigrad.ops.products, "matmul", counted)
        linalg.multi_dot([np.ones((1000, 1)), np.ones((1, 1000)), np.ones((1000, 1))])
    assert sorted(sizes) == [1, 1000]


# ----------------------------------------------------------------------------------------- matrices without answers


@pytest.mark.parametrize(
    ("f", "A", "sentence"),
    [
        (linalg.inv, np.ones((2, 2)), "the matrix is singular"),
        (linalg.inv, np.stack([np.eye(2), np.ones((2, 2))]), "the matrix at [1] is singular"),
        (lambda A: linalg.solve(A, Tensor(np.ones(2))), np.zeros((2, 2)), "singular"),
        (
            lambda A: linalg.solve_triangular(A, Tensor(np.ones((2, 1))), upper=True),
            np.ones((2, 2)) * [1, 0],
            "singular",
        ),
        (lambda A: linalg.matrix_power(A, -1), np.zeros((2, 2)), "singular"),
        (linalg.cholesky, np.diag([1.0, -2.0]), "not positive definite; its least eigenvalue is -2"),
        *(
            (f, np.ones((2, 3)), "must be a square matrix")
            for f in (linalg.inv, linalg.det, linalg.cholesky, linalg.eigh)
        ),
        *((f, np.ones(3), "dimensions") for f in (linalg.inv, linalg.qr, linalg.svd, linalg.pinv, linalg.matrix_norm)),
    ],
)
def test_what_has_no_answer_raises_numpys_and_pytorchs_error(f, A, sentence):
    with pytest.raises(linalg.LinAlgError) as error:
        f(Tensor(A))
    assert sentence in str(error.value)
    assert isinstance(error.value, np.linalg.LinAlgError)
    assert isinstance(error.value, RuntimeError)


@pytest.mark.parametrize("f", [linalg.inv, linalg.det, linalg.svd, linalg.eigvalsh, linalg.vector_norm, linalg.pinv])
def test_integers_are_refused(f):
    with pytest.raises(TypeError, match="floating"):
        f(Tensor(np.eye(2, dtype=int)))


@pytest.mark.parametrize(
    "f",
    [
        lambda: linalg.solve(draw(2, 2), draw(3)),
        lambda: linalg.solve(draw(2, 2), draw(2), left=False),
        lambda: linalg.solve_triangular(draw(2, 2), draw(2), upper=True),
        lambda: linalg.lstsq(draw(3, 2), draw(2, 1)),
        lambda: linalg.eigh(draw(2, 2), UPLO="X"),
        lambda: linalg.qr(draw(2, 2), mode="raw"),
        lambda: linalg.matrix_norm(draw(2, 2), 3),
        lambda: linalg.matrix_norm(draw(2, 2), dim=(0, 0)),
        lambda: linalg.norm(draw(2, 2, 2), 1),
        lambda: linalg.norm(draw(2, 2), "fro", 0),
        lambda: linalg.norm(draw(2, 2, 2), dim=(0, 1, 2)),
        lambda: minigrad.norm(draw(2, 2), "max"),
    ],
)
def test_wrong_settings_and_lengths(f):
    with pytest.raises(ValueError, match=r"solve|lstsq|UPLO|mode|norm|dim"):
        f()


# ----------------------------------------------------------------------------------------- singular and degenerate


@pytest.mark.parametrize(("n", "rank"), [(1, 0), (2, 1), (3, 2), (3, 1), (4, 3), (4, 2), (4, 0)])
def test_det_has_two_derivatives_at_any_rank(n, rank):
    A = Tensor(RNG.standard_normal((n, rank)) @ RNG.standard_normal((rank, n)), requires_grad=True)
    assert gradcheck(minigrad.det, [A])
    assert gradgradcheck(minigrad.det, [A])


def test_dets_third_derivative():
    W = RNG.standard_normal((3, 3))

    def second(A):
        g = gradients(minigrad.det(A), A, create_graph=True)
        return gradients((g * W).sum(), A, create_graph=True)

    assert gradcheck(second, [draw(3, 3)])
    assert gradgradcheck(second, [draw(3, 3)])
    singular = Tensor(np.ones((3, 3)), requires_grad=True)
    with pytest.raises(linalg.LinAlgError, match="singular"):
        gradients(second(singular).sum(), singular)


def test_determinants_of_singular_matrices():
    A = np.ones((2, 2))
    assert linalg.det(A) == 0
    assert linalg.slogdet(A) == (0, -np.inf)
    assert minigrad.logdet(A) == -np.inf
    assert np.isnan(minigrad.logdet(np.diag([1.0, -1.0])))
    assert not np.isfinite(grad(lambda a: linalg.slogdet(a).logabsdet, A)).any()
    both = grad(lambda a: linalg.slogdet(a).logabsdet.sum(), np.stack([A, 2 * np.eye(2)]))
    np.testing.assert_array_equal(both[1], np.eye(2) / 2)  # a singular neighbour in the batch changes nothing


def test_the_determinant_of_nothing_is_1():
    assert linalg.det(np.ones((0, 0))) == 1
    assert grad(linalg.det, np.ones((0, 0))).shape == (0, 0)


def test_equal_eigenvalues_have_derivatives_and_their_vectors_have_none():
    np.testing.assert_allclose(grad(lambda a: linalg.eigvalsh(a).sum(), np.eye(3)), np.eye(3))
    np.testing.assert_allclose(grad(lambda a: linalg.eigh(a).eigenvalues.sum(), np.eye(3)), np.eye(3))
    assert not np.isfinite(grad(lambda a: (linalg.eigh(a).eigenvectors ** 3).sum(), np.eye(3))).all()
    for of in (linalg.svdvals, lambda a: linalg.svd(a).S):
        np.testing.assert_allclose(grad(lambda a, f=of: f(a).sum(), np.eye(3)), np.eye(3))
        np.testing.assert_allclose(grad(lambda a, f=of: f(a).sum(), np.ones((3, 1))), np.full((3, 1), 3**-0.5))


def test_the_arbitrary_vectors_of_a_full_svd_have_no_derivative(torch):
    A = RNG.standard_normal((2, 4, 3))
    for ours, theirs in zip(linalg.svd(A), torch.linalg.svd(torch.tensor(A)), strict=True):
        assert ours.shape == tuple(theirs.shape)
    u, s, vh = linalg.svd(A)
    np.testing.assert_allclose(u[..., :3] * s[..., None, :] @ vh, A)
    np.testing.assert_allclose(u.mT @ u, np.broadcast_to(np.eye(4), (2, 4, 4)), atol=1e-14)
    with pytest.raises(RuntimeError, match="full_matrices=False"):
        linalg.svd(Tensor(A, requires_grad=True)).U.sum().backward()


def test_only_one_triangle_is_read():
    A = np.array([[2.0, 99], [1, 3]])
    symmetric = np.array([[2.0, 1], [1, 3]])
    np.testing.assert_allclose(linalg.cholesky(A), np.linalg.cholesky(symmetric))
    np.testing.assert_allclose(linalg.cholesky(A.T, upper=True), np.linalg.cholesky(symmetric).T)
    for uplo, a in (("L", A), ("U", A.T)):
        np.testing.assert_allclose(linalg.eigvalsh(a, uplo), np.linalg.eigvalsh(symmetric))
    by_cholesky = grad(lambda a: linalg.cholesky(a).sum(), A)
    np.testing.assert_array_equal(by_cholesky, by_cholesky.T)
    lower = grad(lambda a: linalg.solve_triangular(a, np.ones((2, 1)), upper=False).sum(), A)
    assert lower[0, 1] == 0


def test_norms_at_0_have_gradient_0():
    for ord in (2, 1, 3, 1.5, np.inf):
        np.testing.assert_array_equal(grad(lambda a, o=ord: linalg.vector_norm(a, o), np.zeros(3)), np.zeros(3))
    np.testing.assert_array_equal(grad(linalg.matrix_norm, np.zeros((2, 2))), np.zeros((2, 2)))
    np.testing.assert_array_equal(grad(lambda a: linalg.vector_norm(a, np.inf), np.array([3.0, -3, 1])), [0.5, -0.5, 0])


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e-310])
def test_norms_neither_overflow_nor_underflow(scale):
    x = np.array([3.0, 4]) * scale
    np.testing.assert_allclose(linalg.vector_norm(x), 5 * scale)
    np.testing.assert_allclose(grad(linalg.vector_norm, x), [0.6, 0.8])
    np.testing.assert_allclose(linalg.vector_norm(x, 3), np.cbrt(91) * scale)


def test_norms_of_what_is_not_finite():
    assert linalg.vector_norm(np.array([1, np.inf])) == np.inf
    assert np.isnan(linalg.vector_norm(np.array([1, np.nan])))


def test_the_condition_of_a_singular_matrix_is_infinite():
    for p in ("fro", 1, np.inf):
        assert linalg.cond(np.ones((2, 2)), p) == np.inf
    np.testing.assert_array_equal(linalg.cond(np.stack([np.eye(2), np.ones((2, 2))]), 1), [1, np.inf])


def test_rank_deficient_least_squares():
    """Of least norm, as NumPy's."""
    A, b = RNG.standard_normal((4, 2)) @ RNG.standard_normal((2, 3)), RNG.standard_normal((4, 1))
    np.testing.assert_allclose(linalg.lstsq(A, b).solution, np.linalg.lstsq(A, b, rcond=None)[0])
    assert linalg.matrix_rank(A) == 2


@pytest.mark.parametrize("shape", [(3, 2), (2, 4, 1), (2, 2), (2, 3), (3, 0), (0, 3), (0, 3, 2)])
def test_qr_of_all_columns(shape):
    A = RNG.standard_normal(shape)
    m, n = shape[-2:]
    q, r = linalg.qr(A, "complete")
    assert q.shape == (*shape[:-2], m, m)
    assert r.shape == (*shape[:-2], m, n)
    np.testing.assert_allclose(q @ r, A, atol=1e-14)
    np.testing.assert_allclose(q @ q.mT, np.broadcast_to(np.eye(m), q.shape), atol=1e-14)
    np.testing.assert_array_equal(r, np.triu(r))
    q = linalg.qr(Tensor(A, requires_grad=True), "complete").Q
    if m <= n:
        q.sum().backward()  # that of the mode "reduced", which is the same there
    else:
        with pytest.raises(RuntimeError, match=r'qr of .* use mode "reduced"'):
            q.sum().backward()


@pytest.mark.parametrize("name", ["atol", "rtol"])
@pytest.mark.parametrize("shape", [(3, 2, 2), (0, 2, 2), (2, 3, 1, 1)])
def test_a_tolerance_for_each_matrix(name, shape, torch):
    A = RNG.standard_normal(shape)
    each = RNG.choice([0.0, 0.5, 3.0], shape[:-2])
    for given_as in (np.asarray, Tensor):
        ranks, inverses = (f(Tensor(A), **{name: given_as(each)}).data for f in (linalg.matrix_rank, linalg.pinv))
        wanted = {name: torch.tensor(each)}
        np.testing.assert_array_equal(ranks, torch.linalg.matrix_rank(torch.tensor(A), **wanted).numpy())
        np.testing.assert_allclose(inverses, torch.linalg.pinv(torch.tensor(A), **wanted).numpy(), atol=1e-12)


@pytest.mark.parametrize("scale", [1e-8, 1, 10, 100])
def test_the_exponential_of_small_and_large_matrices(scale, torch):
    for dtype, rtol in ((np.float64, 1e-11), (np.float32, 1e-3)):
        A = (np.array([[0.1, -1], [1, 0.2]]) * scale).astype(dtype)
        wanted = torch.linalg.matrix_exp(torch.tensor(A)).numpy()
        ours = linalg.matrix_exp(A)
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, wanted, rtol=rtol * max(1, scale), atol=rtol * np.abs(wanted).max())


# --------------------------------------------------------------------------------------------------- the namespace


def test_the_namespace_has_pytorchs_names(torch):
    of_linalg = ("diagonal", "lstsq", "lu", "lu_solve", "norm", "vander")  # its own, as in PyTorch
    for name in set(linalg.__all__) - {"LinAlgError"}:
        assert hasattr(torch.linalg, name), name
        if name not in of_linalg:
            assert getattr(linalg, name) is getattr(minigrad, name)


NOT_OF_BATCHES = ("multi_dot", "tensorinv", "tensorsolve", "vander")


@pytest.mark.parametrize("name", [n for n in linalg.__all__ if n[0].islower() and n not in NOT_OF_BATCHES])
def test_batches_are_the_matrices_one_by_one(name):
    """And in any layout of memory."""
    A = RNG.standard_normal((3, 3, 2)).transpose(2, 1, 0) + 4 * np.eye(3)
    A = A @ A.mT if name in ("cholesky", "cholesky_ex", "eigh", "eigvalsh") else A
    B = RNG.standard_normal((2, 3, 3))
    more = {"solve": (B,), "lstsq": (B,), "solve_triangular": (B,), "matmul": (B,), "cross": (B,), "vecdot": (B,)}
    more |= {"householder_product": (B[..., 0],), "lu_solve": (np.array([[2, 3, 3], [1, 3, 3]]), B)}
    f = minigrad.lstsq if name == "lstsq" else getattr(linalg, name)  # residuals of no rows have no batch
    options = {
        "solve_triangular": {"upper": True},
        "matrix_power": {"n": 3},
        "norm": {"dim": (-2, -1)},
        "vector_norm": {"dim": (-2, -1)},
    }.get(name, {})
    whole = f(A, *more.get(name, ()), **options)
    parts = [f(a, *(b[i] for b in more.get(name, ())), **options) for i, a in enumerate(A)]
    if not isinstance(whole, tuple):
        whole, parts = (whole,), [(p,) for p in parts]
    for i, out in enumerate(whole):
        np.testing.assert_allclose(out, np.stack([p[i] for p in parts]), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shape", [(4, 2), (2, 2), (2, 3), (3, 4, 2)])
def test_least_squares_say_what_pytorchs_say(shape, torch):
    a, b = RNG.standard_normal(shape), RNG.standard_normal((*shape[:-1], 2))
    A, B, t, u = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True), torch.tensor(a), torch.tensor(b)
    ours, theirs = linalg.lstsq(A, B), torch.linalg.lstsq(t, u, driver="gelsd")
    for name in ("solution", "residuals", "rank", "singular_values"):
        np.testing.assert_allclose(getattr(ours, name).data, getattr(theirs, name).numpy(), atol=1e-12)
    assert gradients(ours.residuals.sum() + ours.solution.sum(), [A, B])[0].shape == shape
    with pytest.raises(ValueError, match="driver is one of"):
        linalg.lstsq(A, B, driver="fast")


def test_answers_with_a_number_do_not_raise(torch):
    a = np.stack([np.eye(2), np.ones((2, 2)), np.diag([1.0, -1.0])])
    for name in ("inv_ex", "cholesky_ex"):
        out, info = getattr(linalg, name)(Tensor(a))
        _, wanted = getattr(torch.linalg, name)(torch.tensor(a))
        assert info.tolist() == wanted.tolist()
        assert info.dtype == np.int32
        assert np.isnan(out.data).any((1, 2)).tolist() == [n != 0 for n in wanted.tolist()]
        with pytest.raises(linalg.LinAlgError):
            getattr(linalg, name)(Tensor(a), check_errors=True)
    x = Tensor(a, requires_grad=True)
    g = gradients(where_known(linalg.inv_ex(x)), x)
    assert np.isfinite(g.data[[0, 2]]).all()


def where_known(checked):
    return checked.inverse[np.array([0, 2])].sum()


def test_rows_stay_without_pivots(torch):
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    P, L, U = linalg.lu(Tensor(a), pivot=False)
    assert P.tolist() == [[1, 0], [0, 1]]
    assert (L @ U).tolist() == a.tolist()
    assert linalg.lu_factor(Tensor(a), pivot=False).pivots.tolist() == [1, 2]
