"""Algorithm 1 and the released code's update against transcriptions of the paper, by hand and in PyTorch.

Two small players train for some steps; every z, x and dropout mask that they draw is recorded. The transcriptions
start from the same weights, are fed what was drawn, and must arrive at the same weights. Then: who draws what when,
and whose derivatives are computed at all.
"""

from collections import Counter

import numpy as np
import pytest

import minigrad.optim.optimizer
from gan import algorithm
from gan import settings as presets
from gan.data import Dataset
from gan.training import Training
from minigrad import ops
from minigrad.engine import history

STEPS = 16
M, PIECES, PER_EPOCH = 6, 3, 6  # 37 examples
CASES = [  # update, k, objective, the factor of V in D's loss
    ("simultaneous", 1, "non_saturating", 0.5),  # authors
    ("simultaneous", 1, "minimax", 1.0),
    ("alternating", 1, "non_saturating", 1.0),  # paper
    ("alternating", 2, "minimax", 1.0),
    ("alternating", 3, "non_saturating", 0.5),
]


def small(update="alternating", k=1, objective="non_saturating", scale=1.0):
    """Layers of a few units, weights large enough to matter, schedules steep enough to see."""
    s = presets.make(
        "mnist",
        "paper",
        update=update,
        k=k,
        objective=objective,
        discriminator_scale=scale,
        batch_size=M,
        noise_dim=4,
        generator_layers=(8, 7),
        discriminator_layers=(5, 4),
        pieces=PIECES,
        generator_init=0.5,
        discriminator_init=0.5,
        learning_rate=0.2,
        learning_rate_decay=1.1,
        learning_rate_min=0.06,  # reached at step 13
        momentum_start=0.5,
        momentum_end=0.9,
        momentum_epochs=3,
    )
    x = np.random.default_rng(5).integers(0, 17, (37, 6)).astype(np.float32) / 16
    return Training(s, Dataset(name="small", train=x, valid=x[:1], test=x[:1], image_shape=(2, 3)))


class Recorder:
    """Everything random that a Training draws, by kind, and the order in which it happened."""

    def __init__(self, training):
        self.drawn, self.events = {"z": [], "x": [], "mask": []}, []
        game = training.game
        noise, data, bernoulli = game.noise, game.data, training.masks.bernoulli
        game.noise = lambda: self.keep("z", noise())
        game.data = (self.keep("x", x) for x in data)
        training.masks.bernoulli = lambda p, size, device: self.keep("mask", bernoulli(p, size, device))

    def keep(self, kind, array):
        self.drawn[kind].append(array.astype(np.float64))
        self.events.append(kind)
        return array


def played(case, dtype):
    """(the Training after its steps, its recorder, the weights of G and D at the start, the numbers of each step)."""
    training = small(*case)
    start = []
    for net in (training.G, training.D):
        start.append([p.data.astype(np.float64) for p in net.parameters()])
        for p in net.parameters():
            p.data = p.data.astype(dtype)
    training.minibatches.data = training.minibatches.data.astype(dtype)
    recorder = Recorder(training)
    return training, recorder, start, [training.iterate() for _ in range(STEPS)]


def transcribed(case, recorder, start, players):
    """What the paper's page does with the same numbers: weights, velocities, and (d_loss, g_loss, D(x), D(G(z)))."""
    update, k, objective, scale = case
    z, x, mask = map(iter, recorder.drawn.values())
    theta_g, theta_d = ([w.copy() for w in weights] for weights in start)
    inc_g, inc_d = ([np.zeros_like(w) for w in weights] for weights in start)
    numbers = []

    def masks():
        return [next(mask) for _ in range(3)]

    def move(theta, inc, gradient, lr, m):  # pylearn2's momentum: the rate is inside
        for w, v, g in zip(theta, inc, gradient, strict=True):
            v[...] = m * v - lr * g
            w += v

    for t in range(STEPS):
        lr = max(0.2 / 1.1**t, 0.06)  # after every minibatch (iteration)
        epoch = 1 + t * k // PER_EPOCH
        m = 0.5 + 0.4 * min(1, (epoch - 1) / 2)  # after every epoch
        if update == "alternating":
            for _ in range(k):
                zt, xt = next(z), next(x)
                of_d = players.d_step(theta_g, theta_d, zt, xt, masks(), masks(), scale)
                move(theta_d, inc_d, of_d["gradient"], lr, m)
            of_g = players.g_step(theta_g, theta_d, next(z), masks(), objective)
            move(theta_g, inc_g, of_g["gradient"], lr, m)
        else:
            zt, xt, masks_x, masks_z = next(z), next(x), masks(), masks()
            of_d = players.d_step(theta_g, theta_d, zt, xt, masks_x, masks_z, scale)
            of_g = players.g_step(theta_g, theta_d, zt, masks_z, objective)
            move(theta_d, inc_d, of_d["gradient"], lr, m)
            move(theta_g, inc_g, of_g["gradient"], lr, m)
        numbers.append([of_d["loss"], of_g["loss"], of_d["real"], of_d["fake"]])
    assert [next(stream, None) for stream in (z, x, mask)] == [None] * 3  # all that was drawn has been used
    return (theta_g, theta_d), (inc_g, inc_d), numbers


class ByHand:
    """Both networks and their backpropagation in NumPy, one line per formula."""

    @staticmethod
    def g_forward(theta, z):
        w0, b0, w1, b1, w2, b2 = theta
        a0 = z @ w0.T + b0
        h0 = np.where(a0 > 0, a0, 0)
        a1 = h0 @ w1.T + b1
        h1 = np.where(a1 > 0, a1, 0)
        return sigmoid(h1 @ w2.T + b2), (z, h0, h1)

    @staticmethod
    def g_backward(theta, y, kept, d_y):
        _, _, w1, _, w2, _ = theta
        z, h0, h1 = kept
        d2 = d_y * y * (1 - y)
        d1 = (d2 @ w2) * (h1 > 0)
        d0 = (d1 @ w1) * (h0 > 0)
        return [d0.T @ z, d0.sum(0), d1.T @ h0, d1.sum(0), d2.T @ h1, d2.sum(0)]

    @staticmethod
    def d_forward(theta, x, masks):
        w0, b0, w1, b1, w2, b2 = theta
        x0 = x * masks[0] / 0.8
        h0, hot0 = maxout(x0 @ w0.T + b0)
        x1 = h0 * masks[1] / 0.5
        h1, hot1 = maxout(x1 @ w1.T + b1)
        x2 = h1 * masks[2] / 0.5
        return x2 @ w2.T + b2, (x0, x1, x2, hot0, hot1, masks)

    @staticmethod
    def d_backward(theta, kept, d_a):
        """(the gradients of the weights, the gradient of x)."""
        w0, _, w1, _, w2, _ = theta
        x0, x1, x2, hot0, hot1, masks = kept
        d_h1 = (d_a @ w2) * masks[2] / 0.5
        d1 = (hot1 * d_h1[:, :, None]).reshape(len(d_a), -1)
        d_h0 = (d1 @ w1) * masks[1] / 0.5
        d0 = (hot0 * d_h0[:, :, None]).reshape(len(d_a), -1)
        d_x = (d0 @ w0) * masks[0] / 0.8
        return [d0.T @ x0, d0.sum(0), d1.T @ x1, d1.sum(0), d_a.T @ x2, d_a.sum(0)], d_x

    def d_step(self, theta_g, theta_d, z, x, masks_x, masks_z, scale):
        fake, _ = self.g_forward(theta_g, z)
        a_real, kept_real = self.d_forward(theta_d, x, masks_x)
        a_fake, kept_fake = self.d_forward(theta_d, fake, masks_z)
        real, fake = sigmoid(a_real), sigmoid(a_fake)
        of_real, _ = self.d_backward(theta_d, kept_real, -scale * (1 - real) / M)
        of_fake, _ = self.d_backward(theta_d, kept_fake, scale * fake / M)
        return {
            "loss": -scale * (np.log(real).mean() + np.log(1 - fake).mean()),
            "gradient": [r + f for r, f in zip(of_real, of_fake, strict=True)],
            "real": real.mean(),
            "fake": fake.mean(),
        }

    def g_step(self, theta_g, theta_d, z, masks, objective):
        y, kept_g = self.g_forward(theta_g, z)
        a, kept_d = self.d_forward(theta_d, y, masks)
        p = sigmoid(a)
        if objective == "minimax":
            loss, d_a = np.log(1 - p).mean(), -p / M
        else:
            loss, d_a = -np.log(p).mean(), -(1 - p) / M
        _, d_y = self.d_backward(theta_d, kept_d, d_a)
        return {"loss": loss, "gradient": self.g_backward(theta_g, y, kept_g, d_y)}


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def maxout(a):
    """(the largest piece of each unit, a dense one-hot of which it was)."""
    a = a.reshape(len(a), -1, PIECES)
    hot = np.eye(PIECES)[a.argmax(axis=2)]
    return (a * hot).sum(axis=2), hot


class InPyTorch:
    """The same losses by PyTorch's functions, their gradients by its autograd."""

    def __init__(self, torch):
        self.torch, self.F = torch, torch.nn.functional

    def leaves(self, theta):
        return [self.torch.tensor(w, requires_grad=True) for w in theta]

    def G(self, theta, z):
        w0, b0, w1, b1, w2, b2 = theta
        h = self.F.relu(self.F.linear(self.torch.tensor(z), w0, b0))
        return self.torch.sigmoid(self.F.linear(self.F.relu(self.F.linear(h, w1, b1)), w2, b2))

    def D(self, theta, x, masks):
        first, second, third = (self.torch.tensor(m) for m in masks)
        w0, b0, w1, b1, w2, b2 = theta
        h = self.F.linear(x * first / 0.8, w0, b0).unflatten(1, (-1, PIECES)).max(dim=2).values
        h = self.F.linear(h * second * 2, w1, b1).unflatten(1, (-1, PIECES)).max(dim=2).values
        return self.F.linear(h * third * 2, w2, b2)

    def bce(self, a, target):
        return self.F.binary_cross_entropy_with_logits(a, self.torch.full_like(a, target))

    def result(self, loss, wrt, **verdicts):
        gradient = [g.numpy() for g in self.torch.autograd.grad(loss, wrt)]
        means = {name: self.torch.sigmoid(a).mean().item() for name, a in verdicts.items()}
        return {"loss": loss.item(), "gradient": gradient, **means}

    def d_step(self, theta_g, theta_d, z, x, masks_x, masks_z, scale):
        of_d = self.leaves(theta_d)
        a_real = self.D(of_d, self.torch.tensor(x), masks_x)
        a_fake = self.D(of_d, self.G(self.leaves(theta_g), z).detach(), masks_z)
        loss = scale * (self.bce(a_real, 1.0) + self.bce(a_fake, 0.0))
        return self.result(loss, of_d, real=a_real, fake=a_fake)

    def g_step(self, theta_g, theta_d, z, masks, objective):
        of_g = self.leaves(theta_g)
        a = self.D(self.leaves(theta_d), self.G(of_g, z), masks)
        loss = -self.bce(a, 0.0) if objective == "minimax" else self.bce(a, 1.0)
        return self.result(loss, of_g)


def assert_same_game(case, dtype, players):
    training, recorder, start, numbers = played(case, dtype)
    theta, inc, expected = transcribed(case, recorder, start, players)
    tolerance = 1e-5 if dtype is np.float32 else 1e-10
    for net, optimizer, weights, before, velocities in zip(
        (training.G, training.D), training.optimizers, theta, start, inc, strict=True
    ):
        for i, p in enumerate(net.parameters()):
            assert p.dtype == dtype
            assert_close(p.data, weights[i], tolerance)
            assert_close(optimizer.state[i]["velocity"], velocities[i], 10 * tolerance)  # small numbers, same rounding
            assert np.abs(weights[i] - before[i]).max() > 1e-3  # it did move
    for now, then in zip(numbers, expected, strict=True):
        assert list(now.values()) == pytest.approx(then, rel=tolerance)


def assert_close(array, expected, tolerance):
    assert np.abs(array - expected).max() <= tolerance * np.abs(expected).max()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_transcription_by_hand(case, dtype):
    assert_same_game(case, dtype, ByHand())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_transcription_in_pytorch(case, dtype, torch):
    assert_same_game(case, dtype, InPyTorch(torch))


# ------------------------------------------------------------------------------------------- who does what when


def before_each_walk(monkeypatch, tell):
    """Call ``tell(loss, wrt)`` before each backward pass, whoever asks for it."""
    for module in (algorithm, minigrad.optim.optimizer):

        def walk(loss, wrt, plain=module.gradients, **settings):
            tell(loss, wrt)
            return plain(loss, wrt, **settings)

        monkeypatch.setattr(module, "gradients", walk)


@pytest.fixture
def watched(monkeypatch):
    """Play one iteration of a case: (the Training, its Recorder with more events, the Losses)."""

    def play(update, k=1):
        training = small(update, k)
        recorder, game = Recorder(training), training.game
        recorder.leaves = []  # of each loss that is derived
        players = {id(game.optimizer_G): ("G", training.D), id(game.optimizer_D): ("D", training.G)}
        for optimizer in training.optimizers:
            name, other = players[id(optimizer)]

            def step(gradient, plain=optimizer.step, name=name, other=other):
                before = other.state_dict()
                plain(gradient)
                assert all(np.array_equal(before[k], v) for k, v in other.state_dict().items())  # the other stays
                recorder.events.append(f"{name} moves")

            monkeypatch.setattr(optimizer, "step", step)
        owner = {id(o.parameters()[0]): players[id(o)][0] for o in training.optimizers}

        def tell(loss, wrt):
            recorder.events.append(f"gradient of {owner[id(wrt[0])]}")
            recorder.leaves.append({id(t) for t in history([loss]) if t.is_leaf})

        before_each_walk(monkeypatch, tell)
        losses = algorithm.simultaneous(game) if update == "simultaneous" else algorithm.alternating(game, k)
        return training, recorder, losses

    return play


def turns(events):
    """What was drawn before each event of another kind: [({"z": 1, ...}, "D moves"), ...]."""
    out, drawn = [], Counter()
    for event in events:
        if event in ("z", "x", "mask"):
            drawn[event] += 1
        else:
            out.append((dict(drawn), event))
            drawn.clear()
    return out


@pytest.mark.parametrize("k", [1, 2, 3])
def test_alternating_k_updates_of_D_then_one_of_G_each_with_draws_of_its_own(watched, k):
    _, recorder, _ = watched("alternating", k)
    of_d = [({"z": 1, "x": 1, "mask": 6}, "gradient of D"), ({}, "D moves")]
    of_g = [({"z": 1, "mask": 3}, "gradient of G"), ({}, "G moves")]
    assert turns(recorder.events) == of_d * k + of_g
    for arrays in recorder.drawn.values():
        assert len({a.tobytes() for a in arrays}) == len(arrays)


def test_simultaneous_both_gradients_from_one_set_of_draws_before_anyone_moves(watched):
    _, recorder, losses = watched("simultaneous")
    assert turns(recorder.events) == [
        ({"z": 1, "x": 1, "mask": 6}, "gradient of D"),
        ({}, "gradient of G"),
        ({}, "G moves"),
        ({}, "D moves"),
    ]
    assert losses.g_loss.item() == ops.softplus(-losses.a_fake.data).mean()  # from the logits that D learned from


def test_G_is_not_recorded_while_D_learns(watched):
    training, recorder, _ = watched("alternating", 2)
    of_d, of_g = ({id(p) for p in net.parameters()} for net in (training.D, training.G))
    assert recorder.leaves == [of_d, of_d, of_d | of_g]


@pytest.mark.parametrize("update", ["alternating", "simultaneous"])
def test_nobody_computes_derivatives_for_the_other_player(watched, monkeypatch, update):
    """Count the calls of the rules of `linear`: 0 of its input, 1 of its weight, 2 of its bias, by shape of weight."""
    calls, phase = Counter(), []

    def counted(i, rule):
        def count(g, out, x, weight, bias):
            calls[phase[-1], i, weight.shape] += 1
            return rule(g, out, x, weight, bias)

        return count

    monkeypatch.setattr(ops.linear, "rules", tuple(counted(i, rule) for i, rule in enumerate(ops.linear.rules)))
    before_each_walk(monkeypatch, lambda loss, wrt: phase.append(len(phase)))
    training, recorder, _ = watched(update)
    assert [e for e in recorder.events if e.startswith("gradient")] == ["gradient of D", "gradient of G"]
    shapes = {
        name: [p.shape for p in net.parameters() if p.ndim == 2]
        for name, net in zip("GD", (training.G, training.D), strict=True)
    }
    assert not set(shapes["G"]) & set(shapes["D"])
    expected = Counter()
    for shape in shapes["D"]:
        expected[0, 1, shape] = expected[0, 2, shape] = 2  # of data and of samples
        expected[0, 0, shape] = 0 if shape == shapes["D"][0] else 2  # nothing is wanted of what D sees
        expected[1, 0, shape] = 1  # G's gradient passes through D, and stops at none of its weights
    for shape in shapes["G"]:
        expected[1, 1, shape] = expected[1, 2, shape] = 1
        expected[1, 0, shape] = 0 if shape == shapes["G"][0] else 1  # nor of z
    assert calls == expected


@pytest.mark.parametrize("update", ["alternating", "simultaneous"])
def test_nothing_is_left_in_grad(watched, update):
    training, _, _ = watched(update)
    assert all(p.grad is None for net in (training.G, training.D) for p in net.parameters())
