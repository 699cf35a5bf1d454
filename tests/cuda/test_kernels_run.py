"""Every kernel, executed, equals the plain function that it names: in float64, or to the bit where it promises that.

Where there is no GPU g++ runs the same source on the processor, block after block, thread after thread, in both orders.
Results are written over nan: what a kernel leaves out is seen.
"""

import contextlib
import os

import numpy as np
import pytest

from minigrad import Generator, Tensor, gradients, optim
from minigrad.fused.cuda import launch
from minigrad.nn import functional as F
from tests.cuda import standin

SIZES = [(1, 1), (31, 33), (100, 31), (33, 100), (1200, 33), (513, 1), (2, 1200)]  # rows, columns; CHUNK is 512
COUNTS = [1, 31, 33, 64, 65, 100, 1200, 1203]
shapes = pytest.mark.parametrize("shape", SIZES, ids=str)


@pytest.fixture(params=["forward", "reversed"])
def order(request, cupy_module):
    """Blocks and threads in this order; a GPU has its own."""
    if hasattr(cupy_module, "is_stand_in"):
        needs_a_compiler()
    with _in_order(cupy_module, request.param):
        yield request.param


def needs_a_compiler():
    if not standin.available():
        reason = "not run: kernels are executed by g++, which is not on this machine"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


class Device:
    """The kernels, and arrays for them."""

    def __init__(self, cupy_module):
        self.cupy, self.k = cupy_module, launch.kernels()
        self.rng = np.random.default_rng(0)

    def put(self, x, dtype=None):
        return self.cupy.asarray(np.ascontiguousarray(x, dtype))

    def poison(self, *shape, dtype="float32"):
        """An array that nothing has been written to: nan, or 255."""
        return self.put(np.full(shape, np.nan if np.dtype(dtype).kind == "f" else 255, dtype))

    def normal(self, *shape):
        return self.rng.standard_normal(shape).astype("float32")

    def mask(self, *shape):
        return self.rng.integers(0, 2, shape).astype("uint8")


@pytest.fixture
def d(order, cupy_module):
    return Device(cupy_module)


def close(x, y, times=1):
    """Equal to float32's precision, relative to the largest."""
    x, y = (np.asarray(v.get() if hasattr(v, "get") else v, "float64") for v in (x, y))
    assert x.shape == y.shape
    np.testing.assert_allclose(x, y, rtol=0, atol=times * 1e-6 * max(1, np.abs(y[np.isfinite(y)]).max(initial=0)))


def equal(x, y):
    np.testing.assert_array_equal(x.get(), y)


def gradient(f, g, *inputs):
    """f's value and its gradients for the inputs, in float64, where g is the gradient for its value."""
    inputs = [Tensor(np.asarray(x, "float64"), requires_grad=True) for x in inputs]
    y = f(*inputs)
    return y.data, [v.data for v in gradients((y * np.asarray(g, "float64")).sum(), inputs)]


# ------------------------------------------------------------------------------------------------------ random.cu


def state_of(generator):
    """As kernels have it."""
    s = generator.state_dict()
    return np.array([*s["counter"], *s["key"], s["buffer_pos"], s["has_uint32"] << 32 | s["uinteger"]], np.uint64)


def at(words, halves=0, seed=5):
    """A generator that has drawn some words, then some float32."""
    generator = Generator(seed)
    if words:
        generator.bernoulli(0.5, 64 * words)
    if halves:
        generator.uniform(0, 1, halves)
    return generator


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("drawn", [(0, 0), (1, 0), (2, 1), (7, 2), (4, 3)], ids=str)
def test_uniform_is_the_generators(d, n, drawn):
    generator = at(*drawn)
    state, out = d.put(state_of(generator)), d.poison(n)
    d.k.uniform(out, state, 0, -0.7, 1.9)
    equal(out, generator.uniform(-0.7, 1.9, n))
    d.k.advance(state, halves=n)
    equal(state, state_of(generator))


@pytest.mark.parametrize("drawn", [(0, 0), (3, 1)], ids=str)
def test_uniform_behind_other_draws(d, drawn):
    """Several draws from one state, as in a captured step; it moves on at the end."""
    generator = at(*drawn)
    state, first, second = d.put(state_of(generator)), d.poison(33), d.poison(2, 5)
    d.k.uniform(first, state, skip=3)
    d.k.uniform(second, state, skip=3, halves=33)
    generator.bernoulli(0.5, 64 * 3)
    equal(first, generator.uniform(0, 1, 33))
    equal(second, generator.uniform(0, 1, (2, 5)))
    d.k.advance(state, words=3, halves=43)
    equal(state, state_of(generator))


@pytest.mark.parametrize("p", [0.5, 0.8, 0.25, 0.0, 1.0, 0.500001])
@pytest.mark.parametrize("n", COUNTS)
def test_bernoulli_is_the_generators(d, n, p):
    generator = at(2, 1)
    state, first, second = d.put(state_of(generator)), d.poison(n, dtype="uint8"), d.put(np.ones(n, bool))
    words = -(-n // (64 if p == 0.5 else 4))
    d.k.bernoulli(first, state, 0, p)
    d.k.bernoulli(second, state, words, p)
    equal(first, generator.bernoulli(p, n))
    equal(second, generator.bernoulli(p, n))
    d.k.advance(state, 2 * words)
    equal(state, state_of(generator))


def test_coins_at_the_threshold(d):
    """So many that some are the threshold itself, which is a 0."""
    n, generator = 1 << 18, at(0)
    coins = Generator(5)._philox.random_raw(n // 4).view(np.uint16)
    p = int(coins[777]) / 2**16
    out = d.poison(n, dtype="uint8")
    d.k.bernoulli(out, d.put(state_of(generator)), 0, p)
    equal(out, generator.bernoulli(p, n))
    assert not out.get()[777]


def test_masks_are_bernoullis(d):
    generator = at(1)
    state, out = d.put(state_of(generator)), d.poison(1000, dtype="uint8")
    parts, first, skip, wanted = [], 3, 0, np.full(1000, 255, np.uint8)
    for n, p in ((500, 0.5), (33, 0.8), (1, 0.5), (203, 0.25)):
        parts.append((first, n, skip, launch.threshold(p)))
        wanted[first : first + n] = generator.bernoulli(p, n)
        first, skip = first + n + 5, skip + -(-n // (64 if p == 0.5 else 4))
    d.k.masks(out, state, d.put(np.array(parts, np.int64)))
    equal(out, wanted)
    parts = [(990, 64, 0, launch.FAIR), (1000, 64, 0, launch.FAIR), (-8, 64, 0, launch.FAIR)]
    d.k.masks(out, state, d.put(np.array(parts, np.int64)))  # what lies outside is left out
    wanted[990:] = at(1).bernoulli(0.5, 10)
    equal(out, wanted)


def test_a_counter_carries(d):
    """Over all four of its words, in a draw and in an advance."""
    for counter in ([2**64 - 2, 5, 0, 0], [2**64 - 1, 2**64 - 1, 2**64 - 1, 7]):
        philox = np.random.Philox(counter=np.array(counter, np.uint64), key=np.array([3, 2**63], np.uint64))
        s = philox.state
        state = d.put(np.array([*s["state"]["counter"], *s["state"]["key"], s["buffer_pos"], 0], np.uint64))
        out = d.poison(64 * 20, dtype="uint8")
        d.k.bernoulli(out, state)
        equal(out, np.unpackbits(philox.random_raw(20).view(np.uint8)))
        d.k.advance(state, 20)
        s = philox.state
        equal(state, np.array([*s["state"]["counter"], *s["state"]["key"], s["buffer_pos"], 0], np.uint64))


def test_end_step(d):
    generators = [at(3), at(0, 1)]
    states = d.put(np.array([state_of(g) for g in generators]))
    draws = d.put(np.array([[5, 0], [2, 7]], np.int64))
    clock, numbers = d.put(np.array([0, 0], np.int64)), d.put(np.array([0.1, 0.5, 9.0]))
    decay, ramp = optim.ExponentialDecay(0.1, 1.5, 0.03), optim.LinearRamp(0.5, 0.7, 2)
    for t in range(1, 9):
        d.k.end_step(clock, numbers, states, draws, 33, decay, ramp, minibatches=2, per_epoch=5)
        generators[0].bernoulli(0.5, 64 * 5)
        generators[1].bernoulli(0.5, 64 * 2)
        generators[1].uniform(0, 1, 7)
        equal(states, np.array([state_of(g) for g in generators]))
        equal(clock, [t, 33 * t])
        np.testing.assert_allclose(numbers.get(), [decay(t), ramp(2 * t // 5), 9], rtol=1e-14)
    d.k.end_step(clock, numbers, states, draws)
    equal(clock, [9, 33 * 8])
    np.testing.assert_allclose(numbers.get(), [0.03, 0.7, 9], rtol=1e-14)


# -------------------------------------------------------------------------------------------------------- data.cu


@shapes
def test_gather(d, shape):
    m, n = shape
    data, order, mask = d.normal(50, n), d.rng.integers(0, 50, m + 20).astype("int32"), d.mask(m, n)
    on_device = d.put(data), d.put(order), d.put(np.array([7], np.int64))
    out = d.poison(m, n)
    d.k.gather(out, *on_device)
    equal(out, data[order[7 : 7 + m]])
    out = d.poison(m, n)
    d.k.gather(out, *on_device, d.put(mask), 1.25)
    equal(out, F.masked_dropout(data[order[7 : 7 + m]], mask, 0.2))


def test_gather_gives_nan_where_there_is_no_such_row(d):
    data, none = d.normal(4, 3), np.full(3, np.nan, "f")
    order = d.put(np.array([1, 1, 2, 4, -1, 0, 1], "int32"))[2:6]  # what is before and behind it would be good rows
    out = d.put(np.zeros((5, 3), "f"))
    d.k.gather(out, d.put(data), order, d.put(np.array([0], np.int64)))
    equal(out, np.stack([data[2], none, none, data[0], none]))
    d.k.gather(out, d.put(data), order, d.put(np.array([-2], np.int64)))
    equal(out, np.stack([none, none, data[2], none, none]))


@pytest.mark.parametrize("n", COUNTS)
def test_dropout(d, n):
    x, mask = d.normal(n), d.mask(n)
    out = d.poison(n)
    d.k.dropout(d.put(x), d.put(mask), 1 / (1 - 0.3), out)
    equal(out, F.masked_dropout(x, mask, 0.3))
    own = d.put(x)
    d.k.dropout(own, d.put(mask.astype(bool)), 1 / (1 - 0.3), own)
    equal(own, F.masked_dropout(x, mask, 0.3))


@shapes
def test_scale_rows(d, shape):
    m, n = shape
    u, s = d.normal(m, n), d.normal(m, 1)
    out, db = d.put(u), d.poison(n)
    d.k.scale_rows(out, d.put(s), db)
    equal(out, u * s)
    close(db, (u.astype("d") * s).sum(0), times=m**0.5)
    out = d.put(u)
    d.k.scale_rows(out, d.put(s))
    equal(out, u * s)


# ------------------------------------------------------------------------------------------------------ affine.cu

ACTIVATIONS = {
    "identity": lambda x: x + 0,
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "softplus": F.softplus,
}
activations = pytest.mark.parametrize("name", ACTIVATIONS)


@activations
@pytest.mark.parametrize("shape", SIZES[:5], ids=str)
def test_activations_and_their_derivatives(d, name, shape):
    m, n = shape
    x, bias, g, mask, rows = d.normal(m, n) * 4, d.normal(n), d.normal(m, n), d.mask(m, n), d.normal(m, 1)
    wanted, (dx,) = gradient(lambda x: ACTIVATIONS[name](x + bias), g, x)
    y, dropped = d.put(x), d.poison(m, n)
    d.k.bias_activation(y, d.put(bias), name, slope=0.2)
    close(y, wanted)
    y = d.put(x)
    d.k.bias_activation(y, d.put(bias), name, 0.2, d.put(mask), 2.0, dropped)
    close(y, wanted)
    close(dropped, wanted * mask * 2)

    own, db = d.put(g), d.poison(n)
    d.k.activation_backward(own, y, name, db, slope=0.2)
    close(own, dx, times=4)
    close(db, dx.sum(0), times=4 * m**0.5)
    own, db, factor = d.put(g), d.poison(n), mask * 2.0 * rows
    d.k.activation_backward(own, y, name, db, 0.2, d.put(mask), 2.0, d.put(rows))
    close(own, dx * factor, times=8)
    close(db, (dx * factor).sum(0), times=8 * m**0.5)
    own = d.put(g)
    d.k.activation_backward(own, y, name, slope=0.2)
    close(own, dx, times=4)


@activations
def test_activations_far_out_and_not_finite(d, name):
    x = np.array([[-np.inf, -1e30, -200, -20, -0.0, 0, 20, 200, 1e30, np.inf, np.nan]], "f")
    y, inputs = d.put(x), Tensor(x, requires_grad=True)
    d.k.bias_activation(y, d.put(np.zeros(11, "f")), name, slope=0.2)
    wanted = ACTIVATIONS[name](inputs)
    np.testing.assert_allclose(y.get(), wanted.data, rtol=1e-6, atol=1e-30)
    g = d.put(np.full((1, 11), 3, "f"))
    d.k.activation_backward(g, y, name, slope=0.2)
    (dx,) = gradients(wanted, [inputs], np.full((1, 11), 3, "f"))
    np.testing.assert_allclose(g.get()[:, :-1], dx.data[:, :-1], rtol=1e-5, atol=1e-30)


def test_an_infinite_gradient_does_not_pass_where_nothing_passes(d):
    g = d.put(np.array([[np.inf, np.inf]], "f"))
    d.k.activation_backward(g, d.put(np.array([[0, 1]], "f")), "relu")
    equal(g, [[0, np.inf]])


@shapes
def test_head(d, shape):
    m, n = shape
    h, w, b, da = d.normal(m, n), d.normal(1, n), d.normal(1), d.normal(m, 1)
    wanted, (dh, dw, db) = gradient(F.linear, da, h, w, b)
    a = d.poison(m, 1)
    d.k.head(d.put(h), d.put(w), d.put(b), a)
    close(a, wanted, times=n**0.5)
    for wants_dh, wants_dw in ((True, True), (True, False), (False, True)):
        out = [d.poison(m, n) if wants_dh else None, *([d.poison(1, n), d.poison(1)] if wants_dw else [None, None])]
        d.k.head_backward(d.put(h), d.put(w), d.put(da), *out)
        for x, y in zip(out, (dh, dw, db), strict=True):
            if x is not None:
                close(x, y, times=m**0.5)


# ------------------------------------------------------------------------------------------------------ maxout.cu


@pytest.mark.parametrize("pieces", [1, 2, 5])
@pytest.mark.parametrize("shape", SIZES[:6], ids=str)
def test_maxout_and_its_derivative(d, shape, pieces):
    m, n = shape
    a, bias, g, mask, rows = d.normal(m, n * pieces), d.normal(n * pieces), d.normal(m, n), d.mask(m, n), d.normal(m)
    wanted, (da,) = gradient(lambda a: F.maxout(a + bias, pieces), g, a)
    winners = (a + bias).reshape(m, n, pieces).argmax(-1)
    y, winner = d.poison(m, n), d.poison(m, n, dtype="uint8")
    d.k.bias_maxout(d.put(a), d.put(bias), y, winner)
    close(y, wanted)
    equal(winner, winners)
    y, again = d.poison(m, n), d.poison(m, n, dtype="uint8")
    d.k.bias_maxout(d.put(a), d.put(bias), y, again, d.put(mask), 2.0)
    close(y, wanted * mask * 2)
    equal(again, winners)

    out, db = d.poison(m, n * pieces), d.poison(n * pieces)
    d.k.maxout_backward(d.put(g), winner, out, db)
    equal(out, da.astype("f"))
    close(db, da.sum(0), times=m**0.5)
    out, db, factor = d.poison(m, n * pieces), d.poison(n * pieces), np.repeat(mask * 2.0, pieces, 1)
    d.k.maxout_backward(d.put(g), winner, out, db, d.put(mask), 2.0, d.put(rows))
    equal(out, (da * factor).astype("f"))
    close(db, (da * factor * rows[:, None]).sum(0), times=2 * m**0.5)
    out = d.poison(m, n * pieces)
    d.k.maxout_backward(d.put(g[0]), winner, out)  # one row for all
    _, (da,) = gradient(lambda a: F.maxout(a + bias, pieces), np.broadcast_to(g[0], (m, n)), a)
    equal(out, da.astype("f"))


def test_maxout_takes_the_first_of_equal_pieces_and_keeps_nan(d):
    a = np.array([[1, 2, 2, 3, 3, 3, np.nan, 1, 1, 1, np.nan, 5]], "f")
    y, winner = d.poison(1, 4), d.poison(1, 4, dtype="uint8")
    d.k.bias_maxout(d.put(a), d.put(np.zeros(12, "f")), y, winner)
    equal(y, F.maxout(Tensor(a), 3).data)
    equal(winner, [[1, 0, 0, 1]])


# ------------------------------------------------------------------------------------------------------ losses.cu


@pytest.mark.parametrize("kind", ["minimax", "non_saturating"])
@pytest.mark.parametrize("m", [1, 31, 100, 1200])
def test_the_papers_losses(d, m, kind):
    from gan.objectives import GENERATOR_LOSSES, discriminator_loss

    real, fake = d.normal(m, 1) * 5, d.normal(m, 1) * 5
    d_loss, (da_real, da_fake) = gradient(lambda a, b: discriminator_loss(a, b, 0.5), 1, real, fake)
    g_loss, (dg_fake,) = gradient(GENERATOR_LOSSES[kind], 1, fake)
    means = [1 / (1 + np.exp(-a.astype("d"))) for a in (real, fake)]
    sums = d.put(np.array([1.0, 2, 3, 4]))
    out = [d.poison(m, 1) for _ in range(3)]
    d.k.gan_losses(d.put(real), d.put(fake), 0.5, kind, *out, sums)
    for x, y in zip(out, (da_real, da_fake, dg_fake), strict=True):
        np.testing.assert_allclose(x.get(), y, rtol=1e-5, atol=1e-12)
    added = np.array([d_loss, g_loss, means[0].mean(), means[1].mean()])
    close(sums.get() - [1, 2, 3, 4], added, times=4)

    apart, parts = [d.poison(m, 1) for _ in range(3)], d.put(np.zeros(4))
    d.k.gan_losses(d.put(real), d.put(fake), 0.5, kind, *apart[:2], None, parts)
    close(parts, added * [1, 0, 1, 1], times=4)
    d.k.gan_losses(None, d.put(fake), 0.5, kind, dg_fake=apart[2], sums=parts)
    close(parts, added, times=4)
    for x, y in zip(apart, out, strict=True):
        equal(x, y.get())
    d.k.gan_losses(d.put(real), d.put(fake), 0.5, kind, *apart)  # no sums


def test_losses_of_logits_far_out(d):
    a = np.array([-1e30, -200, 200, 1e30], "f")
    out, sums = [d.poison(4) for _ in range(3)], d.put(np.zeros(4))
    d.k.gan_losses(d.put(a), d.put(a), 1.0, "non_saturating", *out, sums)
    assert all(np.isfinite(x.get()).all() for x in (*out, sums))
    a[0] = np.nan
    d.k.gan_losses(d.put(a), d.put(a), 1.0, "minimax", *out, sums)
    assert np.isnan(sums.get()).all()


@pytest.mark.parametrize("n", [*COUNTS, 70_001])
@pytest.mark.parametrize("name", ["bce_with_logits", "mse"])
def test_losses_with_their_gradients(d, name, n):
    f = {"bce_with_logits": F.binary_cross_entropy_with_logits, "mse": F.mse_loss}[name]
    a, t = d.normal(n) * 3, d.rng.uniform(size=n).astype("f")
    wanted, (da,) = gradient(lambda a: f(a, t.astype("d")), 1, a)
    grad, loss = d.poison(n), d.poison(1)
    for _ in range(2):  # the second launch finds its tickets at 0 again
        getattr(d.k, name)(d.put(a), d.put(t), 1 / n, grad, loss)
        np.testing.assert_allclose(grad.get(), da, rtol=1e-5, atol=1e-6 / n)
        np.testing.assert_allclose(loss.get(), wanted, rtol=1e-6)


# ------------------------------------------------------------------------------------------------------ update.cu


def moved(optimizer, p, gradients_):
    """The parameter after each step of the plain optimiser."""
    for g in gradients_:
        optimizer.step([Tensor(g)])
        yield p.data.copy(), dict(optimizer.state[0])


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("offset", [0, 1])
def test_momentum_to_the_bit(d, n, offset):
    """Aligned to four elements, and not."""
    p, steps = Tensor(d.normal(n), requires_grad=True), [d.normal(n) for _ in range(3)]
    flat, v = d.put(np.r_[np.zeros(offset, "f"), p.data]), d.put(np.zeros(n + offset, "f"))
    numbers = d.put(np.array([0.1, 0.7]))
    for (wanted, state), g in zip(moved(optim.Pylearn2Momentum([p], 0.1, 0.7), p, steps), steps, strict=True):
        d.k.momentum(flat[offset:], v[offset:], d.put(np.r_[np.zeros(offset, "f"), g])[offset:], numbers)
        equal(flat[offset:], wanted)
        equal(v[offset:], state["velocity"])


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0.0},
        {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.02},
        {"momentum": 0.9, "nesterov": True, "maximize": True, "weight_decay": 0.02},
    ],
    ids=str,
)
@pytest.mark.parametrize("n", [1, 33, 1200])
def test_sgd_to_the_bit(d, n, settings):
    p, steps = Tensor(d.normal(n), requires_grad=True), [d.normal(n) for _ in range(3)]
    flat, v, share = d.put(p.data), d.put(np.zeros(n, "f")), 1.0
    for (wanted, _), g in zip(moved(optim.SGD([p], 0.1, **settings), p, steps), steps, strict=True):
        sign = -1.0 if settings.get("maximize") else 1.0
        numbers = [0.1, settings["momentum"], share, settings.get("weight_decay", 0), sign]
        d.k.sgd(flat, v, d.put(g), d.put(np.array(numbers)), settings.get("nesterov", False))
        share = 1 - settings.get("dampening", 0) if settings["momentum"] else 1.0
        equal(flat, wanted)


@pytest.mark.parametrize("settings", [{}, {"weight_decay": 0.02, "maximize": True, "betas": (0.5, 0.9)}], ids=str)
@pytest.mark.parametrize("n", [1, 33, 1203])
def test_adam_to_the_bit(d, n, settings):
    p, steps = Tensor(d.normal(n), requires_grad=True), [d.normal(n) for _ in range(4)]
    flat, m, v, clock = d.put(p.data), d.put(np.zeros(n, "f")), d.put(np.zeros(n, "f")), d.put(np.zeros(2, "uint32"))
    betas, sign = settings.get("betas", (0.9, 0.999)), -1.0 if settings.get("maximize") else 1.0
    numbers = d.put(np.array([0.01, *betas, 1e-8, settings.get("weight_decay", 0), sign]))
    for (wanted, state), g in zip(moved(optim.Adam([p], 0.01, **settings), p, steps), steps, strict=True):
        d.k.adam(flat, m, v, d.put(g), numbers, clock)
        equal(flat, wanted)
        equal(m, state["exp_avg"])
        equal(v, state["exp_avg_sq"])
        equal(clock, [state["step"], 0])


def limited(w, limit):
    w = w.astype("d")
    norms = np.sqrt((w * w).sum(1, keepdims=True))
    return w * (np.minimum(norms, limit) / (1e-7 + norms))


@shapes
def test_max_norm(d, shape):
    w = d.normal(*shape)
    w[0] = 0
    limit = 0.9 * np.sqrt(shape[1])
    out = d.put(w)
    d.k.max_norm(out, limit)
    close(out, limited(w, limit))


def test_max_norm_is_that_of_the_paper(d):
    from gan.networks import limit_norms
    from minigrad import nn

    layer = nn.Linear(33, 31)
    out = d.put(layer.weight.data)
    limit_norms(layer, 0.5)
    d.k.max_norm(out, 0.5)
    close(out, layer.weight.data)


def test_momentum_and_max_norm_in_one_pass(d):
    w, b, g, v = d.normal(31, 133), d.normal(31) * 100, d.normal(32 * 133 - 102), d.normal(32 * 133 - 102)
    numbers = d.put(np.array([0.1, 0.7]))
    p, velocity = np.r_[w.reshape(-1), b], v.copy()
    velocity *= np.float32(0.7)
    velocity -= np.float32(0.1) * g
    p += velocity
    p = np.r_[limited(p[: w.size].reshape(w.shape), 9.0).reshape(-1), p[w.size :]]
    segments = np.array([*((133 * i, 133, 1) for i in range(31)), (w.size, 31, 0)], np.int32)
    flat, own = d.put(np.r_[w.reshape(-1), b]), d.put(v)
    d.k.momentum_max_norm(flat, own, d.put(g), numbers, d.put(segments), 9.0)
    equal(own, velocity)
    close(flat, p)


# ------------------------------------------------------------------------------------------------- what is promised


def test_the_same_bits_in_every_order(cupy_module):
    """Sums of many chunks: blocks arrive in any order, and are added in one."""
    d, bits = Device(cupy_module), []
    g, y = d.normal(2000, 33), d.normal(2000, 33)
    for how in ("forward", "reversed", "forward"):
        with _in_order(cupy_module, how):
            db = d.poison(33)
            d.k.activation_backward(d.put(g), d.put(y), "tanh", db)
            grad, loss = d.poison(66_000), d.poison(1)
            d.k.mse(d.put(g.reshape(-1)), d.put(y.reshape(-1)), 1.0, grad, loss)
            bits.append((db.get().tobytes(), loss.get().tobytes()))
    assert bits[0] == bits[1] == bits[2]


def _in_order(cupy_module, how):
    return standin.running(how) if hasattr(cupy_module, "is_stand_in") else contextlib.nullcontext()


def test_arrays_without_elements(d):
    empty = d.poison(0)
    d.k.uniform(empty, d.put(state_of(at(0))))
    d.k.dropout(empty, d.poison(0, dtype="uint8"), 2.0, empty)
    d.k.momentum(empty, d.poison(0), d.poison(0), d.put(np.zeros(2)))
    d.k.bias_activation(d.poison(0, 3), d.poison(3), "relu")
    db = d.poison(3)
    d.k.activation_backward(d.poison(0, 3), d.poison(0, 3), "relu", db)
    equal(db, np.zeros(3))
    with pytest.raises(ValueError, match="mse of no element: a loss needs one at least"):
        d.k.mse(empty, empty, 1.0, empty, d.poison(1))


def test_refusals(d):
    y, bias = d.poison(2, 3), d.poison(3)
    for call, error, sentence in (
        (lambda: d.k.bias_activation(y, d.poison(2), "relu"), ValueError, r"bias is \(2,\), needed \(3,\)"),
        (lambda: d.k.bias_activation(y, bias, "elu"), ValueError, "activation is one of identity, relu, .* got 'elu'"),
        (lambda: d.k.bias_activation(bias, bias, "relu"), ValueError, r"y is \(3,\), needed two dimensions"),
        (lambda: d.k.bias_activation(y, bias.astype("d"), "relu"), TypeError, "bias is float64, needed float32"),
        (lambda: d.k.bias_activation(y, np.zeros(3, "f"), "relu"), TypeError, "bias is an array of NumPy, on the cpu"),
        (lambda: d.k.bias_activation(d.poison(3, 2).T, bias, "relu"), ValueError, r"y \(2, 3\) is not contiguous"),
        (lambda: d.k.bias_activation(y, bias, "relu", mask=d.poison(2, 3, dtype="uint8")), ValueError, "go together"),
        (lambda: d.k.bernoulli(y, d.put(state_of(at(0)))), TypeError, "bernoulli: out is float32, needed uint8"),
        (lambda: d.k.bernoulli(y, y, 0, 0.5), ValueError, r"state is \(2, 3\), needed \(8,\)"),
        (lambda: launch.threshold(1.5), ValueError, "a probability between 0 and 1, got p=1.5"),
        (lambda: d.k.head(y, bias, bias, d.poison(2)), ValueError, r"b is \(3,\), needed 1 elements"),
        (lambda: d.k.bias_maxout(d.poison(2, 7), d.poison(7), y, y), ValueError, "7 columns are not 1 to 256 pieces"),
        (lambda: d.k.momentum(y, y, y, d.put(np.zeros(1))), ValueError, "momentum reads 2 numbers, got 1"),
        (lambda: d.k.gan_losses(y, y, 1.0, "hinge"), ValueError, "kind is one of minimax, non_saturating"),
        (lambda: d.k.gan_losses(None, y, 1.0, "minimax", y, y), ValueError, "takes all of a_real, da_real and da_fake"),
        (lambda: d.k.head_backward(y, bias, d.poison(2), None, bias), ValueError, "dw and db go together"),
        (lambda: d.k.launch("head", (1,), (32,), h=y), TypeError, "head takes w, which is not given"),
        (lambda: d.k.launch("head", (1, 70_000), (32,)), ValueError, "they take 70,000 blocks and a grid has 65,535"),
    ):
        with pytest.raises(error, match=sentence):
            call()
