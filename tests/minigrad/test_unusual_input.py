"""Legal but unusual input beside PyTorch: half precision, nothing at all, no dimensions, zeros, nan, subnormals."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import Tensor, gradients

# ------------------------------------------------------------------------------------------------ half precision

HALF = {  # squares, sums or counts of these numbers are beyond 65504, the largest of float16
    "mean": (lambda m, f, x: m.mean(x), [60000.0, 60000.0]),
    "mean of many": (lambda m, f, x: m.mean(x), np.ones(70000)),
    "mean of rows": (lambda m, f, x: x.mean(1), [[60000.0, 50000.0], [1.0, 2.0]]),
    "var": (lambda m, f, x: m.var(x, 0), [100.0, -100.0, 50.0]),
    "std": (lambda m, f, x: m.std(x, 0, correction=0), [1000.0, -1000.0] * 6),
    "var_mean": (lambda m, f, x: sum(m.var_mean(x, 0, correction=0)), [100.0, -100.0] * 6),
    "std_mean": (lambda m, f, x: sum(m.std_mean(x, 0)), [1000.0, -1000.0, 0.0]),
    "mse_loss": (lambda m, f, x: f.mse_loss(x, x * 0), np.ones(70000)),
    "layer_norm": (lambda m, f, x: f.layer_norm(x, (4,)), [300.0, -300.0, 200.0, -100.0]),
    "rms_norm": (lambda m, f, x: f.rms_norm(x, (4,)), [300.0, -300.0, 200.0, -100.0]),
    "group_norm": (lambda m, f, x: f.group_norm(x, 2), [[300.0, -300.0, 200.0, -100.0, 900.0, -300.0]]),
    "instance_norm": (lambda m, f, x: f.instance_norm(x), [[[300.0, -300.0, 200.0, -100.0]]]),
    "batch_norm": (lambda m, f, x: f.batch_norm(x, None, None, training=True), [[300.0], [-300.0], [500.0]]),
    "adaptive_avg_pool1d": (lambda m, f, x: f.adaptive_avg_pool1d(x, 1), [[[60000.0, 60000.0]]]),
    "normalize": (lambda m, f, x: f.normalize(x), [[300.0, 400.0]]),
    "normalize, tiny": (lambda m, f, x: f.normalize(x), [[1e-3, 1e-3]]),
    "cosine_similarity": (lambda m, f, x: f.cosine_similarity(x, x.flip(1)), [[300.0, 400.0]]),
    "pairwise_distance": (lambda m, f, x: f.pairwise_distance(x, x * 0 + 1), [[300.0, 400.0]]),
}


@pytest.mark.parametrize("name", HALF)
def test_half_precision_does_not_overflow_on_the_way(torch, name):
    f, values = HALF[name]
    values = np.array(values, np.float16)
    x, t = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    ours, theirs = f(mg, F, x), f(torch, torch.nn.functional, t)
    assert ours.dtype == np.float16
    np.testing.assert_allclose(ours.data.astype(float), theirs.detach().double().numpy(), rtol=4e-3, atol=1e-3)
    assert np.isfinite(ours.data).all()
    weights = np.linspace(1, 2, ours.data.size).reshape(ours.shape).astype(np.float16)
    ours.backward(weights)
    exact = torch.tensor(values.astype(float), requires_grad=True)
    f(torch, torch.nn.functional, exact).backward(torch.tensor(weights.astype(float)))
    assert x.grad.dtype == np.float16
    scale = exact.grad.abs().max().item()
    np.testing.assert_allclose(x.grad.data.astype(float) / scale, exact.grad.numpy() / scale, atol=0.02)


# ------------------------------------------------------------------------------------- nothing, and no dimensions


@pytest.mark.parametrize(("shape", "dim"), [((0, 3), 0), ((3, 0), 1), ((0,), 0), ((0, 2), 1)])
@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax"])
def test_exponentials_of_nothing(torch, name, shape, dim):
    x, t = Tensor(np.zeros(shape), requires_grad=True), torch.zeros(shape, dtype=torch.double, requires_grad=True)
    ours, theirs = getattr(mg, name)(x, dim), getattr(torch, name)(t, dim)
    np.testing.assert_array_equal(ours.data, theirs.detach().numpy())
    assert ours.shape == tuple(theirs.shape)
    ours.sum().backward()
    assert x.grad.shape == shape


NUMBER = ["sum", "mean", "prod", "amax", "amin", "max", "min", "logsumexp", "softmax", "log_softmax", "all", "any"]
NUMBER += ["argmax", "cumsum", "sort", "median", "nansum", "nanmean", "count_nonzero"]


@pytest.mark.parametrize("dim", [0, -1])
@pytest.mark.parametrize("name", NUMBER)
def test_a_number_is_a_vector_of_one(torch, name, dim):
    def parts(out):
        return list(out) if isinstance(out, tuple) else [out]

    x, t = Tensor(2.5, requires_grad=True), torch.tensor(2.5, dtype=torch.double, requires_grad=True)
    ours, theirs = parts(getattr(mg, name)(x, dim)), parts(getattr(torch, name)(t, dim))
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == tuple(b.shape) == ()
        assert a.item() == b.item()
    if theirs[0].requires_grad:
        ours[0].backward()
        theirs[0].backward()
        assert x.grad.item() == t.grad.item()
    with pytest.raises(IndexError):
        getattr(mg, name)(x, 1)


def test_no_axis_is_not_all_of_them():
    x = Tensor([1.0, 2.0])
    for name in ("std", "var", "mean", "sum"):
        np.testing.assert_array_equal(getattr(np, name)(x, axis=()).data, getattr(np, name)(x.data, axis=()))
    assert mg.std_mean(x, axis=(), correction=0)[0].tolist() == [0, 0]


# --------------------------------------------------------------------------------- zeros, nan and subnormal numbers


@pytest.mark.parametrize("p", [0.5, 0.9, 1.0, 1.5, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("row", [[0.0, 1.0], [0.0, 0.0], [-2.0, 0.0], [1e200, 1e200], [3.0, -4.0]])
def test_lengths_of_vectors_with_zeros(torch, row, p):
    """PyTorch's own powers overflow at 1e200 and are nan there; a length does not."""
    x, t = Tensor([row], requires_grad=True), torch.tensor([row], dtype=torch.double, requires_grad=True)
    for f in (lambda F, x: F.normalize(x, p), lambda F, x: F.pairwise_distance(x, 0 * x, p, eps=0.0)):
        (ours,) = gradients([f(F, x)], [x], [Tensor(np.ones(f(F, x).shape))])
        (theirs,) = torch.autograd.grad(f(torch.nn.functional, t).sum(), t)
        assert np.isfinite(ours.data).all() or not torch.isfinite(theirs).all()
        if torch.isfinite(theirs).all() and row[0] < 1e100:
            np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("norm_type", [0.0, 0.5, 1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("max_norm", [0.5, 2.0])
def test_rows_are_shortened_by_any_norm(torch, max_norm, norm_type):
    table = np.array([[3.0, 4.0], [1.0, 1.0], [0.1, -0.2]])
    w, v = Tensor(table), torch.tensor(table)
    F.embedding(Tensor([0, 2]), w, max_norm=max_norm, norm_type=norm_type)
    torch.nn.functional.embedding(torch.tensor([0, 2]), v, max_norm=max_norm, norm_type=norm_type)
    np.testing.assert_allclose(w.data, v.numpy(), rtol=1e-6)


@pytest.mark.parametrize(("dtype", "subnormal"), [("float32", 1e-39), ("float64", 1e-320)])
def test_to_the_power_of_0(torch, dtype, subnormal):
    """The value is 1 whatever the base is, so the base gets 0."""
    values = np.array([subnormal, -subnormal, 0.0, np.nan, 2.0, np.inf], dtype)
    zeros = np.zeros(len(values), dtype)
    x, t = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    (x ** Tensor(zeros)).sum().backward()
    (t ** torch.tensor(zeros)).sum().backward()
    np.testing.assert_array_equal(x.grad.data, t.grad.numpy())
    assert (x.grad.data == 0).all()


def test_the_mixed_derivative_of_a_power_at_exponent_0(torch):
    """d2 / dx dy of x^y at y = 0 is 1 / x: the care for x = 0 must not reach other x."""
    x, y = Tensor([2.0, 0.5], requires_grad=True), Tensor([0.0, 0.0], requires_grad=True)
    dx = gradients((x**y).sum(), x, create_graph=True)
    np.testing.assert_allclose(gradients(dx.sum(), y).data, [0.5, 2.0])


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_a_nan_hands_the_gradient_on(torch, name):
    a, b = np.array([np.nan, 1.0, np.nan, 1.0, 2.0, 1.0]), np.array([1.0, np.nan, np.nan, 2.0, 1.0, 1.0])
    x, y = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
    s, t = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
    getattr(mg, name)(x, y).sum().backward()
    getattr(torch, name)(s, t).sum().backward()
    np.testing.assert_array_equal(x.grad.data, s.grad.numpy())
    np.testing.assert_array_equal(y.grad.data, t.grad.numpy())


def test_lgamma_at_the_ends(torch):
    values = np.array([-np.inf, np.inf, 0.0, -1.0, 2.0])
    np.testing.assert_array_equal(mg.lgamma(Tensor(values)).data, torch.lgamma(torch.tensor(values)).numpy())


@given(length=st.integers(1, 9), scale=st.floats(0.4, 4.0))
def test_interpolation_by_any_scale(torch, length, scale):
    assume(length * scale >= 1)
    values = np.arange(2.0 * length).reshape(1, 2, length)
    x = Tensor(values, requires_grad=True)
    ours = F.interpolate(x, scale_factor=scale)
    taken = torch.nn.functional.interpolate(torch.tensor(values), scale_factor=scale).numpy()
    np.testing.assert_array_equal(ours.data, taken)
    weights = np.arange(1.0, 1 + ours.data.size).reshape(ours.shape)
    ours.backward(weights)
    # Each element is its own place, so what was taken says where gradients go. PyTorch's go elsewhere at times.
    expected = [[weights[taken == v].sum() for v in row] for row in values[0]]
    np.testing.assert_array_equal(x.grad.data[0], expected)


@pytest.mark.parametrize(("length", "scale"), [(3, 1.3), (2, 2.3), (2, 1.1), (7, 1.1), (3, 2.0), (3, 1.0)])
def test_interpolation_where_the_length_comes_out_as_a_multiple(torch, length, scale):
    values = np.arange(1.0 * length).reshape(1, 1, length)
    ours = F.interpolate(Tensor(values), scale_factor=scale)
    theirs = torch.nn.functional.interpolate(torch.tensor(values), scale_factor=scale)
    np.testing.assert_array_equal(ours.data, theirs.numpy())
