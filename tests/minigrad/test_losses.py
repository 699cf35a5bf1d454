"""Losses and normalisation at their edges: far ends, nothing to count, shapes that do not fit."""

import numpy as np
import pytest

from minigrad import Tensor, nn
from minigrad.nn import functional as F


def numbers(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).normal(0, 1, shape).astype(dtype)


PAIRS = [
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "kl_div",
    "poisson_nll_loss",
    "soft_margin_loss",
    "multilabel_soft_margin_loss",
    "hinge_embedding_loss",
]


@pytest.mark.parametrize("shapes", [((5, 1), (5,)), ((5,), (5, 1)), ((2, 3), (3,)), ((), (1,))], ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_shapes_that_only_broadcast_are_refused(name, shapes):
    a, b = (Tensor(np.full(s, 0.5)) for s in shapes)
    with pytest.raises(ValueError, match=r"of shape .*, but .* of shape"):
        getattr(F, name)(a, b)


@pytest.mark.parametrize("name", PAIRS)
def test_a_float32_input_stays_float32_beside_integers(name):
    loss = getattr(F, name)(Tensor(np.full((2, 3), 0.5, np.float32)), Tensor(np.ones((2, 3), int)))
    assert loss.dtype == "float32"
    assert loss.shape == ()


@pytest.mark.parametrize("name", [*PAIRS, "cross_entropy"])
def test_an_unknown_reduction_is_refused(name):
    target = np.array([0, 1]) if name == "cross_entropy" else np.full((2, 3), 0.5)
    with pytest.raises(ValueError, match="""reduction is "mean", "sum" or "none", got 'average'"""):
        getattr(F, name)(Tensor(np.full((2, 3), 0.5)), target, reduction="average")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_binary_cross_entropy_of_certain_probabilities_is_pytorchs(dtype, torch):
    p = np.array([0, 0, 0, 1, 1, 1, 1e-20, 0.5], dtype)
    y = np.array([0, 1, 0.5, 0, 1, 0.5, 1, 0.3], dtype)
    a, b = Tensor(p, requires_grad=True), torch.tensor(p, requires_grad=True)
    out = F.binary_cross_entropy(a, Tensor(y), reduction="none")
    expected = torch.nn.functional.binary_cross_entropy(b, torch.tensor(y), reduction="none")
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-6)
    out.sum().backward(), expected.sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match="must be probabilities between 0 and 1; for logits there is"):
        F.binary_cross_entropy(Tensor([1.5]), Tensor([1.0]))
    with pytest.raises(ValueError, match="must be probabilities"):
        F.binary_cross_entropy(Tensor([np.nan]), Tensor([1.0]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["smooth_l1_loss", "huber_loss", "l1_loss"])
def test_far_and_equal_points_are_pytorchs(name, dtype, torch):
    x = np.array([0, 0, 1, 1e30, -1e30, 3, np.inf], dtype)
    y = np.array([0, 1, 0, 0, 1e30, 3, 0], dtype)
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out = getattr(F, name)(a, Tensor(y), "none")
    expected = getattr(torch.nn.functional, name)(b, torch.tensor(y), reduction="none")
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-6)
    out.sum().backward(), expected.sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())


def test_kl_div_of_a_zero_probability_is_zero(torch):
    x, q = np.log([0.2, 0.5, 0.3]), np.array([0.0, 1, 0])
    out = F.kl_div(Tensor(x), Tensor(q), "sum")
    assert out.item() == pytest.approx(float(torch.nn.functional.kl_div(*map(torch.tensor, (x, q)), reduction="sum")))
    assert out.item() == pytest.approx(np.log(2))


def test_gaussian_nll_takes_variances_in_three_shapes_and_bounds_them(torch):
    x, y = numbers(3, 4), numbers(3, 4, seed=1)
    for shape in ((3, 4), (3, 1), (3,)):
        v = np.abs(numbers(*shape, seed=2))
        v.flat[0] = 1e-9
        a, b = Tensor(v, requires_grad=True), torch.tensor(v, requires_grad=True)
        out = F.gaussian_nll_loss(Tensor(x), Tensor(y), a, eps=1e-2)
        expected = torch.nn.functional.gaussian_nll_loss(torch.tensor(x), torch.tensor(y), b, eps=1e-2)
        assert out.item() == pytest.approx(expected.item(), rel=1e-12)
        out.backward(), expected.backward()
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-10)
    with pytest.raises(ValueError, match="a variance is negative"):
        F.gaussian_nll_loss(Tensor(x), Tensor(y), Tensor(-np.ones((3, 4))))
    with pytest.raises(ValueError, match=r"but variances of shape \(4,\)"):
        F.gaussian_nll_loss(Tensor(x), Tensor(y), Tensor(np.ones(4)))


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_where_nothing_counts_the_mean_is_nan_and_the_gradient_too(name, torch):
    x, y = numbers(2, 3), np.array([-100, -100])
    a, b = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    assert np.isnan(getattr(F, name)(a, y).item())
    assert getattr(F, name)(a, y, reduction="sum").item() == 0
    getattr(F, name)(a, y, reduction="sum").backward()
    getattr(torch.nn.functional, name)(b, torch.tensor(y), reduction="sum").backward()
    np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())


def test_cross_entropy_of_huge_logits_is_finite():
    a = Tensor(np.array([[1e4, -1e4, 0], [-1e4, 1e4, 0]], np.float32), requires_grad=True)
    out = F.cross_entropy(a, np.array([1, 1]), reduction="none")
    np.testing.assert_array_equal(out.detach().numpy(), [2e4, 0])
    out.sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), [[1, -1, 0], [0, 0, 0]])


def test_a_class_may_be_impossible():
    """A logit of -inf is a probability of 0: others lose nothing by it."""
    a = Tensor(np.array([[-np.inf, 0.0, 0.0]]), requires_grad=True)
    out = F.cross_entropy(a, np.array([1]))
    assert out.item() == pytest.approx(np.log(2))
    out.backward()
    np.testing.assert_allclose(a.grad.numpy(), [[0, -0.5, 0.5]])


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: F.cross_entropy(Tensor(numbers(2, 3)), np.array([0, 3])),
            IndexError,
            "class 3 is not among 3 classes",
        ),
        (lambda: F.nll_loss(Tensor(numbers(2, 3)), np.array([0, -1])), IndexError, "class -1 is not among 3 classes"),
        (
            lambda: F.cross_entropy(Tensor(numbers(2, 3)), np.array([0, 1, 2])),
            ValueError,
            r"an input of shape \(2, 3\) needs class numbers, integers of shape \(2,\), got int64 of shape \(3,\)",
        ),
        (
            lambda: F.cross_entropy(Tensor(numbers(2, 3)), np.array([0.0, 1.0])),
            ValueError,
            r"but probabilities of shape \(2,\); targets that are class numbers must be integers",
        ),
        (lambda: F.cross_entropy(Tensor(1.0), np.array(0)), ValueError, r"the input must be \(C,\), .* got a number"),
        (
            lambda: F.cross_entropy(Tensor(numbers(2, 3)), np.array([0, 1]), weight=[1, 2]),
            ValueError,
            r"weight has one number for each of 3 classes, got \(2,\)",
        ),
        (
            lambda: F.cross_entropy(Tensor(numbers(2, 3)), np.array([0, 1]), label_smoothing=2),
            ValueError,
            "label_smoothing is between 0 and 1, got 2",
        ),
        (lambda: F.smooth_l1_loss(Tensor([1.0]), Tensor([1.0]), beta=-1), ValueError, "beta is .* at least 0, got -1"),
        (lambda: F.huber_loss(Tensor([1.0]), Tensor([1.0]), delta=0), ValueError, "delta is .* above 0, got 0"),
        (
            lambda: F.cosine_embedding_loss(numbers(2, 3), numbers(2, 3), np.ones((2, 3))),
            ValueError,
            r"and a target of shape \(2,\), got \(2, 3\)",
        ),
        (
            lambda: F.triplet_margin_loss(numbers(2, 3), numbers(2, 3), numbers(2, 2)),
            ValueError,
            r"anchor of shape \(2, 3\), but negative of shape \(2, 2\)",
        ),
        (
            lambda: F.triplet_margin_with_distance_loss(numbers(2, 3), numbers(3), numbers(3)),
            ValueError,
            r"as many dimensions each, but have the shapes \(2, 3\), \(3,\) and \(3,\)",
        ),
        (lambda: F.embedding(np.array([0.5]), np.ones((2, 3))), TypeError, "needs integers and a table"),
        (lambda: F.embedding(np.array([2]), np.ones((2, 3))), IndexError, "among the table's rows, 0 to 1"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "padding_idx=3 is not among the rows, 0 to 2"),
        (
            lambda: F.bilinear(numbers(2, 3), numbers(2, 4), numbers(5, 4, 3)),
            ValueError,
            r"need the weight \(out, n, k\)",
        ),
        (lambda: F.batch_norm(numbers(1, 3), None, None, training=True), ValueError, "more than one element for each"),
        (lambda: F.batch_norm(numbers(2, 3), None, None), RuntimeError, "needs running_mean and running_var"),
        (lambda: F.batch_norm(numbers(3), None, None), ValueError, r"the input must be \(N, C\)"),
        (
            lambda: F.batch_norm(numbers(2, 3), np.ones(2), None),
            ValueError,
            "running_mean needs one number for each of 3",
        ),
        (lambda: F.instance_norm(numbers(2, 3)), ValueError, r"the input must be \(N, C, d1, ...\)"),
        (lambda: F.layer_norm(numbers(2, 3), 2), ValueError, r"\(2, 3\) must be normalized_shape, \(2,\)"),
        (lambda: F.layer_norm(numbers(2, 3), 3, np.ones(2)), ValueError, r"weight and bias must have the shape \(3,\)"),
        (lambda: F.group_norm(numbers(2, 3), 2), ValueError, r"2 groups must divide the channels of \(2, 3\)"),
        (lambda: nn.GroupNorm(2, 3), ValueError, "2 groups must divide 3 channels"),
        (lambda: nn.BatchNorm2d(3)(Tensor(numbers(2, 3))), ValueError, "BatchNorm2d takes inputs of 4 dimensions"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "groups must divide the channels, got 3 -> 4 channels in 2"),
        (lambda: nn.Unflatten(3, (1, 2))(Tensor(numbers(2, 2))), IndexError, r"the input has the shape \(2, 2\)"),
    ],
)
def test_bad_input_gets_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


# -------------------------------------------------------------------------------------------------------- at the edges


def test_zeros_have_length_zero_and_gradient_zero(torch):
    for name, call in {
        "normalize": lambda f, x: f.normalize(x),
        "cosine_similarity": lambda f, x: f.cosine_similarity(x, x * 0 + 1),
    }.items():
        a, b = (
            Tensor(np.zeros((2, 3)), requires_grad=True),
            torch.zeros((2, 3), dtype=torch.float64, requires_grad=True),
        )
        out, expected = call(F, a), call(torch.nn.functional, b)
        np.testing.assert_array_equal(out.detach().numpy(), expected.detach().numpy(), err_msg=name)
        out.sum().backward(), expected.sum().backward()
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), err_msg=name)


def test_running_statistics_may_be_arrays():
    mean, var = np.zeros(3), np.ones(3)
    x = numbers(5, 3)
    F.batch_norm(x, mean, var, training=True, momentum=0.5)
    np.testing.assert_allclose(mean, x.mean(0) / 2)
    np.testing.assert_allclose(var, 0.5 + x.var(0, ddof=1) / 2)


def test_a_constant_channel_is_normalized_to_zero():
    out = F.batch_norm(np.full((4, 2), 1e8), None, None, training=True)
    assert not out.any()


def test_statistics_are_no_part_of_the_graph():
    layer = nn.BatchNorm1d(2).double()
    layer(Tensor(numbers(4, 2), requires_grad=True))
    assert layer.running_mean.is_leaf
    assert not layer.running_mean.requires_grad
