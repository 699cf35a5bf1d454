"""The objectives against their formulas and PyTorch's; proposition 1 and theorem 1 on discrete densities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gan import objectives as o
from minigrad import Tensor, gradients

logits = arrays(np.float64, st.tuples(st.integers(1, 9), st.just(1)), elements=st.floats(-30, 30, width=32))
LOG4 = math.log(4)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def value_and_gradients(f, *arguments):
    tensors = [Tensor(a, requires_grad=True) for a in arguments]
    out = f(*tensors)
    return out.item(), [g.data for g in gradients(out, tensors)]


@given(logits, logits, st.sampled_from([0.5, 1.0]))
def test_formulas_and_gradients(a_real, a_fake, scale):
    real, fake, not_fake = sigmoid(a_real), sigmoid(a_fake), sigmoid(-a_fake)  # 1 - D(G(z)), without cancellation
    v = np.log(real).mean() + np.log(not_fake).mean()
    m, n = len(a_real), len(a_fake)
    expected = {
        o.value: (v, [(1 - real) / m, -fake / n]),
        lambda r, f: o.discriminator_loss(r, f, scale): (-scale * v, [-scale * (1 - real) / m, scale * fake / n]),
    }
    for f, (value, derivatives) in expected.items():
        got, grads = value_and_gradients(f, a_real, a_fake)
        assert got == pytest.approx(value, rel=1e-12, abs=1e-12)
        for g, d in zip(grads, derivatives, strict=True):
            np.testing.assert_allclose(g, d, rtol=1e-9, atol=1e-15)
    got, (g,) = value_and_gradients(o.minimax_loss, a_fake)
    assert got == pytest.approx(np.log(not_fake).mean(), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(g, -fake / n, rtol=1e-9, atol=1e-15)
    got, (g,) = value_and_gradients(o.non_saturating_loss, a_fake)
    assert got == pytest.approx(-np.log(fake).mean(), rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(g, -not_fake / n, rtol=1e-9, atol=1e-15)


@given(logits, logits)
def test_they_are_pytorchs_binary_cross_entropies(torch, a_real, a_fake):
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    r, f = (torch.tensor(a, requires_grad=True) for a in (a_real, a_fake))
    real_is_1, fake_is_0, fake_is_1 = (
        bce(r, torch.ones_like(r)),
        bce(f, torch.zeros_like(f)),
        bce(f, torch.ones_like(f)),
    )
    for ours, theirs, wrt in (
        (lambda r, f: o.discriminator_loss(r, f, 0.5), 0.5 * (real_is_1 + fake_is_0), (r, f)),  # the released code's
        (o.minimax_loss, -fake_is_0, (f,)),
        (o.non_saturating_loss, fake_is_1, (f,)),
    ):
        got, grads = value_and_gradients(ours, *(t.detach().numpy() for t in wrt))
        assert got == pytest.approx(theirs.item(), rel=1e-12, abs=1e-12)
        for g, t in zip(grads, torch.autograd.grad(theirs, wrt, retain_graph=True), strict=True):
            np.testing.assert_allclose(g, t.numpy(), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sure_logits_neither_overflow_nor_warn(dtype):
    big = np.array([[1e4], [-1e4]], dtype)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        assert value_and_gradients(o.value, big, big)[0] == -1e4
        for name, loss in o.GENERATOR_LOSSES.items():
            value, (g,) = value_and_gradients(loss, big)
            assert value == (5e3 if name == "non_saturating" else -5e3)
            np.testing.assert_array_equal(g[:, 0], [0, -0.5] if name == "non_saturating" else [-0.5, 0])
            assert g.dtype == dtype


def test_the_value_at_one_half_is_minus_log_4():
    half = np.zeros((7, 1))
    assert o.value(Tensor(half), Tensor(half)).item() == pytest.approx(-LOG4, rel=1e-15)
    assert o.discriminator_loss(Tensor(half), Tensor(half), 0.5).item() == pytest.approx(math.log(2), rel=1e-15)


def test_early_on_only_the_non_saturating_gradient_is_strong():
    caught = np.full((1, 1), -10.0)  # D is sure that this is a sample
    (minimax,), (strong,) = (value_and_gradients(loss, caught)[1] for loss in o.GENERATOR_LOSSES.values())
    assert abs(minimax.item()) < 5e-5
    assert strong.item() == pytest.approx(-1, abs=5e-5)


@given(logits)
def test_both_objectives_push_every_sample_the_same_way(a):
    """Both fall as the logit rises: with any D, they have the same fixed points."""
    (minimax,), (strong,) = (value_and_gradients(loss, a)[1] for loss in o.GENERATOR_LOSSES.values())
    assert (minimax < 0).all()
    assert (strong < 0).all()


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_where_p_g_is_p_data_and_D_is_one_half_nobody_moves(shift):
    """Data x = z, G(z) = shift + z, D's logit w x + c with w = c = 0."""
    z = np.linspace(-2, 2, 5)[:, None]
    shift, w, c = (Tensor(v, requires_grad=True) for v in (shift, 0.0, 0.0))
    for loss in o.GENERATOR_LOSSES.values():
        assert gradients(loss(w * (shift + z) + c), shift).item() == 0
    of_w, of_c = gradients(o.value(w * Tensor(z) + c, w * (shift + z) + c), [w, c])
    assert of_c.item() == pytest.approx(0, abs=1e-15)
    assert of_w.item() == pytest.approx(-shift.item() / 2, abs=1e-15)  # D moves where the means differ


# ---------------------------------------------------------- section 4 of the paper, on densities over a few points

counts = st.integers(1, 6).flatmap(lambda n: st.tuples(*[st.lists(st.integers(1, 9), min_size=n, max_size=n)] * 2))


@given(counts, st.data())
def test_proposition_1(drawn, data):
    """No D has a higher V than D* = p_data / (p_data + p_g); there, V = -log 4 + 2 JSD (theorem 1)."""
    n_data, n_g = map(np.array, drawn)
    p, q = n_data / n_data.sum(), n_g / n_g.sum()
    best = o.optimal_discriminator(p, q)
    np.testing.assert_allclose(best, p / (p + q), rtol=1e-15)

    def value(a):  # one logit per point, every point as often as its density says
        x, x_fake = (np.repeat(np.arange(len(p)), n) for n in (n_data, n_g))
        return o.value(a[x], a[x_fake])

    at_best, (slope,) = value_and_gradients(value, np.log(best) - np.log1p(-best))
    np.testing.assert_allclose(slope, 0, atol=1e-14)
    other = data.draw(arrays(np.float64, p.shape, elements=st.floats(-20, 20)))
    assert value(Tensor(other)).item() <= at_best + 1e-12
    middle = (p + q) / 2
    jsd = (p * np.log(p / middle)).sum() / 2 + (q * np.log(q / middle)).sum() / 2
    assert at_best == pytest.approx(-LOG4 + 2 * jsd, abs=1e-12)
    assert at_best >= -LOG4 - 1e-12


@given(counts)
def test_theorem_1_the_minimum_is_where_p_g_is_p_data(drawn):
    p = np.array(drawn[0]) / sum(drawn[0])
    np.testing.assert_array_equal(o.optimal_discriminator(p, p), 0.5)


def test_where_only_one_density_lives():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5])
    assert o.optimal_discriminator(p, q).tolist() == [1, 0.5, 0]


GAUSSIANS = {0: -1.3862943611, 0.5: -1.3256717601, 1: -1.1634513968, 2: -0.7126327204, 4: -0.1208539736}


@pytest.mark.parametrize("mu", GAUSSIANS)
def test_C_of_G_for_two_gaussians(mu):
    """C(G) = max_D V for p_data = N(0, 1), p_g = N(mu, 1), integrated; D* is a logistic function of x."""
    x = np.linspace(-12, 16, 20_001)
    p, q = (np.exp(-((x - m) ** 2) / 2) / math.sqrt(2 * math.pi) for m in (0, mu))
    best = o.optimal_discriminator(p, q)
    np.testing.assert_allclose(best, sigmoid(mu * (mu / 2 - x)), rtol=1e-9)
    c = np.trapezoid(p * np.log(best) + q * np.log(q / (p + q)), x)
    assert c == pytest.approx(GAUSSIANS[mu], abs=2e-10)
