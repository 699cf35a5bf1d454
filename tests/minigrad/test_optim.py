"""Optimisers against PyTorch's and a transcription of pylearn2's; schedules against the paper's landmarks."""

import copy
import itertools
import json
import math
import os

import numpy as np
import pytest

from minigrad import Tensor, gradients, nn
from minigrad.optim import SGD, Adam, ExponentialDecay, LinearRamp, Pylearn2Momentum, Scheduler

if os.environ.get("CI") == "true":  # where the oracle must not be missing unseen
    import torch
else:
    torch = pytest.importorskip("torch", reason="the oracle, of the extra [test]")

TOLERANCE = {"float64": {"rtol": 1e-12, "atol": 1e-12}, "float32": {"rtol": 1e-4, "atol": 1e-5}}
SHAPES = (3, 4), (5,), ()  # the last is a NumPy scalar inside
STEPS = 30
dtypes = pytest.mark.parametrize("dtype", TOLERANCE)


def start(dtype="float64"):
    rng = np.random.default_rng(0)
    return [np.asarray(rng.normal(size=shape), dtype) for shape in SHAPES]


def parameters(dtype="float64"):
    return [nn.Parameter(p) for p in start(dtype)]


def slope(p, t, i):
    """A gradient for parameter i at step t that depends on where the parameter is."""
    return np.asarray(np.cos(p * (1 + i) + 0.3 * t) + 0.1 * p, p.dtype)


def move(optimizer, t):
    """One step of either library's optimiser along ``slope``."""
    for i, p in enumerate(p for group in optimizer.param_groups for p in group["params"]):
        g = slope(p.detach().numpy(), t, i)
        p.grad = Tensor(g) if isinstance(p, Tensor) else torch.tensor(g)
    optimizer.step()


def compare(ours, theirs, dtype, during=lambda optimizer, t: None):
    """Move both for STEPS steps; equal after each."""
    for t in range(STEPS):
        for optimizer in (ours, theirs):
            during(optimizer, t)
            move(optimizer, t)
        pairs = zip(ours.param_groups, theirs.param_groups, strict=True)
        for p, q in [pq for a, b in pairs for pq in zip(a["params"], b["params"], strict=True)]:
            assert p.dtype == dtype
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), **TOLERANCE[dtype], err_msg=f"step {t}")


def both(ours, theirs, dtype, **settings):
    theirs_parameters = [torch.nn.Parameter(torch.tensor(p)) for p in start(dtype)]
    return ours(parameters(dtype), **settings), theirs(theirs_parameters, **settings)


def settings_of(**choices):
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


SGD_SETTINGS = settings_of(
    momentum=(0.0, 0.9), dampening=(0.0, 0.3), weight_decay=(0.0, 0.1), nesterov=(False, True), maximize=(False, True)
)
ADAM_SETTINGS = settings_of(
    betas=((0.9, 0.999), (0.5, 0.8)), eps=(1e-8, 0.1), weight_decay=(0.0, 0.1), maximize=(False, True)
)


def valid(s):
    return not s["nesterov"] or (s["momentum"] > 0 and s["dampening"] == 0)


# ------------------------------------------------------------------------------------ equal to PyTorch's


@dtypes
@pytest.mark.parametrize("settings", [s for s in SGD_SETTINGS if valid(s)], ids=str)
def test_sgd_equals_pytorch(settings, dtype):
    compare(*both(SGD, torch.optim.SGD, dtype, lr=0.05, **settings), dtype)


@dtypes
@pytest.mark.parametrize("settings", ADAM_SETTINGS, ids=str)
def test_adam_equals_pytorch(settings, dtype):
    compare(*both(Adam, torch.optim.Adam, dtype, lr=0.05, **settings), dtype)


@pytest.mark.parametrize(("ours", "theirs"), [(SGD, torch.optim.SGD), (Adam, torch.optim.Adam)])
def test_defaults_are_pytorchs(ours, theirs):
    a, b = both(ours, theirs, "float64")
    compare(a, b, "float64")
    assert a.defaults.items() <= b.defaults.items()


@dtypes
@pytest.mark.parametrize(
    ("ours", "theirs", "own"),
    [
        (SGD, torch.optim.SGD, {"momentum": 0.5, "nesterov": True, "lr": 0.2}),
        (Adam, torch.optim.Adam, {"betas": (0.5, 0.9), "weight_decay": 0.1}),
    ],
)
def test_groups_with_their_own_settings_changed_on_the_way(ours, theirs, own, dtype):
    def build(optimizer, ps):
        out = optimizer([{"params": ps[:1]}, {"params": iter(ps[1:2]), **own}], lr=0.05)
        out.add_param_group({"params": ps[2], "lr": 0.5})
        return out

    def during(optimizer, t):
        for group in optimizer.param_groups:
            group["lr"] *= 0.97
        if t == 12:
            optimizer.param_groups[0]["weight_decay"] = 0.2
            optimizer.param_groups[1]["maximize"] = True

    a = build(ours, parameters(dtype))
    b = build(theirs, [torch.nn.Parameter(torch.tensor(p)) for p in start(dtype)])
    compare(a, b, dtype, during)
    assert [g["lr"] for g in a.param_groups] == [g["lr"] for g in b.param_groups]


def test_momentum_switched_on_late_starts_from_the_first_gradient_then():
    def during(optimizer, t):
        optimizer.param_groups[0]["momentum"] = 0.0 if t < 5 else 0.9

    compare(*both(SGD, torch.optim.SGD, "float64", lr=0.05, dampening=0.3), "float64", during)


def test_a_parameter_without_gradient_stays_and_gathers_no_state():
    for ours, theirs in ((SGD, torch.optim.SGD), (Adam, torch.optim.Adam)):
        a, b = both(ours, theirs, "float64", lr=0.1, weight_decay=0.1)
        for t in range(5):
            for optimizer in (a, b):
                ps = optimizer.param_groups[0]["params"]
                g = slope(ps[1].detach().numpy(), t, 1)
                ps[1].grad = Tensor(g) if optimizer is a else torch.tensor(g)
                optimizer.step()
        for i, (p, q) in enumerate(zip(a.parameters(), b.param_groups[0]["params"], strict=True)):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-12)
            assert (p.detach().numpy() == start()[i]).all() == (i != 1)
        assert a.state.keys() <= {1}


# ------------------------------------------------------------------------------------------- pylearn2's


@dtypes
def test_pylearn2_momentum_is_the_written_rule(dtype):
    """inc = m inc - lr grad; theta += inc, with lr and m changing all the time."""
    ours = Pylearn2Momentum(parameters(dtype), lr=0.1)
    theta, inc = start(dtype), [np.zeros_like(p) for p in start(dtype)]
    for t in range(STEPS):
        lr, m = 0.1 / 1.1**t, 0.5 + 0.01 * t
        ours.param_groups[0].update(lr=lr, momentum=m)
        move(ours, t)
        for i, p in enumerate(ours.parameters()):
            inc[i] = m * inc[i] - lr * slope(theta[i], t, i)
            theta[i] = theta[i] + inc[i]
            assert p.dtype == dtype
            np.testing.assert_allclose(p.detach().numpy(), theta[i], **TOLERANCE[dtype])


def test_pylearn2_and_pytorch_momentum_agree_until_the_rate_changes():
    a, b = Pylearn2Momentum(parameters(), lr=0.1, momentum=0.9), SGD(parameters(), lr=0.1, momentum=0.9)

    def distance():
        return max(np.abs(p.data - q.data).max() for p, q in zip(a.parameters(), b.parameters(), strict=True))

    for t in range(20):
        move(a, t)
        move(b, t)
        assert distance() < 1e-12
    for optimizer in (a, b):
        optimizer.param_groups[0]["lr"] = 0.01
        move(optimizer, 20)
    assert distance() > 0.01


# --------------------------------------------------------------------------------------------- schedules


@pytest.mark.parametrize(
    ("epoch", "rate"), [(1, 0.09980), (50, 0.09048), (100, 0.08187), (250, 0.06065), (500, 0.03679), (1000, 0.01353)]
)
def test_learning_rate_landmarks_of_the_paper(epoch, rate):
    """After every one of 500 minibatches per epoch: max(0.1 / 1.000004^t, 1e-6)."""
    optimizer = SGD(parameters(), lr=1.0)
    scheduler = Scheduler(optimizer, lr=ExponentialDecay(0.1, 1.000004, 1e-6))
    assert optimizer.param_groups[0]["lr"] == 0.1
    scheduler.load_state_dict({"count": 500 * epoch - 1})
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(rate, abs=5.1e-6)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / 1.000004 ** (500 * epoch), rel=1e-14)


@pytest.mark.parametrize(
    ("epoch", "momentum"), [(1, 0.5), (50, 0.5394), (125, 0.5996), (249, 0.6992), (250, 0.7), (300, 0.7)]
)
def test_momentum_landmarks_of_the_paper(epoch, momentum):
    optimizer = Pylearn2Momentum(parameters(), lr=0.1)
    scheduler = Scheduler(optimizer, momentum=LinearRamp(0.5, 0.7, 249))
    for _ in range(epoch - 1):
        scheduler.step()
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(momentum, abs=5e-5)
    assert optimizer.param_groups[0]["momentum"] == pytest.approx(0.5 + 0.2 * min(1, (epoch - 1) / 249), rel=1e-14)


def test_decay_stops_at_its_minimum_for_ever():
    decay = ExponentialDecay(0.1, 1.1, 1e-6)
    assert decay(120) > 1e-6
    assert decay(121) == decay(10**4) == decay(10**9) == 1e-6
    assert ExponentialDecay(0.1, 2.0)(10**9) == 0


def test_a_scheduler_sets_all_groups_and_goes_on_from_its_state():
    a, b, c = parameters()
    optimizer = SGD([{"params": [a]}, {"params": [b, c], "lr": 7.0}], lr=5.0)
    scheduler = Scheduler(optimizer, lr=ExponentialDecay(1.0, 2.0), momentum=LinearRamp(0.0, 0.8, 4))
    seen = []
    for _ in range(6):
        assert optimizer.param_groups[0]["lr"] == optimizer.param_groups[1]["lr"]
        seen.append((optimizer.param_groups[1]["lr"], optimizer.param_groups[1]["momentum"]))
        scheduler.step()
    assert [lr for lr, _ in seen] == [1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32]
    np.testing.assert_allclose([m for _, m in seen], [0, 0.2, 0.4, 0.6, 0.8, 0.8])
    other = SGD(parameters(), lr=3.0)
    restored = Scheduler(other, lr=ExponentialDecay(1.0, 2.0))
    restored.load_state_dict(json.loads(json.dumps(scheduler.state_dict())))
    assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"] == 1 / 64
    restored.step()
    assert other.param_groups[0]["lr"] == 1 / 128


# ------------------------------------------------------------------------------------------------- state

KINDS = {
    "SGD": lambda ps: SGD(ps, lr=0.05),
    "SGD with momentum": lambda ps: SGD(ps, 0.05, 0.9, weight_decay=0.01, nesterov=True),
    "SGD with groups": lambda ps: SGD([{"params": ps[:2], "lr": 0.2, "dampening": 0.5}, {"params": ps[2]}], 0.05, 0.9),
    "Pylearn2Momentum": lambda ps: Pylearn2Momentum(ps, lr=0.05, momentum=0.9),
    "Adam": lambda ps: Adam(ps, lr=0.05, betas=(0.5, 0.9), weight_decay=0.01),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@dtypes
@kinds
def test_going_on_from_a_saved_state_is_going_on(kind, dtype):
    """Bit for bit, though the new optimiser was made with other settings and has other parameters."""
    whole = KINDS[kind](parameters(dtype))
    for t in range(7):
        move(whole, t)
    for group in whole.param_groups:
        group["lr"] *= 0.7
    saved, values = whole.state_dict(), [p.data.copy() for p in whole.parameters()]
    untouched = copy.deepcopy(saved)
    resumed = KINDS[kind]([nn.Parameter(v) for v in values])
    for group in resumed.param_groups:
        group["lr"] = 99.0
    resumed.load_state_dict(saved)
    for optimizer in (whole, resumed):
        for t in range(7, 20):
            move(optimizer, t)
    for p, q in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert p.dtype == q.dtype == dtype
        assert p.data.tobytes() == q.data.tobytes()
    np.testing.assert_equal(saved, untouched)  # a copy in both directions
    assert saved["param_groups"][-1]["params"][-1] == 2
    floats = [v for s in saved["state"].values() for v in s.values() if isinstance(v, np.ndarray)]
    assert {v.dtype.name for v in floats} <= {dtype}
    assert all(v.shape == SHAPES[i] for i, s in saved["state"].items() for v in s.values() if isinstance(v, np.ndarray))


@pytest.mark.parametrize("ours", [SGD, Adam])
def test_layout_of_the_state_is_pytorchs(ours):
    extra = {"momentum": 0.9} if ours is SGD else {}
    a, b = both(ours, getattr(torch.optim, ours.__name__), "float64", lr=0.05, **extra)
    compare(a, b, "float64")
    saved, expected = a.state_dict(), b.state_dict()
    assert saved["state"].keys() == expected["state"].keys()
    for i, state in saved["state"].items():
        assert state.keys() == expected["state"][i].keys()
        for name, value in state.items():
            np.testing.assert_allclose(value, expected["state"][i][name].numpy(), rtol=1e-11, atol=1e-12)
    assert saved["param_groups"][0].items() <= expected["param_groups"][0].items()


def test_a_state_that_does_not_fit_changes_nothing():
    optimizer = SGD([{"params": parameters()[:2]}, {"params": parameters()[2:]}], lr=0.1, momentum=0.9)
    move(optimizer, 0)
    before = optimizer.state_dict()

    def refused(sentence, **changes):
        with pytest.raises(ValueError, match=sentence):
            optimizer.load_state_dict({**optimizer.state_dict(), **changes})
        np.testing.assert_equal(optimizer.state_dict(), before)

    groups = copy.deepcopy(before["param_groups"])
    refused(r"of groups with \[2\] parameters, these have \[2, 1\]", param_groups=groups[:1])
    groups[0]["lr"], groups[1]["betas"] = 5, (0.5, 0.9)
    refused(r"the saved settings are \['betas', .* those of SGD", param_groups=groups)
    state = {0: {"momentum_buffer": np.zeros((3, 4))}, 1: {"momentum_buffer": np.zeros(4)}}
    refused(r"momentum_buffer of parameter 1 has shape \(4,\), not \(5,\)", state=state)
    refused(r"the saved state has a parameter 3; they are numbered 0 to 2", state={3: {}})
    refused(r"the saved state has a parameter '0'; they are numbered 0 to 2", state={"0": {}})


# -------------------------------------------------------------------------------------------------- steps


@kinds
def test_gradients_given_are_gradients_stored(kind):
    stored, given = KINDS[kind](parameters()), KINDS[kind](parameters())
    for t in range(5):
        move(stored, t)
        grads = [Tensor(slope(p.data, t, i)) for i, p in enumerate(given.parameters())]
        given.step(tuple(grads))
    for p, q in zip(stored.parameters(), given.parameters(), strict=True):
        assert p.data.tobytes() == q.data.tobytes()
        assert q.grad is None
    stored.zero_grad()
    assert all(p.grad is None for p in stored.parameters())


def test_gradients_given_take_precedence_and_none_moves_nothing():
    ps = parameters()
    optimizer = SGD(ps, lr=1.0)
    ps[0].grad = Tensor(np.full((3, 4), 100.0))
    optimizer.step([None, Tensor(np.ones(5)), None])
    np.testing.assert_array_equal(ps[0].data, start()[0])
    np.testing.assert_array_equal(ps[1].data, start()[1] - 1)


@dtypes
@kinds
def test_updates_are_in_place_and_leave_the_gradient_alone(kind, dtype):
    optimizer = KINDS[kind](parameters(dtype))
    optimizer.param_groups[0]["lr"] = np.float64(0.05)  # must not make the parameter float64
    move(optimizer, 0)
    others = [p.detach() for p in optimizer.parameters()]
    before = [p.data.copy() for p in optimizer.parameters()]
    move(optimizer, 1)
    for i, (p, other, old) in enumerate(zip(optimizer.parameters(), others, before, strict=True)):
        assert p.dtype == dtype
        assert p.is_leaf
        assert p.requires_grad
        assert (p.data != old).all()
        if p.shape:
            assert np.shares_memory(p.data, other.data)
        np.testing.assert_array_equal(p.grad.data, slope(old, 1, i))


@kinds
def test_a_graph_that_still_needs_the_old_value_notices(kind):
    optimizer = KINDS[kind](parameters())
    graphs = [(p * p).sum() for p in optimizer.parameters()]
    loss = sum(graphs)
    before = gradients(loss, optimizer.parameters(), retain_graph=True)
    optimizer.step(before)
    for graph in graphs:
        with pytest.raises(RuntimeError, match=r"multiply, of shape .* was changed in place after it was recorded"):
            graph.backward()
    for p in optimizer.parameters():  # a new graph is fine
        gradients((p * p).sum(), p)


@kinds
def test_it_learns(kind):
    """Least squares, from the engine's own gradients; parameters of 2, 1 and 0 dimensions."""
    w, b, c = nn.Parameter(np.zeros((1, 3))), nn.Parameter(np.zeros(1)), nn.Parameter(0.0)
    optimizer = KINDS[kind]([w, b, c])
    x = np.random.default_rng(1).normal(size=(64, 3))
    y = x @ [[1.0], [-2.0], [0.5]] + 3
    for group in optimizer.param_groups:
        if "weight_decay" in group:
            group["weight_decay"] = 0.0
    for t in range(400):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(nn.functional.linear(x, w, b) + c, Tensor(y))
        loss.backward()
        optimizer.step()
        for group in optimizer.param_groups:
            group["lr"] *= 0.995
        if t == 0:
            first = loss.item()
    assert loss.item() < 1e-3 * first
    assert c.item() == pytest.approx(3 - b.item(), abs=0.2)


# ------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("settings", [s for s in SGD_SETTINGS if not valid(s)], ids=str)
def test_nesterov_without_its_conditions_is_refused_by_both(settings):
    with pytest.raises(ValueError, match="nesterov needs momentum > 0 and dampening = 0"):
        SGD(parameters(), **settings)
    with pytest.raises(ValueError, match="Nesterov"):
        torch.optim.SGD([torch.zeros(1)], **settings)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda p: SGD([]), ValueError, "the optimizer got no parameters"),
        (lambda p: SGD(iter(())), ValueError, "the optimizer got no parameters"),
        (lambda p: SGD(p[0]), TypeError, r"a list of Tensors, got one of shape \(3, 4\): write \[tensor\]"),
        (lambda p: SGD([p[0].data]), TypeError, "an optimizer moves leaf Tensors, got ndarray"),
        (lambda p: SGD([p[0] * 2]), TypeError, "an optimizer moves leaf Tensors"),
        (lambda p: SGD([*p, p[0]]), ValueError, r"a parameter of shape \(3, 4\) is given twice"),
        (lambda p: SGD([{"params": p}, {"params": p[2]}]), ValueError, r"a parameter of shape \(\) is given twice"),
        (lambda p: SGD([{"params": p, "rate": 1}]), ValueError, "SGD has no setting rate"),
        (lambda p: SGD(p, lr=-1), ValueError, "SGD: lr must not be negative, got -1"),
        (lambda p: SGD([{"params": p, "momentum": -1}]), ValueError, "SGD: momentum must not be negative, got -1"),
        (lambda p: Adam(p, eps=-1), ValueError, "Adam: eps must not be negative, got -1"),
        (lambda p: Adam(p, weight_decay=-1), ValueError, "Adam: weight_decay must not be negative, got -1"),
        (lambda p: Adam(p, betas=(0.9, 1.0)), ValueError, r"Adam: betas lie in \[0, 1\), got \(0.9, 1.0\)"),
        (lambda p: Pylearn2Momentum(p, lr=-1), ValueError, "Pylearn2Momentum: lr must not be negative, got -1"),
        (lambda p: SGD(p).step([None]), ValueError, "step got 1 gradients for 3 parameters"),
        (
            lambda p: SGD(p).step([None, Tensor(np.ones(4)), None]),
            ValueError,
            r"the gradient of parameter 1 has shape \(4,\), the parameter \(5,\)",
        ),
        (
            lambda p: SGD(p).step([None, np.ones(5), None]),
            TypeError,
            "the gradient of parameter 1 is a ndarray, not a Tensor",
        ),
        (lambda p: Scheduler(SGD(p), betas=lambda t: t), ValueError, "SGD has no setting betas to schedule"),
        (lambda p: LinearRamp(0.5, 0.7, 0), ValueError, "LinearRamp needs at least one step .* got 0"),
    ],
)
def test_bad_input_gets_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call(parameters())


def test_a_group_overrides_a_setting_for_itself_alone():
    a, b, _ = parameters()
    optimizer = SGD([{"params": a, "lr": 1.0}, {"params": [b]}], lr=math.pi)
    assert [g["lr"] for g in optimizer.param_groups] == [1.0, math.pi]
    assert [p.shape for p in optimizer.parameters()] == [(3, 4), (5,)]
